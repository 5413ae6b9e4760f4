//! Shopify's bodies as they are sent, read into what we keep: orders, refunds, returns, and
//! which order or fulfilment order a body of another topic is about.
//!
//! **Invariant:** whatever the bytes are, reading them ends in what they say or in the name of the
//! member that cannot be read, never in a panic and never with personal data in the message. What is
//! needed is strict in its meaning; nothing else loses an order.

mod customer;
mod fulfilments;
mod levels;
mod members;
mod mentions;
mod refunds;
mod returns;
pub(crate) mod shipping;

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use domain::{AddressSaid, FinancialStatus, OrderFacts, OrderLine, ShopifyOrderId, leniently};
use rust_decimal::Decimal;
use serde_json::Value;

pub use customer::{Address, Customer};
pub use fulfilments::parse_fulfilment;
pub use levels::{LevelSaid, parse_level};
use members::Members;
pub use mentions::{
    parse_fulfilment_order_mention, parse_order_mention, parse_orders_requested, parse_orders_to_redact,
    parse_reverse_fulfilment_order_mention,
};
pub use refunds::{ParsedRefund, parse_refund};
pub use returns::{ParsedReturn, ReturnLine, parse_cancelled_return, parse_return};

/// The most bytes of a body that are read; Shopify's largest order is a fraction of it.
pub const MOST_BYTES: usize = 8 * 1024 * 1024;
/// The most lines an order may have; Shopify documents 500.
pub const MOST_LINES: usize = 2_000;

/// An order's body, read.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedOrder {
    /// The shop's id of the order.
    pub shopify_order_id: ShopifyOrderId,
    /// What the gate decides by; nothing personal.
    pub facts: OrderFacts,
    /// Who ordered and where it goes.
    pub customer: Customer,
    /// The refunds listed in it, as far as they can be read.
    pub refunds: Vec<ParsedRefund>,
}

/// Why a body is none we can act on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{member}: {reason}")]
pub struct UnreadableOrder {
    /// Where in the body, for example `line_items[3].quantity`; `body` for the whole.
    pub member: String,
    /// What was expected there.
    pub reason: &'static str,
    /// The order it is about, where that could be read.
    pub order_id: Option<ShopifyOrderId>,
}

impl UnreadableOrder {
    fn new(member: impl Into<String>, reason: &'static str) -> Self {
        Self { member: member.into(), reason, order_id: None }
    }

    fn of_order(self, id: Option<ShopifyOrderId>) -> Self {
        Self { order_id: id, ..self }
    }
}

/// Reads an order's body.
///
/// It needs its `id`, and `line_items` with the `id` of every line and the `quantity` of every line that
/// ships. Whatever else is absent, null or cannot be read counts as absent, but for a `cancelled_at` that
/// cannot be read, which still says that the order is cancelled. Texts are kept as they came, for the
/// gate to judge, but for NUL characters (PostgreSQL has no place for them), white space around them,
/// and whatever exceeds 1,000 characters.
///
/// # Errors
/// [`UnreadableOrder`] names the first member that is needed and cannot be read.
pub fn parse_order(body: &[u8]) -> Result<ParsedOrder, UnreadableOrder> {
    let value = document(body)?;
    let order = whole_object(&value)?;
    let id = order.own_id("Order")?;
    let shopify_order_id = ShopifyOrderId(id);
    once(body, NEEDED_OF_ORDERS).map_err(|unreadable| unreadable.of_order(Some(shopify_order_id)))?;
    Ok(ParsedOrder {
        shopify_order_id,
        facts: facts(&order, id).map_err(|unreadable| unreadable.of_order(Some(shopify_order_id)))?,
        customer: Customer::read(&order),
        refunds: refunds::listed(&order, shopify_order_id),
    })
}

/// Of two that stand in one object nobody knows which one is meant.
const NEEDED_OF_ORDERS: &[&str] = &[
    "id",
    "updated_at",
    "cancelled_at",
    "financial_status",
    "test",
    "shipping_address",
    "line_items",
    "line_items[].id",
    "line_items[].sku",
    "line_items[].quantity",
    "line_items[].fulfillable_quantity",
    "line_items[].current_quantity",
    "line_items[].requires_shipping",
    "line_items[].fulfillment_service",
    "fulfillments",
    "fulfillments[].status",
    "fulfillments[].line_items",
    "fulfillments[].line_items[].id",
    "fulfillments[].line_items[].quantity",
];

/// What is needed stands once; of everything else the last counts.
fn once(body: &[u8], needed: &[&str]) -> Result<(), UnreadableOrder> {
    match leniently::repeated_of(body, needed) {
        Some(member) => Err(UnreadableOrder::new(member, "stands there twice")),
        None => Ok(()),
    }
}

fn document(body: &[u8]) -> Result<Value, UnreadableOrder> {
    if body.len() > MOST_BYTES {
        return Err(UnreadableOrder::new("body", "is larger than 8 MiB"));
    }
    serde_json::from_slice(body)
        .or_else(|_| serde_json::from_str(&leniently::sound_json(body)))
        .map_err(|_| UnreadableOrder::new("body", "is not JSON"))
}

fn whole_object(value: &Value) -> Result<Members<'_>, UnreadableOrder> {
    Members::of(value, String::new()).ok_or_else(|| UnreadableOrder::new("body", "is not a JSON object"))
}

