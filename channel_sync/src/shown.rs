//! What people are shown: how the shops' levels are, and what somebody changed in them.

use chrono::{DateTime, Utc};
use domain::{ShopDomain, channel::Skipped};
use sqlx::{FromRow, PgConnection, types::Json};

/// Which levels are wanted.
#[derive(Debug, Clone, Default)]
pub struct LevelFilter {
    /// Only those of this shop.
    pub shop: Option<ShopDomain>,
    /// Only those of this SKU.
    pub sku: Option<String>,
    /// Only those that are left alone, or are not.
    pub skipped: Option<SkippedFilter>,
    /// Only those that are to be looked at, or are not.
    pub dirty: Option<bool>,
    /// Only those after this one.
    pub after: Option<(String, i64, i64)>,
    /// At most so many.
    pub limit: i64,
}

/// Which levels that are left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkippedFilter {
    /// All of them.
    Any,
    /// Those with this reason.
    For(Skipped),
}

/// A level as people see it. Figures are pieces.
#[derive(Debug, Clone, FromRow)]
pub struct ShownLevel {
    /// The shop.
    pub shop: String,
    /// The shop's number of the location.
    pub location_id: i64,
    /// The shop's number of the item.
    pub item_id: i64,
    /// Our SKU.
    pub sku: String,
    /// The warehouse that the location is.
    pub warehouse: String,
    /// What the shop was left with on hand; none before the first time.
    pub on_hand: Option<i64>,
    /// What it could sell then.
    pub available: Option<i64>,
    /// When that was.
    pub settled_at: Option<DateTime<Utc>>,
    /// Whether it is to be looked at.
    pub is_dirty: bool,
    /// Failed attempts since it was right.
    pub attempts: i32,
    /// When it is looked at next, if it is dirty; none where something else has to change first.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// Why it is left alone until then.
    pub skipped: Option<String>,
    /// More about that.
    pub detail: Option<String>,
}

/// A page of levels, by shop, location and item.
///
/// # Errors
/// If the database cannot be asked.
pub async fn levels(conn: &mut PgConnection, filter: &LevelFilter) -> Result<Vec<ShownLevel>, sqlx::Error> {
    let (any, reason) = match filter.skipped {
        None => (false, None),
        Some(SkippedFilter::Any) => (true, None),
        Some(SkippedFilter::For(reason)) => (true, Some(reason.as_str())),
    };
    let after = filter.after.as_ref();
    sqlx::query_as(
        "SELECT * FROM (
             SELECT l.shop, l.location_id, l.item_id, l.sku, l.warehouse, l.on_hand, l.available, l.settled_at,
                    l.settled_version <> COALESCE(s.version, 0) OR l.settled_marks <> l.marks AS is_dirty, l.attempts,
                    NULLIF(l.next_attempt_at, 'infinity') AS next_attempt_at, l.skipped, l.detail
             FROM channel.levels l LEFT JOIN inventory.stock s USING (sku, warehouse)
             WHERE ($1::text IS NULL OR l.shop = $1) AND ($2::text IS NULL OR l.sku = $2)
               AND (NOT $3 OR l.skipped IS NOT NULL) AND ($4::text IS NULL OR l.skipped = $4)
               AND ($6::text IS NULL OR (l.shop, l.location_id, l.item_id) > ($6, $7, $8))) AS level
         WHERE $5::boolean IS NULL OR is_dirty = $5
         ORDER BY shop, location_id, item_id LIMIT $9",
    )
    .bind(filter.shop.as_ref().map(ShopDomain::as_str))
    .bind(filter.sku.as_deref())
    .bind(any)
    .bind(reason)
    .bind(filter.dirty)
    .bind(after.map(|(shop, _, _)| shop.as_str()))
    .bind(after.map(|(_, location, _)| *location))
    .bind(after.map(|(_, _, item)| *item))
    .bind(filter.limit)
    .fetch_all(conn)
    .await
}

/// Which drifts are wanted.
#[derive(Debug, Clone, Default)]
pub struct DriftFilter {
    /// Only those of this shop.
    pub shop: Option<ShopDomain>,
    /// Only those of this SKU.
    pub sku: Option<String>,
    /// Only those that are open, or are not.
    pub open: Option<bool>,
    /// Only those before this one.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: i64,
}

