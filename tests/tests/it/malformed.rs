//! What nobody may take: three hundred requests with something wrong, over every route that is
//! described, are refused in words, quickly, and leave nothing behind.

mod requests;

use std::time::{Duration, Instant};

use rand::{SeedableRng, rngs::StdRng};
use reqwest::{Method, StatusCode, header::HeaderValue};
use serde_json::{Value, json};

use crate::{
    line::WORLD,
    openapi::{self, Operation},
    world::{self, Plan, SECRET, SHOP, World, signature},
};
use requests::{Malformed, requests};

const NUMBER: usize = 300;
const SEED: u64 = 20_261_121;
/// How long an answer may take on a busy machine: what hangs takes longer.
const WITHIN: Duration = Duration::from_secs(5);

#[test]
fn three_hundred_malformed_requests_are_refused_in_words_and_leave_nothing_behind() {
    // A world of its own: nobody else may add a row.
    let world = world::run(World::start(Plan::default()));
    world::run(async {
        let operations = openapi::operations(&world).await;
        assert!(operations.len() > 10, "{} operations are described", operations.len());
        let mut random = StdRng::seed_from_u64(SEED);
        let requests = requests(&operations, &world.token("admin"), NUMBER, &mut random);
        assert_eq!(requests.len(), NUMBER);
        stock_the_example(&world, &operations).await;
        let before = rows(&world).await;
        let mut faults = Vec::new();
        for request in &requests {
            faults.extend(fault_of(&world, request).await);
        }
        assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
        assert_eq!(rows(&world).await, before, "nothing was kept");
    });
}

#[test]
fn no_answer_is_guessed_at_or_kept_on_its_way() {
    let world = &*WORLD;
    world::run(async {
        for path in ["/health", "/api/orders/nobody-knows-it", "/nowhere", "/allocations/by-order/none"] {
            let answer = world.http.get(world.api(path)).send().await.unwrap();
            assert_eq!(answer.headers()["x-content-type-options"], "nosniff", "{path}");
            assert_eq!(answer.headers()["cache-control"], "no-store", "{path}");
        }
    });
}

#[test]
fn a_webhooks_signature_and_shop_stand_there_once() {
    let world = &*WORLD;
    world::run(async {
        let body = json!({"id": 4_444_000_010_i64}).to_string();
        let send = async |more: Option<(&str, String)>| {
            let mut request = world
                .http
                .post(world.api("/webhooks/shopify"))
                .header("X-Shopify-Topic", "products/update")
                .header("X-Shopify-Shop-Domain", SHOP)
                .header("X-Shopify-Webhook-Id", format!("once-{:?}", more.as_ref().map(|(name, _)| *name)))
                .header("X-Shopify-Hmac-Sha256", signature(SECRET, body.as_bytes()));
            if let Some((name, value)) = more {
                request = request.header(name, value);
            }
            request.body(body.clone()).send().await.unwrap().status().as_u16()
        };
        assert_eq!(send(None).await, 200);
        let twice = Some(("X-Shopify-Hmac-Sha256", signature(SECRET, body.as_bytes())));
        assert!(matches!(send(twice).await, 400 | 401), "two signatures");
        assert!(
            matches!(send(Some(("X-Shopify-Shop-Domain", SHOP.to_owned()))).await, 400 | 401),
            "two shops"
        );
    });
}

#[test]
fn headers_are_bounded_as_documented() {
    let world = &*WORLD;
    world::run(async {
        let asked =
            |bytes: usize| world.http.get(world.api("/health")).header("X-Long", "x".repeat(bytes)).send();
        assert_eq!(asked(60 * 1024).await.unwrap().status(), StatusCode::OK);
        assert_eq!(asked(70 * 1024).await.unwrap().status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    });
}

/// What is asked for in the examples is there, so that what is wrong is all that is wrong.
async fn stock_the_example(world: &World, operations: &[Operation]) {
    let stocking = operations.iter().find(|op| op.path == "/api/inventory" && op.method == "post");
    let item = stocking.and_then(Operation::example).expect("stocking an item has an example");
    let answer = world.http.post(world.api("/api/inventory")).json(&item).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED, "{}", answer.text().await.unwrap());
}

/// What is wrong with the answer to a request, if anything is.
async fn fault_of(world: &World, request: &Malformed) -> Option<String> {
    let started = Instant::now();
    let method = Method::from_bytes(request.method.as_bytes()).unwrap();
    // A connection of its own: who sends what cannot be read may find it ended afterwards.
    let mut asked = world.http.request(method, world.api(&request.path)).header("connection", "close");
    for (name, value) in &request.headers {
        asked = asked.header(*name, HeaderValue::from_bytes(value).unwrap());
    }
    if let Some(body) = &request.body {
        asked = asked.body(body.clone());
    }
    let answer = asked.send().await.expect("the API answers");
    let (status, headers) = (answer.status(), answer.headers().clone());
    let text = answer.text().await.expect("text");
    let took = started.elapsed();
    let shown = || {
        let body = String::from_utf8_lossy(request.body.as_deref().unwrap_or_default()).into_owned();
        let body: String = body.chars().take(200).collect();
        format!("{} ({} {} {body}): {status} {text}", request.what, request.method, request.path)
    };
    if !request.refused_with.contains(&status.as_u16()) {
        return Some(format!("not one of {:?}: {}", request.refused_with, shown()));
    }
    if !headers.contains_key("x-correlation-id") {
        return Some(format!("no correlation id: {}", shown()));
    }
    if took > WITHIN {
        return Some(format!("took {took:?}: {}", shown()));
    }
    let content_type = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_told = is_told(&request.path, status, content_type, &text);
    (!is_told).then(|| format!("not told in words ({content_type}): {}", shown()))
}

/// Whether a refusal says what it has to: as a problem, or wrapped on the integration endpoints.
fn is_told(path: &str, status: StatusCode, content_type: &str, text: &str) -> bool {
    let Ok(body) = serde_json::from_str::<Value>(text) else {
        return false;
    };
    let is_text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    if path.starts_with("/allocations") || path.starts_with("/orders") {
        content_type == "application/json"
            && body["success"] == false
            && is_text(&body["error"]["code"])
            && is_text(&body["error"]["message"])
    } else {
        content_type == "application/problem+json"
            && is_text(&body["type"])
            && is_text(&body["detail"])
            && body["status"] == status.as_u16()
    }
}

/// How many rows every table of ours has.
async fn rows(world: &World) -> Vec<(String, i64)> {
    let tables: Vec<String> = sqlx::query_scalar(
        // A day of the outbox may be made meanwhile.
        "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE nspname IN ('inventory', 'orders', 'integration') AND relkind IN ('r', 'p') AND NOT relispartition
         ORDER BY 1",
    )
    .fetch_all(&world.pool)
    .await
    .expect("the tables are listed");
    assert!(tables.len() > 10, "{tables:?}");
    let mut rows = Vec::new();
    for table in tables {
        let count = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        let number = sqlx::query_scalar(count).fetch_one(&world.pool).await.expect("a table is counted");
        rows.push((table, number));
    }
    rows
}
