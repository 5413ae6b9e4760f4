//! The members of a JSON object, each read as one kind of value; null is the same as absent, and so is
//! an empty text.
//!
//! What is needed is strict in its meaning, and refused by name. Everything else that cannot be read
//! counts as absent. Neither is strict in its form: a number may stand in a text and the reverse.

use chrono::{DateTime, Utc};
use domain::{LineId, Quantity, leniently};
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Map, Value};

use super::UnreadableOrder;
use crate::gid;

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
        self.object.get(name).filter(|value| !says_nothing(value))
    }

    /// The member as it is written, null included.
    pub(super) fn written(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name)
    }

    /// The object's own id: `id`, or else the number in `admin_graphql_api_id`.
    pub(super) fn own_id(&self, kind: &str) -> Result<i64, UnreadableOrder> {
        self.id("id", kind)
            .or_else(|unreadable| self.id("admin_graphql_api_id", kind).map_err(|_| unreadable))
    }

    /// An id that is needed: a number, or the global id of the given kind.
    pub(super) fn id(&self, name: &str, kind: &str) -> Result<i64, UnreadableOrder> {
        let Some(value) = self.get(name) else {
            return Err(self.unreadable(name, "is missing"));
        };
        id(value, kind).ok_or_else(|| self.unreadable(name, "is not a whole number of at least 1"))
    }

    pub(super) fn optional_id(&self, name: &str, kind: &str) -> Option<i64> {
        id(self.get(name)?, kind)
    }

    /// The id of an order's line.
    pub(super) fn line_id(&self, name: &str) -> Result<LineId, UnreadableOrder> {
        let id = if name == "id" { self.own_id("LineItem") } else { self.id(name, "LineItem") }?;
        LineId::parse(&id.to_string()).map_err(|_| self.unreadable(name, "is not a line's id"))
    }

    /// A number of pieces that is needed where it is there at all.
    pub(super) fn pieces(&self, name: &str) -> Result<Option<u32>, UnreadableOrder> {
        let read = |value| leniently::whole_value(value).and_then(|pieces| u32::try_from(pieces).ok());
        self.get(name)
            .map(|value| {
                read(value)
                    .filter(|pieces| *pieces <= Quantity::MOST)
                    .ok_or_else(|| self.unreadable(name, "is not a whole number from 0 to 1000000"))
            })
            .transpose()
    }

    /// A number of pieces that has to be there.
    pub(super) fn needed_pieces(&self, name: &str) -> Result<u32, UnreadableOrder> {
        self.pieces(name)?.ok_or_else(|| self.unreadable(name, "is missing"))
    }

    pub(super) fn optional_pieces(&self, name: &str) -> Option<u32> {
        self.pieces(name).ok().flatten()
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => leniently::flag(text),
            Value::Number(number) => leniently::flag(&plain(number)),
            _ => None,
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        text(self.get(name)?)
    }

    pub(super) fn time(&self, name: &str) -> Option<DateTime<Utc>> {
        let text = self.get(name)?.as_str()?;
        let moment = leniently::moment(text)?;
        if !leniently::names_an_offset(text) {
            tracing::info!(
                member = format!("{}{name}", self.prefix),
                "a moment without an offset is read as UTC"
            );
        }
        Some(moment)
    }

    /// An amount within what [`domain::Money`] takes, finer ones rounded.
    pub(super) fn amount(&self, name: &str) -> Option<Decimal> {
        let text = match self.get(name)? {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        text.parse::<Decimal>().or_else(|_| Decimal::from_scientific(&text)).ok().and_then(money)
    }

    /// A list that is needed.
    pub(super) fn list(&self, name: &str) -> Result<&'a [Value], UnreadableOrder> {
        match self.get(name) {
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(self.unreadable(name, "is not a list")),
            None => Err(self.unreadable(name, "is missing")),
        }
    }

    /// The objects of a list that is needed.
    pub(super) fn needed_objects(&self, name: &str) -> Result<Vec<Members<'a>>, UnreadableOrder> {
        let read = |(index, item)| {
            let place = format!("{name}[{index}]");
            let prefix = format!("{}{place}.", self.prefix);
            Members::of(item, prefix).ok_or_else(|| self.unreadable(&place, "is not an object"))
        };
        self.list(name)?.iter().enumerate().map(read).collect()
    }

    pub(super) fn optional_list(&self, name: &str) -> Option<&'a [Value]> {
        self.get(name)?.as_array().map(Vec::as_slice)
    }

    /// The objects of a list that may be left out, each with its place in the body.
    pub(super) fn objects(&self, name: &str) -> impl Iterator<Item = Members<'a>> {
        let place = format!("{}{name}", self.prefix);
        self.optional_list(name)
            .unwrap_or_default()
            .iter()
            .enumerate()
            .filter_map(move |(index, item)| Members::of(item, format!("{place}[{index}].")))
    }

    pub(super) fn object(&self, name: &str) -> Option<Members<'a>> {
        Members::of(self.get(name)?, format!("{}{name}.", self.prefix))
    }
}

/// Null and an empty text.
fn says_nothing(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// An id: a whole number of at least 1, or one inside the global id of the given kind.
pub(super) fn id(value: &Value, kind: &str) -> Option<i64> {
    let in_gid = || gid::number(kind, value.as_str()?.trim());
    leniently::whole_value(value).or_else(in_gid).filter(|id| *id > 0)
}

/// A text, or a number as a person would write it; an empty one is none.
pub(super) fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => kept(text.trim()),
        Value::Number(number) => plain(number),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// `2.0` is `2`.
fn plain(number: &serde_json::Number) -> String {
    let text = number.to_string();
    leniently::whole(&text).map_or(text, |whole| whole.to_string())
}

/// The amount with the decimals it was written with (`59.80` stays `59.80`), if it is one of money.
fn money(amount: Decimal) -> Option<Decimal> {
    let fine = amount.scale() > 4 || amount.is_zero();
    let rounded = || amount.round_dp_with_strategy(4, RoundingStrategy::MidpointAwayFromZero).normalize();
    let kept = if fine { rounded() } else { amount };
    let negative = kept.is_sign_negative() && !kept.is_zero();
    (!negative && kept < Decimal::from(1_000_000_000_000_i64)).then_some(kept)
}

fn kept(text: &str) -> String {
    text.chars()
        .take(MOST_CHARACTERS)
        .map(|character| if character == '\0' { char::REPLACEMENT_CHARACTER } else { character })
        .collect()
}
