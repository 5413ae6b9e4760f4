//! What a channel said of an order, without anything personal.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ids::LineId;

/// What the gate decides by and what the workflow carries: no name, no address, no e-mail.
///
/// Texts a shop sends are kept as they came (`sku`, `currency`, `financial_status`): what cannot be
/// read is the gate's business, so that the order is parked and visible, not lost at the door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderFacts {
    /// The name a person in the shop uses, for example `#1001`.
    pub name: String,
    /// The currency's code as it came.
    pub currency: String,
    /// The total as the channel states it.
    pub total_amount: Decimal,
    /// Paid, pending and so on.
    pub financial_status: FinancialStatus,
    /// A test order of the shop.
    #[serde(default)]
    pub test: bool,
    /// When the shop cancelled it, if it did.
    #[serde(default)]
    pub cancelled_at: Option<DateTime<Utc>>,
    /// When the content was last changed, by the shop's clock; decides which of two bodies is older.
    #[serde(default)]
    pub updated_at: Option<DateTime<Utc>>,
    /// Shopify's location of the order, mapped to a warehouse only where the configuration does so.
    #[serde(default)]
    pub location_id: Option<i64>,
    /// The lines.
    pub lines: Vec<OrderLine>,
}

impl OrderFacts {
    /// The lines that ship and have something left to fulfil.
    pub fn to_fulfil(&self) -> impl Iterator<Item = &OrderLine> {
        self.lines.iter().filter(|line| line.requires_shipping && line.fulfillable_quantity > 0)
    }
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderLine {
    /// Unique within the order.
    pub line_id: LineId,
    /// As it came; a shop may have none.
    pub sku: Option<String>,
    /// What the shop calls it.
    pub product_name: String,
    /// Pieces ordered.
    pub quantity: u32,
    /// Pieces still to fulfil.
    pub fulfillable_quantity: u32,
    /// Price of one piece, in the order's currency.
    pub unit_price: Decimal,
    /// False for what never leaves a warehouse: downloads, gift cards, services.
    pub requires_shipping: bool,
}

/// What a shop says of the payment; a status we do not know is kept as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum FinancialStatus {
    /// Not paid yet.
    Pending,
    /// Authorised, not captured.
    Authorized,
    /// Paid in part.
    PartiallyPaid,
    /// Paid.
    Paid,
    /// Given back in part.
    PartiallyRefunded,
    /// Given back.
    Refunded,
    /// Voided.
    Voided,
    /// The authorisation ran out.
    Expired,
    /// Something newer than this code.
    Unknown(String),
}

impl From<String> for FinancialStatus {
    fn from(text: String) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "pending" => Self::Pending,
            "authorized" => Self::Authorized,
            "partially_paid" => Self::PartiallyPaid,
            "paid" => Self::Paid,
            "partially_refunded" => Self::PartiallyRefunded,
            "refunded" => Self::Refunded,
            "voided" => Self::Voided,
            "expired" => Self::Expired,
            _ => Self::Unknown(text),
        }
    }
}

impl From<FinancialStatus> for String {
    fn from(status: FinancialStatus) -> Self {
        match status {
            FinancialStatus::Pending => "pending".into(),
            FinancialStatus::Authorized => "authorized".into(),
            FinancialStatus::PartiallyPaid => "partially_paid".into(),
            FinancialStatus::Paid => "paid".into(),
            FinancialStatus::PartiallyRefunded => "partially_refunded".into(),
            FinancialStatus::Refunded => "refunded".into(),
            FinancialStatus::Voided => "voided".into(),
            FinancialStatus::Expired => "expired".into(),
            FinancialStatus::Unknown(text) => text,
        }
    }
}
