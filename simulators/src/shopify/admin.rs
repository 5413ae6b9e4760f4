//! The Admin GraphQL endpoint: token, document, price, fault, execution.

use std::sync::Arc;
use std::time::Duration;

use apollo_compiler::response::JsonMap;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::bucket;
use super::document::{Operation, Selected, read};
use super::orders::number;
use super::placing::send;
use super::selection::{ANSWER, project};
use super::{Shop, cancelling, fulfilling, inventory, moving, refunding, tagging, user_errors, views};
use crate::calls::{Call, Reply, answer, turn_away};
use crate::deliveries::Delivery;
use crate::faults::{Fault, MUTATIONS};

/// The queries that go by their own name, as all mutations do.
const QUERIES: &[&str] = &[
    "order",
    "reverseFulfillmentOrder",
    "inventoryItem",
    "inventoryItems",
    "productVariants",
    "location",
    "locations",
    "nodes",
    "job",
    "shop",
    "currentAppInstallation",
    "webhookSubscriptions",
];
/// What any other operation is called.
const UNNAMED: &str = "graphql";
const TOKEN_HEADER: &str = "X-Shopify-Access-Token";
const INVALID_TOKEN: &str = "[API] Invalid API key or access token (unrecognized login or wrong password)";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GraphqlRequest {
    query: String,
    operation_name: Option<String>,
    variables: Option<JsonMap>,
}

/// `POST /admin/api/2026-07/graphql.json`: all orders, and the stock of the shop that needs no name.
pub(super) async fn call(State(shop): State<Arc<Shop>>, headers: HeaderMap, body: Bytes) -> Response {
    let domain = shop.settings.shop_domain.clone();
    called(shop, domain, &headers, &body).await
}

/// `POST /shops/{shop}/admin/api/2026-07/graphql.json`: the same, with the stock of this shop.
pub(super) async fn call_of_shop(
    State(shop): State<Arc<Shop>>,
    Path(domain): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    called(shop, domain, &headers, &body).await
}

async fn called(shop: Arc<Shop>, domain: String, headers: &HeaderMap, body: &Bytes) -> Response {
    let given = headers.get(TOKEN_HEADER).and_then(|given| given.to_str().ok()).unwrap_or_default();
    if given != shop.settings.shopify_admin_token && !shop.tokens.lock().accept(given, &domain) {
        let reply = Reply::new(StatusCode::UNAUTHORIZED, json!({ "errors": INVALID_TOKEN }));
        return turn_away(&shop.control, &unread_call(), reply);
    }
    let operation = match read_request(&shop, body) {
        Ok(operation) => operation,
        Err(reply) => return turn_away(&shop.control, &unread_call(), *reply),
    };
    let call = call_about(&shop, &domain, &operation);
    let control = Arc::clone(&shop.control);
    answer(control, call, move |fault| {
        let requested = bucket::requested(&operation);
        let mut manner = Manner { echo_first: false, cancel_after_ms: shop.settings.shopify_cancel_after_ms };
        match fault {
            None => {}
            Some(Fault::EchoFirst) => manner.echo_first = true,
            Some(Fault::CancelAfterMs(after_ms)) => manner.cancel_after_ms = after_ms,
            Some(fault) => return refuse(&shop, &operation, requested, fault),
        }
        pay_and_execute(&shop, &domain, &operation, requested, &manner)
    })
    .await
}

/// A fault that the shop words itself.
fn refuse(shop: &Shop, operation: &Operation, requested: u32, fault: Fault) -> Reply {
    match fault {
        Fault::UserErrors(errors) => {
            let refusal = user_errors(&errors);
            let refused: Value =
                operation.roots.iter().map(|root| (root.key.clone(), project(root, &refusal))).collect();
            let extensions = shop.bucket.lock().cost(requested, Some(requested));
            Reply::new(StatusCode::OK, json!({ "data": refused, "extensions": extensions }))
                .note("userErrors", errors)
        }
        Fault::RateLimit { retry_after_s } => {
            throttled(shop.bucket.lock().exhausted(requested, retry_after_s))
        }
        other => Reply::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            json!({ "errors": format!("{} means nothing to Shopify", other.name()) }),
        ),
    }
}

/// How mutations go about it.
struct Manner {
    /// The shop's webhooks about it are sent before the answer.
    echo_first: bool,
    /// How long a cancellation takes.
    cancel_after_ms: u64,
}

fn read_request(shop: &Shop, body: &[u8]) -> Result<Operation, Box<Reply>> {
    let request: GraphqlRequest = serde_json::from_slice(body).map_err(|error| {
        Box::new(Reply::new(StatusCode::BAD_REQUEST, json!({ "errors": { "query": error.to_string() } })))
    })?;
    let variables = request.variables.unwrap_or_default();
    read(&shop.documents, &request.query, request.operation_name.as_deref(), &variables).map_err(|errors| {
        let noted = json!(errors);
        Box::new(Reply::new(StatusCode::OK, json!({ "errors": errors })).note("errors", noted))
    })
}

