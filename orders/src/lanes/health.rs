//! What the latest calls said of whoever a lane calls: one row a lane, by which every worker decides alike.
//!
//! An outage is not the orders' fault, and an order that fails alone is no outage. So a lane is down when the last three
//! calls say so and they were of two orders at least; of one order alone, somebody has to look first.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{LaneName, OrderId};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, types::Json};

use super::{By, PauseCause, pause, pauses::resume};
use crate::OrdersError;

/// Calls that have to say so.
const FAILURES: usize = 3;
/// How long they go on saying so first: others may have been answered and not have written it down yet.
const SETTLE: chrono::Duration = chrono::Duration::milliseconds(1500);
/// How long whoever probes may take.
const PROBE_LEASE: Duration = Duration::from_secs(20);

/// How long a lane stays paused before somebody probes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProbeWaits {
    /// At first.
    pub first: Duration,
    /// At most: where a probe is answered and the calls after it are not, the wait doubles.
    pub longest: Duration,
}

/// A call of an order, and when it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Whose.
    pub order: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// What the latest calls say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// Nothing that has to be acted on.
    Nothing,
    /// One order fails, and nobody else has called.
    OneFailsAlone,
    /// It is down.
    Down,
}

/// A lane's row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// The last calls that say it is down, since the latest success; three at most.
    pub failures: Vec<Seen>,
    /// When the first of those came.
    pub failing_since: Option<DateTime<Utc>>,
    /// The latest call that was done.
    pub success: Option<Seen>,
    /// When a probe last ended a pause.
    pub resumed_at: Option<DateTime<Utc>>,
    wait: Duration,
}

impl Health {
    /// A call was done.
    pub fn succeeded(&mut self, call: Seen) {
        if self.success.as_ref().is_some_and(|latest| latest.at >= call.at) {
            return;
        }
        self.failures.retain(|failure| failure.at > call.at);
        self.failing_since = self.failures.first().map(|failure| failure.at);
        self.success = Some(call);
    }

    /// A call was answered, and not done: whoever was called is there.
    pub fn answered(&mut self) {
        self.failures.clear();
        self.failing_since = None;
    }

    /// A call said that whoever was called is down.
    pub fn failed(&mut self, call: Seen) {
        if self.success.as_ref().is_some_and(|latest| latest.at > call.at) {
            return;
        }
        self.failing_since.get_or_insert(call.at);
        self.failures.push(call);
        let over = self.failures.len().saturating_sub(FAILURES);
        self.failures.drain(..over);
    }

    /// What the calls so far say.
    #[must_use]
    pub fn says(&self, now: DateTime<Utc>) -> Says {
        let (Some(since), FAILURES) = (self.failing_since, self.failures.len()) else { return Says::Nothing };
        if self.failures.iter().all(|failure| failure.order == self.failures[0].order) {
            return Says::OneFailsAlone;
        }
        if now - since < SETTLE { Says::Nothing } else { Says::Down }
    }

    /// Whether a call of another order was done since.
    #[must_use]
    pub fn another_succeeded_since(&self, order: &OrderId, since: DateTime<Utc>) -> bool {
        self.success.as_ref().is_some_and(|latest| latest.at > since && latest.order != order.as_str())
    }

    /// How long to wait before the next probe, now that it is down: longer each time the last one was answered and
    /// nothing was done since.
    fn wait_now(&self, waits: ProbeWaits) -> Duration {
        let done_since =
            |resumed: DateTime<Utc>| self.success.as_ref().is_some_and(|call| call.at >= resumed);
        match self.resumed_at {
            Some(resumed) if !done_since(resumed) => {
                self.wait.saturating_mul(2).clamp(waits.first, waits.longest)
            }
            Some(_) | None => waits.first,
        }
    }
}

type Row = (
    Json<Vec<Seen>>,
    Option<DateTime<Utc>>,
    Option<String>,
    Option<DateTime<Utc>>,
    Option<DateTime<Utc>>,
    i64,
    DateTime<Utc>,
);

/// A lane's row, locked, and what time it is.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn lock(conn: &mut PgConnection, lane: &LaneName) -> Result<(Health, DateTime<Utc>), OrdersError> {
    sqlx::query("INSERT INTO orders.lane_health (lane) VALUES ($1) ON CONFLICT DO NOTHING")
        .bind(lane.as_str())
        .execute(&mut *conn)
        .await?;
    let (failures, failing_since, order, succeeded_at, resumed_at, wait_ms, now): Row = sqlx::query_as(
        "SELECT failures, failing_since, succeeded_order, succeeded_at, resumed_at, wait_ms, clock_timestamp()
         FROM orders.lane_health WHERE lane = $1 FOR UPDATE",
    )
    .bind(lane.as_str())
    .fetch_one(conn)
    .await?;
    let success = order.zip(succeeded_at).map(|(order, at)| Seen { order, at });
    let wait = Duration::from_millis(wait_ms.try_into().unwrap_or_default());
    Ok((Health { failures: failures.0, failing_since, success, resumed_at, wait }, now))
}

