//! Announcing a return: what of it may come back, and who is told.

use std::collections::BTreeMap;

use domain::{LineId, OrderId, ParkReason, Quantity, ReturnId, Sku};
use outbox::OrderItem;
use sqlx::PgConnection;

use super::{Return, ReturnError, Source, find, new_id};
use crate::{
    Order, attention, events, parcel_lines, pieces_column, record,
    timeline::{self, TimelineEvent},
};

/// A return as it is announced.
#[derive(Debug, Clone, Copy)]
pub struct Announcement<'a> {
    /// By whom.
    pub source: Source,
    /// The announcer's own id of it (an event's id, the shop's id of the return): the same source announcing the same
    /// id again has no effect.
    pub external_id: Option<&'a str>,
    /// Why, in the announcer's words; it is kept and told to nobody.
    pub reason: Option<&'a str>,
    /// What is to come back; none for all that left and is not announced yet.
    pub items: Option<&'a [AnnouncedItem]>,
}

/// Pieces that are to come back: of the order's line with this id if it has one, else of its lines with this SKU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnouncedItem {
    /// The order's line.
    pub order_item_id: Option<LineId>,
    /// As what it left.
    pub sku: Option<Sku>,
    /// How many pieces.
    pub quantity: Quantity,
}

/// Announces a return of the order with this id or number, in the caller's transaction, with its event. The return that
/// was announced under the same external id before is answered as it stands. None if nothing of a fact fits: a person
/// is shown what does not.
///
/// # Errors
/// [`ReturnError::UnknownLine`] and [`ReturnError::TooMany`] of what was asked for and is no fact: more than left and
/// is not announced yet; [`ReturnError::Orders`].
pub async fn announce(
    conn: &mut PgConnection,
    order: &OrderId,
    announcement: &Announcement<'_>,
) -> Result<Option<Return>, ReturnError> {
    let known = record::find_by_id_or_number(conn, order).await?.ok_or(crate::OrdersError::NotFound)?;
    let order = record::lock(conn, &known.order_id).await?;
    if let Some(known) = announced_before(conn, announcement).await? {
        return Ok(find(conn, &known).await?);
    }
    let open = open_lines(conn, &order).await?;
    let lines = match announcement.source.tells_a_fact() {
        true => {
            let (lines, besides) = Fitted::what_fits(open, announcement.items);
            show_besides(conn, &order, announcement, &besides).await?;
            lines
        }
        false => Fitted::all(open, announcement.items)?,
    };
    if lines.is_empty() {
        return Ok(None);
    }
    let return_id = keep(conn, &order, announcement, &lines).await?;
    let items = lines.iter().map(|line| OrderItem {
        order_item_id: line.line_id.clone(),
        inventory_item_id: line.sku.to_string(),
        sku: line.sku.to_string(),
        quantity: line.pieces,
    });
    events::announce_return(conn, &order, &return_id, items.collect()).await?;
    let words = format!("{return_id}: {}", words_of(&lines));
    timeline::note(conn, &order.order_id, TimelineEvent::ReturnAnnounced, Some(&words)).await?;
    Ok(find(conn, &return_id).await?)
}

async fn announced_before(
    conn: &mut PgConnection,
    announcement: &Announcement<'_>,
) -> Result<Option<ReturnId>, ReturnError> {
    let known: Option<String> =
        sqlx::query_scalar("SELECT return_id FROM orders.returns WHERE source = $1 AND external_id = $2")
            .bind(announcement.source.as_str())
            .bind(announcement.external_id)
            .fetch_optional(conn)
            .await?;
    Ok(known.as_deref().map(ReturnId::parse).transpose()?)
}

/// Pieces of a line that left and are not announced yet, or those of them that are announced now.
#[derive(Debug, Clone, PartialEq, Eq)]
struct OpenLine {
    line_id: LineId,
    sku: Sku,
    warehouse: String,
    pieces: u32,
}

