//! Whether the process is there, and whether it can work.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Json, extract::State};
use serde::Serialize;
use sqlx::Connection;
use tokio::sync::Mutex;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{problem::Problem, server::Api};

mod dependencies;

/// How long what was found out is told to whoever asks. Nobody needs a token for it, so asking is to cost little.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// What was found out a moment ago.
#[derive(Clone, Default)]
pub struct Found {
    is_ready: Recent<bool>,
    link: Recent<dependencies::LinkHealth>,
}

/// A finding that is good for a moment. Of those who ask at once one finds out, and all hear it.
struct Recent<T>(Arc<Mutex<Option<(Instant, T)>>>);

impl<T> Clone for Recent<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone> Recent<T> {
    async fn or_find(&self, find: impl Future<Output = T>) -> T {
        let mut known = self.0.lock().await;
        if let Some((at, found)) = &*known
            && at.elapsed() < GOOD_FOR
        {
            return found.clone();
        }
        let found = find.await;
        *known = Some((Instant::now(), found.clone()));
        found
    }
}

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
    let ask = async || api.pool.acquire().await?.ping().await;
    let is_ready = api.health.is_ready.or_find(async { ask().await.is_ok() }).await;
    if is_ready { Ok(Json(Health { status: "ready" })) } else { Err(sqlx::Error::PoolTimedOut.into()) }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn what_was_found_is_told_for_a_second_and_then_found_anew() {
        let (recent, found) = (Recent::default(), AtomicU32::new(0));
        let find = async || found.fetch_add(1, Ordering::SeqCst);
        let told = tokio::join!(recent.or_find(find()), recent.or_find(find()), recent.or_find(find()));
        assert_eq!(told, (0, 0, 0));
        tokio::time::sleep(GOOD_FOR).await;
        assert_eq!(recent.or_find(find()).await, 1);
    }
}
