//! What is held for each line of an order, for people and other systems to see: as it is here, or as another inventory
//! system last said.

use std::collections::BTreeMap;

use domain::{LineId, OrderLine, OrderStatus, WarehouseId};
use inventory::{Allocation, AllocationStatus};
use orders::{Order, line_allocations};
use sqlx::PgConnection;

use crate::{Stock, StockError};

/// Where a line's stock stands. Of a line with several allocations it is the one that is least far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum LineStatus {
    /// It waits for stock.
    Backordered,
    /// Held until it is confirmed.
    Pending,
    /// Held for good.
    Confirmed,
    /// All of it has left its warehouse.
    Fulfilled,
    /// What had not left was given back.
    Cancelled,
}

/// What is held for a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineAllocation {
    /// Of the allocation that is least far, the oldest of them; none where nothing is held.
    pub allocation_id: Option<String>,
    /// Where it stands.
    pub status: LineStatus,
    /// Where its pieces are, and how each of them stands.
    pub pieces: Vec<LinePieces>,
}

/// Pieces of a line that stand alike, in one warehouse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinePieces {
    /// How they stand.
    pub status: LineStatus,
    /// Where; none where another inventory system did not say.
    pub warehouse: Option<WarehouseId>,
    /// How many; none where another inventory system did not say.
    pub quantity: Option<u64>,
}

/// One thing that is known of a line.
struct Known {
    line: LineId,
    allocation_id: Option<String>,
    status: LineStatus,
    pieces: Vec<LinePieces>,
}

impl Stock {
    /// What is held for the order's lines. A line of which nothing is known is not among them.
    ///
    /// # Errors
    /// [`StockError`] of our own database.
    pub async fn line_allocations(
        &self,
        conn: &mut PgConnection,
        order: &Order,
    ) -> Result<BTreeMap<LineId, LineAllocation>, StockError> {
        let known = if self.is_here() { held_here(conn, order).await? } else { said(conn, order).await? };
        let lines = order.facts.lines.iter();
        Ok(lines
            .filter_map(|line| {
                let of_line = known.iter().filter(|known| known.line == line.line_id);
                Some((line.line_id.clone(), least_far(of_line)?))
            })
            .collect())
    }
}

/// The first of those that are least far. What was given back says something only where nothing else does, and then the
/// last of it.
fn least_far<'a>(known: impl Iterator<Item = &'a Known>) -> Option<LineAllocation> {
    let (cancelled, open): (Vec<_>, Vec<_>) = known.partition(|known| known.status == LineStatus::Cancelled);
    let of = open.iter().min_by_key(|known| known.status).or(cancelled.last())?;
    let held = || open.iter().find_map(|known| known.allocation_id.clone());
    let pieces = open.iter().chain(&cancelled).flat_map(|known| known.pieces.clone()).collect();
    Some(LineAllocation { allocation_id: of.allocation_id.clone().or_else(held), status: of.status, pieces })
}

/// The pieces of an allocation: those that have left, and those that have not.
fn pieces_of(held: &Allocation) -> Vec<LinePieces> {
    let left = held.fulfilled_quantity;
    let rest = u64::from(held.quantity.get()).saturating_sub(left);
    [(LineStatus::Fulfilled, left), (held.status.into(), rest)]
        .into_iter()
        .filter(|(_, pieces)| *pieces > 0)
        .map(|(status, pieces)| LinePieces {
            status,
            warehouse: Some(held.warehouse.clone()),
            quantity: Some(pieces),
        })
        .collect()
}

async fn held_here(conn: &mut PgConnection, order: &Order) -> Result<Vec<Known>, StockError> {
    let Some(reservation) = inventory::reservation(conn, &order.order_id, order.epoch.into()).await? else {
        return Ok(Vec::new());
    };
    let held = reservation.allocations.into_iter().map(|held| Known {
        pieces: pieces_of(&held),
        line: held.line_id,
        allocation_id: Some(held.allocation_id.to_string()),
        status: held.status.into(),
    });
    let waiting = reservation.waiting.into_iter().map(|waits| Known {
        line: waits.line_id,
        allocation_id: None,
        status: LineStatus::Backordered,
        pieces: vec![LinePieces {
            status: LineStatus::Backordered,
            warehouse: Some(waits.warehouse),
            quantity: Some(waits.quantity.get().into()),
        }],
    });
    Ok(held.chain(waiting).collect())
}

async fn said(conn: &mut PgConnection, order: &Order) -> Result<Vec<Known>, StockError> {
    let rows = line_allocations::of_order(conn, &order.order_id).await?;
    Ok(order.facts.lines.iter().flat_map(|line| said_of(line, order.status, &rows)).collect())
}

