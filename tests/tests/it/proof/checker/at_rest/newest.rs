//! Each order of a shop against the newest body that was acknowledged for it.
//!
//! The bodies are read from the inbox as they came. Where two of one moment disagree the shop itself
//! decides, and where the shop's own order was read later no body is the newest: those orders are not
//! judged here.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{FromRow, PgConnection, types::Json};

/// Pieces by SKU.
type Pieces = BTreeMap<String, i64>;

/// Whole orders, as their topics say.
const BODIES: &str = "
SELECT i.shop, convert_from(i.body, 'UTF8')::jsonb AS body, i.headers ->> 'triggeredAt' AS triggered_at
FROM integration.inbox i
WHERE i.source = 'shopify' AND i.state <> 'UNREADABLE'
  AND i.topic IN ('orders/create', 'orders/updated', 'orders/paid', 'orders/cancelled', 'orders/fulfilled',
                  'orders/partially_fulfilled')
ORDER BY i.inbox_id";

const ORDERS: &str = r#"
SELECT o.shop, o.shopify_order_id, o.order_number, o.status, o.condition, o.condition_reason, o.held_by,
       o.story_ended_at IS NOT NULL AS ended, o.content_updated_at, o.cancelled_by,
       EXISTS (SELECT FROM integration.inbox i WHERE i.order_id = o.order_id AND i.topic = 'orders/edited') AS was_asked,
       EXISTS (SELECT FROM orders.attention a WHERE a.order_id = o.order_id) AS was_shown,
       EXISTS (SELECT FROM orders.attention a WHERE a.order_id = o.order_id AND a.resolved_at IS NULL) AS is_shown,
       EXISTS (SELECT FROM orders.attention a WHERE a.order_id = o.order_id AND a.resolved_at IS NULL
               AND a.reason = 'EDITED_TOO_LATE')
           -- A hold that came too late stands in no body.
           AND NOT EXISTS (SELECT FROM orders.attention a WHERE a.order_id = o.order_id AND a.resolved_at IS NULL
                           AND a.reason = 'SHOPIFY_FULFILMENT_ORDER_ON_HOLD') AS edited_too_late,
       ARRAY(SELECT tracking_number FROM orders.parcels s
             WHERE s.order_id = o.order_id AND tracking_number IS NOT NULL) AS tracking_numbers,
       -- What a person said that a line is stands whatever the bodies call it.
       COALESCE((SELECT jsonb_object_agg(line_id, value) FROM orders.edits e WHERE e.order_id = o.order_id
                 AND member = 'SKU' AND superseded_at IS NULL), '{}') AS mapped,
       EXISTS (SELECT FROM orders.edits e WHERE e.order_id = o.order_id AND member <> 'SKU') AS moved_by_hand,
       ARRAY(SELECT unnest(fulfilment_ids) FROM orders.parcels s WHERE s.order_id = o.order_id) AS fulfilment_ids,
       COALESCE((SELECT jsonb_object_agg(sku, pieces)
                 FROM (SELECT line ->> 'sku' AS sku, sum((line ->> 'quantity')::bigint) AS pieces
                       FROM inventory.fulfilments f, jsonb_array_elements(f.lines) AS line
                       WHERE f.order_id = o.order_id GROUP BY 1) AS booked), '{}') AS booked,
       COALESCE((SELECT jsonb_object_agg(sku, pieces)
                 FROM (SELECT sku, sum(pieces) AS pieces
                       FROM (SELECT sku, quantity - fulfilled_quantity AS pieces FROM inventory.allocations a
                             WHERE a.order_id = o.order_id AND a.status IN ('PENDING', 'CONFIRMED')
                             UNION ALL
                             SELECT sku, quantity FROM inventory.waiting w WHERE w.order_id = o.order_id) AS each
                       GROUP BY sku) AS kept), '{}') AS kept
FROM orders.orders o WHERE o.shopify_order_id IS NOT NULL"#;

/// A whole order, as it came.
#[derive(FromRow)]
struct Body {
    shop: String,
    body: Value,
    triggered_at: Option<String>,
}

impl Body {
    fn order(&self) -> Option<(String, i64)> {
        Some((self.shop.clone(), self.body["id"].as_i64()?))
    }

