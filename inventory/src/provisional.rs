//! Provisional reservations: of orders that are kept in another database, and of which it is not known
//! yet whether they are kept. One that nobody confirms in time is given back.

use std::time::Duration;

use domain::{OrderId, ParseError};
use sqlx::PgConnection;

use crate::columns;
use crate::error::InventoryError;
use crate::holder::Epoch;
use crate::ledger;
use crate::release::{self, Released, release};
use crate::reservation::{ReservationKey, ReservationStatus};

/// The cause that cancelled allocations of a reservation nobody confirmed have.
pub const NOT_CONFIRMED: &str = "NOT_CONFIRMED";

/// Makes a reservation provisional for this long by the database's clock, if it was made in this
/// transaction or is provisional already. One that was confirmed stays so.
///
/// # Errors
/// [`InventoryError::Database`].
pub async fn hold_provisionally(
    conn: &mut PgConnection,
    order_id: &OrderId,
    epoch: Epoch,
    hold: Duration,
) -> Result<(), InventoryError> {
    // The time of its making is the time of the transaction that made it.
    sqlx::query(
        "UPDATE inventory.reservations SET provisional_until = now() + $3 * interval '1 millisecond'
         WHERE order_id = $1 AND epoch = $2 AND status IN ('COMPLETE', 'WAITING')
           AND (provisional_until IS NOT NULL OR created_at = now())",
    )
    .bind(order_id.as_str())
    .bind(i64::from(epoch))
    .bind(hold.as_secs_f64() * 1000.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// The order is kept, and its reservation is for good. The answer is how far the reservation has come:
/// one that was given back already stays so.
///
/// # Errors
/// [`InventoryError::UnknownReservation`], [`InventoryError::Database`].
pub async fn confirm(
    conn: &mut PgConnection,
    order_id: &OrderId,
    epoch: Epoch,
) -> Result<ReservationStatus, InventoryError> {
    let status: String = sqlx::query_scalar(
        "UPDATE inventory.reservations SET provisional_until = NULL
         WHERE order_id = $1 AND epoch = $2 RETURNING status",
    )
    .bind(order_id.as_str())
    .bind(i64::from(epoch))
    .fetch_optional(conn)
    .await?
    .ok_or_else(|| InventoryError::UnknownReservation { order_id: order_id.clone(), epoch })?;
    Ok(status.parse().map_err(|refused: ParseError| columns::undecodable("status", refused))?)
}

/// Gives all provisional reservations whose time is over this much more: after a time in which nobody
/// could confirm, because database or service were away.
///
/// # Errors
/// [`InventoryError::Database`].
pub async fn give_more_time(conn: &mut PgConnection, more: Duration) -> Result<(), InventoryError> {
    sqlx::query(
        "UPDATE inventory.reservations SET provisional_until = now() + $1 * interval '1 millisecond'
         WHERE provisional_until <= now()",
    )
    .bind(more.as_secs_f64() * 1000.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// Up to `most` provisional reservations whose time is over.
///
/// # Errors
/// [`InventoryError::Database`].
pub async fn unconfirmed(
    conn: &mut PgConnection,
    most: i64,
) -> Result<Vec<(OrderId, Epoch)>, InventoryError> {
    let due: Vec<ReservationKey> = sqlx::query_as(
        "SELECT order_id, epoch FROM inventory.reservations
         WHERE provisional_until <= now() ORDER BY provisional_until LIMIT $1",
    )
    .bind(most)
    .fetch_all(conn)
    .await?;
    Ok(due.into_iter().map(|due| (due.order_id, due.epoch)).collect())
}

/// Gives back a provisional reservation whose time is over, unless it was confirmed in the meantime.
///
/// # Errors
/// [`InventoryError::Database`].
pub async fn release_unconfirmed(
    conn: &mut PgConnection,
    order_id: &OrderId,
    epoch: Epoch,
    correlation_id: &str,
) -> Result<Released, InventoryError> {
    // Stock before header, as everywhere. Whoever confirms from here on waits for this transaction.
    let skus = release::skus_of(conn, order_id, epoch).await?;
    ledger::lock(conn, &skus).await?;
    let over = sqlx::query(
        "UPDATE inventory.reservations SET provisional_until = NULL
         WHERE order_id = $1 AND epoch = $2 AND provisional_until <= now()",
    )
    .bind(order_id.as_str())
    .bind(i64::from(epoch))
    .execute(&mut *conn)
    .await?;
    if over.rows_affected() == 0 {
        return Ok(Released::default());
    }
    release(conn, order_id, epoch, NOT_CONFIRMED, correlation_id).await
}
