//! What can go wrong in this room.

/// An error of the order records.
#[derive(Debug, thiserror::Error)]
pub enum OrdersError {
    /// The database could not be asked or refused the statement.
    #[error("the order database failed")]
    Database(#[from] sqlx::Error),
    /// No such order.
    #[error("no such order")]
    NotFound,
    /// A row holds what this version cannot read.
    #[error("the order record cannot be read: {0}")]
    Unreadable(String),
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
