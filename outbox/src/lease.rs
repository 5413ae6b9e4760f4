//! Which relay publishes which lanes.
//!
//! **Invariant:** of the relays of a sink that keep time, one at most holds a lane.

use std::time::Duration;

use sqlx::PgPool;
use uuid::Uuid;

/// Lanes of a sink.
pub(crate) const LANES: i64 = 16;

/// Says that the relay is there, gives back what is more than its share, and takes free lanes up to it. The lanes it
/// holds from now on, for `lease`.
pub(crate) async fn renew(
    pool: &PgPool,
    sink: &str,
    relay: Uuid,
    lease: Duration,
) -> Result<Vec<i16>, sqlx::Error> {
    let mut tx = pool.begin().await?;
    // One at a time, so that two newcomers do not both count as the only one.
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('integration.lane_leases/' || $1, 0))")
        .bind(sink)
        .execute(&mut *tx)
        .await?;
    let seconds = lease.as_secs_f64();
    let relays: i64 = sqlx::query_scalar(
        "WITH here AS (
             INSERT INTO integration.relays (sink, relay, seen_until)
             VALUES ($1, $2, now() + $3 * interval '1 second')
             ON CONFLICT ON CONSTRAINT relays_pk DO UPDATE SET seen_until = EXCLUDED.seen_until
         ), gone AS (
             DELETE FROM integration.relays WHERE sink = $1 AND seen_until < now() - interval '1 hour'
         )
         SELECT 1 + count(*) FROM integration.relays WHERE sink = $1 AND relay <> $2 AND seen_until >= now()",
    )
    .bind(sink)
    .bind(relay)
    .bind(seconds)
    .fetch_one(&mut *tx)
    .await?;
    let share = (LANES + relays - 1) / relays;
    let held: Vec<i16> = sqlx::query_scalar(
        "WITH free AS (
             SELECT g.lane::smallint AS lane, l.relay IS NOT DISTINCT FROM $2 AS is_ours
             FROM generate_series(0, $4 - 1) AS g (lane)
             LEFT JOIN integration.lane_leases l ON l.sink = $1 AND l.lane = g.lane
             WHERE l.relay IS NULL OR l.relay = $2 OR l.held_until < now()
         )
         INSERT INTO integration.lane_leases (sink, lane, relay, held_until)
         SELECT $1, lane, $2, now() + $3 * interval '1 second' FROM free ORDER BY is_ours DESC, lane LIMIT $5
         ON CONFLICT ON CONSTRAINT lane_leases_pk
             DO UPDATE SET relay = EXCLUDED.relay, held_until = EXCLUDED.held_until
         RETURNING lane",
    )
    .bind(sink)
    .bind(relay)
    .bind(seconds)
    .bind(LANES)
    .bind(share)
    .fetch_all(&mut *tx)
    .await?;
    sqlx::query("DELETE FROM integration.lane_leases WHERE sink = $1 AND relay = $2 AND NOT lane = ANY ($3)")
        .bind(sink)
        .bind(relay)
        .bind(&held)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(held)
}

/// Gives back all lanes, so that others need not wait for the lease to run out.
pub(crate) async fn give_back(pool: &PgPool, sink: &str, relay: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query(
        "WITH gone AS (DELETE FROM integration.relays WHERE sink = $1 AND relay = $2)
         DELETE FROM integration.lane_leases WHERE sink = $1 AND relay = $2",
    )
    .bind(sink)
    .bind(relay)
    .execute(pool)
    .await?;
    Ok(())
}
