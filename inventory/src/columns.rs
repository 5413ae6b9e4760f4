//! Reads the domain's types out of rows. What they refuse is a fault of the database's content.

use domain::{ParseError, Quantity};
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::error::InventoryError;
use crate::holder::Epoch;

/// A text column as an id.
pub(crate) fn id<T: TryFrom<String, Error = ParseError>>(row: &PgRow, column: &str) -> sqlx::Result<T> {
    T::try_from(row.try_get(column)?).map_err(|refused| undecodable(column, refused))
}

/// Pieces of a line or of an allocation, at least one.
pub(crate) fn quantity(pieces: i64) -> sqlx::Result<Quantity> {
    Quantity::new(pieces).map_err(|refused| undecodable("quantity", refused))
}

/// Pieces as the columns hold them.
pub(crate) fn whole(pieces: u64) -> Result<i64, InventoryError> {
    i64::try_from(pieces).map_err(|_| InventoryError::BeyondReason { pieces })
}

/// A reservation's epoch.
pub(crate) fn epoch(kept: i64) -> sqlx::Result<Epoch> {
    Epoch::try_from(kept).map_err(|refused| undecodable("epoch", refused))
}

pub(crate) fn undecodable(
    column: &str,
    refused: impl std::error::Error + Send + Sync + 'static,
) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(refused) }
}
