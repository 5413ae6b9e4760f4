//! Orders that change after they were placed: fulfilled by hand, taken back, edited, refunded.

use serde_json::{Value, json};

use crate::stage::Stage;

fn line(order: &Value, index: usize) -> &Value {
    &order["line_items"][index]
}

#[tokio::test]
async fn what_is_fulfilled_by_hand_is_gone_for_our_side() {
    let stage = Stage::set().await;
    let placed = stage.place("announce=false&quantity=2").await;
    let (order, routed) = stage.shown(&placed).await;
    let lines = json!([{ "lineItemId": line(&order, 0)["id"], "quantity": 1 }]);
    stage.act(&placed, "fulfil", json!({ "lines": lines, "trackingNumber": "HAND-1" })).await;
    let refused = stage.fulfil(&routed[0], 2, "PP1").await;
    assert_eq!(
        refused["userErrors"][0]["message"],
        "Invalid fulfillment order line item quantity requested."
    );
    let told = stage.webhooks(3).await;
    assert_eq!(told[0].1["tracking_number"], "HAND-1");
    assert_eq!(told[2].0, "orders/partially_fulfilled");
    let by_hand = stage.shopify_effects("fulfilledByHand").await;
    assert_eq!(by_hand[0]["lines"][0]["remainingQuantity"], 1);
    assert_eq!(stage.try_to(&placed, "fulfil", json!({ "lines": [{ "lineItemId": 1 }] })).await.0, 409);
}

#[tokio::test]
async fn a_fulfilment_that_is_taken_back_opens_its_pieces_again() {
    let stage = Stage::set().await;
    let placed = stage.place("announce=false&quantity=2").await;
    let (_, routed) = stage.shown(&placed).await;
    stage.fulfil(&routed[0], 2, "PP1").await;
    stage.webhooks(3).await;
    let answer = stage.act(&placed, "cancel_fulfilment", json!({})).await;
    let opened = &answer["fulfilmentOrders"][1];
    assert_eq!((&opened["status"], &opened["lines"][0]["remainingQuantity"]), (&json!("OPEN"), &json!(2)));
    let told = stage.webhooks(5).await;
    assert_eq!((told[3].0.as_str(), &told[3].1["status"]), ("fulfillments/update", &json!("cancelled")));
    let order = &told[4].1;
    assert_eq!(order["fulfillments"][0]["status"], "cancelled");
    assert!(order["fulfillment_status"].is_null() && line(order, 0)["fulfillment_status"].is_null());
    assert_eq!(line(order, 0)["fulfillable_quantity"], 2);
    assert_eq!(stage.fulfil(opened, 2, "PP2").await["userErrors"], json!([]));
}

#[tokio::test]
async fn an_edit_changes_lines_address_and_price_and_the_fulfilment_orders_follow() {
    let stage = Stage::set().await;
    let placed = stage.place("announce=false&quantity=3").await;
    let (order, _) = stage.shown(&placed).await;
    let edit = json!({
        "lines": [
            { "lineItemId": line(&order, 0)["id"], "quantity": 1 },
            { "sku": "CUP", "quantity": 2, "price": "5.00" },
        ],
        "shippingAddress": { "address1": "Another Street 1" },
    });
    let answer = stage.act(&placed, "edit", edit).await;
    assert_eq!(answer["fulfilmentOrders"].as_array().unwrap().len(), 1);
    let told = stage.webhooks(2).await;
    assert_eq!(told[0].0, "orders/edited");
    let edited = &told[0].1["order_edit"]["line_items"];
    assert_eq!((&edited["additions"][0]["delta"], &edited["removals"][0]["delta"]), (&json!(2), &json!(2)));
    assert!(told[0].1["order_edit"]["order_id"] == placed["id"] && told[0].1["line_items"].is_null());
    let order = &told[1].1;
    assert_eq!(
        (
            &line(order, 0)["quantity"],
            &line(order, 0)["current_quantity"],
            &line(order, 0)["fulfillable_quantity"]
        ),
        (&json!(3), &json!(1), &json!(1))
    );
    assert_eq!((&line(order, 1)["sku"], &line(order, 1)["fulfillable_quantity"]), (&json!("CUP"), &json!(2)));
    assert_eq!(order["shipping_address"]["address1"], "Another Street 1");
    assert!(order["shipping_address"]["city"].is_string());
    // 3 * 19.90 + 4.90 = 64.60; less two of the first, plus two at 5.00.
    assert_eq!((&order["current_total_price"], &order["total_price"]), (&json!("34.80"), &json!("74.60")));
    assert_eq!(stage.shopify_effects("orderEdited").await[0]["lines"][0]["delta"], -2);
}

