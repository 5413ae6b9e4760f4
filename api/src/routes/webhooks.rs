//! Webhooks: verified, committed, acknowledged, and only then acted on.
//!
//! **Invariant:** nothing of a body is looked at before its signature holds over the raw bytes.

use std::{sync::LazyLock, time::Instant};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
};
use chrono::Utc;
use dispatch::SWEEP_AFTER;
use domain::WarehouseSystem;
use metrics::{counter, histogram};
use orders::inbox::{self, NewMessage, Source};
use serde_json::{Value, json};
use shopify::webhook::Topic;
use tracing::warn;
use utoipa::{IntoParams, IntoResponses};
use utoipa_axum::{router::OpenApiRouter, routes};
use warehouse::callback::SignatureError;

use crate::{
    extract::PathPart,
    limits::{MOST_BODY_BYTES, MOST_WEBHOOK_BYTES},
    paced_log::PacedLog,
    problem::Problem,
    state::Api,
    telemetry::{ACKNOWLEDGEMENT, WEBHOOKS},
    unverified::UnverifiedBody,
};

mod keeping;
use keeping::keep;

/// The most characters of a header that is kept.
const MOST_HEADER_CHARACTERS: usize = 255;

pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(shopify))
        .routes(routes!(shopify_at))
        .routes(routes!(wms))
        .routes(routes!(wms_of))
}

/// The headers of a webhook of a shop.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it describes what is read by name")]
struct ShopifyHeaders {
    /// HMAC-SHA256 of the body under one of the shop's secrets, in base64
    #[param(rename = "X-Shopify-Hmac-Sha256", max_length = 255)]
    signature: String,
    /// The shop, which has to be configured
    #[param(rename = "X-Shopify-Shop-Domain", max_length = 255, example = "anyx-demo.myshopify.com")]
    shop_domain: String,
    /// The delivery's own id
    #[param(
        rename = "X-Shopify-Webhook-Id",
        max_length = 255,
        example = "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"
    )]
    webhook_id: String,
    /// What it is about
    #[param(rename = "X-Shopify-Topic", max_length = 255, example = "orders/create")]
    topic: String,
    #[param(rename = "X-Shopify-API-Version", max_length = 255, example = "2026-04")]
    api_version: Option<String>,
    #[param(rename = "X-Shopify-Triggered-At", max_length = 255)]
    triggered_at: Option<String>,
    #[param(rename = "X-Shopify-Event-Id", max_length = 255)]
    event_id: Option<String>,
}

/// The headers of a callback of a warehouse system.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it describes what is read by name")]
struct CallbackHeaders {
    /// The callback's own id
    #[param(rename = "webhook-id", max_length = 255)]
    id: String,
    /// When it was signed, in seconds since 1970
    #[param(rename = "webhook-timestamp", max_length = 255, example = "1795250000")]
    timestamp: String,
    /// `v1,` and the signature in base64; several with a space between them
    #[param(rename = "webhook-signature")]
    signature: String,
}

/// What every sender may hear.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it describes what is answered")]
enum Answers {
    #[response(status = 200, description = "Kept")]
    Kept,
    #[response(status = 401, description = "The sender did not prove who it is")]
    Refused,
    #[response(status = 408, description = "The body came too slowly")]
    TooSlow,
}

/// What became of a delivery.
enum Receipt {
    New,
    Repeated,
}

/// A webhook of a Shopify shop
///
/// Kept, answered, and then acted on. The same delivery again is answered in the same way and does nothing.
/// What is signed is kept even if it cannot be read; the inbox then says why nothing came of it.
#[utoipa::path(
    post, path = "/webhooks/shopify", tag = "webhooks", operation_id = "takeShopifyWebhook",
    params(ShopifyHeaders),
    request_body(
        content = Value, content_type = "application/json",
        description = "As the shop sends it; the signature is over these bytes",
        example = json!({"id": 820_982_911_946_154_508_u64, "name": "#1001"}),
    ),
    responses(Answers, (status = 413, description = "The body is larger than 5 MiB")),
)]
async fn shopify(State(api): State<Api>, request: Request) -> Result<StatusCode, Problem> {
    let delivery = Delivery::of(Source::Shopify);
    delivery.acknowledge(take_shopify(&api, None, request).await)
}

