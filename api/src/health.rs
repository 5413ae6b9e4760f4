//! How what this process depends on is, asked for at most once a second.

use std::{
    fmt::Display,
    sync::Arc,
    time::{Duration, Instant},
};

use dispatch::Dispatcher;
use serde::Serialize;
use sqlx::{Connection, PgPool};
use stock::Stock;
use tokio::{join, sync::Mutex, time::timeout};
use tracing::warn;
use utoipa::ToSchema;

/// How long a dependency may take to answer before it counts as down.
const TIME_LIMIT: Duration = Duration::from_secs(2);
/// How long what was found out is told to whoever asks. Nobody needs a token for it, so asking is to cost little.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// What was found out a moment ago. Cheap to clone.
#[derive(Clone, Default)]
pub struct Found {
    pub(crate) is_ready: Arc<Recent<bool>>,
    pub(crate) link: Arc<Recent<LinkHealth>>,
}

/// A finding that is good for a moment. Of those who ask at once one finds out, and all hear it.
pub(crate) struct Recent<T>(Mutex<Option<(Instant, T)>>);

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Recent<T> {
    pub(crate) async fn or_find(&self, find: impl Future<Output = T>) -> T {
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

/// How the link to orders and stock is.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = LinkHealth)]
pub(crate) struct LinkHealth {
    pub(crate) status: LinkState,
    dependencies: Dependencies,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LinkState {
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

pub(crate) async fn of_the_link(pool: &PgPool, dispatcher: &Dispatcher, stock: &Stock) -> LinkHealth {
    let ask_inventory = async {
        if stock.is_here() {
            return None;
        }
        Some(ask("inventory service", TIME_LIMIT, stock.service_answers()).await)
    };
    let (database, temporal, inventory) = join!(
        ask("database", TIME_LIMIT, ask_database(pool)),
        ask("Temporal", TIME_LIMIT, dispatcher.ask_temporal()),
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

pub(crate) async fn ask_database(pool: &PgPool) -> sqlx::Result<()> {
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
    use std::{
        convert::Infallible,
        future::pending,
        sync::atomic::{AtomicU32, Ordering},
    };

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
