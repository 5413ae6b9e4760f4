//! What our books say of the levels of a place, in one moment.

use std::collections::HashMap;

use domain::channel::Books;
use sqlx::{Connection as _, FromRow, PgConnection};

use crate::levels::{self, Place};

/// A level by our books.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Kept {
    pub(crate) books: Books,
    /// The version of the stock; 0 where the warehouse never had the item.
    pub(crate) version: i64,
}

#[derive(FromRow)]
struct StockRow {
    sku: String,
    on_hand: i64,
    reserved: i64,
    queued: i64,
    version: i64,
}

#[derive(FromRow)]
struct OrdersRow {
    sku: String,
    committed: i64,
    unlooked: i64,
    outcome_open: bool,
}

/// What the shop's orders have of these SKUs in this warehouse, or had leave from any and were not told of. What an order
/// has is committed at the location as far as its fulfilment orders there, as they were looked at, have it still to be
/// fulfilled; nobody knows of an order that was not looked at, or is to be looked at again. The pieces of a line are those
/// of its SKU, whichever of several lines of it they are.
const OF_ORDERS: &str = "
WITH held AS (
    SELECT a.order_id, a.sku, sum(a.quantity - a.fulfilled_quantity) AS pieces
    FROM inventory.allocations a
    WHERE a.sku = ANY ($1) AND a.warehouse = $2 AND a.status IN ('PENDING', 'CONFIRMED') AND a.owner = 'ORDER'
    GROUP BY a.order_id, a.sku
), untold AS (
    SELECT p.order_id, line ->> 'sku' AS sku, sum((line ->> 'quantity')::bigint) AS pieces,
           bool_or(p.notifications > 0) AS outcome_open
    FROM orders.parcels p CROSS JOIN jsonb_array_elements(p.lines) AS line
    WHERE p.booked_at IS NOT NULL AND p.shop_notified_at IS NULL AND line ->> 'sku' = ANY ($1)
    GROUP BY p.order_id, line ->> 'sku'
), had AS (
    SELECT order_id, sku, COALESCE(held.pieces, 0) AS held, COALESCE(untold.pieces, 0) AS untold,
           COALESCE(untold.outcome_open, false) AS outcome_open
    FROM held FULL JOIN untold USING (order_id, sku)
), of_shop AS (
    SELECT had.*, o.looked_for IS NULL OR o.look_wanted AS is_unlooked,
           had.outcome_open OR o.cancel_sent_at IS NOT NULL AND o.story_ended_at IS NULL AS is_open
    FROM had JOIN orders.orders o USING (order_id) WHERE o.shop = $3
), here AS (
    SELECT s.order_id, s.sku, sum((line ->> 'remainingQuantity')::bigint) AS pieces
    FROM of_shop s
    JOIN orders.fulfilment_orders f USING (order_id)
    CROSS JOIN jsonb_array_elements(f.content -> 'lines') AS line
    WHERE (f.content ->> 'locationId')::bigint = $4
      AND f.content ->> 'status' IN ('OPEN', 'IN_PROGRESS', 'SCHEDULED', 'ON_HOLD')
      AND EXISTS (SELECT FROM inventory.allocations a
                  WHERE a.order_id = s.order_id AND a.sku = s.sku AND a.line_id = line ->> 'lineItemId')
    GROUP BY s.order_id, s.sku
)
SELECT s.sku,
       COALESCE(sum(least(s.held + s.untold, h.pieces)) FILTER (WHERE NOT s.is_unlooked), 0)::bigint AS committed,
       COALESCE(sum(s.held + s.untold) FILTER (WHERE s.is_unlooked), 0)::bigint AS unlooked,
       bool_or(s.is_open) AS outcome_open
FROM of_shop s LEFT JOIN here h USING (order_id, sku)
GROUP BY s.sku";

/// What the books say of these SKUs, which the caller has read from the shop before.
pub(crate) async fn of(
    conn: &mut PgConnection,
    place: &Place<'_>,
    skus: &[&str],
) -> Result<HashMap<String, Kept>, sqlx::Error> {
    let mut tx = conn.begin().await?;
    // Both queries see the same moment.
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").execute(&mut *tx).await?;
    let stock: Vec<StockRow> = sqlx::query_as(
        "SELECT sku, on_hand, reserved, queued, version FROM inventory.stock WHERE sku = ANY ($1) AND warehouse = $2",
    )
    .bind(skus)
    .bind(place.warehouse.as_str())
    .fetch_all(&mut *tx)
    .await?;
    let orders: Vec<OrdersRow> = sqlx::query_as(OF_ORDERS)
        .bind(skus)
        .bind(place.warehouse.as_str())
        .bind(place.shop.as_str())
        .bind(place.location.0)
        .fetch_all(&mut *tx)
        .await?;
    tx.commit().await?;
    let mut kept: HashMap<String, Kept> = HashMap::new();
    for row in stock {
        let books = Books {
            on_hand: row.on_hand.unsigned_abs(),
            reserved: row.reserved.unsigned_abs(),
            queued: row.queued.unsigned_abs(),
            ..Books::default()
        };
        kept.insert(row.sku, Kept { books, version: row.version });
    }
    for row in orders {
        let books = &mut kept.entry(row.sku).or_default().books;
        books.committed = row.committed.unsigned_abs();
        books.unlooked = row.unlooked.unsigned_abs();
        books.outcome_open = row.outcome_open;
    }
    Ok(kept)
}

/// Marks the levels of a place of which something else is known by now than when they were settled: where the shop has
/// pieces committed, or that it was notified of them. That moves no stock, so nothing else says it.
pub(crate) async fn look_for_news(conn: &mut PgConnection, place: &Place<'_>) -> Result<(), sqlx::Error> {
    levels::mark_notified(conn, place).await?;
    let open = levels::unlooked(conn, place).await?;
    if open.is_empty() {
        return Ok(());
    }
    let skus: Vec<&str> = open.iter().map(|(_, sku, _)| sku.as_str()).collect();
    let kept = of(conn, place, &skus).await?;
    let unlooked = |sku: &String| kept.get(sku).map_or(0, |kept| kept.books.unlooked);
    let news = open.iter().filter(|(_, sku, then)| unlooked(sku) != then.unsigned_abs());
    let news: Vec<i64> = news.map(|(item, ..)| *item).collect();
    levels::mark_all(conn, place, &news).await
}
