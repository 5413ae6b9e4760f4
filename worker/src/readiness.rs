//! Whether the worker is there, and whether it can work; asked for on its operations port.

use axum::{Json, Router, http::StatusCode, routing::get};
use serde_json::{Value, json};
use sqlx::{Connection, PgPool};
use tokio::sync::watch;

/// Answers `/health` for itself alone, and `/ready` while its lanes are polled and its database answers.
pub fn router(pool: PgPool, polls: watch::Receiver<bool>) -> Router {
    let ready = move || {
        let (pool, polls) = (pool.clone(), *polls.borrow());
        async move {
            let answers = async { pool.acquire().await?.ping().await };
            match (polls, answers.await.is_ok()) {
                (true, true) => (StatusCode::OK, Json(json!({"status": "ready"}))),
                (false, _) => not_ready("Temporal is not connected yet"),
                (true, false) => not_ready("the database does not answer"),
            }
        }
    };
    Router::new().route("/health", get(async || Json(json!({"status": "up"})))).route("/ready", get(ready))
}

fn not_ready(why: &str) -> (StatusCode, Json<Value>) {
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"status": "not ready", "reason": why})))
}
