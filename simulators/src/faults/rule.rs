//! One rule: what it matches, and the one thing it does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use strum::{EnumTryAs, IntoStaticStr};
use thiserror::Error;

use super::Occasion;

/// The operations a rule may name.
const CALLS: &[&str] = &[
    "createShipment",
    "getShipment",
    "cancelShipment",
    "fulfillmentCreate",
    "fulfillmentOrders",
    "order",
    "fulfillmentOrderMove",
    "orderCancel",
    "refundCreate",
    "tagsAdd",
    "inventorySetQuantities",
    "inventoryActivate",
    "inventoryItem",
    "inventoryItems",
    "productVariants",
    "location",
    "locations",
    "nodes",
    "job",
    "shop",
    "currentAppInstallation",
    "webhookSubscriptions",
    "accessToken",
    "*",
];

/// The calls that can be answered with user errors.
pub(crate) const MUTATIONS: &[&str] = &[
    "fulfillmentCreate",
    "fulfillmentOrderMove",
    "orderCancel",
    "refundCreate",
    "tagsAdd",
    "inventorySetQuantities",
    "inventoryActivate",
];

/// The calls after which the shop says by webhook what was done.
const ECHOED: &[&str] = &["fulfillmentCreate", "refundCreate", "inventorySetQuantities", "inventoryActivate"];

/// A rule, checked.
pub(crate) struct Rule {
    /// The rule as somebody wrote it.
    pub(crate) given: Value,
    pub(crate) effect: Effect,
    meaning: Meaning,
}

/// What a rule is for, and how often.
#[derive(Deserialize)]
struct Meaning {
    operation: String,
    order: Option<String>,
    sku: Option<String>,
    system: Option<String>,
    #[serde(rename = "type")]
    message_type: Option<String>,
    nth: Option<u64>,
    times: Option<u64>,
}

/// What a rule does.
#[derive(EnumTryAs)]
pub(crate) enum Effect {
    /// To a call.
    Call(Fault),
    /// To the shipments of a hand-over.
    Shipment(ShipmentBehaviour),
    /// To a webhook or callback.
    Sending(SendingBehaviour),
}

/// What goes wrong with a call.
#[derive(Clone, Deserialize, IntoStaticStr)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[strum(serialize_all = "camelCase")]
pub(crate) enum Fault {
    /// Answers with this status; nothing takes effect.
    Status { status: u16, body: Option<Value>, headers: BTreeMap<String, String> },
    /// Does nothing and closes the connection after this time.
    HangMs(u64),
    /// Takes effect and closes the connection unanswered.
    EffectThenDrop,
    /// Takes effect and answers only after this time.
    EffectThenHangMs(u64),
    /// Waits, then does everything right.
    DelayMs(u64),
    /// Takes effect and answers with something that is not JSON.
    Malformed,
    /// Refuses for too many calls, in the manner of the one who is called.
    #[serde(rename_all = "camelCase")]
    RateLimit { retry_after_s: u64 },
    /// Refuses a Shopify mutation with these user errors.
    UserErrors(Value),
    /// Takes effect, and answers when the shop's own webhooks about it were accepted.
    EchoFirst,
    /// Cancels an order of Shopify only after this time.
    CancelAfterMs(u64),
    /// Refuses a WMS call with a code, in the manner of the one who is called.
    Code(CodedRefusal),
}

/// A refusal with a code, and of which hand-overs where a call brings several.
#[derive(Clone, Deserialize)]
pub(crate) struct CodedRefusal {
    pub(crate) code: String,
    message: Option<String>,
    order: Option<String>,
    sku: Option<String>,
}

impl CodedRefusal {
    /// What is said to the caller.
    pub(crate) fn message(&self) -> &str {
        self.message.as_deref().unwrap_or("refused by a simulated fault")
    }

    /// Whether the rule means this hand-over.
    pub(crate) fn means(&self, reference: &str, skus: &[String]) -> bool {
        self.order.as_ref().is_none_or(|wanted| reference.contains(wanted))
            && self.sku.as_ref().is_none_or(|wanted| skus.contains(wanted))
    }
}

impl Fault {
    /// The name of the fault in a rule.
    pub(crate) fn name(&self) -> &'static str {
        self.into()
    }

    /// Why a call of this kind cannot have the fault.
    fn check(&self, call: &str) -> Result<(), InvalidRule> {
        let fits = match self {
            Self::Status { status, .. } if !(200..=599).contains(status) => {
                return Err(InvalidRule::InvalidStatus(*status));
            }
            Self::UserErrors(_) => MUTATIONS.contains(&call),
            Self::EchoFirst => ECHOED.contains(&call),
            Self::CancelAfterMs(_) => call == "orderCancel",
            Self::Code(_) => call.ends_with("Shipment"),
            _ => true,
        };
        if fits {
            Ok(())
        } else {
            Err(InvalidRule::WrongEffect { operation: call.to_owned(), effect: self.name() })
        }
    }
}

