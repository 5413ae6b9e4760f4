//! One rule: what it matches, and the one thing it does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
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
    "job",
    "*",
];

/// The calls that can be answered with user errors.
const MUTATIONS: &[&str] =
    &["fulfillmentCreate", "fulfillmentOrderMove", "orderCancel", "refundCreate", "tagsAdd"];

/// The calls after which the shop says by webhook what was done.
const ECHOED: &[&str] = &["fulfillmentCreate", "refundCreate"];

/// A rule, checked.
pub(crate) struct Rule {
    /// The rule as somebody wrote it.
    pub(crate) given: Value,
    pub(crate) effect: Effect,
    pub(crate) nth: Option<u64>,
    pub(crate) times: u64,
    operation: String,
    order: Option<String>,
    sku: Option<String>,
    system: Option<String>,
    message_type: Option<String>,
}

/// What a rule does.
pub(crate) enum Effect {
    /// To a call.
    Call(Fault),
    /// To the shipments of a hand-over.
    Shipment(ShipmentBehaviour),
    /// To a webhook or callback.
    Sending(SendingBehaviour),
}

/// What goes wrong with a call.
#[derive(Clone)]
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
#[derive(Clone)]
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
        match self {
            Self::Status { .. } => "status",
            Self::HangMs(_) => "hangMs",
            Self::EffectThenDrop => "effectThenDrop",
            Self::EffectThenHangMs(_) => "effectThenHangMs",
            Self::DelayMs(_) => "delayMs",
            Self::Malformed => "malformed",
            Self::RateLimit { .. } => "rateLimit",
            Self::UserErrors(_) => "userErrors",
            Self::EchoFirst => "echoFirst",
            Self::CancelAfterMs(_) => "cancelAfterMs",
            Self::Code(_) => "code",
        }
    }
}

/// How the shipments of a hand-over go.
#[derive(Clone, Default)]
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
#[derive(Clone)]
pub(crate) struct SendingBehaviour {
    pub(crate) lost: bool,
    pub(crate) repeat: u32,
    pub(crate) delay_ms: u64,
}

impl Default for SendingBehaviour {
    fn default() -> Self {
        Self { lost: false, repeat: 1, delay_ms: 0 }
    }
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
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    operation: String,
    order: Option<String>,
    sku: Option<String>,
    system: Option<String>,
    #[serde(rename = "type")]
    message_type: Option<String>,
    nth: Option<u64>,
    times: Option<u64>,
    status: Option<u16>,
    body: Option<Value>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    hang_ms: Option<u64>,
    #[serde(default)]
    effect_then_drop: bool,
    effect_then_hang_ms: Option<u64>,
    delay_ms: Option<u64>,
    #[serde(default)]
    malformed: bool,
    rate_limit: Option<RateLimit>,
    user_errors: Option<Value>,
    #[serde(default)]
    echo_first: bool,
    cancel_after_ms: Option<u64>,
    code: Option<String>,
    message: Option<String>,
    parts: Option<Parts>,
    #[serde(default)]
    on_hold: bool,
    exception: Option<String>,
    #[serde(default)]
    never: bool,
    ship_after_ms: Option<u64>,
    deliver_after_ms: Option<u64>,
    #[serde(default)]
    too_late: bool,
    #[serde(default)]
    lost: bool,
    repeat: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RateLimit {
    retry_after_s: u64,
}

impl Rule {
    pub(super) fn matches(&self, occasion: &Occasion<'_>) -> bool {
        let operation = (self.operation == "*" && matches!(self.effect, Effect::Call(_)))
            || occasion.operations.contains(&self.operation.as_str());
        let order = self
            .order
            .as_ref()
            .is_none_or(|wanted| occasion.orders.iter().any(|order| order.contains(wanted)));
        let sku = self.sku.as_ref().is_none_or(|wanted| occasion.skus.contains(wanted));
        let system = self.system.as_ref().is_none_or(|wanted| occasion.system == Some(wanted));
        let message_type = self
            .message_type
            .as_ref()
            .is_none_or(|wanted| occasion.message_type.is_some_and(|given| given.contains(wanted)));
        operation && order && sku && system && message_type
    }
}

impl TryFrom<Value> for Rule {
    type Error = InvalidRule;

