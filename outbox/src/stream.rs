//! What stays in order.

use std::fmt;

use domain::{OrderId, Sku, WarehouseId};

/// Whose events stay in order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    /// Those of one order.
    Order(OrderId),
    /// Those of a SKU in a warehouse.
    Stock(Sku, WarehouseId),
}

impl Stream {
    /// What a broker keeps together: the order's id, or the SKU. All streams of a key are in one lane.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Order(order_id) => order_id.as_str(),
            Self::Stock(sku, _) => sku.as_str(),
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order(order_id) => write!(f, "order/{order_id}"),
            // A warehouse's id has no slash; a SKU may have some.
            Self::Stock(sku, warehouse) => write!(f, "stock/{warehouse}/{sku}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_one_key_are_told_apart() {
        let stock =
            |sku, warehouse| Stream::Stock(Sku::parse(sku).unwrap(), WarehouseId::parse(warehouse).unwrap());
        let (main, other) = (stock("TEA/1", "main"), stock("TEA/1", "other"));
        assert_eq!((main.key(), main.to_string().as_str()), ("TEA/1", "stock/main/TEA/1"));
        assert_ne!(main.to_string(), other.to_string());
        let order = Stream::Order(OrderId::parse("web-17").unwrap());
        assert_eq!((order.key(), order.to_string().as_str()), ("web-17", "order/web-17"));
    }
}
