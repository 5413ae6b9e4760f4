use serde_json::json;

use super::stand::{at, fulfilment_order, fulfilment_orders, open_order, order_line, page, serve};
use super::*;

#[tokio::test]
async fn every_page_of_fulfilment_orders_and_of_their_lines_is_read() {
    let first = fulfilment_order(1, "OPEN", page(json!([order_line(11, 101, 1)]), Some("line-cursor")));
    let second = fulfilment_order(2, "ON_HOLD", page(json!([order_line(21, 102, 3)]), None));
    let more_lines = page(json!([order_line(12, 103, 2)]), None);
    let (stand, client) = serve(&[
        fulfilment_orders(json!([first]), Some("cursor")),
        (200, json!({"data": {"fulfillmentOrder": {"lineItems": more_lines}}})),
        fulfilment_orders(json!([second]), None),
    ])
    .await;
    let found = client.fulfilment_orders(ORDER).await.unwrap();
    let lines: Vec<Vec<i64>> =
        found.iter().map(|order| order.lines.iter().map(|line| line.line_item_id).collect()).collect();
    assert_eq!(lines, [vec![101, 103], vec![102]]);
    assert_eq!(found[1].status, FulfilmentOrderStatus::OnHold);
    assert_eq!(stand.operations(), ["FulfilmentOrders", "FulfilmentOrderLines", "FulfilmentOrders"]);
    assert_eq!(stand.variables(0)["order"], "gid://shopify/Order/820982911946154508");
    assert_eq!(stand.variables(1)["after"], "line-cursor");
    assert_eq!(stand.variables(2)["after"], "cursor");
}

#[tokio::test]
async fn a_page_that_never_ends_is_not_followed() {
    let (_, client) = serve(&[fulfilment_orders(json!([]), Some("cursor"))]).await;
    assert_eq!(client.fulfilment_orders(ORDER).await.unwrap_err().code(), "SHOPIFY_UNKNOWN_OUTCOME");
}

#[tokio::test]
async fn a_fulfilment_order_says_from_where_when_and_whether_it_may_leave() {
    let line = page(json!([order_line(11, 101, 3)]), None);
    let mut held = at(5, fulfilment_order(7, "OPEN", line.clone()));
    held["fulfillmentHolds"] = json!([{"reason": "HIGH_RISK_OF_FRAUD"}]);
    held["deliveryMethod"] = json!({"methodType": "PICK_UP"});
    held["fulfillAt"] = json!("2026-11-21T09:00:00Z");
    let mut over = fulfilment_order(8, "CLOSED", line);
    over["fulfillmentHolds"] = json!([{"reason": "OTHER"}]);
    let (_, client) = serve(&[fulfilment_orders(json!([held, over]), None)]).await;
    let found = client.fulfilment_orders(ORDER).await.unwrap();
    let first = &found[0];
    assert_eq!((first.number, first.location_id, first.location_name.as_str()), (7, Some(5), "Berlin"));
    assert_eq!(first.delivery_method.as_deref(), Some("PICK_UP"));
    assert!(first.fulfil_at.is_some());
    assert!(first.is_held() && !first.is_open() && !first.is_over());
    assert_eq!((first.lines[0].total_quantity, first.lines[0].remaining_quantity), (9, 3));
    assert!(found[1].is_over() && !found[1].is_held(), "a hold on what is over holds nothing");
}

#[tokio::test]
async fn fulfilment_orders_can_be_kept_as_json() {
    let mut newer = open_order(1, 101, 2);
    newer["status"] = json!("A_STATUS_OF_NEXT_YEAR");
    let (_, client) = serve(&[fulfilment_orders(json!([open_order(2, 101, 2), newer]), None)]).await;
    let found = client.fulfilment_orders(ORDER).await.unwrap();
    let kept = serde_json::to_value(&found).unwrap();
    assert_eq!(kept[0]["status"], "OPEN");
    assert_eq!(kept[1]["lines"][0]["remainingQuantity"], 2);
    assert_eq!(serde_json::from_value::<Vec<FulfilmentOrder>>(kept).unwrap(), found);
}

#[tokio::test]
async fn a_fulfilment_order_is_moved_or_the_shop_says_why_not() {
    let moved = |errors: Value| (200, json!({"data": {"fulfillmentOrderMove": {"userErrors": errors}}}));
    let refusal = json!([{"field": null, "message": "Cannot be moved", "code": null}]);
    let (stand, client) = serve(&[moved(json!([])), moved(refusal)]).await;
    let id = "gid://shopify/FulfillmentOrder/1";
    assert_eq!(client.move_fulfilment_order(id, 5).await, Ok(()));
    let expected = json!({"fulfilmentOrder": id, "location": "gid://shopify/Location/5"});
    assert_eq!(stand.variables(0), expected);
    assert_eq!(client.move_fulfilment_order(id, 5).await.unwrap_err().code(), "SHOPIFY_USER_ERROR");
}
