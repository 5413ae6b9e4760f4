//! A reservation: what one order holds and waits for, under one header.

use domain::{LineId, OrderId, Quantity, Sku, WarehouseId, words};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgConnection, Row};

use crate::allocation::{Allocation, AllocationChange};
use crate::columns;
use crate::error::InventoryError;
use crate::holder::{Epoch, Holder};
use crate::queue::ServedOrder;

/// How far a reservation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
#[derive(strum::Display, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum ReservationStatus {
    /// Holds all it asked for.
    Complete,
    /// Waits for some or all of it.
    Waiting,
    /// Given back, or given up before it was made; it is never taken up again.
    Released,
    /// Everything has left the warehouses.
    Fulfilled,
}

words!(ReservationStatus, "status");

/// What one order holds and waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reservation {
    /// Whose it is.
    pub order_id: OrderId,
    /// Which of the order's reservations.
    pub epoch: Epoch,
    /// Which version of what the order wants it stands for.
    #[serde(default)]
    pub version: u32,
    /// How far it has come.
    pub status: ReservationStatus,
    /// What it holds or held, oldest first.
    pub allocations: Vec<Allocation>,
    /// What it waits for, in the order in which it joined the queues.
    pub waiting: Vec<WaitingLine>,
    /// What the call that returned this changed; empty if it only looked or found it made already.
    pub changed: Vec<AllocationChange>,
    /// Other orders that were served with what this call gave back.
    #[serde(default)]
    pub served: Vec<ServedOrder>,
}

impl Reservation {
    /// Pieces held or waited for, and not yet gone.
    #[must_use]
    pub fn outstanding(&self) -> u64 {
        let held: u64 = self.allocations.iter().map(Allocation::held).sum();
        held + self.waiting.iter().map(|line| u64::from(line.quantity.get())).sum::<u64>()
    }
}

/// Pieces a line waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromRow)]
#[serde(rename_all = "camelCase")]
pub struct WaitingLine {
    /// The line.
    #[sqlx(try_from = "String")]
    pub line_id: LineId,
    /// What it waits for.
    #[sqlx(try_from = "String")]
    pub sku: Sku,
    /// In which warehouse's queue.
    #[sqlx(try_from = "String")]
    pub warehouse: WarehouseId,
    /// How many pieces.
    #[sqlx(try_from = "i64")]
    pub quantity: Quantity,
}

/// A reservation without what it holds and waits for.
#[derive(FromRow)]
struct Header {
    #[sqlx(rename = "header_status", try_from = "String")]
    status: ReservationStatus,
    #[sqlx(try_from = "i64")]
    version: u32,
}

/// Which reservation it is.
#[derive(FromRow)]
pub(crate) struct ReservationKey {
    #[sqlx(try_from = "String")]
    pub(crate) order_id: OrderId,
    #[sqlx(try_from = "i64")]
    pub(crate) epoch: Epoch,
}

/// The order's reservation of this epoch, if it was made or released.
///
/// # Errors
/// [`InventoryError::Database`].
pub async fn reservation(
    conn: &mut PgConnection,
    order_id: &OrderId,
    epoch: Epoch,
) -> Result<Option<Reservation>, InventoryError> {
    // One statement, so that no piece is seen twice or not at all while its line is being served.
    let rows = sqlx::query(
        "SELECT r.status AS header_status, r.version, part.*
         FROM inventory.reservations r
         LEFT JOIN LATERAL (
             SELECT allocation_id, line_id, sku, warehouse, quantity, fulfilled_quantity, status, cause,
                    created_at, NULL AS waiting_id
             FROM inventory.allocations a WHERE a.order_id = r.order_id AND a.epoch = r.epoch
             UNION ALL
             SELECT NULL, line_id, sku, warehouse, quantity, NULL, NULL, NULL, NULL, waiting_id
             FROM inventory.waiting w WHERE w.order_id = r.order_id AND w.epoch = r.epoch
         ) part ON true
         WHERE r.order_id = $1 AND r.epoch = $2
         ORDER BY part.created_at, part.allocation_id, part.waiting_id",
    )
    .bind(order_id.as_str())
    .bind(i64::from(epoch))
    .fetch_all(&mut *conn)
    .await?;
    let Some(header) = rows.first() else { return Ok(None) };
    let Header { status, version } = Header::from_row(header)?;
    let (mut allocations, mut waiting) = (Vec::new(), Vec::new());
    for row in &rows {
        if row.try_get::<Option<String>, _>("allocation_id")?.is_some() {
            allocations.push(Allocation::from_row(row)?);
        } else if row.try_get::<Option<i64>, _>("waiting_id")?.is_some() {
            waiting.push(WaitingLine::from_row(row)?);
        }
    }
    let (order_id, changed, served) = (order_id.clone(), Vec::new(), Vec::new());
    Ok(Some(Reservation { order_id, epoch, version, status, allocations, waiting, changed, served }))
}