/// What the latest calls of every lane came to: those that say it is down, since the latest that was done; and that one.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn latest_calls(
    conn: &mut PgConnection,
) -> Result<Vec<(LaneName, Vec<Seen>, Option<Seen>)>, OrdersError> {
    type Row = (String, Json<Vec<Seen>>, Option<String>, Option<DateTime<Utc>>);
    let rows: Vec<Row> =
        sqlx::query_as("SELECT lane, failures, succeeded_order, succeeded_at FROM orders.lane_health")
            .fetch_all(conn)
            .await?;
    let read = |(lane, failures, order, at): Row| {
        Ok((LaneName::parse(&lane)?, failures.0, order.zip(at).map(|(order, at)| Seen { order, at })))
    };
    rows.into_iter().map(read).collect()
}

/// Writes a lane's row that [`lock`] gave.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn keep(conn: &mut PgConnection, lane: &LaneName, health: &Health) -> Result<(), OrdersError> {
    sqlx::query(
        "UPDATE orders.lane_health SET failures = $2, failing_since = $3, succeeded_order = $4, succeeded_at = $5
         WHERE lane = $1",
    )
    .bind(lane.as_str())
    .bind(Json(&health.failures))
    .bind(health.failing_since)
    .bind(health.success.as_ref().map(|call| &call.order))
    .bind(health.success.as_ref().map(|call| call.at))
    .execute(conn)
    .await?;
    Ok(())
}

/// Pauses a lane for this cause, with the code of the failure, until a probe is answered. False if it was.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn trip(
    conn: &mut PgConnection,
    lane: &LaneName,
    cause: PauseCause,
    code: &str,
    waits: ProbeWaits,
) -> Result<bool, OrdersError> {
    let (health, _) = lock(&mut *conn, lane).await?;
    let is_new = pause(&mut *conn, lane, cause, By::waybill(code)).await?;
    if is_new {
        probe_in(conn, lane, health.wait_now(waits)).await?;
    }
    Ok(is_new)
}

async fn probe_in(conn: &mut PgConnection, lane: &LaneName, wait: Duration) -> Result<(), OrdersError> {
    sqlx::query(
        "UPDATE orders.lane_health SET wait_ms = $2, probing_until = NULL,
                probe_after = clock_timestamp() + $2 * interval '1 millisecond'
         WHERE lane = $1",
    )
    .bind(lane.as_str())
    .bind(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether this process is to probe a lane now: nobody else does for as long as it may take.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn take_probe(conn: &mut PgConnection, lane: &LaneName) -> Result<bool, OrdersError> {
    let taken = sqlx::query(
        "UPDATE orders.lane_health SET probing_until = clock_timestamp() + $2 * interval '1 millisecond'
         WHERE lane = $1 AND probe_after <= clock_timestamp()
           AND coalesce(probing_until, '-infinity') < clock_timestamp()
           AND EXISTS (SELECT FROM orders.lane_pauses AS paused
                       WHERE paused.lane = $1 AND paused.until IS NULL AND paused.cause <> 'PERSON')",
    )
    .bind(lane.as_str())
    .bind(i64::try_from(PROBE_LEASE.as_millis()).unwrap_or(i64::MAX))
    .execute(conn)
    .await?;
    Ok(taken.rows_affected() > 0)
}

/// What somebody who looked was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// It answers.
    Answered,
    /// It is down.
    Down,
    /// It refuses our token.
    TokenRefused,
}

/// What a probe was told: what it speaks against is over, and what it speaks for goes on until the next.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn probed(
    conn: &mut PgConnection,
    lane: &LaneName,
    reading: Reading,
    code: &str,
    waits: ProbeWaits,
) -> Result<(), OrdersError> {
    let (health, _) = lock(&mut *conn, lane).await?;
    let (down, refused) = (PauseCause::Down, PauseCause::TokenRefused);
    let by = By::waybill("a probe was answered");
    match reading {
        Reading::Answered => {
            resume(&mut *conn, lane, down, by).await?;
            resume(&mut *conn, lane, refused, by).await?;
            hear_anew(&mut *conn, lane).await?;
            sqlx::query("UPDATE orders.lane_health SET resumed_at = clock_timestamp() WHERE lane = $1")
                .bind(lane.as_str())
                .execute(conn)
                .await?;
        }
        Reading::TokenRefused => {
            pause(&mut *conn, lane, refused, By::waybill(code)).await?;
            resume(&mut *conn, lane, down, by).await?;
            probe_in(conn, lane, waits.first).await?;
        }
        Reading::Down => probe_in(conn, lane, health.wait.max(waits.first)).await?,
    }
    Ok(())
}

