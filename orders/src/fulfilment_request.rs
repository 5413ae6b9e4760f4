//! Hand-overs: what was given to which warehouse under which reference.

use std::time::Duration;

use domain::{OrderId, OrderNumber, RequestReference, WarehouseId, WarehouseSystem, words};
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, FromRow, PgConnection, types::Json};

use crate::{OrdersError, pieces_column};

pub mod counted;
mod seen;

pub use seen::{Seen, seen_of_order};

/// Pieces of one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestedLine {
    /// The order's line.
    pub line_id: String,
    /// What.
    pub sku: String,
    /// How many pieces.
    pub quantity: u32,
}

/// How a hand-over stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum FulfilmentRequestStatus {
    /// Planned; the warehouse may or may not have heard of it.
    Requested,
    /// The warehouse took it.
    Accepted,
    /// Recalled by us, wholly or in part.
    Recalled,
    /// Cancelled by the warehouse.
    Cancelled,
    /// All that was to leave has left.
    Shipped,
}

words!(FulfilmentRequestStatus, "status");

/// A hand-over as it is kept.
#[derive(Debug, Clone, FromRow)]
pub struct FulfilmentRequest {
    /// Its unique reference.
    #[sqlx(try_from = "String")]
    pub reference: RequestReference,
    /// Whose pieces.
    #[sqlx(try_from = "String")]
    pub order_id: OrderId,
    /// Where.
    #[sqlx(try_from = "String")]
    pub warehouse: WarehouseId,
    /// The system that ships for that warehouse.
    #[sqlx(try_from = "String")]
    pub system: WarehouseSystem,
    /// How it stands.
    #[sqlx(try_from = "String")]
    pub status: FulfilmentRequestStatus,
    /// What was asked for.
    #[sqlx(json)]
    pub lines: Vec<RequestedLine>,
    /// Pieces that are to leave under it.
    #[sqlx(try_from = "i32")]
    pub pieces: u32,
    /// Where it was sent to, as a digest.
    pub ship_to_digest: Option<Vec<u8>>,
    /// Whether the warehouse was called about it.
    pub was_called: bool,
    /// The warehouse was asked to stop it and could not.
    pub recall_refused: bool,
    /// A person wants it back, as a count found less than was handed over.
    pub recall_wanted: bool,
}

impl FulfilmentRequest {
    /// Whether it holds pieces: not one that was cancelled, or recalled whole.
    #[must_use]
    pub fn counts(&self) -> bool {
        let gone =
            matches!(self.status, FulfilmentRequestStatus::Cancelled | FulfilmentRequestStatus::Recalled);
        !(gone && self.pieces == 0)
    }
}

/// What [`FulfilmentRequest`] is read from.
const COLUMNS: &str = "reference, order_id, warehouse, system, status, lines, pieces, ship_to_digest, \
    called_at IS NOT NULL AS was_called, recall_refused, \
    COALESCE(recall_offer = 'WANTED', false) AS recall_wanted";

/// Pieces of all these lines.
fn pieces_of(lines: &[RequestedLine]) -> u32 {
    lines.iter().map(|line| line.quantity).sum()
}

/// Plans the next hand-over of an order to a warehouse. The round makes its reference unique; the
/// caller holds the order's row lock, so two plans never meet.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn plan(
    conn: &mut PgConnection,
    order: &OrderId,
    number: &OrderNumber,
    (warehouse, system): (&WarehouseId, &WarehouseSystem),
    lines: Vec<RequestedLine>,
) -> Result<FulfilmentRequest, OrdersError> {
    let round: i32 = sqlx::query_scalar(
        "SELECT COALESCE(max(round), 0) + 1 FROM orders.fulfilment_requests WHERE order_id = $1 AND warehouse = $2",
    )
    .bind(order.as_str())
    .bind(warehouse.as_str())
    .fetch_one(&mut *conn)
    .await?;
    let round_number = u32::try_from(round).map_err(|_| OrdersError::beyond_reason("round"))?;
    let reference = RequestReference::of(number, warehouse, round_number);
    let pieces = pieces_of(&lines);
    sqlx::query(
        "INSERT INTO orders.fulfilment_requests (reference, order_id, warehouse, round, lines, pieces, system)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(reference.as_str())
    .bind(order.as_str())
    .bind(warehouse.as_str())
    .bind(round)
    .bind(Json(&lines))
    .bind(pieces_column(pieces)?)
    .bind(system.as_str())
    .execute(conn)
    .await?;
    Ok(FulfilmentRequest {
        reference,
        order_id: order.clone(),
        warehouse: warehouse.clone(),
        system: system.clone(),
        status: FulfilmentRequestStatus::Requested,
        lines,
        pieces,
        ship_to_digest: None,
        was_called: false,
        recall_refused: false,
        recall_wanted: false,
    })
}

/// The hand-overs of an order, oldest first.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn of_order(
    conn: &mut PgConnection,
    order: &OrderId,
) -> Result<Vec<FulfilmentRequest>, OrdersError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM orders.fulfilment_requests WHERE order_id = $1 ORDER BY round, warehouse"
    );
    Ok(sqlx::query_as(AssertSqlSafe(sql)).bind(order.as_str()).fetch_all(conn).await?)
}

/// A hand-over by its reference.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn find(
    conn: &mut PgConnection,
    reference: &RequestReference,
) -> Result<Option<FulfilmentRequest>, OrdersError> {
    let sql = format!("SELECT {COLUMNS} FROM orders.fulfilment_requests WHERE reference = $1");
    Ok(sqlx::query_as(AssertSqlSafe(sql)).bind(reference.as_str()).fetch_optional(conn).await?)
}

