//! Orders that are placed while the inventory service is away.

use std::time::Duration;

use futures::future::join_all;
use inventory_service::proto::{DemandLine, ReserveMode, ReserveRequest};
use serde_json::{Value, json};

use super::apart::{apart_by, no_stock_here, order, place};
use crate::{
    stock::books::audit,
    world::{Program, World, run, until},
};

/// Longer than the worker's client leaves a service alone that failed.
const BACK: Duration = Duration::from_secs(90);

/// Places an order that is taken without its stock.
async fn taken(world: &World, form: &Value) -> Value {
    let (status, body) = place(world, form).await;
    assert_eq!(status, 201, "{body}");
    assert_eq!((&body["status"], &body["condition"]), (&json!("PENDING"), &json!("AWAITING_ALLOCATION")));
    body
}

/// Once it waits for a person.
async fn retry(world: &World, placed: &Value) {
    comes_to(world, placed, "PENDING", json!("NEEDS_ATTENTION")).await;
    let path = format!("/api/orders/{}/retry", placed["orderId"].as_str().unwrap());
    let answer = world.http.post(world.api(&path)).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
}

async fn shown(world: &World, placed: &Value) -> Value {
    let path = format!("/api/orders/{}", placed["orderId"].as_str().unwrap());
    world.http.get(world.api(&path)).send().await.unwrap().json().await.unwrap()
}

/// Waits until the order has this status and condition.
async fn comes_to(world: &World, placed: &Value, status: &str, condition: Value) -> Value {
    until(&format!("{} is {status} {condition}", placed["orderNumber"]), BACK, async || {
        let order = shown(world, placed).await;
        (order["status"] == status && order["condition"] == condition).then_some(order)
    })
    .await
}

#[test]
fn orders_are_taken_without_the_service_and_served_as_they_came_when_it_is_back() {
    run(async {
        let (service, world) = apart_by("").await;
        service.stock("AWAY", 5).await;
        service.stock("AWAY-HELD", 1).await;
        service.stock("AWAY-PRICED", 1).await;
        service.kill();
        let first = taken(&world, &order("AWAY", 3)).await;
        let second = taken(&world, &order("AWAY", 3)).await;
        let third = taken(&world, &order("AWAY", 1)).await;
        let withdrawn = taken(&world, &order("AWAY", 5)).await;
        let mut held = order("AWAY-HELD", 1);
        held["hold"] = json!("1h");
        let held = taken(&world, &held).await;
        let unknown = taken(&world, &order("AWAY-NOWHERE", 1)).await;
        let mut elsewhere = order("AWAY-PRICED", 1);
        elsewhere["currency"] = json!("USD");
        let elsewhere = taken(&world, &elsewhere).await;
        let listed: Value = world
            .http
            .get(world.api("/api/orders?condition=AWAITING_ALLOCATION"))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(listed.as_array().unwrap().len(), 7, "{listed}");

        // What a customer was shown cannot be held against the items' own prices now.
        let user = json!({"userId": "away-customer", "name": "A", "email": "away@example.com"});
        let registered = world.http.post(world.api("/api/users")).json(&user).send().await.unwrap();
        assert_eq!(registered.status(), 201);
        let by_customer = async |form: Value| {
            let asked = world
                .http
                .post(world.api("/api/orders"))
                .bearer_auth(world.token_of("customer", "away-customer"));
            asked.json(&form).send().await.unwrap().status().as_u16()
        };
        let priced = json!({"items": [{"itemId": "AWAY", "quantity": 1, "unitPrice": "1.00"}]});
        assert_eq!(by_customer(priced).await, 503);
        let foreign = json!({"items": [{"itemId": "AWAY", "quantity": 1}], "currency": "USD"});
        assert_eq!(by_customer(foreign).await, 503);

        // Each has its run, which says what it waits for, and is cancelled without the service.
        let workflow = withdrawn["workflowId"].as_str().unwrap();
        world.until_running(workflow).await;
        let answer = world.update(workflow, "cancel-order", World::cancel_request("customer")).await;
        assert_eq!(answer, Ok(json!({"status": "CANCELLED"})));
        comes_to(&world, &held, "PENDING", json!("AWAITING_ALLOCATION")).await;

        service.start_again().await;
        world.until_api_order(&first, &["SHIPPED", "DELIVERED"]).await;
        comes_to(&world, &second, "PENDING", json!("BACKORDERED")).await;
        comes_to(&world, &third, "PENDING", json!("BACKORDERED")).await;
        let held = comes_to(&world, &held, "PENDING", json!("ON_HOLD")).await;
        assert_eq!(
            (&held["items"][0]["unitPrice"], &held["totalAmount"]),
            (&json!("29.90"), &json!("29.90"))
        );
        let unknown = comes_to(&world, &unknown, "PENDING", json!("NEEDS_ATTENTION")).await;
        assert_eq!(unknown["conditionReason"], "UNKNOWN_SKU");
        world.until_api_order(&elsewhere, &["SHIPPED", "DELIVERED"]).await;
        let shown_to_people: Vec<(String, Option<String>)> = sqlx::query_as(
            "SELECT reason, detail FROM orders.attention WHERE order_id = $1 AND resolved_at IS NULL",
        )
        .bind(elsewhere["orderId"].as_str())
        .fetch_all(&world.pool)
        .await
        .unwrap();
        let which = "priced in another currency than the order, and kept as 0: AWAY-PRICED".to_owned();
        assert_eq!(shown_to_people, [("PRICE_UNKNOWN".to_owned(), Some(which))]);
        service.until_figures("AWAY", (2, 2)).await;
        service.until_figures("AWAY-HELD", (1, 1)).await;
        let first = shown(&world, &first).await;
        assert_eq!(
            (&first["items"][0]["unitPrice"], &first["totalAmount"]),
            (&json!("29.90"), &json!("89.70"))
        );

        service.receive("AWAY", 2).await;
        for placed in [&second, &third] {
            world.until_api_order(placed, &["SHIPPED", "DELIVERED"]).await;
        }
        // It costs what its item does, once somebody has said what that is.
        service.stock("AWAY-NOWHERE", 1).await;
        retry(&world, &unknown).await;
        world.until_api_order(&unknown, &["SHIPPED", "DELIVERED"]).await;
        let unknown = shown(&world, &unknown).await;
        assert_eq!(
            (&unknown["items"][0]["unitPrice"], &unknown["totalAmount"]),
            (&json!("29.90"), &json!("29.90"))
        );
        service.until_figures("AWAY", (0, 0)).await;
        let provisional = "SELECT count(*) FROM inventory.reservations WHERE provisional_until IS NOT NULL";
        let provisional: i64 = sqlx::query_scalar(provisional).fetch_one(&service.pool).await.unwrap();
        assert_eq!(provisional, 0);
        no_stock_here(&world).await;
        audit(&service.pool).await;
    });
}

