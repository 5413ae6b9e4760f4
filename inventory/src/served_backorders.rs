//! Which orders that waited were served, for whoever asks again and again.

use chrono::{DateTime, Utc};
use domain::OrderId;
use sqlx::{FromRow, PgConnection};

use crate::error::InventoryError;
use crate::holder::Holder;

/// A movement that gave pieces to an order that waited.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ServedMovement {
    /// The ledger's entry.
    pub movement_id: i64,
    /// The order.
    #[sqlx(try_from = "String")]
    pub order_id: OrderId,
    /// When its transaction began. One that took long shows up among older ones.
    pub at: DateTime<Utc>,
}

/// Up to `most` movements that served this holder's waiting orders since a time, oldest first; of those at that very
/// time only the ones after `after_movement`. With the time of the database's clock.
///
/// # Errors
/// [`InventoryError::Database`].
pub async fn served_since(
    conn: &mut PgConnection,
    holder: Holder,
    since: DateTime<Utc>,
    after_movement: i64,
    most: i64,
) -> Result<(Vec<ServedMovement>, DateTime<Utc>), InventoryError> {
    let now = sqlx::query_scalar("SELECT now()").fetch_one(&mut *conn).await?;
    let served = sqlx::query_as(
        "SELECT movement_id, order_id, at FROM inventory.movements
         WHERE reason = 'BACKORDER_ALLOCATION' AND order_id IS NOT NULL AND (at, movement_id) > ($1, $2)
           AND EXISTS (SELECT FROM inventory.reservations r
                       WHERE r.order_id = movements.order_id AND r.epoch >> 32 = $4)
         ORDER BY at, movement_id LIMIT $3",
    )
    .bind(since)
    .bind(after_movement)
    .bind(most)
    .bind(holder.number())
    .fetch_all(conn)
    .await?;
    Ok((served, now))
}