/// What was said of one line. What was once short is short for as long as less is held than was ordered.
fn said_of(line: &OrderLine, status: OrderStatus, rows: &[line_allocations::LineAllocation]) -> Vec<Known> {
    let ordered = i64::from(line.current_quantity.unwrap_or(line.quantity));
    let (mut known, mut held) = (Vec::new(), 0_i64);
    for row in rows.iter().filter(|row| row.line_id.as_deref() == Some(line.line_id.as_str())) {
        let Ok(status) = row.status.parse() else { continue };
        if status != LineStatus::Cancelled {
            // Who does not say how many means all.
            held = held.saturating_add(row.quantity.unwrap_or(ordered));
        }
        let quantity = row.quantity.and_then(|quantity| u64::try_from(quantity).ok());
        known.push(Known {
            line: line.line_id.clone(),
            allocation_id: row.allocation_id.clone(),
            status,
            pieces: vec![LinePieces { status, warehouse: None, quantity }],
        });
    }
    let was_short =
        rows.iter().any(|row| row.line_id.is_none() && Some(row.sku.as_str()) == line.sku.as_deref());
    let short = match status {
        OrderStatus::Pending | OrderStatus::Confirmed | OrderStatus::Processing => {
            Some(LineStatus::Backordered)
        }
        OrderStatus::Cancelled => Some(LineStatus::Cancelled),
        OrderStatus::Shipped | OrderStatus::Delivered => None,
    };
    if let Some(status) = short.filter(|_| was_short && held < ordered) {
        let quantity = u64::try_from(ordered - held).ok();
        let pieces = vec![LinePieces { status, warehouse: None, quantity }];
        known.push(Known { line: line.line_id.clone(), allocation_id: None, status, pieces });
    }
    known
}

impl From<AllocationStatus> for LineStatus {
    fn from(status: AllocationStatus) -> Self {
        match status {
            AllocationStatus::Pending => Self::Pending,
            AllocationStatus::Confirmed => Self::Confirmed,
            AllocationStatus::Fulfilled => Self::Fulfilled,
            AllocationStatus::Cancelled => Self::Cancelled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(known: &[(Option<&str>, LineStatus)]) -> Option<(Option<String>, LineStatus)> {
        let known: Vec<Known> = known
            .iter()
            .map(|(id, status)| Known {
                line: LineId::parse("1").unwrap(),
                allocation_id: id.map(str::to_owned),
                status: *status,
                pieces: Vec::new(),
            })
            .collect();
        least_far(known.iter()).map(|found| (found.allocation_id, found.status))
    }

    #[test]
    fn a_line_stands_where_its_least_far_allocation_does() {
        use LineStatus::{Backordered, Cancelled, Confirmed, Fulfilled};
        let is = |id: &str, status| Some((Some(id.to_owned()), status));
        assert_eq!(shown(&[]), None);
        assert_eq!(shown(&[(Some("a"), Fulfilled), (Some("b"), Confirmed)]), is("b", Confirmed));
        assert_eq!(shown(&[(Some("a"), Confirmed), (Some("b"), Confirmed)]), is("a", Confirmed));
        assert_eq!(shown(&[(Some("a"), Cancelled), (Some("b"), Confirmed)]), is("b", Confirmed));
        assert_eq!(shown(&[(Some("a"), Cancelled), (Some("b"), Cancelled)]), is("b", Cancelled));
        // Some of it is held, and the rest waits.
        assert_eq!(shown(&[(Some("a"), Confirmed), (None, Backordered)]), is("a", Backordered));
        assert_eq!(shown(&[(None, Backordered)]), Some((None, Backordered)));
    }

    #[test]
    fn of_an_allocation_that_left_in_part_only_the_rest_is_held() {
        let allocation = |status, fulfilled_quantity| Allocation {
            allocation_id: inventory::AllocationId::of(1),
            line_id: LineId::parse("1").unwrap(),
            sku: domain::Sku::parse("TEA").unwrap(),
            warehouse: WarehouseId::parse("north").unwrap(),
            quantity: domain::Quantity::new(5).unwrap(),
            fulfilled_quantity,
            status,
            cause: None,
        };
        let of = |status, left| {
            let pieces = pieces_of(&allocation(status, left)).into_iter();
            pieces.map(|pieces| (pieces.status, pieces.quantity)).collect::<Vec<_>>()
        };
        use LineStatus::{Cancelled, Confirmed, Fulfilled};
        assert_eq!(of(AllocationStatus::Confirmed, 0), [(Confirmed, Some(5))]);
        assert_eq!(of(AllocationStatus::Confirmed, 2), [(Fulfilled, Some(2)), (Confirmed, Some(3))]);
        assert_eq!(of(AllocationStatus::Fulfilled, 5), [(Fulfilled, Some(5))]);
        assert_eq!(of(AllocationStatus::Cancelled, 2), [(Fulfilled, Some(2)), (Cancelled, Some(3))]);
    }
}
