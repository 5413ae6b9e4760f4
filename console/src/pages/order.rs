//! What happened to an order, and what now?

use askama::Template;
use axum::{
    Form, Router,
    extract::{Path, rejection::FormRejection},
    response::Response,
    routing::{get, post},
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
    shown::{Answer, Attention, Happened, OrderDetail},
};

pub(super) fn router() -> Router<Console> {
    Router::new()
        .route("/orders/{id}", get(order))
        .route("/orders/{id}/cancel", post(cancel))
        .route("/orders/{id}/edit", post(edit))
}

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

/// Entries of one day.
struct Day {
    first: DateTime<Utc>,
    entries: Vec<Happened>,
}

#[derive(Template)]
#[template(path = "order.html")]
struct OrderPage {
    shell: Shell,
    detail: OrderDetail,
    attention: Vec<Attention>,
    way: Vec<Station>,
    days: Vec<Day>,
    /// What a cancel would give back, in words.
    given_back: String,
    /// So that a double click is one edit.
    request_id: String,
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
}

async fn order(visitor: Visitor, Path(id): Path<String>) -> Result<Response, Refusal> {
    let id = part(&id);
    let detail: OrderDetail = visitor.client.get(&format!("/api/orders/{id}")).await?;
    let story: Vec<Happened> = visitor.client.get(&format!("/api/orders/{id}/story")).await?;
    let attention: Vec<Attention> = visitor.client.get(&format!("/api/attention?orderId={id}")).await?;
    let mut shell = Shell::of(&visitor, "orders", detail.order.name.clone()).await;
    shell.order = detail.order.order_id.clone();
    let way = way(&detail, &story);
    let page = OrderPage {
        given_back: given_back(&detail),
        request_id: format!("console-{}", Uuid::now_v7()),
        days: days(story),
        shell,
        detail,
        attention,
        way,
    };
    Ok(page::show(&page))
}

fn way(detail: &OrderDetail, story: &[Happened]) -> Vec<Station> {
    let when = |code: &str| story.iter().rev().find(|entry| entry.code == code).map(|entry| entry.at);
    let stations = WAY.into_iter().map(|(name, code, status)| Station {
        name,
        at: if code == "RECEIVED" { Some(detail.order.received_at) } else { when(code) },
        is_here: detail.order.status == status,
    });
    let mut way: Vec<Station> = stations.collect();
    if detail.order.status == "CANCELLED" {
        way.retain(|station| station.at.is_some());
        way.push(Station { name: "Cancelled", at: when("CANCELLED"), is_here: true });
    }
    way
}

/// The newest day last, as everything else.
fn days(story: Vec<Happened>) -> Vec<Day> {
    let mut days: Vec<Day> = Vec::new();
    for entry in story {
        match days.last_mut() {
            Some(day) if day.first.date_naive() == entry.at.date_naive() => day.entries.push(entry),
            _ => days.push(Day { first: entry.at, entries: vec![entry] }),
        }
    }
    days
}

fn given_back(detail: &OrderDetail) -> String {
    let held =
        detail.order.items.iter().filter(|item| item.allocation_status.as_deref() == Some("CONFIRMED"));
    let named: Vec<String> = held
        .map(|item| format!("{} × {}", item.quantity, item.sku.as_deref().unwrap_or(&item.product_name)))
        .collect();
    if named.is_empty() { "none is held".to_owned() } else { named.join(", ") }
}

#[derive(Deserialize)]
struct CancelForm {
    #[serde(default)]
    reason: String,
}

#[derive(Serialize)]
struct Cancel<'a> {
    reason: Option<&'a str>,
}

async fn cancel(
    visitor: Visitor,
    Path(id): Path<String>,
    form: Result<Form<CancelForm>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(form) = form.map_err(unreadable)?;
    let path = format!("/api/orders/{}/cancel", part(&id));
    let answered = visitor.client.post::<Answer>(&path, &Cancel { reason: given(&form.reason) }).await;
    Ok(back_to(&format!("/orders/{}", part(&id)), answered.map(|answer| format!("{}.", answer.message))))
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct EditForm {
    request_id: String,
    reason: String,
    /// What of it is changed: `address`, `line` or `warehouse`.
    what: String,
    name: String,
    company: String,
    address1: String,
    address2: String,
    city: String,
    province: String,
    zip: String,
    country_code: String,
    phone: String,
    line_id: String,
    sku: String,
    warehouse_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Edit<'a> {
    request_id: Option<&'a str>,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<Address<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lines: Vec<Line<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warehouse_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Address<'a> {
    name: Option<&'a str>,
    company: Option<&'a str>,
    address1: &'a str,
    address2: Option<&'a str>,
    city: &'a str,
    province: Option<&'a str>,
    zip: Option<&'a str>,
    country_code: &'a str,
    phone: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    line_id: &'a str,
    sku: &'a str,
}

impl EditForm {
    fn edit(&self) -> Edit<'_> {
        let address = (self.what == "address").then(|| Address {
            name: given(&self.name),
            company: given(&self.company),
            address1: self.address1.trim(),
            address2: given(&self.address2),
            city: self.city.trim(),
            province: given(&self.province),
            zip: given(&self.zip),
            country_code: self.country_code.trim(),
            phone: given(&self.phone),
        });
        let line = (self.what == "line").then(|| Line { line_id: &self.line_id, sku: self.sku.trim() });
        Edit {
            request_id: given(&self.request_id),
            reason: self.reason.trim(),
            address,
            lines: line.into_iter().collect(),
            warehouse_id: (self.what == "warehouse").then(|| self.warehouse_id.trim()),
        }
    }
}

async fn edit(
    visitor: Visitor,
    Path(id): Path<String>,
    form: Result<Form<EditForm>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(form) = form.map_err(unreadable)?;
    let path = format!("/api/orders/{}/edit", part(&id));
    let answered = visitor.client.post::<Answer>(&path, &form.edit()).await;
    Ok(back_to(
        &format!("/orders/{}", part(&id)),
        answered.map(|_| "It is changed, and goes on by that.".to_owned()),
    ))
}
