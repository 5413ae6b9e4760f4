//! Pages of a connection, and references to other things of the shop.

use serde::Deserialize;

use super::error::{ShopifyError, UserError};
use crate::gid;

/// What is said of an answer that holds something else than was asked for.
pub(super) const UNREADABLE: ShopifyError = ShopifyError::unknown("unreadable answer");

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

/// An order, as far as a document asks for it.
#[derive(Deserialize)]
pub(super) struct OfOrder<T> {
    pub(super) order: Option<T>,
}

impl<T> OfOrder<T> {
    pub(super) fn found(self) -> Result<T, ShopifyError> {
        self.order.ok_or(ShopifyError::NotFound { what: "order" })
    }
}

/// A change that was refused is an error.
pub(super) fn accepted(refusals: Vec<UserError>) -> Result<(), ShopifyError> {
    if refusals.is_empty() { Ok(()) } else { Err(ShopifyError::UserErrors(refusals)) }
}

/// All pages of a connection, one after the other.
pub(super) struct Pages<T> {
    pub(super) nodes: Vec<T>,
    /// Where the next page begins; none once all are there.
    pub(super) after: Option<String>,
}

impl<T> Pages<T> {
    pub(super) fn begin(first: Connection<T>) -> Result<Self, ShopifyError> {
        Ok(Self { after: first.next()?, nodes: first.nodes })
    }

    pub(super) fn add(&mut self, page: Connection<T>) -> Result<(), ShopifyError> {
        self.after = page.next()?;
        self.nodes.extend(page.nodes);
        Ok(())
    }
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
