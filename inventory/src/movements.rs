//! The ledger and the queues as people read them, and whether anything in them changed.

use chrono::{DateTime, Utc};
use domain::{OrderId, Sku};
use sqlx::{FromRow, PgConnection};

use crate::allocation::AllocationId;
use crate::error::InventoryError;
use crate::holder::Epoch;

/// A movement of a SKU, with the figures of its warehouse just after it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Movement {
    /// The ledger's entry: the newer, the larger.
    pub movement_id: i64,
    /// When it was booked.
    pub at: DateTime<Utc>,
    /// Of what.
    pub sku: String,
    /// Where.
    pub warehouse: String,
    /// Why, as a code.
    pub kind: String,
    /// Pieces that came to lie there, or went.
    pub on_hand_change: i64,
    /// Pieces that came to be held, or were given back.
    pub reserved_change: i64,
    /// Pieces that lay there then.
    pub on_hand: i64,
    /// Pieces of those that were held then.
    pub reserved: i64,
    /// For which order, ours or another system's.
    pub order_id: Option<String>,
    /// What whoever booked it gave as the reason.
    pub reference: Option<String>,
}

/// The movements of a SKU, newest first: `most` of those before the one with this number, if it is given. The figures
/// are reckoned back from what is there now, so that a page costs as much as the newer ones have movements.
///
/// # Errors
/// [`InventoryError::Database`].
pub async fn movements(
    conn: &mut PgConnection,
    sku: &Sku,
    before: Option<i64>,
    most: i64,
) -> Result<Vec<Movement>, InventoryError> {
    Ok(sqlx::query_as(
        "WITH page AS (
             SELECT * FROM inventory.movements
             WHERE sku = $1 AND ($2::bigint IS NULL OR movement_id < $2) ORDER BY movement_id DESC LIMIT $3
         ), newer AS (
             SELECT warehouse, sum(on_hand_change) AS on_hand, sum(reserved_change) AS reserved
             FROM inventory.movements WHERE sku = $1 AND movement_id >= $2 GROUP BY warehouse
         )
         SELECT p.movement_id, p.at, p.sku, p.warehouse, p.reason AS kind, p.on_hand_change, p.reserved_change,
                (s.on_hand - COALESCE(n.on_hand, 0) - COALESCE(sum(p.on_hand_change) OVER later, 0))::bigint
                    AS on_hand,
                (s.reserved - COALESCE(n.reserved, 0) - COALESCE(sum(p.reserved_change) OVER later, 0))::bigint
                    AS reserved,
                p.order_id, p.reference
         FROM page p JOIN inventory.stock s USING (sku, warehouse) LEFT JOIN newer n USING (warehouse)
         WINDOW later AS (PARTITION BY p.warehouse ORDER BY p.movement_id DESC
                          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
         ORDER BY p.movement_id DESC",
    )
    .bind(sku.as_str())
    .bind(before)
    .bind(most)
    .fetch_all(conn)
    .await?)
}

/// A movement for an order.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct OrderMovement {
    /// The ledger's entry.
    pub movement_id: i64,
    /// When it was booked.
    pub at: DateTime<Utc>,
    /// Of what.
    pub sku: String,
    /// Where.
    pub warehouse: String,
    /// Why, as a code.
    pub kind: String,
    /// Pieces that came to lie there, or went.
    pub on_hand_change: i64,
    /// Pieces that came to be held, or were given back.
    pub reserved_change: i64,
}

/// The newest `most` movements for an order, newest first.
///
/// # Errors
/// [`InventoryError::Database`].
pub async fn movements_of_order(
    conn: &mut PgConnection,
    order: &OrderId,
    most: i64,
) -> Result<Vec<OrderMovement>, InventoryError> {
    Ok(sqlx::query_as(
        "SELECT movement_id, at, sku, warehouse, reason AS kind, on_hand_change, reserved_change
         FROM inventory.movements WHERE order_id = $1 ORDER BY movement_id DESC LIMIT $2",
    )
    .bind(order.as_str())
    .bind(most)
    .fetch_all(conn)
    .await?)
}

/// A line that waits for a SKU.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Queued {
    /// Its entry in the queue.
    pub waiting_id: i64,
    /// How many are served before it in this warehouse, and one.
    pub place: i64,
    /// Whose, ours or another system's.
    pub order_id: String,
    /// Where it waits.
    pub warehouse: String,
    /// For how many pieces.
    pub quantity: i64,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// Who waits for a SKU, in the order in which they are served: `most` of those after the entry of this moment and number,
