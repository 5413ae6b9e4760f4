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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_with_and_without_what_it_is_of_and_a_new_one_is_kept() {
        for (text, status) in [
            ("shipped", ParcelStatus::Shipped),
            ("shipment.shipped", ParcelStatus::Shipped),
            (" shipment.on_hold ", ParcelStatus::OnHold),
            ("shipment.weighed", ParcelStatus::Unknown("weighed".to_owned())),
        ] {
            assert_eq!(ParcelStatus::from(text.to_owned()), status, "{text}");
        }
    }
}
