//! `tagsAdd`, for orders.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::orders::{ShopOrder, id_in};
use super::{Shop, user_errors, views};

/// Adds the tags that are not there yet and returns the payload.
pub(super) fn add(shop: &Arc<Shop>, arguments: &Map<String, Value>) -> Value {
    let mut book = shop.book.lock();
    let id = id_in("Order", &arguments["id"]);
    let answered = id.and_then(|id| book.change(id, |order| add_to(shop, order, &arguments["tags"])));
    answered.unwrap_or_else(|| user_errors(&json!([{ "field": ["id"], "message": "Node not found" }])))
}

fn add_to(shop: &Shop, order: &mut ShopOrder, given: &Value) -> Value {
    let mut tags = views::tags(&order.body["tags"]);
    let mut added = Vec::new();
    // A list, or one text with commas.
    let given = given.as_array().map_or(std::slice::from_ref(given), Vec::as_slice);
    for tag in given.iter().flat_map(views::tags) {
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
