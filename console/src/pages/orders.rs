//! Where is order X?

use askama::Template;
use axum::{Router, extract::Query, response::Response, routing::get};
use serde::Deserialize;

use super::{listed, with_query};
use crate::{
    Console,
    client::{Refusal, Visitor},
    page::{self, Shell},
    shown::Order,
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
    cursor: String,
}

impl Wanted {
    /// All but where the page begins.
    fn filter(&self) -> [(&'static str, &str); 5] {
        [
            ("search", self.search.trim()),
            ("status", &self.status),
            ("condition", &self.condition),
            ("due", &self.due),
            ("shop", &self.shop),
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
    rows: Vec<Order>,
    next: Option<String>,
}

async fn list(visitor: Visitor, Query(wanted): Query<Wanted>) -> Result<Response, Refusal> {
    let addresses = ("/api/orders", "/console/orders");
    let (rows, next) = listed(&visitor, addresses, &wanted.filter(), &wanted.cursor).await?;
    let shell = Shell::of(&visitor, "orders", "Orders").await;
    Ok(page::show(&OrdersPage { shell, chosen: wanted.chosen(), wanted, rows, next }))
}