    /// By the shop's clock.
    fn moment(&self) -> Option<DateTime<Utc>> {
        moment(self.body["updated_at"].as_str()).or_else(|| self.sent())
    }

    fn sent(&self) -> Option<DateTime<Utc>> {
        moment(self.triggered_at.as_deref())
    }

    fn is_cancelled(&self) -> bool {
        self.body["cancelled_at"].is_string()
    }

    fn is_paid(&self) -> bool {
        matches!(self.financial_status().as_str(), "paid" | "authorized" | "partially_refunded")
    }

    fn is_gone(&self) -> bool {
        matches!(self.financial_status().as_str(), "voided" | "refunded")
    }

    fn financial_status(&self) -> String {
        self.body["financial_status"].as_str().unwrap_or_default().to_lowercase()
    }

    /// Whether it says of each line what can be fulfilled yet, and every line is ours by its service.
    fn says_what_is_wanted(&self) -> bool {
        list(&self.body["line_items"]).all(|line| {
            let service = line["fulfillment_service"].as_str().unwrap_or("manual");
            line["fulfillable_quantity"].is_i64() && service == "manual"
        })
    }

    /// Pieces wanted of us in all: what can be fulfilled yet, and what the same body lists as ours.
    fn wanted(&self, order: &Order) -> Pieces {
        let mut wanted = Pieces::new();
        let ships = |line: &&Value| line["requires_shipping"] != Value::Bool(false);
        for line in list(&self.body["line_items"]).filter(ships) {
            let ours: i64 = list(&self.body["fulfillments"])
                .filter(|fulfilment| order.made(fulfilment))
                .flat_map(|fulfilment| list(&fulfilment["line_items"]))
                .filter(|fulfilled| fulfilled["id"] == line["id"])
                .filter_map(|fulfilled| fulfilled["quantity"].as_i64())
                .sum();
            let open = line["fulfillable_quantity"].as_i64().unwrap_or_default();
            let mapped = order.mapped.get(&line["id"].to_string()).map(String::as_str);
            let sku = mapped.or(line["sku"].as_str()).unwrap_or_default();
            *wanted.entry(sku.to_owned()).or_default() += open + ours;
        }
        without_zeros(wanted)
    }
}

/// An order, as the books have it.
#[derive(FromRow)]
struct Order {
    shop: String,
    shopify_order_id: i64,
    order_number: String,
    status: String,
    condition: Option<String>,
    condition_reason: Option<String>,
    held_by: Option<String>,
    ended: bool,
    content_updated_at: Option<DateTime<Utc>>,
    cancelled_by: Option<String>,
    /// The shop's own order was read, as a message only said that something changed.
    was_asked: bool,
    was_shown: bool,
    is_shown: bool,
    edited_too_late: bool,
    tracking_numbers: Vec<String>,
    mapped: Json<BTreeMap<String, String>>,
    moved_by_hand: bool,
    fulfilment_ids: Vec<i64>,
    booked: Json<Pieces>,
    kept: Json<Pieces>,
}

impl Order {
    /// Whether a fulfilment in a body reports a parcel of ours, and stands.
    fn made(&self, fulfilment: &Value) -> bool {
        let carries = |number: &Value| self.tracking_numbers.iter().any(|ours| number == ours);
        let is_ours = fulfilment["id"].as_i64().is_some_and(|id| self.fulfilment_ids.contains(&id))
            || carries(&fulfilment["tracking_number"])
            || list(&fulfilment["tracking_numbers"]).any(carries);
        is_ours && !matches!(fulfilment["status"].as_str(), Some("cancelled" | "error" | "failure"))
    }

    fn is(&self, condition: &str) -> bool {
        self.condition.as_deref() == Some(condition)
    }

    fn has_left(&self) -> bool {
        !self.booked.is_empty()
    }

