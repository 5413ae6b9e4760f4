//! The levels: which are dirty, and what became of those that were looked at.
//!
//! A level is dirty while the version of its stock, or its marks, are newer than those it was settled for. Settling
//! names the version that was read, so whatever moved meanwhile leaves it dirty.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{ShopDomain, WarehouseId, channel::Skipped};
use shopify::gid::{InventoryItemId, LocationId};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

/// A level that is to be looked at.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Due {
    pub(crate) item_id: i64,
    pub(crate) sku: String,
    pub(crate) marks: i64,
    pub(crate) attempts: i32,
    /// What was left on hand there, if anything ever was.
    pub(crate) on_hand: Option<i64>,
    /// Since when it is not as it was left, and nothing explains why.
    pub(crate) drifts_since: Option<DateTime<Utc>>,
    /// Whether its location was asked to stock it.
    pub(crate) was_activated: bool,
}

/// A location of a shop, and the warehouse it is.
#[derive(Debug, Clone)]
pub(crate) struct Place<'a> {
    pub(crate) shop: &'a ShopDomain,
    pub(crate) location: LocationId,
    pub(crate) warehouse: &'a WarehouseId,
}

/// What the shop was found to have, or was set to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settled {
    pub(crate) item: InventoryItemId,
    pub(crate) version: i64,
    pub(crate) marks: i64,
    pub(crate) on_hand: i64,
    pub(crate) available: i64,
    /// Pieces of which nobody had looked yet where the shop has them committed: once somebody has, it may be told more.
    pub(crate) unlooked: u64,
}

/// The dirty levels of a place, `most` at most: what is sold out or nearly so first.
pub(crate) async fn due(
    conn: &mut PgConnection,
    place: &Place<'_>,
    low: i64,
    most: i64,
) -> Result<Vec<Due>, sqlx::Error> {
    sqlx::query_as(
        "SELECT l.item_id, l.sku, l.marks, l.attempts, l.on_hand, l.drifts_since,
                l.activated_at IS NOT NULL AS was_activated
         FROM channel.levels l
         LEFT JOIN inventory.stock s ON s.sku = l.sku AND s.warehouse = l.warehouse
         WHERE l.shop = $1 AND l.location_id = $2 AND l.warehouse = $3
           AND (l.settled_version <> COALESCE(s.version, 0) OR l.settled_marks <> l.marks)
           AND l.next_attempt_at <= now()
         ORDER BY COALESCE(s.on_hand - s.reserved - s.queued, 0) > $4, l.next_attempt_at, l.item_id LIMIT $5",
    )
    .bind(place.shop.as_str())
    .bind(place.location.0)
    .bind(place.warehouse.as_str())
    .bind(low)
    .bind(most)
    .fetch_all(conn)
    .await
}

/// The shop is right, for these versions, as it was read at `read_at` or set since; what had drifted has no more.
pub(crate) async fn settle(
    conn: &mut PgConnection,
    place: &Place<'_>,
    read_at: DateTime<Utc>,
    settled: &[Settled],
) -> Result<(), sqlx::Error> {
    let column = |value: fn(&Settled) -> i64| settled.iter().map(value).collect::<Vec<i64>>();
    sqlx::query(
        "WITH ended AS (
             UPDATE channel.drifts SET ended_at = clock_timestamp()
             WHERE shop = $1 AND location_id = $2 AND item_id = ANY ($3) AND ended_at IS NULL)
         UPDATE channel.levels l
         SET settled_version = new.version, settled_marks = new.marks, on_hand = new.on_hand,
             available = new.available, unlooked = new.unlooked, read_at = $9, settled_at = now(), drifts_since = NULL, attempts = 0,
             skipped = NULL, detail = NULL
         FROM UNNEST($3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
             AS new (item_id, version, marks, on_hand, available, unlooked)
         WHERE l.shop = $1 AND l.location_id = $2 AND l.item_id = new.item_id",
    )
    .bind(place.shop.as_str())
    .bind(place.location.0)
    .bind(column(|row| row.item.0))
    .bind(column(|row| row.version))
    .bind(column(|row| row.marks))
    .bind(column(|row| row.on_hand))
    .bind(column(|row| row.available))
    .bind(column(|row| i64::try_from(row.unlooked).unwrap_or(i64::MAX)))
    .bind(read_at)
    .execute(conn)
    .await
    .map(|_| ())
}

/// The settled levels of a place with pieces of which nobody had looked where they are committed: each with its SKU and
/// those pieces.
pub(crate) async fn unlooked(
    conn: &mut PgConnection,
    place: &Place<'_>,
) -> Result<Vec<(i64, String, i64)>, sqlx::Error> {
    sqlx::query_as(
        "SELECT item_id, sku, unlooked FROM channel.levels WHERE shop = $1 AND location_id = $2 AND unlooked > 0",
    )
    .bind(place.shop.as_str())
    .bind(place.location.0)
    .fetch_all(conn)
    .await
}

/// The settled levels of a place are looked at again of whose SKU the shop was notified of a parcel since they were read:
/// what can be sold is the same by that, so the shop says nothing, and what is on hand is not.
pub(crate) async fn mark_notified(conn: &mut PgConnection, place: &Place<'_>) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE channel.levels l SET marks = marks + 1
         FROM (SELECT line ->> 'sku' AS sku, max(p.shop_notified_at) AS at
               FROM orders.parcels p JOIN orders.orders o USING (order_id)
               CROSS JOIN jsonb_array_elements(p.lines) AS line
               WHERE o.shop = $1 AND p.shop_notified_at > now() - interval '15 minutes'
               GROUP BY line ->> 'sku') AS notified
         WHERE l.shop = $1 AND l.location_id = $2 AND l.sku = notified.sku AND l.read_at <= notified.at
           AND l.settled_marks = l.marks",
    )
    .bind(place.shop.as_str())
    .bind(place.location.0)
    .execute(conn)
    .await
    .map(|_| ())
}

