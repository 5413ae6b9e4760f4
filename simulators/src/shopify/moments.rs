//! Moments as Shopify writes them: whole seconds, with an offset in the order's body and with
//! `Z` in the Admin API.

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use serde_json::{Value, json};

/// This moment, as a body writes it.
pub(super) fn now() -> String {
    written(Utc::now())
}

/// A moment as a body writes it.
pub(super) fn written(moment: DateTime<Utc>) -> String {
    moment.trunc_subsecs(0).to_rfc3339_opts(SecondsFormat::Secs, false)
}

/// The moment in this text, if it is one.
pub(super) fn read(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|moment| moment.with_timezone(&Utc))
}

/// A body's moment as the Admin API writes it; what is no moment stays as it is.
pub(super) fn answered(value: &Value) -> Value {
    value
        .as_str()
        .and_then(read)
        .map_or_else(|| value.clone(), |moment| json!(moment.to_rfc3339_opts(SecondsFormat::Secs, true)))
}
