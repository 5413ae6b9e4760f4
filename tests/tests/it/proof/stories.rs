//! Stories drawn from a seed, many orders at once, against a model of what must be true at rest. A story
//! that comes out wrong is told again with less and less happening in it; the shortest that still does is
//! printed.
//!
//! `WAYBILL_STORIES` says how many, `WAYBILL_STORIES_SEED` from which seed, and `WAYBILL_STORY` tells one of them alone.

mod draw;
pub(super) mod model;
mod play;
mod shrink;
pub(super) mod truth;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use futures::future::join_all;

use self::{draw::Script, model::Truth, play::Played, truth::Subject};
use super::{
    PLACES, checker,
    rest::{LONGEST_PAUSE, Rest, until_rest},
};
use crate::world::{self, Plan, Program, World};

/// Stories of `make test`.
const STORIES: usize = 100;
/// Their seed.
const SEED: u64 = 20_261_125;
/// Stories in one world at a time.
const IN_ONE_WORLD: usize = 100;
/// How long after it everything must have come to its end.
const PATIENCE: Duration = Duration::from_secs(75);

/// What became of a story.
struct Account {
    script: Script,
    trace: Vec<String>,
    wrong: Vec<String>,
    truth: Option<Truth>,
    /// What the stand-ins did for it.
    ledgers: Vec<String>,
}

impl std::fmt::Display for Account {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { script, trace, wrong, truth, ledgers } = self;
        writeln!(out, "story {}: {}", script.number, wrong.join("; "))?;
        let Script { quantities, stock, financial_status, first, warehouse, .. } = script;
        writeln!(
            out,
            "  {quantities:?} pieces of {stock:?}, {financial_status}, first {first:?}, warehouse {warehouse:?}"
        )?;
        for beat in &script.beats {
            writeln!(out, "  after {} ms {:?}, {:?}", beat.pause_ms, beat.event, beat.telling)?;
        }
        writeln!(out, "  played: {}", trace.join("; "))?;
        for entry in ledgers {
            writeln!(out, "  {entry}")?;
        }
        match truth {
            None => writeln!(out, "  the order is not there"),
            Some(truth) => {
                writeln!(out, "  shop: {:?}\n  warehouse: {:?}", truth.shop, truth.warehouse)?;
                writeln!(out, "  on hand: {:?}; cancelled: {:?}", truth.on_hand, truth.cancelled)?;
                writeln!(out, "  order: {:?}", truth.order)
            }
        }
    }
}

/// How the stories of a run came out.
#[derive(Default)]
struct Outcome {
    failures: Vec<Account>,
    /// What the checker found.
    findings: Vec<String>,
    /// How many orders came to rest as what.
    at_rest: BTreeMap<String, usize>,
}

