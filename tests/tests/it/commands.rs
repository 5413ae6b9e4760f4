//! Commands of people over HTTP: cancelling an order and moving it along, with and without anybody
//! there to answer.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use temporalio_client::WorkflowExecutionStatus;

use crate::{
    line::WORLD,
    world::{self, Placed, Plan, Program, SHOP, World, until},
};

async fn command(world: &World, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
    let mut request = world.http.request(method, world.api(path));
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = request.send().await.expect("the API answers");
    (answer.status(), answer.json().await.expect("JSON"))
}

async fn cancel(world: &World, id: &str) -> (StatusCode, Value) {
    command(world, Method::POST, &format!("/api/orders/{id}/cancel"), None).await
}

async fn set_status(world: &World, id: &str, status: &str) -> (StatusCode, Value) {
    let body = json!({"status": status, "reason": "said on the telephone"});
    command(world, Method::PATCH, &format!("/api/orders/{id}/status"), Some(body)).await
}

fn id_of(order: &Value) -> String {
    order["orderId"].as_str().expect("an id").to_owned()
}

/// Rows of the inbox that hold a command for an order, by state.
async fn commands_kept(world: &World, id: &str) -> Vec<(String, String)> {
    sqlx::query_as(
        "SELECT topic, state FROM integration.inbox
         WHERE source = 'api' AND topic IN ('cancel', 'set-status')
           AND convert_from(body, 'UTF8')::jsonb ->> 'orderId' = $1
         ORDER BY inbox_id",
    )
    .bind(id)
    .fetch_all(&world.pool)
    .await
    .expect("the inbox is read")
}

async fn status_of(world: &World, id: &str) -> Value {
    command(world, Method::GET, &format!("/api/orders/{id}"), None).await.1
}

#[test]
fn a_held_order_is_cancelled_at_once_and_its_stock_is_back() {
    let world = &*WORLD;
    world::run(async {
        world.stock("CMD-HELD", 5).await;
        let placed = world.place_at_api("CMD-HELD", 2, Some("10m")).await;
        let id = id_of(&placed);
        world.until_running(placed["workflowId"].as_str().unwrap()).await;
        let (code, answer) = cancel(world, &id).await;
        assert_eq!(code, StatusCode::OK, "{answer}");
        assert_eq!(
            answer,
            json!({"message": "Order cancelled successfully", "orderId": id, "status": "CANCELLED"})
        );
        assert_eq!(world.available("CMD-HELD").await, 5);
        let patch = command(world, Method::PATCH, &format!("/api/orders/{id}/cancel"), Some(json!({}))).await;
        assert_eq!((patch.0, &patch.1["status"]), (StatusCode::OK, &json!("CANCELLED")));
        assert_eq!(world.available("CMD-HELD").await, 5);
        let kept = commands_kept(world, &id).await;
        assert_eq!(kept, vec![("cancel".into(), "DONE".into()); 2]);
    });
}

#[test]
fn what_has_shipped_cannot_be_cancelled_and_the_refusal_names_its_status() {
    let world = &*WORLD;
    world::run(async {
        world.stock("CMD-SHIPPED", 5).await;
        let placed = world.place_at_api("CMD-SHIPPED", 1, None).await;
        world.until_api_order(&placed, &["SHIPPED", "DELIVERED"]).await;
        let number = placed["orderNumber"].as_str().unwrap();
        let (code, answer) = cancel(world, number).await;
        assert_eq!(code, StatusCode::BAD_REQUEST);
        let sentence = answer["error"].as_str().unwrap();
        assert!(sentence.starts_with("Order cannot be cancelled. Current status: "), "{sentence}");
        let (code, answer) = set_status(world, number, "PROCESSING").await;
        assert_eq!(code, StatusCode::CONFLICT, "{answer}");
        assert_eq!(answer["type"], "https://waybill.dev/errors/status-refused");
    });
}

#[test]
fn with_no_worker_a_cancel_is_kept_and_done_when_one_comes_back() {
    let world = world::run(World::start(Plan::default()));
    world::run(async {
        world.stock("CMD-ALONE", 5).await;
        let placed = world.place_at_api("CMD-ALONE", 2, Some("10m")).await;
        let id = id_of(&placed);
        world.until_running(placed["workflowId"].as_str().unwrap()).await;
        world.kill(Program::Worker);
        let (code, answer) = cancel(&world, &id).await;
        assert_eq!((code, &answer["status"]), (StatusCode::ACCEPTED, &json!("PENDING")), "{answer}");
        world.start_program(Program::Worker);
        world.until_api_order(&placed, &["CANCELLED"]).await;
        assert_eq!(world.available("CMD-ALONE").await, 5);
        until("the command is settled", Duration::from_secs(30), async || {
            (commands_kept(&world, &id).await == [("cancel".to_owned(), "DONE".to_owned())]).then_some(())
        })
        .await;
    });
}

