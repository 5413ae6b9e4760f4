//! Answers of a real shop (API 2026-04), given to our client by a stand that repeats them.

use calls::CallFailure;
use std::sync::Arc;

use axum::{Json, Router};
use domain::{ShopDomain, ShopifyOrderId};
use serde_json::Value;
use shopify::admin::{
    AdminClient, AdminSettings, CancelOutcome, CancelReason, FulfilmentGroup, NewFulfilment, ShopifyError,
    StaticToken, Tracking,
};
use tokio::net::TcpListener;
use url::Url;

use crate::fixtures;

const ORDER: ShopifyOrderId = ShopifyOrderId(8_736_000_000_001);

/// A client of a shop that gives one captured answer to whatever it is asked.
async fn client_of(file: &str, pointer: &str) -> AdminClient {
    let capture = fixtures::json(&format!("admin-api-captures/{file}.json"));
    let answer: Value = capture.pointer(pointer).unwrap_or_else(|| panic!("{file} has no {pointer}")).clone();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let app = Router::new().fallback(async move || Json(answer));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let shop = ShopDomain::parse("anyx-demo.myshopify.com").unwrap();
    AdminClient::new(AdminSettings::new(shop, url, Arc::new(StaticToken::new("t")))).unwrap()
}

async fn cancelling(file: &str, pointer: &str) -> Result<CancelOutcome, ShopifyError> {
    let client = client_of(file, pointer).await;
    client.cancel_order(ORDER, CancelReason::Other, true, false, false, "note").await
}

async fn fulfilling(file: &str, pointer: &str) -> Result<i64, ShopifyError> {
    let line = ("gid://shopify/FulfillmentOrderLineItem/1".to_owned(), 1);
    let new = NewFulfilment {
        groups: vec![FulfilmentGroup {
            fulfilment_order_id: "gid://shopify/FulfillmentOrder/1".into(),
            lines: vec![line],
        }],
        tracking: Tracking { number: Some("PP1".into()), company: None, url: None },
        notify_customer: false,
    };
    let client = client_of(file, pointer).await;
    client.create_fulfilment(&new).await
}

#[tokio::test]
async fn a_cancellation_is_taken_or_refused_for_good() {
    let taken = cancelling("orderCancel-parity", "/mutation/response").await;
    assert!(matches!(taken, Ok(CancelOutcome::Accepted { .. })), "{taken:?}");
    let already =
        cancelling("orderCancel-error-messages", "/expected/alreadyCancelled/response/payload").await;
    assert_eq!(already, Ok(CancelOutcome::AlreadyCancelled));
    for case in ["staffNoteTooLong", "refundTrueAndRefundMethodConflict"] {
        let pointer = format!("/expected/{case}/response/payload");
        let error = cancelling("orderCancel-error-messages", &pointer).await.unwrap_err();
        assert_eq!((error.code(), error.is_permanent()), ("SHOPIFY_USER_ERROR", true), "{case}");
        assert!(error.vendor_text().is_some_and(|text| !text.is_empty()), "{case}");
    }
}

#[tokio::test]
async fn a_cancelled_order_is_read() {
    let client = client_of("orderCancel-restock-refundMethod-parity", "/downstreamRead/response").await;
    let cancellation = client.cancellation(ORDER).await.unwrap();
    assert!(cancellation.found);
    assert_eq!(cancellation.cancelled_at.unwrap().to_rfc3339(), "2026-05-08T02:34:17+00:00");
    assert_eq!(cancellation.display_fulfilment_status.as_deref(), Some("UNFULFILLED"));
}

#[tokio::test]
async fn a_fulfilment_is_refused_for_good() {
    for case in ["cancelled", "closed", "nonPositiveQuantity", "overFulfill", "missingFulfillmentOrder"] {
        let pointer = format!("/cases/{case}/response");
        let error = fulfilling("fulfillment-create-preconditions", &pointer).await.unwrap_err();
        assert_eq!((error.code(), error.is_permanent()), ("SHOPIFY_USER_ERROR", true), "{case}");
    }
}

#[tokio::test]
async fn errors_beside_data_have_their_class() {
    let lifecycle = "fulfillment-order-lifecycle";
    for (file, pointer, code, permanent) in [
        ("inventory-quantity-contracts-2026-04", "/missingSetIdempotency/response", "SHOPIFY_GRAPHQL", true),
        (
            "inventory-quantity-contracts-2026-04",
            "/missingSetChangeFromQuantity/response",
            "SHOPIFY_GRAPHQL",
            true,
        ),
        (
            lifecycle,
            "/workflows/holdRelease/afterHold/orderRead/response/payload",
            "SHOPIFY_UNAUTHORISED",
            false,
        ),
        (lifecycle, "/workflows/reroute/reroute/response/payload", "SHOPIFY_UNKNOWN_OUTCOME", false),
    ] {
        let error = cancelling(file, pointer).await.unwrap_err();
        assert_eq!((error.code(), error.is_permanent()), (code, permanent), "{file}{pointer}");
    }
}
