//! What the warehouse tells us.
//!
//! **Invariant:** whatever the bytes are, reading them ends in a callback or in the name of the
//! member that cannot be read, never in a panic.

mod returned;
mod signature;

use chrono::{DateTime, Utc};
use domain::{RequestReference, leniently};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::{
    client::ParcelState,
    parcel::{ParcelPieces, ParcelStatus},
    wire,
};
pub use returned::{ReturnCallback, ReturnedPieces};
pub(crate) use returned::{ReturnWords, returned_pieces};
pub use signature::{BadSecret, CallbackSecret, SignatureError, TOLERANCE, verify};

/// The most bytes of a callback that are read.
pub const MOST_BYTES: usize = 1024 * 1024;
/// The most lines a parcel may have.
pub const MOST_LINES: usize = 1_000;

/// One event of one parcel, in our words, whichever dialect it came in. What a warehouse answers when it is asked is kept
/// as this, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Callback {
    /// What happened to it.
    pub kind: ParcelStatus,
    /// The hand-over it belongs to.
    pub reference: RequestReference,
    /// The warehouse's id of the parcel; a hand-over may become several.
    pub parcel_id: String,
    /// Rises with every event of the parcel; a lower one is stale.
    pub sequence: i64,
    /// What is in it; none where the warehouse does not say.
    pub lines: Vec<ParcelPieces>,
    /// Who carries it.
    pub carrier: Option<String>,
    /// The carrier's number.
    pub tracking_number: Option<String>,
    /// Where it can be followed.
    pub tracking_url: Option<String>,
    /// When it happened, by the warehouse's clock.
    pub occurred_at: Option<DateTime<Utc>>,
    /// Why, where something is wrong; a person's text.
    pub reason: Option<String>,
}

impl Callback {
    /// A parcel's state as if the warehouse had called.
    #[must_use]
    pub fn of(reference: &RequestReference, state: &ParcelState) -> Self {
        Self {
            kind: state.status.clone(),
            reference: reference.clone(),
            parcel_id: state.parcel_id.clone(),
            sequence: state.sequence,
            lines: state.lines.clone(),
            carrier: state.carrier.clone(),
            tracking_number: state.tracking_number.clone(),
            tracking_url: state.tracking_url.clone().filter(|address| is_web_address(address)),
            occurred_at: state.occurred_at,
            reason: None,
        }
    }
}

/// What a callback is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A parcel that leaves, or left.
    Parcel(Box<Callback>),
    /// A return that came.
    Return(ReturnCallback),
}

/// Why a body is no callback we can act on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{member}: {reason}")]
pub struct UnreadableCallback {
    /// Where in the body, for example `lines[0].quantity`; `body` for the whole.
    pub member: String,
    /// What was expected there.
    pub reason: &'static str,
}

pub(crate) fn unreadable(member: impl Into<String>, reason: &'static str) -> UnreadableCallback {
    UnreadableCallback { member: member.into(), reason }
}

/// Of two that stand in one object nobody knows which one is meant; of everything else the last counts.
const NEEDED: &[&str] = &[
    "type",
    "reference",
    "shipmentId",
    "sequence",
    "lines",
    "lines[].sku",
    "lines[].quantity",
    "returnId",
    "warehouseId",
    "lines[].sellable",
];

/// Reads a body of the first dialect. Members we do not know are skipped; null is the same as absent, and so is a
/// moment that cannot be read. Of a parcel only `type`, `reference`, `shipmentId` and `sequence` must be there; of a
/// return `returnId` and, in each line, `sku`, `quantity` and `sellable`.
///
/// # Errors
/// [`UnreadableCallback`] names the first member that cannot be read.
pub(crate) fn parse_callback(body: &[u8]) -> Result<Told, UnreadableCallback> {
    let value = body_of(body, NEEDED)?;
    if returned::is_of_return(&value) {
        return Ok(Told::Return(returned::came_back(&value)?));
    }
    Ok(Told::Parcel(Box::new(parcel(&value)?)))
}

fn parcel(value: &Value) -> Result<Callback, UnreadableCallback> {
    let text = |name: &str| value.get(name).and_then(wire::text);
    let word = |name: &str| {
        let written = value.get(name).filter(|written| written.is_string()).and_then(wire::text);
        written.ok_or_else(|| unreadable(name, "is missing or not a text"))
    };
    Ok(Callback {
        kind: ParcelStatus::from(word("type")?),
        reference: RequestReference::parse(&word("reference")?)
            .map_err(|_| unreadable("reference", "is not a reference of ours"))?,
        parcel_id: text("shipmentId").ok_or_else(|| unreadable("shipmentId", "is missing or not a text"))?,
        sequence: value
            .get("sequence")
            .and_then(wire::sequence)
            .ok_or_else(|| unreadable("sequence", "is not a whole number of at least 0"))?,
        lines: pieces(list(value.get("lines"), "lines")?, "lines", ["sku", "quantity"])?,
        carrier: text("carrier"),
        tracking_number: text("trackingNumber"),
        tracking_url: text("trackingUrl").filter(|address| is_web_address(address)),
        occurred_at: value.get("occurredAt").and_then(wire::moment),
        reason: text("reason"),
    })
}

