//! How many pieces of an item are at a location, and in which states.

use serde_json::{Value, json};
use strum::{EnumIter, EnumString, IntoEnumIterator, IntoStaticStr};

use crate::shopify::moments;

/// Why pieces that are there cannot be sold.
#[derive(Clone, Copy, PartialEq, Eq, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(in crate::shopify) enum Unavailable {
    /// Set aside, for example for a draft order.
    Reserved,
    SafetyStock,
    Damaged,
    QualityControl,
}

/// The pieces of an item at a location.
#[derive(Clone)]
pub(in crate::shopify) struct Level {
    /// Whether the location stocks the item.
    pub(in crate::shopify) active: bool,
    /// Below zero where more was sold than was there.
    pub(in crate::shopify) available: i64,
    pub(in crate::shopify) committed: i64,
    unavailable: [i64; 4],
    pub(in crate::shopify) updated_at: String,
}

impl Default for Level {
    fn default() -> Self {
        Self { active: false, available: 0, committed: 0, unavailable: [0; 4], updated_at: moments::now() }
    }
}

impl Level {
    pub(in crate::shopify) fn on_hand(&self) -> i64 {
        self.available + self.committed + self.unavailable.iter().sum::<i64>()
    }

    pub(in crate::shopify) fn unavailable(&mut self, state: Unavailable) -> &mut i64 {
        &mut self.unavailable[state as usize]
    }

    /// The quantity that goes by this name.
    pub(in crate::shopify) fn quantity(&self, name: &str) -> Option<i64> {
        Some(match name {
            "available" => self.available,
            "committed" => self.committed,
            "on_hand" => self.on_hand(),
            "incoming" => 0,
            state => self.unavailable[state.parse::<Unavailable>().ok()? as usize],
        })
    }

    /// Something of it changed just now.
    pub(in crate::shopify) fn touch(&mut self) {
        self.updated_at = moments::now();
    }

    /// All its quantities.
    pub(in crate::shopify) fn shown(&self) -> Value {
        let mut shown = json!({
            "active": self.active,
            "available": self.available,
            "committed": self.committed,
            "on_hand": self.on_hand(),
        });
        for state in Unavailable::iter() {
            shown[<&str>::from(state)] = json!(self.unavailable[state as usize]);
        }
        shown
    }
}
