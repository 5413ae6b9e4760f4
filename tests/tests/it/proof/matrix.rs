//! The matrix: every step of the story meets every failure of its own, in one world.

use std::time::Duration;

use domain::Step;
use futures::future::join_all;

use super::{
    PLACES, assert_clean,
    board::Board,
    story::{Planted, Story, Way},
};
use crate::world::{self, PATIENT_SHOP, Plan, Program, SHOP, World};

/// What can go wrong with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    FailsForGood,
    FailsAndRecovers,
    TimesOutAfterItTookEffect,
    RunsTwice,
    DatabaseFails,
    WorkerDiesBefore,
    WorkerDiesAfter,
}

impl Failure {
    const ALL: [Self; 7] = [
        Self::FailsForGood,
        Self::FailsAndRecovers,
        Self::TimesOutAfterItTookEffect,
        Self::RunsTwice,
        Self::DatabaseFails,
        Self::WorkerDiesBefore,
        Self::WorkerDiesAfter,
    ];

    fn planted(self, step: Step) -> Planted {
        let (moment, action, times) = match self {
            Self::FailsForGood => ("before", "fail_for_good", 1),
            // One less than there are attempts.
            Self::FailsAndRecovers => ("before", "fail", 2),
            Self::TimesOutAfterItTookEffect => ("after", "hang", 1),
            Self::RunsTwice => ("twice", "", 1),
            // More than there are attempts: this must never use them up.
            Self::DatabaseFails => ("before", "database", 5),
            Self::WorkerDiesBefore => ("before", "die", 1),
            Self::WorkerDiesAfter => ("after", "die", 1),
        };
        Planted { step, moment, action, times }
    }

    fn kills(self) -> bool {
        matches!(self, Self::WorkerDiesBefore | Self::WorkerDiesAfter)
    }

    /// Why the step is parked by it.
    fn parks(self, step: Step) -> Option<&'static str> {
        match self {
            Self::FailsForGood => match step {
                // Records of what happens to the order are not given up on.
                Step::Gate => None,
                Step::ReadOrder
                | Step::Reserve
                | Step::LookInShop
                | Step::HandOver
                | Step::RecordParcel
                | Step::TellShop
                | Step::Recall
                | Step::Release
                | Step::CancelInShop
                | Step::RefundInShop
                | Step::RecordCancelled => Some("PLANTED_FOR_GOOD"),
                Step::Follow => None,
            },
            Self::FailsAndRecovers
            | Self::TimesOutAfterItTookEffect
            | Self::RunsTwice
            | Self::DatabaseFails
            | Self::WorkerDiesBefore
            | Self::WorkerDiesAfter => None,
        }
    }
}

/// The stories of every step with these failures.
fn rows<'a>(
    world: &'a World,
    board: &'a Board,
    shop: &'a str,
    wanted: impl Fn(Failure) -> bool,
) -> Vec<Story<'a>> {
    let mut rows = Vec::new();
    for step in Step::ALL {
        // Nothing is done at `follow`: its rows only show.
        assert!(!Way::past(step).is_empty() || step == Step::Follow, "{step} has no row");
        for failure in Failure::ALL.into_iter().filter(|failure| wanted(*failure)) {
            for way in Way::past(step) {
                let parked_anyway = way.parks_anyway();
                rows.push(Story {
                    world,
                    board,
                    shop,
                    sku: format!("{step}-{failure:?}-{way:?}"),
                    way: *way,
                    planted: Some(failure.planted(step)),
                    parks: parked_anyway.into_iter().chain(failure.parks(step)).collect(),
                });
            }
        }
    }
    rows
}

#[test]
fn every_step_survives_every_failure_of_its_own() {
    world::run(async {
        let _place = PLACES.acquire().await;
        let world = World::start(Plan { with_faults: true, ..Plan::default() }).await;
        let board = Board::of(&world);
        join_all(rows(&world, &board, SHOP, |failure| !failure.kills()).into_iter().map(Story::lead)).await;
        assert_clean(&world).await;
    });
}

#[test]
fn every_step_survives_the_death_of_its_worker() {
    world::run(async {
        let _place = PLACES.acquire().await;
        let world = World::start(Plan { with_faults: true, ..Plan::default() }).await;
        let board = Board::of(&world);
        let stories =
            join_all(rows(&world, &board, PATIENT_SHOP, Failure::kills).into_iter().map(Story::lead));
        let supervised = async {
            loop {
                world.revive(Program::Worker);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::select! {
            _ = stories => {}
            () = supervised => {}
        }
        // Whoever takes a death dies of it; those who take theirs in one moment die of one.
        // What is written down at the gate beside a parked step may be written before its second death is planted.
        let mut unmet = world.still_planted("die").await;
        unmet.retain(|step| !step.starts_with("gate "));
        assert!(unmet.is_empty(), "nobody died of {unmet:?}");
        assert_clean(&world).await;
    });
}
