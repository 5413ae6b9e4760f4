//! Orders that a person has to approve before they are handed over.

mod at_a_warehouse;
mod by_command;
mod changes;
mod retry_with_edit;
mod risk;

use std::time::Duration;

use futures::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    line::WORLD,
    world::{self, APPROVING_SHOP, Placed, Plan, Program, SHOP, Webhook, World, minutes_later, until},
};

/// An order that a tag holds.
fn tagged(sku: &str) -> Placed {
    Placed::new(APPROVING_SHOP, &[sku], 1).with("tags", json!("gift, Check"))
}

async fn number_of(world: &World, order: &Placed) -> String {
    world.order(order).await["orderNumber"].as_str().expect("a number").to_owned()
}

async fn resolve(world: &World, order: &Placed, answer: Value) -> (StatusCode, Value) {
    let path = world.api(&format!("/api/orders/{}/resolve", number_of(world, order).await));
    let token = world.token_of("operator", "ada");
    let asking = world.http.post(path).bearer_auth(token).json(&answer);
    let answered = asking.send().await.expect("the API answers");
    (answered.status(), answered.json().await.expect("JSON"))
}

async fn approve(world: &World, order: &Placed) {
    let (status, body) = resolve(world, order, json!({"action": "approve", "reason": "known to us"})).await;
    assert_eq!(status, StatusCode::OK, "{body}");
}

async fn history_says(world: &World, order: &Placed, text: &str) -> bool {
    world.history_says(&order.workflow(), text).await
}

/// Waits until a person is asked, and returns the row that says so.
async fn until_asked(world: &World, order: &Placed) -> Value {
    let number = number_of(world, order).await;
    let path = world.api(&format!("/api/attention?reason=APPROVAL&orderId={number}"));
    until(&format!("a person is asked about {}", order.id), Duration::from_secs(60), async || {
        let rows: Vec<Value> = world.http.get(&path).send().await.ok()?.json().await.ok()?;
        rows.into_iter().next()
    })
    .await
}

/// What was asked about an order and decided, oldest first.
async fn asked(world: &World, order: &Placed) -> Vec<Value> {
    let path = world.api(&format!("/api/orders/{}", number_of(world, order).await));
    let shown: Value = world.http.get(path).send().await.unwrap().json().await.unwrap();
    shown["approvals"].as_array().expect("a list").clone()
}

/// The shop says something of an order, `minutes` after it was placed.
async fn says(world: &World, order: &Placed, minutes: i64, members: &[(&str, Value)]) {
    let mut body = order.body.clone();
    body["updated_at"] = minutes_later(minutes);
    for (member, value) in members {
        body[*member] = value.clone();
    }
    world.deliver_webhook(&Webhook::new(&order.shop, "orders/updated", body)).await;
}

