//! Receiving a return: what came, once per piece, and what of it is on hand again.

use domain::{LineId, OrderStatus, ParkReason, Quantity, ReturnId, Sku, WarehouseId, words};
use outbox::{Event, ReturnReceived, ReturnedLine};
use sqlx::PgConnection;

use super::{Return, ReturnError, ReturnLine, ReturnState, find};
use crate::{
    Order, OrdersError, attention, pieces_column, record, refunds,
    timeline::{self, TimelineEvent},
};

/// Who received something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Receiver {
    /// A person, over our API.
    Hand,
    /// A warehouse system.
    Warehouse,
}

words!(Receiver, "receiver");

/// What came of a return at one time.
#[derive(Debug, Clone, Copy)]
pub struct Receipt<'a> {
    /// Who says so.
    pub receiver: Receiver,
    /// The receiver's own id of the receipt: the same key again has no effect.
    pub key: &'a str,
    /// Where the pieces are; where they left from, if it is not said.
    pub warehouse: Option<&'a WarehouseId>,
    /// What came.
    pub pieces: &'a [ReceivedPieces],
    /// Whether stock is kept in this database, so that what can be sold is put on hand by the caller.
    pub stock_is_here: bool,
}

/// Pieces that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedPieces {
    /// What.
    pub sku: Sku,
    /// How many.
    pub quantity: Quantity,
    /// Whether they can be sold.
    pub sellable: bool,
}

/// Pieces that a receipt puts on hand. Whoever received has to book them in the same transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnHand {
    /// What.
    pub sku: Sku,
    /// Where.
    pub warehouse: WarehouseId,
    /// How many.
    pub quantity: Quantity,
}

/// What a receipt led to.
#[derive(Debug, Clone)]
pub struct Received {
    /// The return as it is now.
    pub found: Return,
    /// Whose it is.
    pub order: Order,
    /// What is to be put on hand, by SKU and warehouse; nothing of a receipt that was kept before.
    pub on_hand: Vec<OnHand>,
    /// What the movements say they are for.
    pub reference: String,
}

/// Keeps what came of a return, in the caller's transaction, with its event: all of it or nothing. Pieces that a refund,
/// a return or a disposition of the shop had put on hand before are not to be put there again: per piece the first
/// books.
///
/// # Errors
/// [`ReturnError::NotFound`], [`ReturnError::Cancelled`]; [`ReturnError::UnknownLine`] of a SKU that is not of the
/// return, [`ReturnError::TooMany`] of more than are still to come; [`ReturnError::Orders`].
pub async fn receive(
    conn: &mut PgConnection,
    return_id: &ReturnId,
    receipt: &Receipt<'_>,
) -> Result<Received, ReturnError> {
    let known = find(conn, return_id).await?.ok_or(ReturnError::NotFound)?;
    let order = record::lock(conn, &known.order_id).await?;
    // Another receipt may have been kept until the order was locked.
    let found = find(conn, return_id).await?.ok_or(ReturnError::NotFound)?;
    let reference = format!("{} {return_id}", order.order_number);
    let Some(receipt_id) = keep_receipt(conn, return_id, receipt).await? else {
        return Ok(Received { found, order, on_hand: Vec::new(), reference });
    };
    if found.state == ReturnState::Cancelled {
        return Err(ReturnError::Cancelled);
    }
    let mut lines = laid_on(&found.lines, receipt.pieces)?;
    for line in &mut lines {
        line.warehouse = receipt.warehouse.unwrap_or(&line.warehouse).clone();
        book(conn, &order, receipt_id, line, receipt.stock_is_here).await?;
    }
    advance(conn, return_id).await?;
    let found = find(conn, return_id).await?.ok_or(ReturnError::NotFound)?;
    tell(conn, &order, &found, receipt).await?;
    if !receipt.stock_is_here {
        show_elsewhere(conn, &order, return_id, receipt.pieces).await?;
    }
    Ok(Received { found, order, on_hand: on_hand(&lines)?, reference })
}

/// None if the receipt was kept before.
async fn keep_receipt(
    conn: &mut PgConnection,
    return_id: &ReturnId,
    receipt: &Receipt<'_>,
) -> Result<Option<i64>, ReturnError> {
    Ok(sqlx::query_scalar(
        "INSERT INTO orders.return_receipts (return_id, receiver, key) VALUES ($1, $2, $3)
         ON CONFLICT ON CONSTRAINT return_receipts_once DO NOTHING RETURNING receipt_id",
    )
    .bind(return_id.as_str())
    .bind(receipt.receiver.as_str())
    .bind(receipt.key)
    .fetch_optional(conn)
    .await?)
}

/// Pieces of a receipt that are of one line of the order.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Laid {
    line_id: LineId,
    sku: Sku,
    warehouse: WarehouseId,
    sellable: bool,
    pieces: u32,
    booked: u32,
}

