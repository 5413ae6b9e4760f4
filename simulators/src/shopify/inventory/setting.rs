//! `inventorySetQuantities`: all of it or nothing, with the checks and the words of the real mutation (captured from
//! 2026-04). Of what no capture shows, the words are those of the schema.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{Inventory, LevelKey, refused, user_error};
use crate::shopify::moments;
use crate::shopify::orders::{gid, id_in, listed};

const OPERATION: &str = "inventorySetQuantities";
const NAMES: [&str; 2] = ["available", "on_hand"];
const MOST: i64 = 1_000_000_000;
const REASONS: &str = "correction, cycle_count_available, damaged, movement_canceled, movement_created, \
                       movement_received, movement_updated, other, promotion, quality_control, received, \
                       reservation_created, reservation_deleted, reservation_updated, restock, safety_stock, shrinkage";

/// One quantity that is to be set.
struct Row {
    key: LevelKey,
    quantity: i64,
    /// What it is believed to be; nothing where the caller does not care.
    change_from: Option<i64>,
}

/// Sets what is asked for and returns the payload.
pub(in crate::shopify) fn set(
    inventory: &mut Inventory,
    shop: &str,
    arguments: &Map<String, Value>,
    key: &str,
) -> Value {
    let input = &arguments["input"];
    if let Some(payload) = inventory.answered(shop, key, OPERATION, input) {
        return payload;
    }
    let rows: Vec<Row> = listed(input, "quantities").iter().map(row).collect();
    let errors = errors(inventory, shop, input, &rows);
    let payload =
        if errors.is_empty() { apply(inventory, shop, input, &rows, key) } else { refused(&errors) };
    let answered = (OPERATION, input.clone(), payload.clone());
    inventory.answered.insert((shop.to_owned(), key.to_owned()), answered);
    payload
}

fn row(given: &Value) -> Row {
    Row {
        key: (
            id_in("InventoryItem", &given["inventoryItemId"]).unwrap_or_default(),
            id_in("Location", &given["locationId"]).unwrap_or_default(),
        ),
        quantity: given["quantity"].as_i64().unwrap_or_default(),
        change_from: given["changeFromQuantity"].as_i64(),
    }
}

/// Why nothing is set. What is wrong with a row alone hides what it would be compared with.
fn errors(inventory: &mut Inventory, shop: &str, input: &Value, rows: &[Row]) -> Vec<Value> {
    let name = input["name"].as_str().unwrap_or_default();
    if !NAMES.contains(&name) {
        let message = "The quantity name must be either 'available' or 'on_hand'.";
        return vec![user_error(json!(["input", "name"]), message, Some("INVALID_NAME"))];
    }
    if !REASONS.split(", ").any(|reason| input["reason"] == reason) {
        let message = format!("The specified reason is invalid. Valid values are: {REASONS}.");
        return vec![user_error(json!(["input", "reason"]), &message, Some("INVALID_REASON"))];
    }
    let stages: [Stage<'_>; 4] = [
        &|_| [of_rows(rows, |row| out_of_bounds(name, row.quantity)), twice(rows)].concat(),
        &|inventory| unknown(inventory, shop, rows),
        &|inventory| of_rows(rows, |row| immutable(inventory, shop, row.key)),
        &|inventory| of_rows(rows, |row| stale(inventory, shop, name, row)),
    ];
    inventory.stock(shop);
    stages.iter().map(|stage| stage(inventory)).find(|errors| !errors.is_empty()).unwrap_or_default()
}

/// Finds what is wrong with rows in one respect.
type Stage<'a> = &'a dyn Fn(&Inventory) -> Vec<Value>;

