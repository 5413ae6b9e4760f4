//! What can go wrong in this room.

/// An error of the order records.
#[derive(Debug, thiserror::Error)]
pub enum OrdersError {
    /// The database could not be asked or refused the statement.
    #[error("the order database failed")]
    Database(#[source] sqlx::Error),
    /// No such order.
    #[error("no such order")]
    NotFound,
    /// A row holds what this version cannot read.
    #[error("the order record cannot be read: {0}")]
    Unreadable(String),
}

impl OrdersError {
    /// A count that the database's column, or the type it is read into, has no room for.
    pub(crate) fn beyond_reason(what: &str) -> Self {
        Self::Unreadable(format!("{what} is beyond reason"))
    }
}

impl From<sqlx::Error> for OrdersError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::ColumnDecode { index, source } => {
                Self::Unreadable(format!("column {index}: {source}"))
            }
            error => Self::Database(error),
        }
    }
}

impl From<domain::ParseError> for OrdersError {
    fn from(error: domain::ParseError) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl From<serde_json::Error> for OrdersError {
    fn from(error: serde_json::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}
