//! Where a parcel stands, in the warehouse system's words.

use serde::{Deserialize, Serialize};

use crate::open_words;

/// Where a parcel stands; a callback's type is one of these with `shipment.` before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, strum::AsRefStr, strum::EnumString)]
#[serde(from = "String", into = "String")]
#[strum(serialize_all = "snake_case", ascii_case_insensitive)]
pub enum ParcelStatus {
    /// The warehouse has it in its books.
    Accepted,
    /// Its pieces are taken from the shelves.
    Picked,
    /// Somebody at the warehouse holds it.
    OnHold,
    /// Something is wrong with it; people at the warehouse look at it.
    Exception,
    /// The carrier has it.
    Shipped,
    /// The customer has it.
    Delivered,
    /// It will not be shipped.
    Cancelled,
    /// It was cancelled, and its pieces are no longer expected under its reference. Our own word.
    WrittenOff,
    /// Newer than this code.
    #[strum(default, transparent)]
    Unknown(String),
}

open_words!(ParcelStatus, bare);

fn bare(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix("shipment.").unwrap_or(text)
}