#[test]
fn of_a_crowd_that_came_while_the_service_was_away_the_first_have_the_stock() {
    run(async {
        let (service, world) = apart_by("").await;
        service.stock("AWAY-CROWD", 10).await;
        service.kill();
        let form = order("AWAY-CROWD", 1);
        let mut placed = join_all((0..15).map(|_| taken(&world, &form))).await;
        placed.extend(join_all((0..5).map(|_| taken(&world, &form))).await);
        let queue: Vec<String> = sqlx::query_scalar(
            "SELECT order_id FROM orders.orders ORDER BY awaits_allocation_since, order_id",
        )
        .fetch_all(&world.pool)
        .await
        .unwrap();
        service.start_again().await;
        for (place, order_id) in queue.iter().enumerate() {
            let order = placed.iter().find(|placed| placed["orderId"] == *order_id).unwrap();
            if place < 10 {
                world.until_api_order(order, &["SHIPPED", "DELIVERED"]).await;
            } else {
                comes_to(&world, order, "PENDING", json!("BACKORDERED")).await;
            }
        }
        service.until_figures("AWAY-CROWD", (0, 0)).await;
        audit(&service.pool).await;
    });
}

#[test]
fn who_comes_later_waits_behind_those_who_wait_for_the_same() {
    run(async {
        let (service, world) = apart_by("").await;
        service.stock("AWAY-NEXT", 5).await;
        service.stock("AWAY-OTHER", 5).await;
        service.kill();
        let first = taken(&world, &order("AWAY-NEXT", 5)).await;
        world.kill(Program::Worker);
        service.start_again().await;
        until("the service is asked again", BACK, async || {
            let answer = world.http.get(world.api("/api/inventory/AWAY-OTHER")).send().await.unwrap();
            answer.status().is_success().then_some(())
        })
        .await;
        let (status, body) = place(&world, &order("AWAY-OTHER", 1)).await;
        assert_eq!((status, &body["status"]), (201, &json!("CONFIRMED")), "{body}");
        let second = taken(&world, &order("AWAY-NEXT", 1)).await;
        world.start_program(Program::Worker);
        world.until_api_order(&first, &["SHIPPED", "DELIVERED"]).await;
        comes_to(&world, &second, "PENDING", json!("BACKORDERED")).await;
        let (status, body) = place(&world, &order("AWAY-NEXT", 1)).await;
        assert_eq!(status, 400, "nobody waits to be served any more: {body}");
        audit(&service.pool).await;
    });
}

