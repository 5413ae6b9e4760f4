//! What a failed attempt at a call says of the next one.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What whoever made an attempt found. It goes with the failure, so that nobody has to guess from its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", rename_all_fields = "camelCase", tag = "verdict")]
pub enum Verdict {
    /// The next attempt can only fail the same way.
    Permanent,
    /// The next attempt may not meet it. It counts.
    TryAgain,
    /// Whoever was called is away: no connection, a time-out, an answer that says so.
    Away {
        /// Who.
        downstream: Downstream,
    },
    /// Whoever was called does not know us any more: our token is refused. It concerns every order.
    TokenRefused {
        /// Who.
        downstream: Downstream,
    },
    /// Nothing was done, and whoever was called asks us to come back no earlier than after this.
    ComeBack {
        /// In milliseconds.
        after_ms: u64,
    },
}

/// Whom a step calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Downstream {
    /// Our own database.
    Database,
    /// The inventory service, where stock is kept by one.
    Inventory,
    /// A warehouse system.
    Warehouse,
    /// A shop.
    Shop,
}

impl Downstream {
    /// Whether calls to it have a lane of their own.
    #[must_use]
    pub fn has_a_lane(self) -> bool {
        matches!(self, Self::Warehouse | Self::Shop)
    }
}

impl Verdict {
    /// Whoever was called asks for so much time.
    #[must_use]
    pub fn come_back(after: Duration) -> Self {
        // What is beyond reason is as good as for ever.
        Self::ComeBack { after_ms: u64::try_from(after.as_millis()).unwrap_or(u64::MAX) }
    }

    /// Whether the next attempt can only fail the same way.
    #[must_use]
    pub fn is_permanent(self) -> bool {
        self == Self::Permanent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_kept_in_milliseconds_and_only_permanent_is_permanent() {
        assert_eq!(Verdict::come_back(Duration::from_millis(1500)), Verdict::ComeBack { after_ms: 1500 });
        assert_eq!(Verdict::come_back(Duration::MAX), Verdict::ComeBack { after_ms: u64::MAX });
        assert!(Verdict::Permanent.is_permanent());
        let away = Verdict::Away { downstream: Downstream::Shop };
        assert!(
            ![Verdict::TryAgain, away, Verdict::ComeBack { after_ms: 0 }]
                .iter()
                .any(|verdict| verdict.is_permanent())
        );
    }
}
