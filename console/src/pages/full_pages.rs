//! Every list, as full as it gets: a page stays under 60 kB.

use std::collections::HashMap;

use axum::{
    Extension, Json, Router,
    body::{Body, to_bytes},
    http::{Extensions, Request, Uri, header},
};
use serde_json::{Value, json};
use tower::ServiceExt;

const MOST_PAGE_BYTES: usize = 60_000;
/// What `/api` gives unless it is asked for fewer.
const USUAL_ROWS: usize = 50;

type Answers = HashMap<&'static str, fn(usize) -> Value>;

/// An `/api` that answers with as many rows as it is asked for.
async fn answer(Extension(answers): Extension<std::sync::Arc<Answers>>, uri: Uri) -> Json<Value> {
    let Some(row) = answers.get(uri.path()) else { panic!("{uri} is asked for") };
    let query = uri.query().unwrap_or_default();
    let pairs: HashMap<_, _> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let rows = pairs.get("limit").map_or(USUAL_ROWS, |limit| limit.parse().expect("a number"));
    let is_list = !row(0).get("isOne").is_some_and(|one| one == true);
    Json(if is_list { (0..rows).map(row).collect() } else { row(rows) })
}

fn answers() -> Answers {
    let mut answers: Answers = HashMap::new();
    answers
        .insert("/api/me", |_| json!({"isOne": true, "name": "ada", "roles": ["admin"], "signedIn": true}));
    answers.insert("/api/overview", |_| {
        let cause = |n: usize| {
            let reason = if n == 0 { "WMS_BAD_ADDRESS" } else { "WMS_UNREACHABLE" };
            json!({"step": "hand_over", "reason": reason,
                   "rows": 3_700, "oldestSince": "2026-11-27T07:12:00Z",
                   "answers": ["retry", "skip", "compensate"],
                   "shops": (0..40).map(|n| json!({"shop": format!("a-shop-of-some-length-{n}.myshopify.com"), "rows": 92})).collect::<Value>()})
        };
        json!({"isOne": true, "orders": [{"status": "PENDING", "condition": "BACKORDERED", "orders": 12_000}],
               "attention": (0..20).map(cause).collect::<Value>(), "hours": [], "oldestOpen": null,
               "deadLetters": 4_000, "ordersWaiting": 70_000, "promised": {"late": 1, "dueToday": 2},
               "returns": {"announced": 3, "partlyReceived": 1},
               "inbox": {"waiting": 3, "unreadable": 2, "oldestReceivedAt": "2026-11-27T07:12:00Z"}})
    });
    answers.insert("/api/attention/count", |_| json!({"isOne": true, "rows": 70_000}));
    answers.insert("/api/attention", |n| {
        json!({"attentionId": 1_000_000 + n, "orderId": ORDER, "orderNumber": NUMBER, "status": "PROCESSING", "inboxId": null,
               "lane": null, "step": "hand_over", "reason": "WMS_BAD_ADDRESS", "detail": "x".repeat(500),
               "vendorText": "y".repeat(1000), "since": "2026-11-27T07:12:00Z", "answers": ["retry", "skip", "compensate"],
               "name": "#1001", "promisedAt": "2026-11-27T12:00:00Z"})
    });
    answers.insert("/api/orders", |_| {
        let item = json!({"lineId": "1", "sku": "TEA-EARL-GREY-LOOSE-LEAF-1000", "productName": "Tea", "quantity": 2,
                          "unitPrice": "9.99", "allocationStatus": null});
        json!({"orderId": ORDER, "orderNumber": NUMBER, "name": "#1001", "shop": "a-shop-of-some-length.myshopify.com",
               "channel": "SHOPIFY", "status": "PROCESSING", "condition": "NEEDS_ATTENTION", "conditionReason": null,
               "heldBy": null, "currency": "EUR", "totalAmount": "123456.78", "financialStatus": "paid",
               "items": vec![item; 20], "workflowId": "order/x", "receivedAt": "2026-11-27T07:12:00Z",
               "updatedAt": "2026-11-27T07:12:00Z", "promisedAt": "2026-11-20T07:12:00Z"})
    });
    answers.insert(ORDER_PATH, |_| {
        let pieces = json!([{"status": "CONFIRMED", "warehouseId": "berlin-north", "quantity": 2}]);
        let item = json!({"lineId": "1", "sku": "TEA-EARL-GREY-LOOSE-LEAF-1000", "productName": "Tea", "quantity": 2,
                          "unitPrice": "9.99", "allocationStatus": null, "allocations": pieces});
        json!({"isOne": true, "orderId": ORDER, "orderNumber": NUMBER, "name": "#1001", "shop": "a-shop.myshopify.com",
               "channel": "SHOPIFY", "status": "PROCESSING", "condition": "NEEDS_ATTENTION", "currency": "EUR",
               "totalAmount": "25.00", "financialStatus": "paid", "items": vec![item; 20], "workflowId": "order/x",
               "receivedAt": "2026-11-27T07:12:00Z", "updatedAt": "2026-11-27T07:12:00Z", "timeline": [],
               "shipments": [], "edits": [], "approvals": [], "ifCancelled": {"refunds": true, "notifiesCustomer": true},
               "fulfilmentRequests": [{"reference": "ORD-1-berlin-1", "warehouseId": "berlin-north", "pieces": 2,
                                       "outstanding": true}]})
    });
    answers.insert("/api/returns", |_| {
        let line = json!({"sku": "TEA-EARL-GREY-LOOSE-LEAF-1000", "warehouseId": "berlin-north", "quantity": 12,
                          "receivedSellable": 3, "receivedUnsellable": 2});
        json!({"orderId": ORDER, "orderNumber": NUMBER, "state": "PARTLY_RECEIVED", "source": "SHOPIFY",
               "reason": "w".repeat(255), "lines": vec![line; 40], "createdAt": "2026-11-27T07:12:00Z"})
    });
    answers.insert("/api/channel-shops", |n| {
        json!({"shop": format!("a-shop-of-some-length-{n}.myshopify.com"), "learnedAt": "2026-11-27T07:12:00Z", "learning": false,
               "items": 20_000, "knownItems": 10_000, "levels": 10_000, "dirty": 3, "drifts": 7,
               "skipped": [{"reason": "BUNDLE", "levels": 200}, {"reason": "SKU_TWICE", "levels": 17}]})
    });
    answers.insert("/api/channel-drifts", |n| {
        json!({"driftId": n, "shop": "a-shop-of-some-length.myshopify.com", "locationId": 655_441_491, "inventoryItemId": 49_148_385,
               "sku": "TEA-EARL-GREY-LOOSE-LEAF-1000", "warehouseId": "berlin-north", "was": 12, "found": 15, "pieces": 3,
               "policy": "ours", "foundAt": "2026-11-27T07:12:00Z", "endedAt": null})
    });
    answers.insert("/api/channel-levels", |_| {
        json!({"shop": "a-shop-of-some-length.myshopify.com", "locationId": 655_441_491, "inventoryItemId": 49_148_385,
               "sku": "TEA-EARL-GREY-LOOSE-LEAF-1000", "warehouseId": "berlin-north", "onHand": 12, "available": 10,
               "settledAt": "2026-11-27T07:12:00Z", "dirty": true, "attempts": 7, "nextAttemptAt": null, "skipped": "REFUSED",
               "detail": "x".repeat(255)})
    });
    answers.insert("/api/inbox", |n| {
        json!({"inboxId": 1_000_000 + n, "source": "shopify", "shop": "a-shop-of-some-length.myshopify.com",
               "topic": "orders/risk_assessment_changed", "state": "UNREADABLE", "reason": "v".repeat(255), "orderId": ORDER,
               "receivedAt": "2026-11-27T07:12:00Z", "attempts": 12})
    });
    answers.insert("/api/dead-letters", |n| {
        json!({"deadLetterId": format!("kafka:{n}"), "direction": "OUT", "sink": "kafka", "eventType": "ORDER_PARTIALLY_SHIPPED",
               "key": ORDER, "attempts": 20, "error": "u".repeat(1000), "deadSince": "2026-11-27T07:12:00Z", "waiting": 120,
               "redrivenBy": "ada"})
    });
    answers.insert(
        "/api/dead-letters/kafka%3A7",
        |_| json!({"isOne": true, "payload": {"text": "t".repeat(500_000)}}),
    );
    answers.insert("/api/lanes", |n| {
        let pause = json!({"cause": "PERSON", "since": "2026-11-27T02:10:00Z", "by": "ada", "reason": "s".repeat(200)});
        json!({"lane": format!("shopify-a-shop-of-some-length-{n}.myshopify.com"), "orders": 1_000, "waiting": 37,
               "pauses": [pause], "failures": [], "lastDone": {"orderId": ORDER, "at": "2026-11-27T07:12:00Z"},
               "lately": [{"cause": "DOWN", "since": "2026-11-27T02:10:00Z", "until": "2026-11-27T05:12:00Z",
                           "resumedBy": "waybill", "waited": 2000, "left": 0}]})
    });
    answers.insert("/api/audit", |_| {
        json!({"at": "2026-11-27T07:12:00Z", "actor": "ada", "kind": "DEAD_LETTERS_REDRIVEN", "target": ORDER, "orderId": ORDER,
               "orderNumber": NUMBER, "detail": "r".repeat(1000), "reason": "q".repeat(255)})
    });
    answers.insert("/api/bulk-answers", |n| bulk(&format!("console-{ORDER}-{n}")));
    answers.insert("/api/bulk-answers/monday", |_| {
        let mut one = bulk("monday");
        one["isOne"] = json!(true);
        one
    });
    answers.insert("/api/bulk-answers/monday/rows", |_| {
        json!({"orderId": ORDER, "orderNumber": NUMBER, "outcome": "REFUSED", "refused": "p".repeat(255), "status": "PROCESSING"})
    });
    answers
}

