//! Who gets events by signed webhooks.

use std::{net::IpAddr, time::Duration};

use axum::{Json, extract::State, http::StatusCode};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use orders::audit::{self, Act, ActKind};
use outbox::{EVENT_TYPES, Subscription};
use process::settings::is_on_loopback;
use rand::RngExt;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use url::Url;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    caller::Caller,
    extract::{JsonBody, PathPart},
    problem::Problem,
    state::{Api, Asked},
};

const MOST_URL_CHARACTERS: usize = 2048;
/// What Standard Webhooks recommends: between 24 and 64 bytes.
const SECRET_BYTES: usize = 32;
/// How long the secret before is still signed by.
const OVERLAP: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(subscribe))
        .routes(routes!(list))
        .routes(routes!(unsubscribe))
        .routes(routes!(rotate))
}

/// Where events are to go.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = WebhookSubscriptionForm, example = json!({
    "url": "https://shop.example.com/hooks/waybill", "topics": ["ORDER_PLACED", "ORDER_SHIPPED"]
}))]
struct SubscriptionForm {
    /// Over https.
    #[schema(max_length = 2048)]
    url: String,
    /// The types of the events that are wanted; all of them if it is left out.
    #[schema(min_items = 1, max_items = 14)]
    topics: Option<Vec<String>>,
}

/// A subscription, without its secret.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookSubscription)]
struct SubscriptionBody {
    #[schema(value_type = String, format = Uuid)]
    subscription_id: Uuid,
    #[schema(example = "https://shop.example.com/hooks/waybill")]
    url: String,
    /// The types of the events it gets.
    #[schema(example = json!(["ORDER_PLACED"]))]
    topics: Vec<String>,
    created_by: String,
    created_at: DateTime<Utc>,
}

/// A new subscription, with its secret, which is shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = NewWebhookSubscription)]
struct NewSubscriptionBody {
    #[serde(flatten)]
    subscription: SubscriptionBody,
    /// What its webhooks are signed by (Standard Webhooks, HMAC-SHA256).
    #[schema(example = "whsec_d2F5YmlsbC1kZW1vLXdhcmVob3VzZS1zZWNyZXQ=")]
    secret: String,
}

/// A new secret, which is shown this once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NewWebhookSecret)]
struct RotatedBody {
    #[schema(value_type = String, format = Uuid)]
    subscription_id: Uuid,
    #[schema(example = "whsec_d2F5YmlsbC1kZW1vLXdhcmVob3VzZS1zZWNyZXQ=")]
    secret: String,
    /// Until then webhooks are signed by the secret before too.
    former_secret_until: DateTime<Utc>,
}

impl From<Subscription> for SubscriptionBody {
    fn from(subscription: Subscription) -> Self {
        Self {
            subscription_id: subscription.subscription_id,
            url: subscription.url,
            topics: subscription.event_types,
            created_by: subscription.created_by,
            created_at: subscription.created_at,
        }
    }
}

/// Subscribe to events
///
/// They are posted to the address as Standard Webhooks, signed by the secret in the answer, which is shown this once:
/// at least once each, those of an order or a SKU in a warehouse in their order. Redirects are not followed, and
/// addresses that the internet does not reach are not called unless the settings allow it.
#[utoipa::path(
    post, path = "/api/webhook-subscriptions", tag = "operations", operation_id = "subscribeToEvents",
    request_body = SubscriptionForm,
    responses((status = 201, description = "It gets what happens from now on", body = NewSubscriptionBody))
)]
async fn subscribe(
    Asked { api, caller, .. }: Asked,
    JsonBody(form): JsonBody<SubscriptionForm>,
) -> Result<(StatusCode, Json<NewSubscriptionBody>), Problem> {
    let url = checked(&form.url, api.plain_http, api.private_webhooks)?;
    let topics = topics(form.topics)?;
    let secret = new_secret();
    let mut tx = api.pool.begin().await?;
    let subscription = outbox::subscribe(&mut tx, url.as_str(), &topics, &secret, caller.name()).await?;
    // The rest of the address may hold a secret of the subscriber's.
    let host = url.host_str().unwrap_or_default();
    let detail = format!("{host}: {}", topics.join(", "));
    let id = subscription.subscription_id;
    note(&mut tx, &caller, ActKind::SubscriptionAdded, id, Some(&detail)).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(NewSubscriptionBody { subscription: subscription.into(), secret })))
}

/// Who subscribes to events, the oldest first
#[utoipa::path(
    get, path = "/api/webhook-subscriptions", tag = "operations", operation_id = "listSubscriptions",
    responses((status = 200, description = "All of them, without their secrets", body = Vec<SubscriptionBody>))
)]
async fn list(State(api): State<Api>) -> Result<Json<Vec<SubscriptionBody>>, Problem> {
    let mut conn = api.pool.acquire().await?;
    let subscriptions = outbox::subscriptions(&mut conn).await?;
    Ok(Json(subscriptions.into_iter().map(SubscriptionBody::from).collect()))
}

