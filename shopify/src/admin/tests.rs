mod stand;

use domain::ShopifyOrderId;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;
use stand::{
    client, created, fulfilment, fulfilment_order, fulfilment_orders, fulfilments, order_line, page, peer,
    pieces, serve, tracking,
};

const ORDER: ShopifyOrderId = ShopifyOrderId(820_982_911_946_154_508);

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
async fn an_order_the_shop_does_not_have_is_not_found() {
    let (_, client) =
        serve(&[(200, json!({"data": {"order": null}})), (200, json!({"data": {"order": null}}))]).await;
    let error = client.fulfilment_orders(ORDER).await.unwrap_err();
    assert_eq!(error, ShopifyError::NotFound { what: "order" });
    assert!(!client.cancellation(ORDER).await.unwrap().found);
}

#[tokio::test]
async fn an_order_with_many_fulfilments_is_read_again_with_the_largest_page() {
    let many: Vec<Value> = (0..20).map(|number| fulfilment(&number.to_string(), "SUCCESS", 101, 1)).collect();
    let more: Vec<Value> = (0..21).map(|number| fulfilment(&number.to_string(), "SUCCESS", 101, 1)).collect();
    let (stand, client) = serve(&[fulfilments(json!(many)), fulfilments(json!(more))]).await;
    assert_eq!(client.fulfilments(ORDER).await.unwrap().len(), 21);
    assert_eq!((&stand.variables(0)["first"], &stand.variables(1)["first"]), (&json!(20), &json!(250)));
}

#[tokio::test]
async fn a_parcel_is_reported_once_per_fulfilment_order_it_touches() {
    let orders = json!([
        fulfilment_order(1, "OPEN", page(json!([order_line(11, 101, 1)]), None)),
        fulfilment_order(2, "IN_PROGRESS", page(json!([order_line(21, 101, 5)]), None)),
    ]);
    let (stand, client) =
        serve(&[fulfilments(json!([])), fulfilment_orders(orders, None), created(7), created(8)]).await;
    let fulfilled = client.ensure_fulfilment(ORDER, &tracking(), &[pieces(101, 3)], true).await.unwrap();
    assert!(!fulfilled.already);
    assert_eq!(fulfilled.fulfilment_ids.len(), 2);
    let input = stand.variables(3)["fulfilment"].clone();
    assert_eq!(
        input["lineItemsByFulfillmentOrder"],
        json!([{"fulfillmentOrderId": "gid://shopify/FulfillmentOrder/2", "fulfillmentOrderLineItems":
            [{"id": "gid://shopify/FulfillmentOrderLineItem/21", "quantity": 2}]}])
    );
    let expected = json!({"number": "PP1", "company": "Parcel Post", "url": null});
    assert_eq!((&input["trackingInfo"], &input["notifyCustomer"]), (&expected, &json!(true)));
}

#[tokio::test]
async fn a_parcel_the_shop_knows_is_not_reported_again() {
    let (stand, client) = serve(&[fulfilments(json!([fulfilment("PP1", "SUCCESS", 101, 3)]))]).await;
    let fulfilled = client.ensure_fulfilment(ORDER, &tracking(), &[pieces(101, 3)], true).await.unwrap();
    assert!(fulfilled.already);
    assert_eq!(fulfilled.fulfilment_ids, [FulfilmentId("gid://shopify/Fulfillment/PP1".into())]);
    assert_eq!(stand.operations(), ["Fulfilments"]);
}

#[tokio::test]
async fn only_what_an_earlier_attempt_left_is_reported() {
    let known = json!([
        fulfilment("PP1", "SUCCESS", 101, 1),
        fulfilment("PP1", "CANCELLED", 101, 2),
        fulfilment("PP2", "SUCCESS", 101, 2),
    ]);
    let orders = json!([fulfilment_order(1, "OPEN", page(json!([order_line(11, 101, 9)]), None))]);
    let (stand, client) = serve(&[fulfilments(known), fulfilment_orders(orders, None), created(7)]).await;
    let fulfilled = client.ensure_fulfilment(ORDER, &tracking(), &[pieces(101, 3)], true).await.unwrap();
    assert_eq!(fulfilled.fulfilment_ids.len(), 2);
    let lines =
        &stand.variables(2)["fulfilment"]["lineItemsByFulfillmentOrder"][0]["fulfillmentOrderLineItems"];
    assert_eq!(lines[0]["quantity"], 2);
}

#[tokio::test]
async fn what_keeps_a_parcel_from_being_reported_says_whether_to_wait() {
    let line = |remaining: u32| page(json!([order_line(11, 101, remaining)]), None);
    for (orders, code, permanent) in [
        (json!([]), "SHOPIFY_FULFILMENT_ORDER_NOT_THERE_YET", false),
        (json!([fulfilment_order(1, "ON_HOLD", line(3))]), "SHOPIFY_FULFILMENT_ORDER_ON_HOLD", false),
        (json!([fulfilment_order(1, "CLOSED", line(0))]), "SHOPIFY_FULFILMENT_ORDER_GONE", true),
    ] {
        let (stand, client) = serve(&[fulfilments(json!([])), fulfilment_orders(orders, None)]).await;
        let error = client.ensure_fulfilment(ORDER, &tracking(), &[pieces(101, 3)], true).await.unwrap_err();
        assert_eq!((error.code(), error.is_permanent()), (code, permanent));
        assert_eq!(stand.operations(), ["Fulfilments", "FulfilmentOrders"], "nothing was created");
    }
}

