//! Pages of a connection, and references to other things of the shop.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::{ShopifyError, UserError};
use crate::gid;

/// What is said of an answer that holds something else than was asked for.
pub(super) const UNREADABLE: ShopifyError = ShopifyError::unknown("unreadable answer");
/// What is said of an order that the shop does not have.
pub(super) const NO_ORDER: ShopifyError = ShopifyError::NotFound { what: "order" };

/// What was asked for. Every document asks for one thing, so it is all that the answer's `data` has; none where the
/// shop has no such thing.
pub(super) fn asked_for<T: DeserializeOwned>(mut data: Value) -> Result<Option<T>, ShopifyError> {
    let thing = data.as_object_mut().and_then(|members| members.values_mut().next()).map(Value::take);
    serde_json::from_value(thing.unwrap_or_default()).map_err(|_| UNREADABLE)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Connection<T> {
    pub(super) nodes: Vec<T>,
    page_info: PageInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

impl<T> Connection<T> {
    /// Where the next page begins, if there is one. A page that is followed by another and is empty
    /// would be asked for without end.
    pub(super) fn next(&self) -> Result<Option<String>, ShopifyError> {
        match (self.page_info.has_next_page, &self.page_info.end_cursor) {
            (false, _) => Ok(None),
            (true, Some(cursor)) if !self.nodes.is_empty() => Ok(Some(cursor.clone())),
            (true, _) => Err(UNREADABLE),
        }
    }
}

/// A change that was refused is an error.
pub(super) fn accepted(refusals: Vec<UserError>) -> Result<(), ShopifyError> {
    if refusals.is_empty() { Ok(()) } else { Err(ShopifyError::UserErrors(refusals)) }
}

/// A thing of which only the global id was asked for.
#[derive(Deserialize)]
pub(super) struct Reference {
    pub(super) id: String,
}

impl Reference {
    pub(super) fn number(&self, kind: &str) -> Result<i64, ShopifyError> {
        number(kind, &self.id)
    }
}

/// The number in a global id that must be one of this kind.
pub(super) fn number(kind: &str, gid: &str) -> Result<i64, ShopifyError> {
    gid::number(kind, gid).ok_or(UNREADABLE)
}
