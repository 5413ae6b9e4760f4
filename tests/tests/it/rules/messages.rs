//! Signals as people and programs send them, readable or not.

use std::time::Duration;

use serde_json::{Value, json};
use temporalio_client::WorkflowExecutionStatus;
use temporalio_common::{data_converters::RawValue, protos::temporal::api::common::v1::Payload};

use crate::{
    line::WORLD,
    world::{self, Placed, SHOP, World, until},
};

/// Every signal but `cancel`, which takes nearly everything.
const SIGNALS: [&str; 4] = ["retry", "content-updated", "stock-available", "warehouse-update"];

/// Bytes under the name of an encoding that they are not.
fn garbage(bytes: &[u8]) -> RawValue {
    let metadata = [("encoding".to_owned(), b"json/plain".to_vec())].into();
    RawValue::new(vec![Payload { metadata, data: bytes.to_vec(), ..Payload::default() }])
}

/// An order that waits for stock.
async fn waiting(world: &World, sku: &str) -> Placed {
    world.stock(sku, 0).await;
    let order = Placed::new(SHOP, &[sku], 1);
    world.place(&order).await;
    world.until_order(&order, "condition", &["BACKORDERED"]).await;
    order
}

async fn until_refused(world: &World, order: &Placed, what: &str) -> Vec<Value> {
    until(&format!("`status` shows what was refused of {what}"), Duration::from_secs(30), async || {
        let status = world.status(&order.workflow()).await;
        let refused = status["refused"].as_array().expect("a list").clone();
        refused.iter().any(|line| line.as_str().is_some_and(|line| line.starts_with(what))).then_some(refused)
    })
    .await
}

async fn ships(world: &World, order: &Placed, sku: &str) {
    world.receive(sku, 1).await;
    world.until_shipped(order).await;
    assert_eq!(world.until_closed(&order.workflow()).await, WorkflowExecutionStatus::Completed);
    assert_eq!(world.pieces_shipped(sku).await, 1);
}

#[test]
fn a_signal_without_input_leaves_the_order_going_on() {
    let world = &*WORLD;
    world::run(async {
        let order = waiting(world, "MSG-NONE").await;
        for signal in SIGNALS {
            world.signal(&order.workflow(), signal, &[]).await;
        }
        until_refused(world, &order, "warehouse-update: an object is needed").await;
        until_refused(world, &order, "retry: nothing is parked").await;
        ships(world, &order, "MSG-NONE").await;
    });
}

#[test]
fn a_signal_with_two_inputs_leaves_the_order_going_on() {
    let world = &*WORLD;
    world::run(async {
        let order = waiting(world, "MSG-TWO").await;
        for signal in SIGNALS {
            world.signal(&order.workflow(), signal, &[json!("one"), json!({"two": 2})]).await;
        }
        until_refused(world, &order, "warehouse-update").await;
        ships(world, &order, "MSG-TWO").await;
    });
}

#[test]
fn a_signal_of_garbage_bytes_leaves_the_order_going_on_and_status_shows_what_was_refused() {
    let world = &*WORLD;
    world::run(async {
        let order = waiting(world, "MSG-GARBAGE").await;
        for signal in SIGNALS.into_iter().chain(["cancel"]) {
            world.signal_raw(&order.workflow(), signal, garbage(b"\xff\xfe{")).await;
        }
        until_refused(world, &order, "warehouse-update").await;
        until_refused(world, &order, "cancel: a text or an object is needed").await;
        ships(world, &order, "MSG-GARBAGE").await;
    });
}

#[test]
fn a_signal_of_the_wrong_type_leaves_the_order_going_on_and_status_shows_what_was_refused() {
    let world = &*WORLD;
    world::run(async {
        let order = waiting(world, "MSG-TYPE").await;
        for wrong in [json!(17), json!([1]), json!({"reason": 5, "kind": 5, "actor": 5}), json!(true)] {
            for signal in SIGNALS.into_iter().chain(["cancel"]) {
                world.signal(&order.workflow(), signal, std::slice::from_ref(&wrong)).await;
            }
        }
        world.signal(&order.workflow(), "cancel", &[json!({"actor": "nobody"})]).await;
        until_refused(world, &order, "cancel: actor").await;
        let refused = until_refused(world, &order, "warehouse-update").await;
        let cancels =
            refused.iter().filter(|line| line.as_str().is_some_and(|line| line.starts_with("cancel")));
        assert_eq!(cancels.count(), 5, "{refused:?}");
        ships(world, &order, "MSG-TYPE").await;
    });
}

#[test]
fn a_signal_nobody_knows_leaves_the_order_going_on() {
    let world = &*WORLD;
    world::run(async {
        let order = waiting(world, "MSG-NAME").await;
        world.signal(&order.workflow(), "cancle", &[json!("typed in a hurry")]).await;
        ships(world, &order, "MSG-NAME").await;
    });
}

#[test]
fn a_cancel_is_a_text_an_object_two_texts_or_nothing_at_all() {
    let world = &*WORLD;
    world::run(async {
        let inputs: [(&str, &[Value], Option<&str>); 4] = [
            ("MSG-TEXT", &[json!("changed my mind")], Some("changed my mind")),
            (
                "MSG-OBJECT",
                &[json!({"reason": "changed my mind", "actor": "customer"})],
                Some("changed my mind"),
            ),
            ("MSG-TEXTS", &[json!("changed my mind"), json!("twice")], Some("changed my mind")),
            ("MSG-NOTHING", &[], None),
        ];
        for (sku, inputs, reason) in inputs {
            let order = waiting(world, sku).await;
            world.signal(&order.workflow(), "cancel", inputs).await;
            world.until_order(&order, "status", &["CANCELLED"]).await;
            assert_eq!(world.until_closed(&order.workflow()).await, WorkflowExecutionStatus::Completed);
            let kept: Option<String> =
                sqlx::query_scalar("SELECT cancel_reason FROM orders.orders WHERE shopify_order_id = $1")
                    .bind(order.id)
                    .fetch_one(&world.pool)
                    .await
                    .unwrap();
            assert_eq!(kept.as_deref(), reason, "{sku}");
        }
    });
}
