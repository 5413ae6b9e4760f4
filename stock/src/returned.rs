//! Pieces that left, came back, and are on the shelf again.

use std::time::Duration;

use domain::{LineId, Quantity, ReturnId};
use orders::{
    Order, command,
    inbox::Message,
    parcel_lines, refunds,
    returns::{self, Receipt, Return, ReturnError},
};
use sqlx::PgConnection;

use crate::{Stock, StockError};

/// Why nothing of a return was received.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// What is said to have come does not fit, or the records failed.
    #[error(transparent)]
    Return(#[from] ReturnError),
    /// The stock refused or failed: the warehouse is not known, for example.
    #[error(transparent)]
    Stock(#[from] StockError),
}

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
        let pieces = [(sku, warehouse, quantity)];
        let served = inventory::take_back(conn, &pieces, &reference, &order.correlation_id).await?;
        command::keep_served(conn, inventory::ours(&served), Duration::ZERO).await?;
        Ok(())
    }

    /// Receives what came of a return, in the caller's transaction: all of it or nothing. What can be sold, and was not
    /// put on hand by the shop's word before, is on hand then, with the messages for those who waited, which may be
    /// swept after `sweep_after`. Where stock is at a service of its own, a person is shown what to book in there.
    ///
    /// # Errors
    /// [`ReceiveError`].
    pub async fn receive_return(
        &self,
        conn: &mut PgConnection,
        return_id: &ReturnId,
        receipt: &Receipt<'_>,
        sweep_after: Duration,
    ) -> Result<(Return, Vec<Message>), ReceiveError> {
        let receipt = Receipt { stock_is_here: self.is_here(), ..*receipt };
        let received = returns::receive(conn, return_id, &receipt).await?;
        if received.on_hand.is_empty() {
            return Ok((received.found, Vec::new()));
        }
        let pieces = received.on_hand.into_iter().map(|came| (came.sku, came.warehouse, came.quantity));
        let (pieces, correlation_id) = (Vec::from_iter(pieces), &received.order.correlation_id);
        let served = inventory::take_back(conn, &pieces, &received.reference, correlation_id);
        let served = served.await.map_err(StockError::from)?;
        let messages = command::keep_served(conn, inventory::ours(&served), sweep_after).await;
        Ok((received.found, messages.map_err(StockError::from)?))
    }
}
