//! An order's body as Shopify sends it, read into what we keep.
//!
//! **Invariant:** whatever the bytes are, reading them ends in an order or in the name of the
//! member that cannot be read, never in a panic and never with personal data in the message.

mod customer;
mod members;

use std::collections::HashSet;

use domain::{FinancialStatus, LineId, OrderFacts, OrderLine, Quantity, ShopifyOrderId};
use rust_decimal::Decimal;
use serde_json::Value;

pub use customer::{Address, Customer};
use members::Members;

/// The most bytes of a body that are read; Shopify's largest order is a fraction of it.
pub const MOST_BYTES: usize = 8 * 1024 * 1024;
/// The most lines an order may have, Shopify's own limit.
pub const MOST_LINES: usize = 500;

/// An order's body, read.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedOrder {
    /// The shop's id of the order.
    pub shopify_order_id: ShopifyOrderId,
    /// What the gate decides by; nothing personal.
    pub facts: OrderFacts,
    /// Who ordered and where it goes.
    pub customer: Customer,
}

/// Why a body is no order we can act on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{member}: {reason}")]
pub struct UnreadableOrder {
    /// Where in the body, for example `line_items[3].quantity`; `body` for the whole.
    pub member: String,
    /// What was expected there.
    pub reason: &'static str,
}

impl UnreadableOrder {
    fn new(member: impl Into<String>, reason: &'static str) -> Self {
        Self { member: member.into(), reason }
    }
}

/// Reads an order's body.
///
/// Members we do not know are skipped, and nearly everything else may be null or absent. Texts are
/// kept as they came, for the gate to judge, but for NUL characters (PostgreSQL has no place for
/// them), white space around a SKU, and whatever exceeds 1,000 characters.
///
/// # Errors
/// [`UnreadableOrder`] names the first member that cannot be read.
pub fn parse_order(body: &[u8]) -> Result<ParsedOrder, UnreadableOrder> {
    if body.len() > MOST_BYTES {
        return Err(UnreadableOrder::new("body", "is larger than 8 MiB"));
    }
    let value: Value =
        serde_json::from_slice(body).map_err(|_| UnreadableOrder::new("body", "is not JSON"))?;
    let order = Members::of(&value, String::new())
        .ok_or_else(|| UnreadableOrder::new("body", "is not a JSON object"))?;
    let id = order.id("id")?;
    Ok(ParsedOrder {
        shopify_order_id: ShopifyOrderId(id),
        facts: facts(&order, id)?,
        customer: Customer::read(&order),
    })
}

fn facts(order: &Members<'_>, id: i64) -> Result<OrderFacts, UnreadableOrder> {
    Ok(OrderFacts {
        name: order.text("name")?.filter(|name| !name.is_empty()).unwrap_or_else(|| format!("#{id}")),
        currency: order.text("currency")?.unwrap_or_default(),
        total_amount: order.amount("total_price")?.unwrap_or(Decimal::ZERO),
        financial_status: FinancialStatus::from(order.text("financial_status")?.unwrap_or_default()),
        test: order.flag("test")?.unwrap_or(false),
        cancelled_at: order.time("cancelled_at")?,
        updated_at: order.time("updated_at")?,
        location_id: order.optional_id("location_id")?,
        lines: lines(order)?,
    })
}

fn lines(order: &Members<'_>) -> Result<Vec<OrderLine>, UnreadableOrder> {
    let items = order.list("line_items")?;
    if items.len() > MOST_LINES {
        return Err(UnreadableOrder::new("line_items", "has more than 500 lines"));
    }
    let mut seen = HashSet::new();
    items
        .iter()
        .enumerate()
        .map(|(index, item)| {
            let place = format!("line_items[{index}]");
            let item = Members::of(item, format!("{place}."))
                .ok_or_else(|| UnreadableOrder::new(place, "is not an object"))?;
            let id = item.id("id")?;
            if !seen.insert(id) {
                return Err(item.unreadable("id", "is the id of another line as well"));
            }
            line(&item, id)
        })
        .collect()
}

fn line(item: &Members<'_>, id: i64) -> Result<OrderLine, UnreadableOrder> {
    let quantity = item.pieces("quantity")?.ok_or_else(|| item.unreadable("quantity", "is missing"))?;
    let fulfillable = item.pieces("fulfillable_quantity")?.unwrap_or(quantity);
    if fulfillable > quantity {
        return Err(item.unreadable("fulfillable_quantity", "is more than the quantity"));
    }
    let line_id = LineId::parse(&id.to_string()).map_err(|_| item.unreadable("id", "is not a line's id"))?;
    let name = match item.text("name")? {
        Some(name) => Some(name),
        None => item.text("title")?,
    };
    Ok(OrderLine {
        line_id,
        sku: item.text("sku")?.map(|sku| sku.trim().to_owned()).filter(|sku| !sku.is_empty()),
        product_name: name.unwrap_or_default(),
        quantity,
        fulfillable_quantity: fulfillable,
        unit_price: item.amount("price")?.unwrap_or(Decimal::ZERO),
        requires_shipping: item.flag("requires_shipping")?.unwrap_or(true),
    })
}

/// The most pieces of one line.
const MOST_PIECES: u32 = Quantity::MOST;

#[cfg(test)]
mod tests;
