//! Messages to a running order, read leniently: people type them, and a message that cannot be
//! decoded must never wedge the order.

use chrono::{DateTime, Utc};
use domain::{Actor, OrderStatus, ParseError, RequestReference, Resolution, Step};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use temporalio_common::data_converters::RawValue;

use crate::contract::Parcel;

mod edit;

pub use edit::WantedEdit;

/// Someone cancels the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CancelRequest {
    /// Who.
    pub actor: Actor,
    /// Why, in their words.
    #[serde(default)]
    pub reason: Option<String>,
}

impl CancelRequest {
    /// Reads `"changed my mind"`, `{"reason": …, "actor": …}`, or nothing at all.
    ///
    /// # Errors
    /// [`BadInput`] says what is allowed.
    pub fn read(input: &RawValue) -> Result<Self, BadInput> {
        match typed(input)? {
            Typed::Nothing => Ok(Self { actor: Actor::Operator, reason: None }),
            Typed::Text(reason) => Ok(Self { actor: Actor::Operator, reason: Some(reason) }),
            Typed::Object(object) => {
                Ok(Self { actor: actor_member(&object)?, reason: text_member(&object, "reason")? })
            }
        }
    }
}

/// Someone moves the order to another status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusRequest {
    /// To which.
    pub status: OrderStatus,
    /// Who.
    pub actor: Actor,
    /// Why, in their words.
    #[serde(default)]
    pub reason: Option<String>,
}

impl StatusRequest {
    /// Reads `"SHIPPED"` or `{"status": …, "reason": …, "actor": …}`.
    ///
    /// # Errors
    /// [`BadInput`] says what is allowed.
    pub fn read(input: &RawValue) -> Result<Self, BadInput> {
        let (status, actor, reason) = match typed(input)? {
            Typed::Nothing => (None, Actor::Operator, None),
            Typed::Text(status) => (Some(status), Actor::Operator, None),
            Typed::Object(object) => {
                (text_member(&object, "status")?, actor_member(&object)?, text_member(&object, "reason")?)
            }
        };
        let status = status.unwrap_or_default().parse().map_err(of_parsing)?;
        Ok(Self { status, actor, reason })
    }
}

/// Where an order stands after somebody moved it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusAnswer {
    /// The order's status.
    pub status: OrderStatus,
}

/// An operator's answer to a parked step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resolve {
    /// What.
    pub action: Resolution,
    /// By whom.
    pub actor: String,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
    /// Which step it is about; none for the one that is parked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<Step>,
    /// The message of the inbox that brought it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<i64>,
    /// What is changed of the order first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit: Option<WantedEdit>,
}

impl Resolve {
    /// Reads `"retry"` or `{"action": "skip", "reason": …, "actor": …, "step": …}`.
    ///
    /// # Errors
    /// [`BadInput`] says what is allowed.
    pub fn read(input: &RawValue) -> Result<Self, BadInput> {
        let object = match typed(input)? {
            Typed::Nothing => Map::new(),
            Typed::Text(action) => Map::from_iter([("action".to_owned(), Value::String(action))]),
            Typed::Object(object) => object,
        };
        let action = text_member(&object, "action")?.unwrap_or_default().parse().map_err(of_parsing)?;
        let step = text_member(&object, "step")?.map(|step| step.parse()).transpose().map_err(of_parsing)?;
        let actor = text_member(&object, "actor")?.unwrap_or_else(|| Actor::Operator.as_str().to_owned());
        let reason = text_member(&object, "reason")?;
        let message = object.get("message").and_then(Value::as_i64);
        Ok(Self { action, actor, reason, step, message, edit: WantedEdit::read(object.get("edit"))? })
    }

    /// The answer the signal `retry` stands for.
    #[must_use]
    pub fn retry() -> Self {
        Self {
            action: Resolution::Retry,
            actor: Actor::Operator.as_str().to_owned(),
            reason: None,
            step: None,
            message: None,
            edit: None,
        }
    }
}

/// Somebody changes the order by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditRequest {
    /// What is changed.
    pub edit: WantedEdit,
    /// By whom.
    pub actor: String,
    /// Why.
    pub reason: String,
}

impl EditRequest {
    /// Reads `{"warehouseId": …, "lines": [{"lineId": …, "sku": …}], "reason": …, "actor": …, "requestId": …}`.
    ///
    /// # Errors
    /// [`BadInput`] says what is allowed.
    pub fn read(input: &RawValue) -> Result<Self, BadInput> {
        let Typed::Object(object) = typed(input)? else {
            return Err(BadInput("an object with lines or warehouseId, and a reason".into()));
        };
        let edit = WantedEdit::given(&object)?;
        let actor = text_member(&object, "actor")?.unwrap_or_else(|| Actor::Operator.as_str().to_owned());
        let reason = text_member(&object, "reason")?.filter(|reason| !reason.trim().is_empty());
        let reason = reason.ok_or_else(|| BadInput("reason: why it is changed".into()))?;
        Ok(Self { edit, actor, reason })
    }
}

/// What the warehouse says of a parcel that the story has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WarehouseUpdateKind {
    /// The warehouse holds it.
    OnHold,
    /// Something went wrong there.
    Exception,
    /// It left.
    Shipped,
    /// The warehouse cancelled it.
    Cancelled,
}

/// The input of the signal `warehouse-update`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WarehouseUpdate {
    /// Unique; a repeated message has the same.
    pub message_id: String,
    /// What.
    pub kind: WarehouseUpdateKind,
    /// The hand-over it belongs to.
    pub reference: RequestReference,
    /// The warehouse's id of the parcel.
    #[serde(rename = "shipmentId")]
    pub parcel_id: String,
    /// When, by the warehouse's clock.
    #[serde(default)]
    pub occurred_at: Option<DateTime<Utc>>,
}

