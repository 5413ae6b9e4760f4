//! What waits: messages in the inbox, and rows for a person.

use std::time::Duration;

use domain::{ParkReason, Step};
use orders::{
    Order,
    attention::{self, Given},
    inbox::{self, FinalState, NewMessage, Source},
    record,
};
use serde_json::json;
use sqlx::PgConnection;

use super::{Said, facts};
use crate::world::database;

#[tokio::test]
async fn a_message_that_cannot_be_dealt_with_yet_is_taken_up_again_for_ever() {
    let pool = database().await;
    let conn = &mut *pool.acquire().await.unwrap();
    let message = NewMessage {
        source: Source::Shopify,
        shop: "records.myshopify.com",
        message_id: "one",
        topic: "orders/updated",
        subject: None,
        headers: json!({}),
        body: b"{}",
        sweep_after: Duration::ZERO,
    };
    inbox::insert(conn, &message).await.unwrap().unwrap();
    for attempt in 1..=200 {
        let taken = inbox::take_due(conn, 10, Duration::from_secs(30)).await.unwrap();
        let [message] = &taken[..] else { panic!("attempt {attempt}: {taken:?}") };
        assert_eq!(message.attempts, attempt);
        assert!(inbox::take_due(conn, 10, Duration::ZERO).await.unwrap().is_empty(), "it is with somebody");
        inbox::postpone(conn, message.inbox_id, "not yet", None, Duration::ZERO).await.unwrap();
    }
    let taken = inbox::take_due(conn, 10, Duration::ZERO).await.unwrap();
    inbox::settle(conn, taken[0].inbox_id, FinalState::Done, None, None).await.unwrap();
    assert!(inbox::take_due(conn, 10, Duration::ZERO).await.unwrap().is_empty());
}

/// Why the order needs attention, if it does, and what is open.
async fn stands(conn: &mut PgConnection, order: &Order) -> (Option<String>, Vec<String>) {
    let now = record::find(conn, &order.order_id).await.unwrap().unwrap();
    let open = attention::open(conn, &order.order_id).await.unwrap();
    assert_eq!(now.condition.is_some(), now.condition_reason.is_some());
    (now.condition_reason, open.into_iter().map(|row| row.reason).collect())
}

#[tokio::test]
async fn an_answer_is_to_one_step_and_the_order_shows_what_is_still_open() {
    let pool = database().await;
    let (order, _) = Said::by_message(facts(10)).arrives(&pool).await;
    let (conn, id) = (&mut *pool.acquire().await.unwrap(), &order.order_id);
    let reason = |code: &str| ParkReason::new(code);
    let given = Given { resolution: "retry", by: "olga", reason: None, message: None };
    attention::park(conn, id, Step::CancelInShop, &reason("FIRST"), false).await.unwrap();
    attention::show(conn, id, &reason("SHOWN"), "something differs").await.unwrap();
    attention::park(conn, id, Step::HandOver, &reason("LAST"), true).await.unwrap();
    let open = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>();
    let why = |code: &str| Some(code.to_owned());
    assert_eq!(stands(conn, &order).await, (why("LAST"), open(&["FIRST", "SHOWN", "LAST"])));

    attention::resolve(conn, id, Some(Step::Recall), given).await.unwrap();
    assert_eq!(stands(conn, &order).await, (why("LAST"), open(&["FIRST", "SHOWN", "LAST"])), "not this one");
    attention::resolve(conn, id, Some(Step::HandOver), given).await.unwrap();
    assert_eq!(stands(conn, &order).await, (why("SHOWN"), open(&["FIRST", "SHOWN"])));
    // Whoever answers for all of them answers nothing that is only shown.
    attention::resolve(conn, id, None, given).await.unwrap();
    assert_eq!(stands(conn, &order).await, (why("SHOWN"), open(&["SHOWN"])));
    attention::unshow(conn, id, &reason("SHOWN")).await.unwrap();
    assert_eq!(stands(conn, &order).await, (None, Vec::new()));
}