#[tokio::test]
async fn an_answer_without_the_fulfilment_may_have_worked() {
    for data in [
        json!({"fulfillmentCreate": null}),
        json!({"fulfillmentCreate": {"fulfillment": null, "userErrors": []}}),
        json!({}),
    ] {
        let (_, client) = serve(&[(200, json!({"data": data}))]).await;
        let new = NewFulfilment { groups: vec![], tracking: tracking(), notify_customer: false };
        let error = client.create_fulfilment(&new).await.unwrap_err();
        assert_eq!(error, ShopifyError::UnknownOutcome { reason: "unreadable answer" });
    }
}

#[tokio::test]
async fn a_refused_change_is_permanent_and_keeps_the_text_to_itself() {
    let errors = json!([{"field": ["orderId"], "message": "Cannot cancel Ada's order", "code": "INVALID"}]);
    let answer = json!({"data": {"orderCancel": {"job": null, "orderCancelUserErrors": errors}}});
    let (stand, client) = serve(&[(200, answer)]).await;
    let note = "é".repeat(300);
    let error =
        client.cancel_order(ORDER, CancelReason::Inventory, true, true, false, &note).await.unwrap_err();
    assert!(error.is_permanent());
    assert_eq!(error.vendor_text().as_deref(), Some("Cannot cancel Ada's order"));
    assert!(!format!("{error} {error:?} {}", error.code()).contains("Ada"));
    let variables = stand.variables(0);
    assert_eq!(variables["refundMethod"], json!({"originalPaymentMethodsRefund": true}));
    assert_eq!(variables["reason"], "INVENTORY");
    assert_eq!(variables["staffNote"].as_str().unwrap().chars().count(), 255);
}

#[tokio::test]
async fn shopifys_own_trouble_is_not_permanent() {
    let errors = json!([{"field": null, "message": "m", "code": "INTERNAL_ERROR"}]);
    let answer = json!({"data": {"orderCancel": {"orderCancelUserErrors": errors}}});
    let (_, client) = serve(&[(200, answer)]).await;
    let error = client.cancel_order(ORDER, CancelReason::Other, true, false, false, "").await.unwrap_err();
    assert!(!error.is_permanent());
}

#[tokio::test]
async fn both_ways_of_throttling_say_how_long_to_wait() {
    let throttled = json!({"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
        "extensions": {"cost": {"requestedQueryCost": 100, "throttleStatus":
            {"maximumAvailable": 1000, "currentlyAvailable": 50, "restoreRate": 100}}}});
    let (_, client) = serve(&[(200, throttled), (429, json!({"errors": "Too many requests"}))]).await;
    let waits = [client.cancellation(ORDER).await, client.cancellation(ORDER).await]
        .map(|result| result.unwrap_err().retry_after().unwrap());
    assert_eq!(waits, [Duration::from_millis(500), Duration::from_secs(2)]);
}

#[tokio::test]
async fn a_cancelled_order_says_when() {
    let order = json!({"cancelledAt": "2026-11-21T09:00:00Z", "displayFulfillmentStatus": "UNFULFILLED"});
    let (_, client) = serve(&[(200, json!({"data": {"order": order}}))]).await;
    let cancellation = client.cancellation(ORDER).await.unwrap();
    assert!(cancellation.found && cancellation.cancelled_at.is_some());
    assert_eq!(cancellation.display_fulfilment_status.as_deref(), Some("UNFULFILLED"));
}

#[tokio::test]
async fn nobody_listening_means_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert_eq!(client(address).cancellation(ORDER).await, Err(ShopifyError::Unreachable));
}

#[tokio::test]
async fn silence_and_lost_connections_may_have_worked() {
    let cut_short: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{";
    for (reply, reason) in
        [(None, "timed out"), (Some(&b""[..]), "connection lost"), (Some(cut_short), "connection lost")]
    {
        let error = peer(reply).await.cancellation(ORDER).await.unwrap_err();
        assert_eq!(error, ShopifyError::UnknownOutcome { reason });
    }
}

#[test]
fn the_token_never_shows_in_debug() {
    let shop = ShopDomain::parse("anyx-demo.myshopify.com").unwrap();
    let url = Url::parse("https://anyx-demo.myshopify.com").unwrap();
    let token = StaticToken::new("hush");
    let settings = AdminSettings::new(shop, url, Arc::new(token.clone()));
    let client = AdminClient::new(settings.clone()).unwrap();
    assert!(!format!("{token:?} {settings:?} {client:?}").contains("hush"));
}
