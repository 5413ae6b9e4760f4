use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, StatusCode, header},
    routing::get,
};
use clap::Parser;
use dispatch::Dispatcher;
use process::{
    settings::{Secrets, Shared},
    temporal::LazyTemporal,
};
use serde_json::Value;
use sqlx::postgres::PgPoolOptions;
use stock::Stock;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::{Notify, oneshot},
};
use tower::ServiceExt;

use super::*;
use crate::{
    config::{Config, Settings},
    health::Found,
    limits::MOST_WEBHOOK_BYTES,
    queue,
    shop_apps::ShopApps,
    unverified::Unverified,
};

mod bodies;
mod connections;

const SHOP: &str = "a.myshopify.com";
const SIGNED: &str = r#"{"id":1}"#;
/// HMAC-SHA256 of `SIGNED` under the shop's secret.
const SIGNATURE: &str = "gqb/mZI8OCf3/j3Ur1xqzHGfmqHHhNnpOakaVHyc9dw=";

/// The settings of an API whose database is not there.
fn config() -> Config {
    config_with("")
}

/// Its shop's webhooks have to come by this path, if it is one.
fn config_with(webhook_path: &str) -> Config {
    let usual = ["waybill-api", "--shopify-shop=a.myshopify.com", "--wms-url=http://127.0.0.1:9091"];
    let settings = Settings::try_parse_from(usual);
    let secrets = Secrets::from([
        ("DATABASE_URL", "postgres://waybill@127.0.0.1:1/waybill"),
        ("SHOPIFY_ADMIN_TOKEN", "shpat-of-a-shop-of-ours"),
        ("SHOPIFY_WEBHOOK_SECRETS", "hush-hush-hush-hush"),
        ("SHOPIFY_WEBHOOK_PATH", webhook_path),
        ("WMS_TOKEN", "token-of-a-warehouse"),
        ("WMS_WEBHOOK_SECRETS", "whsec_d2F5YmlsbC1kZW1vLXdhcmVob3VzZS1zZWNyZXQ="),
    ]);
    settings.unwrap().resolve(&secrets).unwrap()
}

/// The whole interface, its database away.
fn interface() -> Router {
    interface_with(config())
}

fn interface_with(config: Config) -> Router {
    router(api(config.shared), Access::new(&config.access).unwrap())
}