/// The JSON object of a body, in which none of `needed` stands twice.
pub(crate) fn body_of(body: &[u8], needed: &[&str]) -> Result<Value, UnreadableCallback> {
    if body.len() > MOST_BYTES {
        return Err(unreadable("body", "is larger than 1 MiB"));
    }
    let value: Value = serde_json::from_slice(body)
        .or_else(|_| serde_json::from_str(&leniently::sound_json(body)))
        .map_err(|_| unreadable("body", "is not JSON"))?;
    if !value.is_object() {
        return Err(unreadable("body", "is not a JSON object"));
    }
    match leniently::repeated_of(body, needed) {
        Some(member) => Err(unreadable(member, "stands there twice")),
        None => Ok(value),
    }
}

/// People follow it in a browser.
pub(crate) fn is_web_address(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

/// The list that stands under `member`; null is the same as none.
pub(crate) fn list<'a>(value: Option<&'a Value>, member: &str) -> Result<&'a [Value], UnreadableCallback> {
    match value {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(items)) if items.len() <= MOST_LINES => Ok(items),
        Some(_) => Err(unreadable(member, "is not a list of at most 1,000 lines")),
    }
}

/// The pieces in the list that stands under `member`, whose SKU and quantity have these names.
pub(crate) fn pieces(
    items: &[Value],
    member: &str,
    [sku, quantity]: [&str; 2],
) -> Result<Vec<ParcelPieces>, UnreadableCallback> {
    let mut lines = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let of = |name: &str| format!("{member}[{index}].{name}");
        let count = item.get(quantity).and_then(wire::pieces);
        let count =
            count.ok_or_else(|| unreadable(of(quantity), "is not a whole number from 0 to 1000000"))?;
        // A line of 0 pieces says nothing, whatever it is called.
        if count > 0 {
            let text = item.get(sku).and_then(wire::text);
            let text = text.ok_or_else(|| unreadable(of(sku), "is missing or not a text"))?;
            lines.push(ParcelPieces { sku: text, quantity: count });
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shipped() -> Value {
        json!({
            "type": "shipment.shipped", "reference": "ORD-20261121-6BA0A415-main-1", "shipmentId": "shp_1",
            "sequence": 3, "lines": [{"sku": "S-1", "quantity": 2, "lot": "x"}], "carrier": "Parcel Post",
            "trackingNumber": " PP1 ", "trackingUrl": "https://t.example.com/PP1",
            "occurredAt": "2026-11-21T10:00:00.5+01:00", "a_field_of_next_year": 1,
        })
    }

    fn read(value: &Value) -> Result<Callback, UnreadableCallback> {
        match parse_callback(value.to_string().as_bytes())? {
            Told::Parcel(callback) => Ok(*callback),
            Told::Return(_) => panic!("it is about a parcel"),
        }
    }

    #[test]
    fn every_member_is_read() {
        let callback = read(&shipped()).unwrap();
        assert_eq!(callback.kind, ParcelStatus::Shipped);
        assert_eq!(callback.reference.as_str(), "ORD-20261121-6BA0A415-main-1");
        assert_eq!((callback.parcel_id.as_str(), callback.sequence), ("shp_1", 3));
        assert_eq!(callback.lines, [ParcelPieces { sku: "S-1".into(), quantity: 2 }]);
        assert_eq!(callback.tracking_number.as_deref(), Some("PP1"));
        assert_eq!(callback.occurred_at.unwrap().to_rfc3339(), "2026-11-21T09:00:00.500+00:00");
        assert_eq!(callback.reason, None);
    }

    #[test]
    fn an_address_that_no_browser_should_follow_is_left_out() {
        let mut body = shipped();
        for address in
            ["javascript:alert(1)", "data:text/html,x", "ftp://t.example.com/1", "//t.example.com/1"]
        {
            body["trackingUrl"] = json!(address);
            assert_eq!(read(&body).unwrap().tracking_url, None, "{address}");
        }
        body["trackingUrl"] = json!("http://t.example.com/1");
        assert_eq!(read(&body).unwrap().tracking_url.as_deref(), Some("http://t.example.com/1"));
    }

    #[test]
    fn null_is_the_same_as_absent() {
        let mut body = shipped();
        for member in ["lines", "carrier", "trackingNumber", "trackingUrl", "occurredAt", "reason"] {
            body[member] = Value::Null;
        }
        let callback = read(&body).unwrap();
        assert_eq!((callback.lines, callback.carrier, callback.occurred_at), (vec![], None, None));
    }

    #[test]
    fn what_is_written_otherwise_is_read_for_its_meaning() {
        let mut body = shipped();
        body["type"] = json!(" SHIPPED ");
        body["shipmentId"] = json!(4711);
        body["sequence"] = json!("3");
        body["lines"] =
            json!([{"sku": 12, "quantity": "2.0"}, {"sku": "S-2", "quantity": 0}, {"quantity": 0}]);
        body["trackingNumber"] = json!(340_434_292_135_100_186_i64);
        body["carrier"] = json!(5.0);
        body["occurredAt"] = json!("2026-11-21 09:00:00");
        let callback = read(&body).unwrap();
        assert_eq!(callback.kind, ParcelStatus::Shipped);
        assert_eq!((callback.parcel_id.as_str(), callback.sequence), ("4711", 3));
        assert_eq!(callback.lines, [ParcelPieces { sku: "12".into(), quantity: 2 }]);
        assert_eq!(callback.tracking_number.as_deref(), Some("340434292135100186"));
        assert_eq!(callback.carrier.as_deref(), Some("5"));
        assert_eq!(callback.occurred_at.unwrap().to_rfc3339(), "2026-11-21T09:00:00+00:00");
    }

    #[test]
    fn nothing_that_is_not_needed_loses_a_callback() {
        for member in ["carrier", "trackingNumber", "trackingUrl", "occurredAt", "reason"] {
            for odd in [json!({"x": 1}), json!(["x"]), json!(true), json!(""), json!("today"), json!(-1.5)] {
                let mut body = shipped();
                body[member] = odd;
                assert!(read(&body).is_ok(), "{body}");
            }
        }
        let mut body = shipped();
        body["occurredAt"] = json!("today");
        assert_eq!(read(&body).unwrap().occurred_at, None);
        let cut = shipped().to_string().replace("Parcel Post", "\\ud83d");
        let Ok(Told::Parcel(callback)) = parse_callback(cut.as_bytes()) else { panic!("it can be read") };
        assert_eq!(callback.carrier.as_deref(), Some("\u{fffd}"));
    }

    #[test]
    fn a_type_of_next_year_is_kept() {
        let mut body = shipped();
        body["type"] = json!("shipment.returned");
        assert_eq!(read(&body).unwrap().kind, ParcelStatus::Unknown("returned".into()));
    }

    #[test]
    fn a_refusal_names_the_member() {
        for (path, wrong, member) in [
            ("/type", json!(1), "type"),
            ("/reference", json!("a\nb"), "reference"),
            ("/shipmentId", json!(null), "shipmentId"),
            ("/shipmentId", json!({}), "shipmentId"),
            ("/sequence", json!("third"), "sequence"),
            ("/sequence", json!(3.5), "sequence"),
            ("/sequence", json!(-1), "sequence"),
            ("/lines", json!({}), "lines"),
            ("/lines/0/quantity", json!(-1), "lines[0].quantity"),
            ("/lines/0/quantity", json!(1_000_001), "lines[0].quantity"),
            ("/lines/0/sku", json!(""), "lines[0].sku"),
        ] {
            let mut body = shipped();
            *body.pointer_mut(path).unwrap() = wrong;
            assert_eq!(read(&body).unwrap_err().member, member);
        }
        for body in ["", "[]", "null", "{"] {
            assert_eq!(parse_callback(body.as_bytes()).unwrap_err().member, "body", "{body}");
        }
    }

    #[test]
    fn absurd_sizes_are_refused() {
        assert_eq!(parse_callback(&vec![b' '; MOST_BYTES + 1]).unwrap_err().member, "body");
        let mut body = shipped();
        body["lines"] = json!(vec![json!({"sku": "S", "quantity": 1}); MOST_LINES + 1]);
        assert_eq!(read(&body).unwrap_err().member, "lines");
    }

    #[test]
    fn the_corpus_of_the_fuzz_targets_is_read_to_its_end() {
        let corpus =
            std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/callback")).unwrap();
        let bodies = corpus.map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
        let read = bodies.filter(|body| parse_callback(body).is_ok()).count();
        assert!(read >= 4, "{read} can be read");
    }
}