/// Notes that the warehouse is about to be called, and where the goods are to go. Committed before the
/// call: from then on the warehouse may know of it.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn calling(
    conn: &mut PgConnection,
    reference: &RequestReference,
    ship_to_digest: Option<&[u8]>,
) -> Result<(), OrdersError> {
    sqlx::query(
        "UPDATE orders.fulfilment_requests
         SET called_at = COALESCE(called_at, now()), ship_to_digest = $2 WHERE reference = $1",
    )
    .bind(reference.as_str())
    .bind(ship_to_digest)
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets hand-overs of an order that no warehouse was ever called about.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn forget_uncalled(conn: &mut PgConnection, order: &OrderId) -> Result<(), OrdersError> {
    sqlx::query(
        "DELETE FROM orders.fulfilment_requests WHERE order_id = $1 AND status = 'REQUESTED' AND called_at IS NULL",
    )
    .bind(order.as_str())
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes what became of a recall: what the warehouse could not stop leaves, and is not asked about again.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn recalled(
    conn: &mut PgConnection,
    reference: &RequestReference,
    too_late: &[RequestedLine],
) -> Result<(), OrdersError> {
    sqlx::query(
        "UPDATE orders.fulfilment_requests
         SET lines_before_recall = COALESCE(lines_before_recall, lines), lines = $2, pieces = $3,
             recall_refused = $3 > 0, updated_at = now(),
             ask_after = COALESCE(ask_after, now()),
             status = CASE WHEN $3 = 0 THEN 'RECALLED' WHEN status = 'REQUESTED' THEN 'ACCEPTED' ELSE status END
         WHERE reference = $1",
    )
    .bind(reference.as_str())
    .bind(Json(too_late))
    .bind(pieces_column(pieces_of(too_late))?)
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that all that was ever asked for left without the warehouse system; what that was.
///
/// # Errors
/// [`OrdersError::NotFound`] or [`OrdersError::Database`].
pub async fn left_by_hand(
    conn: &mut PgConnection,
    reference: &RequestReference,
) -> Result<Vec<RequestedLine>, OrdersError> {
    let lines: Json<Vec<RequestedLine>> = sqlx::query_scalar(
        "UPDATE orders.fulfilment_requests
         SET lines = COALESCE(lines_before_recall, lines), status = 'SHIPPED', updated_at = now(),
             pieces = (SELECT COALESCE(sum((line ->> 'quantity')::int), 0)
                       FROM jsonb_array_elements(COALESCE(lines_before_recall, lines)) AS line)
         WHERE reference = $1 RETURNING lines",
    )
    .bind(reference.as_str())
    .fetch_optional(conn)
    .await?
    .ok_or(OrdersError::NotFound)?;
    Ok(lines.0)
}

/// Notes that the warehouse took it; it is asked about after `overdue` unless it is settled by then.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn accepted(
    conn: &mut PgConnection,
    reference: &RequestReference,
    overdue: Duration,
) -> Result<(), OrdersError> {
    sqlx::query(
        "UPDATE orders.fulfilment_requests
         SET status = 'ACCEPTED', ask_after = now() + $2 * interval '1 millisecond', updated_at = now()
         WHERE reference = $1 AND status = 'REQUESTED'",
    )
    .bind(reference.as_str())
    .bind(overdue.as_secs_f64() * 1000.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// Sets how it stands and how many pieces are still to leave, or have left, under it.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn settle(
    conn: &mut PgConnection,
    reference: &RequestReference,
    status: FulfilmentRequestStatus,
    pieces: u32,
) -> Result<(), OrdersError> {
    sqlx::query(
        "UPDATE orders.fulfilment_requests SET status = $2, pieces = $3, updated_at = now() WHERE reference = $1",
    )
    .bind(reference.as_str())
    .bind(status.as_str())
    .bind(pieces_column(pieces)?)
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes up to `most` accepted hand-overs of which this system is to be asked, and puts their next
/// asking off by `again_after`.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn take_overdue(
    conn: &mut PgConnection,
    system: &WarehouseSystem,
    most: i64,
    again_after: Duration,
) -> Result<Vec<FulfilmentRequest>, OrdersError> {
    Ok(sqlx::query_as(AssertSqlSafe(format!(
        "UPDATE orders.fulfilment_requests SET ask_after = now() + $2 * interval '1 millisecond'
         WHERE reference IN (
             SELECT reference FROM orders.fulfilment_requests
             WHERE status = 'ACCEPTED' AND system = $3 AND ask_after <= now()
             ORDER BY ask_after LIMIT $1 FOR UPDATE SKIP LOCKED)
         RETURNING {COLUMNS}"
    )))
    .bind(most)
    .bind(again_after.as_secs_f64() * 1000.0)
    .bind(system.as_str())
    .fetch_all(conn)
    .await?)
}

/// Sets what is left of a hand-over after the warehouse cancelled some of it; nothing left means
/// that all of it is cancelled.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn shrink(
    conn: &mut PgConnection,
    reference: &RequestReference,
    lines: &[RequestedLine],
) -> Result<(), OrdersError> {
    sqlx::query(
        "UPDATE orders.fulfilment_requests
         SET lines = $2, pieces = $3, updated_at = now(), status = CASE WHEN $3 = 0 THEN 'CANCELLED' ELSE status END
         WHERE reference = $1",
    )
    .bind(reference.as_str())
    .bind(Json(lines))
    .bind(pieces_column(pieces_of(lines))?)
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that all that was to leave under the order's accepted hand-overs has left.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn close_accepted(conn: &mut PgConnection, order: &OrderId) -> Result<(), OrdersError> {
    sqlx::query(
        "UPDATE orders.fulfilment_requests SET status = 'SHIPPED', updated_at = now()
         WHERE order_id = $1 AND status = 'ACCEPTED'",
    )
    .bind(order.as_str())
    .execute(conn)
    .await?;
    Ok(())
}