/// They are looked at again, as something else is known of what they have.
pub(crate) async fn mark_all(
    conn: &mut PgConnection,
    place: &Place<'_>,
    items: &[i64],
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE channel.levels SET marks = marks + 1, unlooked = 0
         WHERE shop = $1 AND location_id = $2 AND item_id = ANY ($3)",
    )
    .bind(place.shop.as_str())
    .bind(place.location.0)
    .bind(items)
    .execute(conn)
    .await
    .map(|_| ())
}

/// They are looked at again after `pause`. Nothing failed.
pub(crate) async fn wait(
    conn: &mut PgConnection,
    place: &Place<'_>,
    item: InventoryItemId,
    pause: Duration,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE channel.levels SET next_attempt_at = now() + $4 * interval '1 second'
         WHERE shop = $1 AND location_id = $2 AND item_id = $3",
    )
    .bind(place.shop.as_str())
    .bind(place.location.0)
    .bind(item.0)
    .bind(pause.as_secs_f64())
    .execute(conn)
    .await
    .map(|_| ())
}

/// The location is asked to stock the item; false if it was before.
pub(crate) async fn note_activation(
    conn: &mut PgConnection,
    place: &Place<'_>,
    item: InventoryItemId,
) -> Result<bool, sqlx::Error> {
    sqlx::query(
        "UPDATE channel.levels SET activated_at = now()
         WHERE shop = $1 AND location_id = $2 AND item_id = $3 AND activated_at IS NULL",
    )
    .bind(place.shop.as_str())
    .bind(place.location.0)
    .bind(item.0)
    .execute(conn)
    .await
    .map(|done| done.rows_affected() > 0)
}

/// An attempt failed: they are looked at again after `pause`; what is left alone until then has a reason.
pub(crate) async fn put_off(
    conn: &mut PgConnection,
    place: &Place<'_>,
    items: &[InventoryItemId],
    pause: Duration,
    why: Option<(Skipped, &str)>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE channel.levels
         SET attempts = attempts + 1, next_attempt_at = now() + $4 * interval '1 second', skipped = $5,
             detail = left($6, 255)
         WHERE shop = $1 AND location_id = $2 AND item_id = ANY ($3)",
    )
    .bind(place.shop.as_str())
    .bind(place.location.0)
    .bind(items.iter().map(|item| item.0).collect::<Vec<i64>>())
    .bind(pause.as_secs_f64())
    .bind(why.map(|(code, _)| code.as_str()))
    .bind(why.map(|(_, words)| words))
    .execute(conn)
    .await
    .map(|_| ())
}

/// What is about to be set.
pub(crate) struct Write<'a> {
    pub(crate) item: InventoryItemId,
    pub(crate) sku: &'a str,
    pub(crate) was: i64,
    pub(crate) wanted: i64,
    /// What can be sold then: the shop says so by a webhook.
    pub(crate) available: i64,
}

/// Keeps what is about to be set, under the call's key.
pub(crate) async fn note_writes(
    conn: &mut PgConnection,
    place: &Place<'_>,
    key: Uuid,
    writes: &[Write<'_>],
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO channel.writes (key, shop, location_id, item_id, sku, was, wanted, available)
         SELECT $1, $2, $3, new.*
         FROM UNNEST($4::bigint[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[])
             AS new (item_id, sku, was, wanted, available)",
    )
    .bind(key)
    .bind(place.shop.as_str())
    .bind(place.location.0)
    .bind(writes.iter().map(|write| write.item.0).collect::<Vec<i64>>())
    .bind(writes.iter().map(|write| write.sku).collect::<Vec<&str>>())
    .bind(writes.iter().map(|write| write.was).collect::<Vec<i64>>())
    .bind(writes.iter().map(|write| write.wanted).collect::<Vec<i64>>())
    .bind(writes.iter().map(|write| write.available).collect::<Vec<i64>>())
    .execute(conn)
    .await
    .map(|_| ())
}

/// What became of a call.
pub(crate) async fn note_outcome(
    conn: &mut PgConnection,
    key: Uuid,
    outcome: &'static str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE channel.writes SET outcome = $2, ended_at = clock_timestamp() WHERE key = $1 AND outcome IS NULL",
    )
    .bind(key)
    .bind(outcome)
    .execute(conn)
    .await
    .map(|_| ())
}

/// Something was said of a level that may have changed it: it is looked at again, unless that is what it was left with, or
/// what was set last makes of it. False where it is not, or there is no such level.
///
/// # Errors
/// If the database cannot be asked.
pub async fn mark(
    conn: &mut PgConnection,
    shop: &ShopDomain,
    location: i64,
    item: i64,
    available: Option<i64>,
) -> Result<bool, sqlx::Error> {
    sqlx::query(
        "UPDATE channel.levels l SET marks = marks + 1
         WHERE shop = $1 AND location_id = $2 AND item_id = $3
           AND ($4::bigint IS NULL
                OR l.available IS DISTINCT FROM $4 AND $4 IS DISTINCT FROM (
                    SELECT w.available FROM channel.writes w
                    WHERE w.shop = $1 AND w.location_id = $2 AND w.item_id = $3 AND w.outcome IS DISTINCT FROM 'REFUSED'
                    ORDER BY w.write_id DESC LIMIT 1))",
    )
    .bind(shop.as_str())
    .bind(location)
    .bind(item)
    .bind(available)
    .execute(conn)
    .await
    .map(|done| done.rows_affected() > 0)
}
