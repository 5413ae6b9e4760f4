//! Installing our app in a shop: somebody of the shop is sent there, and comes back with a code for its first tokens.
//!
//! **Invariant:** a code is exchanged only if Shopify signed what came back, this browser was sent there by us a while
//! ago, and the shop is one that the settings give an app to install. Nothing of it is logged but the shop.

use axum::{
    Json,
    extract::{RawQuery, State},
    http::{HeaderMap, header},
    response::{AppendHeaders, IntoResponse, Redirect, Response},
};
use calls::CallFailure;
use chrono::Utc;
use domain::ShopDomain;
use process::settings::Shop;
use rand::RngExt;
use serde::Serialize;
use shop_tokens::StoreError;
use shopify::{
    admin::{App, ShopifyError, TokenEndpoint, missing_scopes, needed_scopes},
    install::{STATE_LIFETIME_S, SignedQuery, authorize_url, is_our_state, new_state},
};
use tracing::{info, warn};
use url::Url;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{problem::Problem, state::Api};

const COOKIE: &str = "waybill-install";

pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(install)).routes(routes!(callback))
}

/// Which shop.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what is read by name")]
struct InstallQuery {
    /// The shop's permanent domain
    #[param(max_length = 255, example = "anyx-demo.myshopify.com")]
    shop: String,
    /// Shopify's signature of the query, where Shopify itself sent the browser
    hmac: Option<String>,
}

/// What Shopify sends the browser back with.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what is read by name")]
struct CallbackQuery {
    #[param(max_length = 255, example = "anyx-demo.myshopify.com")]
    shop: String,
    /// What the shop's first tokens are had with
    code: String,
    /// What this browser was sent to the shop with
    state: String,
    /// Shopify's signature of the query
    hmac: String,
}

/// A shop whose app is installed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InstalledShop)]
struct InstalledBody {
    #[schema(example = "anyx-demo.myshopify.com")]
    shop: String,
    /// For whoever sits at the browser.
    #[schema(example = "Waybill is connected to anyx-demo.myshopify.com. You may close this page.")]
    message: String,
    /// Access scopes that are needed and were not granted.
    #[schema(max_items = 50, example = json!([]))]
    missing_scopes: Vec<&'static str>,
}

/// Install the app in a shop
///
/// Leads to the shop, where somebody who may do so installs the app or confirms its access scopes.
#[utoipa::path(
    get, path = "/shopify/install", tag = "webhooks", operation_id = "installInShop", params(InstallQuery),
    responses((status = 303, description = "To the shop, with a cookie for the way back"))
)]
async fn install(State(api): State<Api>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let query = read(query)?;
    let (shop, app) = installable(&api, &query)?;
    if query.get("hmac").is_some() {
        signed(&query, app)?;
    }
    let (Some(public), Some(back_to)) = (&api.shop_apps.public_url, callback_address(&api)) else {
        return Err(not_set_up());
    };
    let state = new_state(app, &shop.domain, rand::rng().random(), Utc::now().timestamp());
    let scopes = needed_scopes(!shop.fulfillment_services.is_empty());
    let there = authorize_url(&shop.admin_url, app, &scopes, &back_to, &state).map_err(|_| not_set_up())?;
    let cookie = cookie(public, &state, STATE_LIFETIME_S);
    Ok((AppendHeaders([(header::SET_COOKIE, cookie)]), Redirect::to(there.as_str())).into_response())
}

