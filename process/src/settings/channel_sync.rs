//! How a shop's stock levels are kept right.

use std::collections::HashMap;

use serde::Deserialize;

/// How a shop's stock levels are kept right, as its table `channel_sync` says it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChannelSync {
    /// Pieces of each SKU that the shop is not told of.
    pub buffer: u64,
    /// The same for single SKUs.
    pub buffers: HashMap<String, u64>,
    /// Levels of so many pieces and fewer go out before others.
    pub low: i64,
    /// Whether a location that does not stock an item of ours is made to.
    pub activate: bool,
    /// Whether what the shop calls damaged is not part of what is on hand in our books.
    pub damaged_apart: bool,
    /// The same of what is in quality control.
    pub quality_control_apart: bool,
    /// Whose figure counts where somebody changed one by hand in the shop, by the location's id; ours unless it says
    /// otherwise.
    pub drift: HashMap<String, DriftPolicy>,
}

/// Whose figure counts where somebody changed a level who is neither we nor an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftPolicy {
    /// Ours: it is set back.
    #[default]
    Ours,
    /// The shop's: it is booked as a count of the warehouse.
    Theirs,
}

impl DriftPolicy {
    /// The word of the settings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Theirs => "theirs",
        }
    }
}

impl ChannelSync {
    /// Whose figure counts at this location.
    #[must_use]
    pub fn drift_at(&self, location: i64) -> DriftPolicy {
        self.drift.get(&location.to_string()).copied().unwrap_or_default()
    }
}

impl Default for ChannelSync {
    fn default() -> Self {
        Self {
            buffer: 0,
            buffers: HashMap::new(),
            low: 5,
            activate: false,
            damaged_apart: false,
            quality_control_apart: false,
            drift: HashMap::new(),
        }
    }
}