#[test]
fn with_no_temporal_orders_are_taken_and_commands_kept_until_it_is_back() {
    let world = world::run(World::start(Plan::default()));
    world::run(async {
        world.stock("CMD-DARK", 5).await;
        let address = std::env::var("TEST_TEMPORAL_ADDRESS").unwrap();
        world.kill(Program::Api);
        world.kill(Program::Worker);
        world.set_environment("TEMPORAL_ADDRESS", "127.0.0.1:1");
        world.start_program(Program::Api);
        world.until_ready().await;
        let unwanted = world.place_at_api("CMD-DARK", 1, Some("10m")).await;
        let wanted = world.place_at_api("CMD-DARK", 2, Some("10m")).await;
        let (code, _) = cancel(&world, &id_of(&unwanted)).await;
        assert_eq!(code, StatusCode::ACCEPTED);
        let (code, _) = set_status(&world, &id_of(&wanted), "CONFIRMED").await;
        assert_eq!(code, StatusCode::ACCEPTED);
        world.kill(Program::Api);
        world.set_environment("TEMPORAL_ADDRESS", &address);
        world.start_program(Program::Api);
        world.start_program(Program::Worker);
        world.until_ready().await;
        world.until_api_order(&unwanted, &["CANCELLED"]).await;
        world.until_api_order(&wanted, &["SHIPPED", "DELIVERED"]).await;
        assert_eq!(world.available("CMD-DARK").await, 3);
        assert_eq!(world.pieces_shipped("CMD-DARK").await, 2);
    });
}

#[test]
fn confirmed_ends_the_hold_and_the_order_ships() {
    let world = &*WORLD;
    world::run(async {
        world.stock("CMD-CONFIRM", 5).await;
        let placed = world.place_at_api("CMD-CONFIRM", 1, Some("10m")).await;
        world.until_running(placed["workflowId"].as_str().unwrap()).await;
        let (code, answer) = set_status(world, &id_of(&placed), "CONFIRMED").await;
        assert_eq!(code, StatusCode::OK, "{answer}");
        assert_eq!(answer["message"], "Order status updated");
        world.until_api_order(&placed, &["SHIPPED", "DELIVERED"]).await;
        assert_eq!(world.pieces_shipped("CMD-CONFIRM").await, 1);
    });
}

#[test]
fn confirmed_lets_an_unpaid_order_go_on() {
    let world = &*WORLD;
    world::run(async {
        world.stock("CMD-UNPAID", 5).await;
        let order = Placed::new(SHOP, &["CMD-UNPAID"], 1).with("financial_status", json!("pending"));
        world.place(&order).await;
        let found = world.until_order(&order, "condition", &["AWAITING_PAYMENT"]).await;
        let (code, answer) = set_status(world, &id_of(&found), "CONFIRMED").await;
        assert_eq!(code, StatusCode::OK, "{answer}");
        world.until_shipped(&order).await;
    });
}

#[test]
fn a_status_is_moved_along_the_table_only_and_not_past_what_stands_in_the_way() {
    let world = &*WORLD;
    world::run(async {
        world.stock("CMD-TABLE", 0).await;
        let order = Placed::new(SHOP, &["CMD-TABLE"], 1);
        world.place(&order).await;
        let found = world.until_order(&order, "condition", &["BACKORDERED"]).await;
        let id = id_of(&found);
        for (status, why) in [
            ("SHIPPED", "Status cannot become SHIPPED: the status table has no such step"),
            ("CONFIRMED", "Status cannot become CONFIRMED: it waits for stock"),
        ] {
            let (code, answer) = set_status(world, &id, status).await;
            assert_eq!(code, StatusCode::CONFLICT, "{answer}");
            let sentence = answer["error"].as_str().unwrap();
            assert!(sentence.starts_with(why), "{sentence}");
            assert!(sentence.ends_with("Current status: PENDING"), "{sentence}");
        }
        let (code, answer) = set_status(world, &id, "NOPE").await;
        assert_eq!((code, &answer["field"]), (StatusCode::BAD_REQUEST, &json!("status")));
        let (code, _) = set_status(world, &id, "PENDING").await;
        assert_eq!(code, StatusCode::OK, "it has that status");
        let (code, answer) = set_status(world, &id, "CANCELLED").await;
        assert_eq!((code, &answer["status"]), (StatusCode::OK, &json!("CANCELLED")));
        assert_eq!(world.until_closed(&order.workflow()).await, WorkflowExecutionStatus::Completed);
    });
}