fn unread_call() -> Call {
    Call { operations: vec![UNNAMED], ..Call::default() }
}

/// Which order a request is about, and under which names a rule may mean it.
fn call_about(shop: &Shop, domain: &str, operation: &Operation) -> Call {
    let operations = operation.roots.iter().flat_map(operation_names).collect();
    let mut call = Call { operations, ..Call::default() };
    let book = shop.book.lock();
    let arguments: Value =
        operation.roots.iter().map(|root| (root.key.clone(), json!(root.arguments))).collect();
    let ids = ids_in(&arguments);
    call.skus = book.inventory.skus(domain, &ids);
    let order = ids.into_iter().find_map(|id| {
        let routed = || Some(book.with_fulfilment_order(number("FulfillmentOrder", id)?)?.0);
        number("Order", id).and_then(|id| book.find(id)).or_else(routed)
    });
    if let Some(order) = order {
        call.subject = order.subject();
        call.skus = order.skus();
    }
    if let Some(key) = operation.roots.iter().find_map(|root| root.key_of_call.as_deref()) {
        call.details.insert("idempotencyKey".into(), json!(key));
    }
    call.details.insert("arguments".into(), arguments);
    call
}

/// Every text in the arguments, of which some are global ids.
fn ids_in(arguments: &Value) -> Vec<&str> {
    match arguments {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(ids_in).collect(),
        Value::Object(members) => members.values().flat_map(ids_in).collect(),
        _ => Vec::new(),
    }
}

/// The first is the name in the ledger.
fn operation_names(root: &Selected) -> Vec<&'static str> {
    match root.name.as_str() {
        "order" if root.children.iter().any(|child| child.name == "fulfillmentOrders") => {
            vec!["fulfillmentOrders", "order"]
        }
        "fulfillmentOrder" => vec!["fulfillmentOrders"],
        name => {
            let known = MUTATIONS.iter().chain(QUERIES).find(|known| **known == name);
            vec![known.unwrap_or(&UNNAMED)]
        }
    }
}

fn pay_and_execute(
    shop: &Arc<Shop>,
    domain: &str,
    operation: &Operation,
    requested: u32,
    manner: &Manner,
) -> Reply {
    if requested > bucket::MOST_POINTS {
        return too_dear(requested);
    }
    if !shop.bucket.lock().pay(requested) {
        return throttled(shop.bucket.lock().cost(requested, None));
    }
    let mut data = Map::new();
    let mut refusals = Vec::new();
    let mut outcome = Outcome::default();
    for root in &operation.roots {
        let view = execute(shop, domain, root, manner, &mut outcome);
        if let Some(errors) = view["userErrors"].as_array().filter(|errors| !errors.is_empty()) {
            refusals.extend(errors.iter().cloned());
        }
        data.insert(root.key.clone(), project(root, &view));
    }
    outcome.echoes.extend(shop.tell_levels(&mut shop.book.lock()));
    let data = Value::Object(data);
    let actual = bucket::actual(operation, &data, requested);
    let mut bucket = shop.bucket.lock();
    bucket.give_back(requested - actual);
    let extensions = bucket.cost(requested, Some(actual));
    let points = json!({ "requested": requested, "actual": actual });
    let mut body = json!({ "data": data, "extensions": extensions });
    if !outcome.errors.is_empty() {
        body["errors"] = json!(outcome.errors);
    }
    let mut reply = Reply::new(StatusCode::OK, body).note("points", points);
    reply.headers = shop.app.lock().headers(operation);
    if manner.echo_first {
        reply.first = outcome.echoes;
    } else if shop.settings.shopify_echo {
        send(shop, outcome.echoes, Duration::ZERO);
    }
    if refusals.is_empty() { reply } else { reply.note("userErrors", json!(refusals)) }
}

/// What mutations leave beside their payloads.
#[derive(Default)]
struct Outcome {
    /// What the shop says of them by webhook.
    echoes: Vec<Delivery>,
    errors: Vec<Value>,
}

