//! The simulated warehouse systems: each takes hand-overs, ships them in its own time, calls back. Two of them stand
//! behind one port, each with a book and a dialect of its own.
//!
//! **Invariant:** a reference is taken once, and a shipment that was cancelled never ships.

mod book;
mod callbacks;
mod desk;
mod floor;
mod fulfilments;
mod hands;
mod returning;
mod shipments;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::HeaderMap;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use crate::calls::Call;
use crate::control::{self, Control};
use crate::deliveries;
use crate::ledger::Kind;
use crate::settings::{Settings, SettingsError};
use book::{Book, HandOver};
use callbacks::Callbacks;
use desk::NewHandOver;

/// Where the second system stands.
const SECOND: &str = "/fulfilment/v2";

/// The routes of both systems.
pub(crate) fn router(settings: &Settings) -> Result<Router, SettingsError> {
    let control = Arc::new(Control::new(deliveries::client()?));
    let system = |name: Option<&String>, token: &str, callbacks| {
        Arc::new(Warehouse {
            name: name.cloned(),
            control: Arc::clone(&control),
            book: Mutex::default(),
            token: token.to_owned(),
            ship_after: Duration::from_millis(settings.wms_ship_after_ms),
            deliver_after: Duration::from_millis(settings.wms_deliver_after_ms),
            callbacks,
        })
    };
    let callbacks = Callbacks {
        url: settings.wms_webhook_url.clone(),
        signing_key: settings.wms_signing_key()?,
        wording: shipments::callback,
    };
    let first = system(None, &settings.wms_token, Some(callbacks));
    let signing_key = settings.second_wms_signing_key()?;
    let url = settings.second_wms_webhook_url.clone().filter(|url| !url.is_empty());
    let callbacks = url.map(|url| Callbacks { url, signing_key, wording: fulfilments::callback });
    let second = system(Some(&settings.second_wms_name), &settings.second_wms_token, callbacks);

    let systems = [Arc::clone(&first), Arc::clone(&second)];
    let forgetful = systems.clone();
    let forget = move || forgetful.iter().for_each(|system| *system.book.lock() = Book::default());
    Ok(shipments::router(first)
        .nest(SECOND, fulfilments::router(second))
        .merge(hands::router(systems))
        .merge(control::router(control, forget)))
}

struct Warehouse {
    /// What the ledger and the rules call it; the first has no name.
    name: Option<String>,
    control: Arc<Control>,
    book: Mutex<Book>,
    token: String,
    ship_after: Duration,
    deliver_after: Duration,
    /// None where nobody is called back.
    callbacks: Option<Callbacks>,
}

impl Warehouse {
    /// Whose calls and effects these are: the first system has no name.
    fn subject(&self) -> Map<String, Value> {
        self.name.iter().map(|name| ("system".to_owned(), json!(name))).collect()
    }

    /// Records an effect; `facts` is a JSON object.
    fn record(&self, operation: &str, facts: Value) {
        self.control.ledger.record(operation, Kind::Effect, self.subject(), facts);
    }

    fn call(&self, operation: &'static str) -> Call {
        Call { operations: vec![operation], subject: self.subject(), ..Call::default() }
    }

    /// A call about a reference, with the SKUs that were handed over under it.
    fn call_about(&self, operation: &'static str, reference: &str) -> Call {
        let mut call = self.call(operation);
        call.subject.insert("reference".into(), json!(reference));
        call.skus = self.book.lock().find(reference).map(HandOver::skus).unwrap_or_default();
        call
    }

    /// A call that hands these over; none of them where it could not be read.
    fn call_to_take(&self, hand_overs: &[NewHandOver]) -> Call {
        let mut call = self.call("createShipment");
        match hand_overs {
            [] => return call,
            [one] => {
                call.subject.insert("reference".into(), json!(one.reference));
                call.details.insert("warehouseId".into(), json!(one.warehouse_id));
            }
            several => {
                let references: Vec<&str> = several.iter().map(|each| each.reference.as_str()).collect();
                call.subject.insert("references".into(), json!(references));
            }
        }
        let lines: Vec<_> = hand_overs.iter().flat_map(|each| &each.lines).collect();
        call.details.insert("lines".into(), json!(lines));
        call.skus = hand_overs.iter().flat_map(NewHandOver::skus).collect();
        call
    }
}

/// Whether a caller presents exactly this under a header's name.
fn presents(headers: &HeaderMap, name: &str, expected: &str) -> bool {
    headers.get(name).is_some_and(|given| given.as_bytes() == expected.as_bytes())
}
