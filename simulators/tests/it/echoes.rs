//! What the shop says by webhook of what our side did in it.

use serde_json::{Value, json};

use crate::stage::Stage;

#[tokio::test]
async fn a_fulfilment_comes_back_as_webhooks_with_the_whole_new_order() {
    let stage = Stage::set().await;
    let placed = stage.place("announce=false&quantity=3").await;
    let (_, routed) = stage.shown(&placed).await;
    assert_eq!(stage.fulfil(&routed[0], 1, "PP1").await["userErrors"], json!([]));
    let told = stage.webhooks(3).await;
    let topics: Vec<&str> = told.iter().map(|(topic, _)| topic.as_str()).collect();
    assert_eq!(topics, ["fulfillments/create", "orders/updated", "orders/partially_fulfilled"]);
    let fulfilment = &told[0].1;
    assert_eq!(fulfilment["order_id"], placed["id"]);
    assert_eq!(
        (&fulfilment["status"], &fulfilment["tracking_number"], &fulfilment["tracking_numbers"]),
        (&json!("success"), &json!("PP1"), &json!(["PP1"]))
    );
    assert_eq!(fulfilment["line_items"][0]["quantity"], 1);
    let order = &told[2].1;
    assert_eq!(order["fulfillment_status"], "partial");
    assert_eq!(order["fulfillments"][0]["id"], fulfilment["id"]);
    let line = &order["line_items"][0];
    assert_eq!(
        (
            &line["quantity"],
            &line["current_quantity"],
            &line["fulfillable_quantity"],
            &line["fulfillment_status"]
        ),
        (&json!(3), &json!(3), &json!(2), &json!("partial"))
    );
    let updated_at = order["updated_at"].as_str().unwrap();
    assert!(updated_at.len() == 25 && updated_at.ends_with("+00:00"), "whole seconds: {updated_at}");

    stage.fulfil(&routed[0], 2, "PP2").await;
    let told = stage.webhooks(6).await;
    let (topic, order) = &told[5];
    assert_eq!((topic.as_str(), &order["fulfillment_status"]), ("orders/fulfilled", &json!("fulfilled")));
    assert_eq!(order["line_items"][0]["fulfillable_quantity"], 0);
    assert_eq!(order["fulfillments"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn every_webhook_has_its_own_id_and_a_moment_with_fractions() {
    let stage = Stage::set().await;
    let placed = stage.place("announce=false").await;
    stage.act(&placed, "fulfil", json!({})).await;
    stage.webhooks(3).await;
    let mut ids: Vec<String> = Vec::new();
    for message in stage.messages() {
        assert!(message.header("x-shopify-triggered-at").contains('.'));
        ids.push(message.header("x-shopify-webhook-id").to_owned());
    }
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn an_echo_can_arrive_before_the_answer() {
    let stage = Stage::set().await;
    let placed = stage.place("announce=false").await;
    stage.shopify_rule(json!({ "operation": "fulfillmentCreate", "echoFirst": true })).await;
    let (_, routed) = stage.shown(&placed).await;
    let payload = stage.fulfil(&routed[0], 1, "PP1").await;
    assert_eq!(payload["userErrors"], json!([]));
    assert_eq!(stage.topics(), ["fulfillments/create", "orders/updated", "orders/fulfilled"]);
    let misplaced = json!({ "operation": "tagsAdd", "echoFirst": true });
    assert_eq!(stage.shopify(reqwest::Method::POST, "/_faults", misplaced).await.0, 400);
}

#[tokio::test]
async fn echoes_can_be_switched_off_and_refused_mutations_have_none() {
    let stage = Stage::set_with(&["--shopify-echo=false"]).await;
    let placed = stage.place("announce=false").await;
    let (_, routed) = stage.shown(&placed).await;
    stage.fulfil(&routed[0], 1, "PP1").await;
    stage.fulfil(&routed[0], 1, "PP2").await;
    stage.place("").await;
    assert_eq!(stage.webhooks(1).await[0].0, "orders/create");
    assert_eq!(stage.topics().len(), 1);
}

#[tokio::test]
async fn a_posted_body_keeps_our_fulfilments_and_changes_what_is_left() {
    let stage = Stage::set().await;
    let line = |id: i64, sku: &str, quantity: i64| json!({ "id": id, "sku": sku, "quantity": quantity });
    let body = |lines: Value| json!({ "id": 7_001, "name": "#7001", "financial_status": "paid", "line_items": lines });
    let placed = json!({ "id": 7_001 });
    let post = async |lines: Value| {
        let (status, answer) =
            stage.shopify(reqwest::Method::POST, "/_orders?announce=false", body(lines)).await;
        assert_eq!(status, 201, "{answer}");
    };
    post(json!([line(1, "TEA", 4)])).await;
    let (_, routed) = stage.shown(&placed).await;
    stage.fulfil(&routed[0], 1, "PP1").await;

    post(json!([line(1, "TEA", 3), line(2, "CUP", 2)])).await;
    let (order, routed) = stage.shown(&placed).await;
    let fulfillable: Vec<&Value> =
        order["line_items"].as_array().unwrap().iter().map(|line| &line["fulfillable_quantity"]).collect();
    assert_eq!(fulfillable, [&json!(2), &json!(2)]);
    assert_eq!(order["fulfillments"][0]["tracking_number"], "PP1");
    assert_eq!(routed[0]["lines"][0]["remainingQuantity"], 2);
    assert_eq!((routed.len(), &routed[1]["lines"][0]["sku"]), (2, &json!("CUP")));
    assert_eq!(stage.fulfil(&routed[1], 2, "PP2").await["userErrors"], json!([]));
    let told = stage.webhooks(6).await;
    assert_eq!(told[5].1["fulfillments"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_fulfilment_of_others_in_a_posted_body_stays_in_it() {
    let stage = Stage::set().await;
    let body = json!({
        "id": 7_002, "name": "#7002",
        "line_items": [{ "id": 1, "sku": "TEA", "quantity": 3 }],
        "fulfillments": [{ "id": 5, "status": "success", "line_items": [{ "id": 1, "quantity": 1 }] }],
    });
    stage.shopify(reqwest::Method::POST, "/_orders?announce=false", body).await;
    let placed = json!({ "id": 7_002 });
    let (order, routed) = stage.shown(&placed).await;
    assert_eq!(order["line_items"][0]["fulfillable_quantity"], 2);
    stage.fulfil(&routed[0], 2, "PP1").await;
    let (order, _) = stage.shown(&placed).await;
    let ids: Vec<&Value> =
        order["fulfillments"].as_array().unwrap().iter().map(|found| &found["id"]).collect();
    assert_eq!((ids.len(), ids[0]), (2, &json!(5)));
    let query = "{ order(id: \"gid://shopify/Order/7002\") { fulfillments(first: 5) { id totalQuantity } } }";
    let answer = stage.graphql(query, json!({})).await;
    assert_eq!(
        answer["data"]["order"]["fulfillments"][0],
        json!({ "id": "gid://shopify/Fulfillment/5", "totalQuantity": 1 })
    );
    assert_eq!(order["fulfillment_status"], "fulfilled");
}
