//! An order whose call nobody took: because its lane is paused, or because there is much before it.

use std::time::Duration;

use domain::ParkReason;
use orders::lanes;
use workflows::contract::{LaneWait, Terms};

use super::OrderRecords;
use crate::{attempt::AttemptError, lane_calls::park_code};

/// How soon it asks again, at the soonest.
const SOONEST: Duration = Duration::from_secs(1);

impl OrderRecords {
    /// Only the time in which its lane is paused counts: whoever waits behind others waits on.
    pub(super) async fn waited_for_lane(&self, terms: &Terms) -> Result<LaneWait, AttemptError> {
        let mut conn = self.pool.acquire().await?;
        let (paused_for, last) = lanes::paused_for(&mut conn, &terms.lane, terms.since).await?;
        let left = terms.outage_budget().saturating_sub(paused_for);
        if !left.is_zero() {
            let left_ms = u64::try_from(left.max(SOONEST).as_millis()).unwrap_or(u64::MAX);
            return Ok(LaneWait::WaitOn { left_ms });
        }
        Ok(LaneWait::UsedUp { reason: last.map_or_else(|| ParkReason::LANE_PAUSED.to_owned(), park_code) })
    }
}
