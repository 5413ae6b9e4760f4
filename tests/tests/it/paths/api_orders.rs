//! Orders placed through our own API.

use serde_json::json;
use temporalio_client::WorkflowExecutionStatus;

use crate::{
    line::WORLD,
    world::{self, World},
};

fn workflow(placed: &serde_json::Value) -> String {
    placed["workflowId"].as_str().expect("an id").to_owned()
}

#[test]
fn an_order_of_the_api_ships() {
    let world = &*WORLD;
    world::run(async {
        world.stock("API-SHIPS", 5).await;
        let placed = world.place_at_api("API-SHIPS", 2, None).await;
        assert_eq!(placed["status"], "CONFIRMED");
        assert_eq!(world.available("API-SHIPS").await, 3);
        world.until_api_order(&placed, &["SHIPPED", "DELIVERED"]).await;
        assert_eq!(world.until_closed(&workflow(&placed)).await, WorkflowExecutionStatus::Completed);
        assert_eq!(world.pieces_shipped("API-SHIPS").await, 2);
        assert_eq!(world.available("API-SHIPS").await, 3);
    });
}

#[test]
fn an_order_of_the_api_with_a_hold_keeps_its_stock_and_ships_after_it() {
    let world = &*WORLD;
    world::run(async {
        world.stock("API-HELD", 5).await;
        let placed = world.place_at_api("API-HELD", 2, Some("3s")).await;
        assert_eq!(placed["status"], "PENDING");
        assert_eq!(world.available("API-HELD").await, 3);
        assert!(world.references("API-HELD").await.is_empty());
        world.until_api_order(&placed, &["SHIPPED", "DELIVERED"]).await;
        assert_eq!(world.pieces_shipped("API-HELD").await, 2);
    });
}

#[test]
fn an_order_of_the_api_is_cancelled_while_it_is_held() {
    let world = &*WORLD;
    world::run(async {
        world.stock("API-CANCELLED", 5).await;
        let placed = world.place_at_api("API-CANCELLED", 2, Some("10m")).await;
        world.until_running(&workflow(&placed)).await;
        let answer =
            world.update(&workflow(&placed), "cancel-order", World::cancel_request("customer")).await;
        assert_eq!(answer, Ok(json!({"status": "CANCELLED"})));
        world.until_api_order(&placed, &["CANCELLED"]).await;
        assert_eq!(world.until_closed(&workflow(&placed)).await, WorkflowExecutionStatus::Completed);
        assert_eq!(world.available("API-CANCELLED").await, 5);
        assert!(world.references("API-CANCELLED").await.is_empty());
    });
}

#[test]
fn an_order_of_the_api_that_is_parked_is_retried_by_its_number() {
    let world = &*WORLD;
    world::run(async {
        let sku = "API-PARKED";
        world.stock(sku, 5).await;
        world.wms_rule(json!({"operation": "createShipment", "sku": sku, "code": "bad_address"})).await;
        let placed = world.place_at_api(sku, 1, None).await;
        let number = placed["orderNumber"].as_str().expect("a number");
        let path = world.api(&format!("/api/orders/{number}"));
        world::until("the order is parked", std::time::Duration::from_secs(60), async || {
            let found: serde_json::Value = world.http.get(&path).send().await.ok()?.json().await.ok()?;
            (found["condition"] == "NEEDS_ATTENTION").then_some(())
        })
        .await;
        let answer = world.http.post(format!("{path}/retry")).send().await.unwrap();
        assert_eq!(answer.status(), 202);
        world.until_api_order(&placed, &["SHIPPED", "DELIVERED"]).await;
        assert_eq!(world.pieces_shipped(sku).await, 1);
    });
}
