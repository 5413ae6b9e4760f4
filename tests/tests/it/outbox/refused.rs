//! What a sink does not take: what waits for it, what does not, and what a person decides.

use std::time::Duration;

use outbox::{Filter, Published, Relay};

use super::{Shelf, backlog, dead_ones, quick, with_sinks, write};
use crate::world::until;

#[tokio::test]
async fn what_a_sink_refuses_holds_back_its_own_stream_alone_until_a_person_decides() {
    let pool = with_sinks(&["shelf"]).await;
    let shelf = Shelf::new("shelf");
    shelf.seen(|seen| seen.refuses.extend(["bad".to_owned(), "worse".to_owned()]));
    let words = [("o-1", "before"), ("o-1", "bad"), ("o-1", "after"), ("o-2", "aside"), ("o-3", "worse")];
    write(&pool, &words).await;
    let relay = Relay::new(pool.clone(), shelf.clone(), quick());
    for attempt in 1..=3 {
        until(&format!("attempt {attempt} is refused"), Duration::from_secs(10), async || {
            (relay.turn().await.unwrap().refused > 0).then_some(())
        })
        .await;
    }
    until("both are dead", Duration::from_secs(10), async || {
        relay.turn().await.unwrap();
        (backlog(&pool).await == [("shelf".to_owned(), 0, 2)]).then_some(())
    })
    .await;
    assert_eq!(shelf.whats(), ["before", "aside"], "what comes after it waits");

    let mut conn = pool.acquire().await.unwrap();
    let dead = outbox::dead(&mut conn, &dead_ones(), None, 10).await.unwrap();
    let shown: Vec<_> =
        dead.iter().map(|dead| (dead.key.as_deref().unwrap_or_default(), dead.attempts)).collect();
    assert_eq!(shown, [("o-1", 3), ("o-3", 3)]);
    assert_eq!(dead[0].last_error.as_deref(), Some("TOO_LARGE"));
    let meant = |key: Option<&str>, error: &str| Filter {
        key: key.map(ToOwned::to_owned),
        error: Some(error.to_owned()),
        ..Filter::default()
    };
    for other in [
        meant(None, "TIMEOUT"),
        meant(Some("o-2"), "TOO"),
        Filter { sink: Some("other".to_owned()), ..Filter::default() },
    ] {
        assert_eq!(outbox::redrive(&mut conn, &other, "anna").await.unwrap(), 0, "{other:?}");
    }
    let young = Filter { dead_for: Some(Duration::from_secs(60)), ..Filter::default() };
    assert!(outbox::dead(&mut conn, &young, None, 10).await.unwrap().is_empty());

    // One is given up, and what waits behind it goes on; the other is mended and tried again.
    let skipped = outbox::skip(&mut conn, &meant(Some("o-1"), "TOO"), "anna", "nobody needs it").await;
    assert_eq!(skipped.unwrap(), 1);
    shelf.seen(|seen| seen.refuses.clear());
    assert_eq!(outbox::redrive(&mut conn, &meant(Some("o-3"), "LARGE"), "anna").await.unwrap(), 1);
    while relay.turn().await.unwrap() != Published::default() {}
    assert_eq!(shelf.whats()[2..], ["after", "worse"]);
    let kept: (String, String) =
        sqlx::query_as("SELECT skipped_by, reason FROM integration.skipped_deliveries")
            .fetch_one(&mut *conn)
            .await
            .unwrap();
    assert_eq!(kept, ("anna".to_owned(), "nobody needs it".to_owned()));
}

#[tokio::test]
async fn what_alone_is_not_taken_holds_back_its_own_stream_and_is_dead_when_it_is_an_hour_old() {
    let pool = with_sinks(&["shelf"]).await;
    let shelf = Shelf::new("shelf");
    shelf.seen(|seen| seen.silent_about.insert("bad".to_owned()));
    write(&pool, &[("o-1", "bad"), ("o-1", "after"), ("o-2", "aside")]).await;
    let relay = Relay::new(pool.clone(), shelf.clone(), quick());
    let turn = relay.turn().await.unwrap();
    assert_eq!((turn.published, turn.held, turn.away), (1, 1, None), "the sink is not away: it takes others");
    assert_eq!(relay.turn().await.unwrap(), Published::default(), "its stream waits");
    // Attempts alone do not end it while it is young.
    let more = async |age: &str| {
        sqlx::query("UPDATE integration.deliveries SET attempts = 9, next_attempt_at = now()")
            .execute(&pool)
            .await
            .unwrap();
        sqlx::query(sqlx::AssertSqlSafe(format!(
            "UPDATE integration.outbox SET occurred_at = now() - interval '{age}' WHERE partition_key = 'o-1'"
        )))
        .execute(&pool)
        .await
        .unwrap();
        sqlx::query(
            "UPDATE integration.deliveries d SET occurred_at = o.occurred_at FROM integration.outbox o
             WHERE o.outbox_id = d.outbox_id",
        )
        .execute(&pool)
        .await
        .unwrap();
        write(&pool, &[("o-3", age)]).await;
        let turn = relay.turn().await.unwrap();
        assert_eq!((turn.published, turn.held), (1, 1));
        backlog(&pool).await
    };
    assert_eq!(more("59 minutes").await, [("shelf".to_owned(), 2, 0)]);
    assert_eq!(more("61 minutes").await, [("shelf".to_owned(), 0, 1)]);
}

#[tokio::test]
async fn while_a_sink_is_away_no_attempt_is_counted_and_another_sink_goes_on() {
    let pool = with_sinks(&["kept", "away"]).await;
    let (kept, away) = (Shelf::new("kept"), Shelf::new("away"));
    away.seen(|seen| seen.away = true);
    write(&pool, &[("o-1", "a"), ("o-2", "b"), ("o-1", "c")]).await;
    let relays =
        [Relay::new(pool.clone(), kept.clone(), quick()), Relay::new(pool.clone(), away.clone(), quick())];
    for _ in 0..5 {
        assert!(relays[1].turn().await.unwrap().away.is_some());
    }
    while relays[0].turn().await.unwrap() != Published::default() {}
    assert_eq!((kept.whats().len(), away.whats().len()), (3, 0));
    assert_eq!(backlog(&pool).await, [("away".to_owned(), 3, 0), ("kept".to_owned(), 0, 0)]);
    let attempts: i64 = sqlx::query_scalar("SELECT sum(attempts) FROM integration.deliveries")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(attempts, 0);
    away.seen(|seen| seen.away = false);
    while relays[1].turn().await.unwrap() != Published::default() {}
    assert_eq!(away.by_stream()["order/o-1"], [1, 2]);
}