/// How the shipments of a hand-over go.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct ShipmentBehaviour {
    pub(crate) parts: Option<Parts>,
    pub(crate) on_hold: bool,
    pub(crate) exception: Option<String>,
    pub(crate) never: bool,
    pub(crate) ship_after_ms: Option<u64>,
    pub(crate) deliver_after_ms: Option<u64>,
    pub(crate) too_late: bool,
}

/// How a hand-over is divided.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Parts {
    /// Exactly these lines.
    Lines(Vec<Vec<Line>>),
    /// So many pieces each, in the order of the lines; what is left over is one more part.
    Pieces(Vec<u64>),
}

/// So many pieces of a SKU.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) sku: String,
    pub(crate) quantity: u64,
}

/// How a webhook or callback is sent.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct SendingBehaviour {
    pub(crate) lost: bool,
    /// How often it is sent; once where nothing is said.
    pub(crate) repeat: u32,
    pub(crate) delay_ms: u64,
}

/// Why a rule is refused.
#[derive(Debug, Error)]
pub(crate) enum InvalidRule {
    #[error("the rule cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    #[error("no operation is called `{0}`")]
    UnknownOperation(String),
    #[error("a rule for a call has exactly one effect, this one has {0}")]
    NotOneEffect(usize),
    #[error("a rule for `{operation}` cannot have `{effect}`")]
    WrongEffect { operation: String, effect: &'static str },
    #[error("`{0}` is not an HTTP status to answer with")]
    InvalidStatus(u16),
}

#[derive(Deserialize)]
struct Written {
    #[serde(flatten)]
    meaning: Meaning,
    #[serde(flatten)]
    details: Details,
    /// What it does, by name.
    #[serde(flatten)]
    effects: Map<String, Value>,
}

/// What belongs to a `status` or a `code`.
#[derive(Deserialize)]
struct Details {
    body: Option<Value>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    message: Option<String>,
}

impl Rule {
    pub(super) fn matches(&self, occasion: &Occasion<'_>) -> bool {
        let Meaning { operation, order, sku, system, message_type, .. } = &self.meaning;
        let meant = (operation == "*" && matches!(self.effect, Effect::Call(_)))
            || occasion.operations.contains(&operation.as_str());
        let of_order = |wanted: &String| occasion.orders.iter().any(|order| order.contains(wanted));
        let of_type = |wanted: &String| occasion.message_type.is_some_and(|given| given.contains(wanted));
        meant
            && order.as_ref().is_none_or(of_order)
            && sku.as_ref().is_none_or(|wanted| occasion.skus.contains(wanted))
            && system.as_ref().is_none_or(|wanted| occasion.system == Some(wanted))
            && message_type.as_ref().is_none_or(of_type)
    }

    /// Whether it applies to its match of this number, from 1.
    pub(super) fn applies_to(&self, matched: u64) -> bool {
        let (first, times) = (self.meaning.nth.unwrap_or(1), self.meaning.times.unwrap_or(1));
        matched >= first && (times == 0 || matched - first < times)
    }
}

impl TryFrom<Value> for Rule {
    type Error = InvalidRule;

    fn try_from(given: Value) -> Result<Self, InvalidRule> {
        let mut written: Written = serde_json::from_value(given.clone())?;
        // What is false or null is not wanted.
        written.effects.retain(|_, value| !matches!(value, Value::Null | Value::Bool(false)));
        let effect = match written.meaning.operation.as_str() {
            "shipment" => Effect::Shipment(serde_json::from_value(Value::Object(written.effects))?),
            "callback" | "webhook" => {
                Effect::Sending(serde_json::from_value(Value::Object(written.effects))?)
            }
            call if CALLS.contains(&call) => {
                let whose = json!({ "order": written.meaning.order, "sku": written.meaning.sku });
                let fault = written.details.fault(written.effects, whose)?;
                fault.check(call)?;
                Effect::Call(fault)
            }
            _ => return Err(InvalidRule::UnknownOperation(written.meaning.operation)),
        };
        Ok(Self { given, effect, meaning: written.meaning })
    }
}

impl Details {
    /// The one fault among these effects; `whose` says which order or SKU the rule means.
    fn fault(self, effects: Map<String, Value>, whose: Value) -> Result<Fault, InvalidRule> {
        let count = effects.len();
        let mut effects = effects.into_iter();
        let (Some((name, value)), None) = (effects.next(), effects.next()) else {
            return Err(InvalidRule::NotOneEffect(count));
        };
        let content = match (name.as_str(), value) {
            ("status", status) => json!({ "status": status, "body": self.body, "headers": self.headers }),
            ("code", code) => json!({
                "code": code, "message": self.message, "order": whose["order"], "sku": whose["sku"],
            }),
            // A fault that is only named.
            (_, Value::Bool(true)) => Value::Null,
            (_, value) => value,
        };
        Ok(serde_json::from_value(json!({ name: content }))?)
    }
}