/// if it is given.
///
/// # Errors
/// [`InventoryError::Database`].
pub async fn queue_of(
    conn: &mut PgConnection,
    sku: &Sku,
    after: Option<(DateTime<Utc>, i64)>,
    most: i64,
) -> Result<Vec<Queued>, InventoryError> {
    Ok(sqlx::query_as(
        "SELECT * FROM (
             SELECT waiting_id, row_number() OVER (PARTITION BY warehouse ORDER BY since, waiting_id) AS place, order_id,
                    warehouse, quantity, since
             FROM inventory.waiting WHERE sku = $1) AS queue
         WHERE $2::timestamptz IS NULL OR (since, waiting_id) > ($2, $3) ORDER BY since, waiting_id LIMIT $4",
    )
    .bind(sku.as_str())
    .bind(after.map(|(since, _)| since))
    .bind(after.map(|(_, waiting_id)| waiting_id))
    .bind(most)
    .fetch_all(conn)
    .await?)
}

/// What a line of an order of ours waits for.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct WaitingPlace {
    /// What it waits for.
    pub sku: String,
    /// Where.
    pub warehouse: String,
    /// For how many pieces.
    pub quantity: i64,
    /// Since when.
    pub since: DateTime<Utc>,
    /// How many are served before it in this warehouse, and one.
    pub place: i64,
}

/// What an order of ours waits for, and its places in the queues: the first `most`.
///
/// # Errors
/// [`InventoryError::Database`].
pub async fn places_of(
    conn: &mut PgConnection,
    order: &OrderId,
    epoch: Epoch,
    most: i64,
) -> Result<Vec<WaitingPlace>, InventoryError> {
    Ok(sqlx::query_as(
        "SELECT sku, warehouse, quantity, since,
                (SELECT count(*) FROM inventory.waiting q
                 WHERE q.sku = w.sku AND q.warehouse = w.warehouse
                   AND (q.since, q.waiting_id) <= (w.since, w.waiting_id)) AS place
         FROM inventory.waiting w WHERE order_id = $1 AND epoch = $2 ORDER BY since, waiting_id LIMIT $3",
    )
    .bind(order.as_str())
    .bind(i64::from(epoch))
    .bind(most)
    .fetch_all(conn)
    .await?)
}

/// Pieces of a SKU that somebody holds.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Held {
    /// The allocation.
    #[sqlx(try_from = "String")]
    pub allocation_id: AllocationId,
    /// Whose, ours or another system's.
    pub order_id: String,
    /// Where.
    pub warehouse: String,
    /// How many pieces that have not left.
    pub quantity: i64,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// Who holds a SKU, the oldest allocation first: `most` of those after the one with this id, if it is given.
///
/// # Errors
/// [`InventoryError::Database`].
pub async fn held_of(
    conn: &mut PgConnection,
    sku: &Sku,
    after: Option<&AllocationId>,
    most: i64,
) -> Result<Vec<Held>, InventoryError> {
    Ok(sqlx::query_as(
        "SELECT allocation_id, order_id, warehouse, quantity - fulfilled_quantity AS quantity, created_at AS since
         FROM inventory.allocations
         WHERE sku = $1 AND status IN ('PENDING', 'CONFIRMED') AND quantity > fulfilled_quantity
           AND ($2::text IS NULL OR allocation_id > $2)
         ORDER BY allocation_id LIMIT $3",
    )
    .bind(sku.as_str())
    .bind(after.map(ToString::to_string))
    .bind(most)
    .fetch_all(conn)
    .await?)
}

/// A text that is another one once a movement was booked or somebody began or ceased to wait; of one order, if it is
/// named. A late commit may have a lower number than what was there: among the newest few it is seen.
///
/// # Errors
/// [`InventoryError::Database`].
pub async fn version(conn: &mut PgConnection, order: Option<&OrderId>) -> Result<String, InventoryError> {
    let statement = match order {
        None => {
            "SELECT md5(concat_ws('/',
                ARRAY(SELECT movement_id FROM inventory.movements ORDER BY movement_id DESC LIMIT 32),
                ARRAY(SELECT waiting_id FROM inventory.waiting ORDER BY waiting_id DESC LIMIT 32)))
             WHERE $1::text IS NULL"
        }
        Some(_) => {
            "SELECT md5(concat_ws('/',
                ARRAY(SELECT movement_id FROM inventory.movements WHERE order_id = $1
                      ORDER BY movement_id DESC LIMIT 32),
                ARRAY(SELECT concat_ws(' ', waiting_id, quantity) FROM inventory.waiting WHERE order_id = $1
                      ORDER BY waiting_id DESC LIMIT 32)))"
        }
    };
    Ok(sqlx::query_scalar(statement).bind(order.map(OrderId::as_str)).fetch_one(conn).await?)
}
