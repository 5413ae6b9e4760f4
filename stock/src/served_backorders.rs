//! Where stock is kept by a service of its own, orders that waited there are served there: the service
//! is asked which, and each gets its message here.
//!
//! **Invariant:** a message's id is derived from the ledger's entry, so that it does not matter how
//! often an entry is seen.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use inventory_service::InventoryClient;
use orders::command::{self, Command};
use sqlx::PgPool;
use tokio::time::sleep;
use tracing::warn;
use uuid::Uuid;

use crate::{Place, Stock, StockError};

/// The pause between two questions.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// How far back is looked each time: an entry bears the time its transaction began, and shows when it
/// ended. Transactions last seconds.
const OVERLAP: TimeDelta = TimeDelta::minutes(1);
/// How far back is looked at the start: what was served while no worker asked. An order that was served
/// before that and never heard of it is woken by its own deadline.
const LOOK_BACK: TimeDelta = TimeDelta::days(7);

impl Stock {
    /// Asks the service for ever, and leaves each order it served its message. Several workers may ask side by side.
    /// None where stock is here: whoever serves an order leaves its message then.
    #[must_use]
    pub fn watch_served_orders(&self) -> Option<impl Future<Output = ()> + Send + use<>> {
        match &self.place {
            Place::Here => None,
            Place::There(service) => Some(watch(service.clone(), self.pool.clone())),
        }
    }
}

async fn watch(service: InventoryClient, pool: PgPool) {
    let mut since = Utc::now() - LOOK_BACK;
    let mut woken = BTreeMap::new();
    let mut away = false;
    loop {
        match wake_since(&service, &pool, since, &mut woken).await {
            Ok(now) => {
                away = false;
                since = now - OVERLAP;
                woken.retain(|_, at| *at >= since);
            }
            // Said once: it goes on every second for as long as the service is away.
            Err(error) if !away => {
                away = true;
                warn!(
                    %error,
                    "the inventory service does not say which orders it served; it is asked until it does"
                );
            }
            Err(_) => {}
        }
        sleep(ASK_EVERY).await;
    }
}

/// Leaves a message for each order served since a time, but those that were woken already. Returns the
/// time of the service's clock.
async fn wake_since(
    service: &InventoryClient,
    pool: &PgPool,
    since: DateTime<Utc>,
    woken: &mut BTreeMap<i64, DateTime<Utc>>,
) -> Result<DateTime<Utc>, StockError> {
    let (served, now) = service.served_since(since, &Uuid::now_v7().to_string()).await?;
    for entry in served {
        if woken.contains_key(&entry.movement_id) {
            continue;
        }
        let mut conn = pool.acquire().await?;
        let served = Command::StockAvailable { cause: entry.movement_id.to_string() };
        command::keep(&mut conn, &entry.order_id, &served, Duration::ZERO).await?;
        woken.insert(entry.movement_id, entry.at);
    }
    Ok(now)
}
