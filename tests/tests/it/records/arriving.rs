//! Which of two bodies of an order counts, and what no body takes back.

use domain::{AddressSaid, FinancialStatus, LineId, OrderFacts};
use orders::record::{ArrivalOutcome, Authority};

use super::{Said, at, facts};
use crate::world::database;

const NEWER: ArrivalOutcome = ArrivalOutcome::Newer { changes: true };
const NEWER_ALIKE: ArrivalOutcome = ArrivalOutcome::Newer { changes: false };

fn cancelled(second: i64) -> OrderFacts {
    OrderFacts { cancelled_at: at(second), ..facts(second) }
}

fn with_status(second: i64, financial_status: FinancialStatus) -> OrderFacts {
    OrderFacts { financial_status, ..facts(second) }
}

#[tokio::test]
async fn a_cancellation_counts_from_an_older_body_too_and_is_never_taken_back() {
    let pool = database().await;
    Said::by_message(facts(10)).arrives(&pool).await;
    let (order, arrived) = Said::by_message(cancelled(5)).arrives(&pool).await;
    assert_eq!((arrived, order.facts.cancelled_at), (NEWER, at(5)));
    assert_eq!(order.facts.updated_at, at(10), "the rest of it is older");
    let (order, _) = Said::by_message(facts(20)).arrives(&pool).await;
    assert_eq!((order.facts.cancelled_at, order.facts.updated_at), (at(5), at(20)));
    assert!(order.was.open, "we had begun with it");
    let (order, _) = Said::by_message(cancelled(30)).arrives(&pool).await;
    assert_eq!(order.facts.cancelled_at, at(5), "the first is the one");
    assert!(order.was.open);
}

#[tokio::test]
async fn an_order_that_was_cancelled_before_it_reached_us_was_never_open() {
    let pool = database().await;
    let (order, _) = Said::by_message(cancelled(10)).arrives(&pool).await;
    assert!(!order.was.open);
    let (order, _) = Said::by_message(facts(20)).arrives(&pool).await;
    assert_eq!((order.was.open, order.facts.cancelled_at), (false, at(10)));
}

#[tokio::test]
async fn what_was_payable_once_stays_so_when_the_money_goes() {
    let pool = database().await;
    let (order, _) = Said::by_message(with_status(10, FinancialStatus::Voided)).arrives(&pool).await;
    assert!(!order.was.payable);
    let (order, _) = Said::by_message(with_status(20, FinancialStatus::Pending)).arrives(&pool).await;
    assert!(order.was.payable);
    let (order, _) = Said::by_message(with_status(30, FinancialStatus::Refunded)).arrives(&pool).await;
    assert!(order.was.payable);
}

#[tokio::test]
async fn of_two_bodies_of_one_second_the_one_that_was_sent_later_counts() {
    let pool = database().await;
    let said = |second: Option<i64>, pieces: u32| {
        let mut said = Said::by_message(facts(10));
        said.facts.lines[0].fulfillable_quantity = pieces;
        said.triggered_at = second.and_then(at);
        said
    };
    said(Some(11), 2).arrives(&pool).await;
    let (order, arrived) = said(Some(12), 1).arrives(&pool).await;
    assert_eq!((arrived, order.facts.lines[0].fulfillable_quantity), (NEWER, 1));
    let (order, arrived) = said(Some(11), 2).arrives(&pool).await;
    assert_eq!((arrived, order.facts.lines[0].fulfillable_quantity), (ArrivalOutcome::Stale, 1));
    // Which says it does not: the shop is asked, and what was committed stands.
    let before = order.wish_version;
    let (order, arrived) = said(None, 2).arrives(&pool).await;
    assert_eq!((arrived, order.facts.lines[0].fulfillable_quantity), (ArrivalOutcome::InDoubt, 1));
    assert!(order.content_in_doubt && order.wish_version > before);
}

