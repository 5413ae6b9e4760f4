//! Pieces that left, came back, and are on the shelf again.

use std::time::Duration;

use domain::{LineId, Quantity};
use orders::{Order, command, parcel_lines, refunds};
use sqlx::PgConnection;

use crate::{Stock, StockError};

impl Stock {
    /// Books pieces of a line in again that had left, in the caller's transaction, at the warehouse they left
    /// from, with the messages for those who waited. Once per `cause`, and never more than are announced to
    /// come back: per piece the first books. Where stock is at a service of its own, nothing is booked: it
    /// hears of a receipt.
    ///
    /// # Errors
    /// [`StockError`].
    pub async fn take_back(
        &self,
        conn: &mut PgConnection,
        order: &Order,
        line: &LineId,
        cause: &str,
        pieces: u32,
    ) -> Result<(), StockError> {
        if !self.is_here() {
            return Ok(());
        }
        let left = parcel_lines::left_of(conn, &order.order_id, line).await?;
        let pieces = pieces.min(refunds::restockable(conn, &order.order_id, line, left.pieces).await?);
        let (Some((sku, warehouse)), Ok(quantity)) = (left.place, Quantity::new(i64::from(pieces))) else {
            return Ok(());
        };
        if !refunds::note_restocked(conn, &order.order_id, line, cause, pieces).await? {
            return Ok(());
        }
        let reference = format!("{} {cause}", order.order_number);
        let received =
            inventory::take_back(conn, &sku, &warehouse, quantity, &reference, &order.correlation_id).await?;
        command::keep_served(conn, inventory::ours(&received.served), Duration::ZERO).await?;
        Ok(())
    }
}