    fn try_from(given: Value) -> Result<Self, InvalidRule> {
        let written: Written = serde_json::from_value(given.clone())?;
        let effect = match written.operation.as_str() {
            "shipment" => {
                written.refuse_foreign(&[])?;
                Effect::Shipment(written.shipment())
            }
            "callback" | "webhook" => {
                written.refuse_foreign(&["delayMs", "lost", "repeat"])?;
                Effect::Sending(written.sending())
            }
            call if CALLS.contains(&call) => Effect::Call(written.fault()?),
            _ => return Err(InvalidRule::UnknownOperation(written.operation)),
        };
        Ok(Self {
            given,
            effect,
            nth: written.nth,
            times: written.times.unwrap_or(1),
            operation: written.operation,
            order: written.order,
            sku: written.sku,
            system: written.system,
            message_type: written.message_type,
        })
    }
}

impl Written {
    /// The faults of calls that were written down.
    fn faults(&self) -> Vec<Fault> {
        [
            self.status.map(|status| Fault::Status {
                status,
                body: self.body.clone(),
                headers: self.headers.clone(),
            }),
            self.hang_ms.map(Fault::HangMs),
            self.effect_then_drop.then_some(Fault::EffectThenDrop),
            self.effect_then_hang_ms.map(Fault::EffectThenHangMs),
            self.delay_ms.map(Fault::DelayMs),
            self.malformed.then_some(Fault::Malformed),
            self.rate_limit.as_ref().map(|limit| Fault::RateLimit { retry_after_s: limit.retry_after_s }),
            self.user_errors.clone().map(Fault::UserErrors),
            self.echo_first.then_some(Fault::EchoFirst),
            self.cancel_after_ms.map(Fault::CancelAfterMs),
            self.code.clone().map(|code| {
                Fault::Code(CodedRefusal {
                    code,
                    message: self.message.clone(),
                    order: self.order.clone(),
                    sku: self.sku.clone(),
                })
            }),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// The behaviours of shipments and deliveries that were written down.
    fn behaviours(&self) -> Vec<&'static str> {
        [
            ("parts", self.parts.is_some()),
            ("onHold", self.on_hold),
            ("exception", self.exception.is_some()),
            ("never", self.never),
            ("shipAfterMs", self.ship_after_ms.is_some()),
            ("deliverAfterMs", self.deliver_after_ms.is_some()),
            ("tooLate", self.too_late),
            ("lost", self.lost),
            ("repeat", self.repeat.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, there)| there.then_some(name))
        .collect()
    }

    fn fault(&self) -> Result<Fault, InvalidRule> {
        if let Some(effect) = self.behaviours().first() {
            return Err(self.wrong(effect));
        }
        let mut faults = self.faults();
        if faults.len() != 1 {
            return Err(InvalidRule::NotOneEffect(faults.len()));
        }
        match faults.remove(0) {
            Fault::Status { status, .. } if !(200..=599).contains(&status) => {
                Err(InvalidRule::InvalidStatus(status))
            }
            Fault::UserErrors(_) if !MUTATIONS.contains(&self.operation.as_str()) => {
                Err(self.wrong("userErrors"))
            }
            Fault::EchoFirst if !ECHOED.contains(&self.operation.as_str()) => Err(self.wrong("echoFirst")),
            Fault::CancelAfterMs(_) if self.operation != "orderCancel" => Err(self.wrong("cancelAfterMs")),
            Fault::Code(_) if !self.operation.ends_with("Shipment") => Err(self.wrong("code")),
            fault => Ok(fault),
        }
    }

    /// Refuses what belongs to another kind of rule; `sending` names what a delivery may have.
    fn refuse_foreign(&self, sending: &[&str]) -> Result<(), InvalidRule> {
        let shipment = sending.is_empty();
        let faults = self.faults();
        let foreign = faults.iter().map(Fault::name).find(|name| !sending.contains(name)).or_else(|| {
            self.behaviours().into_iter().find(|name| {
                if shipment { matches!(*name, "lost" | "repeat") } else { !sending.contains(name) }
            })
        });
        foreign.map_or(Ok(()), |effect| Err(self.wrong(effect)))
    }

    fn wrong(&self, effect: &'static str) -> InvalidRule {
        InvalidRule::WrongEffect { operation: self.operation.clone(), effect }
    }

    fn shipment(&self) -> ShipmentBehaviour {
        ShipmentBehaviour {
            parts: self.parts.clone(),
            on_hold: self.on_hold,
            exception: self.exception.clone(),
            never: self.never,
            ship_after_ms: self.ship_after_ms,
            deliver_after_ms: self.deliver_after_ms,
            too_late: self.too_late,
        }
    }

    fn sending(&self) -> SendingBehaviour {
        SendingBehaviour {
            lost: self.lost,
            repeat: self.repeat.unwrap_or(1).max(1),
            delay_ms: self.delay_ms.unwrap_or(0),
        }
    }
}
