//! Gives back what nobody confirmed in time: provisional reservations, and allocations of other services
//! (which a worker on the same database sweeps too, where there is one). Several processes may sweep side
//! by side.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use crate::error::StockError;
use crate::server::InventoryServer;

/// How often is swept.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// Reservations looked at at once.
const BATCH: i64 = 100;
/// A longer break than this means that nobody could confirm either.
const PAUSE_WHILE_DATABASE_IS_AWAY: Duration = Duration::from_secs(15);
/// The time that everybody then gets once more: longer than a message waits between two attempts.
const EXTENSION: Duration = Duration::from_secs(120);

/// Sweeps for ever.
pub(crate) async fn sweep(server: InventoryServer) {
    let mut swept_at: Option<Instant> = None;
    loop {
        match sweep_once(&server, swept_at).await {
            Ok(()) => swept_at = Some(Instant::now()),
            Err(error) => warn!(%error, "what nobody confirmed was not swept; it is tried again"),
        }
        sleep(SWEEP_EVERY).await;
    }
}

async fn sweep_once(server: &InventoryServer, swept_at: Option<Instant>) -> Result<(), StockError> {
    let over = {
        let mut conn = server.pool().acquire().await?;
        if swept_at.is_none_or(|at| at.elapsed() > PAUSE_WHILE_DATABASE_IS_AWAY) {
            inventory::give_more_time(&mut conn, EXTENSION).await?;
        }
        inventory::unconfirmed(&mut conn, BATCH).await?
    };
    for (order_id, epoch) in over {
        server.release_unconfirmed(&order_id, epoch).await?;
        info!(order.id = %order_id, %epoch, "a provisional reservation that nobody confirmed was given back");
    }
    while server.expire_allocations(BATCH).await? {}
    Ok(())
}
