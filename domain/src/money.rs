//! Exact money: a decimal amount with its currency, never a float.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ids::ParseError;

text_id!(
    /// A currency by its three-letter ISO 4217 code.
    Currency,
    "currency",
    "a three-letter ISO 4217 code in upper case, for example EUR",
    |code| code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase())
);

/// An amount of one currency; not negative, below 10^12, at most four decimal places.
#[derive(Debug, derive_more::Display, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[display("{amount} {currency}")]
pub struct Money {
    amount: Decimal,
    currency: Currency,
}

impl Money {
    /// Checks an amount.
    ///
    /// # Errors
    /// [`ParseError`] if it is negative, too large or has more than four decimal places.
    pub fn new(amount: Decimal, currency: Currency) -> Result<Self, ParseError> {
        let too_large = Decimal::from(1_000_000_000_000_i64);
        if amount.is_sign_negative() && !amount.is_zero()
            || amount >= too_large
            || amount.normalize().scale() > 4
        {
            return Err(ParseError::new(
                "price",
                "a decimal amount of at least 0 and below 1000000000000 with at most four decimal places",
            ));
        }
        Ok(Self { amount, currency })
    }

    /// The exact amount.
    #[must_use]
    pub fn amount(&self) -> Decimal {
        self.amount
    }

    /// The currency.
    #[must_use]
    pub fn currency(&self) -> &Currency {
        &self.currency
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_never_negative_nor_finer_than_four_places() {
        let euro = Currency::parse("EUR").unwrap();
        assert!(Money::new("29.90".parse().unwrap(), euro.clone()).is_ok());
        assert!(Money::new("1.0000000".parse().unwrap(), euro.clone()).is_ok());
        for bad in ["-0.01", "1.00001", "1000000000000"] {
            assert!(Money::new(bad.parse().unwrap(), euro.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn money_is_what_it_was_made_of() {
        let money = Money::new("29.90".parse().unwrap(), Currency::parse("EUR").unwrap()).unwrap();
        assert_eq!((money.amount(), money.currency().as_str()), ("29.90".parse().unwrap(), "EUR"));
        assert_eq!(money.to_string(), "29.90 EUR");
    }

    #[test]
    fn a_currency_is_a_three_letter_code() {
        assert!(Currency::parse("EUR").is_ok());
        assert!(Currency::parse("eur").is_err());
        assert!(Currency::parse("EURO").is_err());
    }
}
