//! Refunds: the body of `refunds/create`, and those that an order's body lists.
//!
//! (REST Admin API, `Refund`: `refund_line_items[].restock_type` says what becomes of the pieces.)

use chrono::{DateTime, Utc};
use domain::{RefundLine, Restock, ShopifyOrderId};

use super::{UnreadableOrder, document, members::Members, once, whole_object};

/// A refund, as far as it is about pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedRefund {
    /// The order it is of.
    pub shopify_order_id: ShopifyOrderId,
    /// The shop's id of it.
    pub refund_id: i64,
    /// When it was made, by the shop's clock.
    pub created_at: Option<DateTime<Utc>>,
    /// Pieces it is for; none where only money was given back.
    pub lines: Vec<RefundLine>,
}

const NEEDED: &[&str] = &[
    "id",
    "order_id",
    "refund_line_items",
    "refund_line_items[].id",
    "refund_line_items[].line_item_id",
    "refund_line_items[].quantity",
    "refund_line_items[].restock_type",
];

/// Reads the body of `refunds/create`. Every line needs its `id`, `line_item_id` and `quantity`; one of 0
/// pieces is left out.
///
/// # Errors
/// [`UnreadableOrder`] names the first member that is needed and cannot be read.
pub fn parse_refund(body: &[u8]) -> Result<ParsedRefund, UnreadableOrder> {
    let value = document(body)?;
    let refund = whole_object(&value)?;
    let order = ShopifyOrderId(refund.id("order_id", "Order")?);
    let read = || {
        once(body, NEEDED)?;
        let items = match refund.get("refund_line_items") {
            Some(_) => refund.needed_objects("refund_line_items")?,
            None => Vec::new(),
        };
        let lines: Vec<RefundLine> =
            items.iter().map(|item| line(&refund, item)).collect::<Result<_, UnreadableOrder>>()?;
        let lines = lines.into_iter().filter(|line| line.quantity > 0).collect();
        Ok(ParsedRefund { lines, ..head(&refund, order)? })
    };
    read().map_err(|unreadable: UnreadableOrder| unreadable.of_order(Some(order)))
}

/// The refunds that an order's body lists. What cannot be read is left out: the body's own quantities
/// have counted it in.
pub(super) fn listed(order: &Members<'_>, id: ShopifyOrderId) -> Vec<ParsedRefund> {
    let read = |refund: Members<'_>| {
        let lines = refund.objects("refund_line_items").filter_map(|item| line(&refund, &item).ok());
        let lines = lines.filter(|line| line.quantity > 0).collect();
        Some(ParsedRefund { lines, ..head(&refund, id).ok()? })
    };
    order.objects("refunds").filter_map(read).collect()
}

fn head(refund: &Members<'_>, order: ShopifyOrderId) -> Result<ParsedRefund, UnreadableOrder> {
    Ok(ParsedRefund {
        shopify_order_id: order,
        refund_id: refund.own_id("Refund")?,
        created_at: refund.time("created_at"),
        lines: Vec::new(),
    })
}

fn line(refund: &Members<'_>, item: &Members<'_>) -> Result<RefundLine, UnreadableOrder> {
    let line_id = item.line_id("line_item_id").or_else(|unreadable| {
        item.object("line_item").and_then(|line| line.line_id("id").ok()).ok_or(unreadable)
    })?;
    Ok(RefundLine {
        refund_line_id: item.own_id("RefundLineItem")?,
        line_id,
        quantity: item.needed_pieces("quantity")?,
        restock: restock(refund, item),
        location_id: item.optional_id("location_id", "Location"),
    })
}

/// Bodies older than `restock_type` have a flag on the whole refund.
fn restock(refund: &Members<'_>, item: &Members<'_>) -> Restock {
    match item.text("restock_type") {
        Some(word) => Restock::of(&word),
        None if refund.flag("restock") == Some(true) => Restock::LegacyRestock,
        None => Restock::NoRestock,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use domain::LineId;

    fn refund() -> Value {
        json!({"id": 21, "order_id": 5, "created_at": "2026-11-25T12:00:00Z", "refund_line_items": [
            {"id": 31, "quantity": 2, "line_item_id": 7, "location_id": 9, "restock_type": "return"},
            {"id": 32, "quantity": 0, "line_item_id": 8, "restock_type": "return"},
        ]})
    }

    fn read(body: &Value) -> Result<ParsedRefund, UnreadableOrder> {
        parse_refund(body.to_string().as_bytes())
    }

    #[test]
    fn a_refund_names_its_order_and_its_pieces() {
        let line = RefundLine {
            refund_line_id: 31,
            line_id: LineId::parse("7").unwrap(),
            quantity: 2,
            restock: Restock::Return,
            location_id: Some(9),
        };
        let parsed = read(&refund()).unwrap();
        assert_eq!((parsed.shopify_order_id, parsed.refund_id), (ShopifyOrderId(5), 21));
        assert_eq!(parsed.created_at, domain::leniently::moment("2026-11-25 12:00"));
        assert_eq!(parsed.lines, [line]);
    }

    #[test]
    fn a_refund_of_money_alone_has_no_pieces() {
        assert_eq!(read(&json!({"id": 21, "order_id": "5"})).unwrap().lines, []);
        assert_eq!(read(&json!({"id": 21, "order_id": 5, "refund_line_items": []})).unwrap().lines, []);
    }

    #[test]
    fn what_a_refund_needs_is_refused_by_name() {
        for (path, wrong, member, order) in [
            ("/order_id", json!(null), "order_id", None),
            ("/id", json!("x"), "id", Some(5)),
            ("/refund_line_items", json!({}), "refund_line_items", Some(5)),
            ("/refund_line_items/0", json!(1), "refund_line_items[0]", Some(5)),
            ("/refund_line_items/0/quantity", json!(-1), "refund_line_items[0].quantity", Some(5)),
            ("/refund_line_items/0/line_item_id", json!(null), "refund_line_items[0].line_item_id", Some(5)),
        ] {
            let mut body = refund();
            *body.pointer_mut(path).unwrap() = wrong;
            let unreadable = read(&body).unwrap_err();
            assert_eq!(
                (unreadable.member.as_str(), unreadable.order_id),
                (member, order.map(ShopifyOrderId))
            );
        }
    }
}
