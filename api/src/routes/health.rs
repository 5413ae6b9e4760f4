//! Whether the process is there, and whether it can work.

use axum::{Json, extract::State, routing::get};
use serde_json::{Value, json};
use sqlx::Connection;
use utoipa_axum::router::OpenApiRouter;

use crate::{problem::Problem, server::Api};

pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().route("/health", get(health)).route("/ready", get(ready))
}

async fn health() -> Json<Value> {
    Json(json!({"status": "up"}))
}

/// Ready while the database answers; Temporal may be away, for messages wait in the inbox.
async fn ready(State(api): State<Api>) -> Result<Json<Value>, Problem> {
    api.pool.acquire().await?.ping().await?;
    Ok(Json(json!({"status": "ready"})))
}
