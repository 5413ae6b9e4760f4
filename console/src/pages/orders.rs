//! Where is order X?

use askama::Template;
use axum::{Router, extract::Query, response::Response, routing::get};
use chrono::NaiveDate;
use serde::Deserialize;

use super::{ROWS, next_page, with_query};
use crate::{
    Console,
    client::{Refusal, Visitor},
    page::{self, Shell},
    shown::{Order, Overview},
    words,
};

pub(super) fn router() -> Router<Console> {
    Router::new().route("/orders", get(list))
}

const STATUSES: [&str; 6] = ["PENDING", "CONFIRMED", "PROCESSING", "SHIPPED", "DELIVERED", "CANCELLED"];
const CONDITIONS: [&str; 7] = [
    "NEEDS_ATTENTION",
    "BACKORDERED",
    "AWAITING_PAYMENT",
    "ON_HOLD",
    "PARTIALLY_SHIPPED",
    "AWAITING_ALLOCATION",
    "IGNORED",
];

#[derive(Deserialize, Default)]
#[serde(default)]
struct Wanted {
    search: String,
    status: String,
    condition: String,
    shop: String,
    due: String,
    /// A day: only what was received from then on.
    since: String,
    cursor: String,
}

impl Wanted {
    /// All but where the page begins.
    fn filter(&self) -> [(&'static str, &str); 6] {
        [
            ("search", self.search.trim()),
            ("status", &self.status),
            ("condition", &self.condition),
            ("due", &self.due),
            ("shop", self.shop.trim()),
            ("since", &self.since),
        ]
    }

    /// The filters in words, each with where the list is without it.
    fn chosen(&self) -> Vec<Chosen> {
        let said = |name: &str, value: &str| match name {
            "status" => words::status(value).to_owned(),
            "condition" => words::condition(value).to_owned(),
            "due" if value == "LATE" => "late".to_owned(),
            "due" => "to leave today".to_owned(),
            "shop" => format!("shop {value}"),
            "since" => format!("received since {value}"),
            _ => format!("“{value}”"),
        };
        let filter = self.filter();
        let given = filter.iter().filter(|(_, value)| !value.is_empty());
        let without = |name: &str| {
            let others: Vec<_> = filter.iter().filter(|(other, _)| *other != name).copied().collect();
            with_query("/console/orders", &others)
        };
        given.map(|(name, value)| Chosen { words: said(name, value), without: without(name) }).collect()
    }
}

struct Chosen {
    words: String,
    without: String,
}

#[derive(Template)]
#[template(path = "orders.html")]
struct OrdersPage {
    shell: Shell,
    wanted: Wanted,
    chosen: Vec<Chosen>,
    stages: Vec<(&'static str, u64)>,
    rows: Vec<Order>,
    next: Option<String>,
}

/// The moment from which on what was received that day is wanted.
fn created_after(day: &str) -> String {
    match day.parse::<NaiveDate>() {
        Ok(day) => format!("{day}T00:00:00Z"),
        Err(_) => day.to_owned(),
    }
}

async fn list(visitor: Visitor, Query(wanted): Query<Wanted>) -> Result<Response, Refusal> {
    let created_after = created_after(&wanted.since);
    let mut asked: Vec<_> = wanted.filter().into_iter().filter(|(name, _)| *name != "since").collect();
    asked.extend([("createdAfter", created_after.as_str()), ("cursor", &wanted.cursor), ("limit", ROWS)]);
    let found = visitor.client.list::<Order>(&with_query("/api/orders", &asked)).await?;
    let next = next_page("/console/orders", &wanted.filter(), found.next.as_deref());
    let overview: Overview = visitor.client.get("/api/overview").await?;
    let shell = Shell::counting(&visitor, "orders", "Orders", overview.wanted());
    let stages = overview.stages();
    Ok(page::show(&OrdersPage { shell, chosen: wanted.chosen(), wanted, stages, rows: found.rows, next }))
}
