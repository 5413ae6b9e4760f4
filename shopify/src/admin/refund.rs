//! Refunding what has not left of an order, where something has: Shopify cancels whole orders only.

mod nodes;

use domain::ShopifyOrderId;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::error::ShopifyError;
use super::pages::{NO_ORDER, UNREADABLE, accepted};
use super::plan::{LinePieces, by_line};
use super::{AdminClient, operations};
use crate::gid;
use nodes::{CreatePayload, Notes, Suggested};

/// What Shopify would give back for pieces of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuggestedRefund {
    /// The currency of all its amounts, which is the customer's.
    pub currency: String,
    /// The amount in all; zero for an order nothing was paid for.
    pub amount: Decimal,
    /// The pieces.
    pub lines: Vec<RefundLine>,
    /// How the amount goes back.
    pub transactions: Vec<RefundTransaction>,
}

/// Pieces of one line to refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefundLine {
    /// Shopify's id of the order's line.
    pub line_item_id: i64,
    /// How many pieces.
    pub quantity: u32,
    /// The location whose stock they are, where Shopify suggests one.
    pub location_id: Option<i64>,
}

/// An amount that goes back the way it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundTransaction {
    /// The global id of the transaction by which it came.
    pub parent_id: Option<String>,
    /// The payment gateway.
    pub gateway: String,
    /// The amount.
    pub amount: Decimal,
}

/// A refund to make.
#[derive(Debug, Clone, Copy)]
pub struct NewRefund<'a> {
    /// The order.
    pub order: ShopifyOrderId,
    /// Pieces and amounts.
    pub suggested: &'a SuggestedRefund,
    /// Tells a repetition from another refund: the same key must come with the same content.
    pub key: &'a str,
    /// Whether the shop counts the pieces as stock again.
    pub restock: bool,
    /// Whether Shopify writes to the customer.
    pub notify_customer: bool,
    /// For the shop's staff.
    pub note: &'a str,
}

/// What became of a wish to refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundOutcome {
    /// It was made now.
    Refunded {
        /// The refund's id.
        id: i64,
        /// What was given back.
        amount: Decimal,
        /// In which currency.
        currency: String,
    },
    /// An earlier attempt made it.
    Already {
        /// The refund's id.
        id: i64,
    },
    /// There are no pieces to refund.
    Nothing,
}

impl AdminClient {
    /// What Shopify would give back for pieces that have not left, shipping not included.
    ///
    /// # Errors
    /// [`ShopifyError`]; `NotFound` if the shop has no such order or suggests nothing.
    pub async fn suggested_refund(
        &self,
        order: ShopifyOrderId,
        lines: &[LinePieces],
        restock: bool,
    ) -> Result<SuggestedRefund, ShopifyError> {
        let lines: Vec<RefundLine> = by_line(lines)
            .into_iter()
            .map(|(line_item_id, quantity)| RefundLine { line_item_id, quantity, location_id: None })
            .collect();
        let variables = json!({ "order": gid::of_order(order), "lines": line_input(&lines, restock) });
        let found = self.transport.call(operations::SUGGESTED_REFUND, variables).await?;
        let Suggested { suggested_refund } = found.ok_or(NO_ORDER)?;
        suggested_refund.ok_or(ShopifyError::NotFound { what: "suggested refund" })?.read(lines)
    }

    /// Refunds pieces. Idempotent by its key for as long as Shopify remembers it; it refuses the key
    /// with another content.
    ///
    /// # Errors
    /// [`ShopifyError`]; `UserErrors` if Shopify refuses it.
    pub async fn create_refund(&self, refund: &NewRefund<'_>) -> Result<i64, ShopifyError> {
        let variables = json!({ "key": refund.key, "refund": input(refund) });
        let created = self.transport.call(operations::CREATE_REFUND, variables).await?;
        let CreatePayload { refund, user_errors } = created.ok_or(UNREADABLE)?;
        accepted(user_errors)?;
        refund.ok_or(UNREADABLE)?.number("Refund")
    }

    /// The refund whose note ends with this key, if the order has one.
    ///
    /// # Errors
    /// [`ShopifyError`]; `NotFound` if the shop has no such order.
    pub async fn refund_with_key(
        &self,
        order: ShopifyOrderId,
        key: &str,
    ) -> Result<Option<i64>, ShopifyError> {
        let variables = json!({ "order": gid::of_order(order) });
        let found = self.transport.call(operations::REFUND_NOTES, variables).await?;
        let Notes { refunds } = found.ok_or(NO_ORDER)?;
        let mark = mark(key);
        refunds
            .iter()
            .find(|refund| refund.note.as_deref().is_some_and(|note| note.trim_end().ends_with(&mark)))
            .map(|refund| refund.number())
            .transpose()
    }

    /// Refunds pieces that have not left, once: the refund's note ends with the key, and an order
    /// that has such a refund gets no second one. `key` holds no personal data.
    ///
    /// # Errors
    /// [`ShopifyError`]; after an unknown outcome the next attempt finds out.
    pub async fn refund_rest(
        &self,
        order: ShopifyOrderId,
        lines: &[LinePieces],
        key: &str,
        restock: bool,
        notify_customer: bool,
        note: &str,
    ) -> Result<RefundOutcome, ShopifyError> {
        if by_line(lines).is_empty() {
            return Ok(RefundOutcome::Nothing);
        }
        // What a refund leaves changes what is suggested, so a repetition cannot rely on the key alone.
        if let Some(id) = self.refund_with_key(order, key).await? {
            return Ok(RefundOutcome::Already { id });
        }
        let suggested = self.suggested_refund(order, lines, restock).await?;
        let note = format!("{note} {}", mark(key));
        let refund =
            NewRefund { order, suggested: &suggested, key, restock, notify_customer, note: note.trim() };
        let id = self.create_refund(&refund).await?;
        Ok(RefundOutcome::Refunded { id, amount: suggested.amount, currency: suggested.currency })
    }
}

fn mark(key: &str) -> String {
    format!("({key})")
}

fn line_input(lines: &[RefundLine], restock: bool) -> Vec<Value> {
    lines
        .iter()
        .map(|line| {
            // Shopify takes a location only for what is restocked.
            let location = line.location_id.filter(|_| restock).map(|id| gid::of("Location", id));
            json!({
                "lineItemId": gid::of("LineItem", line.line_item_id),
                "quantity": line.quantity,
                "restockType": if restock { "CANCEL" } else { "NO_RESTOCK" },
                "locationId": location,
            })
        })
        .collect()
}

fn input(refund: &NewRefund<'_>) -> Value {
    let order = gid::of_order(refund.order);
    let transactions: Vec<Value> = refund
        .suggested
        .transactions
        .iter()
        .map(|transaction| {
            json!({
                "orderId": order,
                "parentId": transaction.parent_id,
                "gateway": transaction.gateway,
                "amount": transaction.amount.to_string(),
                "kind": "REFUND",
            })
        })
        .collect();
    json!({
        "orderId": order,
        "currency": refund.suggested.currency,
        "note": refund.note,
        "notify": refund.notify_customer,
        "refundLineItems": line_input(&refund.suggested.lines, refund.restock),
        "transactions": transactions,
    })
}
