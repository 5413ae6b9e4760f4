//! Lanes that are paused: nobody takes what waits for them, and nothing of it is lost or counts as an attempt.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{LaneName, words};
use sqlx::{FromRow, PgConnection};
use strum::{Display, IntoStaticStr, VariantArray};

use crate::OrdersError;

/// What paused a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum PauseCause {
    /// A person, until a person resumes it.
    Person,
    /// Whoever is called is down, until a probe is answered.
    Down,
    /// Our token is refused, until one is taken.
    TokenRefused,
}

words!(PauseCause, "cause");

/// A pause that is on.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Pause {
    /// Of which lane.
    #[sqlx(try_from = "String")]
    pub lane: LaneName,
    /// What paused it.
    #[sqlx(try_from = "String")]
    pub cause: PauseCause,
    /// Since when.
    pub since: DateTime<Utc>,
    /// By whom: a name.
    pub paused_by: String,
    /// Why: a person's words, or the code of the failure.
    pub reason: String,
}

/// Who pauses or resumes a lane, and why.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    /// A name.
    pub name: &'a str,
    /// Their words.
    pub reason: &'a str,
}

impl<'a> By<'a> {
    /// Nobody but this process, because of this.
    #[must_use]
    pub fn waybill(reason: &'a str) -> Self {
        Self { name: "waybill", reason }
    }
}

/// Pauses a lane. False if the same paused it already.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn pause(
    conn: &mut PgConnection,
    lane: &LaneName,
    cause: PauseCause,
    by: By<'_>,
) -> Result<bool, OrdersError> {
    let paused = sqlx::query(
        "INSERT INTO orders.lane_pauses (lane, cause, paused_by, reason) VALUES ($1, $2, $3, $4)
         ON CONFLICT (lane, cause) WHERE until IS NULL DO NOTHING",
    )
    .bind(lane.as_str())
    .bind(cause.as_str())
    .bind(by.name)
    .bind(by.reason)
    .execute(conn)
    .await?;
    Ok(paused.rows_affected() > 0)
}

/// Lanes that are paused, or were until a moment ago, and whether they are.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn paused_lately(conn: &mut PgConnection) -> Result<Vec<(LaneName, bool)>, OrdersError> {
    let lanes: Vec<(String, bool)> = sqlx::query_as(
        "SELECT lane, bool_or(until IS NULL) FROM orders.lane_pauses
         WHERE until IS NULL OR until > now() - interval '5 minutes' GROUP BY lane ORDER BY lane",
    )
    .fetch_all(conn)
    .await?;
    lanes.iter().map(|(lane, is_paused)| Ok((LaneName::parse(lane)?, *is_paused))).collect()
}

/// Forgets what Waybill itself paused, and ended so long ago; what people did stays.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn forget_old(conn: &mut PgConnection, keep: Duration) -> Result<(), OrdersError> {
    sqlx::query(
        "DELETE FROM orders.lane_pauses WHERE cause <> 'PERSON' AND until < now() - $1 * interval '1 second'",
    )
    .bind(keep.as_secs_f64())
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends what this cause paused.
pub(super) async fn resume(
    conn: &mut PgConnection,
    lane: &LaneName,
    cause: PauseCause,
    by: By<'_>,
) -> Result<(), OrdersError> {
    sqlx::query(
        "UPDATE orders.lane_pauses SET until = greatest(now(), since), resumed_by = $3, resume_reason = $4,
                waited = (SELECT count(DISTINCT order_id) FROM orders.needed_lanes WHERE needed_lanes.lane = $1)
         WHERE lane = $1 AND cause = $2 AND until IS NULL",
    )
    .bind(lane.as_str())
    .bind(cause.as_str())
    .bind(by.name)
    .bind(by.reason)
    .execute(conn)
    .await?;
    Ok(())
}

/// The pauses that are on, by lane.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn on(conn: &mut PgConnection) -> Result<Vec<Pause>, OrdersError> {
    Ok(sqlx::query_as(
        "SELECT lane, cause, since, paused_by, reason FROM orders.lane_pauses WHERE until IS NULL ORDER BY lane, since",
    )
    .fetch_all(conn)
    .await?)
}

/// How long any of these lanes was paused since a moment, and why last: a person's pauses count like any other.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn paused_for(
    conn: &mut PgConnection,
    lanes: &[&LaneName],
    since: DateTime<Utc>,
) -> Result<(Duration, Option<LastPause>), OrdersError> {
    let lanes: Vec<&str> = lanes.iter().map(|lane| lane.as_str()).collect();
    let pauses: Vec<Span> = sqlx::query_as(
        "SELECT greatest(since, $2), coalesce(until, clock_timestamp()), cause, reason, until IS NULL FROM orders.lane_pauses
         WHERE lane = ANY($1) AND (until IS NULL OR until > $2) ORDER BY since",
    )
    .bind(&lanes)
    .bind(since)
    .fetch_all(conn)
    .await?;
    let last = pauses.iter().max_by_key(|(_, to, ..)| *to).map(|(.., cause, reason, is_on)| {
        let (cause, reason, is_on) = (PauseCause::try_from(cause.clone())?, reason.clone(), *is_on);
        Ok::<_, OrdersError>(LastPause { cause, reason, is_on })
    });
    Ok((covered(pauses.iter().map(|(from, to, ..)| (*from, *to))), last.transpose()?))
}

/// From when to when, the cause, the reason, and whether it is on.
type Span = (DateTime<Utc>, DateTime<Utc>, String, String, bool);

/// Why a lane was paused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastPause {
    /// What paused it.
    pub cause: PauseCause,
    /// A person's words, or the code of the failure.
    pub reason: String,
    /// Whether it is on.
    pub is_on: bool,
}

/// How much time these cover together, ordered by their beginning; what several cover counts once.
fn covered(spans: impl Iterator<Item = (DateTime<Utc>, DateTime<Utc>)>) -> Duration {
    let (mut covered, mut reached) = (chrono::Duration::zero(), DateTime::<Utc>::MIN_UTC);
    for (from, to) in spans {
        covered += (to - from.max(reached)).max(chrono::Duration::zero());
        reached = reached.max(to);
    }
    covered.to_std().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_that_several_pauses_cover_counts_once() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let covers =
            |spans: &[(i64, i64)]| covered(spans.iter().map(|(from, to)| (at(*from), at(*to)))).as_secs();
        assert_eq!(covers(&[]), 0);
        assert_eq!(covers(&[(10, 20), (30, 35)]), 15);
        assert_eq!(covers(&[(10, 20), (15, 25), (16, 18)]), 15);
        assert_eq!(covers(&[(10, 30), (12, 14), (30, 31)]), 21);
    }
}
