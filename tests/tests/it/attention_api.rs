//! What waits for a person, listed across orders and answered over HTTP; no operator needs the database.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    answers::assert_answer,
    line::WORLD,
    world::{self, Placed, SHOP, World},
};

async fn ask(world: &World, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
    let mut request = world.http.request(method, world.api(path));
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = request.send().await.expect("the API answers");
    (answer.status(), answer.json().await.expect("JSON"))
}

async fn rows(world: &World, query: &str) -> Vec<Value> {
    let (status, listed) = ask(world, Method::GET, &format!("/api/attention?{query}"), None).await;
    assert_eq!(status, StatusCode::OK, "{listed}");
    listed.as_array().expect("a list").clone()
}

async fn resolve(world: &World, order: &str, answer: Value) -> (StatusCode, Value) {
    ask(world, Method::POST, &format!("/api/orders/{order}/resolve"), Some(answer)).await
}

/// An order that is parked because nobody can deliver to its address.
async fn parked(world: &World, sku: &str) -> (Placed, String) {
    world.stock(sku, 5).await;
    let refused = json!({"operation": "createShipment", "sku": sku, "times": 1, "status": 422,
                         "body": {"code": "bad_address", "message": "no such street: 7 Nowhere"}});
    world.wms_rule(refused).await;
    let order = Placed::new(SHOP, &[sku], 1);
    world.place(&order).await;
    world.until_parked(&order).await;
    let number = world.order(&order).await["orderNumber"].as_str().expect("a number").to_owned();
    (order, number)
}

/// Shows something of an order, as a person has to look at.
async fn show(world: &World, number: &str, reason: &str) -> i64 {
    sqlx::query_scalar(
        "WITH shown AS (
             INSERT INTO orders.attention (order_id, step, reason, has_run, detail)
             SELECT order_id, 'follow', $2, false, 'as a test says' FROM orders.orders WHERE order_number = $1
             RETURNING attention_id, order_id
         ), flagged AS (
             UPDATE orders.orders SET condition = 'NEEDS_ATTENTION', condition_reason = $2
             FROM shown WHERE orders.order_id = shown.order_id
         )
         SELECT attention_id FROM shown",
    )
    .bind(number)
    .bind(reason)
    .fetch_one(&world.pool)
    .await
    .expect("a row is shown")
}

#[test]
fn a_parked_step_is_listed_with_what_may_be_answered_and_a_retry_ships_it() {
    let world = &*WORLD;
    world::run(async {
        let (order, number) = parked(world, "ATT-RETRY").await;
        let listed = rows(world, &format!("orderId={number}")).await;
        assert_eq!(listed.len(), 1, "{listed:?}");
        let row = &listed[0];
        assert_answer("attention_of_a_parked_step", row);
        let of_step = rows(world, "step=hand_over&reason=WMS_BAD_ADDRESS&limit=200").await;
        assert!(of_step.iter().any(|other| other["attentionId"] == row["attentionId"]));
        assert!(rows(world, "step=recall&limit=200").await.iter().all(|other| other["step"] == "recall"));

        let (status, answered) = resolve(world, &number, json!({"action": "retry"})).await;
        assert_eq!((status, &answered["message"]), (StatusCode::OK, &json!("Answered")), "{answered}");
        world.until_shipped(&order).await;
        assert!(rows(world, &format!("orderId={number}")).await.is_empty());
    });
}

#[test]
fn an_answer_that_does_not_fit_is_refused_and_changes_nothing() {
    let world = &*WORLD;
    world::run(async {
        let (order, number) = parked(world, "ATT-REFUSED").await;
        let row = rows(world, &format!("orderId={number}")).await[0]["attentionId"].clone();
        for (answer, status, named) in [
            (json!({"action": "explode"}), StatusCode::BAD_REQUEST, "action"),
            (json!({"action": "skip"}), StatusCode::BAD_REQUEST, "reason"),
            (json!({"action": "retry", "attentionId": 0}), StatusCode::BAD_REQUEST, "attentionId"),
            (json!({"action": "retry", "attentionId": 9_000_000}), StatusCode::CONFLICT, "no open row"),
            (json!({"action": "done", "reason": "x", "attentionId": row}), StatusCode::CONFLICT, "parked"),
            (json!({"action": "release_hold"}), StatusCode::CONFLICT, "hold window"),
        ] {
            let (answered, problem) = resolve(world, &number, answer).await;
            assert_eq!(answered, status, "{problem}");
            assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(named)), "{problem}");
        }
        assert_eq!(rows(world, &format!("orderId={number}")).await.len(), 1);
        let answer = json!({"action": "compensate", "reason": "no such street", "attentionId": row});
        assert_eq!(resolve(world, &number, answer).await.0, StatusCode::OK);
        world.until_order(&order, "status", &["CANCELLED"]).await;
        let (status, problem) = resolve(world, &number, json!({"action": "retry"})).await;
        assert_eq!(status, StatusCode::CONFLICT, "{problem}");
        assert!(problem["detail"].as_str().unwrap().ends_with("Current status: CANCELLED"), "{problem}");
        assert_eq!(resolve(world, "ORD-20260101-00000000", json!({"action": "retry"})).await.0, 404);
    });
}

