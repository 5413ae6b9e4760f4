//! What the warehouse writes, read for its meaning: a number may stand in a text and the reverse.

use chrono::{DateTime, Utc};
use domain::{Quantity, leniently};
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value;

use crate::parcel::ParcelPieces;

/// Characters of a text that are kept.
const MOST_CHARACTERS: usize = 500;
/// A text without white space around it, or a number as a person would write it; an empty one counts
/// as absent. PostgreSQL stores no NUL.
pub(crate) fn text(value: &Value) -> Option<String> {
    let text: String = match value {
        Value::String(text) => text
            .trim()
            .chars()
            .take(MOST_CHARACTERS)
            .map(|character| if character == '\0' { char::REPLACEMENT_CHARACTER } else { character })
            .collect(),
        Value::Number(number) => {
            leniently::whole_value(value).map_or_else(|| number.to_string(), |whole| whole.to_string())
        }
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// A warehouse's words as they are kept.
pub(crate) fn kept_text(text: &str) -> String {
    text.chars().filter(|character| *character != '\0').take(MOST_CHARACTERS).collect()
}

/// A number of pieces, 0 included.
pub(crate) fn pieces(value: &Value) -> Option<u32> {
    let pieces = leniently::whole_value(value).and_then(|pieces| u32::try_from(pieces).ok())?;
    (pieces <= Quantity::MOST).then_some(pieces)
}

/// How far an event of a parcel is; it only rises.
pub(crate) fn sequence(value: &Value) -> Option<i64> {
    leniently::whole_value(value).filter(|sequence| *sequence >= 0)
}

pub(crate) fn moment(value: &Value) -> Option<DateTime<Utc>> {
    let text = value.as_str()?;
    let moment = leniently::moment(text)?;
    if !leniently::names_an_offset(text) {
        tracing::info!("a moment without an offset is read as UTC");
    }
    Some(moment)
}

/// For members of answers that may be missing.
pub(crate) fn optional_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(text(&Value::deserialize(deserializer)?))
}

/// For members of answers that have to be there.
pub(crate) fn needed_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    text(&Value::deserialize(deserializer)?).ok_or_else(|| Error::custom("not a text"))
}

/// For the sequence in answers.
pub(crate) fn needed_sequence<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    sequence(&Value::deserialize(deserializer)?)
        .ok_or_else(|| Error::custom("not a whole number of at least 0"))
}

/// For moments in answers.
pub(crate) fn optional_moment<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<DateTime<Utc>>, D::Error> {
    Ok(moment(&Value::deserialize(deserializer)?))
}

/// Lines of answers; one of 0 pieces says nothing.
pub(crate) fn needed_lines<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<ParcelPieces>, D::Error> {
    let mut lines = Vec::<ParcelPieces>::deserialize(deserializer)?;
    lines.retain(|line| line.quantity > 0);
    Ok(lines)
}

/// The same where null is the same as none.
pub(crate) fn optional_lines<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<ParcelPieces>, D::Error> {
    let mut lines = Option::<Vec<ParcelPieces>>::deserialize(deserializer)?.unwrap_or_default();
    lines.retain(|line| line.quantity > 0);
    Ok(lines)
}

impl<'de> Deserialize<'de> for ParcelPieces {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct OnWire {
            #[serde(deserialize_with = "needed_text")]
            sku: String,
            quantity: Value,
        }
        let line = OnWire::deserialize(deserializer)?;
        let quantity = pieces(&line.quantity);
        let quantity = quantity.ok_or_else(|| Error::custom("not a whole number from 0 to 1000000"))?;
        Ok(Self { sku: line.sku, quantity })
    }
}