    /// What the newest body says that it does not do.
    fn passes_over(&self, newest: &Body, cancelled: bool) -> Option<String> {
        if cancelled {
            let is_off = self.status == "CANCELLED" || (self.is("IGNORED") && !self.has_left());
            let is_seen_to = is_off || (self.has_left() && self.was_shown);
            return (!is_seen_to).then(|| "it is cancelled".to_owned());
        }
        // A person or the policy cancelled it, or a person is to look.
        if self.is_shown || (self.status == "CANCELLED" && self.cancelled_by.as_deref() != Some("shopify")) {
            return None;
        }
        if self.status == "CANCELLED" {
            return Some("it is not cancelled".to_owned());
        }
        let (wanted, booked) = (newest.wanted(self), without_zeros(self.booked.0.clone()));
        let said = format!("{wanted:?} is wanted; {booked:?} left and {:?} is kept for it", self.kept.0);
        if self.is("IGNORED") {
            let as_nothing_ships = self.condition_reason.as_deref() == Some("NOTHING_TO_SHIP");
            // Where the money is gone nothing is shipped either.
            return (as_nothing_ships && wanted != booked && !newest.is_gone()).then_some(said);
        }
        if self.ended {
            return (wanted != booked).then_some(said);
        }
        if !newest.is_paid() || self.held_by.as_deref() == Some("WINDOW") {
            return None;
        }
        if self.is("AWAITING_PAYMENT") {
            return Some("it is paid".to_owned());
        }
        let mut ours = booked;
        for (sku, pieces) in &self.kept.0 {
            *ours.entry(sku.clone()).or_default() += pieces;
        }
        (without_zeros(ours) != wanted).then_some(said)
    }
}

/// What orders do that their newest body does not say.
pub(super) async fn check(conn: &mut PgConnection) -> Vec<String> {
    let bodies: Vec<Body> = sqlx::query_as(BODIES).fetch_all(&mut *conn).await.expect("the bodies are read");
    let orders: Vec<Order> = sqlx::query_as(ORDERS).fetch_all(conn).await.expect("the orders are read");
    let mut by_order = BTreeMap::<(String, i64), Vec<&Body>>::new();
    for body in &bodies {
        if let Some(order) = body.order() {
            by_order.entry(order).or_default().push(body);
        }
    }
    let of = |order: &Order| by_order.get(&(order.shop.clone(), order.shopify_order_id));
    orders.iter().filter_map(|order| judge(order, of(order)?)).collect()
}

fn judge(order: &Order, bodies: &[&Body]) -> Option<String> {
    let newest = newest(bodies)?;
    // The shop's clock has whole seconds: what was read in the second of the body may be newer.
    let was_read_later = order.content_updated_at > newest.moment()
        || (order.was_asked && order.content_updated_at == newest.moment());
    let cancelled = bodies.iter().any(|body| body.is_cancelled());
    if !newest.says_what_is_wanted() || (was_read_later && !cancelled) {
        return None;
    }
    let is_as_wanted = newest.wanted(order) == without_zeros(order.booked.0.clone());
    let address = &newest.body["shipping_address"];
    let moved = order.moved_by_hand || bodies.iter().any(|body| body.body["shipping_address"] != *address);
    // What could not be stopped when its money went is as it was wanted, and shown.
    if order.edited_too_late && is_as_wanted && !moved && !cancelled && !newest.is_gone() {
        return Some(format!(
            "order {} is said to be edited too late, and left as it is wanted",
            order.order_number
        ));
    }
    let why = order.passes_over(newest, cancelled)?;
    let condition = order.condition.as_deref().unwrap_or("none");
    Some(format!(
        "order {} is {} ({condition}), but by its newest body {why}",
        order.order_number, order.status
    ))
}

/// None where bodies of one moment disagree.
fn newest<'a>(bodies: &[&'a Body]) -> Option<&'a Body> {
    let moment = bodies.iter().filter_map(|body| body.moment()).max()?;
    let of_moment: Vec<&Body> = bodies.iter().copied().filter(|body| body.moment() == Some(moment)).collect();
    let sent = of_moment.iter().filter_map(|body| body.sent()).max();
    let mut last = of_moment.into_iter().filter(|body| body.sent().is_none_or(|at| Some(at) == sent));
    let first = last.next()?;
    last.all(|body| asks_the_same(&body.body, &first.body)).then_some(first)
}

fn asks_the_same(one: &Value, other: &Value) -> bool {
    ["cancelled_at", "financial_status", "line_items", "fulfillments"]
        .into_iter()
        .all(|member| one[member] == other[member])
}

fn moment(text: Option<&str>) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text?).ok().map(|moment| moment.with_timezone(&Utc))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn without_zeros(mut pieces: Pieces) -> Pieces {
    pieces.retain(|_, count| *count != 0);
    pieces
}
