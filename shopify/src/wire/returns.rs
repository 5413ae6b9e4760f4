//! Returns: the bodies of `returns/approve` and `returns/cancel` (webhooks reference of API 2026-04).

use std::collections::BTreeSet;

use domain::{LineId, ShopifyOrderId};

use super::{UnreadableOrder, document, members::Members, mentions::order_of, once, whole_object};

/// A return that was approved: pieces that have left are to come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedReturn {
    /// The order it is of.
    pub shopify_order_id: ShopifyOrderId,
    /// The shop's id of it.
    pub return_id: i64,
    /// Why, in the shop's words for it (`unwanted`, `size_too_small`), each once.
    pub reason: Option<String>,
    /// Pieces that are to come back. A line that names no line of the order is left out.
    pub lines: Vec<ReturnLine>,
}

/// Pieces of one line of an order that are to come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnLine {
    /// The shop's id of the return's line.
    pub return_line_id: i64,
    /// The order's line.
    pub line_id: LineId,
    /// How many pieces.
    pub quantity: u32,
}

const NEEDED: &[&str] = &[
    "id",
    "order",
    "order.id",
    "return_line_items",
    "return_line_items[].id",
    "return_line_items[].quantity",
];

/// Reads the body of `returns/approve`.
///
/// # Errors
/// [`UnreadableOrder`] names the first member that is needed and cannot be read.
pub fn parse_return(body: &[u8]) -> Result<ParsedReturn, UnreadableOrder> {
    let value = document(body)?;
    let parsed = whole_object(&value)?;
    let order =
        order_of(&parsed).ok_or_else(|| parsed.unreadable("order.id", "is missing or no order's id"))?;
    let read = || {
        once(body, NEEDED)?;
        let items = parsed.needed_objects("return_line_items")?;
        let lines: Vec<Option<ReturnLine>> =
            items.iter().map(return_line).collect::<Result<_, UnreadableOrder>>()?;
        let lines = lines.into_iter().flatten().collect();
        let return_id = parsed.own_id("Return")?;
        Ok(ParsedReturn { shopify_order_id: order, return_id, reason: reason(&items), lines })
    };
    read().map_err(|unreadable: UnreadableOrder| unreadable.of_order(Some(order)))
}

/// Reads the body of `returns/cancel`: the order, and the shop's id of the return.
///
/// # Errors
/// [`UnreadableOrder`] names the first member that is needed and cannot be read.
pub fn parse_cancelled_return(body: &[u8]) -> Result<(ShopifyOrderId, i64), UnreadableOrder> {
    let value = document(body)?;
    let parsed = whole_object(&value)?;
    let order =
        order_of(&parsed).ok_or_else(|| parsed.unreadable("order.id", "is missing or no order's id"))?;
    let read = || {
        once(body, &["id", "order", "order.id"])?;
        Ok((order, parsed.own_id("Return")?))
    };
    read().map_err(|unreadable: UnreadableOrder| unreadable.of_order(Some(order)))
}

fn reason(items: &[Members<'_>]) -> Option<String> {
    let words: BTreeSet<String> = items.iter().filter_map(|item| item.text("return_reason")).collect();
    (!words.is_empty()).then(|| words.into_iter().collect::<Vec<_>>().join(", "))
}

/// `None` for what is of no line of the order (something sent along by mistake) and for 0 pieces.
fn return_line(item: &Members<'_>) -> Result<Option<ReturnLine>, UnreadableOrder> {
    let fulfilled = item.object("fulfillment_line_item");
    let line_of = |holder: &Members<'_>| holder.object("line_item").map(|line| line.line_id("id"));
    let line_id = match fulfilled.as_ref().and_then(line_of).or_else(|| line_of(item)) {
        Some(line_id) => line_id?,
        None if item.get("line_item_id").is_some() => item.line_id("line_item_id")?,
        None => return Ok(None),
    };
    let quantity = item.needed_pieces("quantity")?;
    let line = || Ok(ReturnLine { return_line_id: item.own_id("ReturnLineItem")?, line_id, quantity });
    (quantity > 0).then(line).transpose()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A line as `returns/approve` has it.
    fn item(id: i64, line: i64, quantity: i64) -> Value {
        json!({"id": id, "quantity": quantity, "return_reason": "unwanted",
            "admin_graphql_api_id": format!("gid://shopify/ReturnLineItem/{id}"),
            "fulfillment_line_item": {"id": 1, "line_item":
                {"id": line, "admin_graphql_api_id": format!("gid://shopify/LineItem/{line}")}}})
    }

    #[test]
    fn an_approved_return_names_its_order_and_its_pieces() {
        let mut body = json!({"id": 41, "admin_graphql_api_id": "gid://shopify/Return/41", "status": "open",
            "order": {"id": 5, "admin_graphql_api_id": "gid://shopify/Order/5"}, "name": "#1001-R1",
            "return_line_items": [item(51, 7, 2), item(52, 8, 0), {"id": 53, "quantity": 1}]});
        let parsed = parse_return(body.to_string().as_bytes()).unwrap();
        let line = ReturnLine { return_line_id: 51, line_id: LineId::parse("7").unwrap(), quantity: 2 };
        assert_eq!(
            parsed,
            ParsedReturn {
                shopify_order_id: ShopifyOrderId(5),
                return_id: 41,
                reason: Some("unwanted".to_owned()),
                lines: vec![line],
            }
        );
        let cancelled = parse_cancelled_return(body.to_string().as_bytes());
        assert_eq!(cancelled.unwrap(), (ShopifyOrderId(5), 41));
        body["return_line_items"][0]["quantity"] = json!("some");
        let unreadable = parse_return(body.to_string().as_bytes()).unwrap_err();
        assert_eq!(unreadable.member, "return_line_items[0].quantity");
        assert_eq!(unreadable.order_id, Some(ShopifyOrderId(5)));
        body["order"] = json!(null);
        assert_eq!(parse_return(body.to_string().as_bytes()).unwrap_err().member, "order.id");
    }
}
