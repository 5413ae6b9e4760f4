//! The answers' shapes, as far as our documents ask for them.

use rust_decimal::Decimal;
use serde::Deserialize;

use super::super::error::{ShopifyError, UserError};
use super::super::pages::{Reference, UNREADABLE, number};
use super::{RefundLine, RefundTransaction, SuggestedRefund};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Suggested {
    pub(super) suggested_refund: Option<Suggestion>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Suggestion {
    amount_set: MoneyBag,
    refund_line_items: Vec<SuggestedLine>,
    suggested_transactions: Vec<SuggestedTransaction>,
}

/// `RefundInput` is in the customer's currency, so that is what is asked for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MoneyBag {
    presentment_money: Money,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Money {
    amount: Decimal,
    currency_code: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SuggestedLine {
    line_item: Reference,
    location: Option<Reference>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SuggestedTransaction {
    gateway: Option<String>,
    amount_set: MoneyBag,
    parent_transaction: Option<Reference>,
}

impl Suggestion {
    /// The suggestion for `lines`, each with the location suggested for it.
    pub(super) fn read(self, mut lines: Vec<RefundLine>) -> Result<SuggestedRefund, ShopifyError> {
        for suggested in &self.refund_line_items {
            let line_item_id = suggested.line_item.number("LineItem")?;
            let location = suggested.location.as_ref();
            let location_id = location.map(|location| location.number("Location")).transpose()?;
            for line in lines.iter_mut().filter(|line| line.line_item_id == line_item_id) {
                line.location_id = line.location_id.or(location_id);
            }
        }
        let paid = self.suggested_transactions.into_iter().filter(|way| !way.amount().is_zero());
        Ok(SuggestedRefund {
            amount: self.amount_set.presentment_money.amount,
            currency: self.amount_set.presentment_money.currency_code,
            lines,
            transactions: paid.map(SuggestedTransaction::read).collect::<Result<_, _>>()?,
        })
    }
}

impl SuggestedTransaction {
    fn amount(&self) -> Decimal {
        self.amount_set.presentment_money.amount
    }

    /// An amount without a gateway would be left out of the refund in silence.
    fn read(self) -> Result<RefundTransaction, ShopifyError> {
        Ok(RefundTransaction {
            amount: self.amount(),
            parent_id: self.parent_transaction.map(|parent| parent.id),
            gateway: self.gateway.ok_or(UNREADABLE)?,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreatePayload {
    pub(super) refund: Option<Reference>,
    pub(super) user_errors: Vec<UserError>,
}

#[derive(Deserialize)]
pub(super) struct Notes {
    pub(super) refunds: Vec<NotedRefund>,
}

#[derive(Deserialize)]
pub(super) struct NotedRefund {
    id: String,
    pub(super) note: Option<String>,
}

impl NotedRefund {
    pub(super) fn number(&self) -> Result<i64, ShopifyError> {
        number("Refund", &self.id)
    }
}