/// An order's reservation of this number, or the newest, that a holder gets to see: its own, else that of an
/// order of ours, else another's where it sees all.
///
/// # Errors
/// [`InventoryError::Database`].
pub async fn shown_reservation(
    conn: &mut PgConnection,
    order_id: &OrderId,
    number: Option<u32>,
    (holder, sees_all): (Holder, bool),
) -> Result<Option<Reservation>, InventoryError> {
    let shown: Option<i64> = sqlx::query_scalar(
        "SELECT epoch FROM inventory.reservations
         WHERE order_id = $1 AND ($2::bigint IS NULL OR epoch & 4294967295 = $2)
           AND (epoch >> 32 IN (0, $3) OR $4)
         ORDER BY epoch >> 32 <> $3, epoch >> 32 <> 0,
                  -- Of several others' first what is not given back, or was before it was made.
                  epoch >> 32 NOT IN (0, $3) AND status = 'RELEASED', epoch DESC LIMIT 1",
    )
    .bind(order_id.as_str())
    .bind(number.map(i64::from))
    .bind(holder.number())
    .bind(sees_all)
    .fetch_optional(&mut *conn)
    .await?;
    match shown {
        Some(epoch) => reservation(conn, order_id, columns::epoch(epoch)?).await,
        None => Ok(None),
    }
}

/// The newest reservation of an order of ours, if it has any.
///
/// # Errors
/// [`InventoryError::Database`].
pub async fn latest_reservation(
    conn: &mut PgConnection,
    order_id: &OrderId,
) -> Result<Option<Reservation>, InventoryError> {
    shown_reservation(conn, order_id, None, (Holder::OURS, false)).await
}

/// Whether an order of ours has this id: nobody else holds anything under it then.
///
/// # Errors
/// [`InventoryError::Database`].
pub async fn is_ours(conn: &mut PgConnection, order_id: &OrderId) -> Result<bool, InventoryError> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM inventory.reservations
                        WHERE order_id = $1 AND epoch BETWEEN 1 AND 4294967295)",
    )
    .bind(order_id.as_str())
    .fetch_one(conn)
    .await?)
}

/// The reservation as it is, and stays until this transaction ends. The caller holds the locks of the stock.
pub(crate) async fn lock(
    conn: &mut PgConnection,
    order_id: &OrderId,
    epoch: Epoch,
) -> Result<Option<Reservation>, InventoryError> {
    sqlx::query("SELECT FROM inventory.reservations WHERE order_id = $1 AND epoch = $2 FOR NO KEY UPDATE")
        .bind(order_id.as_str())
        .bind(i64::from(epoch))
        .execute(&mut *conn)
        .await?;
    reservation(conn, order_id, epoch).await
}

/// Begins the reservation; false if it was begun already. Waits for whoever is beginning it.
pub(crate) async fn begin(
    conn: &mut PgConnection,
    order_id: &OrderId,
    epoch: Epoch,
    status: ReservationStatus,
    version: u32,
) -> Result<bool, InventoryError> {
    let begun = sqlx::query(
        "INSERT INTO inventory.reservations (order_id, epoch, status, version) VALUES ($1, $2, $3, $4)
         ON CONFLICT ON CONSTRAINT reservations_pk DO NOTHING",
    )
    .bind(order_id.as_str())
    .bind(i64::from(epoch))
    .bind(status.as_str())
    .bind(i64::from(version))
    .execute(conn)
    .await?;
    Ok(begun.rows_affected() == 1)
}

/// Takes back [`begin`] in the same transaction, as if it had never been.
pub(crate) async fn forget(
    conn: &mut PgConnection,
    order_id: &OrderId,
    epoch: Epoch,
) -> Result<(), InventoryError> {
    sqlx::query("DELETE FROM inventory.reservations WHERE order_id = $1 AND epoch = $2")
        .bind(order_id.as_str())
        .bind(i64::from(epoch))
        .execute(conn)
        .await?;
    Ok(())
}

/// Writes how far the reservation has come.
pub(crate) async fn set_status(
    conn: &mut PgConnection,
    order_id: &OrderId,
    epoch: Epoch,
    status: ReservationStatus,
) -> Result<(), InventoryError> {
    sqlx::query("UPDATE inventory.reservations SET status = $3 WHERE order_id = $1 AND epoch = $2")
        .bind(order_id.as_str())
        .bind(i64::from(epoch))
        .bind(status.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// Writes which version of what the order wants the reservation stands for.
pub(crate) async fn set_version(
    conn: &mut PgConnection,
    order_id: &OrderId,
    epoch: Epoch,
    version: u32,
) -> Result<(), InventoryError> {
    sqlx::query("UPDATE inventory.reservations SET version = $3 WHERE order_id = $1 AND epoch = $2")
        .bind(order_id.as_str())
        .bind(i64::from(epoch))
        .bind(i64::from(version))
        .execute(conn)
        .await?;
    Ok(())
}
