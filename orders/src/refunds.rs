//! Refunds and returns of an order: what they take back, once per line of theirs.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::{LineId, OrderId, RefundLine, RefundedPieces, Restock};
use sqlx::PgConnection;

use crate::{Order, OrdersError, pieces_column};

/// Keeps the lines of a refund; those that are kept already stay as they are. Returns how many are new.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn keep(
    conn: &mut PgConnection,
    order: &OrderId,
    refund_id: i64,
    refunded_at: Option<DateTime<Utc>>,
    lines: &[RefundLine],
) -> Result<u64, OrdersError> {
    let lines: Vec<&RefundLine> = lines.iter().filter(|line| line.quantity > 0).collect();
    let quantities = lines.iter().map(|line| pieces_column(line.quantity));
    let quantities: Vec<i32> = quantities.collect::<Result<_, _>>()?;
    let kept = sqlx::query(
        "INSERT INTO orders.refund_lines
             (order_id, refund_line_id, refund_id, line_id, quantity, restock, refunded_at)
         SELECT $1, new.refund_line_id, $2, new.line_id, new.quantity, new.restock, $3
         FROM UNNEST($4::bigint[], $5::text[], $6::int[], $7::text[])
              AS new(refund_line_id, line_id, quantity, restock)
         ON CONFLICT ON CONSTRAINT refund_lines_pk DO NOTHING",
    )
    .bind(order.as_str())
    .bind(refund_id)
    .bind(refunded_at)
    .bind(lines.iter().map(|line| line.refund_line_id).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| line.line_id.as_str()).collect::<Vec<_>>())
    .bind(quantities)
    .bind(lines.iter().map(|line| line.restock.as_str()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(kept.rows_affected())
}

/// What refunds took back of an order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refunded {
    /// The shop's ids of their lines, in order.
    pub ids: Vec<i64>,
    /// The order's lines they name.
    pub lines: BTreeSet<LineId>,
    /// What the order's content does not count in yet.
    pub not_counted_in: Vec<RefundedPieces>,
}

/// What refunds take back of an order.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn of_order(conn: &mut PgConnection, order: &Order) -> Result<Refunded, OrdersError> {
    let mut refunded = Refunded::default();
    if order.channel.shop().is_none() {
        return Ok(refunded);
    }
    let rows: Vec<(i64, String, i32, String, bool)> = sqlx::query_as(
        "SELECT refund_line_id, line_id, quantity, restock, refund_id = ANY($2) OR COALESCE(refunded_at < $3, false) AS counted_in
         FROM orders.refund_lines WHERE order_id = $1 ORDER BY refund_line_id",
    )
    .bind(order.order_id.as_str())
    .bind(&order.facts.refund_ids)
    .bind(order.facts.updated_at)
    .fetch_all(conn)
    .await?;
    for (refund_line_id, line_id, quantity, restock, counted_in) in rows {
        let (line_id, restock) = (LineId::parse(&line_id)?, Restock::of(&restock));
        refunded.ids.push(refund_line_id);
        refunded.lines.insert(line_id.clone());
        if !counted_in {
            let quantity = u32::try_from(quantity).map_err(|_| OrdersError::beyond_reason("quantity"))?;
            refunded.not_counted_in.push(RefundedPieces { line_id, quantity, restock });
        }
    }
    Ok(refunded)
}

/// Where a return was announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum ReturnSource {
    /// By a line of a refund.
    Refund,
    /// By a return that the shop approved.
    Return,
    /// By what the shop's people did with it when it was there.
    Disposition,
}

/// Keeps that pieces of a line are to come back; true the first time.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn announce_return(
    conn: &mut PgConnection,
    order: &OrderId,
    source: ReturnSource,
    source_line_id: i64,
    line: &LineId,
    quantity: u32,
) -> Result<bool, OrdersError> {
    if quantity == 0 {
        return Ok(false);
    }
    let kept = sqlx::query(
        "INSERT INTO orders.announced_pieces (order_id, source, source_line_id, line_id, quantity)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT ON CONSTRAINT announced_pieces_pk DO NOTHING",
    )
    .bind(order.as_str())
    .bind(<&str>::from(source))
    .bind(source_line_id)
    .bind(line.as_str())
    .bind(pieces_column(quantity)?)
    .execute(conn)
    .await?;
    Ok(kept.rows_affected() == 1)
}

/// Pieces of a line that may still be booked in again by the shop's word. A refund, a return and a disposition speak of
/// the same pieces, so the largest of the three counts, at most what left; less what was booked in already, and what
/// was [received](crate::returns::receive) and is not on hand.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn restockable(
    conn: &mut PgConnection,
    order: &OrderId,
    line: &LineId,
    left: u32,
) -> Result<u32, OrdersError> {
    let open: i64 = sqlx::query_scalar(
        "SELECT LEAST($3, COALESCE((SELECT max(pieces) FROM
                     (SELECT sum(quantity)::bigint AS pieces FROM orders.announced_pieces
                      WHERE order_id = $1 AND line_id = $2 GROUP BY source) AS announced), 0))
                - COALESCE((SELECT sum(quantity)::bigint FROM orders.restocked
                            WHERE order_id = $1 AND line_id = $2), 0)
                - COALESCE((SELECT sum(l.quantity - l.on_hand_before - l.booked)::bigint
                            FROM orders.return_receipt_lines l
                            JOIN orders.return_receipts USING (receipt_id) JOIN orders.returns r USING (return_id)
                            WHERE r.order_id = $1 AND l.line_id = $2), 0)",
    )
    .bind(order.as_str())
    .bind(line.as_str())
    .bind(i64::from(left))
    .fetch_one(conn)
    .await?;
    u32::try_from(open.max(0)).map_err(|_| OrdersError::beyond_reason("pieces"))
}

/// Pieces of a line that the shop's word put on hand and that no receipt of a return has found yet.
///
/// # Errors
/// [`OrdersError::Database`].
pub(crate) async fn on_hand_unreceived(
    conn: &mut PgConnection,
    order: &OrderId,
    line: &LineId,
) -> Result<u32, OrdersError> {
    let pieces: i64 = sqlx::query_scalar(
        "SELECT COALESCE((SELECT sum(quantity)::bigint FROM orders.restocked
                          WHERE order_id = $1 AND line_id = $2), 0)
                - COALESCE((SELECT sum(l.booked + l.on_hand_before)::bigint FROM orders.return_receipt_lines l
                            JOIN orders.return_receipts USING (receipt_id) JOIN orders.returns r USING (return_id)
                            WHERE r.order_id = $1 AND l.line_id = $2), 0)",
    )
    .bind(order.as_str())
    .bind(line.as_str())
    .fetch_one(conn)
    .await?;
    u32::try_from(pieces.max(0)).map_err(|_| OrdersError::beyond_reason("pieces"))
}

/// Notes that pieces of a line were booked in again, by this cause; false if it was noted before.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn note_restocked(
    conn: &mut PgConnection,
    order: &OrderId,
    line: &LineId,
    cause: &str,
    quantity: u32,
) -> Result<bool, OrdersError> {
    let noted = sqlx::query(
        "INSERT INTO orders.restocked (order_id, line_id, cause, quantity) VALUES ($1, $2, $3, $4)
         ON CONFLICT ON CONSTRAINT restocked_pk DO NOTHING",
    )
    .bind(order.as_str())
    .bind(line.as_str())
    .bind(cause)
    .bind(pieces_column(quantity)?)
    .execute(conn)
    .await?;
    Ok(noted.rows_affected() == 1)
}
