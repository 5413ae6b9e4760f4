//! How a warehouse system speaks.

use serde::Deserialize;

use crate::{
    callback::{self, Told, UnreadableCallback},
    fulfilments,
};

/// The way a warehouse system speaks: its paths, names and errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// `POST /shipments`, with HTTP statuses and codes.
    #[default]
    Shipments,
    /// `POST /fulfilments`, with a result for each inside 200.
    Fulfilments,
}

impl Dialect {
    /// Reads a callback's body.
    ///
    /// # Errors
    /// [`UnreadableCallback`] names the first member that cannot be read.
    pub fn parse_callback(self, body: &[u8]) -> Result<Told, UnreadableCallback> {
        match self {
            Self::Shipments => callback::parse_callback(body),
            Self::Fulfilments => fulfilments::parse_callback(body),
        }
    }
}
