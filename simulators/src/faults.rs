//! Faults and behaviours to order: which call, shipment or delivery goes how.
//!
//! Rules are asked in their order. A rule counts what matches it and was not taken by a rule
//! before it; it applies from its `nth` match on, `times` times.

mod rule;

use parking_lot::Mutex;
use serde_json::{Value, json};

pub(crate) use rule::{
    Effect, Fault, InvalidRule, Line, MUTATIONS, Parts, Rule, SendingBehaviour, ShipmentBehaviour,
};

/// What a rule is matched against.
#[derive(Default)]
pub(crate) struct Occasion<'a> {
    /// The names under which a rule may mean it; `*` means every call.
    pub(crate) operations: &'a [&'static str],
    /// Order ids, order names or references.
    pub(crate) orders: &'a [String],
    /// The SKUs that it is about.
    pub(crate) skus: &'a [String],
    /// The warehouse system, unless it is the first.
    pub(crate) system: Option<&'a str>,
    /// The topic of a webhook or the type of a callback.
    pub(crate) message_type: Option<&'a str>,
}

/// The rules in force, with how often each matched and fired.
#[derive(Default)]
pub(crate) struct Faults {
    rules: Mutex<Vec<Counted>>,
}

struct Counted {
    rule: Rule,
    matched: u64,
    fired: u64,
}

impl Faults {
    pub(crate) fn replace(&self, rules: Vec<Rule>) {
        *self.rules.lock() = rules.into_iter().map(Counted::new).collect();
    }

    pub(crate) fn add(&self, rule: Rule) {
        self.rules.lock().push(Counted::new(rule));
    }

    /// Each rule as it was given, with `matched` and `fired` beside it.
    pub(crate) fn show(&self) -> Vec<Value> {
        let shown = |counted: &Counted| {
            let mut shown = counted.rule.given.clone();
            shown["matched"] = json!(counted.matched);
            shown["fired"] = json!(counted.fired);
            shown
        };
        self.rules.lock().iter().map(shown).collect()
    }

    /// The fault that strikes this call.
    pub(crate) fn for_call(&self, occasion: &Occasion<'_>) -> Option<Fault> {
        self.take(occasion, |effect| effect.try_as_call_ref().cloned())
    }

    /// How the shipments of a new hand-over behave.
    pub(crate) fn for_shipment(&self, occasion: &Occasion<'_>) -> ShipmentBehaviour {
        self.take(occasion, |effect| effect.try_as_shipment_ref().cloned()).unwrap_or_default()
    }

    /// Whether a recall is to come too late by a rule made after the hand-over.
    pub(crate) fn too_late(&self, occasion: &Occasion<'_>) -> bool {
        let too_late = |effect: &Effect| effect.try_as_shipment_ref()?.too_late.then_some(());
        self.take(occasion, too_late).is_some()
    }

    /// How a webhook or callback is sent.
    pub(crate) fn for_sending(&self, occasion: &Occasion<'_>) -> SendingBehaviour {
        self.take(occasion, |effect| effect.try_as_sending_ref().cloned()).unwrap_or_default()
    }

    fn take<T>(&self, occasion: &Occasion<'_>, pick: impl Fn(&Effect) -> Option<T>) -> Option<T> {
        for counted in self.rules.lock().iter_mut() {
            let Some(picked) = pick(&counted.rule.effect) else {
                continue;
            };
            if counted.rule.matches(occasion) && counted.strike() {
                return Some(picked);
            }
        }
        None
    }
}

impl Counted {
    fn new(rule: Rule) -> Self {
        Self { rule, matched: 0, fired: 0 }
    }

    /// Counts a match and says whether the rule applies to it.
    fn strike(&mut self) -> bool {
        self.matched += 1;
        let applies = self.rule.applies_to(self.matched);
        self.fired += u64::from(applies);
        applies
    }
}
