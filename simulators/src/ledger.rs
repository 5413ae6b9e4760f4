//! The append-only ledger: what was called, what took effect, what was answered, what was sent.

use chrono::{SecondsFormat, Utc};
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::{Map, Value};

/// What an entry records.
#[derive(Clone, Copy, Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// A call arrived.
    Call,
    /// The simulated world changed.
    Effect,
    /// A call was answered, or its connection dropped.
    Answer,
    /// A webhook or callback was sent, or lost on purpose.
    Callback,
}

/// One entry. The facts of a kind stand beside its common fields.
#[derive(Clone, Serialize)]
pub(crate) struct Entry {
    sequence: u64,
    at: String,
    operation: String,
    kind: Kind,
    #[serde(flatten)]
    facts: Map<String, Value>,
}

/// Entries in the order in which they happened.
#[derive(Default)]
pub(crate) struct Ledger {
    entries: Mutex<Vec<Entry>>,
}

impl Ledger {
    /// Appends an entry about a subject; `details` is a JSON object.
    pub(crate) fn record(&self, operation: &str, kind: Kind, subject: Map<String, Value>, details: Value) {
        let mut facts = subject;
        if let Value::Object(details) = details {
            facts.extend(details);
        }
        let mut entries = self.entries.lock();
        let sequence = entries.len() as u64 + 1;
        entries.push(Entry { sequence, at: now(), operation: operation.to_owned(), kind, facts });
    }

    /// The entries whose order, order name or reference contains `order`, of the second warehouse system if it is
    /// `system`; all without them.
    pub(crate) fn entries(&self, order: Option<&str>, system: Option<&str>) -> Vec<Entry> {
        let concerns = |entry: &Entry, wanted: &str| {
            subjects(&entry.facts).iter().any(|subject| subject.contains(wanted))
        };
        self.entries
            .lock()
            .iter()
            .filter(|entry| order.is_none_or(|wanted| concerns(entry, wanted)))
            .filter(|entry| system.is_none() || system_of(&entry.facts) == system)
            .cloned()
            .collect()
    }

    pub(crate) fn clear(&self) {
        self.entries.lock().clear();
    }
}

/// Who these facts are about: the order's id and name, or the reference, or several of them.
pub(crate) fn subjects(facts: &Map<String, Value>) -> Vec<String> {
    let one = ["order", "orderName", "reference"].into_iter().filter_map(|name| facts.get(name));
    let several = facts.get("references").and_then(Value::as_array).into_iter().flatten();
    one.chain(several).filter_map(|subject| subject.as_str().map(str::to_owned)).collect()
}

/// Which warehouse system these facts are of; the first has no name.
pub(crate) fn system_of(facts: &Map<String, Value>) -> Option<&str> {
    facts.get("system")?.as_str()
}

/// The present moment as RFC 3339 in UTC with milliseconds.
pub(crate) fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true)
}
