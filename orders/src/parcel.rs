//! Parcels: what left a warehouse under a fulfilment request.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{OrderId, ParcelStatus, RequestReference};
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, FromRow, PgConnection, types::Json};

use crate::{OrdersError, fulfilment_request::FulfilmentRequest};

/// Pieces of one SKU in a parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParcelLine {
    /// What.
    pub sku: String,
    /// How many pieces.
    pub quantity: u32,
}

/// What the warehouse said of a parcel.
#[derive(Debug, Clone)]
pub struct ParcelUpdate<'a> {
    /// The hand-over it belongs to.
    pub reference: &'a RequestReference,
    /// The warehouse's id of the parcel.
    pub parcel_id: &'a str,
    /// Where it stands.
    pub status: &'a ParcelStatus,
    /// Rises with every change the warehouse reports of the parcel.
    pub sequence: i64,
    /// What is in it.
    pub lines: &'a [ParcelLine],
    /// Who carries it.
    pub carrier: Option<&'a str>,
    /// The carrier's number.
    pub tracking_number: Option<&'a str>,
    /// Where to look it up.
    pub tracking_url: Option<&'a str>,
}

/// A parcel as it is kept.
#[derive(Debug, Clone, FromRow)]
pub struct KeptParcel {
    /// The hand-over it belongs to.
    pub reference: String,
    /// The warehouse's id of it.
    pub parcel_id: String,
    /// Whose.
    pub order_id: String,
    /// From where.
    pub warehouse: String,
    /// The newest status the warehouse reported.
    #[sqlx(try_from = "String")]
    pub status: ParcelStatus,
    /// What is in it.
    #[sqlx(json)]
    pub lines: Vec<ParcelLine>,
    /// Who carries it.
    pub carrier: Option<String>,
    /// The carrier's number.
    pub tracking_number: Option<String>,
    /// Where to look it up.
    pub tracking_url: Option<String>,
    /// When it was booked as shipped here.
    pub booked_at: Option<DateTime<Utc>>,
    /// When the shop was notified.
    pub shop_notified_at: Option<DateTime<Utc>>,
    /// The shop's ids of the fulfilments that report it, as far as we heard them.
    pub fulfilment_ids: Vec<i64>,
}

impl KeptParcel {
    /// Whether the warehouse says that it is on its way or there.
    pub fn has_left(&self) -> bool {
        matches!(self.status, ParcelStatus::Shipped | ParcelStatus::Delivered)
    }
}

/// What [`KeptParcel`] is read from.
const COLUMNS: &str = "reference, parcel_id, order_id, warehouse, status, lines, carrier, tracking_number, \
    tracking_url, booked_at, shop_notified_at, fulfilment_ids";

/// Records what the warehouse said, unless it is older than what is known. True unless it was older:
/// the newest once more counts, so that whoever crashed after recording may go on.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn record(conn: &mut PgConnection, update: &ParcelUpdate<'_>) -> Result<bool, OrdersError> {
    let written = sqlx::query(
        "INSERT INTO orders.parcels AS known
             (reference, parcel_id, order_id, warehouse, status, sequence, lines, carrier, tracking_number,
              tracking_url)
         SELECT $1, $2, order_id, warehouse, $3, $4, $5, $6, $7, $8
         FROM orders.fulfilment_requests WHERE reference = $1
         ON CONFLICT ON CONSTRAINT parcels_pk DO UPDATE
             SET status = EXCLUDED.status, sequence = EXCLUDED.sequence,
                 lines = CASE WHEN known.booked_at IS NULL THEN EXCLUDED.lines ELSE known.lines END,
                 carrier = COALESCE(EXCLUDED.carrier, known.carrier),
                 tracking_number = COALESCE(EXCLUDED.tracking_number, known.tracking_number),
                 tracking_url = COALESCE(EXCLUDED.tracking_url, known.tracking_url), updated_at = now()
             WHERE EXCLUDED.sequence >= known.sequence",
    )
    .bind(update.reference.as_str())
    .bind(update.parcel_id)
    .bind(update.status.as_str())
    .bind(update.sequence)
    .bind(Json(update.lines))
    .bind(update.carrier)
    .bind(update.tracking_number)
    .bind(update.tracking_url)
    .execute(conn)
    .await?;
    Ok(written.rows_affected() == 1)
}

