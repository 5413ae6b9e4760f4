//! What the shop knows of its orders, their fulfilment orders and fulfilments.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use chrono::Utc;
use serde_json::{Map, Value, json};

use super::fulfilment_orders::{FulfilmentOrder, Pieces, Place};
use super::inventory::{Inventory, Shelved};
use super::moments;
use super::returns::Reverse;
use super::routing::{Routing, fulfillable_lines, is_there, route};
use crate::control::Control;

/// An order of the shop.
pub(super) struct ShopOrder {
    pub(super) id: i64,
    pub(super) shop: String,
    /// The order as webhooks would carry it now.
    pub(super) body: Value,
    pub(super) fulfilment_orders: Vec<FulfilmentOrder>,
    pub(super) fulfilments: Vec<Fulfilment>,
    pub(super) reverses: Vec<Reverse>,
    pub(super) routing: Routing,
    /// When the shop has decided where the order is fulfilled from.
    pub(super) routed_at: Instant,
    /// The job of a cancellation that is under way.
    pub(super) cancelling: Option<String>,
    /// The assessments of its risk, as the Admin API shows them.
    pub(super) assessments: Vec<Value>,
    /// The transaction that the customer paid with.
    pub(super) payment: i64,
    /// Whether somebody had a hand in its fulfilment orders: they are not dealt out anew then.
    pub(super) handled: bool,
    /// What was put on the shelf again or written off beside what fulfilment orders and fulfilments say.
    pub(super) shelved: Vec<Shelved>,
    /// What could be fulfilled in the body that was posted last.
    posted: Vec<Pieces>,
    pub(super) ids: Ids,
}

/// What was fulfilled at once.
pub(super) struct Fulfilment {
    pub(super) id: i64,
    pub(super) created_at: String,
    pub(super) updated_at: String,
    pub(super) cancelled: bool,
    pub(super) place: Place,
    pub(super) tracking: Vec<Value>,
    pub(super) lines: Vec<FulfilmentLine>,
}

/// So many pieces of a line of the order, fulfilled.
#[derive(Clone, Copy)]
pub(super) struct FulfilmentLine {
    pub(super) id: i64,
    /// The id of the order's line.
    pub(super) line: i64,
    pub(super) quantity: i64,
}

/// Gives out ids; a clone gives out none that another gave.
#[derive(Clone)]
pub(super) struct Ids(Arc<AtomicI64>);

impl Ids {
    /// An id that was not given to anything yet.
    pub(super) fn next(&self) -> i64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl Default for Ids {
    /// From the clock, so that no id comes again after a reset or a restart.
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(Utc::now().timestamp_micros())))
    }
}

/// All orders by id, and the stock that they take from.
pub(super) struct OrderBook {
    orders: HashMap<i64, ShopOrder>,
    /// The order of each fulfilment order.
    routed: HashMap<i64, i64>,
    /// The jobs that are not done.
    pub(super) jobs: HashSet<String>,
    /// What was made under an idempotency key: the input, and the payload that was answered.
    pub(super) answered: HashMap<String, (Value, Value)>,
    pub(super) inventory: Inventory,
    ids: Ids,
}

impl OrderBook {
    pub(super) fn empty(control: Arc<Control>) -> Self {
        let ids = Ids::default();
        Self {
            orders: HashMap::new(),
            routed: HashMap::new(),
            jobs: HashSet::new(),
            answered: HashMap::new(),
            inventory: Inventory::of(control, ids.clone()),
            ids,
        }
    }

    /// Keeps an order, or takes a newer body of one that is known.
    pub(super) fn keep(&mut self, id: i64, shop: String, body: Value, mut routing: Routing) -> &ShopOrder {
        let posted = fulfillable_lines(&body);
        if let Some(known) = self.orders.get_mut(&id) {
            let same = known.posted == posted;
            if same || known.handled {
                known.take(body, posted, same);
                return self.enter(id);
            }
            routing.location = routing.location.or(known.routing.location);
            routing.delivery_method = routing.delivery_method.or(known.routing.delivery_method.take());
        }
        let mut order = ShopOrder {
            id,
            shop,
            fulfilment_orders: route(&self.ids, &body, &routing),
            body,
            fulfilments: Vec::new(),
            reverses: Vec::new(),
            routed_at: Instant::now() + routing.after,
            routing,
            cancelling: None,
            assessments: Vec::new(),
            payment: self.ids.next(),
            handled: false,
            shelved: Vec::new(),
            posted,
            ids: self.ids.clone(),
        };
        order.write_body();
        self.orders.insert(id, order);
        self.enter(id)
    }

    pub(super) fn find(&self, id: i64) -> Option<&ShopOrder> {
        self.orders.get(&id)
    }

    /// Changes an order; its new fulfilment orders are found from then on.
    pub(super) fn change<T>(&mut self, id: i64, apply: impl FnOnce(&mut ShopOrder) -> T) -> Option<T> {
        let result = apply(self.orders.get_mut(&id)?);
        self.enter(id);
        Some(result)
    }

    /// The order whose routed fulfilment order has this id.
    pub(super) fn with_fulfilment_order(&self, id: i64) -> Option<(&ShopOrder, &FulfilmentOrder)> {
        let order = self.orders.get(self.routed.get(&id)?).filter(|order| order.is_routed())?;
        let found = order.fulfilment_order(id)?;
        Some((order, found))
    }