fn facts(order: &Members<'_>, id: i64) -> Result<OrderFacts, UnreadableOrder> {
    Ok(OrderFacts {
        name: order.text("name").unwrap_or_else(|| format!("#{id}")),
        currency: order.text("currency").unwrap_or_default(),
        total_amount: order.amount("total_price").unwrap_or(Decimal::ZERO),
        financial_status: FinancialStatus::from(order.text("financial_status").unwrap_or_default()),
        test: order.flag("test").unwrap_or(false),
        cancelled_at: cancelled_at(order),
        updated_at: order.time("updated_at"),
        location_id: order.optional_id("location_id", "Location"),
        address: address_said(order),
        lines: lines(order)?,
        fulfilments: fulfilments::listed(order),
        tags: tags(order),
        refund_ids: order.objects("refunds").filter_map(|refund| refund.own_id("Refund").ok()).collect(),
        shipping_methods: shipping::methods(order),
    })
}

/// The most tags of an order that are kept; Shopify documents 250.
const MOST_TAGS: usize = 250;
/// The most characters of one.
const LONGEST_TAG: usize = 255;

/// Webhooks write them in one text, with commas between them; none where a body is without them, as one of a
/// subscription that leaves them out is.
fn tags(order: &Members<'_>) -> Option<Vec<String>> {
    match order.get("tags") {
        Some(Value::String(text)) => Some(sorted_tags(text.split(','))),
        Some(Value::Array(tags)) => Some(sorted_tags(tags.iter().filter_map(Value::as_str))),
        _ => None,
    }
}

/// Tags as they are kept: each once, sorted, as PostgreSQL can keep them.
pub(crate) fn sorted_tags<'a>(tags: impl Iterator<Item = &'a str>) -> Vec<String> {
    let kept = |character| if character == '\0' { char::REPLACEMENT_CHARACTER } else { character };
    let tags = tags.map(str::trim).filter(|tag| !tag.is_empty()).take(MOST_TAGS);
    let mut tags: Vec<String> = tags.map(|tag| tag.chars().take(LONGEST_TAG).map(kept).collect()).collect();
    tags.sort_unstable();
    tags.dedup();
    tags
}

/// Shipping what was cancelled is worse than a wrong moment, so one that cannot be read stands for a
/// cancellation at the body's own time.
fn cancelled_at(order: &Members<'_>) -> Option<DateTime<Utc>> {
    let none = match order.get("cancelled_at")? {
        Value::Bool(cancelled) => !cancelled,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    };
    (!none).then(|| {
        ["cancelled_at", "updated_at", "created_at"]
            .into_iter()
            .find_map(|name| order.time(name))
            .unwrap_or(DateTime::UNIX_EPOCH)
    })
}

/// An empty text is none, as null is; another form says nothing.
fn address_said(order: &Members<'_>) -> AddressSaid {
    match (order.get("shipping_address"), order.written("shipping_address")) {
        (Some(Value::Object(_)), _) => AddressSaid::Given,
        (None, Some(_)) => AddressSaid::Null,
        _ => AddressSaid::Absent,
    }
}

fn lines(order: &Members<'_>) -> Result<Vec<OrderLine>, UnreadableOrder> {
    let items = order.list("line_items")?;
    if items.len() > MOST_LINES {
        return Err(UnreadableOrder::new("line_items", "has more than 2000 lines"));
    }
    let mut seen = HashSet::new();
    items
        .iter()
        .enumerate()
        .map(|(index, item)| {
            let place = format!("line_items[{index}]");
            let item = Members::of(item, format!("{place}."))
                .ok_or_else(|| UnreadableOrder::new(place, "is not an object"))?;
            let line = line(&item)?;
            if !seen.insert(line.line_id.clone()) {
                return Err(item.unreadable("id", "is the id of another line as well"));
            }
            Ok(line)
        })
        .collect()
}

fn line(item: &Members<'_>) -> Result<OrderLine, UnreadableOrder> {
    let line_id = item.line_id("id")?;
    let requires_shipping = item.flag("requires_shipping").unwrap_or(true);
    let quantity = match item.pieces("quantity") {
        Ok(Some(pieces)) => pieces,
        // Of what never leaves a warehouse nothing depends on the number.
        _ if !requires_shipping => 0,
        Ok(None) => return Err(item.unreadable("quantity", "is missing")),
        Err(unreadable) => return Err(unreadable),
    };
    let says_fulfilled =
        item.text("fulfillment_status").is_some_and(|status| status.eq_ignore_ascii_case("fulfilled"));
    let current_quantity = item.optional_pieces("current_quantity");
    let stated = item.optional_pieces("fulfillable_quantity");
    let left = if says_fulfilled { 0 } else { current_quantity.unwrap_or(quantity) };
    Ok(OrderLine {
        line_id,
        sku: item.text("sku"),
        product_name: item.text("name").or_else(|| item.text("title")).unwrap_or_default(),
        quantity,
        fulfillable_quantity: stated.unwrap_or(left),
        says_fulfillable: stated.is_some(),
        current_quantity,
        says_fulfilled,
        fulfilment_service: item.text("fulfillment_service"),
        unit_price: item.amount("price").unwrap_or(Decimal::ZERO),
        requires_shipping,
    })
}

#[cfg(test)]
mod tests;
