//! What a call costs, and the leaky bucket it is paid from.
//!
//! Objects cost one point, a mutation ten, a connection by the square root of its page: the
//! real prices are not published in full, these are near those that were seen.

use std::time::Instant;

use serde_json::{Value, json};

use super::document::{Operation, Selected};

/// A mutation's base price in points.
const MUTATION_POINTS: u32 = 10;
/// What one call may cost, however full the bucket is.
pub(super) const MOST_POINTS: u32 = 1_000;

/// The points that callers have left.
pub(super) struct Bucket {
    maximum: u32,
    restore_per_s: u32,
    available: f64,
    measured_at: Instant,
}

impl Bucket {
    pub(super) fn new(maximum: u32, restore_per_s: u32) -> Self {
        Self { maximum, restore_per_s, available: f64::from(maximum), measured_at: Instant::now() }
    }

    /// Full again.
    pub(super) fn refill(&mut self) {
        *self = Self::new(self.maximum, self.restore_per_s);
    }

    /// Takes the price of a call; `false` if it is not there.
    pub(super) fn pay(&mut self, points: u32) -> bool {
        self.restore();
        let enough = self.available >= f64::from(points);
        if enough {
            self.available -= f64::from(points);
        }
        enough
    }

    /// Gives back what a call did not use.
    pub(super) fn give_back(&mut self, points: u32) {
        self.available = (self.available + f64::from(points)).min(f64::from(self.maximum));
    }

    /// The answer's cost block. Without `actual` the call was throttled.
    pub(super) fn cost(&mut self, requested: u32, actual: Option<u32>) -> Value {
        self.restore();
        self.cost_with(requested, actual, self.available.floor())
    }

    /// The cost block of a call that is throttled by rule: so empty that it has to wait that long.
    pub(super) fn exhausted(&self, requested: u32, retry_after_s: u64) -> Value {
        let missing = retry_after_s.saturating_mul(u64::from(self.restore_per_s));
        let available = u64::from(requested).saturating_sub(missing);
        self.cost_with(requested, None, u32::try_from(available).map_or(0.0, f64::from))
    }

    fn cost_with(&self, requested: u32, actual: Option<u32>, available: f64) -> Value {
        json!({
            "cost": {
                "requestedQueryCost": requested,
                "actualQueryCost": actual,
                "throttleStatus": {
                    "maximumAvailable": self.maximum,
                    "currentlyAvailable": available as u64,
                    "restoreRate": self.restore_per_s,
                },
            },
        })
    }

    fn restore(&mut self) {
        let restored = self.measured_at.elapsed().as_secs_f64() * f64::from(self.restore_per_s);
        self.available = (self.available + restored).min(f64::from(self.maximum));
        self.measured_at = Instant::now();
    }
}

/// What an operation may cost at most, in points.
pub(super) fn requested(operation: &Operation) -> u32 {
    operation
        .roots
        .iter()
        .map(|root| match operation.is_mutation {
            true => MUTATION_POINTS + price_of_all(&root.children),
            false => price(root),
        })
        .sum::<u32>()
        .max(1)
}

/// What an answer did cost, in points.
pub(super) fn actual(operation: &Operation, data: &Value, requested: u32) -> u32 {
    let mutations = if operation.is_mutation { operation.roots.len() } else { 0 };
    let base = u32::try_from(mutations).unwrap_or(0).saturating_mul(MUTATION_POINTS);
    let objects = data.as_object().into_iter().flat_map(|data| data.values()).map(count_objects).sum::<u32>();
    base.saturating_add(objects.saturating_sub(u32::try_from(mutations).unwrap_or(0))).clamp(1, requested)
}

fn price_of_all(selected: &[Selected]) -> u32 {
    selected.iter().map(price).fold(0, u32::saturating_add)
}

fn price(field: &Selected) -> u32 {
    if field.children.is_empty() || field.name == "userErrors" || field.name == "orderCancelUserErrors" {
        return 0;
    }
    let page = ["first", "last"].iter().find_map(|name| field.arguments.get(*name)?.as_u64());
    let children = price_of_all(&field.children);
    // Things that are named one by one are paid for one by one.
    if let Some(ids) = field.arguments.get("ids").and_then(Value::as_array) {
        return u32::try_from(ids.len()).unwrap_or(u32::MAX).saturating_mul(1 + children);
    }
    match page {
        Some(page) => {
            let members = (page.min(250) as f64).sqrt().ceil() as u32;
            // The members of a connection stand one level down, in `nodes` or in `edges`.
            members.saturating_mul(children.max(1))
        }
        None if field.name == "pageInfo" => 0,
        None => 1 + children,
    }
}

fn count_objects(value: &Value) -> u32 {
    match value {
        Value::Array(items) => items.iter().map(count_objects).sum(),
        Value::Object(fields) => 1 + fields.values().map(count_objects).sum::<u32>(),
        _ => 0,
    }
}
