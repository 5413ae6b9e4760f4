//! The fault `check_then_decrement`, planted for tests; see `domain::planted`. Debug builds with the
//! feature `faults` only.

use sqlx::PgConnection;

use crate::columns::whole;
use crate::error::InventoryError;
use crate::ledger::{Booked, Entry, Figures, Reason};

/// Reads, lets others do the same, and writes what it reckoned from what it had read.
pub(crate) async fn book_as_read(
    conn: &mut PgConnection,
    reason: Reason,
    entries: &[Entry],
) -> Result<Option<Vec<Booked>>, InventoryError> {
    let mut booked = Vec::with_capacity(entries.len());
    for entry in entries {
        let (sku, warehouse) = (entry.place.sku.as_str(), entry.place.warehouse.as_str());
        let before: Figures = sqlx::query_as(
            "SELECT on_hand, reserved, queued FROM inventory.stock WHERE sku = $1 AND warehouse = $2",
        )
        .bind(sku)
        .bind(warehouse)
        .fetch_one(&mut *conn)
        .await?;
        if whole(before.available())? < entry.reserved {
            return Ok(None);
        }
        sqlx::query("SELECT pg_sleep(0.3)").execute(&mut *conn).await?;
        let reserved = before.reserved.saturating_add_signed(entry.reserved);
        sqlx::query("UPDATE inventory.stock SET reserved = $3 WHERE sku = $1 AND warehouse = $2")
            .bind(sku)
            .bind(warehouse)
            .bind(whole(reserved)?)
            .execute(&mut *conn)
            .await?;
        sqlx::query(
            "INSERT INTO inventory.movements (sku, warehouse, on_hand_change, reserved_change, reason, order_id)
             VALUES ($1, $2, 0, $3, $4, $5)",
        )
        .bind(sku)
        .bind(warehouse)
        .bind(entry.reserved)
        .bind(<&str>::from(reason))
        .bind(entry.order_id.as_ref().map(domain::OrderId::as_str))
        .execute(&mut *conn)
        .await?;
        booked.push(Booked { before, after: Figures { reserved, ..before } });
    }
    Ok(Some(booked))
}
