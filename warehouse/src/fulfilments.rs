//! What calls and callbacks of the second dialect have in common: its words for a parcel.

use domain::RequestReference;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    callback::{
        Callback, ReturnCallback, ReturnWords, Told, UnreadableCallback, body_of, is_web_address, list,
        pieces, returned_pieces, unreadable,
    },
    client::{ParcelState, RequestState},
    parcel::ParcelStatus,
    wire,
};

/// Of two that stand in one object nobody knows which one is meant.
const NEEDED: &[&str] = &[
    "event",
    "package",
    "package.packageId",
    "package.externalReference",
    "package.revision",
    "package.items",
    "package.items[].articleNumber",
    "package.items[].amount",
    "return",
    "return.externalReference",
    "return.site",
    "return.items",
    "return.items[].articleNumber",
    "return.items[].amount",
    "return.items[].grade",
];

/// The event of a return that was looked at.
const RETURN_GRADED: &str = "return.graded";

/// What an item calls its SKU and its quantity.
const ITEM: [&str; 2] = ["articleNumber", "amount"];

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
    /// # Errors
    /// [`UnreadableCallback`] names the first member that cannot be read: pieces left out would be pieces lost.
    pub(crate) fn into_state(self, reference: &RequestReference) -> Result<RequestState, UnreadableCallback> {
        Ok(RequestState {
            reference: reference.clone(),
            status: None,
            lines: pieces(&self.items, "items", ITEM)?,
            parcels: self.packages.iter().map(parcel).collect::<Result<_, _>>()?,
        })
    }
}

/// Reads a callback: what happened stands in `event`, and the package as it is since then in `package`, or what came of a
/// return in `return`.
pub(crate) fn parse_callback(body: &[u8]) -> Result<Told, UnreadableCallback> {
    let value = body_of(body, NEEDED)?;
    let event = value.get("event").and_then(Value::as_str).unwrap_or_default();
    if event.trim() == RETURN_GRADED {
        return Ok(Told::Return(came_back(&value)?));
    }
    Ok(Told::Parcel(Box::new(package_of(&value)?)))
}

/// `grade` is `A` for what can be sold and `B` or `C` for what cannot.
fn came_back(value: &Value) -> Result<ReturnCallback, UnreadableCallback> {
    let words = ReturnWords { member: "return.items", sku: ITEM[0], quantity: ITEM[1], sellable: "grade" };
    let came = value.get("return").filter(|came| came.is_object());
    let came = came.ok_or_else(|| unreadable("return", "is missing or not an object"))?;
    let return_id = came.get("externalReference").and_then(wire::text);
    Ok(ReturnCallback {
        return_id: return_id
            .ok_or_else(|| unreadable("return.externalReference", "is missing or not a text"))?,
        warehouse_id: came.get("site").and_then(wire::text),
        lines: returned_pieces(came.get("items"), &words, |grade| match grade.as_str()?.trim() {
            "A" | "a" => Some(true),
            "B" | "b" | "C" | "c" => Some(false),
            _ => None,
        })?,
    })
}

fn package_of(value: &Value) -> Result<Callback, UnreadableCallback> {
    let package = value.get("package").filter(|package| package.is_object());
    let package = package.ok_or_else(|| unreadable("package", "is missing or not an object"))?;
    let reference = package.get("externalReference").and_then(wire::text);
    let reference = reference.and_then(|text| RequestReference::parse(&text).ok());
    let event = value.get("event").and_then(Value::as_str).map(str::trim);
    let event = event.ok_or_else(|| unreadable("event", "is missing or not a text"))?;
    let state = parcel(package)?;
    let kind = status(event.strip_prefix("package.").unwrap_or(event));
    let reference =
        reference.ok_or_else(|| unreadable("package.externalReference", "is not a reference of ours"))?;
    let occurred_at = value.get("at").and_then(wire::moment);
    let reason = value.get("text").and_then(wire::text);
    Ok(Callback { kind, occurred_at, reason, ..Callback::of(&reference, &state) })
}

fn parcel(package: &Value) -> Result<ParcelState, UnreadableCallback> {
    let text = |name: &str| package.get(name).and_then(wire::text);
    let items = list(package.get("items"), "package.items")?;
    Ok(ParcelState {
        parcel_id: text("packageId")
            .ok_or_else(|| unreadable("package.packageId", "is missing or not a text"))?,
        status: status(&text("stage").unwrap_or_default()),
        sequence: package
            .get("revision")
            .and_then(wire::sequence)
            .ok_or_else(|| unreadable("package.revision", "is not a whole number of at least 0"))?,
        lines: pieces(items, "package.items", ITEM)?,
        carrier: text("courier"),
        tracking_number: text("trackingCode"),
        tracking_url: text("trackingLink").filter(|address| is_web_address(address)),
        occurred_at: package.get("changedAt").and_then(wire::moment),
    })
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
    use crate::parcel::ParcelPieces;

    fn left() -> Value {
        json!({
            "event": "package.left", "at": "2026-11-21T09:00:00Z", "package": {"packageId": 7, "revision": "3",
            "externalReference": "ORD-20261121-6BA0A415-north-1", "stage": "LEFT", "courier": "Post",
            "items": [{"articleNumber": "S-1", "amount": 2}, {"articleNumber": "S-2", "amount": 0}],
            "trackingCode": "T-1", "trackingLink": "javascript:alert(1)"}, "text": "by van",
        })
    }

    fn read(value: &Value) -> Result<Callback, UnreadableCallback> {
        match parse_callback(value.to_string().as_bytes())? {
            Told::Parcel(callback) => Ok(*callback),
            Told::Return(_) => panic!("it is about a package"),
        }
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
        assert_eq!(callback.reason.as_deref(), Some("by van"));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (path, wrong, member) in [
            ("/event", json!(7), "event"),
            ("/package", json!([]), "package"),
            ("/package/packageId", json!(null), "package.packageId"),
            ("/package/revision", json!("third"), "package.revision"),
            ("/package/items", json!("two"), "package.items"),
            ("/package/items/0/amount", json!(-1), "package.items[0].amount"),
            ("/package/items/0/articleNumber", json!(null), "package.items[0].articleNumber"),
            ("/package/externalReference", json!("a\nb"), "package.externalReference"),
        ] {
            let mut body = left();
            *body.pointer_mut(path).unwrap() = wrong;
            assert_eq!(read(&body).unwrap_err().member, member);
        }
        assert_eq!(parse_callback(b"{").unwrap_err().member, "body");
        for (name, member) in [
            ("event", "event"),
            ("externalReference", "package.externalReference"),
            ("amount", "package.items[0].amount"),
        ] {
            let member_twice = format!(r#""{name}":"1","{name}":"#);
            let twice = left().to_string().replacen(&format!(r#""{name}":"#), &member_twice, 1);
            assert_eq!(parse_callback(twice.as_bytes()).unwrap_err().member, member, "{twice}");
        }
    }

    #[test]
    fn an_event_of_next_year_is_kept() {
        let mut body = left();
        body["event"] = json!("package.weighed");
        assert_eq!(read(&body).unwrap().kind, ParcelStatus::Unknown("weighed".into()));
    }
}
