//! Drift: a level that is not as it was left, and nothing explains why. Somebody's hand was in it.
//!
//! Which figure counts then is said for each location. Where it is ours, the level is set back as any other that differs.
//! Where it is theirs, what the shop's people changed is booked as a count of the warehouse.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Sku, channel::Explained};
use process::settings::DriftPolicy;
use shopify::{admin::Quantities, gid::InventoryItemId};
use sqlx::{FromRow, PgConnection, PgPool};
use stock::{Count, CountOutcome};
use tracing::warn;

use crate::{
    levels::{self, Due, Place},
    round::RoundError,
};

/// How long an explanation is waited for: the webhook of an order may come after the level's.
const GRACE: TimeDelta = TimeDelta::seconds(5);
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Whoever lost or got pieces by a count hears of it at once.
const SWEEP_AFTER: Duration = Duration::ZERO;
/// Why they were booked, as it stands in the ledger.
const REASON: &str = "changed in the shop";

#[derive(FromRow)]
struct Row {
    item_id: i64,
    on_hand: i64,
    gone: i64,
    back: i64,
    least_tried: Option<i64>,
    most_tried: Option<i64>,
}

/// What may have happened to levels since they were read last: what was set, or tried to be; parcels of which the shop
/// was notified, or is about to be, and what others fulfilled; and what came back. Whatever moves pieces says so there in
/// the transaction in which it is known, which may be after the shop has done it: each counts as far as it goes.
const SINCE: &str = "
WITH asked AS (
    SELECT item_id, sku, warehouse, on_hand, read_at FROM channel.levels
    WHERE shop = $1 AND location_id = $2 AND item_id = ANY ($3) AND on_hand IS NOT NULL AND read_at IS NOT NULL
), notified AS (
    SELECT a.item_id, sum((line ->> 'quantity')::bigint) AS pieces
    FROM asked a
    JOIN orders.parcels p ON p.shop_notified_at >= a.read_at OR p.shop_notified_at IS NULL AND p.notifications > 0
    JOIN orders.orders o USING (order_id)
    CROSS JOIN jsonb_array_elements(p.lines) AS line
    WHERE o.shop = $1 AND line ->> 'sku' = a.sku
    GROUP BY a.item_id
), elsewhere AS (
    SELECT a.item_id, sum(f.pieces) AS pieces
    FROM asked a
    JOIN orders.fulfilled_elsewhere f USING (sku, warehouse)
    JOIN orders.orders o USING (order_id)
    WHERE o.shop = $1 AND f.booked_at >= a.read_at
    GROUP BY a.item_id
), back AS (
    SELECT a.item_id, sum(b.quantity) AS pieces
    FROM asked a
    JOIN (SELECT order_id, line_id, quantity, kept_at AS at FROM orders.refund_lines
          WHERE restock IN ('return', 'legacy_restock')
          UNION ALL
          SELECT order_id, line_id, quantity, announced_at FROM orders.announced_pieces
          WHERE source = 'DISPOSITION') AS b ON b.at >= a.read_at
    JOIN orders.orders o USING (order_id)
    WHERE o.shop = $1 AND EXISTS (SELECT FROM inventory.allocations l
                                  WHERE l.order_id = b.order_id AND l.line_id = b.line_id AND l.sku = a.sku)
    GROUP BY a.item_id
), tried AS (
    SELECT a.item_id, min(w.wanted) AS least, max(w.wanted) AS most
    FROM asked a
    JOIN channel.writes w ON w.shop = $1 AND w.location_id = $2 AND w.item_id = a.item_id
    WHERE w.sent_at >= a.read_at AND w.outcome IS DISTINCT FROM 'REFUSED'
    GROUP BY a.item_id
)
SELECT a.item_id, a.on_hand, (COALESCE(notified.pieces, 0) + COALESCE(elsewhere.pieces, 0))::bigint AS gone,
       COALESCE(back.pieces, 0)::bigint AS back, tried.least AS least_tried, tried.most AS most_tried
FROM asked a
LEFT JOIN notified USING (item_id) LEFT JOIN elsewhere USING (item_id) LEFT JOIN back USING (item_id)
LEFT JOIN tried USING (item_id)";

/// What these levels may have on hand without anybody's hand in it; those that were never left with anything are not
/// among them.
pub(crate) async fn explained(
    conn: &mut PgConnection,
    place: &Place<'_>,
    items: &[i64],
) -> Result<HashMap<i64, Explained>, sqlx::Error> {
    if items.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<Row> = sqlx::query_as(SINCE)
        .bind(place.shop.as_str())
        .bind(place.location.0)
        .bind(items)
        .fetch_all(conn)
        .await?;
    let explain = |row: Row| {
        let least = row.least_tried.map_or(row.on_hand, |tried| tried.min(row.on_hand));
        let most = row.most_tried.map_or(row.on_hand, |tried| tried.max(row.on_hand));
        (
            row.item_id,
            Explained { least: least.saturating_sub(row.gone), most: most.saturating_add(row.back) },
        )
    };
    Ok(rows.into_iter().map(explain).collect())
}