#[test]
fn each_rule_alone_holds_an_order_with_its_stock_until_it_is_approved() {
    let world = &*WORLD;
    world::run(async {
        let swiss =
            json!({"name": "G", "address1": "1 Street", "city": "Chur", "zip": "7000", "country_code": "CH"});
        for (sku, member, value, rule) in [
            ("APPR-TOTAL", "total_price", json!("100.01"), "total above 100 EUR; its total is 100.01 EUR"),
            ("APPR-COUNTRY", "shipping_address", swiss, "country CH; its total is 29.90 EUR"),
            ("APPR-TAG", "tags", json!("x, CHECK"), "tag check; its total is 29.90 EUR"),
        ] {
            world.stock(sku, 5).await;
            let order = Placed::new(APPROVING_SHOP, &[sku], 2).with(member, value);
            world.place(&order).await;
            let row = until_asked(world, &order).await;
            assert_eq!((&row["step"], &row["detail"]), (&json!("gate"), &json!(rule)));
            assert_eq!(row["answers"], json!(["approve", "refuse"]));
            assert_eq!(world.until_parked(&order).await, "APPROVAL");
            assert_eq!(world.order(&order).await["status"], "CONFIRMED", "its stock is kept");
            assert_eq!(world.available(sku).await, 3);
            assert!(world.references(sku).await.is_empty(), "nothing is handed over");
            approve(world, &order).await;
            world.until_shipped(&order).await;
            let asked = asked(world, &order).await;
            assert_eq!(asked.len(), 1, "{asked:?}");
            assert_eq!(
                (&asked[0]["decision"], &asked[0]["reason"]),
                (&json!("APPROVED"), &json!("known to us"))
            );
            assert_eq!(asked[0]["by"], "ada", "{asked:?}");
            assert!(history_says(world, &order, &number_of(world, &order).await).await);
            assert!(!history_says(world, &order, "\"ada\"").await, "who decided stands with the order alone");
            let rows = world.attention(&order).await;
            assert_eq!(rows.len(), 1, "{rows:?}");
            assert_eq!(rows[0].resolution.as_deref(), Some("approve"));
        }
        // What no rule holds goes by itself.
        world.stock("APPR-NONE", 5).await;
        let order = Placed::new(APPROVING_SHOP, &["APPR-NONE"], 1)
            .with("total_price", json!("100.00"))
            .with("tags", json!("gift"));
        world.place(&order).await;
        world.until_shipped(&order).await;
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn a_refusal_cancels_the_order_gives_its_stock_back_and_tells_the_shop() {
    let world = &*WORLD;
    world::run(async {
        world.stock("APPR-REFUSE", 5).await;
        let order = tagged("APPR-REFUSE");
        world.place(&order).await;
        until_asked(world, &order).await;
        let (status, body) = resolve(world, &order, json!({"action": "refuse"})).await;
        assert_eq!((status, &body["field"]), (StatusCode::BAD_REQUEST, &json!("reason")), "{body}");
        for answer in [json!({"action": "retry"}), json!({"action": "skip", "reason": "no"})] {
            let (status, body) = resolve(world, &order, answer).await;
            assert_eq!(status, StatusCode::CONFLICT, "{body}");
            assert!(body["detail"].as_str().unwrap().contains("approve or refuse"), "{body}");
        }
        let (status, body) =
            resolve(world, &order, json!({"action": "refuse", "reason": "a known thief"})).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        world.until_order(&order, "status", &["CANCELLED"]).await;
        assert_eq!(world.available("APPR-REFUSE").await, 5);
        assert_eq!(world.cancelled_in_shop_by_us(&order).await, 1);
        let asked = asked(world, &order).await;
        assert_eq!(
            (&asked[0]["decision"], &asked[0]["reason"]),
            (&json!("REFUSED"), &json!("a known thief"))
        );
        assert!(world.open_attention(&order).await.is_empty());
        let (status, body) = resolve(world, &order, json!({"action": "approve"})).await;
        assert_eq!(status, StatusCode::CONFLICT, "{body}");
        assert!(world.references("APPR-REFUSE").await.is_empty());
    });
}

#[test]
fn of_ten_who_decide_at_once_one_does_and_ten_orders_wait_each_for_its_own() {
    let world = &*WORLD;
    world::run(async {
        world.stock("APPR-TEN", 20).await;
        let orders: Vec<Placed> = (0..10).map(|_| tagged("APPR-TEN")).collect();
        join_all(orders.iter().map(|order| world.place(order))).await;
        join_all(orders.iter().map(|order| until_asked(world, order))).await;
        let first = &orders[0];
        let answers = join_all((0..10).map(|_| resolve(world, first, json!({"action": "approve"})))).await;
        let done = answers.iter().filter(|(status, _)| *status == StatusCode::OK).count();
        assert_eq!(done, 1, "{answers:?}");
        assert!(answers.iter().all(|(status, _)| [StatusCode::OK, StatusCode::CONFLICT].contains(status)));
        world.until_shipped(first).await;
        assert_eq!(world.references("APPR-TEN").await.len(), 1, "nobody else's is approved by it");
        join_all(orders[1..].iter().map(|order| approve(world, order))).await;
        join_all(orders.iter().map(|order| world.until_shipped(order))).await;
        assert_eq!(world.available("APPR-TEN").await, 10);
        let (status, body) = resolve(world, first, json!({"action": "approve"})).await;
        assert_eq!(status, StatusCode::CONFLICT, "late: {body}");
    });
}

#[test]
fn an_approval_is_given_by_an_update_and_no_other_step_takes_one() {
    let world = &*WORLD;
    world::run(async {
        world.stock("APPR-UPDATE", 5).await;
        let order = tagged("APPR-UPDATE");
        world.place(&order).await;
        until_asked(world, &order).await;
        let status = world.status(&order.workflow()).await;
        assert_eq!(status["parked"], json!({"step": "gate", "reason": "APPROVAL"}));
        assert!(world.resolve(&order, json!("retry")).await.unwrap_err().contains("approve or refuse"));
        // A retry is refused by whichever way it comes, and nobody is asked anew.
        world.signal(&order.workflow(), "retry", &[]).await;
        until("the signal is refused", Duration::from_secs(30), async || {
            world.status(&order.workflow()).await.to_string().contains("approve or refuse").then_some(())
        })
        .await;
        let path = world.api(&format!("/api/orders/{}/retry", number_of(world, &order).await));
        assert_eq!(world.http.post(path).send().await.unwrap().status(), StatusCode::CONFLICT);
        assert_eq!(world.attention(&order).await.len(), 1);
        assert!(world.references("APPR-UPDATE").await.is_empty());
        until("the update is taken", Duration::from_secs(30), async || {
            world.resolve(&order, json!("approve")).await.ok()
        })
        .await;
        world.until_shipped(&order).await;
        let asked = asked(world, &order).await;
        assert_eq!((asked.len(), &asked[0]["by"]), (1, &json!("operator")), "{asked:?}");

        let sku = "APPR-OTHER-STEP";
        world.stock(sku, 5).await;
        world.wms_rule(json!({"operation": "createShipment", "sku": sku, "code": "bad_address"})).await;
        let other = Placed::new(SHOP, &[sku], 1);
        world.place(&other).await;
        world.until_parked(&other).await;
        assert!(world.resolve(&other, json!("approve")).await.unwrap_err().contains("no approval"));
    });
}

#[test]
fn a_cancel_while_it_waits_cancels_and_an_approval_then_comes_too_late() {
    let world = &*WORLD;
    world::run(async {
        world.stock("APPR-CANCEL", 5).await;
        let (by_us, by_shop) = (tagged("APPR-CANCEL"), tagged("APPR-CANCEL"));
        for order in [&by_us, &by_shop] {
            world.place(order).await;
            until_asked(world, order).await;
        }
        let path = world.api(&format!("/api/orders/{}/cancel", number_of(world, &by_us).await));
        assert_eq!(world.http.post(path).send().await.unwrap().status(), StatusCode::OK);
        world.shop_does(&by_shop, "cancel").await;
        for order in [&by_us, &by_shop] {
            world.until_order(order, "status", &["CANCELLED"]).await;
            assert!(world.open_attention(order).await.is_empty());
            assert!(asked(world, order).await.is_empty(), "nobody is asked any more");
            assert_eq!(resolve(world, order, json!({"action": "approve"})).await.0, StatusCode::CONFLICT);
        }
        assert_eq!(world.available("APPR-CANCEL").await, 5);
        assert!(world.references("APPR-CANCEL").await.is_empty());
    });
}

#[test]
fn an_order_of_our_own_api_obeys_the_rules_of_its_policy() {
    let world = &*WORLD;
    world::run(async {
        world.stock("APPR-API", 9).await;
        let form = json!({
            "customer_name": "Grace", "customer_email": "grace@example.com", "currency": "CHF",
            "items": [{"product_id": "APPR-API", "quantity": 4, "price": "29.90"}],
        });
        let placed: Value =
            world.http.post(world.api("/api/orders")).json(&form).send().await.unwrap().json().await.unwrap();
        let id = placed["orderId"].as_str().expect("an id");
        let path = world.api(&format!("/api/orders/{id}"));
        until("a person is asked", Duration::from_secs(60), async || {
            let shown: Value = world.http.get(&path).send().await.ok()?.json().await.ok()?;
            (shown["conditionReason"] == "APPROVAL").then_some(())
        })
        .await;
        assert_eq!(world.available("APPR-API").await, 5);
        let answer = json!({"action": "approve"});
        let answered = world.http.post(format!("{path}/resolve")).json(&answer).send().await.unwrap();
        assert_eq!(answered.status(), StatusCode::OK);
        world.until_api_order(&placed, &["SHIPPED", "DELIVERED"]).await;
    });
}

#[test]
fn what_was_decided_outlives_the_worker_and_the_run() {
    world::run(async {
        let world = &World::start(Plan::default()).await;
        world.stock("APPR-CRASH", 9).await;
        let waits = tagged("APPR-CRASH");
        world.place(&waits).await;
        until_asked(world, &waits).await;
        world.kill(Program::Worker);
        // Nobody is there: it is kept, and taken when somebody is.
        let (status, body) = resolve(world, &waits, json!({"action": "approve"})).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{body}");
        world.start_program(Program::Worker);
        world.until_shipped(&waits).await;

        // A run that begins from the rows asks again while nobody has decided, and not after that.
        let refused = json!({"operation": "createShipment", "sku": "APPR-AGAIN", "code": "bad_address"});
        world.stock("APPR-AGAIN", 9).await;
        world.wms_rule(refused).await;
        let order = tagged("APPR-AGAIN");
        world.place(&order).await;
        until_asked(world, &order).await;
        begin_anew(world, &order).await;
        until_asked(world, &order).await;
        approve(world, &order).await;
        world.until_order(&order, "conditionReason", &["WMS_BAD_ADDRESS"]).await;
        begin_anew(world, &order).await;
        world.until_shipped(&order).await;
        assert_eq!(asked(world, &order).await.len(), 1);
    });
}

/// The run is gone, and another is asked for.
async fn begin_anew(world: &World, order: &Placed) {
    world.workflow(&order.workflow()).terminate(Default::default()).await.expect("the run ends");
    world.until_order(order, "conditionReason", &["RUN_GONE"]).await;
    world.retry(order).await;
    world.until_running(&order.workflow()).await;
}
