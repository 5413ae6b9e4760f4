//! The shop's own people: what they do with fulfilment orders, and what is announced of it.

use serde_json::{Value, json};

use crate::stage::Stage;

fn statuses(routed: &[Value]) -> Vec<&str> {
    routed.iter().map(|found| found["status"].as_str().unwrap()).collect()
}

fn remaining(routed: &Value) -> &Value {
    &routed["lines"][0]["remainingQuantity"]
}

#[tokio::test]
async fn a_held_fulfilment_order_is_not_fulfilled_until_it_is_released() {
    let stage = Stage::set().await;
    let placed = stage.place("announce=false").await;
    let held =
        stage.act(&placed, "hold", json!({ "reason": "HIGH_RISK_OF_FRAUD", "reasonNotes": "look" })).await;
    let routed = &held["fulfilmentOrders"][0];
    assert_eq!((&routed["status"], &routed["holds"]), (&json!("ON_HOLD"), &json!(["HIGH_RISK_OF_FRAUD"])));
    let refused = stage.fulfil(routed, 1, "PP1").await;
    assert_eq!(
        refused["userErrors"][0]["message"],
        format!("Fulfillment order {} has an unfulfillable status= on_hold.", routed["id"])
    );
    let released = stage.act(&placed, "release", json!({})).await;
    assert_eq!(released["fulfilmentOrders"][0]["status"], "OPEN");
    let told = stage.webhooks(2).await;
    assert_eq!(told[0].0, "fulfillment_orders/placed_on_hold");
    assert_eq!(told[0].1["fulfillment_order"]["status"], "on_hold");
    assert_eq!(told[0].1["fulfillment_order"]["fulfillment_holds"][0]["reason"], "high_risk_of_fraud");
    let gid = &routed["adminGraphqlApiId"];
    assert_eq!(told[1].0, "fulfillment_orders/hold_released");
    assert_eq!(told[1].1, json!({ "fulfillment_order": { "id": gid, "status": "open" } }));
    assert_eq!(stage.fulfil(routed, 1, "PP1").await["userErrors"], json!([]));
    assert_eq!(stage.shopify_effects("fulfillmentOrderHeld").await.len(), 1);
    assert_eq!(stage.shopify_effects("fulfillmentOrderReleased").await.len(), 1);
}

#[tokio::test]
async fn a_hold_in_part_leaves_the_rest_open_and_the_release_brings_it_back() {
    let stage = Stage::set().await;
    let placed = stage.place("announce=false&quantity=3").await;
    let (order, before) = stage.shown(&placed).await;
    let line = &order["line_items"][0]["id"];
    let held = stage.act(&placed, "hold", json!({ "lines": [{ "lineItemId": line, "quantity": 1 }] })).await;
    let routed = held["fulfilmentOrders"].as_array().unwrap();
    assert_eq!(statuses(routed), ["ON_HOLD", "OPEN"]);
    assert_eq!(routed[0]["id"], before[0]["id"]);
    assert_eq!((remaining(&routed[0]), remaining(&routed[1])), (&json!(1), &json!(2)));
    let (_, webhook) = stage.webhooks(1).await.remove(0);
    assert_eq!(webhook["remaining_fulfillment_order"]["id"], routed[1]["adminGraphqlApiId"]);
    assert_eq!(webhook["held_fulfillment_order_line_items"][0]["quantity"], 1);

    let released = stage.act(&placed, "release", json!({ "fulfillmentOrder": 0 })).await;
    let routed = released["fulfilmentOrders"].as_array().unwrap();
    assert_eq!(statuses(routed), ["OPEN", "CLOSED"]);
    assert_eq!((remaining(&routed[0]), remaining(&routed[1])), (&json!(3), &json!(0)));
}

#[tokio::test]
async fn a_scheduled_fulfilment_order_opens_by_itself() {
    let stage = Stage::set().await;
    let placed = stage.place("announce=false").await;
    let later = (chrono::Utc::now() + chrono::TimeDelta::seconds(3)).to_rfc3339();
    let scheduled = stage.act(&placed, "schedule", json!({ "fulfillAt": later })).await;
    let routed = &scheduled["fulfilmentOrders"][0];
    assert_eq!(routed["status"], "SCHEDULED");
    let refused = stage.fulfil(routed, 1, "PP1").await;
    assert!(refused["userErrors"][0]["message"].as_str().unwrap().ends_with("status= scheduled."));
    let told = stage.webhooks(2).await;
    assert_eq!(told[0].0, "fulfillment_orders/rescheduled");
    assert_eq!(told[1].0, "fulfillment_orders/scheduled_fulfillment_order_ready");
    assert_eq!(stage.fulfil(routed, 1, "PP1").await["userErrors"], json!([]));
}

