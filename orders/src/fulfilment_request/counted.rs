//! Hand-overs and counts: what a warehouse was handed over cannot be taken from an order, but the hand-over may be
//! recalled, where a person says so.

use domain::{OrderId, RequestReference, Sku, WarehouseId};
use sqlx::{FromRow, PgConnection};

use crate::OrdersError;

/// Pieces of a line that a warehouse was asked to ship, those that have left since counted in.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct HandedOver {
    /// Whose.
    pub order_id: String,
    /// Of which line.
    pub line_id: String,
    /// How many.
    #[sqlx(try_from = "i64")]
    pub pieces: u64,
}

/// What of a SKU these orders have handed over to a warehouse, by their lines.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn handed_over(
    conn: &mut PgConnection,
    orders: &[&str],
    sku: &Sku,
    warehouse: &WarehouseId,
) -> Result<Vec<HandedOver>, OrdersError> {
    Ok(sqlx::query_as(
        "SELECT order_id, line ->> 'lineId' AS line_id, sum((line ->> 'quantity')::bigint)::bigint AS pieces
         FROM orders.fulfilment_requests, jsonb_array_elements(lines) AS line
         WHERE order_id = ANY ($1) AND warehouse = $2 AND line ->> 'sku' = $3 AND called_at IS NOT NULL
           AND NOT (status IN ('CANCELLED', 'RECALLED') AND pieces = 0)
         GROUP BY order_id, line ->> 'lineId'",
    )
    .bind(orders)
    .bind(warehouse.as_str())
    .bind(sku.as_str())
    .fetch_all(conn)
    .await?)
}

/// A hand-over that may be recalled, and its pieces of a SKU that have not left.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Recallable {
    /// Its reference.
    #[sqlx(try_from = "String")]
    pub reference: RequestReference,
    /// Whose.
    #[sqlx(try_from = "String")]
    pub order_id: OrderId,
    /// Pieces of the SKU.
    #[sqlx(try_from = "i64")]
    pub pieces: u64,
}

/// The hand-overs of these orders by which a SKU is still to leave a warehouse, the newest first; none that it could
/// not stop.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn recallable(
    conn: &mut PgConnection,
    orders: &[&str],
    sku: &Sku,
    warehouse: &WarehouseId,
) -> Result<Vec<Recallable>, OrdersError> {
    Ok(sqlx::query_as(
        "SELECT reference, order_id, handed - gone AS pieces
         FROM (SELECT reference, order_id, called_at,
                      (SELECT COALESCE(sum((line ->> 'quantity')::bigint), 0)::bigint
                       FROM jsonb_array_elements(r.lines) AS line WHERE line ->> 'sku' = $3) AS handed,
                      (SELECT COALESCE(sum((line ->> 'quantity')::bigint), 0)::bigint
                       FROM orders.parcels p, jsonb_array_elements(p.lines) AS line
                       WHERE p.reference = r.reference AND p.booked_at IS NOT NULL AND line ->> 'sku' = $3) AS gone
               FROM orders.fulfilment_requests r
               WHERE order_id = ANY ($1) AND warehouse = $2 AND called_at IS NOT NULL AND NOT recall_refused
                 AND status IN ('REQUESTED', 'ACCEPTED')) AS there
         WHERE handed > gone ORDER BY called_at DESC, reference DESC",
    )
    .bind(orders)
    .bind(warehouse.as_str())
    .bind(sku.as_str())
    .fetch_all(conn)
    .await?)
}

/// Offers a person to recall this hand-over.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn offer_recall(conn: &mut PgConnection, reference: &RequestReference) -> Result<(), OrdersError> {
    sqlx::query(
        "UPDATE orders.fulfilment_requests SET recall_offer = 'OFFERED'
         WHERE reference = $1 AND recall_offer IS NULL",
    )
    .bind(reference.as_str())
    .execute(conn)
    .await?;
    Ok(())
}

/// A person takes up what was offered of an order, which is locked: its run is to recall those hand-overs. False if
/// none of them can be recalled any more.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn want_recall(conn: &mut PgConnection, order: &OrderId) -> Result<bool, OrdersError> {
    let wanted = sqlx::query(
        "UPDATE orders.fulfilment_requests SET recall_offer = 'WANTED'
         WHERE order_id = $1 AND recall_offer IS NOT NULL AND NOT recall_refused
           AND status IN ('REQUESTED', 'ACCEPTED')",
    )
    .bind(order.as_str())
    .execute(conn)
    .await?;
    Ok(wanted.rows_affected() > 0)
}

