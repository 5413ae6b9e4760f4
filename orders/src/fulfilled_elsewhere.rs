//! What of other people's fulfilments was booked out of our warehouses: once per fulfilment and line of it.

use domain::{LineId, OrderId, Sku, WarehouseId};
use sqlx::{FromRow, PgConnection};

use crate::{OrdersError, pieces_column};

/// Pieces of a line that left a warehouse of ours by somebody else's fulfilment.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct FulfilledElsewhere {
    /// The shop's id of the fulfilment.
    pub fulfilment_id: i64,
    /// The order's line.
    #[sqlx(try_from = "String")]
    pub line_id: LineId,
    /// What they are.
    #[sqlx(try_from = "String")]
    pub sku: Sku,
    /// Where they left.
    #[sqlx(try_from = "String")]
    pub warehouse: WarehouseId,
    /// How many.
    #[sqlx(try_from = "i32")]
    pub pieces: u32,
}

/// What was booked of an order.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn booked(
    conn: &mut PgConnection,
    order: &OrderId,
) -> Result<Vec<FulfilledElsewhere>, OrdersError> {
    Ok(sqlx::query_as(
        "SELECT fulfilment_id, line_id, sku, warehouse, pieces FROM orders.fulfilled_elsewhere
         WHERE order_id = $1 ORDER BY fulfilment_id, line_id",
    )
    .bind(order.as_str())
    .fetch_all(conn)
    .await?)
}

/// Keeps what is booked by now of a line of a fulfilment, in the transaction that books it.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn keep(
    conn: &mut PgConnection,
    order: &OrderId,
    booked: &FulfilledElsewhere,
) -> Result<(), OrdersError> {
    sqlx::query(
        "INSERT INTO orders.fulfilled_elsewhere (order_id, fulfilment_id, line_id, sku, warehouse, pieces)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT ON CONSTRAINT fulfilled_elsewhere_pk DO UPDATE
             SET sku = EXCLUDED.sku, warehouse = EXCLUDED.warehouse, pieces = EXCLUDED.pieces, booked_at = now()",
    )
    .bind(order.as_str())
    .bind(booked.fulfilment_id)
    .bind(booked.line_id.as_str())
    .bind(booked.sku.as_str())
    .bind(booked.warehouse.as_str())
    .bind(pieces_column(booked.pieces)?)
    .execute(conn)
    .await?;
    Ok(())
}