#[tokio::test]
async fn splitting_and_merging_keep_every_piece() {
    let stage = Stage::set().await;
    let placed = stage.place("announce=false&sku=TEA,CUP&quantity=3").await;
    let (order, _) = stage.shown(&placed).await;
    let line = &order["line_items"][0]["id"];
    let split =
        stage.act(&placed, "split", json!({ "lines": [{ "lineItemId": line, "quantity": 1 }] })).await;
    let routed = split["fulfilmentOrders"].as_array().unwrap();
    assert_eq!((remaining(&routed[0]), remaining(&routed[1])), (&json!(2), &json!(1)));
    let merged = stage.act(&placed, "merge", json!({})).await;
    let routed = merged["fulfilmentOrders"].as_array().unwrap();
    assert_eq!(statuses(routed), ["OPEN", "CLOSED"]);
    assert_eq!(remaining(&routed[0]), 3);
    let topics = stage.webhooks(2).await;
    assert_eq!(
        (topics[0].0.as_str(), topics[1].0.as_str()),
        ("fulfillment_orders/split", "fulfillment_orders/merged")
    );
    let (order, _) = stage.shown(&placed).await;
    assert_eq!(order["line_items"][0]["fulfillable_quantity"], 3);
    assert_eq!(stage.try_to(&placed, "merge", json!({})).await.0, 409);
}

#[tokio::test]
async fn a_part_is_moved_into_a_fulfilment_order_of_its_own_and_the_whole_keeps_its_id() {
    let stage = Stage::set().await;
    let placed = stage.place("announce=false&quantity=2&location=11").await;
    let (order, before) = stage.shown(&placed).await;
    assert_eq!(before[0]["location"], 11);
    let line = &order["line_items"][0]["id"];
    let part = json!({ "location": 22, "lines": [{ "lineItemId": line, "quantity": 1 }] });
    let moved = stage.act(&placed, "move", part).await;
    let routed = moved["fulfilmentOrders"].as_array().unwrap();
    assert_eq!((&routed[0]["location"], remaining(&routed[0])), (&json!(11), &json!(1)));
    assert_eq!((&routed[1]["location"], remaining(&routed[1])), (&json!(22), &json!(1)));
    let (topic, webhook) = stage.webhooks(1).await.remove(0);
    assert_eq!(topic, "fulfillment_orders/moved");
    assert_eq!(webhook["moved_fulfillment_order"]["assigned_location_id"], "gid://shopify/Location/22");
    assert_eq!(webhook["source_location"]["id"], "gid://shopify/Location/11");

    let mutation = "mutation($id: ID!, $to: ID!) { fulfillmentOrderMove(id: $id, newLocationId: $to) {
        movedFulfillmentOrder { id assignedLocation { name location { id } } }
        originalFulfillmentOrder { id } userErrors { field message code } } }";
    let variables = json!({ "id": before[0]["adminGraphqlApiId"], "to": "gid://shopify/Location/33" });
    let answer = stage.graphql(mutation, variables.clone()).await;
    let payload = &answer["data"]["fulfillmentOrderMove"];
    assert_eq!(payload["userErrors"], json!([]));
    assert_eq!(payload["movedFulfillmentOrder"]["id"], before[0]["adminGraphqlApiId"]);
    assert_eq!(
        payload["movedFulfillmentOrder"]["assignedLocation"]["location"]["id"],
        "gid://shopify/Location/33"
    );
    let unknown = json!({ "id": "gid://shopify/FulfillmentOrder/1", "to": "gid://shopify/Location/33" });
    let answer = stage.graphql(mutation, unknown).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "RESOURCE_NOT_FOUND");
    let by: Vec<Value> = stage
        .shopify_effects("fulfillmentOrderMoved")
        .await
        .iter()
        .map(|effect| effect["by"].clone())
        .collect();
    assert_eq!(by, ["shop", "app"]);
}

