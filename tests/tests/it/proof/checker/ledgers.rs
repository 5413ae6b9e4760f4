//! The stand-ins' ledgers against the books: what was acknowledged, what left, what the shop was notified of.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sqlx::PgPool;

use super::Order;
use crate::world::World;

/// Pieces by SKU.
type Pieces = BTreeMap<String, i64>;

/// What really happened outside.
pub(super) struct Ledgers {
    shopify: Vec<Value>,
    warehouse: Vec<Value>,
}

/// What the books say.
struct Books {
    received: Pieces,
    /// Ever: edits and refunds take nothing off it.
    ordered: BTreeMap<String, Pieces>,
    /// As edited and refunded.
    current: BTreeMap<String, Pieces>,
    held: BTreeMap<String, Pieces>,
    booked: BTreeMap<String, Pieces>,
    /// What a person said that a SKU of the shop is.
    mapped: BTreeMap<(String, String), String>,
    references: BTreeSet<String>,
    inbox: BTreeSet<(String, String)>,
}

impl Ledgers {
    pub(super) async fn read(world: &World) -> Self {
        // What is on its way when the ledgers are read may not have got to the books.
        let warehouse = world.ledger(world.wms("/_ledger")).await;
        Self { shopify: world.ledger(world.shopify("/_ledger")).await, warehouse }
    }

    pub(super) async fn check(&self, pool: &PgPool, orders: &[Order]) -> Vec<String> {
        let books = Books::read(pool).await;
        let mut findings = self.acknowledged(&books);
        findings.extend(self.references(&books));
        findings.extend(self.shipped(&books, orders));
        for order in orders {
            findings.extend(self.order(&books, order));
        }
        findings
    }

    /// Every webhook that was answered with success is an inbox row.
    fn acknowledged(&self, books: &Books) -> Vec<String> {
        let sent = |ledger: &[Value]| -> BTreeSet<(String, String)> {
            let accepted = ledger.iter().filter(|entry| entry["kind"] == json!("callback"));
            accepted
                .filter(|entry| entry["status"].as_u64().is_some_and(|status| (200..300).contains(&status)))
                // The name of a warehouse system stands where a shop's would.
                .map(|entry| (text(&entry["shop"]) + &text(&entry["system"]), text(&entry["webhookId"])))
                .collect()
        };
        let lost = |(shop, id): &(String, String)| {
            format!("webhook {id} of {shop:?} was acknowledged and is not in the inbox")
        };
        let all: BTreeSet<_> = sent(&self.shopify).union(&sent(&self.warehouse)).cloned().collect();
        all.difference(&books.inbox).map(lost).collect()
    }

    /// The warehouse knows no hand-over that is not in our books, and made each but once.
    fn references(&self, books: &Books) -> Vec<String> {
        let mut findings = Vec::new();
        let mut seen = BTreeSet::new();
        for entry in effects(&self.warehouse, "shipmentCreated") {
            let reference = text(&entry["reference"]);
            if !books.references.contains(&reference) {
                findings
                    .push(format!("the warehouse has the hand-over {reference}, which nobody here knows"));
            }
            if !seen.insert((reference.clone(), text(&entry["part"]))) {
                findings.push(format!("the hand-over {reference} was made twice"));
            }
        }
        findings
    }

    /// Nothing oversold, nothing shipped twice.
    fn shipped(&self, books: &Books, orders: &[Order]) -> Vec<String> {
        let mut findings = Vec::new();
        let (mut parcels, mut by_sku) = (BTreeSet::new(), Pieces::new());
        for entry in effects(&self.warehouse, "shipmentShipped") {
            let reference = text(&entry["reference"]);
            if !parcels.insert((reference.clone(), text(&entry["part"]))) {
                findings.push(format!("part {} of {reference} was shipped twice", entry["part"]));
            }
            if !orders.iter().any(|order| belongs(&reference, order)) {
                findings.push(format!("the warehouse shipped {reference}, which belongs to no order"));
            }
            add(&mut by_sku, &entry["lines"]);
        }
        for (sku, shipped) in by_sku {
            let received = books.received.get(&sku).copied().unwrap_or_default();
            if shipped > received {
                findings
                    .push(format!("{sku} was oversold: {shipped} pieces left, {received} were ever there"));
            }
        }
        findings
    }

