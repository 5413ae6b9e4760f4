//! How what this process depends on is, for the services that depend on this process.

use std::{
    fmt::Display,
    time::{Duration, Instant},
};

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use sqlx::{Connection, PgPool};
use tokio::{join, time::timeout};
use tracing::warn;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::server::Api;

/// How long a dependency may take to answer before it counts as down.
const TIME_LIMIT: Duration = Duration::from_secs(2);

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(order_service))
}

/// How the link to orders and stock is.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = LinkHealth)]
pub(super) struct LinkHealth {
    status: LinkState,
    dependencies: Dependencies,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum LinkState {
    /// All is well.
    Up,
    /// Something waits: without Temporal, orders are taken and start later; without an inventory
    /// service that stock is kept by, orders of shops reserve later and other orders are refused.
    Degraded,
    /// Nothing can be kept.
    Down,
}

#[derive(Clone, Serialize, ToSchema)]
#[schema(as = LinkDependencies)]
struct Dependencies {
    database: Dependency,
    temporal: Dependency,
    /// The inventory service, where stock is kept by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    inventory: Option<Dependency>,
}

#[derive(Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LinkDependency)]
struct Dependency {
    status: DependencyState,
    /// How long it took to answer, or to be given up, in milliseconds.
    #[schema(example = 3)]
    latency_ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum DependencyState {
    Up,
    Down,
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
    let health = api.health.link.or_find(find_out(&api)).await;
    let code =
        if health.status == LinkState::Down { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (code, Json(health))
}

async fn find_out(api: &Api) -> LinkHealth {
    let ask_inventory = async {
        let service = api.stock.remote()?;
        Some(ask("inventory service", TIME_LIMIT, service.is_serving()).await)
    };
    let (database, temporal, inventory) = join!(
        ask("database", TIME_LIMIT, ask_database(&api.pool)),
        ask("Temporal", TIME_LIMIT, api.dispatcher.ask_temporal()),
        ask_inventory,
    );
    let others = [Some(temporal.status), inventory.as_ref().map(|inventory| inventory.status)];
    let status = state(database.status, others.into_iter().flatten());
    LinkHealth { status, dependencies: Dependencies { database, temporal, inventory } }
}

fn state(database: DependencyState, mut others: impl Iterator<Item = DependencyState>) -> LinkState {
    match database {
        DependencyState::Down => LinkState::Down,
        DependencyState::Up if others.any(|state| state == DependencyState::Down) => LinkState::Degraded,
        DependencyState::Up => LinkState::Up,
    }
}

async fn ask_database(pool: &PgPool) -> sqlx::Result<()> {
    pool.acquire().await?.ping().await
}

async fn ask<E: Display>(
    name: &str,
    within: Duration,
    answer: impl Future<Output = Result<(), E>>,
) -> Dependency {
    let asked = Instant::now();
    let failure = match timeout(within, answer).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("no answer in time".to_owned()),
    };
    // Bounded by `within`.
    let latency_ms = u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX);
    let Some(failure) = failure else {
        return Dependency { status: DependencyState::Up, latency_ms };
    };
    warn!(dependency = name, latency_ms, %failure, "a dependency is down");
    Dependency { status: DependencyState::Down, latency_ms }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, future::pending};

    use super::*;

    #[test]
    fn without_temporal_orders_are_still_taken_and_without_the_database_nothing_is() {
        use DependencyState::{Down, Up};
        for (database, others, expected) in [
            (Up, vec![Up], LinkState::Up),
            (Up, vec![Up, Up], LinkState::Up),
            (Up, vec![Down], LinkState::Degraded),
            (Up, vec![Up, Down], LinkState::Degraded),
            (Down, vec![Up, Up], LinkState::Down),
            (Down, vec![Down], LinkState::Down),
        ] {
            assert_eq!(state(database, others.iter().copied()), expected, "{others:?}");
        }
    }

    #[tokio::test]
    async fn a_dependency_that_does_not_answer_is_given_up_and_counts_as_down() {
        let never = pending::<Result<(), Infallible>>();
        let dependency = ask("silent", Duration::from_millis(1), never).await;
        assert_eq!(dependency.status, DependencyState::Down);
    }
}