#[tokio::test]
async fn the_lines_of_a_fulfilment_service_are_at_its_own_location() {
    let stage = Stage::set().await;
    let body = json!({
        "id": 7_003, "name": "#7003", "location_id": 99,
        "line_items": [
            { "id": 1, "sku": "TEA", "quantity": 1, "fulfillment_service": "manual" },
            { "id": 2, "sku": "MUG", "quantity": 1, "fulfillment_service": "printful" },
            { "id": 3, "sku": "CUP", "quantity": 1 },
        ],
    });
    stage.shopify(reqwest::Method::POST, "/_orders?announce=false&deliveryMethod=PICK_UP", body).await;
    let (_, routed) = stage.shown(&json!({ "id": 7_003 })).await;
    assert_eq!(routed.len(), 2);
    assert_eq!(
        (routed[0]["lines"].as_array().unwrap().len(), &routed[0]["location"]),
        (2, &json!(655_441_491))
    );
    assert_eq!(
        (&routed[1]["locationName"], &routed[1]["lines"][0]["sku"]),
        (&json!("printful"), &json!("MUG"))
    );
    let query = "{ order(id: \"gid://shopify/Order/7003\") {
        lineItems(first: 3) { nodes { fulfillmentService { handle } } }
        fulfillmentOrders(first: 2) { nodes { fulfillAt fulfillmentHolds { id } deliveryMethod { id methodType } } } } }";
    let answer = stage.graphql(query, json!({})).await;
    let order = &answer["data"]["order"];
    assert_eq!(order["fulfillmentOrders"]["nodes"][0]["deliveryMethod"]["methodType"], "PICK_UP");
    assert_eq!(order["lineItems"]["nodes"][1]["fulfillmentService"]["handle"], "printful");
    assert!(answer["extensions"]["cost"]["actualQueryCost"].as_u64() > Some(5));
}

#[tokio::test]
async fn a_newer_body_is_dealt_out_anew_only_while_nobody_had_a_hand_in_it() {
    let stage = Stage::set().await;
    let placed = json!({ "id": 7_004 });
    let post = async |quantity: i64| {
        let line = json!({ "id": 1, "sku": "TEA", "quantity": quantity });
        let body = json!({ "id": 7_004, "name": "#7004", "line_items": [line] });
        stage.shopify(reqwest::Method::POST, "/_orders?announce=false", body).await;
        stage.shown(&placed).await.1
    };
    let first = post(3).await;
    let second = post(2).await;
    assert_ne!(first[0]["id"], second[0]["id"]);
    stage.act(&placed, "hold", json!({})).await;
    let third = post(1).await;
    assert_eq!((&third[0]["id"], &third[0]["status"]), (&second[0]["id"], &json!("ON_HOLD")));
    assert_eq!(remaining(&third[0]), 1);
}

#[tokio::test]
async fn a_cancelled_fulfilment_order_is_replaced() {
    let stage = Stage::set().await;
    let placed = stage.place("announce=false&quantity=2").await;
    let answer = stage.act(&placed, "reopen", json!({})).await;
    let routed = answer["fulfilmentOrders"].as_array().unwrap();
    assert_eq!(statuses(routed), ["CLOSED", "OPEN"]);
    let (topic, webhook) = stage.webhooks(1).await.remove(0);
    assert_eq!(topic, "fulfillment_orders/cancelled");
    assert_eq!(webhook["fulfillment_order"]["status"], "cancelled");
    assert_eq!(webhook["replacement_fulfillment_order"]["id"], routed[1]["adminGraphqlApiId"]);
}

#[tokio::test]
async fn what_is_not_to_be_announced_is_done_in_silence() {
    let stage = Stage::set().await;
    let placed = stage.place("announce=false").await;
    stage.act(&placed, "hold?announce=false", Value::Null).await;
    stage.place("").await;
    assert_eq!(stage.webhooks(1).await[0].0, "orders/create");
    assert_eq!(stage.try_to(&placed, "hold", json!({})).await.0, 409);
    assert_eq!(stage.try_to(&json!({ "id": 1 }), "hold", json!({})).await.0, 404);
}
