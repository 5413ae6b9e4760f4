//! What happened to an order, and what now?

use askama::Template;
use axum::{
    Form, Router,
    extract::{Path, Query, rejection::FormRejection},
    http::StatusCode,
    response::Response,
    routing::get,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{given, part, unreadable};
use crate::{
    Console,
    client::{Refusal, Visitor},
    page::{self, Shell},
    session::back_to,
    shown::{Answer, Attention, Happened, Item, OrderDetail, ShipTo, Warehouse},
};
use difference::Difference;
use forms::Filled;
use timeline::Timeline;
use waits::Part;

pub(super) mod difference;
mod forms;
#[cfg(test)]
mod tests;
mod timeline;
mod waits;

pub(super) fn router() -> Router<Console> {
    Router::new()
        .route("/orders/{id}", get(order))
        // A form that was refused is shown again under its own address, which a page that is kept up to date reads anew.
        .route("/orders/{id}/cancel", get(order).post(cancel))
        .route("/orders/{id}/edit", get(order).post(edit))
}

/// Lines of an order that are shown unless all are asked for.
const MOST_ITEMS: usize = 50;

/// The five steps of an order's way, with the entry of the timeline that ends each.
const WAY: [(&str, &str, &str); 5] = [
    ("Received", "RECEIVED", "PENDING"),
    ("Reserved", "RESERVED", "CONFIRMED"),
    ("At the warehouse", "HANDED_OVER", "PROCESSING"),
    ("Shipped", "SHIPPED", "SHIPPED"),
    ("Delivered", "DELIVERED", "DELIVERED"),
];

struct Station {
    name: &'static str,
    /// When it was come to, if it was.
    at: Option<DateTime<Utc>>,
    is_here: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Wanted {
    /// What is to be shown whole: `items` or `timeline`.
    all: String,
}

#[derive(Template)]
#[template(path = "order.html")]
struct OrderPage {
    shell: Shell,
    detail: OrderDetail,
    attention: Vec<Attention>,
    way: Vec<Station>,
    timeline: Timeline,
    /// There are older entries that nobody can ask for.
    is_truncated: bool,
    /// What it waits for, in words.
    awaits: Vec<Part>,
    warehouses: Vec<Warehouse>,
    all: String,
    /// So that a double click is one edit.
    request_id: String,
    /// What was filled in and refused.
    filled: Filled,
}

impl OrderPage {
    /// Whether its hold window can be ended.
    fn is_held_by_its_window(&self) -> bool {
        let order = &self.detail.order;
        order.condition.as_deref() == Some("ON_HOLD") && order.held_by.as_deref() == Some("WINDOW")
    }

    fn may_be_edited(&self) -> bool {
        self.shell.me.may_act() && self.detail.order.is_open()
    }

    fn path(&self) -> String {
        format!("/console/orders/{}", part(&self.detail.order.order_id))
    }

    /// Whether this form was filled in and refused, so that it is open.
    fn was_refused(&self, what: &str) -> bool {
        self.filled.what == what
    }

    /// The reason that was given in this form.
    fn reason(&self, what: &str) -> &str {
        if self.was_refused(what) { &self.filled.reason } else { "" }
    }

    /// The address as it was filled in, else as it is.
    fn address(&self) -> ShipTo {
        if self.was_refused("address") {
            return self.filled.ship_to();
        }
        let customer = self.detail.customer.clone();
        customer.and_then(|customer| customer.ship_to).unwrap_or_default()
    }

    fn items(&self) -> &[Item] {
        let items = &self.detail.order.items;
        let shown = if self.all == "items" { items.len() } else { MOST_ITEMS };
        items.get(..shown).unwrap_or(items)
    }

    /// The lines of which can be said which SKU they are: those without one first, and few enough to choose from.
    fn lines_to_choose_from(&self) -> Vec<&Item> {
        let mut lines: Vec<&Item> = self.detail.order.items.iter().collect();
        lines.sort_by_key(|item| item.sku.is_some());
        lines.truncate(self.items().len());
        lines
    }

    /// Those that take orders.
    fn open_warehouses(&self) -> Vec<&Warehouse> {
        self.warehouses.iter().filter(|warehouse| warehouse.active).collect()
    }

    fn if_cancelled(&self) -> Vec<Difference> {
        difference::of_cancel(&self.detail)
    }

    fn if_shipped_from_elsewhere(&self) -> Vec<Difference> {
        difference::of_another_warehouse(&self.detail)
    }

    fn if_sent_elsewhere(&self) -> Vec<Difference> {
        difference::of_another_address(&self.detail)
    }

    fn if_answered(&self, action: &str, row: &Attention) -> Vec<Difference> {
        difference::of_answer(action, row, &self.detail)
    }

    /// Whether the way it waits is said by what needs a person.
    fn needs_a_person(&self) -> bool {
        !self.attention.is_empty()
            && self.detail.awaits.as_ref().is_some_and(|awaits| awaits.what == "PERSON")
    }
}

async fn order(
    visitor: Visitor,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Refusal> {
    Ok(page::show(&page_of(&visitor, &id, wanted, Filled::default()).await?))
}

async fn page_of(visitor: &Visitor, id: &str, wanted: Wanted, filled: Filled) -> Result<OrderPage, Refusal> {
    let id = part(id);
    let detail: OrderDetail = visitor.client.get(&format!("/api/orders/{id}")).await?;
    let story = visitor.client.list::<Happened>(&format!("/api/orders/{id}/story")).await?;
    let attention: Vec<Attention> = visitor.client.get(&format!("/api/attention?orderId={id}")).await?;
    // Without them a warehouse is named by hand.
    let warehouses = visitor.client.get("/api/warehouses").await.unwrap_or_default();
    let mut shell = Shell::of(visitor, "orders", detail.order.name.clone()).await;
    shell.order = detail.order.order_id.clone();
    Ok(OrderPage {
        way: way(&detail),
        awaits: waits::sentences(&detail, &shell.now),
        timeline: Timeline::of(story.rows, wanted.all == "timeline"),
        is_truncated: story.is_truncated,
        request_id: format!("console-{}", Uuid::now_v7()),
        all: wanted.all,
        shell,
        detail,
        attention,
        warehouses,
        filled,
    })
}

/// When its way came to each station. What was recalled whole is at no warehouse any more.
fn way(detail: &OrderDetail) -> Vec<Station> {
    let when =
        |event: &str| detail.timeline.iter().rev().find(|entry| entry.event == event).map(|entry| entry.at);
    let order = &detail.order;
    let is_back = order.status == "PROCESSING"
        && detail.parcels.is_empty()
        && !detail.fulfilment_requests.is_empty()
        && !detail.fulfilment_requests.iter().any(|request| request.outstanding);
    let here = if is_back { "CONFIRMED" } else { order.status.as_str() };
    let stations = WAY.into_iter().map(|(name, event, status)| Station {
        name,
        at: match event {
            "RECEIVED" => Some(order.received_at),
            "HANDED_OVER" if is_back => None,
            event => when(event),
        },
        is_here: here == status,
    });
    let mut way: Vec<Station> = stations.collect();
    if order.status == "CANCELLED" {
        way.retain(|station| station.at.is_some());
        way.push(Station { name: "Cancelled", at: when("CANCELLED"), is_here: true });
    }
    way
}

/// Shows the page again with what was filled in, and why it was refused.
async fn refused(visitor: &Visitor, id: &str, mut filled: Filled, refusal: Refusal) -> Response {
    // Whoever may not do it has no such form.
    if refusal.status == StatusCode::FORBIDDEN {
        return back_to(&format!("/orders/{}", part(id)), Err(refusal));
    }
    // Nobody knows what became of a request that was not answered: the next one is the same.
    if !refusal.status.is_server_error() {
        filled.request_id = String::new();
    }
    let Ok(mut page) = page_of(visitor, id, Wanted::default(), filled).await else {
        return back_to(&format!("/orders/{}", part(id)), Err(refusal));
    };
    if !page.filled.request_id.is_empty() {
        page.request_id.clone_from(&page.filled.request_id);
    }
    page.shell.keep_with(refusal.sentence);
    page::render(refusal.status, &page)
}

#[derive(Serialize)]
struct Cancel<'a> {
    reason: Option<&'a str>,
}

async fn cancel(
    visitor: Visitor,
    Path(id): Path<String>,
    form: Result<Form<Filled>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(form) = form.map_err(unreadable)?;
    let path = format!("/api/orders/{}/cancel", part(&id));
    match visitor.client.post::<Answer>(&path, &Cancel { reason: given(&form.reason) }).await {
        Ok(answer) => Ok(back_to(&format!("/orders/{}", part(&id)), Ok(format!("{}.", answer.message)))),
        Err(refusal) => {
            let filled = Filled { what: "cancel".to_owned(), ..form };
            Ok(refused(&visitor, &id, filled, refusal).await)
        }
    }
}

async fn edit(
    visitor: Visitor,
    Path(id): Path<String>,
    form: Result<Form<Filled>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(form) = form.map_err(unreadable)?;
    let path = format!("/api/orders/{}/edit", part(&id));
    match visitor.client.post::<Answer>(&path, &form.edit()).await {
        Ok(_) => {
            let said = "It is changed, and goes on by that.".to_owned();
            Ok(back_to(&format!("/orders/{}", part(&id)), Ok(said)))
        }
        Err(refusal) => Ok(refused(&visitor, &id, form, refusal).await),
    }
}
