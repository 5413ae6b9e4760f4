//! What the shop knows of its orders, their fulfilment orders and fulfilments.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::Utc;
use serde_json::{Map, Value, json};

use crate::ledger::now;

/// The first location of every simulated shop; a second fulfilment order is at the next one.
const FIRST_LOCATION: i64 = 655_441_491;

/// An order of the shop.
pub(super) struct ShopOrder {
    pub(super) id: i64,
    pub(super) shop: String,
    /// The order as webhooks carry it.
    pub(super) body: Value,
    pub(super) fulfilment_orders: Vec<FulfilmentOrder>,
    pub(super) fulfilments: Vec<Fulfilment>,
    /// When the shop has decided where the order is fulfilled from.
    pub(super) routed_at: Instant,
}

/// What is to be fulfilled from one location.
pub(super) struct FulfilmentOrder {
    pub(super) id: i64,
    pub(super) location: i64,
    pub(super) closed: bool,
    pub(super) lines: Vec<FulfilmentOrderLine>,
}

/// A line of a fulfilment order.
pub(super) struct FulfilmentOrderLine {
    pub(super) id: i64,
    /// The id of the order's line.
    pub(super) line: i64,
    pub(super) total: i64,
    pub(super) remaining: i64,
}

/// What was fulfilled at once.
pub(super) struct Fulfilment {
    pub(super) id: i64,
    pub(super) created_at: String,
    pub(super) tracking: Vec<Value>,
    /// Id, the order's line, quantity.
    pub(super) lines: Vec<(i64, i64, i64)>,
}

/// How an order is split into fulfilment orders.
#[derive(Clone, Copy)]
pub(super) struct Routing {
    pub(super) fulfilment_orders: usize,
    pub(super) locations: usize,
    pub(super) after: Duration,
}

/// All orders by id.
pub(super) struct OrderBook {
    orders: HashMap<i64, ShopOrder>,
    /// The order of each fulfilment order.
    routed: HashMap<i64, i64>,
    last_id: i64,
}

impl Default for OrderBook {
    fn default() -> Self {
        Self {
            orders: HashMap::new(),
            routed: HashMap::new(),
            // From the clock, so that no id comes again after a reset or a restart.
            last_id: Utc::now().timestamp_micros(),
        }
    }
}

impl OrderBook {
    /// An id that was not given to anything yet.
    pub(super) fn next_id(&mut self) -> i64 {
        self.last_id += 1;
        self.last_id
    }

    /// Keeps an order, or takes a newer body of one that is known.
    pub(super) fn keep(&mut self, id: i64, shop: String, body: Value, routing: Routing) {
        let routed = self.orders.get(&id).is_some_and(|known| {
            !known.fulfilments.is_empty() || fulfillable_lines(&known.body) == fulfillable_lines(&body)
        });
        if let (true, Some(known)) = (routed, self.orders.get_mut(&id)) {
            known.body = body;
            return;
        }
        let fulfilment_orders = self.route(&body, routing);
        self.routed.extend(fulfilment_orders.iter().map(|routed| (routed.id, id)));
        let order = ShopOrder {
            id,
            shop,
            body,
            fulfilment_orders,
            fulfilments: Vec::new(),
            routed_at: Instant::now() + routing.after,
        };
        self.orders.insert(id, order);
    }

    pub(super) fn find(&self, id: i64) -> Option<&ShopOrder> {
        self.orders.get(&id)
    }

    pub(super) fn find_mut(&mut self, id: i64) -> Option<&mut ShopOrder> {
        self.orders.get_mut(&id)
    }

    /// The order whose routed fulfilment order has this id.
    pub(super) fn with_fulfilment_order(&self, id: i64) -> Option<(&ShopOrder, &FulfilmentOrder)> {
        let order = self.orders.get(self.routed.get(&id)?).filter(|order| order.is_routed())?;
        let found = order.fulfilment_orders.iter().find(|found| found.id == id)?;
        Some((order, found))
    }

