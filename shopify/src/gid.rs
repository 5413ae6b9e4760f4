//! The Admin API's global ids, `gid://shopify/{kind}/{number}`.

use domain::ShopifyOrderId;
use serde::{Deserialize, Serialize};

/// The global id of a thing of the given kind, for example `LineItem`.
#[must_use]
pub fn of(kind: &str, number: i64) -> String {
    format!("gid://shopify/{kind}/{number}")
}

/// The global id of an order.
#[must_use]
pub fn of_order(order: ShopifyOrderId) -> String {
    of("Order", order.0)
}

/// The number in a global id of the given kind, for example `LineItem`; `None` if it is no such id.
///
/// Some ids carry a query (`gid://shopify/FulfillmentService/1?id=true`), which is not part of the
/// number.
#[must_use]
pub fn number(kind: &str, gid: &str) -> Option<i64> {
    let tail = gid.strip_prefix("gid://shopify/")?.strip_prefix(kind)?.strip_prefix('/')?;
    tail.split('?').next()?.parse().ok()
}

/// The order's number in its global id.
#[must_use]
pub fn order(gid: &str) -> Option<ShopifyOrderId> {
    number("Order", gid).map(ShopifyOrderId)
}

/// The number of an inventory item, by which the shop keeps the stock of a variant.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, derive_more::Display,
)]
#[serde(transparent)]
pub struct InventoryItemId(pub i64);

impl InventoryItemId {
    /// The global id.
    #[must_use]
    pub fn gid(self) -> String {
        of("InventoryItem", self.0)
    }
}

/// The number of a location of the shop.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, derive_more::Display,
)]
#[serde(transparent)]
pub struct LocationId(pub i64);

impl LocationId {
    /// The global id.
    #[must_use]
    pub fn gid(self) -> String {
        of("Location", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_id_survives_the_way_there_and_back() {
        let id = ShopifyOrderId(820_982_911_946_154_508);
        assert_eq!(of_order(id), "gid://shopify/Order/820982911946154508");
        assert_eq!(order(&of_order(id)), Some(id));
    }

    #[test]
    fn an_id_of_another_kind_has_no_number() {
        assert_eq!(number("Order", "gid://shopify/LineItem/5"), None);
        assert_eq!(number("Line", "gid://shopify/LineItem/5"), None);
        assert_eq!(number("LineItem", "5"), None);
    }

    #[test]
    fn a_query_is_not_part_of_the_number() {
        assert_eq!(number("FulfillmentService", "gid://shopify/FulfillmentService/71?id=true"), Some(71));
    }
}