/// What is in a parcel of which the warehouse does not say it: what it said before, else what of the
/// hand-over is in no other parcel, else what of it has not left yet. Nothing if all of it has left.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn supposed_lines(
    conn: &mut PgConnection,
    fulfilment_request: &FulfilmentRequest,
    parcel_id: &str,
) -> Result<Vec<ParcelLine>, OrdersError> {
    let mut known = of_order(conn, &fulfilment_request.order_id).await?;
    known.retain(|parcel| parcel.reference == fulfilment_request.reference.as_str());
    if let Some(said) = known.iter().find(|parcel| parcel.parcel_id == parcel_id)
        && said.lines.iter().any(|line| line.quantity > 0)
    {
        return Ok(said.lines.clone());
    }
    known.retain(|parcel| !matches!(parcel.status, ParcelStatus::Cancelled | ParcelStatus::WrittenOff));
    let in_no_other = rest_of(fulfilment_request, &known);
    if !in_no_other.is_empty() {
        return Ok(in_no_other);
    }
    // Another id was announced for the same pieces, and only this one left.
    known.retain(|parcel| parcel.booked_at.is_some() || parcel.has_left());
    Ok(rest_of(fulfilment_request, &known))
}

/// What of a hand-over is in none of the parcels.
fn rest_of(fulfilment_request: &FulfilmentRequest, parcels: &[KeptParcel]) -> Vec<ParcelLine> {
    let mut rest: BTreeMap<&str, u32> = BTreeMap::new();
    for line in &fulfilment_request.lines {
        *rest.entry(line.sku.as_str()).or_default() += line.quantity;
    }
    for line in parcels.iter().flat_map(|parcel| &parcel.lines) {
        if let Some(pieces) = rest.get_mut(line.sku.as_str()) {
            *pieces = pieces.saturating_sub(line.quantity);
        }
    }
    let line = |(sku, quantity): (&str, u32)| ParcelLine { sku: sku.to_owned(), quantity };
    rest.into_iter().filter(|(_, quantity)| *quantity > 0).map(line).collect()
}

/// One parcel.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn find(
    conn: &mut PgConnection,
    reference: &RequestReference,
    parcel_id: &str,
) -> Result<Option<KeptParcel>, OrdersError> {
    let sql = format!("SELECT {COLUMNS} FROM orders.parcels WHERE reference = $1 AND parcel_id = $2");
    Ok(sqlx::query_as(AssertSqlSafe(sql))
        .bind(reference.as_str())
        .bind(parcel_id)
        .fetch_optional(conn)
        .await?)
}

/// The parcels of an order.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn of_order(conn: &mut PgConnection, order: &OrderId) -> Result<Vec<KeptParcel>, OrdersError> {
    let sql =
        format!("SELECT {COLUMNS} FROM orders.parcels WHERE order_id = $1 ORDER BY reference, parcel_id");
    Ok(sqlx::query_as(AssertSqlSafe(sql)).bind(order.as_str()).fetch_all(conn).await?)
}

/// Marks a parcel as booked here. True the first time.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn booked(
    conn: &mut PgConnection,
    reference: &RequestReference,
    parcel_id: &str,
) -> Result<bool, OrdersError> {
    let marked = sqlx::query(
        "UPDATE orders.parcels SET booked_at = now()
         WHERE reference = $1 AND parcel_id = $2 AND booked_at IS NULL",
    )
    .bind(reference.as_str())
    .bind(parcel_id)
    .execute(conn)
    .await?;
    Ok(marked.rows_affected() == 1)
}

/// Marks that the shop was notified of a parcel. True the first time.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn note_shop_notified(
    conn: &mut PgConnection,
    reference: &RequestReference,
    parcel_id: &str,
) -> Result<bool, OrdersError> {
    let marked = sqlx::query(
        "UPDATE orders.parcels SET shop_notified_at = now()
         WHERE reference = $1 AND parcel_id = $2 AND shop_notified_at IS NULL",
    )
    .bind(reference.as_str())
    .bind(parcel_id)
    .execute(conn)
    .await?;
    Ok(marked.rows_affected() == 1)
}

