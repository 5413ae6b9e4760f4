//! A story that came out wrong, told again with less happening in it.

use super::{Account, draw::Script, tell};
use crate::world::World;

/// How often all shorter versions are told.
const ROUNDS: usize = 4;

/// The shortest version found that still comes out wrong: in each round every event is left out once.
pub async fn shortest(world: &World, mut failure: Account) -> Account {
    for round in 0..ROUNDS {
        let shorter = without_each(&failure.script);
        let told = tell(world, &shorter, &format!("shorter-{round}")).await;
        let Some(found) = told.failures.into_iter().next() else { return failure };
        let number = failure.script.number;
        failure = Account { script: Script { number, ..found.script }, ..found };
    }
    failure
}

/// The versions with one event less, each with a number of its own.
fn without_each(script: &Script) -> Vec<Script> {
    let without = |position: usize| {
        let mut shorter = script.clone();
        shorter.beats.remove(position);
        shorter.number = position;
        shorter
    };
    (0..script.beats.len()).map(without).collect()
}
