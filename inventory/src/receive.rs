//! Receive: pieces arrive, and whoever waits is served in the same transaction.

use domain::{Quantity, Sku, WarehouseId};
use outbox::StockCause;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use crate::availability::{Availability, availability};
use crate::error::InventoryError;
use crate::ledger::{self, Entry, Place, Reason};
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
    let why = (Reason::Receipt, StockCause::Received);
    book_in(conn, Entry::on_hand(sku, warehouse, i64::from(quantity)), why, reference, correlation_id).await
}

/// Books pieces in that had left and came back; else as [`receive`].
///
/// # Errors
/// As [`receive`].
pub async fn take_back(
    conn: &mut PgConnection,
    sku: &Sku,
    warehouse: &WarehouseId,
    quantity: Quantity,
    reference: &str,
    correlation_id: &str,
) -> Result<Received, InventoryError> {
    let why = (Reason::Return, StockCause::Returned);
    book_in(conn, Entry::on_hand(sku, warehouse, i64::from(quantity)), why, Some(reference), correlation_id)
        .await
}

async fn book_in(
    conn: &mut PgConnection,
    receipt: Entry,
    why: (Reason, StockCause),
    reference: Option<&str>,
    correlation_id: &str,
) -> Result<Received, InventoryError> {
    let Place { sku, warehouse } = receipt.place.clone();
    ledger::ensure_shelf(conn, &sku, &warehouse).await?;
    let booked = ledger::book_unheld(conn, why, reference, &[receipt], correlation_id).await?;
    let place = Place::new(&sku, &warehouse);
    let places = booked.into_iter().map(|booked| (place.clone(), booked.after)).collect();
    let served = queue::serve(conn, &places, correlation_id).await?;
    Ok(Received { availability: availability(conn, &sku).await?, served })
}