/// A webhook of one Shopify shop
///
/// As `/webhooks/shopify`, for the shop whose path it is: its domain, or what its configuration says. Shopify signs
/// the body and not the header that names the shop, so shops of one app, which share its secret, are told apart
/// by their paths.
#[utoipa::path(
    post, path = "/webhooks/shopify/{path}", tag = "webhooks", operation_id = "takeWebhookOfShop",
    params(
        ("path" = String, Path, description = "The shop's domain, or what its configuration says", max_length = 128,
         example = "anyx-demo.myshopify.com"),
        ShopifyHeaders,
    ),
    request_body(
        content = Value, content_type = "application/json",
        description = "As the shop sends it; the signature is over these bytes",
        example = json!({"id": 820_982_911_946_154_508_u64, "name": "#1001"}),
    ),
    responses(Answers, (status = 413, description = "The body is larger than 5 MiB")),
)]
async fn shopify_at(
    State(api): State<Api>,
    PathPart(path): PathPart<String>,
    request: Request,
) -> Result<StatusCode, Problem> {
    let delivery = Delivery::of(Source::Shopify);
    delivery.acknowledge(take_shopify(&api, Some(&path), request).await)
}

/// A callback of the warehouse
///
/// Signed as Standard Webhooks are. Kept, answered, and then acted on.
#[utoipa::path(
    post, path = "/webhooks/wms", tag = "webhooks", operation_id = "takeWarehouseCallback",
    params(CallbackHeaders),
    request_body(
        content = Value, content_type = "application/json",
        description = "What happened to a shipment; the signature is over these bytes",
        example = json!({
            "type": "shipment.shipped", "reference": "ORD-20261121-7K2M9QXA-main-1", "shipmentId": "SHP-1",
            "sequence": 3, "carrier": "DHL", "trackingNumber": "00340434292135100186",
        }),
    ),
    responses(Answers, (status = 413, description = "The body is larger than 1 MiB")),
)]
async fn wms(State(api): State<Api>, request: Request) -> Result<StatusCode, Problem> {
    let delivery = Delivery::of(Source::Warehouse);
    delivery.acknowledge(take_wms(&api, &WarehouseSystem::first(), request).await)
}

/// A callback of one warehouse system
///
/// As `/webhooks/wms`, for the system whose name it is, in the words of that system.
#[utoipa::path(
    post, path = "/webhooks/wms/{system}", tag = "webhooks", operation_id = "takeCallbackOfSystem",
    params(
        ("system" = String, Path, description = "The system's name in the configuration", max_length = 32,
         example = "depot"),
        CallbackHeaders,
    ),
    request_body(
        content = Value, content_type = "application/json",
        description = "What happened to a parcel; the signature is over these bytes",
        example = json!({"event": "package.left", "package": {
            "packageId": "P-1", "externalReference": "ORD-20261121-7K2M9QXA-north-1", "revision": 3, "stage": "LEFT",
        }}),
    ),
    responses(Answers, (status = 413, description = "The body is larger than 1 MiB")),
)]
async fn wms_of(
    State(api): State<Api>,
    PathPart(system): PathPart<String>,
    request: Request,
) -> Result<StatusCode, Problem> {
    let delivery = Delivery::of(Source::Warehouse);
    delivery.acknowledge(match WarehouseSystem::parse(&system) {
        Ok(system) => take_wms(&api, &system, request).await,
        Err(_) => Err(refused("the warehouse system is not configured")),
    })
}

/// A delivery, counted when it is dropped: one whose sender hangs up, or that runs out of time, has no
/// other end.
struct Delivery {
    source: Source,
    started: Instant,
    outcome: &'static str,
}

impl Delivery {
    fn of(source: Source) -> Self {
        Self { source, started: Instant::now(), outcome: "given-up" }
    }

    fn acknowledge(mut self, taken: Result<Receipt, Problem>) -> Result<StatusCode, Problem> {
        self.outcome = match &taken {
            Ok(Receipt::New) => "new",
            Ok(Receipt::Repeated) => "repeated",
            Err(problem) => problem.name(),
        };
        taken.map(|_| StatusCode::OK)
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        counter!(WEBHOOKS, "source" => self.source.as_str(), "outcome" => self.outcome).increment(1);
        histogram!(ACKNOWLEDGEMENT, "source" => self.source.as_str()).record(self.started.elapsed());
    }
}

async fn take_shopify(api: &Api, path: Option<&str>, request: Request) -> Result<Receipt, Problem> {
    let (headers, body) = read(api, request, MOST_WEBHOOK_BYTES).await?;
    let signature = header(&headers, "X-Shopify-Hmac-Sha256").map_err(|_| refused("no signature"))?;
    let domain = header(&headers, "X-Shopify-Shop-Domain")?;
    let shop = api.shops.get(domain).ok_or_else(|| refused("the shop is not configured"))?;
    if !shopify::webhook::verify(&shop.webhook_secrets, body.bytes(), signature) {
        return Err(refused("the signature does not fit"));
    }
    if !shop.is_at(path) {
        return Err(refused("the path is not the shop's"));
    }
    let body = body.verified();
    let topic = header(&headers, "X-Shopify-Topic")?;
    let subject = subject_of(topic, &body);
    let message = NewMessage {
        source: Source::Shopify,
        shop: shop.domain.as_str(),
        message_id: header(&headers, "X-Shopify-Webhook-Id")?,
        topic,
        subject: subject.as_deref(),
        headers: json!({
            "apiVersion": optional_header(&headers, "X-Shopify-API-Version")?,
            "triggeredAt": optional_header(&headers, "X-Shopify-Triggered-At")?,
            "eventId": optional_header(&headers, "X-Shopify-Event-Id")?,
        }),
        body: &body,
        sweep_after: SWEEP_AFTER,
    };
    keep(api, &message).await
}