/// The whole view of what a root field returns.
fn execute(shop: &Arc<Shop>, domain: &str, root: &Selected, manner: &Manner, outcome: &mut Outcome) -> Value {
    let id = root.arguments.get("id").and_then(Value::as_str).unwrap_or_default();
    let arguments = &root.arguments;
    let silently = |view| (view, Vec::new());
    let (view, told) = match root.name.as_str() {
        "fulfillmentCreate" => fulfilling::create(shop, arguments),
        "fulfillmentOrderMove" => moving::relocate(shop, arguments).unwrap_or_else(|| {
            outcome.errors.push(json!({
                "message": format!("Invalid id: {id}"),
                "path": [root.key],
                "extensions": { "code": "RESOURCE_NOT_FOUND" },
            }));
            silently(Value::Null)
        }),
        "refundCreate" => refunding::create(shop, arguments, root.key_of_call.as_deref().unwrap_or_default()),
        "orderCancel" => {
            silently(cancelling::cancel(shop, arguments, Duration::from_millis(manner.cancel_after_ms)))
        }
        "shop" => silently(json!({ "id": "gid://shopify/Shop/1" })),
        "currentAppInstallation" => silently(shop.app.lock().installation()),
        "webhookSubscriptions" => silently(shop.app.lock().subscriptions()),
        "tagsAdd" => silently(tagging::add(shop, arguments)),
        "inventorySetQuantities" => {
            let key = root.key_of_call.as_deref().unwrap_or_default();
            silently(inventory::set(&mut shop.book.lock().inventory, domain, arguments, key))
        }
        "inventoryActivate" => silently(activate(shop, domain, root)),
        "nodes" => silently(nodes(shop, domain, root)),
        "job" => silently(json!({ "id": id, "done": !shop.book.lock().jobs.contains(id) })),
        _ => match inventory::resolve(shop.book.lock().inventory.stock(domain), root) {
            Ok(Some(answer)) => silently(json!({ ANSWER: answer })),
            Ok(None) => silently(Value::Null),
            Err(why) => {
                outcome.errors.push(json!({ "message": why, "path": [root.key] }));
                silently(Value::Null)
            }
        },
    };
    let view = if view.is_null() { find(shop, root, id).unwrap_or_default() } else { view };
    outcome.echoes.extend(told);
    view
}

/// Stocks an item; a level is shown as it is asked for.
fn activate(shop: &Shop, domain: &str, root: &Selected) -> Value {
    let mut book = shop.book.lock();
    let key = root.key_of_call.as_deref().unwrap_or_default();
    let (payload, level) = inventory::activate(&mut book.inventory, domain, &root.arguments, key);
    let stock = book.inventory.stock(domain);
    let shown = root.children.iter().map(|child| {
        let shown = match (child.name.as_str(), level) {
            ("inventoryLevel", Some(level)) => inventory::level(stock, child, level),
            _ => project(child, &payload[&child.name]),
        };
        (child.key.clone(), shown)
    });
    json!({ ANSWER: shown.collect::<Map<_, _>>(), "userErrors": payload["userErrors"] })
}

/// What `nodes` asks for: one answer for each id, in their order.
fn nodes(shop: &Shop, domain: &str, root: &Selected) -> Value {
    let ids = root.arguments.get("ids").and_then(Value::as_array).into_iter().flatten();
    let answer = |id: &Value| {
        let of_stock = inventory::node(shop.book.lock().inventory.stock(domain), root, id);
        of_stock.unwrap_or_else(|| {
            let found = find(shop, root, id.as_str().unwrap_or_default());
            found.map_or(Value::Null, |view| project(root, &view))
        })
    };
    json!({ ANSWER: ids.map(answer).collect::<Value>() })
}

/// The object with that global id, if it is of the kind that is asked for.
fn find(shop: &Shop, root: &Selected, id: &str) -> Option<Value> {
    let book = shop.book.lock();
    let of = |kind: &str, field: &str| {
        number(kind, id).filter(|_| root.name == field || matches!(root.name.as_str(), "node" | "nodes"))
    };
    if let Some(order) = of("Order", "order") {
        let order = book.find(order)?;
        let mut view = views::order(order);
        // The only field whose value hangs on its arguments.
        if let Some(asked) = root.children.iter().find(|child| child.name == "suggestedRefund") {
            view["suggestedRefund"] = views::suggested_refund(order, &asked.arguments);
        }
        Some(view)
    } else if let Some(id) = of("FulfillmentOrder", "fulfillmentOrder") {
        book.with_fulfilment_order(id).map(|(order, found)| views::fulfilment_order(order, found))
    } else if let Some(id) = of("ReverseFulfillmentOrder", "reverseFulfillmentOrder") {
        book.with_reverse(id).map(|(order, found)| views::reverse(order, found))
    } else {
        let id = of("Fulfillment", "fulfillment")?;
        book.with_fulfilment(id).map(|(order, found)| views::fulfilment(order, found))
    }
}

/// The answer to a call that costs more than any call may.
fn too_dear(requested: u32) -> Reply {
    let message = format!(
        "Query cost is {requested}, which exceeds the single query max cost limit ({}).",
        bucket::MOST_POINTS
    );
    let extensions = json!({
        "code": "MAX_COST_EXCEEDED",
        "cost": requested,
        "maxCost": bucket::MOST_POINTS,
        "documentation": "https://shopify.dev/api/usage/rate-limits",
    });
    let errors = json!([{ "message": message, "extensions": extensions }]);
    Reply::new(StatusCode::OK, json!({ "errors": errors })).note("errors", errors)
}

fn throttled(extensions: Value) -> Reply {
    Reply::new(
        StatusCode::OK,
        json!({
            "errors": [{
                "message": "Throttled",
                "extensions": {
                    "code": "THROTTLED",
                    "documentation": "https://shopify.dev/api/usage/rate-limits",
                },
            }],
            "extensions": extensions,
        }),
    )
    .note("throttled", json!(true))
}
