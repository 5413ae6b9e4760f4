//! `tagsAdd`, for orders.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::orders::{ShopOrder, number};
use super::{Shop, user_errors, views};

/// Adds the tags that are not there yet and returns the payload.
pub(super) fn add(shop: &Arc<Shop>, arguments: &Map<String, Value>) -> Value {
    let mut book = shop.book();
    let id = arguments["id"].as_str().and_then(|id| number("Order", id));
    let answered = id.and_then(|id| book.change(id, |order| add_to(shop, order, &arguments["tags"])));
    answered.unwrap_or_else(|| {
        let error = json!({ "field": ["id"], "message": "Node not found" });
        user_errors(&json!([error]))
    })
}

fn add_to(shop: &Shop, order: &mut ShopOrder, given: &Value) -> Value {
    let mut tags = views::tags(&order.body);
    let mut added = Vec::new();
    for tag in wanted(given) {
        if !tags.iter().any(|known| known.eq_ignore_ascii_case(&tag)) {
            added.push(tag.clone());
            tags.push(tag);
        }
    }
    tags.sort_unstable();
    order.body["tags"] = json!(tags.join(", "));
    order.touch();
    shop.record_effect("tagsAdd", order, "tagsAdded", json!({ "added": added, "tags": tags }));
    json!({ "node": views::order(order), "userErrors": [] })
}

/// A list, or one text with commas.
fn wanted(tags: &Value) -> Vec<String> {
    let texts: Vec<&str> = match tags {
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        single => single.as_str().into_iter().collect(),
    };
    texts
        .iter()
        .flat_map(|text| text.split(','))
        .map(|tag| tag.trim().to_owned())
        .filter(|tag| !tag.is_empty())
        .collect()
}
