//! Pieces of something.

use serde::{Deserialize, Serialize};

use crate::ids::ParseError;

/// A number of pieces, 1 to 1,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
#[derive(derive_more::Display)]
pub struct Quantity(u32);

impl Quantity {
    /// The largest quantity one line may carry.
    pub const MOST: u32 = 1_000_000;

    /// Checks a number of pieces.
    ///
    /// # Errors
    /// [`ParseError`] unless it is 1 to 1,000,000.
    pub fn new(pieces: i64) -> Result<Self, ParseError> {
        u32::try_from(pieces)
            .ok()
            .filter(|pieces| (1..=Self::MOST).contains(pieces))
            .map(Self)
            .ok_or(ParseError::new("quantity", "a whole number from 1 to 1000000"))
    }

    /// The number of pieces.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<i64> for Quantity {
    type Error = ParseError;
    fn try_from(pieces: i64) -> Result<Self, ParseError> {
        Self::new(pieces)
    }
}

impl From<Quantity> for i64 {
    fn from(quantity: Quantity) -> Self {
        Self::from(quantity.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_is_at_least_one_and_at_most_a_million() {
        assert_eq!(Quantity::new(1).unwrap().get(), 1);
        assert!(Quantity::new(1_000_000).is_ok());
        for bad in [0, -1, 1_000_001, 99_999_999_999] {
            assert!(Quantity::new(bad).is_err(), "{bad}");
        }
        let seven = Quantity::try_from(7).unwrap();
        assert_eq!((i64::from(seven), seven.to_string().as_str()), (7, "7"));
    }
}