/// Ends whatever paused a lane, as a person says, and what its latest calls said of it: the next are heard anew.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn resume_whatever_paused(
    conn: &mut PgConnection,
    lane: &LaneName,
    by: By<'_>,
) -> Result<(), OrdersError> {
    hear_anew(&mut *conn, lane).await?;
    for cause in PauseCause::ALL {
        resume(&mut *conn, lane, cause, by).await?;
    }
    Ok(())
}

async fn hear_anew(conn: &mut PgConnection, lane: &LaneName) -> Result<(), OrdersError> {
    sqlx::query(
        "UPDATE orders.lane_health SET failures = '[]', failing_since = NULL, probe_after = NULL, probing_until = NULL
         WHERE lane = $1",
    )
    .bind(lane.as_str())
    .execute(conn)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(milliseconds).unwrap()
    }

    fn call(order: &str, milliseconds: i64) -> Seen {
        Seen { order: order.to_owned(), at: at(milliseconds) }
    }

    fn failed(calls: &[(&str, i64)]) -> Health {
        let mut health = Health::default();
        calls.iter().for_each(|(order, at)| health.failed(call(order, *at)));
        health
    }

    #[test]
    fn the_last_three_of_two_orders_say_that_it_is_down_once_they_have_said_so_for_a_moment() {
        assert_eq!(failed(&[("a", 0), ("b", 1)]).says(at(9000)), Says::Nothing);
        let three = failed(&[("a", 0), ("b", 1), ("a", 2)]);
        assert_eq!(three.says(at(1499)), Says::Nothing, "another may have been answered meanwhile");
        assert_eq!(three.says(at(1500)), Says::Down);
        let alone = failed(&[("a", 0), ("a", 1000), ("a", 2000)]);
        assert_eq!(alone.says(at(9000)), Says::OneFailsAlone);
        let again = failed(&[("b", 0), ("a", 1), ("a", 2), ("a", 3)]);
        assert_eq!(again.says(at(9000)), Says::OneFailsAlone, "only the last three count");
    }

    #[test]
    fn a_call_that_was_done_takes_back_what_came_before_it() {
        let mut health = failed(&[("a", 0), ("b", 1), ("a", 2)]);
        health.succeeded(call("c", 1));
        assert_eq!((health.failures.len(), health.failing_since), (1, Some(at(2))));
        health.succeeded(call("c", 0));
        assert_eq!(health.success, Some(call("c", 1)), "it is older than what is known");
        health.failed(call("d", 0));
        assert_eq!(health.failures.len(), 1, "as is this");
        let (other, own) = (OrderId::parse("x").unwrap(), OrderId::parse("c").unwrap());
        assert!(health.another_succeeded_since(&other, at(0)));
        assert!(!health.another_succeeded_since(&other, at(1)), "before that");
        assert!(!health.another_succeeded_since(&own, at(0)), "its own");
    }

    #[test]
    fn a_call_that_was_answered_and_refused_breaks_the_row_and_is_nobodys_success() {
        let mut health = failed(&[("a", 0), ("b", 1)]);
        health.answered();
        health.failed(call("a", 2));
        assert_eq!((health.failures.len(), health.failing_since, &health.success), (1, Some(at(2)), &None));
    }

    #[test]
    fn the_wait_doubles_while_probes_are_answered_and_calls_are_not() {
        let waits = ProbeWaits { first: Duration::from_secs(30), longest: Duration::from_secs(100) };
        let mut health = Health { wait: Duration::from_secs(30), ..Health::default() };
        assert_eq!(health.wait_now(waits).as_secs(), 30, "nobody has probed yet");
        health.resumed_at = Some(at(10));
        assert_eq!(health.wait_now(waits).as_secs(), 60);
        health.wait = Duration::from_secs(60);
        assert_eq!(health.wait_now(waits).as_secs(), 100);
        health.success = Some(call("a", 11));
        assert_eq!(health.wait_now(waits).as_secs(), 30);
    }
}