/// A member of a row, why it cannot be, and the code.
type Wrong = (&'static str, &'static str, &'static str);

fn of_rows(rows: &[Row], wrong: impl Fn(&Row) -> Option<Wrong>) -> Vec<Value> {
    let error = |(index, row): (usize, &Row)| Some(at(index, wrong(row)?));
    rows.iter().enumerate().filter_map(error).collect()
}

fn at(index: usize, (member, message, code): Wrong) -> Value {
    user_error(json!(["input", "quantities", index.to_string(), member]), message, Some(code))
}

fn out_of_bounds(name: &str, quantity: i64) -> Option<Wrong> {
    Some(match quantity {
        _ if quantity < -MOST => {
            ("quantity", "The quantity can't be lower than -1,000,000,000.", "INVALID_QUANTITY_TOO_LOW")
        }
        _ if quantity < 0 && name == "on_hand" => {
            ("quantity", "The quantity can't be negative.", "INVALID_QUANTITY_NEGATIVE")
        }
        _ if quantity > MOST => {
            ("quantity", "The quantity can't be higher than 1,000,000,000.", "INVALID_QUANTITY_TOO_HIGH")
        }
        _ => return None,
    })
}

fn twice(rows: &[Row]) -> Vec<Value> {
    let mut count: HashMap<LevelKey, usize> = HashMap::new();
    rows.iter().for_each(|row| *count.entry(row.key).or_default() += 1);
    let message = "The combination of inventoryItemId and locationId must be unique.";
    let wrong = ("locationId", message, "NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR");
    of_rows(rows, |row| (count[&row.key] > 1).then_some(wrong))
}

fn unknown(inventory: &Inventory, shop: &str, rows: &[Row]) -> Vec<Value> {
    let stock = &inventory.shops[shop];
    let mut errors = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        if stock.item(row.key.0).is_none() {
            let message = "The specified inventory item could not be found.";
            errors.push(at(index, ("inventoryItemId", message, "INVALID_INVENTORY_ITEM")));
        }
        if !stock.locations.get(&row.key.1).is_some_and(|location| location.active) {
            let message = "The specified location could not be found.";
            errors.push(at(index, ("locationId", message, "INVALID_LOCATION")));
        }
    }
    errors
}

fn immutable(inventory: &Inventory, shop: &str, key: LevelKey) -> Option<Wrong> {
    let stock = &inventory.shops[shop];
    if stock.item(key.0).is_some_and(|item| item.bundle) {
        let message = "The specified inventory item is not allowed to be adjusted via API. Example: if the inventory \
                       item is a parent bundle.";
        return Some(("inventoryItemId", message, "NON_MUTABLE_INVENTORY_ITEM"));
    }
    let is_stocked = stock.levels.get(&key).is_some_and(|level| level.active);
    let message = "The specified inventory item is not stocked at the location.";
    (!is_stocked).then_some(("locationId", message, "ITEM_NOT_STOCKED_AT_LOCATION"))
}

fn stale(inventory: &Inventory, shop: &str, name: &str, row: &Row) -> Option<Wrong> {
    let persisted = inventory.shops[shop].levels.get(&row.key)?.quantity(name);
    let is_stale = row.change_from.is_some() && row.change_from != persisted;
    let message = "The changeFromQuantity argument no longer matches the persisted quantity.";
    is_stale.then_some(("changeFromQuantity", message, "CHANGE_FROM_QUANTITY_STALE"))
}

fn apply(inventory: &mut Inventory, shop: &str, input: &Value, rows: &[Row], key: &str) -> Value {
    let name = input["name"].as_str().unwrap_or_default();
    let (mut recorded, mut changes) = (Vec::new(), Vec::new());
    for row in rows {
        let level = inventory.stock(shop).level_mut(row.key);
        let was = level.clone();
        let delta = row.quantity - level.quantity(name).unwrap_or_default();
        if delta != 0 {
            level.available += delta;
            level.touch();
            let location = &inventory.stock(shop).locations[&row.key.1];
            let location = json!({ "id": gid("Location", location.id), "name": location.name });
            changes.extend(NAMES.map(|name| {
                json!({
                    "name": name,
                    "delta": delta,
                    "quantityAfterChange": null,
                    "item": { "id": gid("InventoryItem", row.key.0) },
                    "location": location,
                })
            }));
        }
        let mut change = inventory.changed(shop, row.key, &was);
        change["changeFromQuantity"] = json!(row.change_from);
        recorded.push(change);
    }
    let details = json!({ "by": "app", "key": key, "name": name, "changes": recorded });
    inventory.record(shop, OPERATION, "inventorySet", details);
    // What changes nothing has no group.
    let group = (!changes.is_empty()).then(|| {
        json!({
            "id": gid("InventoryAdjustmentGroup", inventory.ids.next()),
            "createdAt": moments::answered(&json!(moments::now())),
            "reason": input["reason"],
            "referenceDocumentUri": input["referenceDocumentUri"],
            "changes": changes,
        })
    });
    json!({ "inventoryAdjustmentGroup": group, "userErrors": [] })
}