/// The lines of an order. What a return that was taken back received stays received.
async fn open_lines(conn: &mut PgConnection, order: &Order) -> Result<Vec<OpenLine>, ReturnError> {
    let announced: Vec<(String, i64)> = sqlx::query_as(
        "SELECT line_id, sum(CASE WHEN state = 'CANCELLED' THEN received_sellable + received_unsellable
                                  ELSE announced END)
         FROM orders.return_lines JOIN orders.returns USING (return_id) WHERE order_id = $1 GROUP BY line_id",
    )
    .bind(order.order_id.as_str())
    .fetch_all(&mut *conn)
    .await?;
    let announced: BTreeMap<String, i64> = announced.into_iter().collect();
    let left = parcel_lines::left_by_line(conn, &order.order_id).await?;
    let open = left.into_iter().filter_map(|(line_id, left)| {
        let (sku, warehouse) = left.place?;
        let taken = announced.get(line_id.as_str()).copied().unwrap_or_default();
        let pieces = left.pieces.saturating_sub(u32::try_from(taken).unwrap_or(u32::MAX));
        Some(OpenLine { line_id, sku, warehouse: warehouse.to_string(), pieces })
    });
    let mut open: Vec<OpenLine> = open.collect();
    for line in &order.facts.lines {
        // Of what has not left nothing can come back; it is a line of the order all the same.
        let has_left = open.iter().any(|open| open.line_id == line.line_id);
        let sku = line.sku.as_deref().filter(|_| !has_left).map(Sku::parse);
        if let Some(Ok(sku)) = sku {
            open.push(OpenLine { line_id: line.line_id.clone(), sku, warehouse: String::new(), pieces: 0 });
        }
    }
    Ok(open)
}

/// Items laid upon the lines they are of.
struct Fitted {
    open: Vec<OpenLine>,
    taken: Vec<u32>,
}

impl Fitted {
    fn new(open: Vec<OpenLine>) -> Self {
        Self { taken: vec![0; open.len()], open }
    }

    /// All of the items, or the first that does not fit.
    fn all(open: Vec<OpenLine>, items: Option<&[AnnouncedItem]>) -> Result<Vec<OpenLine>, ReturnError> {
        let mut fitted = Self::new(open);
        for (line, item) in items.unwrap_or_default().iter().enumerate() {
            if !fitted.open.iter().any(|open| is_of(item, open, false)) {
                return Err(ReturnError::UnknownLine { line });
            }
            let missing = fitted.take(item, false);
            if missing > 0 {
                return Err(ReturnError::TooMany { line, open: item.quantity.get() - missing });
            }
        }
        Ok(fitted.lines(items.is_none()))
    }

    /// As much of the items as fits, and what does not, in words.
    fn what_fits(open: Vec<OpenLine>, items: Option<&[AnnouncedItem]>) -> (Vec<OpenLine>, Vec<String>) {
        let mut fitted = Self::new(open);
        let mut besides = Vec::new();
        for item in items.unwrap_or_default() {
            let of_no_line = !fitted.open.iter().any(|open| is_of(item, open, false));
            let missing = fitted.take(item, of_no_line);
            if missing > 0 {
                let sku = item.sku.as_ref().map(Sku::as_str);
                let line = item.order_item_id.as_ref().map(LineId::as_str);
                besides.push(format!("{missing} × {}", sku.or(line).unwrap_or("?")));
            }
        }
        (fitted.lines(items.is_none()), besides)
    }

    /// Takes an item's pieces from its lines; how many there are none of.
    fn take(&mut self, item: &AnnouncedItem, by_sku: bool) -> u32 {
        let mut missing = item.quantity.get();
        for (open, taken) in self.open.iter().zip(&mut self.taken) {
            if is_of(item, open, by_sku) {
                let pieces = missing.min(open.pieces - *taken);
                *taken += pieces;
                missing -= pieces;
            }
        }
        missing
    }

    fn lines(self, all: bool) -> Vec<OpenLine> {
        let taken = self.open.into_iter().zip(self.taken);
        let lines =
            taken.map(|(line, taken)| OpenLine { pieces: if all { line.pieces } else { taken }, ..line });
        lines.filter(|line| line.pieces > 0).collect()
    }
}

/// Whether pieces of an item are of a line. `by_sku` where the item's line is none of the order's: another system may
/// count its lines otherwise.
fn is_of(item: &AnnouncedItem, line: &OpenLine, by_sku: bool) -> bool {
    let of_line = by_sku || item.order_item_id.as_ref().is_none_or(|of| *of == line.line_id);
    let of_sku = item.sku.as_ref().map_or(!by_sku, |sku| *sku == line.sku);
    of_line && of_sku && (item.order_item_id.is_some() || item.sku.is_some())
}

/// What was announced and never left, or is announced already, is for a person to see.
async fn show_besides(
    conn: &mut PgConnection,
    order: &Order,
    announcement: &Announcement<'_>,
    besides: &[String],
) -> Result<(), ReturnError> {
    if besides.is_empty() {
        return Ok(());
    }
    let by = match announcement.source {
        Source::Shopify => "the shop",
        Source::Event => "an event",
        Source::Api => "the API",
    };
    let words = format!(
        "{} announced by {by} ({}) did not leave, or are announced already",
        besides.join(", "),
        announcement.external_id.unwrap_or_default()
    );
    let park_reason = ParkReason::new(ParkReason::RETURN_NOT_EXPECTED);
    Ok(attention::show_besides(conn, &order.order_id, &park_reason, &words).await?)
}