    /// The order that has this fulfilment.
    pub(super) fn with_fulfilment(&self, id: i64) -> Option<(&ShopOrder, &Fulfilment)> {
        let mut orders = self.orders.values();
        orders.find_map(|order| Some((order, order.fulfilments.iter().find(|found| found.id == id)?)))
    }

    pub(super) fn with_reverse(&self, id: i64) -> Option<(&ShopOrder, &Reverse)> {
        let mut orders = self.orders.values();
        orders.find_map(|order| Some((order, order.reverses.iter().find(|found| found.id == id)?)))
    }

    /// Enters the fulfilment orders of an order that is known, and makes the stock follow it.
    fn enter(&mut self, id: i64) -> &ShopOrder {
        let order = &self.orders[&id];
        self.inventory.settle(order);
        self.routed.extend(order.fulfilment_orders.iter().map(|found| (found.id, id)));
        order
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
        let subject =
            [("order", json!(self.gid())), ("orderName", json!(self.name())), ("shop", json!(self.shop))];
        subject.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
    }

    pub(super) fn skus(&self) -> Vec<String> {
        lines(&self.body).iter().filter_map(|line| line["sku"].as_str().map(str::to_owned)).collect()
    }

    pub(super) fn line(&self, id: i64) -> Option<&Value> {
        lines(&self.body).iter().find(|line| line["id"].as_i64() == Some(id))
    }

    pub(super) fn sku(&self, line: i64) -> Option<&Value> {
        self.line(line).map(|line| &line["sku"])
    }

    pub(super) fn line_mut(&mut self, id: i64) -> Option<&mut Value> {
        let lines = self.body["line_items"].as_array_mut()?;
        lines.iter_mut().find(|line| line["id"].as_i64() == Some(id))
    }

    pub(super) fn fulfilment_order(&self, id: i64) -> Option<&FulfilmentOrder> {
        self.fulfilment_orders.iter().find(|found| found.id == id)
    }

    pub(super) fn fulfilment_order_mut(&mut self, id: i64) -> Option<&mut FulfilmentOrder> {
        self.handled = true;
        self.fulfilment_orders.iter_mut().find(|found| found.id == id)
    }

    /// A fulfilment order as webhooks carry it.
    pub(super) fn told_fulfilment_order(&self, id: i64) -> Option<Value> {
        self.fulfilment_order(id).map(FulfilmentOrder::told)
    }

    pub(super) fn is_routed(&self) -> bool {
        Instant::now() >= self.routed_at
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.body["cancelled_at"].is_string()
    }

    /// Whether anybody fulfilled something of it that was not taken back.
    pub(super) fn has_fulfilments(&self) -> bool {
        listed(&self.body, "fulfillments").iter().any(is_there)
    }

    /// The order is not to be fulfilled any more. Without `restock` its pieces are not for sale again.
    pub(super) fn cancel(&mut self, reason: &str, restock: bool) {
        let open: Vec<_> =
            line_ids(&self.body).into_iter().map(|line| (line, self.open_by_location(line))).collect();
        let cancelled_at = moments::now();
        self.body["cancelled_at"] = json!(cancelled_at);
        self.body["closed_at"] = json!(cancelled_at);
        self.body["cancel_reason"] = json!(reason);
        self.cancelling = None;
        self.close_all();
        for (line, open) in open.iter().filter(|_| !restock) {
            self.write_off(*line, open);
        }
        self.touch();
    }

    /// The order changed just now: its body says so, and everything else that is true now.
    pub(super) fn touch(&mut self) {
        let known = self.body["updated_at"].as_str().and_then(moments::read);
        // A posted body may be ahead of this clock; what comes later is not older for that.
        let updated_at = known.map_or(Utc::now(), |known| known.max(Utc::now()));
        self.body["updated_at"] = json!(moments::written(updated_at));
        self.write_body();
    }

    /// Takes a body that somebody posted; with the `same` pieces the fulfilment orders stay.
    fn take(&mut self, mut body: Value, posted: Vec<Pieces>, same: bool) {
        let (known, posted_ones) = (listed(&self.body, "fulfillments"), listed(&body, "fulfillments"));
        let theirs = posted_ones.iter().filter(|fulfilment| !self.is_ours(fulfilment));
        let ours = known.iter().filter(|fulfilment| self.is_ours(fulfilment));
        body["fulfillments"] = theirs.chain(ours).cloned().collect();
        self.body = body;
        self.posted = posted;
        if self.is_cancelled() {
            self.close_all();
        } else if !same {
            self.follow_body();
        }
        self.write_body();
    }

    fn close_all(&mut self) {
        for fulfilment_order in &mut self.fulfilment_orders {
            fulfilment_order.closed = true;
            fulfilment_order.holds.clear();
            for line in &mut fulfilment_order.lines {
                line.remaining = 0;
            }
        }
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

/// The number of what is named by number or by global id of that kind.
pub(super) fn id_in(kind: &str, name: &Value) -> Option<i64> {
    name.as_i64().or_else(|| number(kind, name.as_str()?))
}

/// The lines of an order body.
pub(super) fn lines(body: &Value) -> &[Value] {
    listed(body, "line_items")
}

/// The ids of an order body's lines.
pub(super) fn line_ids(body: &Value) -> Vec<i64> {
    lines(body).iter().filter_map(|line| line["id"].as_i64()).collect()
}

/// What stands in a list of a body, if there is one.
pub(super) fn listed<'a>(body: &'a Value, name: &str) -> &'a [Value] {
    body[name].as_array().map_or(&[], Vec::as_slice)
}
