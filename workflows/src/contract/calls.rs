//! Calls on lanes: what is asked, and when a call is given up.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{LaneName, OrderId};
use serde::{Deserialize, Serialize};

/// A call on a lane: what is asked, and how long it is repeated.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Call<Asked> {
    /// What is asked.
    #[serde(flatten)]
    pub asked: Asked,
    /// None where nobody counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<Terms>,
}

/// When a call is given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Terms {
    /// The lane that whoever is called would have alone; several shops may share one.
    pub lane: LaneName,
    /// The lane that it is called on, where several share one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<LaneName>,
    /// When the order came to the step.
    pub since: DateTime<Utc>,
    /// After how many failures that are the order's own.
    pub attempts: u32,
    /// How long the order fails alone before its failures are, in milliseconds.
    pub blame_after_ms: u64,
    /// For how long the lane may be paused, in milliseconds.
    pub outage_budget_ms: u64,
}

impl Terms {
    /// The lanes whose pauses keep the call waiting.
    #[must_use]
    pub fn lanes(&self) -> Vec<&LaneName> {
        [&self.lane].into_iter().chain(&self.queue).collect()
    }

    /// How long the order fails alone before its failures are its own.
    #[must_use]
    pub fn blame_after(&self) -> Duration {
        Duration::from_millis(self.blame_after_ms)
    }

    /// For how long the lane may be paused.
    #[must_use]
    pub fn outage_budget(&self) -> Duration {
        Duration::from_millis(self.outage_budget_ms)
    }
}

/// Asks how long the lane of a call was paused.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WaitedForLane {
    /// Our id of the order.
    pub order_id: OrderId,
    /// The call's terms.
    pub terms: Terms,
}

/// What comes of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "outcome")]
pub enum LaneWait {
    /// The order waits on.
    WaitOn {
        /// For how much longer the lane may be paused, in milliseconds.
        left_ms: u64,
    },
    /// It has waited for as long as it may.
    UsedUp {
        /// Why the lane was paused, as a code.
        reason: String,
    },
}
