//! Orders that waited and were served, in the transaction that served them.

use std::time::Duration;

use inventory::{Holder, ServedOrder};
use orders::{
    OrdersError,
    command::{self, Command},
    inbox::Message,
};
use sqlx::PgConnection;
use uuid::Uuid;

/// Leaves a message for each order that waited and was served.
/// Whoever is told of the messages has `sweep_after` to dispatch them before a sweeper does.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn wake(
    conn: &mut PgConnection,
    served: &[ServedOrder],
    sweep_after: Duration,
) -> Result<Vec<Message>, OrdersError> {
    let mut messages = Vec::with_capacity(served.len());
    for order in served {
        // Another system asks what it was served.
        if order.epoch.holder() == Holder::OURS {
            let served = Command::StockAvailable { cause: Uuid::now_v7().to_string() };
            messages.extend(command::keep(conn, &order.order_id, &served, sweep_after).await?);
        }
    }
    Ok(messages)
}
