//! The members of a JSON object, each read as one kind of value; null is the same as absent.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::{MOST_PIECES, UnreadableOrder};

/// Characters of a text that are kept.
const MOST_CHARACTERS: usize = 1_000;

/// A JSON object and where it stands in the body.
pub(super) struct Members<'a> {
    object: &'a Map<String, Value>,
    prefix: String,
}

impl<'a> Members<'a> {
    pub(super) fn of(value: &'a Value, prefix: String) -> Option<Self> {
        value.as_object().map(|object| Self { object, prefix })
    }

    pub(super) fn unreadable(&self, name: &str, reason: &'static str) -> UnreadableOrder {
        UnreadableOrder::new(format!("{}{name}", self.prefix), reason)
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn id(&self, name: &str) -> Result<i64, UnreadableOrder> {
        self.optional_id(name)?.ok_or_else(|| self.unreadable(name, "is missing"))
    }

    pub(super) fn optional_id(&self, name: &str) -> Result<Option<i64>, UnreadableOrder> {
        self.get(name)
            .map(|value| {
                value
                    .as_i64()
                    .filter(|id| *id > 0)
                    .ok_or_else(|| self.unreadable(name, "is not a whole number of at least 1"))
            })
            .transpose()
    }

    pub(super) fn pieces(&self, name: &str) -> Result<Option<u32>, UnreadableOrder> {
        self.get(name)
            .map(|value| {
                value
                    .as_u64()
                    .and_then(|pieces| u32::try_from(pieces).ok())
                    .filter(|pieces| *pieces <= MOST_PIECES)
                    .ok_or_else(|| self.unreadable(name, "is not a whole number from 0 to 1000000"))
            })
            .transpose()
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, UnreadableOrder> {
        self.get(name)
            .map(|value| value.as_bool().ok_or_else(|| self.unreadable(name, "is not true or false")))
            .transpose()
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<String>, UnreadableOrder> {
        self.get(name)
            .map(|value| value.as_str().map(kept).ok_or_else(|| self.unreadable(name, "is not a text")))
            .transpose()
    }

    /// A text that is worth having and not worth refusing an order for.
    pub(super) fn lenient_text(&self, name: &str) -> Option<String> {
        let text = match self.get(name)? {
            Value::String(text) => kept(text.trim()),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        (!text.is_empty()).then_some(text)
    }

    pub(super) fn time(&self, name: &str) -> Result<Option<DateTime<Utc>>, UnreadableOrder> {
        self.text(name)?
            .map(|text| {
                DateTime::parse_from_rfc3339(text.trim())
                    .map(|time| time.with_timezone(&Utc))
                    .map_err(|_| self.unreadable(name, "is not a time with an offset (RFC 3339)"))
            })
            .transpose()
    }

    /// An amount within what [`domain::Money`] takes, written as a text or as a number.
    pub(super) fn amount(&self, name: &str) -> Result<Option<Decimal>, UnreadableOrder> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let text = match value {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        text.parse::<Decimal>()
            .or_else(|_| Decimal::from_scientific(&text))
            .ok()
            .and_then(money)
            .map(Some)
            .ok_or_else(|| {
                self.unreadable(name, "is not an amount from 0 to below 10^12 with at most four decimals")
            })
    }

    pub(super) fn list(&self, name: &str) -> Result<&'a [Value], UnreadableOrder> {
        match self.get(name) {
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(self.unreadable(name, "is not a list")),
            None => Err(self.unreadable(name, "is missing")),
        }
    }

    pub(super) fn object(&self, name: &str) -> Option<Members<'a>> {
        Members::of(self.get(name)?, format!("{}{name}.", self.prefix))
    }
}

/// The amount with the decimals it was written with (`59.80` stays `59.80`), if it is one of money.
fn money(amount: Decimal) -> Option<Decimal> {
    let shortest = amount.normalize();
    let sound = (amount.is_zero() || amount.is_sign_positive())
        && amount < Decimal::from(1_000_000_000_000_i64)
        && shortest.scale() <= 4;
    let kept = if amount.scale() > 4 || amount.is_zero() { shortest } else { amount };
    sound.then_some(kept)
}

fn kept(text: &str) -> String {
    text.chars()
        .take(MOST_CHARACTERS)
        .map(|character| if character == '\0' { char::REPLACEMENT_CHARACTER } else { character })
        .collect()
}
