//! One call from the outside: the ledger entries around it, and the fault that strikes it.
//!
//! **Invariant:** once a call is accepted, its effect does not depend on whether the caller
//! still listens.

use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

use crate::control::Control;
use crate::deliveries::{Delivery, deliver};
use crate::faults::{Fault, Occasion};
use crate::ledger::{Kind, subjects, system_of};
use crate::server::DropConnection;

/// What a caller wants.
#[derive(Default)]
pub(crate) struct Call {
    /// The names under which a rule may mean it; the first is the ledger's.
    pub(crate) operations: Vec<&'static str>,
    /// Who it is about, in every ledger entry: `order` and `orderName`, or `reference`, and of which `system`.
    pub(crate) subject: Map<String, Value>,
    /// What else the ledger says of the call itself.
    pub(crate) details: Map<String, Value>,
    pub(crate) skus: Vec<String>,
}

/// What is answered.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
    pub(crate) headers: Vec<(String, String)>,
    /// What the ledger says of the answer beside its status.
    pub(crate) noted: Map<String, Value>,
    /// What is delivered before the answer is sent.
    pub(crate) first: Vec<Delivery>,
}

impl Reply {
    pub(crate) fn new(status: StatusCode, body: Value) -> Self {
        Self { status, body, headers: Vec::new(), noted: Map::new(), first: Vec::new() }
    }

    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.headers.push((RETRY_AFTER.to_string(), seconds.to_string()));
        self
    }

    pub(crate) fn note(mut self, name: &str, value: Value) -> Self {
        self.noted.insert(name.to_owned(), value);
        self
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = match self.body {
            Value::String(text) => (self.status, text).into_response(),
            body => (self.status, axum::Json(body)).into_response(),
        };
        for (name, value) in self.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

/// Answers a call. `perform` takes effect and says what came of it; with a fault it refuses in
/// its own manner and takes no effect.
pub(crate) async fn answer(
    control: Arc<Control>,
    call: Call,
    perform: impl FnOnce(Option<Fault>) -> Reply + Send + 'static,
) -> Response {
    record(&control, &call);
    let orders = subjects(&call.subject);
    let fault = control.faults.for_call(&Occasion {
        operations: &call.operations,
        orders: &orders,
        skus: &call.skus,
        system: system_of(&call.subject),
        ..Occasion::default()
    });
    let Some(fault) = fault else {
        let reply = perform(None);
        note(&control, &call, Some(&reply), None);
        return reply.into_response();
    };
    // The caller may hang up while a fault takes its time: the work goes on without it.
    let (sender, receiver) = oneshot::channel();
    let worker = Arc::clone(&control);
    control.spawn(async move {
        let response = strike(&worker, &call, fault, perform).await;
        let _ = sender.send(response);
    });
    receiver.await.unwrap_or_else(|_| DropConnection.into_response())
}

/// Answers a call that is not even listened to: no rule sees it.
pub(crate) fn turn_away(control: &Control, call: &Call, reply: Reply) -> Response {
    record(control, call);
    note(control, call, Some(&reply), None);
    reply.into_response()
}

fn record(control: &Control, call: &Call) {
    let details = Value::Object(call.details.clone());
    control.ledger.record(call.operations[0], Kind::Call, call.subject.clone(), details);
}

async fn strike(
    control: &Arc<Control>,
    call: &Call,
    fault: Fault,
    perform: impl FnOnce(Option<Fault>) -> Reply,
) -> Response {
    let name = Some(fault.name());
    let after = |wait_ms| tokio::time::sleep(Duration::from_millis(wait_ms));
    let reply = match fault {
        Fault::Status { status, body, headers } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let body = body.unwrap_or_else(|| json!({ "error": "a simulated fault" }));
            Some(Reply { headers: headers.into_iter().collect(), ..Reply::new(status, body) })
        }
        Fault::HangMs(hang_ms) => {
            after(hang_ms).await;
            None
        }
        Fault::EffectThenDrop => {
            perform(None);
            None
        }
        Fault::EffectThenHangMs(hang_ms) => {
            let reply = perform(None);
            after(hang_ms).await;
            Some(reply)
        }
        Fault::DelayMs(delay_ms) => {
            after(delay_ms).await;
            Some(perform(None))
        }
        Fault::Malformed => {
            let headers = vec![(CONTENT_TYPE.to_string(), "application/json".to_owned())];
            Some(Reply { headers, body: json!("{\"this is\": not JSON"), ..perform(None) })
        }
        Fault::EchoFirst => {
            let mut reply = perform(Some(Fault::EchoFirst));
            for delivery in std::mem::take(&mut reply.first) {
                deliver(Arc::clone(control), delivery).await;
            }
            Some(reply)
        }
        other => Some(perform(Some(other))),
    };
    note(control, call, reply.as_ref(), name);
    reply.map_or_else(|| DropConnection.into_response(), IntoResponse::into_response)
}

/// Records the answer, or without a reply that the connection was dropped.
fn note(control: &Control, call: &Call, reply: Option<&Reply>, fault: Option<&'static str>) {
    let mut facts = match reply {
        Some(reply) => json!({ "status": reply.status.as_u16() }),
        None => json!({ "dropped": true }),
    };
    for (name, value) in reply.iter().flat_map(|reply| &reply.noted) {
        facts[name] = value.clone();
    }
    if let Some(fault) = fault {
        facts["fault"] = json!(fault);
    }
    control.ledger.record(call.operations[0], Kind::Answer, call.subject.clone(), facts);
}
