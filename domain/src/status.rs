//! The status table and the conditions beside it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::ids::ParseError;

/// Where an order stands. A status never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
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

impl OrderStatus {
    /// Every status, in the order of an order's life.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Confirmed, Self::Processing, Self::Shipped, Self::Delivered, Self::Cancelled];

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

    /// The name used in the API, in events and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Confirmed => "CONFIRMED",
            Self::Processing => "PROCESSING",
            Self::Shipped => "SHIPPED",
            Self::Delivered => "DELIVERED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for OrderStatus {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(ParseError::new(
            "status",
            "one of PENDING, CONFIRMED, PROCESSING, SHIPPED, DELIVERED, CANCELLED",
        ))
    }
}

/// What keeps an order where it stands, if anything does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Condition {
    /// Held: by the hold window, by Shopify or by the warehouse.
    OnHold,
    /// Waits until it is paid or authorised.
    AwaitingPayment,
    /// Waits for stock.
    Backordered,
    /// Some of it has left, the rest has not.
    PartiallyShipped,
    /// Parked: a person has to decide.
    NeedsAttention,
    /// Not to be fulfilled.
    Ignored,
}

impl Condition {
    /// Every condition.
    pub const ALL: [Self; 6] = [
        Self::OnHold,
        Self::AwaitingPayment,
        Self::Backordered,
        Self::PartiallyShipped,
        Self::NeedsAttention,
        Self::Ignored,
    ];

    /// The name used in the API, in events and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OnHold => "ON_HOLD",
            Self::AwaitingPayment => "AWAITING_PAYMENT",
            Self::Backordered => "BACKORDERED",
            Self::PartiallyShipped => "PARTIALLY_SHIPPED",
            Self::NeedsAttention => "NEEDS_ATTENTION",
            Self::Ignored => "IGNORED",
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Condition {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::ALL.into_iter().find(|condition| condition.as_str() == text).ok_or(ParseError::new(
            "condition",
            "one of ON_HOLD, AWAITING_PAYMENT, BACKORDERED, PARTIALLY_SHIPPED, NEEDS_ATTENTION, IGNORED",
        ))
    }
}

/// Who holds an order that is `ON_HOLD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HeldBy {
    /// The hold window after receipt.
    Window,
    /// Shopify.
    Shopify,
    /// The warehouse.
    Warehouse,
}

impl HeldBy {
    /// The name used in the API and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Window => "WINDOW",
            Self::Shopify => "SHOPIFY",
            Self::Warehouse => "WAREHOUSE",
        }
    }
}

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
