//! What is there, what is held, and what a newcomer could get.

use domain::{Sku, WarehouseId};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use crate::error::InventoryError;
use crate::ledger::{Figures, Stock};

/// An item's figures, in all and per warehouse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Availability {
    /// The item.
    pub sku: Sku,
    /// Pieces that lie there.
    pub on_hand: u64,
    /// Pieces of those that orders hold.
    pub reserved: u64,
    /// Pieces orders wait for.
    pub queued: u64,
    /// Pieces a newcomer could get: the sum over the warehouses, because a queue in one holds
    /// nobody back in another.
    pub available: u64,
    /// The same per warehouse, the one taken from first at the top.
    pub per_warehouse: Vec<WarehouseAvailability>,
}

impl Availability {
    /// An item that no warehouse has.
    pub(crate) fn none(sku: &Sku) -> Self {
        let (on_hand, reserved, queued, available) = (0, 0, 0, 0);
        Self { sku: sku.clone(), on_hand, reserved, queued, available, per_warehouse: Vec::new() }
    }

    /// Adds the figures of a warehouse.
    pub(crate) fn add(&mut self, Stock { place, figures }: Stock) {
        let Figures { on_hand, reserved, queued, .. } = figures;
        let (warehouse, available) = (place.warehouse, figures.available());
        self.on_hand += on_hand;
        self.reserved += reserved;
        self.queued += queued;
        self.available += available;
        self.per_warehouse.push(WarehouseAvailability { warehouse, on_hand, reserved, queued, available });
    }
}

/// An item's figures in one warehouse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WarehouseAvailability {
    /// The warehouse.
    pub warehouse: WarehouseId,
    /// Pieces that lie there.
    pub on_hand: u64,
    /// Pieces of those that orders hold.
    pub reserved: u64,
    /// Pieces orders wait for.
    pub queued: u64,
    /// Pieces a newcomer could get: on hand less reserved less queued, never less than none.
    pub available: u64,
}

/// What is there of an item.
///
/// # Errors
/// [`InventoryError::UnknownItem`], [`InventoryError::Database`].
pub async fn availability(conn: &mut PgConnection, sku: &Sku) -> Result<Availability, InventoryError> {
    let stocks: Vec<Stock> = sqlx::query_as(
        "SELECT s.sku, s.warehouse, s.on_hand, s.reserved, s.queued
         FROM inventory.stock s
         JOIN inventory.warehouses w ON w.warehouse_id = s.warehouse
         WHERE s.sku = $1
         ORDER BY w.priority, w.warehouse_id",
    )
    .bind(sku.as_str())
    .fetch_all(conn)
    .await?;
    if stocks.is_empty() {
        return Err(InventoryError::UnknownItem { sku: sku.clone() });
    }
    let mut total = Availability::none(sku);
    stocks.into_iter().for_each(|stock| total.add(stock));
    Ok(total)
}
