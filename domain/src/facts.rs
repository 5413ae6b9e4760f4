//! What a channel said of an order, without anything personal.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{ids::LineId, open_words, words};

/// What the record keeps of an order's newest body: no name, no address, no e-mail.
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
    /// Where the order was processed, as Shopify's REST bodies say it (a point of sale; null for online
    /// orders). Where it is fulfilled from is said by its fulfilment orders alone.
    #[serde(default)]
    pub location_id: Option<i64>,
    /// Whether the channel named an address to ship to.
    #[serde(default)]
    pub address: AddressSaid,
    /// The shop's tags, sorted; none where the channel is silent about them.
    #[serde(default)]
    pub tags: Option<Vec<String>>,
    /// The lines.
    pub lines: Vec<OrderLine>,
    /// What the body says has left, by whomever; none where the body is silent about it.
    #[serde(default)]
    pub fulfilments: Option<Vec<ShopFulfilment>>,
    /// The refunds that the body counts in already, by the shop's ids.
    #[serde(default)]
    pub refund_ids: Vec<i64>,
    /// Names and codes of the methods by which it ships, sorted; none where the channel is silent about them.
    #[serde(default)]
    pub shipping_methods: Option<Vec<String>>,
}

impl OrderFacts {
    /// The lines as people are to see them: with the pieces that are part of the order now, or have left. What was
    /// edited or refunded away before it left is shown no more.
    #[must_use]
    pub fn current_lines(&self) -> Vec<OrderLine> {
        let mut lines = self.lines.clone();
        for line in &mut lines {
            let listed = self.fulfilments.iter().flatten().filter(|fulfilment| fulfilment.stands);
            let left: u32 = listed.map(|fulfilment| pieces_of(&fulfilment.lines, &line.line_id)).sum();
            line.quantity = line.current_quantity.map_or(line.quantity, |current| current.max(left));
        }
        lines.retain(|line| line.quantity > 0);
        lines
    }
}

/// What a body says of the address an order ships to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
#[derive(strum::Display, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum AddressSaid {
    /// There is one.
    Given,
    /// There is none: the member is there and null.
    Null,
    /// The body is silent about it.
    #[default]
    Absent,
}

words!(AddressSaid, "address");

impl AddressSaid {
    /// Reads the name back; what is not known counts as silence.
    #[must_use]
    pub fn of(text: &str) -> Self {
        text.parse().unwrap_or_default()
    }
}

/// Pieces of one line among these.
pub(crate) fn pieces_of(lines: &[LinePieces], line_id: &LineId) -> u32 {
    lines.iter().filter(|line| line.line_id == *line_id).map(|line| line.quantity).sum()
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
    /// Pieces still to fulfil, by whomever; where the channel does not say so, what is left of the
    /// quantity by what else it says.
    pub fulfillable_quantity: u32,
    /// Whether `fulfillable_quantity` is the channel's own word.
    #[serde(default = "yes")]
    pub says_fulfillable: bool,
    /// Pieces after edits and refunds, where the channel says so.
    #[serde(default)]
    pub current_quantity: Option<u32>,
    /// The channel says that all of the line is fulfilled.
    #[serde(default)]
    pub says_fulfilled: bool,
    /// Who is to fulfil it, where the channel names somebody: `manual` or a service's handle.
    #[serde(default)]
    pub fulfilment_service: Option<String>,
    /// Price of one piece, in the order's currency.
    pub unit_price: Decimal,
    /// False for what never leaves a warehouse: downloads, gift cards, services.
    pub requires_shipping: bool,
}

fn yes() -> bool {
    true
}

/// A fulfilment as an order's body lists it: pieces that somebody says have left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShopFulfilment {
    /// The shop's id of it.
    pub id: i64,
    /// False for one that was cancelled, or ended in an error or a failure.
    pub stands: bool,
    /// The parcels' tracking numbers.
    #[serde(default)]
    pub tracking_numbers: Vec<String>,
    /// The shop's number of the location they left from, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location_id: Option<i64>,
    /// Pieces by line.
    pub lines: Vec<LinePieces>,
}

/// Pieces of one line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinePieces {
    /// The order's line.
    pub line_id: LineId,
    /// How many pieces.
    pub quantity: u32,
}

/// What a shop says of the payment; a status we do not know is kept as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, strum::AsRefStr, strum::EnumString)]
#[serde(from = "String", into = "String")]
#[strum(serialize_all = "snake_case", ascii_case_insensitive)]
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
    #[strum(default, transparent)]
    Unknown(String),
}

open_words!(FinancialStatus);

impl FinancialStatus {
    /// Whether the money is gone: voided or given back.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Voided | Self::Refunded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: &str, quantity: u32, current_quantity: Option<u32>) -> OrderLine {
        serde_json::from_value(serde_json::json!({
            "lineId": id, "sku": "TEA", "productName": "Tea", "quantity": quantity, "fulfillableQuantity": quantity,
            "currentQuantity": current_quantity, "unitPrice": "1.00", "requiresShipping": true,
        }))
        .unwrap()
    }

    fn left(id: &str, quantity: u32, stands: bool) -> ShopFulfilment {
        let lines = vec![LinePieces { line_id: LineId::parse(id).unwrap(), quantity }];
        ShopFulfilment { id: 1, stands, tracking_numbers: Vec::new(), location_id: None, lines }
    }

    fn shown(lines: Vec<OrderLine>, fulfilments: Vec<ShopFulfilment>) -> Vec<(String, u32)> {
        let facts = OrderFacts {
            lines,
            fulfilments: Some(fulfilments),
            ..serde_json::from_value(serde_json::json!({
                "name": "#1", "currency": "EUR", "totalAmount": "1.00", "financialStatus": "paid", "lines": [],
            }))
            .unwrap()
        };
        let lines = facts.current_lines().into_iter();
        lines.map(|line| (line.line_id.to_string(), line.quantity)).collect()
    }

    #[test]
    fn a_line_is_shown_with_what_is_part_of_the_order_now_or_has_left() {
        let lines = vec![
            line("untouched", 3, None),
            line("edited", 3, Some(2)),
            line("left", 3, Some(1)),
            line("gone", 3, Some(0)),
            line("one", 1, Some(1)),
        ];
        let fulfilments = vec![left("left", 2, true), left("gone", 3, false)];
        let expected = [("untouched", 3), ("edited", 2), ("left", 2), ("one", 1)];
        assert_eq!(shown(lines, fulfilments), expected.map(|(line, pieces)| (line.to_owned(), pieces)));
    }

    #[test]
    fn where_nothing_is_said_of_what_is_fulfillable_it_is_the_channels_word() {
        assert!(line("1", 1, None).says_fulfillable);
    }

    #[test]
    fn an_address_is_as_it_was_said_and_what_is_not_known_is_silence() {
        for said in [AddressSaid::Given, AddressSaid::Null, AddressSaid::Absent] {
            assert_eq!(AddressSaid::of(said.into()), said);
        }
        assert_eq!(AddressSaid::of("ELSEWHERE"), AddressSaid::Absent);
    }

    #[test]
    fn money_is_gone_when_it_was_voided_or_given_back_in_full() {
        let gone = ["voided", "refunded"];
        for status in ["pending", "authorized", "paid", "partially_refunded", "expired", "of_next_year"] {
            assert!(!FinancialStatus::from(status.to_owned()).is_gone(), "{status}");
        }
        assert!(gone.iter().all(|status| FinancialStatus::from((*status).to_owned()).is_gone()));
    }
}
