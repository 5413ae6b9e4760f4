mod fulfilments;
mod strange;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method as HttpMethod, StatusCode, Uri};
use axum::response::{IntoResponse, Response as HttpResponse};
use calls::CallFailure;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// A warehouse that gives prepared answers, one after another, and notes what it was asked.
#[derive(Clone, Default)]
struct Stand {
    answers: Arc<Mutex<Vec<(u16, String)>>>,
    asked: Arc<Mutex<Vec<(String, String, Value)>>>,
}

async fn serve(answers: &[(u16, Value)]) -> (Stand, WarehouseClient) {
    let (stand, address) = stand(answers).await;
    (stand, client(address))
}

async fn stand(answers: &[(u16, Value)]) -> (Stand, SocketAddr) {
    let mut answers: Vec<_> = answers.iter().map(|(status, body)| (*status, body.to_string())).collect();
    answers.reverse();
    let stand = Stand { answers: Arc::new(Mutex::new(answers)), asked: Arc::default() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().fallback(answer).with_state(stand.clone());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (stand, address)
}

async fn answer(
    State(stand): State<Stand>,
    method: HttpMethod,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> HttpResponse {
    match headers.get("x-api-key") {
        Some(key) => assert_eq!(key, "hush"),
        None => assert_eq!(headers["authorization"], "Bearer hush"),
    }
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    stand.asked.lock().unwrap().push((method.to_string(), uri.path().to_owned(), body));
    let (status, body) = stand.answers.lock().unwrap().pop().expect("a prepared answer");
    (StatusCode::from_u16(status).unwrap(), [("retry-after", "3")], body).into_response()
}

fn client(address: SocketAddr) -> WarehouseClient {
    WarehouseClient::new(settings(address)).unwrap()
}

fn settings(address: SocketAddr) -> WarehouseSettings {
    let url = Url::parse(&format!("http://{address}")).unwrap();
    let mut settings = WarehouseSettings::new(url, WarehouseToken::new("hush"));
    (settings.limits.read, settings.limits.write) = (Duration::from_millis(300), Duration::from_millis(300));
    settings
}

fn hand_over() -> NewRequest {
    NewRequest {
        reference: RequestReference::parse("ORD-20261121-6BA0A415-main-1").unwrap(),
        lines: vec![line("A", 2), line("B", 1)],
        warehouse: WarehouseId::main(),
        ship_to: Some(ShipTo { country_code: Some("GB".into()), ..ShipTo::default() }),
    }
}

fn line(sku: &str, quantity: u32) -> ParcelPieces {
    ParcelPieces { sku: sku.into(), quantity }
}

fn known(lines: Value, parcel_status: &str) -> Value {
    json!({
        "reference": "ORD-20261121-6BA0A415-main-1", "status": parcel_status, "lineItems": lines,
        "warehouseId": "main", "shipments": [{"shipmentId": "shp_1", "status": parcel_status, "sequence": 2,
            "lines": lines, "carrier": null, "trackingNumber": null, "trackingUrl": null,
            "occurredAt": "2026-11-21T09:00:00Z"}],
    })
}

fn duplicate() -> (u16, Value) {
    (422, json!({"code": "duplicate", "message": "known"}))
}

#[tokio::test]
async fn a_hand_over_is_sent_in_the_warehouses_words() {
    let (stand, client) = serve(&[(201, json!({"shipmentId": "shp_1"}))]).await;
    let accepted = client.ensure_request(&hand_over()).await.unwrap();
    assert!(!accepted.already);
    let asked = stand.asked.lock().unwrap().clone();
    let (method, path, body) = &asked[0];
    assert_eq!((method.as_str(), path.as_str()), ("POST", "/shipments"));
    assert_eq!(body["orderId"], "ORD-20261121-6BA0A415-main-1");
    assert_eq!(body["lineItems"], json!([{"sku": "A", "quantity": 2}, {"sku": "B", "quantity": 1}]));
    assert_eq!((&body["warehouseId"], &body["shipTo"]["countryCode"]), (&json!("main"), &json!("GB")));
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_read() {
    let (_, client) = serve(&[(200, json!({"reference": "x".repeat(5 * 1024 * 1024)}))]).await;
    let reference = RequestReference::parse("ORD-20261121-6BA0A415-main-1").unwrap();
    let refused = client.request(&reference).await.unwrap_err();
    assert_eq!(refused, WarehouseError::unknown_outcome("oversized answer"));
}

#[tokio::test]
async fn a_duplicate_with_the_same_demand_is_a_success() {
    let lines =
        json!([{"sku": "B", "quantity": 1}, {"sku": "A", "quantity": 1}, {"sku": "A", "quantity": 1}]);
    let (stand, client) = serve(&[duplicate(), (200, known(lines, "picked"))]).await;
    assert!(client.ensure_request(&hand_over()).await.unwrap().already);
    assert_eq!(stand.asked.lock().unwrap()[1].1, "/shipments/ORD-20261121-6BA0A415-main-1");
}

#[tokio::test]
async fn a_duplicate_with_other_lines_takes_the_reference_for_good() {
    let other = known(json!([{"sku": "A", "quantity": 1}]), "picked");
    let (_, client) = serve(&[duplicate(), (200, other)]).await;
    let error = client.ensure_request(&hand_over()).await.unwrap_err();
    assert_eq!(error, WarehouseError::ReferenceTaken);
    assert!(error.is_permanent());
}

#[tokio::test]
async fn a_duplicate_that_was_cancelled_will_never_ship() {
    let lines = json!([{"sku": "A", "quantity": 2}, {"sku": "B", "quantity": 1}]);
    let (_, client) = serve(&[duplicate(), (200, known(lines, "cancelled"))]).await;
    assert_eq!(client.ensure_request(&hand_over()).await.unwrap_err().code(), "WMS_REFUSED");
}

#[tokio::test]
async fn every_refusal_has_its_class() {
    for (status, code, expected, permanent) in [
        (422, "unknown_sku", "WMS_UNKNOWN_SKU", true),
        (422, "bad_address", "WMS_BAD_ADDRESS", true),
        (422, "refused", "WMS_REFUSED", true),
        (422, "of_next_year", "WMS_REJECTED", true),
        (400, "malformed", "WMS_REJECTED", true),
        (401, "unauthorized", "WMS_UNAUTHORISED", false),
        (429, "rate_limited", "WMS_RATE_LIMITED", false),
        (503, "internal", "WMS_UNKNOWN_OUTCOME", false),
    ] {
        let (_, client) = serve(&[(status, json!({"code": code, "message": "flat 7"}))]).await;
        let error = client.ensure_request(&hand_over()).await.unwrap_err();
        assert_eq!((error.code(), error.is_permanent()), (expected, permanent), "{status} {code}");
        assert!(!error.to_string().contains("flat 7"), "no text of theirs in ours");
        let wait = (status == 429).then(|| Duration::from_secs(3));
        assert_eq!(error.retry_after(), wait);
    }
}

#[tokio::test]
async fn the_warehouses_text_is_kept_for_people() {
    let (_, client) = serve(&[(422, json!({"code": "bad_address", "message": "no such street"}))]).await;
    let error = client.ensure_request(&hand_over()).await.unwrap_err();
    assert_eq!(error.vendor_text().as_deref(), Some("no such street"));
}

#[tokio::test]
async fn a_reference_nobody_knows_is_none_and_not_an_error() {
    let (_, client) = serve(&[(404, json!({"code": "not_found"}))]).await;
    assert_eq!(client.request(&hand_over().reference).await, Ok(None));
}

#[tokio::test]
async fn a_state_has_its_shipments() {
    let (_, client) = serve(&[(200, known(json!([{"sku": "A", "quantity": 2}]), "on_hold"))]).await;
    let state = client.request(&hand_over().reference).await.unwrap().unwrap();
    assert_eq!(state.lines, [line("A", 2)]);
    assert_eq!(state.parcels[0].status, ParcelStatus::OnHold);
    assert_eq!(state.parcels[0].sequence, 2);
}

#[tokio::test]
async fn a_state_is_read_for_its_meaning() {
    let odd = json!({"reference": hand_over().reference, "status": null, "lineItems":
        [{"sku": 12, "quantity": "2"}, {"sku": "B", "quantity": 0}], "shipments": [
            {"shipmentId": 5, "status": "SHIPPED", "sequence": "3", "lines": null, "carrier": 7, "trackingNumber": 81,
                "trackingUrl": {}, "occurredAt": "2026-11-21 09:00"},
            {"shipmentId": "6", "status": "picked", "sequence": 2.0, "occurredAt": "today", "carrier": ""}]});
    let (_, client) = serve(&[(200, odd)]).await;
    let state = client.request(&hand_over().reference).await.unwrap().unwrap();
    assert_eq!(state.lines, [line("12", 2)]);
    let first = &state.parcels[0];
    assert_eq!((first.parcel_id.as_str(), &first.status, first.sequence), ("5", &ParcelStatus::Shipped, 3));
    assert_eq!((first.carrier.as_deref(), first.tracking_number.as_deref()), (Some("7"), Some("81")));
    assert_eq!((&first.lines, &first.tracking_url), (&vec![], &None));
    assert_eq!(first.occurred_at.unwrap().to_rfc3339(), "2026-11-21T09:00:00+00:00");
    let second = &state.parcels[1];
    assert_eq!((second.sequence, &second.carrier, second.occurred_at), (2, &None, None));
}

#[tokio::test]
async fn a_recall_says_of_each_shipment_whether_it_came_in_time() {
    let results = json!({"results": [{"shipmentId": "s1", "result": "cancelled"},
        {"shipmentId": "s2", "result": "too_late"}]});
    let (stand, client) = serve(&[(200, results), (200, json!({"results": []}))]).await;
    let reference = hand_over().reference;
    let results = client.cancel(&reference).await.unwrap();
    assert_eq!(results.iter().map(|result| result.too_late).collect::<Vec<_>>(), [false, true]);
    assert_eq!(client.cancel(&reference).await, Ok(vec![]));
    assert_eq!(stand.asked.lock().unwrap()[0].1, "/shipments/ORD-20261121-6BA0A415-main-1/cancel");
}

#[tokio::test]
async fn an_answer_that_is_not_understood_may_have_worked() {
    for body in [json!("html"), json!({"results": [{"shipmentId": "s1", "result": "perhaps"}]})] {
        let (_, client) = serve(&[(200, body)]).await;
        let error = client.cancel(&hand_over().reference).await.unwrap_err();
        assert_eq!(error, WarehouseError::unknown_outcome("unreadable answer"));
    }
}

#[tokio::test]
async fn nobody_listening_means_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = client(address).ensure_request(&hand_over()).await.unwrap_err();
    assert_eq!(error, WarehouseError::Unreachable);
}

/// A peer that takes the request and then writes `reply` and hangs up, or says nothing for ever.
async fn peer(reply: Option<&'static [u8]>) -> WarehouseClient {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            match reply {
                Some(reply) => stream.write_all(reply).await.unwrap(),
                None => open.push(stream),
            }
        }
    });
    client(address)
}

