//! The token endpoint, the page where somebody of the shop installs the app, and what stage hands do with tokens.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chrono::Utc;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::{Url, form_urlencoded};

use super::Shop;
use super::inventory::subject;
use super::placing::bad_request;
use super::tokens::{Issued, Refused};
use crate::calls::{Call, Reply, answer};
use crate::deliveries::signature_in_hex;
use crate::faults::Fault;
use crate::ledger::Kind;

/// What the ledger and rules call a call of the token endpoint.
const ACCESS_TOKEN: &str = "accessToken";

pub(super) fn router() -> Router<Arc<Shop>> {
    Router::new()
        .route("/admin/oauth/access_token", post(token))
        .route("/shops/{shop}/admin/oauth/access_token", post(token_of_shop))
        .route("/admin/oauth/authorize", get(authorize))
        .route("/shops/{shop}/admin/oauth/authorize", get(authorize_in_shop))
        .route("/_tokens/end", post(end))
        .route("/_tokens/uninstall", post(uninstall))
}

async fn token(State(shop): State<Arc<Shop>>, headers: HeaderMap, body: Bytes) -> Response {
    let domain = shop.settings.shop_domain.clone();
    asked(shop, domain, &headers, &body).await
}

async fn token_of_shop(
    State(shop): State<Arc<Shop>>,
    Path(domain): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    asked(shop, domain, &headers, &body).await
}

async fn asked(shop: Arc<Shop>, domain: String, headers: &HeaderMap, body: &Bytes) -> Response {
    let given = parameters(headers, body);
    let grant = match given.get("grant_type").map(String::as_str) {
        Some("client_credentials") => "client_credentials",
        Some("refresh_token") => "refresh_token",
        _ => "code",
    };
    let mut call = Call { operations: vec![ACCESS_TOKEN], subject: subject(&domain), ..Call::default() };
    call.details.insert("grant".into(), json!(grant));
    let control = Arc::clone(&shop.control);
    answer(control, call, move |fault| match fault {
        None => granted(&shop, &domain, grant, &given),
        Some(Fault::RateLimit { retry_after_s }) => {
            Reply::new(StatusCode::TOO_MANY_REQUESTS, json!({ "error": "rate_limited" }))
                .retry_after(retry_after_s)
        }
        Some(other) => Reply::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            json!({ "error": format!("{} means nothing here", other.name()) }),
        ),
    })
    .await
}

fn granted(shop: &Shop, domain: &str, grant: &str, given: &HashMap<String, String>) -> Reply {
    let text = |name: &str| given.get(name).map(String::as_str).unwrap_or_default();
    let is_our_app = text("client_id") == shop.settings.shopify_client_id
        && text("client_secret") == shop.settings.shopify_webhook_secret;
    let mut tokens = shop.tokens.lock();
    let issued: Result<Issued, Refused> = match grant {
        _ if !is_our_app => Err("invalid_client"),
        "client_credentials" => tokens.client_credentials(domain),
        "refresh_token" => tokens.refresh(domain, text("refresh_token")),
        _ => tokens.exchange(domain, text("code"), text("expiring") == "1"),
    };
    let issued = match issued {
        Ok(issued) => issued,
        Err(code) => {
            let body = json!({ "error": code, "error_description": "This request was refused." });
            return Reply::new(StatusCode::BAD_REQUEST, body).note("code", json!(code));
        }
    };
    let details = json!({ "effect": "tokenIssued", "grant": grant });
    shop.control.ledger.record(ACCESS_TOKEN, Kind::Effect, subject(domain), details);
    let mut body = Map::from_iter([
        ("access_token".to_owned(), json!(issued.access)),
        ("scope".to_owned(), json!(shop.app.lock().scopes.join(","))),
    ]);
    if let Some(lifetime) = issued.lifetime {
        body.insert("expires_in".into(), json!(lifetime.as_secs()));
    }
    if let Some((refresh, lifetime)) = issued.refresh {
        body.insert("refresh_token".into(), json!(refresh));
        body.insert("refresh_token_expires_in".into(), json!(lifetime.as_secs()));
    }
    Reply::new(StatusCode::OK, Value::Object(body))
}

/// A form, or a JSON object of texts.
fn parameters(headers: &HeaderMap, body: &Bytes) -> HashMap<String, String> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/json") {
        return serde_json::from_slice(body).unwrap_or_default();
    }
    form_urlencoded::parse(body).into_owned().collect()
}

/// What our app sends a browser with.
#[derive(Deserialize)]
struct Authorizing {
    client_id: String,
    redirect_uri: Url,
    state: String,
}

async fn authorize(State(shop): State<Arc<Shop>>, Query(asked): Query<Authorizing>) -> Response {
    let domain = shop.settings.shop_domain.clone();
    authorized(&shop, &domain, asked)
}

async fn authorize_in_shop(
    State(shop): State<Arc<Shop>>,
    Path(domain): Path<String>,
    Query(asked): Query<Authorizing>,
) -> Response {
    authorized(&shop, &domain, asked)
}

/// Whoever comes here agrees, and is led back.
fn authorized(shop: &Shop, domain: &str, asked: Authorizing) -> Response {
    if asked.client_id != shop.settings.shopify_client_id {
        return bad_request("no app has this client_id");
    }
    let code = shop.tokens.lock().new_code(domain);
    shop.control.ledger.record(
        "authorize",
        Kind::Effect,
        subject(domain),
        json!({ "effect": "appInstalled" }),
    );
    let host = STANDARD_NO_PAD.encode(format!("{domain}/admin"));
    // In the order of their names, as they are signed.
    let pairs = [
        ("code", code),
        ("host", host),
        ("shop", domain.to_owned()),
        ("state", asked.state),
        ("timestamp", Utc::now().timestamp().to_string()),
    ];
    let signed = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
    let hmac = signature_in_hex(shop.settings.shopify_webhook_secret.as_bytes(), signed.as_bytes());
    let mut back = asked.redirect_uri;
    back.set_query(Some(&format!("{signed}&hmac={hmac}")));
    Redirect::to(back.as_str()).into_response()
}

#[derive(Deserialize)]
struct Which {
    shop: Option<String>,
}

/// `POST /_tokens/end?shop=`: the shop's access tokens are refused from now on.
async fn end(State(shop): State<Arc<Shop>>, Query(which): Query<Which>) -> Response {
    let domain = which.shop.unwrap_or_else(|| shop.settings.shop_domain.clone());
    let ended = shop.tokens.lock().end(&domain);
    Json(json!({ "ended": ended })).into_response()
}

/// `POST /_tokens/uninstall?shop=`: and nothing is granted until somebody installs the app again.
async fn uninstall(State(shop): State<Arc<Shop>>, Query(which): Query<Which>) -> StatusCode {
    let domain = which.shop.unwrap_or_else(|| shop.settings.shop_domain.clone());
    shop.tokens.lock().uninstall(&domain);
    StatusCode::NO_CONTENT
}