/// A hand-over that a person is offered to recall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// Its reference.
    pub reference: RequestReference,
    /// Whose.
    pub order_id: OrderId,
    /// To where.
    pub warehouse: WarehouseId,
    /// What it asked for.
    pub skus: Vec<Sku>,
}

#[derive(FromRow)]
struct OfferedRow {
    reference: String,
    order_id: String,
    warehouse: String,
    skus: Vec<String>,
}

/// Nobody is to recall what was offered of an order any more.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn withdraw_offers(conn: &mut PgConnection, order: &OrderId) -> Result<(), OrdersError> {
    sqlx::query(
        "UPDATE orders.fulfilment_requests SET recall_offer = NULL WHERE order_id = $1 AND recall_offer = 'OFFERED'",
    )
    .bind(order.as_str())
    .execute(conn)
    .await?;
    Ok(())
}

/// Nobody is to recall this hand-over any more.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn withdraw_offer(
    conn: &mut PgConnection,
    reference: &RequestReference,
) -> Result<(), OrdersError> {
    sqlx::query(
        "UPDATE orders.fulfilment_requests SET recall_offer = NULL WHERE reference = $1 AND recall_offer = 'OFFERED'",
    )
    .bind(reference.as_str())
    .execute(conn)
    .await?;
    Ok(())
}

/// What a person is offered to recall of the orders with such a hand-over of this SKU to this warehouse.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn with_offers(
    conn: &mut PgConnection,
    sku: &Sku,
    warehouse: &WarehouseId,
) -> Result<Vec<Offered>, OrdersError> {
    let offered: Vec<OfferedRow> = sqlx::query_as(
        "SELECT reference, order_id, warehouse,
                ARRAY(SELECT DISTINCT line ->> 'sku'
                      FROM jsonb_array_elements(COALESCE(r.lines_before_recall, r.lines)) AS line) AS skus
         FROM orders.fulfilment_requests r
         WHERE recall_offer = 'OFFERED' AND order_id IN (
             SELECT order_id FROM orders.fulfilment_requests
             WHERE recall_offer = 'OFFERED' AND warehouse = $1
               AND EXISTS (SELECT FROM jsonb_array_elements(COALESCE(lines_before_recall, lines)) AS line
                           WHERE line ->> 'sku' = $2))
         ORDER BY order_id, reference",
    )
    .bind(warehouse.as_str())
    .bind(sku.as_str())
    .fetch_all(conn)
    .await?;
    let read = |row: OfferedRow| {
        Ok(Offered {
            reference: RequestReference::parse(&row.reference)?,
            order_id: OrderId::parse(&row.order_id)?,
            warehouse: WarehouseId::parse(&row.warehouse)?,
            skus: row.skus.iter().map(|sku| Sku::parse(sku)).collect::<Result<_, _>>()?,
        })
    };
    offered.into_iter().map(read).collect()
}

/// What became of a hand-over that a person had recalled, by one SKU of it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct RecallEnded {
    /// Its reference.
    #[sqlx(try_from = "String")]
    pub reference: RequestReference,
    /// Where.
    #[sqlx(try_from = "String")]
    pub warehouse: WarehouseId,
    /// What of it.
    #[sqlx(try_from = "String")]
    pub sku: Sku,
    /// Whether some of it could not be stopped.
    pub recall_refused: bool,
}

/// Takes up what became of the hand-overs of an order, which is locked, that a person had recalled: each once.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn take_ended_recalls(
    conn: &mut PgConnection,
    order: &OrderId,
) -> Result<Vec<RecallEnded>, OrdersError> {
    Ok(sqlx::query_as(
        "WITH ended AS (
             UPDATE orders.fulfilment_requests SET recall_offer = NULL
             WHERE order_id = $1 AND recall_offer = 'WANTED'
               AND (recall_refused OR status IN ('RECALLED', 'CANCELLED'))
             RETURNING reference, warehouse, recall_refused, COALESCE(lines_before_recall, lines) AS lines
         )
         SELECT DISTINCT reference, warehouse, line ->> 'sku' AS sku, recall_refused
         FROM ended, jsonb_array_elements(lines) AS line ORDER BY reference, sku",
    )
    .bind(order.as_str())
    .fetch_all(conn)
    .await?)
}
