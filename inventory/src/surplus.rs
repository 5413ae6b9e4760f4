//! Surplus: pieces that left a warehouse although no reservation held them for the order. Stock is what is
//! there, so they are booked out; pieces that others hold are not touched.

use domain::{OrderId, Quantity, Sku, WarehouseId};
use outbox::StockCause;
use sqlx::PgConnection;

use crate::columns;
use crate::error::InventoryError;
use crate::holder::Epoch;
use crate::ledger::{self, Entry, Figures, Place, Reason};

/// Pieces that left and were held for nobody.
#[derive(Debug, Clone)]
pub struct Surplus<'a> {
    /// The order they left for.
    pub order_id: &'a OrderId,
    /// Which of its reservations.
    pub epoch: Epoch,
    /// Where they left.
    pub warehouse: &'a WarehouseId,
    /// The warehouse's id of the parcel; it is booked once.
    pub parcel_id: &'a str,
    /// What left.
    pub lines: &'a [(Sku, Quantity)],
}

/// Books out as many of these pieces as nobody holds; how many of each SKU were booked. Booking the same
/// parcel again books nothing and answers nothing.
///
/// # Errors
/// [`InventoryError::Database`].
pub async fn book_surplus(
    conn: &mut PgConnection,
    surplus: &Surplus<'_>,
    correlation_id: &str,
) -> Result<Vec<(Sku, u64)>, InventoryError> {
    let skus: Vec<String> = surplus.lines.iter().map(|(sku, _)| sku.to_string()).collect();
    let places = ledger::lock(conn, &skus).await?;
    if !begin(conn, surplus).await? {
        return Ok(Vec::new());
    }
    let mut booked = Vec::new();
    let mut entries = Vec::new();
    for (sku, pieces) in surplus.lines {
        let place = Place::new(sku, surplus.warehouse);
        let free = places.get(&place).map_or(0, Figures::free);
        let out = free.min(u64::from(pieces.get()));
        booked.push((sku.clone(), out));
        if out > 0 {
            let on_hand = -columns::whole(out)?;
            entries.push(Entry { on_hand, ..Entry::of(surplus.order_id, place) });
        }
    }
    let why = (Reason::Fulfilment, StockCause::Shipped);
    ledger::book_unheld(conn, why, Some(surplus.parcel_id), &entries, correlation_id).await?;
    note(conn, surplus, &booked).await?;
    Ok(booked)
}

/// Claims the parcel; false if it was booked before.
async fn begin(conn: &mut PgConnection, surplus: &Surplus<'_>) -> Result<bool, InventoryError> {
    let begun = sqlx::query(
        "INSERT INTO inventory.fulfilments (order_id, epoch, warehouse, parcel_id, lines)
         SELECT $1, epoch, $3, $4, '[]' FROM inventory.reservations WHERE order_id = $1 AND epoch = $2
         ON CONFLICT ON CONSTRAINT fulfilments_pk DO NOTHING",
    )
    .bind(surplus.order_id.as_str())
    .bind(i64::from(surplus.epoch))
    .bind(surplus.warehouse.as_str())
    .bind(surplus.parcel_id)
    .execute(conn)
    .await?;
    Ok(begun.rows_affected() == 1)
}

async fn note(
    conn: &mut PgConnection,
    surplus: &Surplus<'_>,
    booked: &[(Sku, u64)],
) -> Result<(), InventoryError> {
    let line = |(sku, quantity): &(Sku, u64)| serde_json::json!({ "sku": sku, "quantity": quantity });
    let lines = serde_json::Value::from_iter(booked.iter().filter(|(_, pieces)| *pieces > 0).map(line));
    sqlx::query(
        "UPDATE inventory.fulfilments SET lines = $4
         WHERE order_id = $1 AND warehouse = $2 AND parcel_id = $3",
    )
    .bind(surplus.order_id.as_str())
    .bind(surplus.warehouse.as_str())
    .bind(surplus.parcel_id)
    .bind(lines)
    .execute(conn)
    .await?;
    Ok(())
}
