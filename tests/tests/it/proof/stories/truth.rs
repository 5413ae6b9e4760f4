//! What is true of an order in the end, asked of the stand-ins and of our own records.

use std::collections::BTreeSet;

use futures::{StreamExt, stream};
use serde_json::Value;

use super::model::{ShopTruth, Truth, WarehouseTruth, add};
use crate::{
    proof::rest::{Pieces, Rest},
    world::{Placed, World},
};

/// Orders that are asked for at the same time.
const AT_ONCE: usize = 16;

/// An order whose truth is asked for.
pub struct Subject<'a> {
    /// The order.
    pub order: &'a Placed,
    /// Its own SKUs.
    pub skus: &'a [String],
    /// What our API answered to whoever cancelled it there.
    pub cancelled: &'a [u16],
}

/// Everything that is true of these orders, in their order.
pub async fn of_all(world: &World, subjects: &[Subject<'_>], rest: &Rest) -> Vec<Option<Truth>> {
    let ledger = world.ledger(world.wms("/_ledger")).await;
    let on_hand = on_hand(world).await;
    stream::iter(subjects)
        .map(async |subject| {
            let shop = shop(world, subject.order).await;
            let order = rest.of(subject.order.id)?.clone();
            let mut on_hand = on_hand.clone();
            on_hand.retain(|sku, _| subject.skus.contains(sku));
            let warehouse = warehouse(&ledger, subject.skus);
            Some(Truth { shop, warehouse, on_hand, cancelled: subject.cancelled.to_vec(), order })
        })
        .buffered(AT_ONCE)
        .collect()
        .await
}

/// References under which the warehouse has something of these SKUs that did not leave.
pub async fn in_house(world: &World, skus: &[String]) -> Vec<String> {
    let ledger = world.ledger(world.wms("/_ledger")).await;
    let open = parcels_in_house(&ledger, skus);
    let references: BTreeSet<String> =
        open.iter().filter_map(|entry| entry["reference"].as_str()).map(str::to_owned).collect();
    references.into_iter().collect()
}

/// The warehouse ships what it has under a reference; it may have been stopped meanwhile.
pub async fn ship(world: &World, reference: &str) {
    let path = world.wms(&format!("/_shipments/{reference}/ship"));
    world.http.post(path).send().await.expect("the warehouse answers");
}

/// What the stand-ins really did for an order, oldest first.
pub async fn effects_of(world: &World, order: &Placed, skus: &[String]) -> Vec<String> {
    let of_warehouse = world.ledger(world.wms("/_ledger")).await;
    let of_shop = world.ledger(world.shopify(&format!("/_ledger?order={}", order.id))).await;
    let own =
        |entry: &&Value| list(&entry["lines"]).any(|line| skus.iter().any(|sku| line["sku"] == sku.as_str()));
    let references: BTreeSet<&str> =
        of_warehouse.iter().filter(own).filter_map(|entry| entry["reference"].as_str()).collect();
    let by_warehouse = of_warehouse
        .iter()
        .filter(|entry| entry["reference"].as_str().is_some_and(|reference| references.contains(reference)));
    let mut effects: Vec<(String, String)> = by_warehouse
        .chain(&of_shop)
        .filter(|entry| entry["kind"] == "effect")
        .map(|entry| {
            let lines: Vec<String> =
                list(&entry["lines"]).map(|line| format!("{} × {}", line["quantity"], line["sku"])).collect();
            let about = entry["reference"].as_str().unwrap_or_default();
            let said = format!("{} {} {about} {}", entry["at"], entry["effect"], lines.join(", "));
            (entry["at"].to_string(), said)
        })
        .collect();
    effects.sort();
    effects.into_iter().map(|(_, said)| said).collect()
}

fn parcels_in_house<'a>(ledger: &'a [Value], skus: &[String]) -> Vec<&'a Value> {
    let gone: BTreeSet<&str> = ledger
        .iter()
        .filter(|entry| matches!(entry["effect"].as_str(), Some("shipmentShipped" | "shipmentCancelled")))
        .filter_map(|entry| entry["shipmentId"].as_str())
        .collect();
    let created = effects(ledger, skus, "shipmentCreated");
    created.filter(|entry| entry["shipmentId"].as_str().is_none_or(|id| !gone.contains(id))).collect()
}

fn effects<'a>(ledger: &'a [Value], skus: &[String], effect: &str) -> impl Iterator<Item = &'a Value> {
    ledger.iter().filter(move |entry| {
        let mut lines = entry["lines"].as_array().into_iter().flatten();
        entry["effect"] == effect && lines.any(|line| skus.iter().any(|sku| line["sku"] == sku.as_str()))
    })
}

fn warehouse(ledger: &[Value], skus: &[String]) -> WarehouseTruth {
    let mut truth = WarehouseTruth::default();
    for parcel in parcels_in_house(ledger, skus) {
        add(&mut truth.in_house, &pieces(&parcel["lines"]));
    }
    for parcel in effects(ledger, skus, "shipmentShipped") {
        add(&mut truth.left, &pieces(&parcel["lines"]));
        let created =
            effects(ledger, skus, "shipmentCreated").find(|entry| entry["reference"] == parcel["reference"]);
        let address = created.and_then(|entry| entry["shipTo"]["address1"].as_str());
        truth.left_to.insert(address.unwrap_or_default().to_owned());
    }
    truth
}

async fn shop(world: &World, order: &Placed) -> ShopTruth {
    let path = world.shopify(&format!("/_orders/{}", order.id));
    let shown: Value =
        world.http.get(path).send().await.expect("the shop answers").json().await.expect("JSON");
    let body = &shown["order"];
    let mut truth = ShopTruth {
        cancelled: body["cancelled_at"].is_string(),
        financial_status: body["financial_status"].as_str().unwrap_or_default().to_owned(),
        address: body["shipping_address"]["address1"].as_str().unwrap_or_default().to_owned(),
        ..ShopTruth::default()
    };
    for line in list(&body["line_items"]) {
        count(&mut truth.open, line, &line["fulfillable_quantity"]);
    }
    for fulfilment in list(&body["fulfillments"]) {
        let by_hand =
            fulfilment["tracking_number"].as_str().is_some_and(|number| number.starts_with("BY-HAND"));
        truth.others_fulfilled = truth.others_fulfilled || by_hand;
        if !by_hand && fulfilment["status"] == "success" {
            add(&mut truth.ours, &pieces(&fulfilment["line_items"]));
        }
    }
    let held = list(&shown["fulfilmentOrders"]).filter(|found| list(&found["holds"]).next().is_some());
    for line in held.flat_map(|found| list(&found["lines"])) {
        count(&mut truth.on_hold, line, &line["remainingQuantity"]);
    }
    truth
}

async fn on_hand(world: &World) -> Pieces {
    let rows: Vec<(String, i64)> =
        sqlx::query_as("SELECT sku, sum(on_hand)::bigint FROM inventory.stock GROUP BY sku")
            .fetch_all(&world.pool)
            .await
            .expect("the stock is read");
    rows.into_iter().collect()
}

fn pieces(lines: &Value) -> Pieces {
    let mut pieces = Pieces::new();
    for line in list(lines) {
        count(&mut pieces, line, &line["quantity"]);
    }
    pieces
}

fn count(pieces: &mut Pieces, line: &Value, quantity: &Value) {
    let quantity = quantity.as_i64().unwrap_or_default();
    if quantity > 0 {
        *pieces.entry(line["sku"].as_str().unwrap_or_default().to_owned()).or_default() += quantity;
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