#[tokio::test]
async fn silence_and_lost_connections_may_have_worked() {
    let cut_short: &[u8] = b"HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n{";
    for (reply, reason) in
        [(None, "timed out"), (Some(&b""[..]), "connection lost"), (Some(cut_short), "connection lost")]
    {
        let error = peer(reply).await.ensure_request(&hand_over()).await.unwrap_err();
        assert_eq!(error, WarehouseError::unknown_outcome(reason));
    }
}

#[test]
fn the_token_never_shows_in_debug() {
    let url = Url::parse("http://127.0.0.1:1").unwrap();
    let settings = WarehouseSettings::new(url, WarehouseToken::new("hush"));
    let client = WarehouseClient::new(settings.clone()).unwrap();
    assert!(!format!("{settings:?} {client:?}").contains("hush"));
}

#[test]
fn an_unusable_setting_is_an_error_and_not_a_panic() {
    let with = |url: &str, token: &str| {
        WarehouseClient::new(WarehouseSettings::new(Url::parse(url).unwrap(), WarehouseToken::new(token)))
    };
    assert!(matches!(with("ftp://wms", "t"), Err(HttpSetUpError::Address)));
    assert!(matches!(with("http://wms", "a\nb"), Err(HttpSetUpError::Token)));
    assert!(with("https://wms.example.com", "t").is_ok());
}
