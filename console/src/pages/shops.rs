//! Do the shops have what we have, and if not, why?

use askama::Template;
use axum::{
    Router,
    extract::{Path, Query},
    response::Response,
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::json;

use super::{listed, part, plainly, with_query};
use crate::{
    Console,
    client::{Refusal, Visitor},
    page::{self, Shell},
    session::back_to,
    shown::{Anything, ChannelDrift, ChannelLevel, ChannelShop},
};

/// How many of the latest changes by hand are shown.
const DRIFTS: &str = "10";
const SKIPPED: [&str; 8] =
    ["ANY", "SKU_TWICE", "UNTRACKED", "BUNDLE", "NOT_STOCKED", "NO_LOCATION", "GONE", "REFUSED"];

pub(super) fn router() -> Router<Console> {
    Router::new().route("/shops", get(list)).route("/shops/{shop}/sync", post(sync))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Wanted {
    shop: String,
    sku: String,
    skipped: String,
    dirty: String,
    cursor: String,
}

impl Wanted {
    fn is_narrowed(&self) -> bool {
        [&self.shop, &self.sku, &self.skipped, &self.dirty].into_iter().any(|text| !text.trim().is_empty())
    }
}

#[derive(Template)]
#[template(path = "shops.html")]
struct ShopsPage {
    shell: Shell,
    wanted: Wanted,
    shops: Vec<ChannelShop>,
    drifts: Vec<ChannelDrift>,
    rows: Vec<ChannelLevel>,
    next: Option<String>,
}

async fn list(visitor: Visitor, Query(wanted): Query<Wanted>) -> Result<Response, Refusal> {
    let mut shops: Vec<ChannelShop> = visitor.client.get("/api/channel-shops").await?;
    shops.retain(|shop| wanted.shop.trim().is_empty() || shop.shop == wanted.shop.trim());
    let of_shop = [("shop", wanted.shop.trim()), ("sku", wanted.sku.trim()), ("limit", DRIFTS)];
    let drifts = visitor.client.get(&with_query("/api/channel-drifts", &of_shop)).await?;
    let filter = [
        ("shop", wanted.shop.trim()),
        ("sku", wanted.sku.trim()),
        ("skipped", wanted.skipped.as_str()),
        ("dirty", wanted.dirty.as_str()),
    ];
    let (rows, next) =
        listed(&visitor, ("/api/channel-levels", "/console/shops"), &filter, &wanted.cursor).await?;
    let shell = Shell::of(&visitor, "shops", "Shops").await;
    Ok(page::show(&ShopsPage { shell, wanted, shops, drifts, rows, next }))
}

async fn sync(visitor: Visitor, Path(shop): Path<String>) -> Result<Response, Refusal> {
    let path = format!("/api/channel-shops/{}/sync", part(&shop));
    let answered = visitor.client.post::<Anything>(&path, &json!({})).await;
    let said = |_| "Its items are learned again within a few seconds.".to_owned();
    Ok(back_to("/shops", answered.map(said).map_err(plainly)))
}
