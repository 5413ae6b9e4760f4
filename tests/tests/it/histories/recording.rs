//! Orders that go each way once, and their histories as files.

use serde_json::{Value, json};
use temporalio_client::WorkflowHistory;

use crate::world::{Placed, SHOP, SPLITTING_SHOP, World};

/// The histories, by name.
pub const NAMES: [&str; 7] = [
    "backorder",
    "cancel_before_hand_over",
    "cancel_during_hand_over",
    "compensated",
    "happy",
    "parked_and_retried",
    "split",
];

/// Has an order go one way to its end and returns its history, readable for people and without the
/// names of the machine.
pub async fn record(world: &World, name: &str) -> Vec<u8> {
    let sku = format!("HISTORY-{}", name.to_uppercase());
    let order = match name {
        "backorder" => backorder(world, &sku).await,
        "cancel_before_hand_over" => cancel_before_hand_over(world, &sku).await,
        "cancel_during_hand_over" => cancel_during_hand_over(world, &sku).await,
        "compensated" => {
            parked(world, &sku, json!({"action": "compensate", "reason": "no such street"})).await
        }
        "happy" => happy(world, &sku).await,
        "parked_and_retried" => parked(world, &sku, json!("retry")).await,
        "split" => split(world, &sku).await,
        unknown => panic!("no history is called {unknown}"),
    };
    world.until_closed(&order.workflow()).await;
    let history = world.recorded(&order.workflow()).to_json().await.expect("the history is there");
    let mut history: Value = serde_json::from_slice(&history).expect("JSON");
    forget_the_machine(&mut history);
    let text = serde_json::to_vec_pretty(&history).expect("JSON");
    WorkflowHistory::from_json(&text).expect("it reads back");
    text
}

/// Identities and the sticky queues hold the machine's name.
fn forget_the_machine(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if name == "identity" || text.contains('@') => {
                        "recorded".clone_into(text);
                    }
                    member => forget_the_machine(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(forget_the_machine),
        _ => {}
    }
}

async fn happy(world: &World, sku: &str) -> Placed {
    world.stock(sku, 5).await;
    let order = Placed::new(SHOP, &[sku], 2);
    world.place(&order).await;
    order
}

async fn split(world: &World, sku: &str) -> Placed {
    world.stock(sku, 1).await;
    let order = Placed::new(SPLITTING_SHOP, &[sku], 3);
    world.place(&order).await;
    world.until_shop_notified(&order, 1).await;
    world.receive(sku, 2).await;
    order
}

async fn backorder(world: &World, sku: &str) -> Placed {
    world.stock(sku, 0).await;
    let order = Placed::new(SHOP, &[sku], 1);
    world.place(&order).await;
    world.until_order(&order, "condition", &["BACKORDERED"]).await;
    world.receive(sku, 1).await;
    order
}

async fn cancel_before_hand_over(world: &World, sku: &str) -> Placed {
    world.stock(sku, 0).await;
    let order = Placed::new(SHOP, &[sku], 1);
    world.place(&order).await;
    world.until_order(&order, "condition", &["BACKORDERED"]).await;
    world.signal(&order.workflow(), "cancel", &[json!("changed my mind")]).await;
    order
}

async fn cancel_during_hand_over(world: &World, sku: &str) -> Placed {
    world.stock(sku, 5).await;
    world.wms_rule(json!({"operation": "shipment", "sku": sku, "never": true})).await;
    let order = Placed::new(SHOP, &[sku], 1);
    world.place(&order).await;
    world.until_order(&order, "status", &["PROCESSING"]).await;
    world.signal(&order.workflow(), "cancel", &[json!("changed my mind")]).await;
    order
}

async fn parked(world: &World, sku: &str, answer: Value) -> Placed {
    world.stock(sku, 5).await;
    world.wms_rule(json!({"operation": "createShipment", "sku": sku, "code": "bad_address"})).await;
    let order = Placed::new(SHOP, &[sku], 1);
    world.place(&order).await;
    world.until_parked(&order).await;
    world.resolve(&order, answer).await.expect("it is parked");
    order
}