#[test]
fn who_was_queued_by_a_process_that_ended_keeps_its_place() {
    run(async {
        let (service, world) = apart_by("").await;
        service.stock("AWAY-PLACE", 2).await;
        service.kill();
        let first = taken(&world, &order("AWAY-PLACE", 3)).await;
        let second = taken(&world, &order("AWAY-PLACE", 1)).await;
        world.kill(Program::Worker);
        service.start_again().await;
        for (placed, quantity) in [(&first, 3), (&second, 1)] {
            let line = DemandLine { line_id: "1".to_owned(), sku: "AWAY-PLACE".to_owned(), quantity };
            let request = ReserveRequest {
                order_id: placed["orderId"].as_str().unwrap().to_owned(),
                epoch: 1,
                lines: vec![line],
                mode: ReserveMode::WaitForTheRest.into(),
                provisional_for_s: Some(120),
                version: 1,
                ..ReserveRequest::default()
            };
            service.client().await.reserve(request).await.unwrap();
        }
        world.start_program(Program::Worker);
        for placed in [&first, &second] {
            comes_to(&world, placed, "PENDING", json!("BACKORDERED")).await;
        }
        service.receive("AWAY-PLACE", 1).await;
        world.until_api_order(&first, &["SHIPPED", "DELIVERED"]).await;
        comes_to(&world, &second, "PENDING", json!("BACKORDERED")).await;
        audit(&service.pool).await;
    });
}

#[test]
fn one_that_cannot_be_served_holds_up_nobody_else() {
    run(async {
        let (service, world) = apart_by("").await;
        for sku in ["AWAY-STUCK", "AWAY-ODD", "AWAY-FREE"] {
            service.stock(sku, 1).await;
        }
        service.kill();
        let stuck = taken(&world, &order("AWAY-STUCK", 1)).await;
        let odd = taken(&world, &order("AWAY-ODD", 1)).await;
        let behind = taken(&world, &order("AWAY-STUCK", 1)).await;
        let free = taken(&world, &order("AWAY-FREE", 1)).await;
        sqlx::query("UPDATE orders.lines SET sku = '' WHERE order_id = $1")
            .bind(odd["orderId"].as_str())
            .execute(&world.pool)
            .await
            .unwrap();
        let mut held = service.pool.begin().await.unwrap();
        sqlx::query("SELECT FROM inventory.stock WHERE sku = 'AWAY-STUCK' FOR UPDATE")
            .execute(&mut *held)
            .await
            .unwrap();
        service.start_again().await;
        world.until_api_order(&free, &["SHIPPED", "DELIVERED"]).await;
        let odd = comes_to(&world, &odd, "PENDING", json!("NEEDS_ATTENTION")).await;
        assert_eq!(odd["conditionReason"], "UNKNOWN_SKU");
        let waits = comes_to(&world, &stuck, "PENDING", json!("NEEDS_ATTENTION")).await;
        assert_eq!(waits["conditionReason"], "ALLOCATION_UNANSWERED");
        until("both orders are seen to wait", BACK, async || {
            world.worker_metrics().await.contains("\nwaybill_orders_awaiting_allocation 2\n").then_some(())
        })
        .await;
        held.rollback().await.unwrap();
        let served = world.until_api_order(&stuck, &["SHIPPED", "DELIVERED"]).await;
        assert_eq!(served["condition"], json!(null), "{served}");
        // Nobody overtook whom it waited behind.
        comes_to(&world, &behind, "PENDING", json!("BACKORDERED")).await;
        audit(&service.pool).await;
    });
}

#[test]
fn who_waited_for_a_service_that_is_no_longer_asked_is_served_here() {
    run(async {
        let (service, world) = apart_by("").await;
        service.kill();
        let placed = taken(&world, &order("AWAY-HERE", 1)).await;
        for program in [Program::Api, Program::Worker] {
            world.kill(program);
        }
        world.unset_environment("INVENTORY_SERVICE_URL");
        world.start_program(Program::Api);
        world.until_listening().await;
        world.stock("AWAY-HERE", 1).await;
        world.start_program(Program::Worker);
        world.until_api_order(&placed, &["SHIPPED", "DELIVERED"]).await;
        audit(&world.pool).await;
    });
}

#[test]
fn by_the_rule_that_cancels_an_order_that_turns_out_to_be_short_is_cancelled() {
    run(async {
        let (service, world) = apart_by("[policy]\nwhen_short_after_away = \"cancel\"\n").await;
        service.stock("AWAY-SHORT", 2).await;
        service.kill();
        let too_much = taken(&world, &order("AWAY-SHORT", 3)).await;
        let enough = taken(&world, &order("AWAY-SHORT", 2)).await;
        service.start_again().await;
        comes_to(&world, &too_much, "CANCELLED", json!(null)).await;
        let why: (String, String) = sqlx::query_as(
            "SELECT cancelled_by, cancel_reason FROM orders.orders WHERE status = 'CANCELLED'",
        )
        .fetch_one(&world.pool)
        .await
        .unwrap();
        assert_eq!(why, ("policy".to_owned(), "OUT_OF_STOCK".to_owned()));
        world.until_api_order(&enough, &["SHIPPED", "DELIVERED"]).await;
        service.until_figures("AWAY-SHORT", (0, 0)).await;
        audit(&service.pool).await;
    });
}
