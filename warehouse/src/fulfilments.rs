//! What calls and callbacks of the second dialect have in common: its words for a parcel.

use domain::RequestReference;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    callback::{Callback, UnreadableCallback, body_of, is_web_address, unreadable},
    client::{ParcelState, RequestState},
    parcel::{ParcelPieces, ParcelStatus},
    wire,
};

/// Of two that stand in one object nobody knows which one is meant.
const NEEDED: &[&str] = &["event", "package", "packageId", "externalReference", "revision"];

/// Pieces as they are sent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Item<'a> {
    pub(crate) article_number: &'a str,
    pub(crate) amount: u32,
}

/// A hand-over as the system knows it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Fulfilment {
    pub(crate) external_reference: String,
    #[serde(default)]
    items: Vec<Value>,
    #[serde(default)]
    packages: Vec<Value>,
}

impl Fulfilment {
    pub(crate) fn into_state(self, reference: &RequestReference) -> RequestState {
        RequestState {
            reference: reference.clone(),
            status: None,
            lines: self.items.iter().filter_map(pieces).collect(),
            parcels: self.packages.iter().filter_map(parcel).collect(),
        }
    }
}

/// Reads a callback: what happened stands in `event`, and the package as it is since then in `package`.
pub(crate) fn parse_callback(body: &[u8]) -> Result<Callback, UnreadableCallback> {
    let value = body_of(body, NEEDED)?;
    let package = value.get("package").filter(|package| package.is_object());
    let package = package.ok_or_else(|| unreadable("package", "is missing or not an object"))?;
    let reference = package.get("externalReference").and_then(wire::text);
    let reference = reference.and_then(|text| RequestReference::parse(&text).ok());
    let event = value.get("event").and_then(Value::as_str).map(str::trim);
    let event = event.ok_or_else(|| unreadable("event", "is missing or not a text"))?;
    let state = parcel(package)
        .ok_or_else(|| unreadable("package", "packageId, revision: one is missing or cannot be read"))?;
    let kind = status(event.strip_prefix("package.").unwrap_or(event));
    let reference =
        reference.ok_or_else(|| unreadable("package.externalReference", "is not a reference of ours"))?;
    let occurred_at = value.get("at").and_then(wire::moment);
    Ok(Callback { kind, occurred_at, ..Callback::of(&reference, &state) })
}

/// None where it is not said which package it is, or how far.
fn parcel(package: &Value) -> Option<ParcelState> {
    let text = |name: &str| package.get(name).and_then(wire::text);
    Some(ParcelState {
        parcel_id: text("packageId")?,
        status: status(&text("stage").unwrap_or_default()),
        sequence: package.get("revision").and_then(wire::sequence)?,
        lines: package
            .get("items")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(pieces)
            .collect(),
        carrier: text("courier"),
        tracking_number: text("trackingCode"),
        tracking_url: text("trackingLink").filter(|address| is_web_address(address)),
        occurred_at: package.get("changedAt").and_then(wire::moment),
    })
}

fn pieces(item: &Value) -> Option<ParcelPieces> {
    let quantity = item.get("amount").and_then(wire::pieces).filter(|amount| *amount > 0)?;
    Some(ParcelPieces { sku: item.get("articleNumber").and_then(wire::text)?, quantity })
}

/// A stage and the last part of an event are the same words.
fn status(word: &str) -> ParcelStatus {
    match word.to_ascii_lowercase().as_str() {
        "new" => ParcelStatus::Accepted,
        "picked" => ParcelStatus::Picked,
        "held" => ParcelStatus::OnHold,
        "problem" => ParcelStatus::Exception,
        "left" => ParcelStatus::Shipped,
        "arrived" => ParcelStatus::Delivered,
        "void" => ParcelStatus::Cancelled,
        other => ParcelStatus::Unknown(other.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn left() -> Value {
        json!({
            "event": "package.left", "at": "2026-11-21T09:00:00Z", "package": {"packageId": 7, "revision": "3",
            "externalReference": "ORD-20261121-6BA0A415-north-1", "stage": "LEFT", "courier": "Post",
            "items": [{"articleNumber": "S-1", "amount": 2}, {"articleNumber": "S-2", "amount": 0}],
            "trackingCode": "T-1", "trackingLink": "javascript:alert(1)"},
        })
    }

    fn read(value: &Value) -> Result<Callback, UnreadableCallback> {
        parse_callback(value.to_string().as_bytes())
    }

    #[test]
    fn a_callback_means_the_same_in_both_dialects() {
        let callback = read(&left()).unwrap();
        assert_eq!(
            (callback.kind, callback.parcel_id.as_str(), callback.sequence),
            (ParcelStatus::Shipped, "7", 3)
        );
        assert_eq!(callback.reference.as_str(), "ORD-20261121-6BA0A415-north-1");
        assert_eq!(callback.lines, [ParcelPieces { sku: "S-1".into(), quantity: 2 }]);
        assert_eq!((callback.tracking_number.as_deref(), callback.tracking_url), (Some("T-1"), None));
        assert_eq!(callback.occurred_at.unwrap().to_rfc3339(), "2026-11-21T09:00:00+00:00");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (path, wrong, member) in [
            ("/event", json!(7), "event"),
            ("/package", json!([]), "package"),
            ("/package/packageId", json!(null), "package"),
            ("/package/revision", json!("third"), "package"),
            ("/package/externalReference", json!("a\nb"), "package.externalReference"),
        ] {
            let mut body = left();
            *body.pointer_mut(path).unwrap() = wrong;
            assert_eq!(read(&body).unwrap_err().member, member);
        }
        assert_eq!(parse_callback(b"{").unwrap_err().member, "body");
        let twice = left().to_string().replacen("{", r#"{"event": "package.new","#, 1);
        assert_eq!(parse_callback(twice.as_bytes()).unwrap_err().member, "event");
    }

    #[test]
    fn an_event_of_next_year_is_kept() {
        let mut body = left();
        body["event"] = json!("package.weighed");
        assert_eq!(read(&body).unwrap().kind, ParcelStatus::Unknown("weighed".into()));
    }
}
