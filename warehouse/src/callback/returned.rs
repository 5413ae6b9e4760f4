//! A callback about a return: what of it came, and what of that can be sold.

use serde_json::Value;

use super::{UnreadableCallback, list, pieces, unreadable};
use crate::wire;

/// Pieces of a return that came, in our words, whichever dialect they came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnCallback {
    /// Our id of the return, as it was sent.
    pub return_id: String,
    /// The warehouse where the pieces are, where the system says so.
    pub warehouse_id: Option<String>,
    /// What came.
    pub lines: Vec<ReturnedPieces>,
}

/// Pieces that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnedPieces {
    /// The warehouse's word for it.
    pub sku: String,
    /// How many; at least 1.
    pub quantity: u32,
    /// Whether they can be sold.
    pub sellable: bool,
}

/// The type of a callback about a return.
const RETURN_RECEIVED: &str = "return.received";

/// Whether a body of the first dialect is about a return.
pub(super) fn is_of_return(value: &Value) -> bool {
    let kind = value.get("type").and_then(Value::as_str).unwrap_or_default();
    kind.trim().eq_ignore_ascii_case(RETURN_RECEIVED)
}

/// Reads a body of the first dialect.
pub(super) fn came_back(value: &Value) -> Result<ReturnCallback, UnreadableCallback> {
    let words = ReturnWords { member: "lines", sku: "sku", quantity: "quantity", sellable: "sellable" };
    let return_id = value.get("returnId").and_then(wire::text);
    Ok(ReturnCallback {
        return_id: return_id.ok_or_else(|| unreadable("returnId", "is missing or not a text"))?,
        warehouse_id: value.get("warehouseId").and_then(wire::text),
        lines: returned_pieces(value.get("lines"), &words, |word| match word {
            Value::Bool(sellable) => Some(*sellable),
            Value::String(text) => text.trim().to_ascii_lowercase().parse().ok(),
            _ => None,
        })?,
    })
}

/// What a dialect calls the members of a return.
pub(crate) struct ReturnWords {
    pub(crate) member: &'static str,
    pub(crate) sku: &'static str,
    pub(crate) quantity: &'static str,
    pub(crate) sellable: &'static str,
}

/// The pieces of a return, of which at least one came. Whether a piece can be sold is never guessed: `sellable` says
/// what the dialect's word for it means.
pub(crate) fn returned_pieces(
    items: Option<&Value>,
    words: &ReturnWords,
    sellable: impl Fn(&Value) -> Option<bool>,
) -> Result<Vec<ReturnedPieces>, UnreadableCallback> {
    let mut lines = Vec::new();
    for (index, item) in list(items, words.member)?.iter().enumerate() {
        let place = format!("{}[{index}]", words.member);
        let [came] = &pieces(std::slice::from_ref(item), words.member, [words.sku, words.quantity]).map_err(
            |wrong| unreadable(wrong.member.replacen("[0]", &format!("[{index}]"), 1), wrong.reason),
        )?[..] else {
            continue;
        };
        let sellable = item.get(words.sellable).and_then(&sellable);
        let sellable = sellable.ok_or_else(|| {
            unreadable(format!("{place}.{}", words.sellable), "does not say whether it can be sold")
        })?;
        lines.push(ReturnedPieces { sku: came.sku.clone(), quantity: came.quantity, sellable });
    }
    if lines.is_empty() { Err(unreadable(words.member, "names nothing that came")) } else { Ok(lines) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Dialect, callback::Told};

    const RETURN_ID: &str = "ret_0190a0b0000070008000000000000001";

    fn first() -> Value {
        json!({"type": "return.received", "returnId": RETURN_ID, "lines": [
            {"sku": "S-1", "quantity": 2, "sellable": true}, {"sku": "S-1", "quantity": 1, "sellable": false},
            {"sku": "S-2", "quantity": 0}]})
    }

    fn second() -> Value {
        json!({"event": "return.graded", "return": {"externalReference": RETURN_ID, "site": "north", "items": [
            {"articleNumber": "S-1", "amount": 2, "grade": "A"}, {"articleNumber": "S-1", "amount": 1, "grade": "B"},
            {"articleNumber": "S-2", "amount": 0, "grade": "A"}]}})
    }

    fn read(dialect: Dialect, body: &Value) -> Result<ReturnCallback, UnreadableCallback> {
        match dialect.parse_callback(body.to_string().as_bytes())? {
            Told::Return(came) => Ok(came),
            Told::Parcel(_) => panic!("it is about a return"),
        }
    }

    #[test]
    fn a_return_that_came_is_said_in_both_dialects() {
        let piece = |quantity, sellable| ReturnedPieces { sku: "S-1".to_owned(), quantity, sellable };
        let lines = vec![piece(2, true), piece(1, false)];
        let said = ReturnCallback { return_id: RETURN_ID.to_owned(), warehouse_id: None, lines };
        assert_eq!(read(Dialect::Shipments, &first()).unwrap(), said);
        let there = ReturnCallback { warehouse_id: Some("north".to_owned()), ..said };
        assert_eq!(read(Dialect::Fulfilments, &second()).unwrap(), there);
    }

    #[test]
    fn what_cannot_be_read_of_a_return_is_named_and_nothing_is_guessed() {
        for (dialect, body, path, wrong, member) in [
            (Dialect::Shipments, first(), "/returnId", json!(null), "returnId"),
            (Dialect::Shipments, first(), "/lines", json!([]), "lines"),
            (Dialect::Shipments, first(), "/lines/1/quantity", json!(-1), "lines[1].quantity"),
            (Dialect::Shipments, first(), "/lines/1/sku", json!({}), "lines[1].sku"),
            (Dialect::Shipments, first(), "/lines/1/sellable", json!(null), "lines[1].sellable"),
            (Dialect::Shipments, first(), "/lines/1/sellable", json!("perhaps"), "lines[1].sellable"),
            (Dialect::Fulfilments, second(), "/return", json!([]), "return"),
            (
                Dialect::Fulfilments,
                second(),
                "/return/externalReference",
                json!(""),
                "return.externalReference",
            ),
            (Dialect::Fulfilments, second(), "/return/items/1/amount", json!("x"), "return.items[1].amount"),
            (Dialect::Fulfilments, second(), "/return/items/0/grade", json!("D"), "return.items[0].grade"),
        ] {
            let mut body = body;
            *body.pointer_mut(path).unwrap() = wrong;
            assert_eq!(read(dialect, &body).unwrap_err().member, member);
        }
        let twice =
            first().to_string().replacen(r#""sellable":true"#, r#""sellable":true,"sellable":false"#, 1);
        let refused = Dialect::Shipments.parse_callback(twice.as_bytes()).unwrap_err();
        assert_eq!(refused.member, "lines[0].sellable");
    }
}