async fn take_wms(api: &Api, system: &WarehouseSystem, request: Request) -> Result<Receipt, Problem> {
    let (headers, body) = read(api, request, MOST_BODY_BYTES).await?;
    let signature = long_header(&headers, "webhook-signature").ok_or_else(|| refused("no signature"))?;
    let id = header(&headers, "webhook-id")?;
    let timestamp = header(&headers, "webhook-timestamp")?;
    let system = api.systems.iter().find(|known| known.name == *system);
    let system = system.ok_or_else(|| refused("the warehouse system is not configured"))?;
    let verdict = warehouse::callback::verify(
        &system.webhook_secrets,
        id,
        timestamp,
        signature,
        body.bytes(),
        Utc::now(),
    );
    verdict.map_err(|refusal| match refusal {
        SignatureError::Timestamp => refused("the timestamp is no number"),
        SignatureError::TooOld => refused("it was signed too long ago"),
        SignatureError::TooNew => refused("it was signed in the future"),
        SignatureError::Signature => refused("the signature does not fit"),
    })?;
    let body = body.verified();
    let message = NewMessage {
        source: Source::Warehouse,
        shop: inbox::shop_of_system(&system.name),
        message_id: id,
        topic: "callback",
        subject: None,
        headers: Value::Object(serde_json::Map::new()),
        body: &body,
        sweep_after: SWEEP_AFTER,
    };
    keep(api, &message).await
}

/// The size is the first thing that is looked at.
async fn read(api: &Api, request: Request, most: usize) -> Result<(HeaderMap, UnverifiedBody), Problem> {
    let (parts, body) = request.into_parts();
    let body = api.unverified.read(&parts.headers, body, most).await?;
    Ok((parts.headers, body))
}

/// Whose order a verified body is about, as far as two members tell: its number, or `FulfillmentOrder/` and
/// the number of its fulfilment order. What tells less is looked at later.
pub(crate) fn subject_of(topic: &str, body: &[u8]) -> Option<String> {
    if matches!(Topic::parse(topic), Topic::FulfilmentOrders(_) | Topic::FulfilmentHolds(_)) {
        let named = shopify::wire::parse_fulfilment_order_mention(body);
        return named.first().map(|number| format!("FulfillmentOrder/{number}"));
    }
    // Where a member stands twice the last one counts, as it does when the body is read.
    let body: Value = serde_json::from_slice(body).ok()?;
    let number = |value: &Value| match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => {
            domain::leniently::whole(text).or_else(|| Some(shopify::gid::order(text.trim())?.0))
        }
        _ => None,
    };
    let named = [
        &body["order_id"],
        &body["admin_graphql_api_order_id"],
        &body["order_edit"]["order_id"],
        &body["order"]["id"],
        &body["id"],
        &body["admin_graphql_api_id"],
    ];
    named.into_iter().find_map(number).map(|id| id.to_string())
}

/// The reason is for our log; the sender hears none.
fn refused(reason: &'static str) -> Problem {
    static PACED: LazyLock<PacedLog> = LazyLock::new(PacedLog::new);
    if let Some(left_out) = PACED.turn() {
        warn!(reason, left_out, "webhook refused");
    }
    Problem::WebhookRefused
}

/// A header that has to be there.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Problem> {
    optional_header(headers, name)?.ok_or_else(|| Problem::invalid(name, "this header is missing"))
}

/// A header of 1 to 255 visible characters; an empty one counts as absent. Of two, nobody knows which one
/// the sender and a proxy between us looked at.
fn optional_header<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Problem> {
    let mut given = headers.get_all(name).iter();
    let Some(value) = given.next() else {
        return Ok(None);
    };
    if given.next().is_some() {
        return Err(Problem::invalid(name, "once, and not twice"));
    }
    match value.to_str().map(str::trim) {
        Ok(text) if text.len() <= MOST_HEADER_CHARACTERS => Ok(Some(text).filter(|text| !text.is_empty())),
        _ => Err(Problem::invalid(name, "at most 255 visible ASCII characters")),
    }
}

/// A list of signatures may be longer than one value; the listener bounds all headers together.
fn long_header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut given = headers.get_all(name).iter();
    let value = given.next().filter(|_| given.next().is_none())?;
    value.to_str().ok().filter(|text| !text.is_empty())
}
