//! A lane's row on a real PostgreSQL: who probes, and how long the next one waits.

use std::time::Duration;

use domain::LaneName;
use futures::future::join_all;
use orders::lanes::{
    self, By, PauseCause,
    health::{self, ProbeWaits, Reading, Seen},
};
use sqlx::{PgConnection, PgPool};

use crate::world::database;

/// A probe is due at once.
const AT_ONCE: ProbeWaits = ProbeWaits { first: Duration::ZERO, longest: Duration::ZERO };
/// None is due while this test runs.
const LATER: ProbeWaits = ProbeWaits { first: Duration::from_secs(3600), longest: Duration::from_secs(3600) };
const WAITS: ProbeWaits =
    ProbeWaits { first: Duration::from_millis(300), longest: Duration::from_millis(1000) };

fn lane() -> LaneName {
    LaneName::parse("warehouse").unwrap()
}

/// How many of twenty that ask at once are to probe.
async fn winners(pool: &PgPool) -> usize {
    let ask = async || {
        let mut conn = pool.acquire().await.unwrap();
        health::take_probe(&mut conn, &lane()).await.unwrap()
    };
    join_all((0..20).map(|_| ask())).await.into_iter().filter(|wins| *wins).count()
}

async fn trip(conn: &mut PgConnection, waits: ProbeWaits) -> i64 {
    assert!(health::trip(conn, &lane(), PauseCause::Down, "WMS_UNREACHABLE", waits).await.unwrap());
    sqlx::query_scalar("SELECT wait_ms FROM orders.lane_health WHERE lane = 'warehouse'")
        .fetch_one(conn)
        .await
        .unwrap()
}

async fn answered(conn: &mut PgConnection) {
    health::probed(conn, &lane(), Reading::Answered, "", WAITS).await.unwrap();
}

#[tokio::test]
async fn of_all_who_would_probe_at_once_one_does_until_its_lease_is_over() {
    let pool = database().await;
    let conn = &mut *pool.acquire().await.unwrap();
    trip(conn, AT_ONCE).await;
    assert_eq!(winners(&pool).await, 1);
    assert_eq!(winners(&pool).await, 0, "somebody probes");
    // Whoever probed was never heard of again.
    sqlx::query("UPDATE orders.lane_health SET probing_until = clock_timestamp() - interval '1 ms'")
        .execute(&mut *conn)
        .await
        .unwrap();
    assert_eq!(winners(&pool).await, 1);
    health::probed(conn, &lane(), Reading::Down, "WMS_UNREACHABLE", LATER).await.unwrap();
    assert_eq!(winners(&pool).await, 0, "it is down still, and the next wait has begun");
    answered(conn).await;
    assert_eq!(winners(&pool).await, 0, "nothing is paused");
    let by = By { name: "ada", reason: "they move house" };
    lanes::pause(conn, &lane(), PauseCause::Person, by).await.unwrap();
    sqlx::query("UPDATE orders.lane_health SET probe_after = now()").execute(&mut *conn).await.unwrap();
    assert_eq!(winners(&pool).await, 0, "what a person paused is theirs to resume");
}

#[tokio::test]
async fn the_wait_in_the_row_doubles_while_probes_are_answered_and_calls_are_not() {
    let pool = database().await;
    let conn = &mut *pool.acquire().await.unwrap();
    let mut waited = Vec::new();
    for _ in 0..4 {
        waited.push(trip(conn, WAITS).await);
        answered(conn).await;
    }
    assert_eq!(waited, [300, 600, 1000, 1000]);
    // A call that was done ends that.
    let (mut known, now) = health::lock(conn, &lane()).await.unwrap();
    known.succeeded(Seen { order: "served".to_owned(), at: now });
    health::keep(conn, &lane(), &known).await.unwrap();
    assert_eq!(trip(conn, WAITS).await, 300);
    let again = health::trip(conn, &lane(), PauseCause::Down, "WMS_UNREACHABLE", WAITS).await.unwrap();
    assert!(!again, "it is paused already");
}
