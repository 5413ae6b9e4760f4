//! The proof: every step meets every failure, programs are killed around everything, and an
//! independent checker finds nothing wrong. The checker itself is proven on planted faults. Pairs of
//! messages, cancels against every step, whole stories and turmoil among many orders are played against what must be
//! true at rest.

mod board;
mod cancel_races;
mod cells;
mod checker;
mod kill;
mod locks;
mod matrix;
mod outside;
mod pairs;
mod pairs_of_news;
mod planted;
mod rest;
mod silence;
mod stock_turmoil;
mod stories;
mod story;

use tokio::sync::Semaphore;

use crate::world::World;

/// Two worlds of the proof at a time: machine and namespaces are shared with the other tests.
static PLACES: Semaphore = Semaphore::const_new(2);

/// The checker has to find nothing.
pub async fn assert_clean(world: &World) {
    let findings = checker::check(world).await;
    assert!(findings.is_empty(), "the checker found:\n  {}", findings.join("\n  "));
}

/// As [`assert_clean`], where runs were begun anew by hand: their histories tell of it.
pub async fn assert_records_clean(world: &World) {
    let findings = checker::check_records(world).await;
    assert!(findings.is_empty(), "the checker found:\n  {}", findings.join("\n  "));
}
