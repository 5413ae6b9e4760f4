//! What orders do to the shop's stock: committed, moved, fulfilled, given back.

use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::Stage;

const HERE: i64 = 655_441_491;
const THERE: i64 = 655_441_492;

/// Available, committed, on hand.
async fn figures(stage: &Stage, location: i64) -> (i64, i64, i64) {
    let level = stage.level("TEA", location).await;
    let of = |name: &str| level[name].as_i64().unwrap();
    (of("available"), of("committed"), of("on_hand"))
}

async fn line_of(stage: &Stage, placed: &Value) -> Value {
    stage.shown(placed).await.0["line_items"][0]["id"].clone()
}

#[tokio::test]
async fn the_stock_follows_an_order_through_its_life() {
    let stage = Stage::set().await;
    stage.counted("TEA", HERE, 10).await;
    stage.counted("TEA", THERE, 5).await;
    stage.stock("levels", json!({ "sku": "TEA", "location": HERE, "damaged": 1, "available": 9 })).await;
    assert_eq!(figures(&stage, HERE).await, (9, 0, 10));
    let placed = stage.place("announce=false&sku=TEA&quantity=3").await;
    assert_eq!(figures(&stage, HERE).await, (6, 3, 10), "placed");
    let line = line_of(&stage, &placed).await;
    stage.act(&placed, "edit", json!({ "lines": [{ "lineItemId": line, "quantity": 5 }] })).await;
    assert_eq!(figures(&stage, HERE).await, (4, 5, 10), "edited up");
    stage.act(&placed, "edit", json!({ "lines": [{ "lineItemId": line, "quantity": 4 }] })).await;
    assert_eq!(figures(&stage, HERE).await, (5, 4, 10), "edited down");
    let one = json!([{ "lineItemId": line, "quantity": 1 }]);
    stage.act(&placed, "move", json!({ "location": THERE, "lines": one })).await;
    assert_eq!(figures(&stage, HERE).await, (6, 3, 10), "moved from");
    assert_eq!(figures(&stage, THERE).await, (4, 1, 5), "moved to");
    stage.act(&placed, "fulfil", json!({ "fulfillmentOrder": 0, "lines": one })).await;
    assert_eq!(figures(&stage, HERE).await, (6, 2, 9), "fulfilled in part, by hand");
    let (_, routed) = stage.shown(&placed).await;
    let moved = routed.iter().find(|found| found["location"] == THERE).unwrap();
    assert_eq!(stage.fulfil(moved, 1, "PP1").await["userErrors"], json!([]));
    assert_eq!(figures(&stage, THERE).await, (4, 0, 4), "fulfilled by the app");
    let cancel = json!([{ "lineItemId": line, "quantity": 1, "restockType": "CANCEL" }]);
    stage.act(&placed, "refund", json!({ "lines": cancel })).await;
    assert_eq!(figures(&stage, HERE).await, (7, 1, 9), "an open piece refunded and restocked");
    let lost = json!([{ "lineItemId": line, "quantity": 1, "restockType": "NO_RESTOCK" }]);
    stage.act(&placed, "refund", json!({ "lines": lost })).await;
    assert_eq!(figures(&stage, HERE).await, (7, 0, 8), "an open piece refunded and not restocked");
    let back = json!([{ "lineItemId": line, "quantity": 1, "restockType": "RETURN", "locationId": HERE }]);
    stage.act(&placed, "refund", json!({ "lines": back })).await;
    assert_eq!(figures(&stage, HERE).await, (8, 0, 9), "a fulfilled piece came back here");
    assert_eq!(figures(&stage, THERE).await, (4, 0, 4), "and not there");
    // Each of the nine steps says what it changed, and for which order.
    let followed = stage.shopify_effects("inventoryFollowed").await;
    assert_eq!(followed.len(), 9);
    assert!(followed.iter().all(|entry| entry["order"] == placed["adminGraphqlApiId"]));
    assert_eq!(followed[0]["changes"][0]["before"]["available"], 9);
    assert_eq!(followed[0]["changes"][0]["after"]["available"], 6);
}

#[tokio::test]
async fn a_cancelled_order_gives_back_what_it_had_committed_unless_it_is_not_restocked() {
    let stage = Stage::set().await;
    stage.counted("TEA", HERE, 2).await;
    let placed = stage.place("announce=false&sku=TEA&quantity=3").await;
    assert_eq!(figures(&stage, HERE).await, (-1, 3, 2), "more was sold than is there");
    stage.act(&placed, "cancel", json!({})).await;
    assert_eq!(figures(&stage, HERE).await, (2, 0, 2));
    let cancel = "mutation($id: ID!, $restock: Boolean!) { orderCancel(orderId: $id, reason: OTHER, restock: $restock) { job { id } } }";
    for (restock, after) in [(true, (2, 0, 2)), (false, (1, 0, 1))] {
        let placed = stage.place("announce=false&sku=TEA&quantity=1").await;
        assert_eq!(figures(&stage, HERE).await, (1, 1, 2));
        let variables = json!({ "id": placed["adminGraphqlApiId"], "restock": restock });
        stage.graphql(cancel, variables).await;
        assert_eq!(figures(&stage, HERE).await, after, "restock: {restock}");
    }
}