#[tokio::test]
async fn no_edit_takes_away_what_has_left() {
    let stage = Stage::set().await;
    let placed = stage.place("announce=false&quantity=2").await;
    let (order, _) = stage.shown(&placed).await;
    stage.act(&placed, "fulfil", json!({})).await;
    let edit = json!({ "lines": [{ "lineItemId": line(&order, 0)["id"], "quantity": 1 }] });
    assert_eq!(stage.try_to(&placed, "edit", edit).await.0, 409);
}

#[tokio::test]
async fn a_refund_takes_off_what_has_not_left_and_only_counts_what_has() {
    let stage = Stage::set().await;
    let placed = stage.place("announce=false&quantity=3").await;
    let (order, routed) = stage.shown(&placed).await;
    let id = &line(&order, 0)["id"];
    stage.fulfil(&routed[0], 1, "PP1").await;
    let refund =
        |restock: &str| json!({ "lines": [{ "lineItemId": id, "quantity": 1, "restockType": restock }] });
    stage.act(&placed, "refund", refund("return")).await;
    let (order, _) = stage.shown(&placed).await;
    assert_eq!(order["financial_status"], "partially_refunded");
    assert_eq!(
        (&line(&order, 0)["current_quantity"], &line(&order, 0)["fulfillable_quantity"]),
        (&json!(2), &json!(2))
    );
    stage.act(&placed, "refund", refund("cancel")).await;
    let (order, routed) = stage.shown(&placed).await;
    assert_eq!(
        (&line(&order, 0)["current_quantity"], &line(&order, 0)["fulfillable_quantity"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(routed[0]["lines"][0]["remainingQuantity"], 1);
    assert_eq!(stage.try_to(&placed, "refund", refund("return")).await.0, 409);
    stage.act(&placed, "refund", json!({})).await;
    let (order, routed) = stage.shown(&placed).await;
    assert_eq!(order["financial_status"], "refunded");
    assert_eq!((&order["refunds"].as_array().unwrap().len(), &routed[0]["status"]), (&3, &json!("CLOSED")));
    let topics: Vec<String> = stage.webhooks(9).await.into_iter().map(|(topic, _)| topic).collect();
    assert_eq!(topics.iter().filter(|topic| *topic == "refunds/create").count(), 3);
    let refunded = stage.shopify_effects("orderRefunded").await;
    assert_eq!(refunded[0]["lines"][0]["restockType"], "return");
    assert_eq!(refunded[0]["transactions"][0]["amount"], "19.90");
}

#[tokio::test]
async fn returns_and_voids_are_announced() {
    let stage = Stage::set().await;
    let placed = stage.place("announce=false&quantity=2").await;
    assert_eq!(stage.try_to(&placed, "return", json!({})).await.0, 409);
    stage.act(&placed, "fulfil?announce=false", json!({})).await;
    stage.act(&placed, "return", json!({})).await;
    let told = stage.webhooks(2).await;
    assert_eq!((told[0].0.as_str(), told[1].0.as_str()), ("returns/approve", "orders/updated"));
    assert_eq!(told[0].1["order"]["id"], placed["id"]);
    assert_eq!(told[0].1["return_line_items"][0]["quantity"], 2);
    stage.act(&placed, "void", json!({})).await;
    assert_eq!(stage.webhooks(3).await[2].1["financial_status"], "voided");
}
