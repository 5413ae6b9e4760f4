//! Reverse fulfilment orders as the Admin API shows them.

use serde_json::{Value, json};

use super::{MEMBERS, facts, line_by_id};
use crate::shopify::orders::{ShopOrder, gid};
use crate::shopify::returns::{Disposition, Reverse, ReverseLine};

/// A reverse fulfilment order of `order`.
pub(in crate::shopify) fn reverse(order: &ShopOrder, shown: &Reverse) -> Value {
    let members: Vec<Value> = shown.lines.iter().map(|line| reverse_line(order, line)).collect();
    json!({
        "__typename": "ReverseFulfillmentOrder",
        "id": gid("ReverseFulfillmentOrder", shown.id),
        "status": "OPEN",
        "order": facts(order),
        "lineItems": { MEMBERS: members },
    })
}

fn reverse_line(order: &ShopOrder, line: &ReverseLine) -> Value {
    let fulfilled = json!({
        "id": line.fulfilled.map(|id| gid("FulfillmentLineItem", id)),
        "quantity": line.quantity,
        "lineItem": line_by_id(order, line.line),
    });
    json!({
        "id": gid("ReverseFulfillmentOrderLineItem", line.id),
        "totalQuantity": line.quantity,
        "fulfillmentLineItem": if line.fulfilled.is_some() { fulfilled } else { Value::Null },
        "dispositions": line.dispositions.iter().map(disposition).collect::<Vec<_>>(),
    })
}

fn disposition(shown: &Disposition) -> Value {
    json!({
        "id": gid("ReverseFulfillmentOrderDisposition", shown.id),
        "type": shown.kind,
        "quantity": shown.quantity,
    })
}
