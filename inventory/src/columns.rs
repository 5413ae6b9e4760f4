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

/// A column of pieces, at least one.
pub(crate) fn quantity(row: &PgRow, column: &str) -> sqlx::Result<Quantity> {
    Quantity::new(row.try_get(column)?).map_err(|refused| undecodable(column, refused))
}

/// A column of pieces that may be none.
pub(crate) fn pieces(row: &PgRow, column: &str) -> sqlx::Result<u64> {
    u64::try_from(row.try_get::<i64, _>(column)?).map_err(|refused| undecodable(column, refused))
}

/// Pieces as the columns hold them.
pub(crate) fn whole(pieces: u64) -> Result<i64, InventoryError> {
    i64::try_from(pieces).map_err(|_| InventoryError::BeyondReason { pieces })
}

/// A reservation's epoch.
pub(crate) fn epoch(row: &PgRow) -> sqlx::Result<Epoch> {
    Epoch::try_from(row.try_get::<i64, _>("epoch")?).map_err(|refused| undecodable("epoch", refused))
}

/// A version of what an order wants.
pub(crate) fn version(row: &PgRow) -> sqlx::Result<u32> {
    u32::try_from(row.try_get::<i64, _>("version")?).map_err(|refused| undecodable("version", refused))
}

pub(crate) fn undecodable(
    column: &str,
    refused: impl std::error::Error + Send + Sync + 'static,
) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(refused) }
}
