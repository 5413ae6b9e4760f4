//! Do we have it, and who holds it?

use askama::Template;
use axum::{
    Form, Router,
    extract::{Path, Query, rejection::FormRejection},
    http::StatusCode,
    response::Response,
    routing::get,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{given, listed, part, unreadable, with_query};
use crate::{
    Console,
    client::{Refusal, Visitor},
    page::{self, Shell},
    session::{Said, back_to},
    shown::{Anything, Counted, Explained, Explanation, Held, Movement, Stocked, Waiting, Warehouse},
    words,
};

pub(super) fn router() -> Router<Console> {
    Router::new()
        .route("/stock", get(list))
        .route("/stock/{sku}", get(item))
        // A form that was refused is shown again under its own address, which a page that is kept up to date reads anew.
        .route("/stock/{sku}/count", get(item).post(count))
        .route("/stock/{sku}/receive", get(item).post(receive))
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

#[derive(Deserialize, Default)]
#[serde(default)]
struct WantedOfItem {
    cursor: String,
    /// Where those who hold go on.
    holders: String,
    /// Explains where so many pieces would come from.
    explain: String,
}

/// A form of an item's page; what it does not have is empty. Kept, so that a refusal takes nothing away.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Filled {
    request_id: String,
    warehouse_id: String,
    /// Pieces that were found, or came in.
    pieces: String,
    reason: String,
    /// Which form it was: `count` or `receive`.
    #[serde(skip)]
    what: &'static str,
}

#[derive(Template)]
#[template(path = "stock_item.html")]
struct ItemPage {
    shell: Shell,
    item: Stocked,
    waiting: Vec<Waiting>,
    /// More wait behind those.
    more_wait: bool,
    held: Vec<Held>,
    more_held: Option<String>,
    movements: Vec<Movement>,
    next: Option<String>,
    warehouses: Vec<Warehouse>,
    explained: Option<Explained>,
    /// How many pieces are explained.
    explain: String,
    /// So that a double click is one booking.
    request_id: String,
    filled: Filled,
}

impl ItemPage {
    fn was_refused(&self, what: &str) -> bool {
        self.filled.what == what
    }

    /// What was filled in in this form.
    fn filled(&self, what: &str) -> (&str, &str) {
        if self.was_refused(what) { (&self.filled.pieces, &self.filled.reason) } else { ("", "") }
    }

    /// Where stock can lie: every warehouse that is known, with what is there by the books.
    fn places(&self) -> Vec<Place> {
        let mut places: Vec<Place> = Vec::new();
        for at in &self.item.warehouses {
            let name = self.warehouses.iter().find(|known| known.warehouse_id == at.warehouse_id);
            let called = name.map_or_else(|| at.warehouse_id.clone(), Warehouse::called);
            places.push(Place { id: at.warehouse_id.clone(), called, on_hand: at.on_hand });
        }
        for known in &self.warehouses {
            if !places.iter().any(|place| place.id == known.warehouse_id) {
                places.push(Place { id: known.warehouse_id.clone(), called: known.called(), on_hand: 0 });
            }
        }
        places
    }
}

struct Place {
    id: String,
    called: String,
    on_hand: u64,
}

#[derive(Serialize)]
struct Imagined<'a> {
    items: [ImaginedItem<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ImaginedItem<'a> {
    item_id: &'a str,
    quantity: i64,
}

async fn item(
    visitor: Visitor,
    Path(sku): Path<String>,
    Query(wanted): Query<WantedOfItem>,
) -> Result<Response, Refusal> {
    Ok(page::show(&page_of(&visitor, &sku, wanted, Filled::default()).await?))
}

async fn page_of(
    visitor: &Visitor,
    sku: &str,
    wanted: WantedOfItem,
    filled: Filled,
) -> Result<ItemPage, Refusal> {
    let path = format!("/api/inventory/{}", part(sku));
    let item: Stocked = visitor.client.get(&path).await?;
    let waiting = visitor.client.list::<Waiting>(&format!("{path}/waiting")).await?;
    let page = format!("/console/stock/{}", part(sku));
    let holders = with_query(&format!("{path}/holders"), &[("cursor", &wanted.holders)]);
    let held = visitor.client.list::<Held>(&holders).await?;
    let more_held = held.next.map(|cursor| with_query(&page, &[("holders", &cursor)]));
    let api = format!("{path}/movements");
    let (movements, next) = listed(visitor, (&api, &page), &[], &wanted.cursor).await?;
    // Without them stock is booked where some of it is.
    let warehouses = visitor.client.get("/api/warehouses").await.unwrap_or_default();
    let mut shell = Shell::of(visitor, "stock", item.sku.clone()).await;
    let explained = match wanted.explain.trim() {
        "" => None,
        pieces => match explain(visitor, sku, pieces).await {
            Ok(explained) => explained,
            Err(refusal) => {
                shell.said = Some(Said { is_refusal: true, sentence: refusal.sentence });
                None
            }
        },
    };
    let request_id = format!("console-{}", Uuid::now_v7());
    Ok(ItemPage {
        shell,
        item,
        more_wait: waiting.next.is_some(),
        waiting: waiting.rows,
        held: held.rows,
        more_held,
        movements,
        next,
        warehouses,
        explained,
        explain: wanted.explain,
        request_id,
        filled,
    })
}

async fn explain(visitor: &Visitor, sku: &str, pieces: &str) -> Result<Option<Explained>, Refusal> {
    let quantity = whole(pieces, "pieces")?;
    let asked = Imagined { items: [ImaginedItem { item_id: sku, quantity }] };
    let explanation: Explanation = visitor.client.post("/api/allocations/explain", &asked).await?;
    Ok(explanation.lines.into_iter().next())
}

fn whole(text: &str, field: &str) -> Result<i64, Refusal> {
    let number = text.trim().parse();
    number.map_err(|_| unreadable(format!("{field}: a whole number is needed")))
}

/// Shows the page again with what was filled in, and why it was refused.
async fn refused(visitor: &Visitor, sku: &str, mut filled: Filled, refusal: Refusal) -> Response {
    // Whoever may not do it has no such form.
    if refusal.status == StatusCode::FORBIDDEN {
        return back_to(&format!("/stock/{}", part(sku)), Err(refusal));
    }
    // Nobody knows what became of a request that was not answered: the next one is the same.
    if !refusal.status.is_server_error() {
        filled.request_id = String::new();
    }
    let Ok(mut page) = page_of(visitor, sku, WantedOfItem::default(), filled).await else {
        return back_to(&format!("/stock/{}", part(sku)), Err(refusal));
    };
    if !page.filled.request_id.is_empty() {
        page.request_id.clone_from(&page.filled.request_id);
    }
    page.shell.keep_with(refusal.sentence);
    page::render(refusal.status, &page)
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
    form: Result<Form<Filled>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(form) = form.map_err(unreadable)?;
    let counted = async {
        let body = Count {
            request_id: &form.request_id,
            warehouse_id: &form.warehouse_id,
            on_hand: whole(&form.pieces, "pieces found")?,
            reason: form.reason.trim(),
        };
        visitor.client.post::<Counted>(&format!("/api/inventory/{}/count", part(&sku)), &body).await
    };
    match counted.await {
        Ok(counted) => Ok(back_to(&format!("/stock/{}", part(&sku)), Ok(led_to(&counted)))),
        Err(refusal) => Ok(refused(&visitor, &sku, Filled { what: "count", ..form }, refusal).await),
    }
}

/// What a count led to, in words.
fn led_to(counted: &Counted) -> String {
    let Counted { counted, on_hand, missing, backordered, served } = counted;
    let mut said =
        format!("Found: {}; on hand: {}.", words::count(counted, "piece", "pieces"), words::number(on_hand));
    for (number, told) in [
        (missing, "of those are missing and were asked of a warehouse already; Needs attention has them"),
        (backordered, "orders wait for stock again"),
        (served, "orders that waited got theirs"),
    ] {
        if *number > 0 {
            said += &format!(" {} {told}.", words::number(number));
        }
    }
    said
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Booking<'a> {
    warehouse_id: &'a str,
    quantity: i64,
    reason: &'a str,
}

async fn receive(
    visitor: Visitor,
    Path(sku): Path<String>,
    form: Result<Form<Filled>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(form) = form.map_err(unreadable)?;
    let booked = async {
        let body = Booking {
            warehouse_id: &form.warehouse_id,
            quantity: whole(&form.pieces, "pieces that came in")?,
            reason: form.reason.trim(),
        };
        let path = format!("/api/inventory/{}/receive", part(&sku));
        visitor.client.post_once::<Anything>(&path, &body, given(&form.request_id)).await
    };
    match booked.await {
        Ok(_) => {
            let said = format!(
                "{} pieces are booked in at {}. Orders that waited for them get theirs.",
                form.pieces.trim(),
                form.warehouse_id
            );
            Ok(back_to(&format!("/stock/{}", part(&sku)), Ok(said)))
        }
        Err(refusal) => Ok(refused(&visitor, &sku, Filled { what: "receive", ..form }, refusal).await),
    }
}

/// Why a warehouse gives nothing.
fn why_not(code: &str) -> &str {
    match code {
        "INACTIVE" => "takes no new orders",
        "NOT_STOCKED" => "has no place for it",
        "OUT_OF_STOCK" => "nothing is free there",
        "GIVEN_TO_OTHER_LINES" => "what it has goes to other lines",
        "NOT_ENOUGH" => "has less than others",
        "ANOTHER_SHIPS_FEWER_PARCELS" => "another needs fewer parcels",
        "ANOTHER_SPLITS_FEWER_LINES" => "another splits fewer lines",
        "ANOTHER_IS_PREFERRED" => "another is preferred",
        "LOWER_PRIORITY" => "another is taken from first",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_says_what_it_led_to() {
        let plain = Counted { counted: 412, on_hand: 412, missing: 0, backordered: 0, served: 0 };
        assert_eq!(led_to(&plain), "Found: 412 pieces; on hand: 412.");
        let short = Counted { counted: 1, on_hand: 3, missing: 2, backordered: 4, served: 0 };
        let said = led_to(&short);
        assert!(said.contains("Found: 1 piece; on hand: 3. 2 of those are missing"), "{said}");
        assert!(said.ends_with("4 orders wait for stock again."), "{said}");
    }

    #[test]
    fn what_is_filled_in_as_pieces_is_a_whole_number_or_named() {
        assert_eq!(whole(" 12 ", "pieces").unwrap(), 12);
        for wrong in ["", "1.5", "many"] {
            let refused = whole(wrong, "pieces found").unwrap_err();
            assert_eq!(refused.sentence, "pieces found: a whole number is needed");
        }
    }
}