async fn keep(
    conn: &mut PgConnection,
    order: &Order,
    announcement: &Announcement<'_>,
    lines: &[OpenLine],
) -> Result<ReturnId, ReturnError> {
    let return_id = new_id();
    let pieces: Vec<i32> = lines.iter().map(|line| pieces_column(line.pieces)).collect::<Result<_, _>>()?;
    sqlx::query(
        "INSERT INTO orders.returns (return_id, order_id, source, external_id, reason) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(return_id.as_str())
    .bind(order.order_id.as_str())
    .bind(announcement.source.as_str())
    .bind(announcement.external_id)
    .bind(announcement.reason)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "INSERT INTO orders.return_lines (return_id, line_id, sku, warehouse, announced)
         SELECT $1, * FROM UNNEST($2::text[], $3::text[], $4::text[], $5::int[])",
    )
    .bind(return_id.as_str())
    .bind(lines.iter().map(|line| line.line_id.as_str()).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| line.sku.as_str()).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| line.warehouse.as_str()).collect::<Vec<_>>())
    .bind(pieces)
    .execute(conn)
    .await?;
    Ok(return_id)
}

fn words_of(lines: &[OpenLine]) -> String {
    lines.iter().map(|line| format!("{} × {}", line.pieces, line.sku)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(line: &str, sku: &str, pieces: u32) -> OpenLine {
        let (line_id, sku) = (LineId::parse(line).unwrap(), Sku::parse(sku).unwrap());
        OpenLine { line_id, sku, warehouse: "main".to_owned(), pieces }
    }

    fn item(line: Option<&str>, sku: Option<&str>, pieces: i64) -> AnnouncedItem {
        AnnouncedItem {
            order_item_id: line.map(|line| LineId::parse(line).unwrap()),
            sku: sku.map(|sku| Sku::parse(sku).unwrap()),
            quantity: Quantity::new(pieces).unwrap(),
        }
    }

    fn order() -> Vec<OpenLine> {
        vec![open("1", "TEA", 2), open("2", "CUP", 1), open("3", "TEA", 2), open("4", "POT", 0)]
    }

    fn all(items: &[AnnouncedItem]) -> Result<Vec<OpenLine>, ReturnError> {
        Fitted::all(order(), Some(items))
    }

    #[test]
    fn pieces_of_a_sku_are_of_its_lines_in_their_order_and_none_is_announced_twice() {
        let lines = all(&[item(None, Some("TEA"), 3)]).unwrap();
        assert_eq!(lines, [open("1", "TEA", 2), open("3", "TEA", 1)]);
        let of_line = all(&[item(Some("3"), Some("TEA"), 1), item(Some("2"), None, 1)]).unwrap();
        assert_eq!(of_line, [open("2", "CUP", 1), open("3", "TEA", 1)]);
        assert_eq!(Fitted::all(order(), None).unwrap(), order()[..3]);
        assert_eq!(all(&[]).unwrap(), [], "nothing was named, and nothing is meant");
    }

    #[test]
    fn what_is_asked_for_and_does_not_fit_is_refused_by_its_line() {
        for (items, position, open) in [
            (vec![item(None, Some("TEA"), 3), item(Some("3"), None, 2)], 1, 1),
            (vec![item(None, Some("POT"), 1)], 0, 0),
        ] {
            let refused = all(&items).unwrap_err();
            let is_named = matches!(refused, ReturnError::TooMany { line, open: found } if (line, found) == (position, open));
            assert!(is_named, "{refused}");
        }
        for unknown in
            [item(Some("9"), Some("TEA"), 1), item(Some("1"), Some("CUP"), 1), item(None, Some("?"), 1)]
        {
            let refused = all(&[unknown]).unwrap_err();
            assert!(matches!(refused, ReturnError::UnknownLine { line: 0 }), "{refused}");
        }
    }

    #[test]
    fn of_a_fact_all_that_fits_is_announced_and_the_rest_is_said() {
        let items =
            [item(Some("item_9"), Some("TEA"), 5), item(Some("2"), None, 1), item(Some("8"), None, 1)];
        let (lines, besides) = Fitted::what_fits(order(), Some(&items));
        assert_eq!(lines, order()[..3]);
        assert_eq!(besides, ["1 × TEA", "1 × 8"]);
    }
}