/// Counts that we set out to notify the shop of a parcel; how often we had before.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn count_notification(
    conn: &mut PgConnection,
    reference: &RequestReference,
    parcel_id: &str,
) -> Result<u32, OrdersError> {
    let before: Option<i32> = sqlx::query_scalar(
        "UPDATE orders.parcels SET notifications = notifications + 1
         WHERE reference = $1 AND parcel_id = $2 RETURNING notifications - 1",
    )
    .bind(reference.as_str())
    .bind(parcel_id)
    .fetch_optional(conn)
    .await?;
    u32::try_from(before.unwrap_or_default()).map_err(|_| OrdersError::beyond_reason("notifications"))
}

/// Whether we set out to notify the shop of any other parcel of the order before.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn any_other_notified(
    conn: &mut PgConnection,
    order: &OrderId,
    reference: &RequestReference,
    parcel_id: &str,
) -> Result<bool, OrdersError> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM orders.parcels
                        WHERE order_id = $1 AND (reference, parcel_id) <> ($2, $3) AND notifications > 0)",
    )
    .bind(order.as_str())
    .bind(reference.as_str())
    .bind(parcel_id)
    .fetch_one(conn)
    .await?)
}

/// Keeps the shop's ids of the fulfilments that report a parcel.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn keep_fulfilments(
    conn: &mut PgConnection,
    reference: &RequestReference,
    parcel_id: &str,
    fulfilment_ids: &[i64],
) -> Result<(), OrdersError> {
    sqlx::query(
        "UPDATE orders.parcels
         SET fulfilment_ids = ARRAY(SELECT DISTINCT unnest(fulfilment_ids || $3::bigint[]) ORDER BY 1)
         WHERE reference = $1 AND parcel_id = $2",
    )
    .bind(reference.as_str())
    .bind(parcel_id)
    .bind(fulfilment_ids)
    .execute(conn)
    .await?;
    Ok(())
}

/// Pieces of an order that are to leave, by its hand-overs, and pieces of these that have left: what left
/// besides does not count for what is still there.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn pieces(conn: &mut PgConnection, order: &OrderId) -> Result<(u32, u32), OrdersError> {
    let (planned, left): (i64, i64) = sqlx::query_as(
        "SELECT COALESCE(sum(h.pieces), 0)::bigint,
                COALESCE(sum(LEAST(h.pieces, gone.pieces)), 0)::bigint
         FROM orders.fulfilment_requests h
         CROSS JOIN LATERAL (
             SELECT COALESCE(sum((line->>'quantity')::bigint), 0) AS pieces
             FROM orders.parcels s, jsonb_array_elements(s.lines) AS line
             WHERE s.reference = h.reference AND s.booked_at IS NOT NULL) AS gone
         WHERE h.order_id = $1",
    )
    .bind(order.as_str())
    .fetch_one(conn)
    .await?;
    let whole = |pieces: i64| u32::try_from(pieces).map_err(|_| OrdersError::beyond_reason("pieces"));
    Ok((whole(planned)?, whole(left)?))
}

/// Marks a parcel as delivered. True when every parcel of the order that left is delivered.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn delivered(
    conn: &mut PgConnection,
    reference: &RequestReference,
    parcel_id: &str,
) -> Result<bool, OrdersError> {
    sqlx::query(
        "UPDATE orders.parcels SET delivered_at = COALESCE(delivered_at, now())
         WHERE reference = $1 AND parcel_id = $2",
    )
    .bind(reference.as_str())
    .bind(parcel_id)
    .execute(&mut *conn)
    .await?;
    Ok(sqlx::query_scalar(
        "SELECT bool_and(delivered_at IS NOT NULL) FROM orders.parcels
         WHERE booked_at IS NOT NULL
           AND order_id = (SELECT order_id FROM orders.parcels WHERE reference = $1 AND parcel_id = $2)",
    )
    .bind(reference.as_str())
    .bind(parcel_id)
    .fetch_one(conn)
    .await?)
}

/// Takes the parcels of an order that the warehouse cancelled and that were not written off yet.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn take_cancelled(
    conn: &mut PgConnection,
    order: &OrderId,
) -> Result<Vec<KeptParcel>, OrdersError> {
    let sql = format!(
        "UPDATE orders.parcels SET status = 'written_off', updated_at = now()
         WHERE order_id = $1 AND status = 'cancelled' AND booked_at IS NULL RETURNING {COLUMNS}"
    );
    Ok(sqlx::query_as(AssertSqlSafe(sql)).bind(order.as_str()).fetch_all(conn).await?)
}