/// What somebody changed who is neither we nor an order. Figures are pieces.
#[derive(Debug, Clone, FromRow)]
pub struct ShownDrift {
    /// Its id, later ones higher.
    pub drift_id: i64,
    /// The shop.
    pub shop: String,
    /// The shop's number of the location.
    pub location_id: i64,
    /// The shop's number of the item.
    pub item_id: i64,
    /// Our SKU.
    pub sku: String,
    /// The warehouse that the location is.
    pub warehouse: String,
    /// What the shop was left with on hand.
    pub was: i64,
    /// What it was found to have.
    pub found: i64,
    /// Of the difference, what no order explains.
    pub pieces: i64,
    /// Whose figure counts: `ours` or `theirs`.
    pub policy: String,
    /// When it was found.
    pub found_at: DateTime<Utc>,
    /// When it was set back or booked.
    pub ended_at: Option<DateTime<Utc>>,
}

/// A page of drifts, the newest first.
///
/// # Errors
/// If the database cannot be asked.
pub async fn drifts(conn: &mut PgConnection, filter: &DriftFilter) -> Result<Vec<ShownDrift>, sqlx::Error> {
    sqlx::query_as(
        "SELECT * FROM channel.drifts
         WHERE ($1::text IS NULL OR shop = $1) AND ($2::text IS NULL OR sku = $2)
           AND ($3::boolean IS NULL OR (ended_at IS NULL) = $3) AND ($4::bigint IS NULL OR drift_id < $4)
         ORDER BY drift_id DESC LIMIT $5",
    )
    .bind(filter.shop.as_ref().map(ShopDomain::as_str))
    .bind(filter.sku.as_deref())
    .bind(filter.open)
    .bind(filter.before)
    .bind(filter.limit)
    .fetch_all(conn)
    .await
}

/// A shop whose levels are kept right.
#[derive(Debug, Clone, FromRow)]
pub struct ShownShop {
    /// The shop.
    pub shop: String,
    /// When its items were learned; none before the first time.
    pub learned_at: Option<DateTime<Utc>>,
    /// Whether they are to be learned now.
    pub is_learning: bool,
    /// Items it has.
    pub items: i64,
    /// Of these, those of a SKU that we stock.
    pub known_items: i64,
    /// Levels that are kept right.
    pub levels: i64,
    /// Of these, those that are to be looked at, those that are left alone apart.
    pub dirty: i64,
    /// Those that are left alone, by reason.
    pub skipped: Json<Vec<(String, i64)>>,
    /// Drifts of the last 24 hours.
    pub drifts: i64,
}

/// How the levels of these shops are, in their order.
///
/// # Errors
/// If the database cannot be asked.
pub async fn shops(conn: &mut PgConnection, shops: &[&ShopDomain]) -> Result<Vec<ShownShop>, sqlx::Error> {
    sqlx::query_as(
        "SELECT wanted.shop, s.learned_at, COALESCE(s.learn_wanted, true) AS is_learning,
                (SELECT count(*) FROM channel.items i WHERE i.shop = wanted.shop) AS items,
                (SELECT count(*) FROM channel.items i JOIN inventory.items USING (sku) WHERE i.shop = wanted.shop)
                    AS known_items,
                (SELECT count(*) FROM channel.levels l WHERE l.shop = wanted.shop) AS levels,
                (SELECT count(*) FROM channel.levels l LEFT JOIN inventory.stock t USING (sku, warehouse)
                 WHERE l.shop = wanted.shop AND l.skipped IS NULL
                   AND (l.settled_version <> COALESCE(t.version, 0) OR l.settled_marks <> l.marks)) AS dirty,
                COALESCE((SELECT jsonb_agg(jsonb_build_array(skipped, levels) ORDER BY skipped)
                          FROM (SELECT skipped, count(*) AS levels FROM channel.levels l
                                WHERE l.shop = wanted.shop AND skipped IS NOT NULL GROUP BY skipped) AS by_reason), '[]')
                    AS skipped,
                (SELECT count(*) FROM channel.drifts d
                 WHERE d.shop = wanted.shop AND d.found_at > now() - interval '24 hours') AS drifts
         FROM UNNEST($1::text[]) WITH ORDINALITY AS wanted (shop, position)
         LEFT JOIN channel.shops s USING (shop)
         ORDER BY wanted.position",
    )
    .bind(shops.iter().map(|shop| shop.as_str()).collect::<Vec<_>>())
    .fetch_all(conn)
    .await
}

/// Has a shop's items learned again, by whichever worker syncs it.
///
/// # Errors
/// If the database cannot be asked.
pub async fn want_items(conn: &mut PgConnection, shop: &ShopDomain) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO channel.shops (shop) VALUES ($1)
         ON CONFLICT ON CONSTRAINT shops_pk DO UPDATE SET learn_wanted = true",
    )
    .bind(shop.as_str())
    .execute(conn)
    .await
    .map(|_| ())
}
