//! What is held for each line of an order, for people and other systems to see: as it is here, or as another inventory
//! system last said.

use std::collections::BTreeMap;

use domain::{LineId, OrderLine, OrderStatus};
use inventory::AllocationStatus;
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
}

/// One thing that is known of a line.
struct Known {
    line: LineId,
    allocation_id: Option<String>,
    status: LineStatus,
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
    Some(LineAllocation { allocation_id: of.allocation_id.clone().or_else(held), status: of.status })
}

async fn held_here(conn: &mut PgConnection, order: &Order) -> Result<Vec<Known>, StockError> {
    let Some(reservation) = inventory::reservation(conn, &order.order_id, order.epoch.into()).await? else {
        return Ok(Vec::new());
    };
    let held = reservation.allocations.into_iter().map(|held| Known {
        line: held.line_id,
        allocation_id: Some(held.allocation_id.to_string()),
        status: held.status.into(),
    });
    let waiting = reservation.waiting.into_iter().map(|waits| Known {
        line: waits.line_id,
        allocation_id: None,
        status: LineStatus::Backordered,
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
        known.push(Known { line: line.line_id.clone(), allocation_id: row.allocation_id.clone(), status });
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
        known.push(Known { line: line.line_id.clone(), allocation_id: None, status });
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
}
