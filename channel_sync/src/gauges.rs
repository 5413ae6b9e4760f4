//! What operators watch of the shops' levels. Every worker that may sync a shop shows it, whoever does.

use domain::ShopDomain;
use metrics::gauge;
use sqlx::{FromRow, PgPool};

/// Attempts after which a level fails, and no longer has just failed.
const MANY_ATTEMPTS: i32 = 5;

#[derive(FromRow)]
struct Row {
    shop: String,
    dirty: i64,
    failing: i64,
    skipped: i64,
    drifts: i64,
}

pub(crate) async fn show(pool: &PgPool, shops: &[ShopDomain]) -> Result<(), sqlx::Error> {
    let shops: Vec<&str> = shops.iter().map(ShopDomain::as_str).collect();
    let rows: Vec<Row> = sqlx::query_as(
        "WITH levels AS (
             SELECT l.shop, l.skipped IS NOT NULL AS is_skipped,
                    l.attempts >= $2 AND COALESCE(l.skipped = 'REFUSED', true) AS fails,
                    l.settled_version <> COALESCE(s.version, 0) OR l.settled_marks <> l.marks AS is_dirty
             FROM channel.levels l LEFT JOIN inventory.stock s USING (sku, warehouse)
             WHERE l.shop = ANY ($1))
         SELECT wanted.shop, count(*) FILTER (WHERE is_dirty AND NOT is_skipped) AS dirty,
                count(*) FILTER (WHERE is_dirty AND fails) AS failing, count(*) FILTER (WHERE is_skipped) AS skipped,
                (SELECT count(*) FROM channel.drifts d
                 WHERE d.shop = wanted.shop AND d.found_at > now() - interval '1 hour') AS drifts
         FROM UNNEST($1) AS wanted (shop) LEFT JOIN levels USING (shop)
         GROUP BY wanted.shop",
    )
    .bind(&shops)
    .bind(MANY_ATTEMPTS)
    .fetch_all(pool)
    .await?;
    for Row { shop, dirty, failing, skipped, drifts } in rows {
        gauge!("waybill_channel_levels_dirty", "shop" => shop.clone()).set(dirty as f64);
        gauge!("waybill_channel_levels_failing", "shop" => shop.clone()).set(failing as f64);
        gauge!("waybill_channel_levels_skipped", "shop" => shop.clone()).set(skipped as f64);
        gauge!("waybill_channel_drifts_of_an_hour", "shop" => shop).set(drifts as f64);
    }
    Ok(())
}