/// A level that drifted.
pub(crate) struct Drift<'a> {
    pub(crate) due: &'a Due,
    pub(crate) seen: &'a Quantities,
    /// When it was read.
    pub(crate) read_at: DateTime<Utc>,
    /// Pieces that nothing explains.
    pub(crate) pieces: i64,
    pub(crate) policy: DriftPolicy,
}

impl Drift<'_> {
    /// Records it, unless it is too young to be one, and books it where the shop is right. True if the level is to be set
    /// back as any other that differs.
    pub(crate) async fn follow(&self, pool: &PgPool, place: &Place<'_>) -> Result<bool, RoundError> {
        let Self { due, policy, .. } = self;
        let mut conn = pool.acquire().await?;
        // More than there is would be sold: that is not waited for.
        let is_urgent = *policy == DriftPolicy::Ours && self.pieces > 0;
        let since = due.drifts_since.unwrap_or(self.read_at);
        if !is_urgent && self.read_at - since < GRACE {
            self.note_since(&mut conn, place, since).await?;
            return Ok(false);
        }
        if *policy == DriftPolicy::Ours {
            self.note(&mut conn, place).await?;
            return Ok(true);
        }
        drop(conn);
        self.book(pool, place).await?;
        Ok(false)
    }

    async fn note_since(
        &self,
        conn: &mut PgConnection,
        place: &Place<'_>,
        since: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(
            "UPDATE channel.levels SET drifts_since = $4, next_attempt_at = now() + $5 * interval '1 second'
             WHERE shop = $1 AND location_id = $2 AND item_id = $3",
        )
        .bind(place.shop.as_str())
        .bind(place.location.0)
        .bind(self.due.item_id)
        .bind(since)
        .bind(LOOK_AGAIN_AFTER.as_secs_f64())
        .execute(conn)
        .await
        .map(|_| ())
    }

    /// Its id; one that is open already is brought up to date.
    async fn note(&self, conn: &mut PgConnection, place: &Place<'_>) -> Result<i64, sqlx::Error> {
        let Self { due, seen, pieces, policy, .. } = self;
        let (id, is_new): (i64, bool) = sqlx::query_as(
            "INSERT INTO channel.drifts (shop, location_id, item_id, sku, warehouse, was, found, pieces, policy)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (shop, location_id, item_id) WHERE ended_at IS NULL
                 DO UPDATE SET found = EXCLUDED.found, pieces = EXCLUDED.pieces, policy = EXCLUDED.policy
             RETURNING drift_id, xmax = 0",
        )
        .bind(place.shop.as_str())
        .bind(place.location.0)
        .bind(due.item_id)
        .bind(&due.sku)
        .bind(place.warehouse.as_str())
        .bind(due.on_hand.unwrap_or_default())
        .bind(seen.on_hand)
        .bind(pieces)
        .bind(policy.as_str())
        .fetch_one(conn)
        .await?;
        if is_new {
            let labels = [("shop", place.shop.to_string()), ("policy", policy.as_str().to_owned())];
            metrics::counter!("waybill_channel_drifts_total", &labels).increment(1);
            warn!(shop = %place.shop, location = place.location.0, sku = due.sku, pieces, policy = policy.as_str(),
                "somebody changed a level in the shop");
        }
        Ok(id)
    }

    /// Theirs counts: what they changed is booked, and the level is as it was left again.
    async fn book(&self, pool: &PgPool, place: &Place<'_>) -> Result<(), RoundError> {
        let Self { due, seen, .. } = self;
        let sku = Sku::parse(&due.sku).map_err(|_| sqlx::Error::RowNotFound)?;
        let mut tx = pool.begin().await?;
        let drift_id = self.note(&mut tx, place).await?;
        let before = inventory::place(&mut tx, &sku, place.warehouse).await?;
        let there = before.on_hand.saturating_sub(before.missing);
        let count = Count {
            sku: &sku,
            warehouse: place.warehouse,
            found: there.saturating_add_signed(self.pieces),
            request_id: &format!("drift-{drift_id}"),
            by: place.shop.as_str(),
            reason: REASON,
        };
        let outcome =
            stock::count(&mut tx, &count, SWEEP_AFTER, &format!("channel-drift-{drift_id}")).await?;
        let is_booked =
            matches!(&outcome, CountOutcome::Booked(kept, _) if kept.on_hand_before == before.on_hand);
        if !is_booked {
            // Stock moved meanwhile: it is counted anew on what is there then.
            tx.rollback().await?;
            let item = InventoryItemId(due.item_id);
            return Ok(levels::wait(&mut *pool.acquire().await?, place, item, Duration::ZERO).await?);
        }
        sqlx::query(
            "WITH ended AS (UPDATE channel.drifts SET ended_at = clock_timestamp() WHERE drift_id = $4)
             UPDATE channel.levels
             SET on_hand = $5, available = $6, read_at = $7, drifts_since = NULL, next_attempt_at = now()
             WHERE shop = $1 AND location_id = $2 AND item_id = $3",
        )
        .bind(place.shop.as_str())
        .bind(place.location.0)
        .bind(due.item_id)
        .bind(drift_id)
        .bind(seen.on_hand)
        .bind(seen.available)
        .bind(self.read_at)
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }
}
