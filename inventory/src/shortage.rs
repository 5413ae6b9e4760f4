//! Shortage: an order was refused, as there is not enough. Nothing of it is kept; that it was asked for is told once.

use domain::{OrderId, WarehouseId};
use outbox::{Event, InsufficientStock};
use sqlx::PgConnection;

use crate::error::InventoryError;
use crate::ledger;
use crate::reserve::Shortage;

/// Announces what was short for an order, each SKU once, however often the order is refused. To be called in a
/// transaction of its own: the refused one leaves nothing behind. `warehouse` is the one that was asked; if none, the
/// one that has most is named.
///
/// # Errors
/// [`InventoryError::Database`].
pub async fn announce_shortage(
    conn: &mut PgConnection,
    order_id: &OrderId,
    warehouse: Option<&WarehouseId>,
    shortages: &[Shortage],
    correlation_id: &str,
) -> Result<(), InventoryError> {
    let skus: Vec<String> = shortages.iter().map(|shortage| shortage.sku.to_string()).collect();
    let places = ledger::lock(conn, &skus).await?;
    let mut events = Vec::with_capacity(shortages.len());
    for Shortage { sku, requested, available } in shortages {
        let of_sku = places.iter().filter(|(place, _)| place.sku == *sku);
        // Of equals the first by name.
        let fullest =
            of_sku.rev().max_by_key(|(_, figures)| figures.available()).map(|(place, _)| &place.warehouse);
        let Some(at) = fullest.map(|fullest| warehouse.unwrap_or(fullest)) else { continue };
        let is_new = sqlx::query(
            "INSERT INTO inventory.shortages (order_id, sku) VALUES ($1, $2)
             ON CONFLICT ON CONSTRAINT shortages_pk DO NOTHING",
        )
        .bind(order_id.as_str())
        .bind(sku.as_str())
        .execute(&mut *conn)
        .await?;
        if is_new.rows_affected() == 1 {
            events.push(Event::InsufficientStock(InsufficientStock {
                order_id: order_id.clone(),
                inventory_item_id: sku.clone(),
                sku: sku.clone(),
                warehouse_id: at.clone(),
                requested: *requested,
                available: *available,
            }));
        }
    }
    Ok(outbox::append(conn, correlation_id, &events).await?)
}