    /// The order that has this fulfilment.
    pub(super) fn with_fulfilment(&self, id: i64) -> Option<(&ShopOrder, &Fulfilment)> {
        self.orders.values().find_map(|order| {
            order.fulfilments.iter().find(|found| found.id == id).map(|found| (order, found))
        })
    }

    /// Deals the lines out to as many fulfilment orders as wanted; none stays empty.
    fn route(&mut self, body: &Value, routing: Routing) -> Vec<FulfilmentOrder> {
        let lines = fulfillable_lines(body);
        let count = routing.fulfilment_orders.max(1).min(lines.len());
        let locations = routing.locations.max(1);
        let first = body["location_id"].as_i64().unwrap_or(FIRST_LOCATION);
        let mut dealt: Vec<FulfilmentOrder> = (0..count)
            .map(|index| FulfilmentOrder {
                id: self.next_id(),
                location: first + i64::try_from(index % locations).unwrap_or_default(),
                closed: body["cancelled_at"].is_string(),
                lines: Vec::new(),
            })
            .collect();
        for (index, (line, quantity)) in lines.into_iter().enumerate() {
            let id = self.next_id();
            dealt[index % count].lines.push(FulfilmentOrderLine {
                id,
                line,
                total: quantity,
                remaining: quantity,
            });
        }
        dealt
    }
}

impl ShopOrder {
    pub(super) fn gid(&self) -> String {
        gid("Order", self.id)
    }

    pub(super) fn name(&self) -> &str {
        self.body["name"].as_str().unwrap_or_default()
    }

    /// Who a ledger entry is about.
    pub(super) fn subject(&self) -> Map<String, Value> {
        let mut subject = Map::new();
        subject.insert("order".into(), json!(self.gid()));
        subject.insert("orderName".into(), json!(self.name()));
        subject.insert("shop".into(), json!(self.shop));
        subject
    }

    pub(super) fn skus(&self) -> Vec<String> {
        lines(&self.body).iter().filter_map(|line| line["sku"].as_str().map(str::to_owned)).collect()
    }

    pub(super) fn line(&self, id: i64) -> Option<&Value> {
        lines(&self.body).iter().find(|line| line["id"].as_i64() == Some(id))
    }

    pub(super) fn is_routed(&self) -> bool {
        Instant::now() >= self.routed_at
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.body["cancelled_at"].is_string()
    }

    /// The order is not to be fulfilled any more.
    pub(super) fn cancel(&mut self, reason: &str) {
        let cancelled_at = now();
        self.body["cancelled_at"] = json!(cancelled_at);
        self.body["closed_at"] = json!(cancelled_at);
        self.body["cancel_reason"] = json!(reason);
        self.touch();
        for fulfilment_order in &mut self.fulfilment_orders {
            fulfilment_order.closed = true;
            for line in &mut fulfilment_order.lines {
                line.remaining = 0;
            }
        }
    }

    /// The order changed just now.
    pub(super) fn touch(&mut self) {
        self.body["updated_at"] = json!(now());
    }
}

/// A global id of the Admin API.
pub(super) fn gid(kind: &str, id: i64) -> String {
    format!("gid://shopify/{kind}/{id}")
}

/// The number in a global id of that kind.
pub(super) fn number(kind: &str, gid: &str) -> Option<i64> {
    gid.strip_prefix("gid://shopify/")?.strip_prefix(kind)?.strip_prefix('/')?.parse().ok()
}

/// The lines of an order body.
pub(super) fn lines(body: &Value) -> &[Value] {
    body["line_items"].as_array().map_or(&[], Vec::as_slice)
}

/// Line id and quantity of what can be fulfilled.
fn fulfillable_lines(body: &Value) -> Vec<(i64, i64)> {
    let fulfillable = |line: &Value| {
        let quantity = line["fulfillable_quantity"].as_i64().or(line["quantity"].as_i64())?;
        (quantity > 0).then_some((line["id"].as_i64()?, quantity))
    };
    lines(body).iter().filter_map(fulfillable).collect()
}
