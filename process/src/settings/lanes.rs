//! The lanes of a deployment: one per downstream, each with what it may do at once.

use std::collections::BTreeMap;

use domain::LaneName;
use serde::Deserialize;

use super::{Problems, Shop, System};

/// The most lanes of a deployment: each costs every worker that runs it some polls that wait.
pub const MOST_LANES: usize = 90;

/// What a lane may do at once.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LaneSettings {
    /// Calls under way at once, per worker.
    pub slots: usize,
    /// Polls that wait at the server at once, per worker, at most.
    pub pollers: usize,
    /// The most calls a minute, of all workers together; none for as many as there are.
    pub calls_per_minute: Option<f64>,
}

impl Default for LaneSettings {
    fn default() -> Self {
        Self { slots: 32, pollers: 4, calls_per_minute: None }
    }
}

/// Every lane of calls: those of the warehouse systems and of the shops, and those that `[lanes]` names besides, for
/// orders that came while their shop had another.
pub(super) fn all(
    systems: &[System],
    shops: &mut dyn Iterator<Item = &Shop>,
    listed: BTreeMap<String, LaneSettings>,
    problems: &mut Problems,
) -> BTreeMap<LaneName, LaneSettings> {
    let mut lanes = BTreeMap::new();
    for (name, settings) in listed {
        let key = format!("lanes.\"{name}\"");
        match LaneName::parse(&name) {
            Ok(lane) if is_of_a_shop(&lane) || systems.iter().any(|system| system.lane() == lane) => {
                lanes.insert(lane, settings);
            }
            _ => problems
                .add(&format!("{key}: the lane of a warehouse system, or a name that begins with shopify-")),
        }
        if settings.slots == 0 || settings.pollers == 0 {
            problems.add(&format!("{key}: slots and pollers are at least 1"));
        }
        if settings.calls_per_minute.is_some_and(|rate| !rate.is_finite() || rate <= 0.0) {
            problems.add(&format!("{key}.calls_per_minute: more than 0"));
        }
    }
    for lane in systems.iter().map(System::lane).chain(shops.map(|shop| shop.lane.clone())) {
        lanes.entry(lane).or_default();
    }
    if lanes.len() > MOST_LANES {
        problems.add(&format!(
            "shops: {} lanes, and a deployment has {MOST_LANES} at most; let small shops share one by their `lane`",
            lanes.len()
        ));
    }
    lanes
}

pub(super) fn is_of_a_shop(lane: &LaneName) -> bool {
    lane.as_str().strip_prefix("shopify-").is_some_and(|rest| !rest.is_empty())
}
