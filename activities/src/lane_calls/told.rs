//! What calls say of whoever was called, written down for all workers.

use std::time::Instant;

use chrono::{DateTime, Utc};
use domain::{LaneName, OrderId};
use orders::lanes::{
    PauseCause,
    health::{self, Says, Seen},
};
use tracing::warn;

use super::{Done, LaneCalls, TELL_EVERY, not_vital};
use crate::attempt::AttemptError;

impl LaneCalls {
    pub(super) async fn note_failure(
        &self,
        conn: &mut sqlx::PgConnection,
        lane: &LaneName,
        order: &OrderId,
    ) -> Result<(health::Health, Says, DateTime<Utc>), AttemptError> {
        let (mut health, now) = health::lock(&mut *conn, lane).await?;
        // What this process knows better than the row.
        if let Some(done) = self.done.lock().get(lane) {
            health.succeeded(seen(&done.order, now, done.at));
        }
        health.failed(Seen { order: order.as_str().to_owned(), at: now });
        health::keep(conn, lane, &health).await?;
        let says = health.says(now);
        Ok((health, says, now))
    }

    pub(super) async fn note_answer(&self, lane: &LaneName) -> Result<(), AttemptError> {
        let mut tx = self.pool.begin().await?;
        let (mut health, _) = health::lock(&mut tx, lane).await?;
        if !health.failures.is_empty() {
            health.answered();
            health::keep(&mut tx, lane, &health).await?;
        }
        Ok(tx.commit().await?)
    }

    pub(super) async fn trip(
        &self,
        lane: &LaneName,
        cause: PauseCause,
        code: &str,
    ) -> Result<(), AttemptError> {
        let mut tx = self.pool.begin().await?;
        let is_new = health::trip(&mut tx, lane, cause, code, self.waits).await?;
        tx.commit().await?;
        if is_new {
            warn!(%lane, %cause, code, "the lane is paused until a probe is answered");
        }
        Ok(())
    }

    pub(super) async fn succeeded(&self, lane: &LaneName, order: &OrderId) {
        let now = Instant::now();
        {
            let mut done = self.done.lock();
            if let Some(known) = done.get_mut(lane) {
                (known.order, known.at) = (order.clone(), now);
                if now.saturating_duration_since(known.told) < TELL_EVERY {
                    return;
                }
                known.told = now;
            } else {
                done.insert(lane.clone(), Done { order: order.clone(), at: now, told: now });
            }
        }
        let told = async {
            let mut tx = self.pool.begin().await?;
            let (mut health, at) = health::lock(&mut tx, lane).await?;
            health.succeeded(seen(order, at, now));
            health::keep(&mut tx, lane, &health).await?;
            Ok::<_, AttemptError>(tx.commit().await?)
        };
        not_vital(told.await);
    }
}

/// The moment of a call by the database's clock.
fn seen(order: &OrderId, now: DateTime<Utc>, at: Instant) -> Seen {
    Seen { order: order.as_str().to_owned(), at: now - at.elapsed() }
}
