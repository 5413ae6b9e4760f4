//! The shops, and whether each is set up as it has to be.

use std::time::Duration;

use axum::{Json, extract::State};
use domain::ShopDomain;
use process::settings::Shop;
use serde::{Deserialize, Serialize};
use shop_tokens::ShopAccess;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{extract::QueryPart, problem::Problem, state::Api};

mod check;
mod words;

use check::Checked;

/// A request is given up after ten seconds.
const ASKED_WITHIN: Duration = Duration::from_secs(8);

pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(check))
}

/// A shop of the settings.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Shop)]
struct ShopBody {
    #[schema(example = "anyx-demo.myshopify.com")]
    shop: String,
    #[schema(example = "shopify-anyx-demo.myshopify.com")]
    lane: String,
    /// How it is called: `token`, `client_credentials`, `authorization_code`; none where this process has no
    /// credentials of it.
    #[schema(example = "client_credentials")]
    access: Option<&'static str>,
}

/// Which shop.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct CheckQuery {
    /// The shop's permanent domain
    #[param(max_length = 255, example = "anyx-demo.myshopify.com")]
    shop: String,
}

/// How a shop is set up.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ShopCheck)]
struct CheckBody {
    #[schema(example = "anyx-demo.myshopify.com")]
    shop: String,
    /// Whether nothing is wrong.
    #[schema(example = true)]
    right: bool,
    /// What was looked at, in its order.
    #[schema(max_items = 100)]
    findings: Vec<FindingBody>,
}

/// Something that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ShopFinding)]
struct FindingBody {
    /// `token`, `apiVersion`, `scopes`, `locations` or `subscriptions`.
    #[schema(example = "scopes")]
    about: &'static str,
    state: FindingState,
    /// What was found, and what to do.
    #[schema(example = "All access scopes that are needed are granted.")]
    sentence: String,
}

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(as = ShopFindingState)]
enum FindingState {
    /// As it has to be.
    Right,
    /// Nobody can tell from here, or it may be meant so: somebody should look.
    Look,
    /// Orders are not fulfilled as they should be until somebody mends it.
    Wrong,
}

/// The shops of the settings
#[utoipa::path(
    get, path = "/api/shops", tag = "operations", operation_id = "listShops",
    responses((status = 200, description = "Every shop that is configured, by its domain", body = Vec<ShopBody>))
)]
async fn list(State(api): State<Api>) -> Json<Vec<ShopBody>> {
    let mut shops: Vec<ShopBody> = api.shops.iter().map(ShopBody::of).collect();
    shops.sort_by(|one, other| one.shop.cmp(&other.shop));
    Json(shops)
}

/// Check how a shop is set up
///
/// Asks the shop for the app's access scopes, its locations and its webhook subscriptions, and changes nothing.
#[utoipa::path(
    get, path = "/api/shops/check", tag = "operations", operation_id = "checkShop", params(CheckQuery),
    responses((status = 200, description = "What is right and what is wrong", body = CheckBody))
)]
async fn check(
    State(api): State<Api>,
    QueryPart(query): QueryPart<CheckQuery>,
) -> Result<Json<CheckBody>, Problem> {
    let named = Problem::of_field("shop", ShopDomain::parse(&query.shop))?;
    let shop = api.shops.get(named.as_str());
    let shop =
        shop.ok_or_else(|| Problem::invalid("shop", "one of the settings; GET /api/shops lists them"))?;
    let received = check::received(&api.pool, shop).await?;
    let findings = match api.shop_apps.client(&shop.domain) {
        None => vec![words::no_credentials()],
        Some(client) => {
            let asked = Checked::ask(client);
            let asked = tokio::time::timeout(ASKED_WITHIN, asked).await.ok();
            check::findings(&api.shop_apps, shop, asked, &received)
        }
    };
    let right = findings.iter().all(|finding| finding.state != FindingState::Wrong);
    Ok(Json(CheckBody { shop: shop.domain.to_string(), right, findings }))
}

impl ShopBody {
    fn of(shop: &Shop) -> Self {
        let access = shop.access.as_ref().map(|access| match access {
            ShopAccess::Token(_) => "token",
            ShopAccess::ClientCredentials(_) => "client_credentials",
            ShopAccess::Installed(_) => "authorization_code",
        });
        Self { shop: shop.domain.to_string(), lane: shop.lane.to_string(), access }
    }
}

impl FindingBody {
    fn right(about: &'static str, sentence: impl Into<String>) -> Self {
        Self { about, state: FindingState::Right, sentence: sentence.into() }
    }

    fn look(about: &'static str, sentence: impl Into<String>) -> Self {
        Self { about, state: FindingState::Look, sentence: sentence.into() }
    }

    fn wrong(about: &'static str, sentence: impl Into<String>) -> Self {
        Self { about, state: FindingState::Wrong, sentence: sentence.into() }
    }
}
