//! Returns: the bodies of `returns/approve` and `reverse_fulfillment_orders/dispose`.
//!
//! (Webhooks reference of API 2026-04. A disposition names the lines of a reverse fulfilment order and
//! neither the return nor the order; those are asked of the Admin API.)

use domain::{LineId, ShopifyOrderId};

use super::{UnreadableOrder, document, members::Members, mentions::order_of, whole_object};

/// A return that was approved: pieces that have left are to come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedReturn {
    /// The order it is of.
    pub shopify_order_id: ShopifyOrderId,
    /// The shop's id of it.
    pub return_id: i64,
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

/// What became of pieces that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedDisposition {
    /// The shop's id of the reverse fulfilment order.
    pub reverse_fulfilment_order_id: i64,
    /// The order, should the body say it; as documented it does not.
    pub shopify_order_id: Option<ShopifyOrderId>,
    /// What was decided about which pieces.
    pub pieces: Vec<DisposedPieces>,
}

/// Pieces that were decided about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisposedPieces {
    /// The shop's id of the line of the reverse fulfilment order.
    pub reverse_line_id: i64,
    /// What was decided.
    pub kind: DispositionKind,
    /// How many pieces.
    pub quantity: u32,
    /// Where they are, by the shop's id of the location.
    pub location_id: Option<i64>,
}

/// What was decided about returned pieces (`ReverseFulfillmentOrderDispositionType`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DispositionKind {
    /// On the shelf again.
    Restocked,
    /// Not put on the shelf.
    NotRestocked,
    /// To be looked at before that is decided.
    ProcessingRequired,
    /// Did not come.
    Missing,
    /// Something newer than this code.
    Unknown(String),
}

impl DispositionKind {
    /// Reads Shopify's word in any letters.
    #[must_use]
    pub fn of(text: &str) -> Self {
        match text.to_ascii_uppercase().as_str() {
            "RESTOCKED" => Self::Restocked,
            "NOT_RESTOCKED" => Self::NotRestocked,
            "PROCESSING_REQUIRED" => Self::ProcessingRequired,
            "MISSING" => Self::Missing,
            _ => Self::Unknown(text.to_owned()),
        }
    }
}

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
        let items = parsed.needed_objects("return_line_items")?;
        let lines: Vec<Option<ReturnLine>> =
            items.iter().map(return_line).collect::<Result<_, UnreadableOrder>>()?;
        let lines = lines.into_iter().flatten().collect();
        Ok(ParsedReturn { shopify_order_id: order, return_id: parsed.own_id("Return")?, lines })
    };
    read().map_err(|unreadable: UnreadableOrder| unreadable.of_order(Some(order)))
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

/// Reads the body of `reverse_fulfillment_orders/dispose`.
///
/// # Errors
/// [`UnreadableOrder`] names the first member that is needed and cannot be read.
pub fn parse_disposition(body: &[u8]) -> Result<ParsedDisposition, UnreadableOrder> {
    let value = document(body)?;
    let parsed = whole_object(&value)?;
    let order = order_of(&parsed);
    let read = || {
        let items = parsed.needed_objects("dispositions")?;
        let mut pieces: Vec<DisposedPieces> =
            items.iter().map(disposed).collect::<Result<_, UnreadableOrder>>()?;
        pieces.retain(|disposed| disposed.quantity > 0);
        Ok(ParsedDisposition {
            reverse_fulfilment_order_id: parsed.own_id("ReverseFulfillmentOrder")?,
            shopify_order_id: order,
            pieces,
        })
    };
    read().map_err(|unreadable: UnreadableOrder| unreadable.of_order(order))
}

fn disposed(item: &Members<'_>) -> Result<DisposedPieces, UnreadableOrder> {
    const LINE: &str = "reverse_fulfillment_order_line_item";
    let line = item.object(LINE).ok_or_else(|| item.unreadable(LINE, "is missing or not an object"))?;
    let kind = item.text("type").ok_or_else(|| item.unreadable("type", "is missing or not a text"))?;
    Ok(DisposedPieces {
        reverse_line_id: line.own_id("ReverseFulfillmentOrderLineItem")?,
        kind: DispositionKind::of(&kind),
        quantity: item.needed_pieces("quantity")?,
        location_id: item.object("location").and_then(|location| location.own_id("Location").ok()),
    })
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
            ParsedReturn { shopify_order_id: ShopifyOrderId(5), return_id: 41, lines: vec![line] }
        );
        body["return_line_items"][0]["quantity"] = json!("some");
        let unreadable = parse_return(body.to_string().as_bytes()).unwrap_err();
        assert_eq!(unreadable.member, "return_line_items[0].quantity");
        assert_eq!(unreadable.order_id, Some(ShopifyOrderId(5)));
        body["order"] = json!(null);
        assert_eq!(parse_return(body.to_string().as_bytes()).unwrap_err().member, "order.id");
    }

    #[test]
    fn a_disposition_says_what_became_of_which_pieces() {
        let mut body = json!({"id": 61, "admin_graphql_api_id": "gid://shopify/ReverseFulfillmentOrder/61",
        "total_dispositions": 2, "dispositions": [
            {"type": "restocked", "quantity": 1, "location": {"id": 9}, "reverse_delivery_line_item": null,
                "reverse_fulfillment_order_line_item": {"id": 71}},
            {"type": "SHREDDED", "quantity": 2, "location": null, "reverse_fulfillment_order_line_item":
                {"admin_graphql_api_id": "gid://shopify/ReverseFulfillmentOrderLineItem/72"}},
        ]});
        let parsed = parse_disposition(body.to_string().as_bytes()).unwrap();
        assert_eq!((parsed.reverse_fulfilment_order_id, parsed.shopify_order_id), (61, None));
        let first = DisposedPieces {
            reverse_line_id: 71,
            kind: DispositionKind::Restocked,
            quantity: 1,
            location_id: Some(9),
        };
        assert_eq!(parsed.pieces[0], first);
        assert_eq!(parsed.pieces[1].kind, DispositionKind::Unknown("SHREDDED".into()));
        assert_eq!((parsed.pieces[1].reverse_line_id, parsed.pieces[1].location_id), (72, None));
        body["dispositions"][1]["type"] = json!(null);
        let unreadable = parse_disposition(body.to_string().as_bytes()).unwrap_err();
        assert_eq!(unreadable.member, "dispositions[1].type");
    }
}