/// Lays what came upon the lines it is of: lines of one SKU in their order. What can be sold comes first of each line,
/// so that pieces that are on hand already are taken for those.
fn laid_on(lines: &[ReturnLine], pieces: &[ReceivedPieces]) -> Result<Vec<Laid>, ReturnError> {
    let mut open: Vec<u32> = lines.iter().map(ReturnLine::open).collect();
    let mut laid = Vec::<Laid>::new();
    for (position, came) in pieces.iter().enumerate() {
        let mut missing = came.quantity.get();
        let of_sku = lines.iter().zip(&mut open).filter(|(line, _)| line.sku == came.sku);
        let mut is_known = false;
        for (line, open) in of_sku {
            is_known = true;
            let taken = missing.min(*open);
            *open -= taken;
            missing -= taken;
            let same =
                laid.iter_mut().find(|laid| laid.line_id == line.line_id && laid.sellable == came.sellable);
            match same {
                Some(same) => same.pieces += taken,
                None if taken > 0 => laid.push(Laid {
                    line_id: line.line_id.clone(),
                    sku: line.sku.clone(),
                    warehouse: line.warehouse.clone(),
                    sellable: came.sellable,
                    pieces: taken,
                    booked: 0,
                }),
                None => {}
            }
        }
        if !is_known {
            return Err(ReturnError::UnknownLine { line: position });
        }
        if missing > 0 {
            return Err(ReturnError::TooMany { line: position, open: came.quantity.get() - missing });
        }
    }
    laid.sort_by(|one, other| (&one.line_id, !one.sellable).cmp(&(&other.line_id, !other.sellable)));
    Ok(laid)
}

/// Keeps the pieces of one line, and how many of them are put on hand by this.
async fn book(
    conn: &mut PgConnection,
    order: &Order,
    receipt_id: i64,
    line: &mut Laid,
    stock_is_here: bool,
) -> Result<(), ReturnError> {
    let before = refunds::on_hand_unreceived(conn, &order.order_id, &line.line_id).await?.min(line.pieces);
    line.booked = if line.sellable && stock_is_here { line.pieces - before } else { 0 };
    let return_id: String = sqlx::query_scalar(
        "WITH kept AS (
             INSERT INTO orders.return_receipt_lines
                 (receipt_id, line_id, sku, warehouse, sellable, quantity, on_hand_before, booked)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING *
         )
         UPDATE orders.return_lines l
         SET received_sellable = received_sellable + CASE WHEN k.sellable THEN k.quantity ELSE 0 END,
             received_unsellable = received_unsellable + CASE WHEN k.sellable THEN 0 ELSE k.quantity END
         FROM kept k JOIN orders.return_receipts r USING (receipt_id)
         WHERE l.return_id = r.return_id AND l.line_id = k.line_id
         RETURNING l.return_id",
    )
    .bind(receipt_id)
    .bind(line.line_id.as_str())
    .bind(line.sku.as_str())
    .bind(line.warehouse.as_str())
    .bind(line.sellable)
    .bind(pieces_column(line.pieces)?)
    .bind(pieces_column(before)?)
    .bind(pieces_column(line.booked)?)
    .fetch_one(&mut *conn)
    .await?;
    if line.booked > 0 {
        let cause = format!("receipt {receipt_id} of {return_id}");
        refunds::note_restocked(conn, &order.order_id, &line.line_id, &cause, line.booked).await?;
    }
    if !line.sellable && before > 0 {
        let words = format!(
            "{before} × {} of {return_id} cannot be sold, and was put on hand before it came",
            line.sku
        );
        let park_reason = ParkReason::new(ParkReason::UNSELLABLE_ON_HAND);
        attention::show_besides(conn, &order.order_id, &park_reason, &words).await?;
    }
    Ok(())
}

async fn advance(conn: &mut PgConnection, return_id: &ReturnId) -> Result<(), ReturnError> {
    sqlx::query(
        "UPDATE orders.returns r SET updated_at = now(),
             state = CASE WHEN EXISTS (SELECT FROM orders.return_lines l WHERE l.return_id = r.return_id
                                       AND received_sellable + received_unsellable < announced)
                     THEN 'PARTLY_RECEIVED' ELSE 'RECEIVED' END
         WHERE return_id = $1",
    )
    .bind(return_id.as_str())
    .execute(conn)
    .await?;
    Ok(())
}

/// Each SKU once, and once more where some of it cannot be sold.
fn added_up(pieces: &[ReceivedPieces]) -> Result<Vec<ReturnedLine>, OrdersError> {
    let mut lines = Vec::<ReturnedLine>::new();
    for came in pieces {
        let same = lines.iter_mut().find(|line| line.sku == came.sku && line.sellable == came.sellable);
        match same {
            Some(same) => {
                same.quantity = Quantity::new(i64::from(same.quantity) + i64::from(came.quantity))?;
            }
            None => lines.push(ReturnedLine {
                sku: came.sku.clone(),
                quantity: came.quantity,
                sellable: came.sellable,
            }),
        }
    }
    Ok(lines)
}

