//! The warehouses: where items may lie, which is taken from first, and which takes nothing new.

use chrono::{DateTime, Utc};
use domain::WarehouseId;
use sqlx::{FromRow, PgConnection};

use crate::error::InventoryError;
use crate::ledger;
use crate::queue::{self, ServedOrder};

/// A warehouse as it is known.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Warehouse {
    /// Its id, which orders, settings and stock name it by.
    #[sqlx(try_from = "String")]
    pub warehouse_id: WarehouseId,
    /// What people call it; none if nobody said.
    pub name: Option<String>,
    /// Whether it takes new reservations. One that does not keeps what it holds, and serves nobody who waits.
    pub active: bool,
    /// The lower, the sooner it is taken from.
    pub priority: i32,
    /// Since when it is known.
    pub created_at: DateTime<Utc>,
}

/// What of a warehouse is to be changed; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct WarehouseChange {
    /// What people call it.
    pub name: Option<String>,
    /// Whether it takes new reservations.
    pub active: Option<bool>,
    /// The lower, the sooner it is taken from.
    pub priority: Option<i32>,
}

/// All warehouses, the one taken from first at the top.
///
/// # Errors
/// [`InventoryError::Database`].
pub async fn warehouses(conn: &mut PgConnection) -> Result<Vec<Warehouse>, InventoryError> {
    Ok(sqlx::query_as(
        "SELECT warehouse_id, name, active, priority, created_at FROM inventory.warehouses
         ORDER BY priority, warehouse_id",
    )
    .fetch_all(conn)
    .await?)
}

/// Adds a warehouse; none if there is one with this id already, which stays as it is.
///
/// # Errors
/// [`InventoryError::Database`].
pub async fn add_warehouse(
    conn: &mut PgConnection,
    warehouse: &WarehouseId,
    name: &str,
    priority: i32,
) -> Result<Option<Warehouse>, InventoryError> {
    Ok(sqlx::query_as(
        "INSERT INTO inventory.warehouses (warehouse_id, name, priority) VALUES ($1, $2, $3)
         ON CONFLICT ON CONSTRAINT warehouses_pk DO NOTHING
         RETURNING warehouse_id, name, active, priority, created_at",
    )
    .bind(warehouse.as_str())
    .bind(name)
    .bind(priority)
    .fetch_optional(conn)
    .await?)
}

/// Changes a warehouse. What is free in one that is made active serves who waits there.
///
/// # Errors
/// [`InventoryError::UnknownWarehouse`], [`InventoryError::Database`].
pub async fn change_warehouse(
    conn: &mut PgConnection,
    warehouse: &WarehouseId,
    change: &WarehouseChange,
    correlation_id: &str,
) -> Result<(Warehouse, Vec<ServedOrder>), InventoryError> {
    let changed: Option<Warehouse> = sqlx::query_as(
        "UPDATE inventory.warehouses
         SET name = coalesce($2, name), active = coalesce($3, active), priority = coalesce($4, priority)
         WHERE warehouse_id = $1 RETURNING warehouse_id, name, active, priority, created_at",
    )
    .bind(warehouse.as_str())
    .bind(change.name.as_deref())
    .bind(change.active)
    .bind(change.priority)
    .fetch_optional(&mut *conn)
    .await?;
    let changed = changed.ok_or_else(|| InventoryError::UnknownWarehouse { warehouse: warehouse.clone() })?;
    // Who waits is looked for once nobody can join the queue of an inactive warehouse any more: whoever does has its row
    // shared, and took that before its stock.
    let is_made_active = change.active == Some(true);
    let mut places = if is_made_active { waited_for(conn, warehouse).await? } else { Default::default() };
    places.retain(|place, _| place.warehouse == *warehouse);
    let served = queue::serve(conn, &places, correlation_id).await?;
    Ok((changed, served))
}

/// Locks the items that somebody waits for in a warehouse, in all their places.
async fn waited_for(
    conn: &mut PgConnection,
    warehouse: &WarehouseId,
) -> Result<std::collections::BTreeMap<ledger::Place, ledger::Figures>, InventoryError> {
    let skus: Vec<String> = sqlx::query_scalar(
        "SELECT sku FROM inventory.stock WHERE warehouse = $1 AND queued > 0 ORDER BY sku",
    )
    .bind(warehouse.as_str())
    .fetch_all(&mut *conn)
    .await?;
    ledger::lock(conn, &skus).await
}
