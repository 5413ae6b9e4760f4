//! Explain: what the planner would do for an order, real or imagined. Nothing is changed or locked.

use std::collections::BTreeSet;

use domain::WarehouseId;
use domain::plan::{self, DemandLine, Explanation, WhyNot};
use sqlx::{FromRow, PgConnection, Row};

use crate::columns;
use crate::error::InventoryError;
use crate::reserve::{OpenShelves, ShelfRow, refuse_repeated};

/// Which warehouse would serve which line if it were reserved now, and why not the others. A line
/// whose SKU is no item says so.
///
/// # Errors
/// [`InventoryError::RepeatedLine`], [`InventoryError::Database`].
pub async fn explain(
    conn: &mut PgConnection,
    lines: &[DemandLine],
    preferred: Option<&WarehouseId>,
) -> Result<Explanation, InventoryError> {
    refuse_repeated(lines.iter().map(|line| &line.line_id))?;
    // One statement, so that figures and warehouses are of one moment.
    let rows = sqlx::query(
        "SELECT w.warehouse_id, w.priority, w.active, s.sku, s.warehouse, s.on_hand, s.reserved, s.queued
         FROM inventory.warehouses w
         LEFT JOIN inventory.stock s ON s.warehouse = w.warehouse_id AND s.sku = ANY ($1)
         ORDER BY w.priority, w.warehouse_id, s.sku",
    )
    .bind(lines.iter().map(|line| line.sku.as_str()).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    let (mut warehouses, mut shelves) = (Vec::<WarehouseId>::new(), Vec::new());
    let mut inactive = BTreeSet::new();
    for row in &rows {
        let warehouse: WarehouseId = columns::id(row, "warehouse_id")?;
        if !row.try_get::<bool, _>("active")? {
            inactive.insert(warehouse.clone());
        }
        if warehouses.last() != Some(&warehouse) {
            warehouses.push(warehouse);
        }
        if row.try_get::<Option<String>, _>("sku")?.is_some() {
            shelves.push(ShelfRow::from_row(row)?);
        }
    }
    let open = OpenShelves::of(shelves);
    let mut explained = plan::explain(lines, &open.shelves, &warehouses, preferred);
    let verdicts = explained.lines.iter_mut().flat_map(|line| &mut line.warehouses);
    for verdict in verdicts.filter(|verdict| inactive.contains(&verdict.warehouse)) {
        verdict.why_not = Some(WhyNot::Inactive);
    }
    Ok(explained)
}
