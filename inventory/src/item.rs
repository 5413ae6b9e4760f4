//! Items and their opening stock.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{Currency, Money, Sku, WarehouseId};
use outbox::StockCause;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use crate::columns;
use crate::error::InventoryError;
use crate::ledger::{self, Entry, Reason};

/// An item to be stocked.
#[derive(Debug, Clone)]
pub struct NewItem {
    /// Its stock keeping unit, not yet taken.
    pub sku: Sku,
    /// What people call it.
    pub name: String,
    /// Where its first pieces lie.
    pub warehouse: WarehouseId,
    /// How many pieces lie there; may be none.
    pub quantity: u32,
    /// The price of one piece in EUR, if it has one.
    pub unit_price: Option<Decimal>,
}

/// An item as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// Its stock keeping unit.
    pub sku: Sku,
    /// What people call it.
    pub name: String,
    /// The price of one piece, if it has one.
    pub unit_price: Option<Money>,
    /// When it became known.
    pub created_at: DateTime<Utc>,
}

impl Item {
    /// The columns it wants are `sku, name, unit_price, currency, created_at`.
    pub(crate) fn read(row: &PgRow) -> sqlx::Result<Self> {
        let price = |amount: Decimal| -> sqlx::Result<Money> {
            Money::new(amount, columns::id(row, "currency")?)
                .map_err(|refused| columns::undecodable("unit_price", refused))
        };
        Ok(Self {
            sku: columns::id(row, "sku")?,
            name: row.try_get("name")?,
            unit_price: row.try_get::<Option<Decimal>, _>("unit_price")?.map(price).transpose()?,
            created_at: row.try_get("created_at")?,
        })
    }
}

/// Whether there is such a warehouse, and it takes new reservations.
///
/// # Errors
/// [`InventoryError::Database`].
pub async fn is_warehouse(conn: &mut PgConnection, warehouse: &WarehouseId) -> Result<bool, InventoryError> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM inventory.warehouses WHERE warehouse_id = $1 AND active)",
    )
    .bind(warehouse.as_str())
    .fetch_one(conn)
    .await?)
}

/// Makes an item known and books its opening stock.
///
/// # Errors
/// [`InventoryError::ItemExists`] if the SKU is taken, [`InventoryError::UnknownWarehouse`],
/// [`InventoryError::PriceNotAllowed`], [`InventoryError::Database`].
pub async fn create_item(
    conn: &mut PgConnection,
    new: &NewItem,
    correlation_id: &str,
) -> Result<(), InventoryError> {
    let NewItem { sku, name, warehouse, quantity, unit_price } = new;
    let refused = |source| InventoryError::PriceNotAllowed { sku: sku.clone(), source };
    let currency = Currency::parse("EUR").map_err(refused)?;
    let price = unit_price.map(|amount| Money::new(amount, currency.clone())).transpose().map_err(refused)?;
    let created = sqlx::query(
        "INSERT INTO inventory.items (sku, name, unit_price, currency) VALUES ($1, $2, $3, $4)
         ON CONFLICT ON CONSTRAINT items_pk DO NOTHING",
    )
    .bind(sku.as_str())
    .bind(name)
    .bind(price.map(|price| price.amount()))
    .bind(currency.as_str())
    .execute(&mut *conn)
    .await?;
    if created.rows_affected() == 0 {
        return Err(InventoryError::ItemExists { sku: sku.clone() });
    }
    ledger::ensure_shelf(conn, sku, warehouse).await?;
    if *quantity > 0 {
        let opening = Entry::on_hand(sku, warehouse, i64::from(*quantity));
        let why = (Reason::OpeningStock, StockCause::OpeningStock);
        ledger::book_unheld(conn, why, None, &[opening], correlation_id).await?;
    }
    Ok(())
}

/// The item with this SKU, if there is one.
///
/// # Errors
/// [`InventoryError::Database`].
pub async fn item(conn: &mut PgConnection, sku: &Sku) -> Result<Option<Item>, InventoryError> {
    Ok(items_by_sku(conn, std::slice::from_ref(sku)).await?.remove(sku))
}

/// The items with these SKUs; a SKU that is no item is not among them.
///
/// # Errors
/// [`InventoryError::Database`].
pub async fn items_by_sku(
    conn: &mut PgConnection,
    skus: &[Sku],
) -> Result<BTreeMap<Sku, Item>, InventoryError> {
    let rows = sqlx::query(
        "SELECT sku, name, unit_price, currency, created_at FROM inventory.items WHERE sku = ANY ($1)",
    )
    .bind(skus.iter().map(Sku::as_str).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    let item = |row| Item::read(row).map(|item| (item.sku.clone(), item));
    Ok(rows.iter().map(item).collect::<sqlx::Result<_>>()?)
}
