//! Whether the process is there, whether it can work, and how what it depends on is.

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    health::{LinkHealth, LinkState, ask_database, of_the_link},
    problem::Problem,
    state::Api,
};

pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(health)).routes(routes!(ready)).routes(routes!(order_service))
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
    let is_ready = api.health.is_ready.or_find(async { ask_database(&api.pool).await.is_ok() }).await;
    if is_ready { Ok(Json(Health { status: "ready" })) } else { Err(sqlx::Error::PoolTimedOut.into()) }
}

/// How the link to orders and stock is
///
/// Each dependency is asked, for at most two seconds; what was found is told for a second.
#[utoipa::path(
    get, path = "/health/integration/order-service", tag = "health", operation_id = "linkHealth",
    responses(
        (status = 200, description = "Orders and allocations are taken", body = LinkHealth),
        (status = 503, description = "The database is away, and nothing can be taken", body = LinkHealth),
    ),
)]
async fn order_service(State(api): State<Api>) -> (StatusCode, Json<LinkHealth>) {
    let health = api.health.link.or_find(of_the_link(&api.pool, &api.dispatcher, &api.stock)).await;
    let code =
        if health.status == LinkState::Down { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (code, Json(health))
}
