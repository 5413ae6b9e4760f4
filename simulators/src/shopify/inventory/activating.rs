//! `inventoryActivate`: a location stocks an item from now on. Its errors have no codes, as the real ones have none.

use serde_json::{Map, Value, json};

use super::{Inventory, LevelKey, refused, user_error};
use crate::shopify::orders::id_in;

const OPERATION: &str = "inventoryActivate";
const MOST: i64 = 1_000_000_000;

/// Stocks the item at the location; returns the payload and, where there is one, the level to show in it.
pub(in crate::shopify) fn activate(
    inventory: &mut Inventory,
    shop: &str,
    arguments: &Map<String, Value>,
    key: &str,
) -> (Value, Option<LevelKey>) {
    let input = json!(arguments);
    let of = |kind, name| arguments.get(name).and_then(|id| id_in(kind, id)).unwrap_or_default();
    let level = (of("InventoryItem", "inventoryItemId"), of("Location", "locationId"));
    if let Some(payload) = inventory.answered(shop, key, OPERATION, &input) {
        let is_shown = payload["userErrors"] == json!([]);
        return (payload, is_shown.then_some(level));
    }
    let given = |name: &str| arguments.get(name).and_then(Value::as_i64);
    let (available, on_hand) = (given("available"), given("onHand"));
    let (payload, is_shown) = match error(inventory, shop, level, available, on_hand) {
        Some((field, message)) => {
            let is_there = inventory.stock(shop).levels.get(&level).is_some_and(|level| level.active);
            (refused(&[user_error(json!([field]), &message, None)]), is_there)
        }
        None => {
            stock(inventory, shop, level, available.or(on_hand), key);
            (json!({ "userErrors": [] }), true)
        }
    };
    inventory.answered.insert((shop.to_owned(), key.to_owned()), (OPERATION, input, payload.clone()));
    (payload, is_shown.then_some(level))
}

fn error(
    inventory: &mut Inventory,
    shop: &str,
    key: LevelKey,
    available: Option<i64>,
    on_hand: Option<i64>,
) -> Option<(&'static str, String)> {
    let stock = inventory.stock(shop);
    let because = |why: &str| format!("The product couldn't be stocked because {why}.");
    let is_active = stock.levels.get(&key).is_some_and(|level| level.active);
    let already =
        |what: &str| format!("Not allowed to set {what} when the item is already active at the location.");
    if stock.item(key.0).is_none() {
        return Some(("inventoryItemId", because("it was deleted")));
    }
    match stock.locations.get(&key.1) {
        None => return Some(("locationId", because("the location wasn't found"))),
        Some(location) if !location.active => {
            return Some(("locationId", because("the location is not active")));
        }
        Some(location) => {
            let at =
                |why: &str| format!("The product couldn't be stocked at {} because {why}.", location.name);
            if available.is_some() && on_hand.is_some() {
                return Some((
                    "available",
                    at("not allowed to set available and on_hand quantities at the same time"),
                ));
            }
            if on_hand.is_some_and(|quantity| quantity.abs() > MOST) {
                return Some(("onHand", at("the quantity needs to be between -1 billion and 1 billion")));
            }
        }
    }
    match (available, on_hand) {
        (Some(_), _) if is_active => Some(("available", already("available quantity"))),
        (_, Some(_)) if is_active => Some(("onHand", already("an on_hand quantity"))),
        _ => None,
    }
}

/// A level that was there before and inactive keeps what it had.
fn stock(inventory: &mut Inventory, shop: &str, key: LevelKey, quantity: Option<i64>, idempotency_key: &str) {
    let stock = inventory.stock(shop);
    let was = stock.levels.get(&key).cloned();
    let level = stock.level_mut(key);
    if was.is_none() {
        level.available = quantity.unwrap_or_default();
    }
    if !was.as_ref().is_some_and(|was| was.active) {
        level.touch();
    }
    let change = inventory.changed(shop, key, &was.unwrap_or_default());
    let details = json!({ "by": "app", "key": idempotency_key, "changes": [change] });
    inventory.record(shop, OPERATION, "inventoryActivated", details);
}
