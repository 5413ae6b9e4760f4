//! The status table and the conditions beside it.

use serde::{Deserialize, Serialize};

use crate::words;

/// Where an order stands. A status never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
#[derive(strum::Display, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderStatus {
    /// Received; nothing promised yet, unless it came through the order API with a hold.
    Pending,
    /// Its stock is reserved.
    Confirmed,
    /// Handed over to a warehouse.
    Processing,
    /// Everything that is to ship has left.
    Shipped,
    /// The carrier delivered it.
    Delivered,
    /// Cancelled before it shipped.
    Cancelled,
}

words!(OrderStatus, "status");

impl OrderStatus {
    /// Whether `next` may follow: one step along
    /// `PENDING → CONFIRMED → PROCESSING → SHIPPED → DELIVERED`, or `CANCELLED` from the first three.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        use OrderStatus::{Cancelled, Confirmed, Delivered, Pending, Processing, Shipped};
        matches!(
            (self, next),
            (Pending, Confirmed | Cancelled)
                | (Confirmed, Processing | Cancelled)
                | (Processing, Shipped | Cancelled)
                | (Shipped, Delivered)
        )
    }
}

/// What keeps an order where it stands, if anything does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
#[derive(strum::Display, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Condition {
    /// Held: by the hold window, by Shopify, by the warehouse, or until its risk is known.
    OnHold,
    /// Waits until it is paid or authorised.
    AwaitingPayment,
    /// Waits for stock.
    Backordered,
    /// Some of it has left, the rest has not.
    PartiallyShipped,
    /// Parked: a person has to decide.
    NeedsAttention,
    /// Taken while the inventory service was away: nothing is reserved yet.
    AwaitingAllocation,
    /// Not to be fulfilled.
    Ignored,
}

words!(Condition, "condition");

/// Who holds an order that is `ON_HOLD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
#[derive(strum::Display, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum HeldBy {
    /// The hold window after receipt.
    Window,
    /// Shopify.
    Shopify,
    /// The warehouse.
    Warehouse,
    /// Its risk is not known yet, and a rule of the policy goes by it.
    Risk,
}

words!(HeldBy, "heldBy");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_never_goes_back_and_never_skips() {
        let allowed: Vec<_> = OrderStatus::ALL
            .into_iter()
            .flat_map(|from| OrderStatus::ALL.into_iter().map(move |to| (from, to)))
            .filter(|(from, to)| from.may_become(*to))
            .map(|(from, to)| format!("{from}>{to}"))
            .collect();
        assert_eq!(
            allowed,
            [
                "PENDING>CONFIRMED",
                "PENDING>CANCELLED",
                "CONFIRMED>PROCESSING",
                "CONFIRMED>CANCELLED",
                "PROCESSING>SHIPPED",
                "PROCESSING>CANCELLED",
                "SHIPPED>DELIVERED",
            ]
        );
    }

    #[test]
    fn every_name_reads_back() {
        for status in OrderStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
        for condition in Condition::ALL {
            assert_eq!(condition.as_str().parse(), Ok(condition));
        }
        assert!("NOPE".parse::<OrderStatus>().is_err());
    }
}