/// Come back from installing the app
///
/// Shopify leads the browser here. The shop's tokens are asked for and kept, encrypted.
#[utoipa::path(
    get, path = "/shopify/callback", tag = "webhooks", operation_id = "comeBackFromShop", params(CallbackQuery),
    responses((status = 200, description = "The shop is connected", body = InstalledBody))
)]
async fn callback(
    State(api): State<Api>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = read(query)?;
    let (shop, app) = installable(&api, &query)?;
    signed(&query, app)?;
    let (given, cookie_of_it) = (query.get("state").unwrap_or_default(), cookie_of(&headers));
    if !is_our_state(app, &shop.domain, given, cookie_of_it, Utc::now().timestamp()) {
        return Err(Problem::invalid(
            "state",
            "of a way that began here, in this browser, within ten minutes",
        ));
    }
    let code = query.get("code").filter(|code| !code.is_empty());
    let code = code.ok_or_else(|| Problem::invalid("code", "is needed"))?.to_owned();
    let kept = keep_tokens(api.clone(), shop.domain.clone(), shop.admin_url.clone(), app.clone(), code);
    // Goes on when the browser hangs up: a code is good once.
    let scopes = tokio::spawn(kept).await.map_err(|error| Problem::Internal(error.into()))??;
    info!(shop = %shop.domain, "the app is installed");
    let needed = needed_scopes(!shop.fulfillment_services.is_empty());
    let body = InstalledBody {
        shop: shop.domain.to_string(),
        message: format!("Waybill is connected to {}. You may close this page.", shop.domain),
        missing_scopes: missing_scopes(&needed, &scopes),
    };
    let over = api.shop_apps.public_url.as_deref().map(|public| (header::SET_COOKIE, cookie(public, "", 0)));
    Ok((AppendHeaders(over), Json(body)).into_response())
}

/// Exchanges the code, and keeps what it is good for.
async fn keep_tokens(
    api: Api,
    shop: ShopDomain,
    admin_url: Url,
    app: App,
    code: String,
) -> Result<Vec<String>, Problem> {
    let endpoint =
        TokenEndpoint::new(&shop, &admin_url, app).map_err(|error| Problem::Internal(error.into()))?;
    let granted = endpoint.exchange_code(&code).await.map_err(|error| match error {
        ShopifyError::Unauthorised { .. } => {
            warn!(%shop, refused = error.vendor_text(), "the shop does not exchange a code");
            Problem::invalid("code", "Shopify does not take it; begin again at /shopify/install")
        }
        other => Problem::Unavailable(other.into()),
    })?;
    api.shop_apps.store.keep(&shop, &granted).await.map_err(|error| match error {
        StoreError::Database(error) => error.into(),
        other => Problem::Internal(other.into()),
    })?;
    Ok(granted.scopes)
}

fn read(query: Option<String>) -> Result<SignedQuery, Problem> {
    SignedQuery::read(&query.unwrap_or_default())
        .ok_or_else(|| Problem::unreadable("Each parameter may be given once"))
}

/// The shop that is named, and the app that is installed there.
fn installable<'a>(api: &'a Api, query: &SignedQuery) -> Result<(&'a Shop, &'a App), Problem> {
    let named = ShopDomain::parse(query.get("shop").unwrap_or_default());
    let named = Problem::of_field("shop", named)?;
    let shop = api.shops.get(named.as_str());
    let found = shop.and_then(|shop| Some((shop, shop.access.as_ref()?.installed()?)));
    found.ok_or_else(|| {
        Problem::invalid("shop", "one whose settings say grant = \"authorization_code\"; this one's do not")
    })
}

fn signed(query: &SignedQuery, app: &App) -> Result<(), Problem> {
    let is_signed = query.is_signed_by(&app.client_secret);
    is_signed.then_some(()).ok_or_else(|| Problem::invalid("hmac", "the app's signature of this query"))
}

fn callback_address(api: &Api) -> Option<Url> {
    api.shop_apps.address(&["shopify", "callback"])
}

/// The settings see to it that this does not happen.
fn not_set_up() -> Problem {
    Problem::Internal("PUBLIC_URL is not set".into())
}

fn cookie(public: &Url, value: &str, lifetime_s: i64) -> String {
    let path = public.path().trim_end_matches('/');
    let secure = if public.scheme() == "https" { "; Secure" } else { "" };
    format!("{COOKIE}={value}; Path={path}/shopify; Max-Age={lifetime_s}; HttpOnly; SameSite=Lax{secure}")
}

fn cookie_of(headers: &HeaderMap) -> &str {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value).unwrap_or_default()
}