#[tokio::test]
async fn a_body_that_does_not_say_of_when_it_is_raises_a_doubt_and_is_neither_newer_nor_older() {
    let pool = database().await;
    let silent = OrderFacts { updated_at: None, ..facts(0) };
    Said::by_message(silent.clone()).arrives(&pool).await;
    let (order, arrived) = Said::by_message(facts(10)).arrives(&pool).await;
    assert_eq!((arrived, order.facts.updated_at), (NEWER_ALIKE, at(10)));
    let (order, arrived) = Said::by_message(silent.clone()).arrives(&pool).await;
    assert_eq!((arrived, order.content_in_doubt), (ArrivalOutcome::InDoubt, true));
    // Read in the shop it counts, and what is known of the moment stays known.
    let read = Said { authority: Authority::Shop, ..Said::by_message(silent) };
    let (order, _) = read.arrives(&pool).await;
    assert_eq!((order.content_in_doubt, order.facts.updated_at), (false, at(10)));
    let (_, arrived) = Said::by_message(facts(5)).arrives(&pool).await;
    assert_eq!(arrived, ArrivalOutcome::Stale);
}

#[tokio::test]
async fn another_address_in_one_second_is_a_doubt_and_silence_about_it_is_none() {
    let pool = database().await;
    Said::by_message(facts(10)).arrives(&pool).await;
    let elsewhere = || Said { address: [2; 32], ..Said::by_message(facts(10)) };
    let (_, arrived) = Said::by_message(facts(10)).arrives(&pool).await;
    assert_eq!(arrived, ArrivalOutcome::Same);
    let (order, arrived) = elsewhere().arrives(&pool).await;
    assert_eq!((arrived, order.content_in_doubt), (ArrivalOutcome::InDoubt, true));

    let silent = |second: i64| {
        let mut said = elsewhere();
        said.facts = OrderFacts { address: AddressSaid::Absent, ..facts(second) };
        said
    };
    let (order, arrived) = silent(20).arrives(&pool).await;
    assert_eq!((arrived, order.facts.address), (NEWER_ALIKE, AddressSaid::Given));
    assert!(order.content_in_doubt, "no message ends a doubt");
}

#[tokio::test]
async fn the_shops_own_order_of_the_same_second_counts_and_ends_the_doubt_and_an_older_one_does_not() {
    let pool = database().await;
    Said::by_message(facts(10)).arrives(&pool).await;
    let mut other = facts(10);
    other.lines[0].fulfillable_quantity = 1;
    let (order, _) = Said::by_message(other.clone()).arrives(&pool).await;
    assert!(order.content_in_doubt);
    let read = |facts: OrderFacts| Said { authority: Authority::Shop, ..Said::by_message(facts) };
    let (order, arrived) = read(facts(9)).arrives(&pool).await;
    assert_eq!((arrived, order.content_in_doubt), (ArrivalOutcome::Stale, true));
    let (order, arrived) = read(other).arrives(&pool).await;
    assert_eq!((arrived, order.content_in_doubt), (NEWER, false));
    assert_eq!(order.facts.lines[0].fulfillable_quantity, 1);
}

#[tokio::test]
async fn said_again_of_a_cancelled_order_is_the_same_though_the_body_does_not_say_it() {
    let pool = database().await;
    Said::by_message(facts(10)).arrives(&pool).await;
    Said::by_message(cancelled(5)).arrives(&pool).await;
    let (order, arrived) = Said::by_message(facts(10)).arrives(&pool).await;
    assert_eq!((arrived, order.content_in_doubt), (ArrivalOutcome::Same, false));
}

#[tokio::test]
async fn lines_that_the_newest_body_does_not_have_are_gone_and_what_asks_for_no_work_raises_no_wish() {
    let pool = database().await;
    let mut two = facts(10);
    two.lines.push(two.lines[0].clone());
    two.lines[1].line_id = LineId::parse("2").unwrap();
    let (first, _) = Said::by_message(two).arrives(&pool).await;
    assert_eq!(first.facts.lines.len(), 2);
    let (order, arrived) = Said::by_message(facts(20)).arrives(&pool).await;
    assert_eq!((arrived, order.facts.lines.len()), (NEWER, 1));
    assert!(order.wish_version > first.wish_version);

    let dearer = OrderFacts { total_amount: "60.00".parse().unwrap(), ..facts(30) };
    let (again, arrived) = Said::by_message(dearer).arrives(&pool).await;
    assert_eq!((arrived, again.wish_version), (NEWER_ALIKE, order.wish_version));
}
