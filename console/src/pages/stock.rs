//! Do we have it, and who holds it?

use askama::Template;
use axum::{
    Form, Router,
    extract::{Path, Query, rejection::FormRejection},
    response::Response,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{listed, part, plainly, unreadable};
use crate::{
    Console,
    client::{Refusal, Visitor},
    page::{self, Shell},
    session::back_to,
    shown::{Counted, Movement, Stocked, Waiting},
    words,
};

pub(super) fn router() -> Router<Console> {
    Router::new()
        .route("/stock", get(list))
        .route("/stock/{sku}", get(item))
        .route("/stock/{sku}/count", post(count))
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
    let (rows, next) =
        listed(&visitor, ("/api/inventory", "/console/stock"), &filter, &wanted.cursor).await?;
    let shell = Shell::of(&visitor, "stock", "Stock").await;
    Ok(page::show(&StockPage { shell, rows, next, search: wanted.search }))
}

#[derive(Template)]
#[template(path = "stock_item.html")]
struct ItemPage {
    shell: Shell,
    item: Stocked,
    waiting: Vec<Waiting>,
    movements: Vec<Movement>,
    next: Option<String>,
    /// So that a double click is one count.
    request_id: String,
}

async fn item(
    visitor: Visitor,
    Path(sku): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Refusal> {
    let path = format!("/api/inventory/{}", part(&sku));
    let item: Stocked = visitor.client.get(&path).await?;
    let waiting = visitor.client.list::<Waiting>(&format!("{path}/waiting")).await?.rows;
    let (api, page) = (format!("{path}/movements"), format!("/console/stock/{}", part(&sku)));
    let (movements, next) = listed(&visitor, (&api, &page), &[], &wanted.cursor).await?;
    let shell = Shell::of(&visitor, "stock", item.sku.clone()).await;
    let request_id = format!("console-{}", Uuid::now_v7());
    Ok(page::show(&ItemPage { shell, item, waiting, movements, next, request_id }))
}

#[derive(Deserialize)]
struct CountForm {
    request_id: String,
    warehouse_id: String,
    on_hand: i64,
    #[serde(default)]
    reason: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Count<'a> {
    request_id: &'a str,
    warehouse_id: &'a str,
    on_hand: i64,
    reason: &'a str,
}

async fn count(
    visitor: Visitor,
    Path(sku): Path<String>,
    form: Result<Form<CountForm>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(form) = form.map_err(unreadable)?;
    let body = Count {
        request_id: &form.request_id,
        warehouse_id: &form.warehouse_id,
        on_hand: form.on_hand,
        reason: form.reason.trim(),
    };
    let path = format!("/api/inventory/{}/count", part(&sku));
    let answered = visitor.client.post::<Counted>(&path, &body).await;
    let back = format!("/stock/{}", part(&sku));
    Ok(back_to(&back, answered.map(|counted| booked(&counted)).map_err(plainly)))
}

/// What a count did, beyond what was typed.
fn booked(counted: &Counted) -> String {
    let mut said = format!("{} on hand.", words::count(&counted.on_hand, "piece is", "pieces are"));
    if counted.backordered > 0 {
        said += &format!(" {} again.", words::count(&counted.backordered, "order waits", "orders wait"));
    }
    if counted.missing > 0 {
        said += &format!(
            " {} missing of what the warehouse was asked to ship: see Needs attention.",
            words::count(&counted.missing, "piece is", "pieces are")
        );
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_says_what_it_did() {
        let counted = |on_hand, missing, backordered| booked(&Counted { on_hand, missing, backordered });
        assert_eq!(counted(412, 0, 0), "412 pieces are on hand.");
        assert_eq!(
            counted(10, 1, 3),
            "10 pieces are on hand. 3 orders wait again. 1 piece is missing of what the warehouse was asked to ship: see \
             Needs attention."
        );
    }
}
