//! What an answer changes of an order before the parked step is done again.

use domain::{LineId, ParseError, Sku, WarehouseId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{BadInput, of_parsing, text_member};

/// The most lines that one edit maps.
const MOST_LINES: usize = 500;

/// A change of the order. An address is personal: it stands in a message of the inbox, never here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WantedEdit {
    /// As it stands in the message that brought the answer.
    InMessage,
    /// These.
    Given {
        /// The sender's own id of it: the same changes once.
        #[serde(default, rename = "requestId", skip_serializing_if = "Option::is_none")]
        request_id: Option<String>,
        /// Lines, and what they are.
        #[serde(default)]
        lines: Vec<(LineId, Sku)>,
        /// The warehouse that ships all that has not left.
        #[serde(default, rename = "warehouseId", skip_serializing_if = "Option::is_none")]
        warehouse: Option<WarehouseId>,
    },
}

impl WantedEdit {
    /// Reads nothing, `"in_message"`, or `{"lines": [{"lineId": …, "sku": …}], "warehouseId": …, "requestId": …}`.
    pub(super) fn read(given: Option<&Value>) -> Result<Option<Self>, BadInput> {
        match given {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text == "in_message" => Ok(Some(Self::InMessage)),
            Some(Value::Object(object)) => Self::given(object).map(Some),
            Some(_) => Err(BadInput("edit: an object with lines or warehouseId".into())),
        }
    }

    pub(super) fn given(object: &Map<String, Value>) -> Result<Self, BadInput> {
        if object.contains_key("address") {
            let why = "edit.address: not here, where it would stay in the history; POST /api/orders/{id}/resolve takes it";
            return Err(BadInput(why.into()));
        }
        let lines = match object.get("lines") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(lines)) if lines.len() <= MOST_LINES => {
                lines.iter().map(line).collect::<Result<_, _>>()?
            }
            Some(_) => return Err(BadInput(format!("edit.lines: a list, of {MOST_LINES} at most"))),
        };
        let is_twice = |(index, (line, _)): (usize, &(LineId, Sku))| {
            lines[..index].iter().any(|(known, _)| known == line)
        };
        if lines.iter().enumerate().any(is_twice) {
            return Err(BadInput("edit.lines: each line once".into()));
        }
        let warehouse = text_member(object, "warehouseId")?
            .map(|warehouse| WarehouseId::parse(&warehouse))
            .transpose()
            .map_err(|error| of_field("warehouseId", &error))?;
        if lines.is_empty() && warehouse.is_none() {
            return Err(BadInput("edit: at least one of lines and warehouseId".into()));
        }
        let request_id = text_member(object, "requestId")?;
        if request_id.as_ref().is_some_and(|id| id.trim().is_empty() || id.chars().count() > 255) {
            return Err(BadInput("edit.requestId: 1 to 255 characters".into()));
        }
        Ok(Self::Given { request_id, lines, warehouse })
    }
}

fn line(given: &Value) -> Result<(LineId, Sku), BadInput> {
    let Value::Object(line) = given else {
        return Err(BadInput("edit.lines: objects with lineId and sku".into()));
    };
    let text = |name| Ok::<_, BadInput>(text_member(line, name)?.unwrap_or_default());
    Ok((LineId::parse(&text("lineId")?).map_err(of_parsing)?, Sku::parse(&text("sku")?).map_err(of_parsing)?))
}

fn of_field(name: &str, error: &ParseError) -> BadInput {
    BadInput(format!("edit.{name}: {error}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(given: Value) -> Result<Option<WantedEdit>, BadInput> {
        WantedEdit::read(Some(&given))
    }

    #[test]
    fn lines_and_a_warehouse_are_given_by_value() {
        let edit = read(json!({"lines": [{"lineId": "1", "sku": "item2"}], "warehouseId": "far"})).unwrap();
        let lines = vec![(LineId::parse("1").unwrap(), Sku::parse("item2").unwrap())];
        let warehouse = Some(WarehouseId::parse("far").unwrap());
        assert_eq!(edit, Some(WantedEdit::Given { request_id: None, lines, warehouse }));
        assert_eq!(read(json!("in_message")), Ok(Some(WantedEdit::InMessage)));
        assert_eq!(read(Value::Null), Ok(None));
    }

    #[test]
    fn an_address_and_whatever_else_is_no_edit_is_refused_by_the_name_of_its_field() {
        for (given, named) in [
            (json!({"address": {"city": "London"}, "warehouseId": "far"}), "edit.address"),
            (json!({}), "edit:"),
            (json!({"lines": {}}), "edit.lines"),
            (json!({"lines": ["1"]}), "edit.lines"),
            (json!({"lines": [{"lineId": "1"}]}), "sku"),
            (json!({"lines": [{"lineId": "1", "sku": "a"}, {"lineId": "1", "sku": "b"}]}), "edit.lines"),
            (json!({"warehouseId": "no such/place"}), "edit.warehouseId"),
            (json!({"warehouseId": "far", "requestId": " "}), "edit.requestId"),
            (json!(5), "edit:"),
        ] {
            let refused = read(given.clone()).unwrap_err().to_string();
            assert!(refused.contains(named), "{given}: {refused}");
        }
    }
}