    /// What left for one order, and what the shop was notified of it.
    fn order(&self, books: &Books, order: &Order) -> Vec<String> {
        let number = &order.order_number;
        let nothing = Pieces::new();
        let of = |book: &BTreeMap<String, Pieces>| {
            books.as_mapped(order, book.get(&order.order_id).unwrap_or(&nothing).clone())
        };
        let (ordered, held, booked) = (of(&books.ordered), of(&books.held), of(&books.booked));
        let shipped = books.as_mapped(order, self.left_for(order));
        let mut findings = Vec::new();
        for (sku, pieces) in &shipped {
            let count = |book: &Pieces| book.get(sku).copied().unwrap_or_default();
            if *pieces > count(&ordered) {
                findings.push(format!(
                    "order {number}: {pieces} of {sku} left, {} were ordered",
                    count(&ordered)
                ));
            }
            if *pieces > count(&held) + count(&booked) {
                findings.push(format!("order {number}: {pieces} of {sku} left for which it holds no stock"));
            }
        }
        if !order.ended {
            return findings;
        }
        if shipped != booked {
            findings.push(format!(
                "order {number}: {shipped:?} left the warehouse, but {booked:?} is booked out"
            ));
        }
        // What has no place in the shop any more is shown to a person.
        let told = self.told(books, order);
        let rest_is_shown = order.too_late_is_shown
            && told.iter().all(|(sku, pieces)| booked.get(sku).is_some_and(|left| left >= pieces));
        if order.shopify_order_id.is_some() && told != booked && !rest_is_shown {
            findings.push(format!(
                "order {number}: the shop was notified of {told:?}, but {booked:?} is booked out"
            ));
        }
        let current = of(&books.current);
        let mut sent = self.sent_by_hand(order);
        for (sku, pieces) in &booked {
            *sent.entry(sku.clone()).or_default() += pieces;
        }
        let is_short =
            current.iter().any(|(sku, pieces)| sent.get(sku).copied().unwrap_or_default() < *pieces);
        if order.has_left() && !order.recalled && is_short {
            findings.push(format!("order {number} is {} with {sent:?} of {current:?}", order.status));
        }
        if order.has_left() && booked.is_empty() {
            findings.push(format!("order {number} is {} and nothing left", order.status));
        }
        if order.is_cancelled() {
            findings.extend(self.cancelled(order, &shipped, !is_short));
        }
        findings
    }

    /// A cancelled order shipped nothing, nothing is about to leave for it, and the shop knows: unless others
    /// sent all that there was, or a person sees what there is now.
    fn cancelled(&self, order: &Order, shipped: &Pieces, sent_all: bool) -> Vec<String> {
        let number = &order.order_number;
        let mut findings = Vec::new();
        if !shipped.is_empty() {
            findings.push(format!("order {number} is cancelled, but {shipped:?} left"));
        }
        let ids = |effect: &str| -> BTreeSet<String> {
            let of_order = |entry: &&Value| belongs(&text(&entry["reference"]), order);
            effects(&self.warehouse, effect)
                .filter(of_order)
                .map(|entry| text(&entry["shipmentId"]))
                .collect()
        };
        for parcel in ids("shipmentCreated").difference(&ids("shipmentCancelled")) {
            findings.push(format!(
                "order {number} is cancelled, but the warehouse was not stopped from shipping {parcel}"
            ));
        }
        // Where others fulfilled some of it the shop cannot cancel it, and the rest is refunded there.
        let said = |effect: &str| effects(&self.shopify, effect).any(|entry| is_about(entry, order));
        let by_hand = !self.sent_by_hand(order).is_empty();
        let is_done_there = by_hand && (said("orderRefunded") || sent_all || order.too_late_is_shown);
        if order.shopify_order_id.is_some() && !said("orderCancelled") && !is_done_there {
            findings.push(format!("order {number} is cancelled, and the shop does not know"));
        }
        findings
    }

    fn left_for(&self, order: &Order) -> Pieces {
        let mut pieces = Pieces::new();
        for entry in effects(&self.warehouse, "shipmentShipped") {
            if belongs(&text(&entry["reference"]), order) {
                add(&mut pieces, &entry["lines"]);
            }
        }
        pieces
    }

    /// What the shop's own people sent.
    fn sent_by_hand(&self, order: &Order) -> Pieces {
        let mut pieces = Pieces::new();
        for entry in effects(&self.shopify, "fulfilledByHand").filter(|entry| is_about(entry, order)) {
            add(&mut pieces, &entry["lines"]);
        }
        pieces
    }

