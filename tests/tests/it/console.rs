//! The web console, as people use it: in a real browser.

mod acts;
mod browser;
mod entrance;
mod issuer;
mod kept_up;
mod many;
mod morning;
mod pages;
mod sign_in;

use std::sync::LazyLock;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::world::{self, Placed, Plan, SHOP, World};
use browser::Browser;

/// The world of the tests that harm nobody.
static WORLD: LazyLock<World> = LazyLock::new(|| world::run(World::start(Plan::default())));

/// The page of an order.
async fn page_of(world: &World, order: &Placed) -> String {
    format!("/orders/{}", id_of(world, order).await)
}

async fn id_of(world: &World, order: &Placed) -> String {
    world.order(order).await["orderId"].as_str().expect("an id").to_owned()
}

/// Orders that the warehouse refuses for their address, and will not when it is asked again.
async fn refused(world: &World, shop: &str, sku: &str, orders: usize) -> Vec<Placed> {
    world.stock(sku, 100).await;
    let rule = json!({"operation": "createShipment", "sku": sku, "code": "bad_address", "times": orders});
    world.wms_rule(rule).await;
    let orders: Vec<Placed> = (0..orders).map(|_| Placed::new(shop, &[sku], 1)).collect();
    join_all(orders.iter().map(|order| world.place(order))).await;
    join_all(orders.iter().map(|order| world.until_parked(order))).await;
    orders
}

/// An order that the warehouse has taken and does nothing about, and its reference there.
async fn at_the_warehouse(world: &World, sku: &str) -> (Placed, String) {
    world.stock(sku, 5).await;
    world
        .wms_rule(json!({"operation": "shipment", "sku": sku, "never": true, "deliverAfterMs": 3_600_000}))
        .await;
    let order = Placed::new(SHOP, &[sku], 1);
    world.place(&order).await;
    let reference = world.until_handed_over(sku, 1).await;
    world.until_order(&order, "status", &["PROCESSING"]).await;
    (order, reference)
}

/// What was done to an order by hand, as its page's address leads to it.
async fn edits(world: &World, order: &Placed) -> Vec<Value> {
    let path = world.api(&format!("/api/orders/{}", id_of(world, order).await));
    let shown: Value = world.http.get(path).send().await.unwrap().json().await.unwrap();
    shown["edits"].as_array().expect("a list").clone()
}

/// Fills in the form that corrects an address, which is open.
async fn fill_in_address(page: &browser::Page, street: &str) {
    for (field, text) in [
        ("name", "Ada Byron"),
        ("address1", street),
        ("zip", "SW1Y 4JH"),
        ("city", "London"),
        ("country", "GB"),
    ] {
        page.fill(&format!("#edit-{field}"), text).await;
    }
    page.fill("#why-address", "the customer called").await;
}