impl WarehouseUpdate {
    /// The parcel that left, if this says so of one.
    #[must_use]
    pub fn parcel(&self) -> Option<Parcel> {
        let parcel = || Parcel { reference: self.reference.clone(), parcel_id: self.parcel_id.clone() };
        (self.kind == WarehouseUpdateKind::Shipped).then(parcel)
    }

    /// Reads the one input of the signal.
    ///
    /// # Errors
    /// [`BadInput`] if it is not what a callback's consumer sends.
    pub fn read(input: &RawValue) -> Result<Self, BadInput> {
        let payload = input.payloads.first().ok_or_else(|| BadInput("an object is needed".into()))?;
        serde_json::from_slice(&payload.data).map_err(|error| BadInput(error.to_string()))
    }
}

/// Why a message had no effect. Shown in `status`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadInput(pub String);

enum Typed {
    Nothing,
    Text(String),
    Object(serde_json::Map<String, Value>),
}

/// What a person typed: the first input, if there is one. Further inputs are not looked at.
fn typed(input: &RawValue) -> Result<Typed, BadInput> {
    let Some(payload) = input.payloads.first().filter(|payload| !payload.data.is_empty()) else {
        return Ok(Typed::Nothing);
    };
    match serde_json::from_slice(&payload.data) {
        Ok(Value::Null) => Ok(Typed::Nothing),
        Ok(Value::String(text)) => Ok(Typed::Text(text)),
        Ok(Value::Object(object)) => Ok(Typed::Object(object)),
        Ok(_) | Err(_) => Err(BadInput("a text or an object is needed".into())),
    }
}

/// Who asks; an operator where nobody is named.
fn actor_member(object: &serde_json::Map<String, Value>) -> Result<Actor, BadInput> {
    match text_member(object, "actor")? {
        Some(actor) => actor.parse().map_err(of_parsing),
        None => Ok(Actor::Operator),
    }
}

fn of_parsing(error: ParseError) -> BadInput {
    BadInput(error.to_string())
}

fn text_member(object: &serde_json::Map<String, Value>, name: &str) -> Result<Option<String>, BadInput> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(BadInput(format!("{name}: a text"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use temporalio_common::protos::temporal::api::common::v1::Payload;

    fn input(texts: &[&str]) -> RawValue {
        RawValue::new(
            texts
                .iter()
                .map(|text| Payload { data: text.as_bytes().to_vec(), ..Payload::default() })
                .collect(),
        )
    }

    #[test]
    fn a_cancel_takes_a_text_an_object_or_nothing() {
        let operator =
            |reason: Option<&str>| CancelRequest { actor: Actor::Operator, reason: reason.map(Into::into) };
        assert_eq!(CancelRequest::read(&input(&[])), Ok(operator(None)));
        assert_eq!(CancelRequest::read(&input(&["null"])), Ok(operator(None)));
        assert_eq!(
            CancelRequest::read(&input(&["\"changed my mind\""])),
            Ok(operator(Some("changed my mind")))
        );
        assert_eq!(
            CancelRequest::read(&input(&["{\"reason\":\"late\",\"actor\":\"customer\"}"])),
            Ok(CancelRequest { actor: Actor::Customer, reason: Some("late".into()) })
        );
        assert_eq!(CancelRequest::read(&input(&["\"a\"", "\"b\""])), Ok(operator(Some("a"))));
    }

    #[test]
    fn garbage_is_refused_with_what_is_allowed() {
        for garbage in ["{", "17", "[1]", "{\"actor\":\"nobody\"}", "{\"reason\":5}", "\u{0}"] {
            assert!(CancelRequest::read(&input(&[garbage])).is_err(), "{garbage}");
            assert!(Resolve::read(&input(&[garbage])).is_err(), "{garbage}");
            assert!(WarehouseUpdate::read(&input(&[garbage])).is_err(), "{garbage}");
        }
        assert!(WarehouseUpdate::read(&input(&[])).is_err());
    }

    #[test]
    fn a_status_is_asked_for_by_its_name_or_in_an_object() {
        let shipped = |reason: Option<&str>| StatusRequest {
            status: OrderStatus::Shipped,
            actor: Actor::Operator,
            reason: reason.map(Into::into),
        };
        assert_eq!(StatusRequest::read(&input(&["\"SHIPPED\""])), Ok(shipped(None)));
        let typed = "{\"status\":\"SHIPPED\",\"reason\":\"by hand\"}";
        assert_eq!(StatusRequest::read(&input(&[typed])), Ok(shipped(Some("by hand"))));
        for garbage in ["\"NOPE\"", "{}", "null", "{\"status\":5}"] {
            assert!(StatusRequest::read(&input(&[garbage])).is_err(), "{garbage}");
        }
        assert!(StatusRequest::read(&input(&[])).is_err());
    }

    #[test]
    fn an_answer_is_a_word_or_an_object() {
        assert_eq!(Resolve::read(&input(&["\"retry\""])), Ok(Resolve::retry()));
        let skip = Resolve::read(&input(&["{\"action\":\"skip\",\"reason\":\"sent by hand\"}"])).unwrap();
        assert_eq!((skip.action, skip.reason.as_deref()), (Resolution::Skip, Some("sent by hand")));
        assert!(Resolve::read(&input(&["\"explode\""])).is_err());
    }
}
