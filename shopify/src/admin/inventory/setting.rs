//! Setting what is on hand, and making a location stock an item.

use calls::VendorText;
use serde::Deserialize;
use serde_json::{Value, json};
use strum::EnumString;

use super::levels::{LevelNode, Quantities};
use crate::admin::error::{ShopifyError, UserError};
use crate::admin::pages::{UNREADABLE, accepted};
use crate::admin::{AdminClient, operations};
use crate::gid::{InventoryItemId, LocationId};

/// The code for a call whose key is in use by one under way.
const UNDER_WAY: &str = "IDEMPOTENCY_CONCURRENT_REQUEST";

/// What is to be on hand of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The item.
    pub item: InventoryItemId,
    /// What is to be on hand.
    pub wanted: i64,
    /// What was read to be on hand; where it is something else by now, nothing is set.
    pub read: i64,
}

/// What became of a wish to set levels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetOutcome {
    /// All are set, by this call or an earlier one with the same key.
    Set,
    /// None is set.
    Refused(Refusals),
}

/// Why none of the levels was set: the shop sets all or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Refusals {
    /// What is wrong with single rows, by their index in what was wanted; a row may be there twice.
    pub rows: Vec<(usize, WhyNotSet)>,
    /// What is wrong with the whole, or with rows that the shop does not name.
    pub whole: Vec<WhyNotSet>,
}

/// Why a level was not set (`InventorySetQuantitiesUserErrorCode`, 2026-07).
#[derive(Debug, Clone, PartialEq, Eq, EnumString)]
pub enum WhyNotSet {
    /// Something else is on hand than was read.
    #[strum(serialize = "CHANGE_FROM_QUANTITY_STALE")]
    Stale,
    /// The location does not stock the item.
    #[strum(serialize = "ITEM_NOT_STOCKED_AT_LOCATION")]
    NotStocked,
    /// The item is a bundle, or of another kind that nobody may set.
    #[strum(serialize = "NON_MUTABLE_INVENTORY_ITEM")]
    NotMutable,
    /// The shop has no such item.
    #[strum(serialize = "INVALID_INVENTORY_ITEM")]
    Gone,
    /// The shop has no such location, or it is closed.
    #[strum(serialize = "INVALID_LOCATION")]
    NoLocation,
    /// The key was used for something else, or for a call that failed: another key is needed.
    #[strum(
        serialize = "IDEMPOTENCY_KEY_PARAMETER_MISMATCH",
        serialize = "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"
    )]
    KeySpent,
    /// Anything else.
    #[strum(disabled)]
    Other {
        /// The shop's code, if it gave one.
        code: Option<String>,
        /// The shop's sentence.
        text: VendorText,
    },
}

impl From<UserError> for WhyNotSet {
    fn from(error: UserError) -> Self {
        let known = error.code.as_deref().and_then(|code| code.parse().ok());
        known.unwrap_or(Self::Other { code: error.code, text: error.message })
    }
}

impl Refusals {
    fn of(errors: Vec<UserError>, rows: usize) -> Self {
        let mut refusals = Self::default();
        for error in errors {
            match index_in(&error).filter(|index| *index < rows) {
                Some(index) => refusals.rows.push((index, error.into())),
                None => refusals.whole.push(error.into()),
            }
        }
        refusals
    }
}

/// Which row an error is about: the number behind `quantities` in its path.
fn index_in(error: &UserError) -> Option<usize> {
    let path = error.field.as_ref()?;
    let position = path.iter().position(|name| name == "quantities")?;
    path.get(position + 1)?.parse().ok()
}

/// What became of a wish that a location stocks an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Activated {
    /// It does now. What is on hand is not what was wished where the location had stocked it before.
    Now(Quantities),
    /// It did already; nothing was changed.
    Already,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SetPayload {
    user_errors: Vec<UserError>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ActivatePayload {
    inventory_level: Option<LevelNode>,
    user_errors: Vec<UserError>,
}

impl AdminClient {
    /// Sets what is on hand of at most [`MOST_LEVELS`](super::MOST_LEVELS) items at a location, all or none. The same
    /// key with the same content answers what it answered and sets nothing again, for as long as Shopify remembers it
    /// (24 hours); after a refusal another key is needed.
    ///
    /// # Errors
    /// [`ShopifyError`]; `UnknownOutcome` where it may have worked: the same call with the same key finds out.
    pub async fn set_on_hand(
        &self,
        location: LocationId,
        wanted: &[Wanted],
        key: &str,
    ) -> Result<SetOutcome, ShopifyError> {
        if wanted.is_empty() {
            return Ok(SetOutcome::Set);
        }
        let row = |wanted: &Wanted| {
            json!({
                "inventoryItemId": wanted.item.gid(),
                "locationId": location.gid(),
                "quantity": wanted.wanted,
                "changeFromQuantity": wanted.read,
            })
        };
        let quantities: Vec<Value> = wanted.iter().map(row).collect();
        let input = json!({ "name": "on_hand", "reason": "correction", "quantities": quantities });
        let answer =
            self.transport.call(operations::SET_ON_HAND, json!({ "input": input, "key": key })).await?;
        let SetPayload { user_errors } = answer.ok_or(UNREADABLE)?;
        if user_errors.is_empty() {
            return Ok(SetOutcome::Set);
        }
        // Says nothing of the levels, but that the first call with this key is not done.
        if user_errors.iter().any(|error| error.code.as_deref() == Some(UNDER_WAY)) {
            return Err(ShopifyError::UserErrors(user_errors));
        }
        Ok(SetOutcome::Refused(Refusals::of(user_errors, wanted.len())))
    }

    /// Makes a location stock an item, with so many pieces on hand. Idempotent by its key, as
    /// [`set_on_hand`](Self::set_on_hand) is.
    ///
    /// # Errors
    /// [`ShopifyError`]; `UserErrors` where the item or the location is gone.
    pub async fn activate(
        &self,
        item: InventoryItemId,
        location: LocationId,
        on_hand: i64,
        key: &str,
    ) -> Result<Activated, ShopifyError> {
        let variables =
            json!({ "item": item.gid(), "location": location.gid(), "onHand": on_hand, "key": key });
        let answer = self.transport.call(operations::ACTIVATE_LEVEL, variables).await?;
        let ActivatePayload { inventory_level, user_errors } = answer.ok_or(UNREADABLE)?;
        // These errors have no codes, only sentences.
        if user_errors.iter().any(|error| error.message.as_str().contains("already active")) {
            return Ok(Activated::Already);
        }
        accepted(user_errors)?;
        inventory_level.ok_or(UNREADABLE)?.read().map(Activated::Now)
    }
}
