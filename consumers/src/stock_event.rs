//! What another inventory system says of the stock of our orders, read.

use domain::{LineId, OrderId, Sku, leniently};
use inventory::AllocationStatus;
use serde_json::Value;

use crate::message::text;

/// The longest id of an allocation that is kept.
const LONGEST_ID: usize = 64;

/// Which events are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display, strum::EnumString)]
pub(crate) enum StockKind {
    #[strum(to_string = "AllocationCreated", serialize = "ALLOCATION_CREATED")]
    Created,
    #[strum(to_string = "AllocationConfirmed", serialize = "ALLOCATION_CONFIRMED")]
    Confirmed,
    #[strum(to_string = "AllocationCancelled", serialize = "ALLOCATION_CANCELLED")]
    Cancelled,
    #[strum(to_string = "AllocationFulfilled", serialize = "ALLOCATION_FULFILLED")]
    Fulfilled,
    #[strum(to_string = "InsufficientStock", serialize = "INSUFFICIENT_STOCK")]
    Short,
}

/// An event of an inventory system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StockEvent {
    pub(crate) order_id: OrderId,
    pub(crate) sku: Sku,
    /// What is held; none where there is not enough.
    pub(crate) allocation: Option<AllocationSaid>,
}

/// An allocation as it is said to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AllocationSaid {
    pub(crate) id: String,
    pub(crate) line: LineId,
    pub(crate) status: AllocationStatus,
    /// How many pieces, where it says so.
    pub(crate) quantity: Option<i64>,
}

impl StockKind {
    /// Where an allocation stands by the event's type, if its payload does not say.
    fn status(self) -> Option<AllocationStatus> {
        match self {
            Self::Created => Some(AllocationStatus::Pending),
            Self::Confirmed => Some(AllocationStatus::Confirmed),
            Self::Cancelled => Some(AllocationStatus::Cancelled),
            Self::Fulfilled => Some(AllocationStatus::Fulfilled),
            Self::Short => None,
        }
    }
}

/// Reads the payload, or says why nobody can act on it.
pub(crate) fn read(kind: StockKind, order_id: OrderId, payload: &Value) -> Result<StockEvent, String> {
    let wrong = |member: &'static str| move |error| format!("INVALID: payload.{member}: {error}");
    let missing = |member: &str| format!("INVALID: payload.{member} is missing");
    let sku = text(&payload["sku"]).or_else(|| text(&payload["inventoryItemId"]));
    let sku = Sku::parse(&sku.ok_or_else(|| missing("sku"))?).map_err(wrong("sku"))?;
    let Some(by_type) = kind.status() else { return Ok(StockEvent { order_id, sku, allocation: None }) };
    let id = text(&payload["allocationId"]).ok_or_else(|| missing("allocationId"))?;
    if id.len() > LONGEST_ID {
        return Err(format!("INVALID: payload.allocationId: {LONGEST_ID} bytes at most"));
    }
    let line = text(&payload["orderItemId"]).ok_or_else(|| missing("orderItemId"))?;
    let line = LineId::parse(&line).map_err(wrong("orderItemId"))?;
    let said = text(&payload["status"]).and_then(|status| status.to_ascii_uppercase().parse().ok());
    let quantity = leniently::whole_value(&payload["quantity"]).filter(|pieces| *pieces >= 0);
    let allocation = Some(AllocationSaid { id, line, status: said.unwrap_or(by_type), quantity });
    Ok(StockEvent { order_id, sku, allocation })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn payload() -> Value {
        json!({"allocationId": "alloc_1", "orderItemId": 7, "inventoryItemId": "MUG", "quantity": 2})
    }

    fn order() -> OrderId {
        OrderId::parse("web-17").unwrap()
    }

    #[test]
    fn an_allocation_stands_where_it_says_or_where_the_type_does() {
        let read = |kind, payload: &Value| read(kind, order(), payload).unwrap().allocation.unwrap();
        let said = read(StockKind::Fulfilled, &payload());
        assert_eq!((said.id.as_str(), said.line.as_str(), said.quantity), ("alloc_1", "7", Some(2)));
        assert_eq!(said.status, AllocationStatus::Fulfilled);
        let mut partly = payload();
        partly["status"] = json!("confirmed");
        assert_eq!(read(StockKind::Fulfilled, &partly).status, AllocationStatus::Confirmed);
        partly["status"] = json!("ON_ITS_WAY");
        assert_eq!(read(StockKind::Created, &partly).status, AllocationStatus::Pending);
    }

    #[test]
    fn what_is_short_needs_its_sku_alone_and_an_allocation_its_line_and_id() {
        let short = read(StockKind::Short, order(), &json!({"sku": "MUG"})).unwrap();
        assert_eq!((short.sku.as_str(), short.allocation), ("MUG", None));
        for (member, kind) in [("allocationId", StockKind::Created), ("orderItemId", StockKind::Cancelled)] {
            let mut payload = payload();
            payload.as_object_mut().unwrap().remove(member);
            let why = read(kind, order(), &payload).unwrap_err();
            assert_eq!(why, format!("INVALID: payload.{member} is missing"));
        }
        let mut long = payload();
        long["allocationId"] = json!("a".repeat(65));
        assert!(read(StockKind::Created, order(), &long).is_err());
        assert!(read(StockKind::Short, order(), &json!({})).is_err());
    }
}
