//! Which order, or which fulfilment orders, a body of another topic is about.

use domain::ShopifyOrderId;
use serde_json::Value;

use super::{
    document,
    members::{self, Members},
    once,
};
use crate::gid;

/// The order that a body mentions: `order_id` (fulfilments, refunds, closed returns), `order` (returns),
/// `order_edit.order_id` (`orders/edited`), or the body is itself an order and says so in its global id.
#[must_use]
pub fn parse_order_mention(body: &[u8]) -> Option<ShopifyOrderId> {
    let value = document(body).ok()?;
    let body = Members::of(&value, String::new())?;
    let inside = ["order_edit", "fulfillment", "refund", "return", "fulfillment_order"];
    order_of(&body)
        .or_else(|| inside.iter().find_map(|name| order_of(&body.object(name)?)))
        .or_else(|| body.text("admin_graphql_api_id").as_deref().and_then(gid::order))
}

/// The order that an object names as the one it belongs to.
pub(super) fn order_of(object: &Members<'_>) -> Option<ShopifyOrderId> {
    object
        .optional_id("order_id", "Order")
        .or_else(|| object.object("order")?.own_id("Order").ok())
        .or_else(|| object.optional_id("admin_graphql_api_order_id", "Order"))
        .map(ShopifyOrderId)
}

/// The reverse fulfilment order that a body of `reverse_fulfillment_orders/dispose` is about. It lists what
/// was decided by lines that say neither the order nor its line (webhooks reference of API 2026-04): the
/// Admin API does.
#[must_use]
pub fn parse_reverse_fulfilment_order_mention(body: &[u8]) -> Option<i64> {
    let value = document(body).ok()?;
    let body = Members::of(&value, String::new())?;
    let inside = body.object("reverse_fulfillment_order");
    inside.as_ref().unwrap_or(&body).own_id("ReverseFulfillmentOrder").ok()
}

/// The orders whose customer is to be forgotten, by a body of `customers/redact`: `orders_to_redact`.
#[must_use]
pub fn parse_orders_to_redact(body: &[u8]) -> Option<Vec<i64>> {
    orders_listed(body, "orders_to_redact")
}

/// The orders whose customer wants to know, by a body of `customers/data_request`: `orders_requested`.
#[must_use]
pub fn parse_orders_requested(body: &[u8]) -> Option<Vec<i64>> {
    orders_listed(body, "orders_requested")
}

/// None where the member is missing, said twice, or no list: what somebody asks for is not guessed.
fn orders_listed(body: &[u8], name: &'static str) -> Option<Vec<i64>> {
    let value = document(body).ok()?;
    once(body, &[name]).ok()?;
    match value.as_object()?.get(name)? {
        Value::Array(ids) => ids.iter().map(|id| members::id(id, "Order")).collect(),
        _ => None,
    }
}

/// Every fulfilment order named anywhere in a body of `fulfillment_orders/*` or `fulfillment_holds/*`,
/// each once, in rising order: the one it is about, and those that were split off, moved or merged.
#[must_use]
pub fn parse_fulfilment_order_mention(body: &[u8]) -> Vec<i64> {
    let mut ids = document(body).map(|value| fulfilment_orders(&value)).unwrap_or_default();
    ids.sort_unstable();
    ids.dedup();
    ids
}

const KIND: &str = "FulfillmentOrder";

/// serde_json bounds how deep a body goes.
fn fulfilment_orders(value: &Value) -> Vec<i64> {
    match value {
        Value::String(text) => gid::number(KIND, text.trim()).filter(|id| *id > 0).into_iter().collect(),
        Value::Array(items) => items.iter().flat_map(fulfilment_orders).collect(),
        Value::Object(object) => {
            let mentioned = |(name, value): (&String, &Value)| [named(name, value), fulfilment_orders(value)];
            object.iter().flat_map(mentioned).flatten().collect()
        }
        _ => Vec::new(),
    }
}