#[tokio::test]
async fn a_fulfilment_that_is_cancelled_and_a_return_that_is_restocked_come_back() {
    let stage = Stage::set().await;
    stage.counted("TEA", HERE, 4).await;
    let placed = stage.place("announce=false&sku=TEA&quantity=2").await;
    stage.act(&placed, "fulfil", json!({})).await;
    assert_eq!(figures(&stage, HERE).await, (2, 0, 2));
    stage.act(&placed, "cancel_fulfilment", json!({})).await;
    assert_eq!(figures(&stage, HERE).await, (2, 2, 4));
    stage.act(&placed, "fulfil", json!({})).await;
    let line = line_of(&stage, &placed).await;
    stage.act(&placed, "return", json!({})).await;
    assert_eq!(figures(&stage, HERE).await, (2, 0, 2), "what is to come back is not there yet");
    for (kind, after) in [("NOT_RESTOCKED", (2, 0, 2)), ("RESTOCKED", (3, 0, 3))] {
        let lines = json!([{ "lineItemId": line, "quantity": 1 }]);
        stage.act(&placed, "dispose", json!({ "lines": lines, "type": kind })).await;
        assert_eq!(figures(&stage, HERE).await, after, "{kind}");
    }
}

#[tokio::test]
async fn an_order_posted_anew_and_fulfilled_by_others_commits_what_is_left() {
    let stage = Stage::set().await;
    stage.counted("TEA", HERE, 9).await;
    let body = |quantity: i64, fulfilled: i64| {
        let fulfilment = json!({ "id": 7, "status": "success", "location_id": HERE,
            "line_items": [{ "id": 11, "quantity": fulfilled }] });
        json!({ "id": 1, "name": "#1", "line_items": [{ "id": 11, "sku": "TEA", "quantity": quantity }],
            "fulfillments": if fulfilled > 0 { json!([fulfilment]) } else { json!([]) } })
    };
    for (body, after) in
        [(body(2, 0), (7, 2, 9)), (body(2, 0), (7, 2, 9)), (body(5, 0), (4, 5, 9)), (body(5, 2), (4, 3, 7))]
    {
        let (status, _) = stage.shopify(Method::POST, "/_orders?announce=false", body).await;
        assert_eq!(status, 201);
        assert_eq!(figures(&stage, HERE).await, after);
    }
}

#[tokio::test]
async fn what_the_shop_does_not_count_changes_nothing_until_it_is_counted() {
    let stage = Stage::set().await;
    stage.place("announce=false&sku=TEA&quantity=3&locations=1").await;
    let inventory = stage.inventory().await;
    assert_eq!(inventory["levels"], json!([]));
    assert_eq!(
        (&inventory["items"][0]["sku"], &inventory["items"][0]["tracked"]),
        (&json!("TEA"), &json!(false))
    );
    assert!(stage.shopify_effects("inventoryFollowed").await.is_empty());
    stage.counted("TEA", HERE, 10).await;
    assert_eq!(
        figures(&stage, HERE).await,
        (7, 3, 10),
        "counted from now on, with what is committed by then"
    );
    // A draft order reserves, and gives back when it becomes an order.
    stage.stock("reserve", json!({ "sku": "TEA", "location": HERE, "quantity": 2 })).await;
    assert_eq!(figures(&stage, HERE).await, (5, 3, 10));
    assert_eq!(stage.level("TEA", HERE).await["reserved"], 2);
    stage.stock("reserve", json!({ "sku": "TEA", "location": HERE, "quantity": -2 })).await;
    assert_eq!(figures(&stage, HERE).await, (7, 3, 10));
    let too_many = json!({ "sku": "TEA", "location": HERE, "quantity": -1 });
    assert_eq!(stage.shopify(Method::POST, "/_inventory/reserve", too_many).await.0, 409);
}

#[tokio::test]
async fn a_level_that_changes_is_told_by_webhook_and_one_that_is_not_counted_without_its_figure() {
    let stage = Stage::set().await;
    let item = stage.counted("TEA", HERE, 10).await;
    let number: i64 = item.rsplit('/').next().unwrap().parse().unwrap();
    stage.stock("levels", json!({ "sku": "TEA", "location": HERE, "on_hand": 7 })).await;
    stage.stock("items", json!({ "sku": "CUP" })).await;
    stage.stock("levels", json!({ "sku": "CUP", "location": HERE, "available": 3 })).await;
    let mut told = stage.webhooks(2).await;
    told.sort_by_key(|(_, body)| body["available"].is_null());
    assert!(told.iter().all(|(topic, _)| topic == "inventory_levels/update"));
    let tea = &told[0].1;
    assert!(is_moment(&tea["updated_at"]));
    assert_eq!(
        json!([tea["inventory_item_id"], tea["location_id"], tea["available"], tea["admin_graphql_api_id"]]),
        json!([number, HERE, 7, format!("gid://shopify/InventoryLevel/{HERE}?inventory_item_id={number}")])
    );
    assert_eq!(tea.as_object().unwrap().len(), 5);
    assert_eq!(told[1].1["available"], Value::Null);
    // What an order takes is told too, beside the order.
    stage.place("sku=TEA&quantity=2").await;
    let told = stage.webhooks(4).await;
    let of_order: Vec<_> = told[2..].iter().filter(|(topic, _)| topic == "inventory_levels/update").collect();
    assert_eq!(of_order.len(), 1);
    assert_eq!(of_order[0].1["available"], 5);
}

/// A moment as bodies write it.
fn is_moment(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.len() == "2026-01-01T00:00:00+00:00".len() && text.contains('T'))
}