/// An order the warehouse has taken and does nothing about.
async fn handed_over(world: &World, sku: &str) -> (Placed, String) {
    world.stock(sku, 5).await;
    world.wms_rule(json!({"operation": "shipment", "sku": sku, "never": true})).await;
    let order = Placed::new(SHOP, &[sku], 2);
    world.place(&order).await;
    let found = world.until_order(&order, "status", &["PROCESSING"]).await;
    (order, id_of(&found))
}

#[test]
fn shipped_by_hand_takes_the_stock_tells_the_shop_and_stops_the_warehouse() {
    let world = &*WORLD;
    world::run(async {
        let (order, id) = handed_over(world, "CMD-BYHAND").await;
        let (code, answer) = set_status(world, &id, "SHIPPED").await;
        assert_eq!((code, &answer["status"]), (StatusCode::OK, &json!("SHIPPED")), "{answer}");
        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.until_closed(&order.workflow()).await, WorkflowExecutionStatus::Completed);
        assert_eq!(world.pieces_shipped("CMD-BYHAND").await, 0, "the warehouse shipped nothing");
        assert_eq!(world.wms_effects("CMD-BYHAND", "shipmentCancelled").await.len(), 1);
        let (on_hand, reserved): (i64, i64) =
            sqlx::query_as("SELECT on_hand, reserved FROM inventory.stock WHERE sku = 'CMD-BYHAND'")
                .fetch_one(&world.pool)
                .await
                .unwrap();
        assert_eq!((on_hand, reserved), (3, 0));
        let (code, answer) = set_status(world, &id, "DELIVERED").await;
        assert_eq!((code, &answer["status"]), (StatusCode::OK, &json!("DELIVERED")), "{answer}");
        assert_eq!(status_of(world, &id).await["status"], "DELIVERED");
    });
}

#[test]
fn a_status_that_waits_for_a_parked_step_is_refused_with_the_step() {
    let world = &*WORLD;
    world::run(async {
        let sku = "CMD-PARKED";
        world.stock(sku, 5).await;
        world.wms_rule(json!({"operation": "createShipment", "sku": sku, "code": "bad_address"})).await;
        let order = Placed::new(SHOP, &[sku], 1);
        world.place(&order).await;
        world.until_parked(&order).await;
        let id = id_of(&world.order(&order).await);
        let (code, answer) = set_status(world, &id, "PROCESSING").await;
        assert_eq!(code, StatusCode::CONFLICT, "{answer}");
        let sentence = answer["error"].as_str().unwrap();
        assert!(sentence.contains("is parked"), "{sentence}");
        world.retry(&order).await;
        world.until_shipped(&order).await;
    });
}

#[test]
fn an_order_that_is_not_to_be_fulfilled_can_still_be_cancelled() {
    let world = &*WORLD;
    world::run(async {
        world.stock("CMD-IGNORED", 5).await;
        let order = Placed::new(SHOP, &["CMD-IGNORED"], 1).with("test", json!(true));
        world.place(&order).await;
        let found = world.until_order(&order, "condition", &["IGNORED"]).await;
        world.until_closed(&order.workflow()).await;
        let (code, answer) = cancel(world, &id_of(&found)).await;
        assert_eq!(code, StatusCode::ACCEPTED, "{answer}");
        world.until_order(&order, "status", &["CANCELLED"]).await;
        assert_eq!(world.cancelled_in_shop_by_us(&order).await, 1);
        world.until_closed(&order.workflow()).await;
    });
}

#[test]
fn a_cancel_reaches_an_order_whose_run_is_gone() {
    let world = &*WORLD;
    world::run(async {
        let (order, id) = handed_over(world, "CMD-LOST").await;
        world.workflow(&order.workflow()).terminate(Default::default()).await.expect("it is terminated");
        let (code, _) = cancel(world, &id).await;
        assert_eq!(code, StatusCode::ACCEPTED);
        world.until_order(&order, "status", &["CANCELLED"]).await;
        assert_eq!(world.available("CMD-LOST").await, 5);
        assert_eq!(world.pieces_shipped("CMD-LOST").await, 0);
        until("nobody is asked about it any more", Duration::from_secs(30), async || {
            world.open_attention(&order).await.is_empty().then_some(())
        })
        .await;
    });
}