/// Ids that are plain numbers are known by the name they stand under.
fn named(name: &str, value: &Value) -> Vec<i64> {
    if name.starts_with("reverse_") {
        return Vec::new();
    }
    let id_of = |value: &Value| members::id(value.get("id").unwrap_or(value), KIND);
    match value {
        Value::Array(items)
            if name.ends_with("fulfillment_orders") || name.ends_with("fulfillment_order_ids") =>
        {
            items.iter().filter_map(id_of).collect()
        }
        _ if name.ends_with("fulfillment_order") || name.ends_with("fulfillment_order_id") => {
            id_of(value).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_order_is_found_where_the_topics_mention_it() {
        for body in [
            json!({"id": 1, "order_id": 5}),
            json!({"id": 1, "order_id": "gid://shopify/Order/5"}),
            json!({"order_edit": {"id": 1, "order_id": 5}}),
            json!({"id": 1, "order": {"id": 5}}),
            json!({"order": {"admin_graphql_api_id": "gid://shopify/Order/5"}}),
            json!({"admin_graphql_api_order_id": "gid://shopify/Order/5"}),
            json!({"id": 5, "admin_graphql_api_id": "gid://shopify/Order/5", "line_items": []}),
        ] {
            assert_eq!(parse_order_mention(body.to_string().as_bytes()), Some(ShopifyOrderId(5)), "{body}");
        }
        for body in [json!({"id": 5}), json!({"order_id": -5}), json!([5]), json!({"order": 5})] {
            assert_eq!(parse_order_mention(body.to_string().as_bytes()), None, "{body}");
        }
        assert_eq!(parse_order_mention(b"{"), None);
    }

    #[test]
    fn a_disposition_names_its_reverse_fulfilment_order() {
        let gid = "gid://shopify/ReverseFulfillmentOrder/61";
        for body in [
            json!({"id": 61, "dispositions": [{"type": "restocked", "quantity": 1}]}),
            json!({"admin_graphql_api_id": gid}),
            json!({"reverse_fulfillment_order": {"id": gid}, "id": 5}),
        ] {
            let read = parse_reverse_fulfilment_order_mention(body.to_string().as_bytes());
            assert_eq!(read, Some(61), "{body}");
        }
        for body in [&b"{"[..], b"[61]", br#"{"id": "gid://shopify/Order/61"}"#] {
            assert_eq!(parse_reverse_fulfilment_order_mention(body), None);
        }
    }

    #[test]
    fn orders_to_redact_are_listed_and_there_may_be_none() {
        let read = |body: Value| parse_orders_to_redact(body.to_string().as_bytes());
        let customer = json!({"id": 191_167, "email": "john@example.com", "phone": "555-625-1199"});
        let body = json!({"shop_id": 954_889, "shop_domain": "a.myshopify.com", "customer": customer,
            "orders_to_redact": [299_938, "280263", "gid://shopify/Order/220458"]});
        assert_eq!(read(body), Some(vec![299_938, 280_263, 220_458]));
        assert_eq!(read(json!({"customer": {}, "orders_to_redact": []})), Some(vec![]));
        assert_eq!(read(json!({"customer": {}})), None);
        assert_eq!(read(json!({"orders_to_redact": null})), None);
        assert_eq!(parse_orders_to_redact(br#"{"orders_to_redact": [1], "orders_to_redact": [2]}"#), None);
        assert_eq!(parse_orders_requested(br#"{"orders_requested": [1], "orders_requested": [2]}"#), None);
        assert_eq!(read(json!({"orders_to_redact": ["all"]})), None);
        assert_eq!(parse_orders_to_redact(b"{"), None);
    }

    #[test]
    fn every_fulfilment_order_of_a_body_is_found_once() {
        let gid =
            |number: i64| json!({"id": format!("gid://shopify/FulfillmentOrder/{number}"), "status": "open"});
        for (body, ids) in [
            (json!({"fulfillment_order": gid(1), "message": "x"}), vec![1]),
            (json!({"fulfillment_order": {"id": 1}, "fulfillment_hold": {"id": 9}}), vec![1]),
            (
                json!({"split_line_items": [{"id": "gid://shopify/FulfillmentOrderLineItem/9"}],
                    "replacement_fulfillment_order": gid(3), "remaining_fulfillment_order": gid(2),
                    "fulfillment_order": gid(1)}),
                vec![1, 2, 3],
            ),
            (
                json!({"merge_intents": [{"fulfillment_order_id": 4}, {"fulfillment_order_id": "1"}],
                    "fulfillment_order_merges": {"fulfillment_order": gid(1)}}),
                vec![1, 4],
            ),
            (
                json!({"reverse_fulfillment_order": {"id": 8}, "fulfillment_orders": [{"id": 7}, 6]}),
                vec![6, 7],
            ),
            (json!({"fulfillment_order": {"id": 0}, "id": "gid://shopify/FulfillmentOrder/0"}), vec![]),
        ] {
            assert_eq!(parse_fulfilment_order_mention(body.to_string().as_bytes()), ids, "{body}");
        }
        assert_eq!(parse_fulfilment_order_mention(b"{"), Vec::<i64>::new());
    }
}
