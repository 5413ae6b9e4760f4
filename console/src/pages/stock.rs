//! Do we have it, and who holds it?

use askama::Template;
use axum::{
    Router,
    extract::{Path, Query},
    response::Response,
    routing::get,
};
use serde::Deserialize;

use super::{next_page, part, with_query};
use crate::{
    Console,
    client::{Refusal, Visitor},
    page::{self, Shell},
    shown::{Movement, Stocked, Waiting},
};

pub(super) fn router() -> Router<Console> {
    Router::new().route("/stock", get(list)).route("/stock/{sku}", get(item))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Wanted {
    search: String,
    cursor: String,
}

#[derive(Template)]
#[template(path = "stock.html")]
struct StockPage {
    shell: Shell,
    search: String,
    rows: Vec<Stocked>,
    next: Option<String>,
}

async fn list(visitor: Visitor, Query(wanted): Query<Wanted>) -> Result<Response, Refusal> {
    let filter = [("search", wanted.search.trim())];
    let pairs = [filter[0], ("cursor", wanted.cursor.as_str())];
    let found = visitor.client.list::<Stocked>(&with_query("/api/inventory", &pairs)).await?;
    let shell = Shell::of(&visitor, "stock", "Stock").await;
    let next = next_page("/console/stock", &filter, found.next.as_deref());
    Ok(page::show(&StockPage { shell, rows: found.rows, next, search: wanted.search }))
}

#[derive(Template)]
#[template(path = "stock_item.html")]
struct ItemPage {
    shell: Shell,
    item: Stocked,
    waiting: Vec<Waiting>,
    movements: Vec<Movement>,
    next: Option<String>,
}

async fn item(
    visitor: Visitor,
    Path(sku): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Refusal> {
    let path = format!("/api/inventory/{}", part(&sku));
    let item: Stocked = visitor.client.get(&path).await?;
    let waiting = visitor.client.list::<Waiting>(&format!("{path}/waiting")).await?.rows;
    let movements = with_query(&format!("{path}/movements"), &[("cursor", &wanted.cursor)]);
    let movements = visitor.client.list::<Movement>(&movements).await?;
    let shell = Shell::of(&visitor, "stock", item.sku.clone()).await;
    let next = next_page(&format!("/console/stock/{}", part(&sku)), &[], movements.next.as_deref());
    Ok(page::show(&ItemPage { shell, item, waiting, movements: movements.rows, next }))
}
