//! Whether the process is there, and whether it can work.

use axum::{Json, extract::State};
use serde::Serialize;
use sqlx::Connection;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{problem::Problem, server::Api};

mod dependencies;

pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(health)).routes(routes!(ready)).merge(dependencies::router())
}

/// How the process is.
#[derive(Serialize, ToSchema)]
struct Health {
    /// `up` or `ready`.
    #[schema(example = "up")]
    status: &'static str,
}

/// Whether the process is there
///
/// It answers for itself alone: what it depends on may be away.
#[utoipa::path(
    get, path = "/health", tag = "health", operation_id = "health",
    responses((status = 200, description = "It is there", body = Health)),
)]
async fn health() -> Json<Health> {
    Json(Health { status: "up" })
}

/// Whether the process can work
///
/// Ready while the database answers; Temporal may be away, for messages wait in the inbox.
#[utoipa::path(
    get, path = "/ready", tag = "health", operation_id = "ready",
    responses((
        status = 200, description = "It can work", body = Health, example = json!({"status": "ready"}),
    )),
)]
async fn ready(State(api): State<Api>) -> Result<Json<Health>, Problem> {
    api.pool.acquire().await?.ping().await?;
    Ok(Json(Health { status: "ready" }))
}
