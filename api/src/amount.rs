//! A decimal amount in a JSON body, as a text or as a number.
//!
//! **Invariant:** the digits are read as they were sent; none of them passes through a float.

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::value::RawValue;

/// `"29.90"` or `29.90`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Amount(pub(crate) Decimal);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let digits = match raw.get().strip_prefix('"') {
            Some(rest) => rest.trim_end_matches('"'),
            None => raw.get(),
        };
        Decimal::from_str_exact(digits)
            .or_else(|_| Decimal::from_scientific(digits))
            .map(Self)
            .map_err(|_| D::Error::custom("a decimal amount is needed, for example \"29.90\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<String, serde_json::Error> {
        serde_json::from_str::<Amount>(json).map(|amount| amount.0.to_string())
    }

    #[test]
    fn texts_and_numbers_keep_every_digit() {
        for (json, kept) in [
            ("\"29.90\"", "29.90"),
            ("29.90", "29.90"),
            ("999.99", "999.99"),
            ("0.1000000000000000055511151231", "0.1000000000000000055511151231"),
            ("123456789012345678.1234", "123456789012345678.1234"),
            ("1e2", "100"),
            ("-1", "-1"),
        ] {
            assert_eq!(read(json).unwrap(), kept, "{json}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for json in ["\"\"", "\"abc\"", "true", "[]", "\"1,50\"", "1e400"] {
            assert!(read(json).is_err(), "{json}");
        }
    }
}
