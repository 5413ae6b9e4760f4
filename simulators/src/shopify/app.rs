//! How our app is set up in the shop, and what the shop says of calls that will go.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::put;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Shop;
use super::document::Operation;
use super::orders::gid;
use super::placing::bad_request;
use super::views::MEMBERS;
use crate::settings::Settings;

const VERSION: &str = "2026-07";
const SCOPES: [&str; 8] = [
    "read_orders",
    "write_orders",
    "read_merchant_managed_fulfillment_orders",
    "write_merchant_managed_fulfillment_orders",
    "read_assigned_fulfillment_orders",
    "write_assigned_fulfillment_orders",
    "read_locations",
    "read_returns",
];
const TOPICS: [&str; 4] = ["ORDERS_CREATE", "ORDERS_UPDATED", "ORDERS_PAID", "ORDERS_CANCELLED"];

/// The app's set-up; every member can be changed by itself.
#[derive(Clone)]
pub(super) struct App {
    /// Access scopes that the shop granted.
    pub(super) scopes: Vec<String>,
    /// Webhook subscriptions that were made through the API.
    subscriptions: Vec<Subscription>,
    /// The version that answers.
    version: String,
    /// A root field, and why it is called deprecated.
    deprecated: Option<Deprecated>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Subscription {
    topic: String,
    uri: String,
    #[serde(default = "version")]
    api_version: String,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Deprecated {
    operation: String,
    reason: String,
}

fn version() -> String {
    VERSION.to_owned()
}

impl App {
    /// As it has to be, with webhooks to where this shop sends them.
    pub(super) fn of(settings: &Settings) -> Self {
        let subscribed = |topic: &str| Subscription {
            topic: topic.to_owned(),
            uri: settings.shopify_webhook_url.clone(),
            api_version: version(),
        };
        Self {
            scopes: SCOPES.map(str::to_owned).to_vec(),
            subscriptions: TOPICS.map(subscribed).to_vec(),
            version: version(),
            deprecated: None,
        }
    }

    /// What `currentAppInstallation` shows.
    pub(super) fn installation(&self) -> Value {
        let scopes = self.scopes.iter().map(|scope| json!({ "handle": scope, "description": scope }));
        json!({ "id": gid("AppInstallation", 1), "accessScopes": scopes.collect::<Value>() })
    }

    /// What `webhookSubscriptions` shows.
    pub(super) fn subscriptions(&self) -> Value {
        let shown = self.subscriptions.iter().zip(1..).map(|(subscription, id)| {
            json!({
                "id": gid("WebhookSubscription", id),
                "topic": subscription.topic,
                "uri": subscription.uri,
                "apiVersion": {
                    "handle": subscription.api_version,
                    "displayName": subscription.api_version,
                    "supported": true,
                },
            })
        });
        json!({ MEMBERS: shown.collect::<Value>() })
    }

    /// What the headers of an answer say.
    pub(super) fn headers(&self, operation: &Operation) -> Vec<(String, String)> {
        let version = ("X-Shopify-API-Version".to_owned(), self.version.clone());
        let named = |deprecated: &&Deprecated| {
            operation.roots.iter().any(|root| root.name == deprecated.operation.as_str())
        };
        let deprecated = self.deprecated.as_ref().filter(named);
        let reason = deprecated.map(|why| ("X-Shopify-API-Deprecated-Reason".to_owned(), why.reason.clone()));
        [version].into_iter().chain(reason).collect()
    }
}

pub(super) fn router() -> Router<Arc<Shop>> {
    Router::new().route("/_app", put(change))
}

/// `PUT /_app`: the app as it has to be, with the members of the body in place of its own.
async fn change(State(shop): State<Arc<Shop>>, raw: Bytes) -> Response {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Change {
        scopes: Option<Vec<String>>,
        subscriptions: Option<Vec<Subscription>>,
        version: Option<String>,
        deprecated: Option<Deprecated>,
    }
    let change: Change = match serde_json::from_slice(&raw) {
        Ok(change) => change,
        Err(error) => return bad_request(&error.to_string()),
    };
    let usual = App::of(&shop.settings);
    *shop.app.lock() = App {
        scopes: change.scopes.unwrap_or(usual.scopes),
        subscriptions: change.subscriptions.unwrap_or(usual.subscriptions),
        version: change.version.unwrap_or(usual.version),
        deprecated: change.deprecated,
    };
    StatusCode::NO_CONTENT.into_response()
}