async fn tell(
    conn: &mut PgConnection,
    order: &Order,
    found: &Return,
    receipt: &Receipt<'_>,
) -> Result<(), ReturnError> {
    let lines = added_up(receipt.pieces)?;
    let word = |line: &ReturnedLine| {
        let cannot = if line.sellable { "" } else { " that cannot be sold" };
        format!("{} × {}{cannot}", line.quantity.get(), line.sku)
    };
    let words = lines.iter().map(word).collect::<Vec<_>>().join(", ");
    let words = format!("{}: {words}", found.return_id);
    timeline::note(conn, &order.order_id, TimelineEvent::ReturnReceived, Some(&words)).await?;
    if order.status == OrderStatus::Cancelled {
        return Ok(());
    }
    let event = Event::ReturnReceived(ReturnReceived {
        return_id: found.return_id.to_string(),
        order_id: order.order_id.clone(),
        lines,
    });
    Ok(outbox::append(conn, &order.correlation_id, &[event]).await?)
}

/// Stock is kept by a service that nobody here can ask to take pieces back.
async fn show_elsewhere(
    conn: &mut PgConnection,
    order: &Order,
    return_id: &ReturnId,
    pieces: &[ReceivedPieces],
) -> Result<(), ReturnError> {
    let sellable = pieces.iter().filter(|came| came.sellable);
    let words: Vec<String> = sellable.map(|came| format!("{} × {}", came.quantity.get(), came.sku)).collect();
    if words.is_empty() {
        return Ok(());
    }
    let words = format!("{} of {return_id} can be sold: book it in where stock is kept", words.join(", "));
    let park_reason = ParkReason::new(ParkReason::RETURN_NOT_BOOKED);
    Ok(attention::show_besides(conn, &order.order_id, &park_reason, &words).await?)
}

/// What is put on hand, each place once.
fn on_hand(lines: &[Laid]) -> Result<Vec<OnHand>, OrdersError> {
    let mut places = std::collections::BTreeMap::<(&Sku, &WarehouseId), u32>::new();
    for line in lines.iter().filter(|line| line.booked > 0) {
        *places.entry((&line.sku, &line.warehouse)).or_default() += line.booked;
    }
    let places = places.into_iter().map(|((sku, warehouse), pieces)| {
        let quantity = Quantity::new(i64::from(pieces))?;
        Ok(OnHand { sku: sku.clone(), warehouse: warehouse.clone(), quantity })
    });
    places.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: &str, sku: &str, announced: u32, received: u32) -> ReturnLine {
        ReturnLine {
            line_id: LineId::parse(id).unwrap(),
            sku: Sku::parse(sku).unwrap(),
            warehouse: WarehouseId::main(),
            announced,
            received_sellable: received,
            received_unsellable: 0,
        }
    }

    fn came(sku: &str, pieces: i64, sellable: bool) -> ReceivedPieces {
        ReceivedPieces { sku: Sku::parse(sku).unwrap(), quantity: Quantity::new(pieces).unwrap(), sellable }
    }

    #[test]
    fn what_came_is_laid_upon_the_lines_that_still_wait_for_it() {
        let lines = [line("1", "TEA", 2, 1), line("2", "CUP", 1, 0), line("3", "TEA", 2, 0)];
        let pieces = [came("TEA", 1, false), came("TEA", 2, true)];
        let laid = laid_on(&lines, &pieces).unwrap();
        let shown: Vec<_> =
            laid.iter().map(|laid| (laid.line_id.as_str(), laid.sellable, laid.pieces)).collect();
        assert_eq!(shown, [("1", false, 1), ("3", true, 2)]);
        let mixed = laid_on(&lines[2..], &[came("TEA", 1, false), came("TEA", 1, true)]).unwrap();
        assert!(
            mixed[0].sellable && !mixed[1].sellable,
            "pieces that are on hand are taken for those to be sold"
        );
    }

    #[test]
    fn what_came_and_does_not_fit_is_refused_by_its_line() {
        let lines = [line("1", "TEA", 2, 1)];
        let refused = laid_on(&lines, &[came("TEA", 1, true), came("TEA", 1, false)]).unwrap_err();
        assert!(matches!(refused, ReturnError::TooMany { line: 1, open: 0 }), "{refused}");
        let refused = laid_on(&lines, &[came("CUP", 1, true)]).unwrap_err();
        assert!(matches!(refused, ReturnError::UnknownLine { line: 0 }), "{refused}");
    }

    #[test]
    fn an_event_names_each_sku_once_but_for_what_cannot_be_sold() {
        let lines = added_up(&[came("TEA", 1, true), came("TEA", 2, false), came("TEA", 3, true)]).unwrap();
        let shown: Vec<_> = lines.iter().map(|line| (line.quantity.get(), line.sellable)).collect();
        assert_eq!(shown, [(4, true), (2, false)]);
    }
}
