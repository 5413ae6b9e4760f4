//! Reduce: pieces are found missing, broken or given away.

use domain::{Quantity, Sku, WarehouseId};
use outbox::StockCause;
use sqlx::PgConnection;

use crate::availability::{Availability, availability};
use crate::error::InventoryError;
use crate::ledger::{self, Entry, Figures, Place, Reason};

/// Takes pieces off on hand, never one that somebody holds. `reason` is kept with the movement.
///
/// Nobody loses a place in the queue by it, and nobody is served: where somebody waits, everything
/// on hand is held, so that there is nothing to take off.
///
/// Calling it twice books twice.
///
/// # Errors
/// [`InventoryError::UnknownItem`], [`InventoryError::UnknownWarehouse`],
/// [`InventoryError::NotThatMuchThere`], [`InventoryError::Database`].
pub async fn reduce(
    conn: &mut PgConnection,
    sku: &Sku,
    warehouse: &WarehouseId,
    quantity: Quantity,
    reason: &str,
    correlation_id: &str,
) -> Result<Availability, InventoryError> {
    let places = ledger::lock(conn, &[sku.to_string()]).await?;
    if places.is_empty() {
        return Err(InventoryError::UnknownItem { sku: sku.clone() });
    }
    let figures = match places.get(&Place::new(sku, warehouse)) {
        Some(figures) => *figures,
        None if is_warehouse(conn, warehouse).await? => Figures::default(),
        None => return Err(InventoryError::UnknownWarehouse { warehouse: warehouse.clone() }),
    };
    let available = figures.free();
    if u64::from(quantity.get()) > available {
        let (sku, warehouse) = (sku.clone(), warehouse.clone());
        return Err(InventoryError::NotThatMuchThere { sku, warehouse, available });
    }
    let entry = Entry::on_hand(sku, warehouse, -i64::from(quantity));
    let why = (Reason::Adjustment, StockCause::Reduced);
    ledger::book_unheld(conn, why, Some(reason), &[entry], correlation_id).await?;
    availability(conn, sku).await
}

async fn is_warehouse(conn: &mut PgConnection, warehouse: &WarehouseId) -> Result<bool, InventoryError> {
    Ok(sqlx::query_scalar("SELECT EXISTS (SELECT FROM inventory.warehouses WHERE warehouse_id = $1)")
        .bind(warehouse.as_str())
        .fetch_one(conn)
        .await?)
}