fn api(shared: Shared) -> Api {
    let pool = PgPoolOptions::new().acquire_timeout(Duration::from_millis(50));
    let (queue, _dispatching) = queue::start(|_| std::future::pending());
    let pool = pool.connect_lazy(&shared.database_url).unwrap();
    let stock = Stock::new(pool.clone(), None).unwrap();
    let dispatcher = Dispatcher::new(&shared, pool.clone(), LazyTemporal::new(false, None), stock.clone());
    Api {
        plain_http: false,
        private_webhooks: false,
        shop_apps: ShopApps::new(&shared, pool.clone(), None).unwrap(),
        pool,
        shops: Arc::new(shared.shops),
        systems: shared.systems.into(),
        lanes: shared.lanes.into_keys().collect(),
        policy: Arc::new(shared.api_policy.clone()),
        workflow_pages: None,
        hold_window: shared.api_policy.hold_window,
        when_inventory_is_away: shared.api_policy.when_inventory_is_away,
        customers: shared.customers,
        health: Found::default(),
        queue,
        dispatcher,
        stock,
        shared_allocations: false,
        unverified: Unverified::default(),
    }
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

async fn answer(router: Router, request: Request) -> Answer {
    let response = router.oneshot(request).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
}

async fn send(method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    answer(interface(), request.body(body.into()).unwrap()).await
}

/// A problem, as every refusal is one.
fn assert_problem(answer: &Answer, status: StatusCode, name: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/problem+json");
    assert_eq!(answer.body["type"], format!("https://waybill.dev/errors/{name}"));
    assert_eq!(answer.body["status"], status.as_u16());
    assert!(answer.body["error"].is_string());
    assert_eq!(answer.headers["x-correlation-id"], *answer.body["correlationId"].as_str().unwrap());
}

async fn webhook(headers: &[(&str, &str)]) -> Answer {
    send("POST", "/webhooks/shopify", headers, SIGNED).await
}

#[tokio::test]
async fn a_webhook_that_is_too_large_is_refused_before_anything_else() {
    for (path, most) in [("/webhooks/shopify", MOST_WEBHOOK_BYTES), ("/webhooks/wms", MOST_BODY_BYTES)] {
        let answer = send("POST", path, &[], vec![b' '; most + 1]).await;
        assert_problem(&answer, StatusCode::PAYLOAD_TOO_LARGE, "body-too-large");
        assert!(answer.body["error"].as_str().unwrap().contains(&most.to_string()), "{}", answer.body);
    }
}

#[tokio::test]
async fn a_shop_has_a_path_of_its_own_and_none_but_that_where_it_is_configured() {
    for (needed, path, is_its_own) in [
        ("", "/webhooks/shopify", true),
        ("", "/webhooks/shopify/a.myshopify.com", true),
        ("", "/webhooks/shopify/b.myshopify.com", false),
        ("only-here-5f7c21", "/webhooks/shopify", false),
        ("only-here-5f7c21", "/webhooks/shopify/a.myshopify.com", false),
        ("only-here-5f7c21", "/webhooks/shopify/only-here-5f7c21", true),
    ] {
        let request = Request::post(path)
            .header("X-Shopify-Shop-Domain", SHOP)
            .header("X-Shopify-Topic", "orders/create")
            .header("X-Shopify-Webhook-Id", "wh-1")
            .header("X-Shopify-Hmac-Sha256", SIGNATURE)
            .body(SIGNED.into());
        let answer = answer(interface_with(config_with(needed)), request.unwrap()).await;
        // Whatever is let in would be kept, and the database is away.
        let expected = if is_its_own { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::UNAUTHORIZED };
        assert_eq!(answer.status, expected, "{path}");
    }
}

#[tokio::test]
async fn a_webhook_without_a_proof_hears_nothing_of_why_it_was_refused() {
    let topic = ("X-Shopify-Topic", "orders/create");
    let id = ("X-Shopify-Webhook-Id", "wh-1");
    let mut sentences = Vec::new();
    for headers in [
        vec![],
        vec![("X-Shopify-Shop-Domain", SHOP), topic, id],
        vec![("X-Shopify-Shop-Domain", SHOP), topic, id, ("X-Shopify-Hmac-Sha256", "AAAA")],
        vec![("X-Shopify-Shop-Domain", SHOP), ("X-Shopify-Hmac-Sha256", "AAAA")],
        vec![
            ("X-Shopify-Shop-Domain", "stranger.myshopify.com"),
            topic,
            id,
            ("X-Shopify-Hmac-Sha256", SIGNATURE),
        ],
    ] {
        let answer = webhook(&headers).await;
        assert_problem(&answer, StatusCode::UNAUTHORIZED, "webhook-refused");
        sentences.push(answer.body["error"].to_string());
    }
    sentences.dedup();
    assert_eq!(sentences.len(), 1);
}

#[tokio::test]
async fn a_signed_webhook_that_lacks_a_header_hears_which() {
    let long = "x".repeat(256);
    let proof = [("X-Shopify-Shop-Domain", SHOP), ("X-Shopify-Hmac-Sha256", SIGNATURE)];
    let topic = ("X-Shopify-Topic", "orders/create");
    let id = ("X-Shopify-Webhook-Id", "wh-1");
    for (missing, headers) in [
        ("X-Shopify-Shop-Domain", vec![proof[1], topic, id]),
        ("X-Shopify-Topic", vec![proof[0], proof[1], id]),
        ("X-Shopify-Webhook-Id", vec![proof[0], proof[1], topic]),
        ("X-Shopify-Webhook-Id", vec![proof[0], proof[1], topic, ("X-Shopify-Webhook-Id", "")]),
        ("X-Shopify-Webhook-Id", vec![proof[0], proof[1], topic, ("X-Shopify-Webhook-Id", &long)]),
        ("X-Shopify-Triggered-At", vec![proof[0], proof[1], topic, id, ("X-Shopify-Triggered-At", &long)]),
    ] {
        let answer = webhook(&headers).await;
        assert_problem(&answer, StatusCode::BAD_REQUEST, "invalid-request");
        assert_eq!(answer.body["field"], missing);
    }
}

#[tokio::test]
async fn a_webhook_that_cannot_be_committed_is_not_acknowledged() {
    let answer = webhook(&[
        ("X-Shopify-Shop-Domain", SHOP),
        ("X-Shopify-Hmac-Sha256", SIGNATURE),
        ("X-Shopify-Topic", "orders/create"),
        ("X-Shopify-Webhook-Id", "wh-1"),
    ])
    .await;
    assert_problem(&answer, StatusCode::SERVICE_UNAVAILABLE, "unavailable");
    assert!(answer.headers.contains_key(header::RETRY_AFTER));
}

#[tokio::test]
async fn a_callback_needs_its_three_headers_and_a_signature_that_fits() {
    let (id, time, wrong) =
        (("webhook-id", "m1"), ("webhook-timestamp", "1"), ("webhook-signature", "v1,AAAA"));
    for (headers, status, name) in [
        (vec![], StatusCode::UNAUTHORIZED, "webhook-refused"),
        (vec![id, time], StatusCode::UNAUTHORIZED, "webhook-refused"),
        (vec![id, time, wrong], StatusCode::UNAUTHORIZED, "webhook-refused"),
        (vec![time, wrong], StatusCode::BAD_REQUEST, "invalid-request"),
        (vec![id, wrong], StatusCode::BAD_REQUEST, "invalid-request"),
    ] {
        assert_problem(&send("POST", "/webhooks/wms", &headers, "{}").await, status, name);
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    assert_problem(&send("GET", "/nothing", &[], "").await, StatusCode::NOT_FOUND, "path-not-found");
    let answer = send("DELETE", "/api/orders", &[], "").await;
    assert_problem(&answer, StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed");
    let allowed = answer.headers[header::ALLOW].to_str().unwrap();
    assert!(allowed.contains("GET") && allowed.contains("POST"), "{allowed}");
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_a_problem() {
    let json = [("content-type", "application/json")];
    for (body, named) in [
        (r#"{"itemId":"#, ""),
        ("[]", ""),
        (r#"{"itemId": "A", "itemName": "A"}"#, "availableQty"),
        (r#"{"itemId": "A", "itemName": "A", "availableQty": 1.5}"#, "availableQty"),
        (r#"{"itemId": "A", "itemName": "A", "availableQty": -1}"#, "availableQty"),
        (r#"{"itemId": "A", "itemName": "", "availableQty": 1}"#, "itemName"),
        (r#"{"itemId": "A", "itemName": "A", "availableQty": 1, "unitPrice": "x"}"#, "unitPrice"),
        (r#"{"itemId": "A", "itemName": "A", "availableQty": 1, "warehouseId": "a b"}"#, "warehouseId"),
    ] {
        let answer = send("POST", "/api/inventory", &json, body).await;
        assert_problem(&answer, StatusCode::BAD_REQUEST, "invalid-request");
        let error = answer.body["error"].as_str().unwrap();
        assert!(error.contains(named), "{named} in {error}");
    }
    let answer = send("POST", "/api/inventory", &[], "{}").await;
    assert_problem(&answer, StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type");
    let answer = send("POST", "/api/orders", &json, vec![b' '; MOST_BODY_BYTES + 1]).await;
    assert_problem(&answer, StatusCode::PAYLOAD_TOO_LARGE, "body-too-large");
}

#[tokio::test]
async fn a_parameter_that_may_not_be_is_a_problem() {
    for path in [
        "/api/orders?limit=0",
        "/api/orders?limit=201",
        "/api/orders?limit=many",
        "/api/orders?shopifyOrderId=x",
        "/api/orders?shop=NO",
        "/api/orders?status=NOPE",
        "/api/orders/%20%3Bdrop",
        "/api/orders/%FF",
        "/api/orders/user",
        "/api/inventory/A/check",
        "/api/inventory/A/check?quantity=0",
        "/api/inventory/%20/check?quantity=1",
    ] {
        let answer = send("GET", path, &[], "").await;
        assert_problem(&answer, StatusCode::BAD_REQUEST, "invalid-request");
    }
}

#[tokio::test]
async fn the_process_is_up_while_its_database_is_away_and_says_it_is_not_ready() {
    let answer = send("GET", "/health", &[], "").await;
    assert_eq!((answer.status, &answer.body["status"]), (StatusCode::OK, &"up".into()));
    assert_problem(&send("GET", "/ready", &[], "").await, StatusCode::SERVICE_UNAVAILABLE, "unavailable");
}

#[tokio::test]
async fn every_route_of_orders_and_users_says_that_the_database_is_away_and_when_to_come_again() {
    let json = [("content-type", "application/json")];
    let keyed = [json[0], ("idempotency-key", "key-1")];
    let order = r#"{"order": {"userId": "user11", "items": [{"itemId": "A", "quantity": 1}]}}"#;
    let user = r#"{"userId": "user11", "name": "Sriram", "email": "sriram@example.com"}"#;
    for (method, path, headers, body) in [
        ("POST", "/api/orders", &json[..], order),
        ("POST", "/api/orders", &keyed[..], order),
        ("GET", "/api/orders?status=PENDING&limit=1", &[][..], ""),
        ("GET", "/api/orders/order-1", &[][..], ""),
        ("GET", "/api/orders/order-1/timeline", &[][..], ""),
        ("GET", "/api/orders/user/user11", &[][..], ""),
        ("GET", "/api/orders/user/sriram@example.com", &[][..], ""),
        ("POST", "/api/orders/order-1/retry", &[][..], ""),
        ("POST", "/api/users", &json[..], user),
        ("GET", "/api/users/user11", &[][..], ""),
    ] {
        let answer = send(method, path, headers, body).await;
        assert_problem(&answer, StatusCode::SERVICE_UNAVAILABLE, "unavailable");
        assert!(answer.headers.contains_key(header::RETRY_AFTER), "{method} {path}");
    }
}

#[tokio::test]
async fn a_callers_correlation_id_comes_back() {
    let answer = send("GET", "/nothing", &[("X-Correlation-Id", "req-1")], "").await;
    assert_problem(&answer, StatusCode::NOT_FOUND, "path-not-found");
    assert_eq!(answer.body["correlationId"], "req-1");
}

#[tokio::test]
async fn a_panic_tells_the_caller_nothing_but_that_it_was_our_fault() {
    async fn handler() -> &'static str {
        panic!("the password is swordfish")
    }
    let routes = limited(Router::new().route("/panics", get(handler)), TIME_LIMIT, None);
    let answer = answer(routes, Request::get("/panics").body(Body::empty()).unwrap()).await;
    assert_problem(&answer, StatusCode::INTERNAL_SERVER_ERROR, "internal");
    assert!(!answer.body.to_string().contains("swordfish"));
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_given_up() {
    let routes = Router::new().route("/endless", get(std::future::pending::<&'static str>));
    let routes = limited(routes, Duration::from_millis(10), None);
    let answer = answer(routes, Request::get("/endless").body(Body::empty()).unwrap()).await;
    assert_problem(&answer, StatusCode::SERVICE_UNAVAILABLE, "timed-out");
}

#[tokio::test]
async fn a_request_under_way_at_the_end_is_still_answered_and_none_is_taken_after_it() {
    let (arrived, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (inner_arrived, inner_go_on) = (Arc::clone(&arrived), Arc::clone(&go_on));
    let handler = async move || {
        inner_arrived.notify_one();
        inner_go_on.notified().await;
        "done"
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (end, ending) = oneshot::channel::<()>();
    let router = Router::new().route("/slow", get(handler));
    let served =
        tokio::spawn(serve(listener, router, Entrance::default(), async move { drop(ending.await) }));

    let mut caller = TcpStream::connect(address).await.unwrap();
    caller.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    arrived.notified().await;
    end.send(()).unwrap();
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    go_on.notify_one();
    let mut answer = String::new();
    caller.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
    timeout(Duration::from_secs(10), served).await.unwrap().unwrap();
}
