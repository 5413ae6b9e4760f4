//! Which item of a shop is which SKU, and which levels there are to be kept right.

use anyhow::Context;
use domain::{ShopDomain, channel::Skipped};
use shopify::admin::{AdminClient, Item};
use sqlx::{Connection as _, PgConnection, PgPool};

use crate::duty::ChannelShop;

/// Asks the shop for all its items. What it has no more is forgotten.
pub(crate) async fn learn(pool: &PgPool, client: &AdminClient, shop: &ShopDomain) -> anyhow::Result<usize> {
    let began: chrono::DateTime<chrono::Utc> = sqlx::query_scalar("SELECT now()").fetch_one(pool).await?;
    let (mut after, mut learned) = (None, 0);
    loop {
        let page = client.items(after.as_deref()).await.context("the shop's items")?;
        learned += page.members.len();
        keep(&mut *pool.acquire().await?, shop, &page.members).await?;
        let Some(next) = page.next else { break };
        after = Some(next);
    }
    sqlx::query("DELETE FROM channel.items WHERE shop = $1 AND learned_at < $2")
        .bind(shop.as_str())
        .bind(began)
        .execute(pool)
        .await?;
    Ok(learned)
}

/// Its items are learned, and its levels made of them.
pub(crate) async fn note_learned(conn: &mut PgConnection, shop: &ShopDomain) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE channel.shops SET learned_at = clock_timestamp(), learn_wanted = false WHERE shop = $1",
    )
    .bind(shop.as_str())
    .execute(conn)
    .await
    .map(|_| ())
}

async fn keep(conn: &mut PgConnection, shop: &ShopDomain, items: &[Item]) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO channel.items (shop, item_id, sku, tracked, is_bundle)
         SELECT $1, new.* FROM UNNEST($2::bigint[], $3::text[], $4::boolean[], $5::boolean[])
             AS new (item_id, sku, tracked, is_bundle)
         ON CONFLICT ON CONSTRAINT items_pk DO UPDATE
             SET sku = EXCLUDED.sku, tracked = EXCLUDED.tracked, is_bundle = EXCLUDED.is_bundle, learned_at = now()",
    )
    .bind(shop.as_str())
    .bind(items.iter().map(|item| item.item.0).collect::<Vec<i64>>())
    .bind(items.iter().map(|item| item.sku.as_deref()).collect::<Vec<Option<&str>>>())
    .bind(items.iter().map(|item| item.tracked).collect::<Vec<bool>>())
    .bind(items.iter().map(|item| item.is_bundle).collect::<Vec<bool>>())
    .execute(conn)
    .await
    .map(|_| ())
}

/// Sees to it that there is a level for each item that we stock at each location that is a warehouse of ours, and for no
/// other. Of an SKU that two items have there is one for each, left alone until one of them is another's.
pub(crate) async fn make_levels(conn: &mut PgConnection, shop: &ChannelShop) -> Result<(), sqlx::Error> {
    let (locations, warehouses): (Vec<i64>, Vec<&str>) =
        shop.locations.iter().map(|(location, warehouse)| (location.0, warehouse.as_str())).unzip();
    let mut tx = conn.begin().await?;
    sqlx::query(
        "DELETE FROM channel.levels l
         WHERE shop = $1 AND NOT EXISTS (
             SELECT FROM channel.items i JOIN UNNEST($2::bigint[], $3::text[]) AS p (location_id, warehouse) ON true
             WHERE i.shop = $1 AND i.item_id = l.item_id AND i.sku = l.sku
               AND p.location_id = l.location_id AND p.warehouse = l.warehouse)",
    )
    .bind(shop.domain.as_str())
    .bind(&locations)
    .bind(&warehouses)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "INSERT INTO channel.levels (shop, location_id, item_id, sku, warehouse)
         SELECT $1, p.location_id, i.item_id, i.sku, p.warehouse
         FROM channel.items i JOIN inventory.items ours USING (sku)
         CROSS JOIN UNNEST($2::bigint[], $3::text[]) AS p (location_id, warehouse)
         WHERE i.shop = $1
         ON CONFLICT ON CONSTRAINT levels_pk DO NOTHING",
    )
    .bind(shop.domain.as_str())
    .bind(&locations)
    .bind(&warehouses)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "UPDATE channel.levels l
         SET skipped = $2, detail = 'items ' || twice.items, next_attempt_at = 'infinity'
         FROM (SELECT sku, string_agg(item_id::text, ', ' ORDER BY item_id) AS items FROM channel.items
               WHERE shop = $1 AND sku IS NOT NULL GROUP BY sku HAVING count(*) > 1) AS twice
         WHERE l.shop = $1 AND l.sku = twice.sku AND l.skipped IS DISTINCT FROM $2",
    )
    .bind(shop.domain.as_str())
    .bind(Skipped::SkuTwice.as_str())
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "UPDATE channel.levels l SET skipped = NULL, detail = NULL, next_attempt_at = now(), marks = marks + 1
         WHERE l.shop = $1 AND l.skipped = $2
           AND (SELECT count(*) FROM channel.items i WHERE i.shop = $1 AND i.sku = l.sku) < 2",
    )
    .bind(shop.domain.as_str())
    .bind(Skipped::SkuTwice.as_str())
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}