#[test]
fn what_is_only_shown_is_answered_row_by_row_and_the_order_needs_attention_until_the_last() {
    let world = &*WORLD;
    world::run(async {
        world.stock("ATT-SHOWN", 5).await;
        let order = Placed::new(SHOP, &["ATT-SHOWN"], 1);
        world.place(&order).await;
        world.until_order(&order, "status", &["DELIVERED"]).await;
        let number = world.order(&order).await["orderNumber"].as_str().unwrap().to_owned();
        let first = show(world, &number, "EDITED_TOO_LATE").await;
        let second = show(world, &number, "UNEXPECTED_PARCEL").await;
        let done =
            |row: Option<i64>| json!({"action": "done", "reason": "a label was sent", "attentionId": row});
        let (status, problem) = resolve(world, &number, done(None)).await;
        assert_eq!(status, StatusCode::CONFLICT, "two rows are open: {problem}");
        let (status, problem) =
            resolve(world, &number, json!({"action": "retry", "attentionId": first})).await;
        assert_eq!(status, StatusCode::CONFLICT, "nothing is to be tried again: {problem}");

        assert_eq!(resolve(world, &number, done(Some(first))).await.0, StatusCode::OK);
        let shown = world.order(&order).await;
        assert_eq!(
            (&shown["condition"], &shown["conditionReason"]),
            (&json!("NEEDS_ATTENTION"), &json!("UNEXPECTED_PARCEL"))
        );
        assert_eq!(rows(world, &format!("orderId={number}")).await[0]["attentionId"], second);
        assert_eq!(resolve(world, &number, done(None)).await.0, StatusCode::OK);
        assert_eq!(world.order(&order).await["condition"], Value::Null);
        let kept = world.attention(&order).await;
        assert!(kept.iter().all(|row| row.resolution.as_deref() == Some("done")), "{kept:?}");
    });
}

#[test]
fn a_hold_ends_when_somebody_says_so() {
    let world = &*WORLD;
    world::run(async {
        world.stock("ATT-HOLD", 5).await;
        let placed = world.place_at_api("ATT-HOLD", 1, Some("10m")).await;
        let id = placed["orderId"].as_str().expect("an id").to_owned();
        world.until_running(&format!("order/api/{id}")).await;
        let answered =
            world::until("the hold can be released", std::time::Duration::from_secs(20), async || {
                let (status, answered) = resolve(world, &id, json!({"action": "release_hold"})).await;
                (status == StatusCode::OK).then_some(answered)
            })
            .await;
        assert_eq!(answered["orderId"], json!(id));
        world.until_api_order(&placed, &["SHIPPED", "DELIVERED"]).await;
    });
}

#[test]
fn a_message_that_is_of_no_order_is_answered_by_its_row_and_an_orders_row_is_not() {
    let world = &*WORLD;
    world::run(async {
        let callback = json!({"type": "shipment.shipped", "reference": "ORD-20260101-0000ABCD-main-1",
                              "shipmentId": "ATT-NOBODYS", "sequence": 1});
        assert_eq!(world.send_callback("att-nobodys", &callback).await, 200);
        let row = world::until("the message is shown", std::time::Duration::from_secs(20), async || {
            let shown = rows(world, "step=follow&reason=UNEXPECTED_PARCEL&limit=200").await;
            shown
                .into_iter()
                .find(|row| row["detail"].as_str().is_some_and(|text| text.contains("ATT-NOBODYS")))
        })
        .await;
        assert_eq!((&row["orderId"], &row["answers"]), (&Value::Null, &json!(["done"])));
        assert!(row["inboxId"].is_i64());
        let path = format!("/api/attention/{}/resolve", row["attentionId"]);
        let reason = Some(json!({"reason": "it was another merchant's"}));
        assert_eq!(ask(world, Method::POST, &path, reason.clone()).await.0, StatusCode::OK);
        assert_eq!(ask(world, Method::POST, &path, reason.clone()).await.0, StatusCode::NOT_FOUND);

        let (_, number) = parked(world, "ATT-OF-ORDER").await;
        let row = rows(world, &format!("orderId={number}")).await[0]["attentionId"].clone();
        let (status, problem) =
            ask(world, Method::POST, &format!("/api/attention/{row}/resolve"), reason).await;
        assert_eq!(status, StatusCode::CONFLICT, "{problem}");
        assert!(problem["type"].as_str().is_some_and(|kind| kind.ends_with("/answer-refused")), "{problem}");
    });
}

#[test]
fn an_order_whose_run_is_gone_is_answered_too() {
    let world = &*WORLD;
    world::run(async {
        let (order, number) = parked(world, "ATT-GONE").await;
        let options = temporalio_client::WorkflowTerminateOptions::default();
        world.workflow(&order.workflow()).terminate(options).await.expect("it is terminated");
        world::until("its run is missed", std::time::Duration::from_secs(30), async || {
            let open = rows(world, &format!("orderId={number}&reason=RUN_GONE")).await;
            open.into_iter().next()
        })
        .await;
        let gone = &rows(world, &format!("orderId={number}&reason=RUN_GONE")).await[0];
        assert_eq!(gone["answers"], json!(["retry", "compensate"]));
        let answer = json!({"action": "retry", "attentionId": gone["attentionId"]});
        assert_eq!(resolve(world, &number, answer).await.0, StatusCode::OK);
        world.until_shipped(&order).await;

        let (order, number) = parked(world, "ATT-GONE-COMPENSATE").await;
        let options = temporalio_client::WorkflowTerminateOptions::default();
        world.workflow(&order.workflow()).terminate(options).await.expect("it is terminated");
        world::until("its run is missed", std::time::Duration::from_secs(30), async || {
            rows(world, &format!("orderId={number}&reason=RUN_GONE")).await.into_iter().next()
        })
        .await;
        let answer = json!({"action": "compensate", "reason": "no such street"});
        assert!(resolve(world, &number, answer).await.0.is_success());
        world.until_order(&order, "status", &["CANCELLED"]).await;
    });
}
