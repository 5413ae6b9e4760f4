//! Members that several bodies share.

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::value::RawValue;

use crate::{limits::MOST_ITEMS, problem::Problem};

/// The most characters of a name, an address or the like.
const MOST_CHARACTERS: usize = 255;

/// A text of 1 to 255 characters, none of them a control character; white space around it goes.
pub(crate) fn text(field: &str, value: &str) -> Result<String, Problem> {
    let value = value.trim();
    let characters = value.chars().count();
    if !(1..=MOST_CHARACTERS).contains(&characters) || value.chars().any(char::is_control) {
        return Err(Problem::invalid(field, "1 to 255 printable characters"));
    }
    Ok(value.to_owned())
}

/// An e-mail address, as far as that can be told without writing to it.
pub(crate) fn email(field: &str, value: &str) -> Result<String, Problem> {
    let value = text(field, value)?;
    let parts = value.split_once('@');
    if parts.is_none_or(|(name, host)| name.is_empty() || host.is_empty())
        || value.contains(char::is_whitespace)
    {
        return Err(Problem::invalid(field, "an e-mail address with an @"));
    }
    Ok(value)
}

/// A list of 1 to 500 items.
pub(crate) fn bounded<T>(items: &[T]) -> Result<(), Problem> {
    let is_bounded = (1..=MOST_ITEMS).contains(&items.len());
    if is_bounded { Ok(()) } else { Err(Problem::invalid("items", "a list of 1 to 500")) }
}

/// A decimal amount, `"29.90"` or `29.90`. Its digits are read as they were sent; none of them passes through a float.
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

    #[test]
    fn a_text_is_bounded_and_printable() {
        assert_eq!(text("name", " Yash Vyas ").unwrap(), "Yash Vyas");
        for bad in ["", "   ", "a\0b", &"ä".repeat(256)] {
            assert!(text("name", bad).is_err(), "{bad:?}");
        }
        assert!(text("name", &"ä".repeat(255)).is_ok());
    }

    #[test]
    fn an_e_mail_address_has_something_on_both_sides_of_its_at() {
        assert!(email("customer_email", "yash@example.com").is_ok());
        for bad in ["yash", "@example.com", "yash@", "ya sh@example.com"] {
            assert!(email("customer_email", bad).is_err(), "{bad}");
        }
    }

    fn amount(json: &str) -> Result<String, serde_json::Error> {
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
            assert_eq!(amount(json).unwrap(), kept, "{json}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for json in ["\"\"", "\"abc\"", "true", "[]", "\"1,50\"", "1e400"] {
            assert!(amount(json).is_err(), "{json}");
        }
    }
}
