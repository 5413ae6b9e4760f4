//! What each server has for its stage hands: ledger, faults, background work, and the routes
//! `/_ledger`, `/_faults` and `/_reset`.

use std::future::Future;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::faults::{Faults, InvalidRule, Rule};
use crate::ledger::Ledger;

/// Shared by everything a server does.
pub(crate) struct Control {
    pub(crate) ledger: Ledger,
    pub(crate) faults: Faults,
    pub(crate) client: reqwest::Client,
    background: Mutex<JoinSet<()>>,
}

impl Control {
    pub(crate) fn new(client: reqwest::Client) -> Self {
        Self {
            ledger: Ledger::default(),
            faults: Faults::default(),
            client,
            background: Mutex::new(JoinSet::new()),
        }
    }

    /// Runs `work` until it is done or everything is reset.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut background = self.background.lock();
        while background.try_join_next().is_some() {}
        background.spawn(work);
    }

    fn forget(&self) {
        *self.background.lock() = JoinSet::new();
        self.faults.replace(Vec::new());
        self.ledger.clear();
    }
}

/// The routes under `/_`; `forget` empties the server's own state.
pub(crate) fn router<S>(
    control: Arc<Control>,
    forget: impl Fn() + Clone + Send + Sync + 'static,
) -> Router<S> {
    let reset = |State(control): State<Arc<Control>>| async move {
        control.forget();
        forget();
        StatusCode::NO_CONTENT
    };
    Router::new()
        .route("/_ledger", get(show_ledger))
        .route("/_faults", get(show_faults).put(replace_faults).post(add_fault))
        .route("/_reset", post(reset))
        .route("/_health", get(async || "up\n"))
        .with_state(control)
}

#[derive(Deserialize)]
struct LedgerFilter {
    order: Option<String>,
    system: Option<String>,
}

#[derive(Deserialize)]
struct Rules {
    rules: Vec<Value>,
}

async fn show_ledger(State(control): State<Arc<Control>>, Query(filter): Query<LedgerFilter>) -> Response {
    Json(control.ledger.entries(filter.order.as_deref(), filter.system.as_deref())).into_response()
}

async fn show_faults(State(control): State<Arc<Control>>) -> Response {
    Json(json!({ "rules": control.faults.show() })).into_response()
}

async fn replace_faults(State(control): State<Arc<Control>>, Json(body): Json<Rules>) -> Response {
    let rules: Result<Vec<Rule>, _> = body.rules.into_iter().map(TryInto::try_into).collect();
    keep(control, rules, Faults::replace).await
}

async fn add_fault(State(control): State<Arc<Control>>, Json(rule): Json<Value>) -> Response {
    keep(control, rule.try_into(), Faults::add).await
}

/// Keeps what could be read of rules, and shows all.
async fn keep<T>(control: Arc<Control>, read: Result<T, InvalidRule>, keep: fn(&Faults, T)) -> Response {
    match read {
        Ok(read) => {
            keep(&control.faults, read);
            show_faults(State(control)).await
        }
        Err(invalid) => {
            (StatusCode::BAD_REQUEST, Json(json!({ "error": invalid.to_string() }))).into_response()
        }
    }
}
