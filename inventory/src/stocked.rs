//! Items with what is there of them, a page at a time.

use domain::Sku;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection};

use crate::availability::Availability;
use crate::error::InventoryError;
use crate::item::Item;
use crate::ledger::Stock;

/// An item and its figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StockedItem {
    /// The item.
    pub item: Item,
    /// What is there of it.
    pub availability: Availability,
}

/// Up to `most` items by SKU, the ones after `after` if it is given: the last SKU of a page asks for
/// the next.
///
/// # Errors
/// [`InventoryError::Database`].
pub async fn items(
    conn: &mut PgConnection,
    after: Option<&Sku>,
    most: i64,
) -> Result<Vec<StockedItem>, InventoryError> {
    // An item has several rows, one for each warehouse; the page is cut before they are joined.
    let rows = sqlx::query(
        "SELECT i.*, s.warehouse, s.on_hand, s.reserved, s.queued
         FROM (SELECT sku, name, unit_price, currency, created_at FROM inventory.items
               WHERE $1::text IS NULL OR sku > $1 ORDER BY sku LIMIT $2) i
         JOIN inventory.stock s ON s.sku = i.sku
         JOIN inventory.warehouses w ON w.warehouse_id = s.warehouse
         ORDER BY i.sku, w.priority, w.warehouse_id",
    )
    .bind(after.map(Sku::as_str))
    .bind(most)
    .fetch_all(conn)
    .await?;
    Ok(gather(&rows)?)
}

/// As [`items`], those alone whose SKU begins with this text or whose name has it in it, in whichever letters.
///
/// # Errors
/// [`InventoryError::Database`].
pub async fn items_like(
    conn: &mut PgConnection,
    text: &str,
    after: Option<&Sku>,
    most: i64,
) -> Result<Vec<StockedItem>, InventoryError> {
    let rows = sqlx::query(
        "SELECT i.*, s.warehouse, s.on_hand, s.reserved, s.queued
         FROM (SELECT sku, name, unit_price, currency, created_at FROM inventory.items
               WHERE ($1::text IS NULL OR sku > $1)
                 AND (starts_with(lower(sku), lower($3)) OR strpos(lower(name), lower($3)) > 0)
               ORDER BY sku LIMIT $2) i
         JOIN inventory.stock s ON s.sku = i.sku
         JOIN inventory.warehouses w ON w.warehouse_id = s.warehouse
         ORDER BY i.sku, w.priority, w.warehouse_id",
    )
    .bind(after.map(Sku::as_str))
    .bind(most)
    .bind(text)
    .fetch_all(conn)
    .await?;
    Ok(gather(&rows)?)
}

/// The items with these SKUs and their figures, by SKU; a SKU that is no item is not among them.
///
/// # Errors
/// [`InventoryError::Database`].
pub async fn stocked_items(
    conn: &mut PgConnection,
    skus: &[Sku],
) -> Result<Vec<StockedItem>, InventoryError> {
    let rows = sqlx::query(
        "SELECT i.sku, i.name, i.unit_price, i.currency, i.created_at, s.warehouse, s.on_hand, s.reserved, s.queued
         FROM inventory.items i
         JOIN inventory.stock s ON s.sku = i.sku
         JOIN inventory.warehouses w ON w.warehouse_id = s.warehouse
         WHERE i.sku = ANY ($1)
         ORDER BY i.sku, w.priority, w.warehouse_id",
    )
    .bind(skus.iter().map(Sku::as_str).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    Ok(gather(&rows)?)
}

/// The item with this SKU and its figures.
///
/// # Errors
/// [`InventoryError::UnknownItem`], [`InventoryError::Database`].
pub async fn stocked_item(conn: &mut PgConnection, sku: &Sku) -> Result<StockedItem, InventoryError> {
    let found = stocked_items(conn, std::slice::from_ref(sku)).await?.pop();
    found.ok_or_else(|| InventoryError::UnknownItem { sku: sku.clone() })
}

/// Gathers each item's rows, which follow one another.
fn gather(rows: &[PgRow]) -> sqlx::Result<Vec<StockedItem>> {
    let mut gathered: Vec<StockedItem> = Vec::new();
    for row in rows {
        let item = Item::read(row)?;
        if gathered.last().is_none_or(|last| last.item.sku != item.sku) {
            let availability = Availability::none(&item.sku);
            gathered.push(StockedItem { item, availability });
        }
        if let Some(last) = gathered.last_mut() {
            last.availability.add(Stock::from_row(row)?);
        }
    }
    Ok(gathered)
}