const ORDER: &str = "0190a0b0-0000-7000-8000-000000000001";
const ORDER_PATH: &str = "/api/orders/0190a0b0-0000-7000-8000-000000000001";
const NUMBER: &str = "ORD-20261121-6BA0A415";

fn bulk(id: &str) -> Value {
    json!({"bulkId": id, "action": "compensate", "by": "ada", "reason": "o".repeat(255), "orders": 10_000, "asked": 4_000,
           "at": "2026-11-27T07:12:00Z", "finishedAt": null, "stoppedAt": null, "stoppedBy": null, "stopReason": null})
}

/// A page of the console, as a browser gets it.
async fn page(path: &str) -> String {
    let api = Router::new().fallback(answer).layer(Extension(std::sync::Arc::new(answers())));
    let console =
        Router::new().nest("/console", crate::router(api, |_: &Extensions, _: &mut Extensions| {}, None));
    let request = Request::get(format!("/console{path}")).header(header::HOST, "localhost");
    let answer = console.oneshot(request.body(Body::empty()).expect("a request")).await.expect("an answer");
    assert_eq!(answer.status(), 200, "{path}");
    let body = to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
    String::from_utf8(body.into()).expect("text")
}

#[tokio::test]
async fn full_pages_stay_small() {
    let mut large = Vec::new();
    for path in [
        "/attention",
        "/attention?step=hand_over&reason=WMS_BAD_ADDRESS&shop=a-shop.myshopify.com&open=1000007",
        "/orders",
        "/returns",
        "/shops?shop=a-shop-of-some-length.myshopify.com",
        "/inbox?state=UNREADABLE",
        "/dead-letters",
        "/dead-letters?open=kafka:7",
        "/lanes",
        "/lanes?open=shopify-a-shop-of-some-length-7.myshopify.com",
        "/audit",
        "/bulk",
        "/bulk/monday",
        "",
    ] {
        let html = page(path).await;
        let rows = html.matches("data-row").count();
        assert!(rows >= 18, "{path} is full: {rows} rows");
        if html.len() >= MOST_PAGE_BYTES {
            large.push(format!("{path} has {} bytes and {rows} rows", html.len()));
        }
    }
    assert!(large.is_empty(), "{large:#?}");
}

#[tokio::test]
async fn one_row_is_answered_at_a_time_and_every_other_leads_to_its_answers() {
    let first = page("/attention").await;
    assert!(first.contains("act-1000000-retry"), "the first has its forms");
    assert_eq!(first.matches("name=\"attention_id\"").count(), 3, "and no other has");
    assert!(first.contains("/console/attention?open=1000007#row-1000007"));
    let other = page("/attention?reason=WMS_BAD_ADDRESS&open=1000007").await;
    assert!(other.contains("act-1000007-retry") && !other.contains("act-1000000-retry"));
    // Whoever answers comes back to what they saw.
    assert!(other.contains("name=\"from\" value=\"/attention?reason=WMS_BAD_ADDRESS\""));
}

#[tokio::test]
async fn only_what_may_be_answered_is_offered_for_all() {
    let html = page("/attention").await;
    for offered in ["Retry all 3\u{2009}700", "Go on without it: all", "Cancel all"] {
        assert!(html.contains(offered), "{offered}");
    }
    assert!(!html.contains("Approve all"));
}