    fn told(&self, books: &Books, order: &Order) -> Pieces {
        let mut told = Pieces::new();
        for entry in effects(&self.shopify, "fulfillmentCreated").filter(|entry| is_about(entry, order)) {
            add(&mut told, &entry["lines"]);
        }
        books.as_mapped(order, told)
    }
}

impl Books {
    /// By the names that people gave to an order's lines, whenever a piece of them was booked or left.
    fn as_mapped(&self, order: &Order, pieces: Pieces) -> Pieces {
        let mut mapped = Pieces::new();
        for (sku, count) in pieces {
            let known = self.mapped.get(&(order.order_id.clone(), sku.clone()));
            *mapped.entry(known.cloned().unwrap_or(sku)).or_default() += count;
        }
        mapped
    }

    async fn read(pool: &PgPool) -> Self {
        Self {
            received: pieces(
                pool,
                "SELECT '', sku, sum(on_hand_change)::bigint FROM inventory.movements
                 WHERE reason IN ('OPENING_STOCK', 'RECEIPT', 'RETURN', 'COUNT') GROUP BY sku",
            )
            .await
            .remove("")
            .unwrap_or_default(),
            ordered: pieces(
                pool,
                "SELECT order_id, sku, sum(quantity)::bigint FROM orders.lines
                 WHERE requires_shipping AND sku IS NOT NULL GROUP BY order_id, sku",
            )
            .await,
            current: pieces(
                pool,
                // What can be fulfilled yet says nothing any more once parcels have left.
                "SELECT order_id, sku, sum(COALESCE(current_quantity, quantity))::bigint FROM orders.lines
                 WHERE requires_shipping AND sku IS NOT NULL GROUP BY order_id, sku",
            )
            .await,
            held: pieces(
                pool,
                "SELECT order_id, sku, sum(quantity - fulfilled_quantity)::bigint FROM inventory.allocations
                 WHERE status IN ('PENDING', 'CONFIRMED') GROUP BY order_id, sku",
            )
            .await,
            booked: pieces(
                pool,
                "SELECT order_id, line ->> 'sku', sum((line ->> 'quantity')::bigint)::bigint
                 FROM inventory.fulfilments, jsonb_array_elements(lines) AS line GROUP BY 1, 2",
            )
            .await,
            mapped: sqlx::query_as::<_, (String, String, String)>(
                "SELECT order_id, shop_said, value FROM orders.edits
                 WHERE member = 'SKU' AND superseded_at IS NULL AND shop_said IS NOT NULL",
            )
            .fetch_all(pool)
            .await
            .expect("what people changed is read")
            .into_iter()
            .map(|(order, said, value)| ((order, said), value))
            .collect(),
            references: sqlx::query_scalar("SELECT reference FROM orders.fulfilment_requests")
                .fetch_all(pool)
                .await
                .expect("the hand-overs are read")
                .into_iter()
                .collect(),
            inbox: sqlx::query_as("SELECT shop, message_id FROM integration.inbox")
                .fetch_all(pool)
                .await
                .expect("the inbox is read")
                .into_iter()
                .collect(),
        }
    }
}

async fn pieces(pool: &PgPool, query: &'static str) -> BTreeMap<String, Pieces> {
    let rows: Vec<(String, String, i64)> =
        sqlx::query_as(query).fetch_all(pool).await.expect("pieces are read");
    let mut pieces = BTreeMap::<String, Pieces>::new();
    for (order, sku, quantity) in rows {
        pieces.entry(order).or_default().insert(sku, quantity);
    }
    pieces
}

fn effects<'a>(ledger: &'a [Value], effect: &'a str) -> impl Iterator<Item = &'a Value> {
    ledger.iter().filter(move |entry| entry["kind"] == json!("effect") && entry["effect"] == json!(effect))
}

/// By the number it begins with, whether or not our books know the reference.
fn belongs(reference: &str, order: &Order) -> bool {
    reference.strip_prefix(order.order_number.as_str()).is_some_and(|rest| rest.starts_with('-'))
}

fn is_about(entry: &Value, order: &Order) -> bool {
    let id = entry["order"].as_str().and_then(|id| id.rsplit('/').next());
    order.shopify_order_id.is_some_and(|known| id == Some(known.to_string().as_str()))
}

fn add(pieces: &mut Pieces, lines: &Value) {
    for line in lines.as_array().into_iter().flatten() {
        *pieces.entry(text(&line["sku"])).or_default() += line["quantity"].as_i64().expect("a quantity");
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
