mod fulfilment_orders;
mod inventory;
mod order;
mod refund;
mod report;
mod stand;
mod strange;

use std::time::Duration;

use calls::CallFailure;
use domain::ShopifyOrderId;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;
use stand::{client, fulfilment, fulfilments, peer, serve, tracking};

const ORDER: ShopifyOrderId = ShopifyOrderId(820_982_911_946_154_508);

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
    let many: Vec<Value> = (0..20).map(|number| fulfilment(number, None, 101, 1)).collect();
    let more: Vec<Value> = (0..21).map(|number| fulfilment(number, None, 101, 1)).collect();
    let (stand, client) = serve(&[fulfilments(json!(many)), fulfilments(json!(more))]).await;
    assert_eq!(client.fulfilments(ORDER).await.unwrap().len(), 21);
    assert_eq!((&stand.variables(0)["first"], &stand.variables(1)["first"]), (&json!(20), &json!(250)));
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
        assert_eq!(error, ShopifyError::unknown("unreadable answer"));
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
async fn a_cancellation_that_need_not_be_asked_for_again_is_an_answer() {
    use CancelOutcome::{AlreadyCancelled, DoesNotExist, HasFulfilments, InProgress};
    let refusal = |message: &str, code: &str| {
        let errors = json!([{"field": ["orderId"], "message": message, "code": code}]);
        (200, json!({"data": {"orderCancel": {"job": null, "orderCancelUserErrors": errors}}}))
    };
    let unknown = json!([{"message": "Invalid id: gid://shopify/Order/0",
        "extensions": {"code": "RESOURCE_NOT_FOUND"}}]);
    for (answer, outcome) in [
        (refusal("Cancellation is already in progress", "INVALID"), InProgress),
        (refusal("Cannot cancel an order that has already been canceled", "INVALID"), AlreadyCancelled),
        (refusal("cannot cancel an order that has ALREADY been cancelled", "INVALID"), AlreadyCancelled),
        (refusal("Cannot cancel an order that has outstanding fulfillments", "INVALID"), HasFulfilments),
        (refusal("Order does not exist", "INVALID"), DoesNotExist),
        (refusal("L'ordine non c'è", "NOT_FOUND"), DoesNotExist),
        ((200, json!({"data": null, "errors": unknown})), DoesNotExist),
    ] {
        let (_, client) = serve(&[answer]).await;
        let cancelled = client.cancel_order(ORDER, CancelReason::Other, true, false, false, "").await;
        assert_eq!(cancelled, Ok(outcome));
    }
}

#[tokio::test]
async fn an_accepted_cancellation_names_its_job() {
    let payload = json!({"job": {"id": "gid://shopify/Job/1"}, "orderCancelUserErrors": []});
    let (_, client) = serve(&[(200, json!({"data": {"orderCancel": payload}}))]).await;
    let cancelled = client.cancel_order(ORDER, CancelReason::Other, true, false, false, "").await;
    assert_eq!(cancelled, Ok(CancelOutcome::Accepted { job: Some("gid://shopify/Job/1".into()) }));
}

#[tokio::test]
async fn a_call_that_may_have_worked_keeps_the_id_of_its_request() {
    for answer in [(502, json!({})), (200, json!([])), (200, json!({"data": {"order": 1}}))] {
        let (_, client) = serve(&[answer]).await;
        let error = client.cancellation(ORDER).await.unwrap_err();
        assert_eq!(error.code(), "SHOPIFY_UNKNOWN_OUTCOME");
        assert_eq!(error.vendor_text().as_deref(), Some("request id r-1"));
        assert!(!error.to_string().contains("r-1"));
    }
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
        assert_eq!(error, ShopifyError::unknown(reason));
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
