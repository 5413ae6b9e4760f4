//! Webhooks: verified, committed, acknowledged, and only then acted on.
//!
//! **Invariant:** nothing of a body is looked at before its signature holds over the raw bytes.

use std::time::Instant;

use axum::{
    body::Bytes,
    extract::{FromRequest, Request, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use chrono::Utc;
use intake::settings::SWEEP_AFTER;
use metrics::{counter, histogram};
use orders::inbox::{self, NewMessage, Source};
use serde_json::{Value, json};
use tracing::warn;
use utoipa_axum::router::OpenApiRouter;
use warehouse::callback::Refusal;

use crate::{
    extract::body_unread,
    problem::Problem,
    server::Api,
    telemetry::{ACKNOWLEDGEMENT, WEBHOOKS},
};

/// The most characters of a header that is kept.
const MOST_HEADER_CHARACTERS: usize = 255;

pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().route("/webhooks/shopify", post(shopify)).route("/webhooks/wms", post(wms))
}

/// What became of a delivery.
enum Taken {
    New,
    Repeated,
}

async fn shopify(State(api): State<Api>, request: Request) -> Result<StatusCode, Problem> {
    let started = Instant::now();
    acknowledge(Source::Shopify, started, take_shopify(&api, request).await)
}

async fn wms(State(api): State<Api>, request: Request) -> Result<StatusCode, Problem> {
    let started = Instant::now();
    acknowledge(Source::Warehouse, started, take_wms(&api, request).await)
}

/// Counts the delivery and answers it.
fn acknowledge(
    source: Source,
    started: Instant,
    taken: Result<Taken, Problem>,
) -> Result<StatusCode, Problem> {
    let outcome = match &taken {
        Ok(Taken::New) => "new",
        Ok(Taken::Repeated) => "repeated",
        Err(problem) => problem.name(),
    };
    counter!(WEBHOOKS, "source" => source.as_str(), "outcome" => outcome).increment(1);
    histogram!(ACKNOWLEDGEMENT, "source" => source.as_str()).record(started.elapsed());
    taken.map(|_| StatusCode::OK)
}

async fn take_shopify(api: &Api, request: Request) -> Result<Taken, Problem> {
    let (headers, body) = read(request).await?;
    let signature = header(&headers, "X-Shopify-Hmac-Sha256").map_err(|_| refused("no signature"))?;
    let domain = header(&headers, "X-Shopify-Shop-Domain")?;
    let shop = api.shops.get(domain).ok_or_else(|| refused("the shop is not configured"))?;
    if !shopify::webhook::verify(&shop.webhook_secrets, &body, signature) {
        return Err(refused("the signature does not fit"));
    }
    let message = NewMessage {
        source: Source::Shopify,
        shop: shop.domain.as_str(),
        message_id: header(&headers, "X-Shopify-Webhook-Id")?,
        topic: header(&headers, "X-Shopify-Topic")?,
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

async fn take_wms(api: &Api, request: Request) -> Result<Taken, Problem> {
    let (headers, body) = read(request).await?;
    let signature = long_header(&headers, "webhook-signature").ok_or_else(|| refused("no signature"))?;
    let id = header(&headers, "webhook-id")?;
    let timestamp = header(&headers, "webhook-timestamp")?;
    let verdict =
        warehouse::callback::verify(&api.callback_secrets, id, timestamp, signature, &body, Utc::now());
    verdict.map_err(|refusal| match refusal {
        Refusal::Timestamp => refused("the timestamp is no number"),
        Refusal::TooOld => refused("it was signed too long ago"),
        Refusal::TooNew => refused("it was signed in the future"),
        Refusal::Signature => refused("the signature does not fit"),
    })?;
    let message = NewMessage {
        source: Source::Warehouse,
        shop: "",
        message_id: id,
        topic: "callback",
        headers: Value::Object(serde_json::Map::new()),
        body: &body,
        sweep_after: SWEEP_AFTER,
    };
    keep(api, &message).await
}

/// The size is the first thing that is looked at.
async fn read(request: Request) -> Result<(HeaderMap, Bytes), Problem> {
    let headers = request.headers().clone();
    let body = Bytes::from_request(request, &()).await.map_err(|rejection| body_unread(&rejection))?;
    Ok((headers, body))
}

/// Commits the message; a statement of its own is a transaction of its own.
async fn keep(api: &Api, message: &NewMessage<'_>) -> Result<Taken, Problem> {
    #[cfg(feature = "faults")]
    if crate::planted::acknowledged_unkept(api, message) {
        return Ok(Taken::New);
    }
    let kept = {
        let mut conn = api.pool.acquire().await?;
        inbox::insert(&mut conn, message).await?
    };
    let Some(kept) = kept else {
        return Ok(Taken::Repeated);
    };
    #[cfg(feature = "faults")]
    crate::planted::die_after_commit(message.source).await;
    api.queue.offer(kept);
    Ok(Taken::New)
}

/// The reason is for our log; the sender hears none.
fn refused(reason: &'static str) -> Problem {
    warn!(reason, "webhook refused");
    Problem::WebhookRefused
}

/// A header that has to be there.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Problem> {
    optional_header(headers, name)?.ok_or_else(|| Problem::invalid(name, "this header is missing"))
}

/// A header of 1 to 255 visible characters; an empty one counts as absent.
fn optional_header<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Problem> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    match value.to_str().map(str::trim) {
        Ok(text) if text.len() <= MOST_HEADER_CHARACTERS => Ok(Some(text).filter(|text| !text.is_empty())),
        _ => Err(Problem::invalid(name, "at most 255 visible ASCII characters")),
    }
}

/// A list of signatures may be longer than one value; the listener bounds all headers together.
fn long_header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).filter(|text| !text.is_empty())
}
