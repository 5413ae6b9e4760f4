//! Receive: pieces arrive, and whoever waits is served in the same transaction.

use domain::{Quantity, Sku, WarehouseId};
use outbox::StockCause;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use crate::availability::{Availability, availability};
use crate::error::InventoryError;
use crate::ledger::{self, Entry, Reason};
use crate::queue::{self, ServedOrder};

/// What a receipt led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Received {
    /// What is there now.
    pub availability: Availability,
    /// Who waited and was allocated pieces.
    pub served: Vec<ServedOrder>,
}

/// Books pieces in and allocates them to the lines that wait for them there, oldest first. A line
/// may be served in part. `reference` is the delivery's, for the movement.
///
/// Calling it twice books twice: nothing in a receipt tells one delivery from another.
///
/// # Errors
/// [`InventoryError::UnknownItem`], [`InventoryError::UnknownWarehouse`], [`InventoryError::Database`].
pub async fn receive(
    conn: &mut PgConnection,
    sku: &Sku,
    warehouse: &WarehouseId,
    quantity: Quantity,
    reference: Option<&str>,
    correlation_id: &str,
) -> Result<Received, InventoryError> {
    let (why, pieces) =
        ((Reason::Receipt, StockCause::Received), [(sku.clone(), warehouse.clone(), quantity)]);
    let served = book_in(conn, &pieces, why, reference, correlation_id).await?;
    Ok(Received { availability: availability(conn, sku).await?, served })
}

/// Books pieces in that had left and came back, in each place once; whoever waits there is served, as by [`receive`].
///
/// # Errors
/// As [`receive`].
pub async fn take_back(
    conn: &mut PgConnection,
    pieces: &[(Sku, WarehouseId, Quantity)],
    reference: &str,
    correlation_id: &str,
) -> Result<Vec<ServedOrder>, InventoryError> {
    book_in(conn, pieces, (Reason::Return, StockCause::Returned), Some(reference), correlation_id).await
}

async fn book_in(
    conn: &mut PgConnection,
    pieces: &[(Sku, WarehouseId, Quantity)],
    why: (Reason, StockCause),
    reference: Option<&str>,
    correlation_id: &str,
) -> Result<Vec<ServedOrder>, InventoryError> {
    let mut entries = Vec::with_capacity(pieces.len());
    for (sku, warehouse, quantity) in pieces {
        ledger::ensure_shelf(conn, sku, warehouse).await?;
        entries.push(Entry::on_hand(sku, warehouse, i64::from(*quantity)));
    }
    let booked = ledger::book_unheld(conn, why, reference, &entries, correlation_id).await?;
    let places = entries.into_iter().zip(booked).map(|(entry, booked)| (entry.place, booked.after)).collect();
    queue::serve(conn, &places, correlation_id).await
}