/// Plays these stories at once in a world. `take` tells their orders from earlier takes of the same stories.
async fn tell(world: &World, scripts: &[Script], take: &str) -> Outcome {
    let played: Vec<Played<'_>> =
        join_all(scripts.iter().map(|script| Played::new(world, script.clone(), take).play())).await;
    for program in [Program::Api, Program::Worker] {
        world.revive(program);
    }
    let skus: Vec<String> = played.iter().flat_map(|story| story.skus().clone()).collect();
    let quiet = until_rest(world, |_| true).await;
    let subjects: Vec<Subject<'_>> = played.iter().map(Played::subject).collect();
    let mut truths = truth::of_all(world, &subjects, &quiet).await;
    let deadline = Instant::now() + PATIENCE;
    let mut still: Option<(Rest, Instant)> = None;
    // The warehouse ships what it has until everything has come to rest.
    while !truths.iter().all(|truth| truth.as_ref().is_some_and(|truth| truth.wrong().is_empty())) {
        let in_house = truth::in_house(world, &skus).await;
        for reference in &in_house {
            truth::ship(world, reference).await;
        }
        let rest = until_rest(world, |_| true).await;
        truths = truth::of_all(world, &subjects, &rest).await;
        let since = match &still {
            Some((before, since)) if *before == rest && in_house.is_empty() => *since,
            _ => Instant::now(),
        };
        if since.elapsed() > LONGEST_PAUSE || Instant::now() > deadline {
            break;
        }
        still = Some((rest, since));
    }
    let mut outcome = Outcome { findings: checker::check(world).await, ..Outcome::default() };
    for (story, truth) in played.into_iter().zip(truths) {
        let order = truth.as_ref().map(|truth| &truth.order);
        let rests = order.map(|order| order.condition.as_ref().unwrap_or(&order.status).clone());
        *outcome.at_rest.entry(rests.unwrap_or_default()).or_default() += 1;
        let wrong = truth.as_ref().map_or_else(|| vec!["it is not known".to_owned()], Truth::wrong);
        let is_found = |finding: &String| order.is_some_and(|order| finding.contains(&order.order_number));
        if wrong.is_empty() && scripts.len() > 1 && !outcome.findings.iter().any(is_found) {
            continue;
        }
        let ledgers = truth::effects_of(world, &story.order, story.skus()).await;
        let account = Account { script: story.script, trace: story.trace, wrong, truth, ledgers };
        if account.wrong.is_empty() {
            println!("{account}");
        } else {
            outcome.failures.push(account);
        }
    }
    outcome
}

/// What the programs said last of trouble.
pub(super) fn print_trouble(world: &World) {
    for (program, text) in world.logged() {
        let trouble: Vec<&str> =
            text.lines().filter(|line| line.contains("WARN") || line.contains("ERROR")).collect();
        println!("{program}: {} lines of trouble, the last of them:", trouble.len());
        trouble.iter().rev().take(15).rev().for_each(|line| println!("  {line}"));
    }
}

/// A number of the environment, else the one given.
pub(super) fn number<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    std::env::var(name)
        .ok()
        .map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text}")))
}

#[test]
fn whatever_happens_to_an_order_it_comes_to_rest_as_the_shop_the_stock_and_the_warehouse_say() {
    let (stories, seed) = (number("WAYBILL_STORIES", STORIES), number("WAYBILL_STORIES_SEED", SEED));
    world::run(async {
        let _place = PLACES.acquire().await;
        let only: Option<usize> = std::env::var("WAYBILL_STORY").ok().map(|_| number("WAYBILL_STORY", 0));
        let numbers = only.map_or(0..stories, |only| only..only + 1);
        let scripts: Vec<Script> = numbers.map(|story| draw::script(seed, story)).collect();
        let (mut failed, mut findings, mut shortest) = (0, Vec::new(), None);
        let mut at_rest = BTreeMap::<String, usize>::new();
        for together in scripts.chunks(IN_ONE_WORLD) {
            let world = World::start(Plan::default()).await;
            let Outcome { failures, findings: of_checker, at_rest: of_world } =
                tell(&world, together, "0").await;
            of_world.into_iter().for_each(|(rests, count)| *at_rest.entry(rests).or_default() += count);
            findings.extend(of_checker);
            failures.iter().for_each(|failure| println!("{failure}"));
            if !failures.is_empty() {
                print_trouble(&world);
            }
            failed += failures.len();
            let least = failures.into_iter().min_by_key(|failure| failure.script.beats.len());
            if let (None, Some(least)) = (&shortest, least) {
                shortest = Some(shrink::shortest(&world, least).await);
            }
        }
        if let Some(shortest) = &shortest {
            println!("the shortest story found that comes out wrong:\n{shortest}");
        }
        findings.iter().for_each(|finding| println!("the checker found: {finding}"));
        println!("they came to rest as {at_rest:?}");
        println!("{stories} stories, seed {seed}: {failed} came out wrong, {} findings", findings.len());
        assert!(
            failed == 0 && findings.is_empty(),
            "{failed} of {stories} stories from seed {seed} came out wrong, the checker found {findings:?}"
        );
    });
}
