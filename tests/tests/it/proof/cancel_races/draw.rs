//! Races drawn by chance from a seed: which step, at which moment of it, who cancels and how.

use domain::Step;
use rand::{RngExt, SeedableRng, rngs::StdRng};

/// Every step that a cancel can race with. `follow` only shows.
const STEPS: [Step; 12] = [
    Step::Gate,
    Step::ReadOrder,
    Step::Reserve,
    Step::LookInShop,
    Step::HandOver,
    Step::RecordParcel,
    Step::TellShop,
    Step::Recall,
    Step::Release,
    Step::CancelInShop,
    Step::RefundInShop,
    Step::RecordCancelled,
];

/// When the cancel comes, seen from the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// What leads to the step has been said; it may or may not have begun.
    Before,
    /// It is being done, and has had no effect yet.
    UnderWay,
    /// It has had its effect, and nobody here knows.
    DoneUnheard,
    /// It is done and known.
    After,
}

/// How somebody cancels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// An operator, by the signal.
    Signal,
    /// Somebody, through our API.
    Api,
    /// The shop, by its webhook.
    Shop,
}

/// How the warehouse works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warehouse {
    /// Ships when everything has come to rest, and stops what it is asked to stop.
    Waits,
    /// The same, and stops nothing.
    CannotStop,
    /// Ships a moment after it was asked to, and stops what has not left.
    Ships,
}

/// A cancel, and how long after the moment it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancel {
    /// How.
    pub how: How,
    /// How long after.
    pub pause_ms: u64,
}

/// One order and who cancels it when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Race {
    /// Which of the run it is.
    pub number: usize,
    /// The step.
    pub step: Step,
    /// The moment of it.
    pub moment: Moment,
    /// Whether the other side of a call takes its effect and drops the connection, or answers too late.
    pub drops: bool,
    /// The warehouse.
    pub warehouse: Warehouse,
    /// Those who cancel.
    pub cancels: Vec<Cancel>,
    /// How long the step is held up from the moment on.
    pub held_ms: u64,
}

/// A race from a seed. The steps come in turn, so that few races meet them all.
pub fn race(seed: u64, number: usize) -> Race {
    let mut chance = StdRng::seed_from_u64(seed.wrapping_mul(1_000_003).wrapping_add(number as u64));
    let step = STEPS[number % STEPS.len()];
    let moments = [Moment::Before, Moment::UnderWay, Moment::DoneUnheard, Moment::After];
    let moment = one_of(&mut chance, &moments);
    let warehouse = match step {
        // Something has to leave for these.
        Step::RecordParcel | Step::TellShop | Step::RefundInShop => Warehouse::Ships,
        // What is undone was stopped.
        Step::Release | Step::CancelInShop | Step::RecordCancelled => Warehouse::Waits,
        Step::Gate
        | Step::ReadOrder
        | Step::Reserve
        | Step::LookInShop
        | Step::HandOver
        | Step::Recall
        | Step::Follow => one_of(&mut chance, &[Warehouse::Waits, Warehouse::CannotStop, Warehouse::Ships]),
    };
    let count = if chance.random_range(0..3) == 0 { 2 } else { 1 };
    let cancels = (0..count).map(|_| cancel(&mut chance)).collect();
    let held_ms = chance.random_range(300..1_500);
    Race { number, step, moment, drops: chance.random(), warehouse, cancels, held_ms }
}

fn cancel(chance: &mut StdRng) -> Cancel {
    let how = one_of(chance, &[How::Signal, How::Api, How::Shop]);
    // Now and then in the very moment.
    let pause_ms = if chance.random() { 0 } else { chance.random_range(1..400) };
    Cancel { how, pause_ms }
}

fn one_of<T: Copy>(chance: &mut StdRng, choices: &[T]) -> T {
    choices[chance.random_range(0..choices.len())]
}

#[test]
fn twelve_races_meet_every_step_that_does_something() {
    let met: Vec<Step> = (0..STEPS.len()).map(|number| race(1, number).step).collect();
    let missed: Vec<Step> = Step::ALL.into_iter().filter(|step| !met.contains(step)).collect();
    assert_eq!(missed, [Step::Follow]);
}
