//! A cancel against every step: before it, while it is being done, done and not heard of, done. Drawn from a seed,
//! many orders at once; each is checked when everything has come to rest.
//!
//! `WAYBILL_CANCEL_RACES` says how many, `WAYBILL_CANCEL_RACES_SEED` from which seed, and `WAYBILL_CANCEL_RACE` runs
//! one of them alone.

mod draw;
mod play;

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use serde_json::Value;

use self::{
    draw::{How, Race, Warehouse},
    play::Played,
};
use super::{
    PLACES, checker,
    rest::{Rest, until_rest},
    stories::{
        model::Truth,
        number, print_trouble,
        truth::{self, Subject},
    },
};
use crate::world::{self, Plan, World};

/// Races of `make test`.
const RACES: usize = 20;
/// Their seed.
const SEED: u64 = 20_261_127;
/// Races in one world at a time.
const IN_ONE_WORLD: usize = 50;
/// How long after the last cancel everything must have come to its end.
const PATIENCE: Duration = Duration::from_secs(90);
/// Longer than it takes from the transaction that notes a call until the call arrives.
const ON_ITS_WAY: TimeDelta = TimeDelta::seconds(5);

/// What is wrong with an order beside what its truth says.
async fn wrong(world: &World, played: &Played<'_>, truth: &Truth) -> Vec<String> {
    let mut wrong = truth.wrong();
    let left: i64 = truth.warehouse.left.values().sum();
    let books: Vec<(i64, i64)> =
        sqlx::query_as("SELECT on_hand, reserved FROM inventory.stock WHERE sku = ANY ($1)")
            .bind(&played.skus[..])
            .fetch_all(&world.pool)
            .await
            .expect("the stock is read");
    if books != [(i64::from(played.stock) - left, 0)] {
        wrong.push(format!("{left} of {} left, and on hand and reserved are {books:?}", played.stock));
    }
    let stops = played.race.warehouse == Warehouse::Waits;
    if stops && left > 0 {
        wrong.push("it left, though everybody cancelled it before and the warehouse stops".to_owned());
    }
    let given_back: i64 = sqlx::query_scalar(
        "SELECT COALESCE(sum(-reserved_change), 0)::bigint FROM inventory.movements
         WHERE sku = ANY ($1) AND reserved_change < 0",
    )
    .bind(&played.skus[..])
    .fetch_one(&world.pool)
    .await
    .expect("the movements are read");
    let reserved: i64 = sqlx::query_scalar(
        "SELECT COALESCE(sum(reserved_change), 0)::bigint FROM inventory.movements
         WHERE sku = ANY ($1) AND reserved_change > 0",
    )
    .bind(&played.skus[..])
    .fetch_one(&world.pool)
    .await
    .expect("the movements are read");
    if given_back != reserved {
        wrong.push(format!("{reserved} were reserved, and {given_back} given back or taken out"));
    }
    wrong.extend(called_after_it_was_cancelled(world, played, truth).await);
    wrong
}

/// What was committed before a hand-over is acted on before it.
async fn called_after_it_was_cancelled(world: &World, played: &Played<'_>, truth: &Truth) -> Option<String> {
    let kept = played.cancels.iter().filter(|cancel| cancel.how != How::Signal);
    let first = kept.map(|cancel| cancel.acknowledged_at).min()?;
    let ledger = world.ledger(world.wms(&format!("/_ledger?order={}", truth.order.order_number))).await;
    let called = |entry: &&Value| entry["kind"] == "call" && entry["operation"] == "createShipment";
    let at = ledger.iter().find(called)?["at"].as_str()?.parse::<DateTime<Utc>>().ok()?;
    (at > first + ON_ITS_WAY).then(|| format!("it was cancelled at {first} and first handed over at {at}"))
}

/// Runs these races at once in a world; what came out wrong, with everything that is known of it.
async fn run(world: &World, races: &[Race]) -> Vec<String> {
    let played: Vec<Played<'_>> =
        join_all(races.iter().map(|race| Played::new(world, race.clone()).play())).await;
    let skus: Vec<String> = played.iter().flat_map(|order| order.skus.clone()).collect();
    let subjects: Vec<Subject<'_>> = played.iter().map(Played::subject).collect();
    let deadline = Instant::now() + PATIENCE;
    // Every cancel is settled before the warehouse ships what it was not stopped from shipping.
    let are_settled = |rest: &Rest| played.iter().all(|order| order.is_settled(rest));
    let mut truths = truth::of_all(world, &subjects, &until_rest(world, are_settled).await).await;
    loop {
        let in_house = truth::in_house(world, &skus).await;
        for reference in &in_house {
            truth::ship(world, reference).await;
        }
        let is_right = |truth: &Option<Truth>| truth.as_ref().is_some_and(|truth| truth.wrong().is_empty());
        if (in_house.is_empty() && truths.iter().all(is_right)) || Instant::now() > deadline {
            break;
        }
        truths = truth::of_all(world, &subjects, &until_rest(world, are_settled).await).await;
    }
    let findings = checker::check(world).await;
    let mut failures = Vec::new();
    for (order, truth) in played.iter().zip(&truths) {
        let wrong = match truth {
            None => vec!["it is not known".to_owned()],
            Some(truth) => {
                let mut wrong = wrong(world, order, truth).await;
                wrong
                    .extend(findings.iter().filter(|text| text.contains(&truth.order.order_number)).cloned());
                wrong
            }
        };
        if !wrong.is_empty() {
            let did = truth::effects_of(world, &order.order, &order.skus).await.join("\n  ");
            failures.push(format!(
                "{}\n  {:?}\n  {:?}\n  {truth:?}\n  {did}",
                wrong.join("; "),
                order.race,
                order.cancels
            ));
        }
    }
    let of_nobody =
        |finding: &&String| !truths.iter().flatten().any(|truth| finding.contains(&truth.order.order_number));
    failures.extend(findings.iter().filter(of_nobody).cloned());
    failures
}

#[test]
fn whenever_an_order_is_cancelled_it_is_shipped_or_cancelled_and_never_both() {
    let (races, seed) = (number("WAYBILL_CANCEL_RACES", RACES), number("WAYBILL_CANCEL_RACES_SEED", SEED));
    world::run(async {
        let _place = PLACES.acquire().await;
        let only: Option<usize> =
            std::env::var("WAYBILL_CANCEL_RACE").ok().map(|_| number("WAYBILL_CANCEL_RACE", 0));
        let numbers = only.map_or(0..races, |only| only..only + 1);
        let drawn: Vec<Race> = numbers.map(|number| draw::race(seed, number)).collect();
        let mut failures = Vec::new();
        for together in drawn.chunks(IN_ONE_WORLD) {
            let world = World::start(Plan { with_faults: true, ..Plan::default() }).await;
            let of_world = run(&world, together).await;
            if !of_world.is_empty() {
                print_trouble(&world);
            }
            failures.extend(of_world);
        }
        failures.iter().for_each(|failure| println!("{failure}\n"));
        println!("{races} races, seed {seed}: {} came out wrong", failures.len());
        assert!(failures.is_empty(), "{} of {races} races from seed {seed} came out wrong", failures.len());
    });
}
