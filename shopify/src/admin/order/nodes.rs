//! The answers' shapes, as far as our documents ask for them.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::Deserialize;

use super::super::fulfilments;
use super::super::pages::{Connection, Reference};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrderNode {
    pub(super) name: String,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) cancelled_at: Option<DateTime<Utc>>,
    pub(super) test: bool,
    pub(super) currency_code: String,
    pub(super) total_price_set: MoneyBag,
    pub(super) display_financial_status: Option<String>,
    #[serde(default)]
    pub(super) tags: Vec<String>,
    pub(super) email: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) billing_address: Option<Named>,
    pub(super) shipping_address: Option<AddressNode>,
    #[serde(default)]
    pub(super) shipping_lines: ShippingLines,
    pub(super) line_items: Connection<LineNode>,
    pub(super) fulfillments: Vec<fulfilments::Node>,
    pub(super) refunds: Vec<Reference>,
}

/// The first of them; an order has one.
#[derive(Default, Deserialize)]
pub(super) struct ShippingLines {
    pub(super) nodes: Vec<ShippingLine>,
}

#[derive(Deserialize)]
pub(super) struct ShippingLine {
    pub(super) title: Option<String>,
    pub(super) code: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Named {
    pub(super) name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AddressNode {
    pub(super) name: Option<String>,
    pub(super) company: Option<String>,
    pub(super) address1: Option<String>,
    pub(super) address2: Option<String>,
    pub(super) city: Option<String>,
    pub(super) province: Option<String>,
    pub(super) province_code: Option<String>,
    pub(super) zip: Option<String>,
    pub(super) country_code_v2: Option<String>,
    pub(super) country: Option<String>,
    pub(super) phone: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LineNode {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) sku: Option<String>,
    pub(super) quantity: u32,
    pub(super) current_quantity: u32,
    pub(super) unfulfilled_quantity: u32,
    pub(super) requires_shipping: bool,
    pub(super) original_unit_price_set: MoneyBag,
}

/// An amount in the shop's currency, which is the one of REST's `total_price` and `price`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MoneyBag {
    shop_money: Money,
}

#[derive(Deserialize)]
pub(super) struct Money {
    amount: Decimal,
}

/// The decimal places of a currency whose own are not known.
const USUAL_DECIMALS: u32 = 2;

impl MoneyBag {
    /// The amount as a webhook writes it, with the decimal places of the shop's currency: this API says `59.8` where a
    /// webhook says `59.80`, and an order must not show now one and now the other.
    pub(super) fn amount_in(&self, currency: &str) -> Decimal {
        let known = iso_currency::Currency::from_code(currency).and_then(iso_currency::Currency::exponent);
        let decimals = known.map_or(USUAL_DECIMALS, u32::from);
        let mut amount = self.shop_money.amount.normalize();
        if amount.scale() < decimals {
            amount.rescale(decimals);
        }
        amount
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LinesOrder {
    pub(super) updated_at: DateTime<Utc>,
    pub(super) line_items: Connection<LineNode>,
}
