//! Keeping what was verified, before it is acknowledged.

use std::time::{Duration, Instant};

use orders::inbox::{self, Message, NewMessage};
use tokio::time::sleep;

use super::Receipt;
use crate::{problem::Problem, state::Api};

/// For how long the database is tried again after a failure that passes. With the 2 s of the last attempt the answer is
/// there before the 5 s are over after which Shopify gives a delivery up.
const PATIENCE: Duration = Duration::from_millis(2500);
const PAUSE: Duration = Duration::from_millis(100);

/// Commits the message; a statement of its own is a transaction of its own. A refused delivery comes minutes later and
/// behind newer ones, so a connection that broke or a moment without any is worth another attempt.
pub(super) async fn keep(api: &Api, message: &NewMessage<'_>) -> Result<Receipt, Problem> {
    #[cfg(feature = "faults")]
    if crate::planted::acknowledged_unkept(api, message) {
        return Ok(Receipt::New);
    }
    let started = Instant::now();
    let kept = loop {
        match insert(api, message).await {
            Err(Problem::Unavailable(_)) if started.elapsed() < PATIENCE => sleep(PAUSE).await,
            kept => break kept?,
        }
    };
    let Some(kept) = kept else {
        return Ok(Receipt::Repeated);
    };
    #[cfg(feature = "faults")]
    crate::planted::die_after_commit(message.source);
    api.queue.offer(kept);
    Ok(Receipt::New)
}

async fn insert(api: &Api, message: &NewMessage<'_>) -> Result<Option<Message>, Problem> {
    let mut conn = api.pool.acquire().await?;
    Ok(inbox::insert(&mut conn, message).await?)
}