/// End a subscription
///
/// What it has not got it gets no more.
#[utoipa::path(
    delete, path = "/api/webhook-subscriptions/{id}", tag = "operations", operation_id = "unsubscribeFromEvents",
    params(("id" = Uuid, Path, description = "Its `subscriptionId`")),
    responses(
        (status = 204, description = "It is ended"),
        (status = 404, description = "No such subscription"),
    )
)]
async fn unsubscribe(
    Asked { api, caller, .. }: Asked,
    PathPart(id): PathPart<Uuid>,
) -> Result<StatusCode, Problem> {
    let mut tx = api.pool.begin().await?;
    if !outbox::unsubscribe(&mut tx, id).await? {
        return Err(Problem::NoSuchSubscription(id));
    }
    note(&mut tx, &caller, ActKind::SubscriptionRemoved, id, None).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Give a subscription a new secret
///
/// For a day its webhooks carry a signature by the secret before as well.
#[utoipa::path(
    post, path = "/api/webhook-subscriptions/{id}/rotate-secret", tag = "operations",
    operation_id = "rotateSubscriptionSecret",
    params(("id" = Uuid, Path, description = "Its `subscriptionId`")),
    responses(
        (status = 200, description = "The new secret", body = RotatedBody),
        (status = 404, description = "No such subscription"),
    )
)]
async fn rotate(
    Asked { api, caller, .. }: Asked,
    PathPart(id): PathPart<Uuid>,
) -> Result<Json<RotatedBody>, Problem> {
    let secret = new_secret();
    let mut tx = api.pool.begin().await?;
    if !outbox::rotate_secret(&mut tx, id, &secret, OVERLAP).await? {
        return Err(Problem::NoSuchSubscription(id));
    }
    note(&mut tx, &caller, ActKind::SubscriptionSecretRotated, id, None).await?;
    tx.commit().await?;
    Ok(Json(RotatedBody { subscription_id: id, secret, former_secret_until: Utc::now() + OVERLAP }))
}

async fn note(
    conn: &mut PgConnection,
    caller: &Caller,
    kind: ActKind,
    id: Uuid,
    detail: Option<&str>,
) -> Result<(), Problem> {
    let (by, target) = (caller.acts_as(), id.to_string());
    let act = Act { by, kind, target: &target, order: None, reason: None, detail };
    Ok(audit::note(conn, &act).await?)
}

fn new_secret() -> String {
    format!("whsec_{}", STANDARD.encode(rand::rng().random::<[u8; SECRET_BYTES]>()))
}

/// A name is looked up when it is called, each time; a bare address can be told now.
fn checked(given: &str, plain_http: bool, private_webhooks: bool) -> Result<Url, Problem> {
    let refused = |allowed: &str| Problem::invalid("url", allowed);
    let url = Url::parse(given.trim()).ok().filter(|_| given.len() <= MOST_URL_CHARACTERS);
    let url = url.filter(|url| url.has_host() && url.username().is_empty() && url.password().is_none());
    let url = url
        .ok_or_else(|| refused("an address as https://shop.example.com/hooks, of 2048 characters at most"))?;
    let address = url.host_str().and_then(|host| host.trim_matches(['[', ']']).parse::<IpAddr>().ok());
    if !private_webhooks && (address.is_some_and(events::is_private) || is_on_loopback(&url)) {
        return Err(refused("an address that the internet reaches (see ALLOW_PRIVATE_WEBHOOKS)"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if plain_http || is_on_loopback(&url) => Ok(url),
        _ => Err(refused("https:// alone (see ALLOW_PLAIN_HTTP)")),
    }
}

fn topics(given: Option<Vec<String>>) -> Result<Vec<String>, Problem> {
    let mut topics = given.unwrap_or_else(|| EVENT_TYPES.map(str::to_owned).to_vec());
    topics.sort_unstable();
    topics.dedup();
    if topics.is_empty() || topics.iter().any(|topic| !EVENT_TYPES.contains(&topic.as_str())) {
        return Err(Problem::invalid("topics", &format!("some of {}", EVENT_TYPES.join(", "))));
    }
    Ok(topics)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_on_the_internet_and_over_tls_is_called() {
        let ok = |url: &str, plain, private| checked(url, plain, private).is_ok();
        assert!(ok("https://shop.example.com/hooks?token=1", false, false));
        for refused in [
            "http://shop.example.com/",
            "ftp://shop.example.com/",
            "shop.example.com",
            "https://user:pw@shop.example.com/",
            "https://127.0.0.1/",
            "https://10.0.0.1/",
            "https://[::1]/",
            "https://[fd00::1]/",
            "https://localhost/",
            "https://169.254.169.254/latest/meta-data",
        ] {
            assert!(!ok(refused, false, false), "{refused}");
        }
        assert!(ok("http://shop.example.com/", true, false));
        assert!(ok("https://10.0.0.1/", false, true) && ok("http://127.0.0.1:8000/", false, true));
        assert!(!ok("http://10.0.0.1/", false, true));
    }

    #[test]
    fn a_topic_nobody_publishes_is_refused() {
        let of =
            |topics: &[&str]| super::topics(Some(topics.iter().map(|topic| (*topic).to_owned()).collect()));
        assert_eq!(
            of(&["ORDER_SHIPPED", "ORDER_PLACED", "ORDER_PLACED"]).unwrap(),
            ["ORDER_PLACED", "ORDER_SHIPPED"]
        );
        assert!(of(&[]).is_err() && of(&["OrderCreated"]).is_err());
        assert_eq!(super::topics(None).unwrap().len(), EVENT_TYPES.len());
    }
}
