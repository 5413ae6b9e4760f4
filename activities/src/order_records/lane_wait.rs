//! An order whose call nobody took: because its lane is paused, or because there is much before it.

use std::time::Duration;

use orders::lanes;
use workflows::contract::{LaneWait, Terms};

use super::OrderRecords;
use crate::{attempt::AttemptError, lane_calls::park_code};

/// How soon it asks again, at the soonest: where its lane is paused, and where it is not.
const SOONEST: Duration = Duration::from_secs(1);
const WHILE_IT_RUNS: Duration = Duration::from_secs(300);

impl OrderRecords {
    /// Only the time in which its lane is paused counts: whoever waits behind others waits on.
    pub(super) async fn waited_for_lane(&self, terms: &Terms) -> Result<LaneWait, AttemptError> {
        let mut conn = self.pool.acquire().await?;
        let (paused_for, last) = lanes::paused_for(&mut conn, &terms.lanes(), terms.since).await?;
        let left = terms.outage_budget().saturating_sub(paused_for);
        match last {
            Some(last) if left.is_zero() => Ok(LaneWait::UsedUp { reason: park_code(last) }),
            last => {
                // While its lane runs it waits behind others, which costs nothing.
                let is_paused = last.is_some_and(|last| last.is_on);
                let least = if is_paused { SOONEST } else { WHILE_IT_RUNS };
                let left_ms = u64::try_from(left.max(least).as_millis()).unwrap_or(u64::MAX);
                Ok(LaneWait::WaitOn { left_ms })
            }
        }
    }
}
