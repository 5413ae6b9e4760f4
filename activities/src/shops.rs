//! What the configuration says of each shop and of the warehouses, as far as steps go by it.

use std::{collections::HashMap, sync::Arc};

use domain::{ApprovalRules, Channel, ShopDomain, WarehouseId, WarehouseSystem};

/// Rules of one shop.
#[derive(Debug, Clone, Default)]
pub struct ShopRules {
    /// Which of its locations is which warehouse. Empty: the shop has no map.
    pub locations: HashMap<i64, WarehouseId>,
    /// Fulfilment services whose lines we ship, beside our own.
    pub services: Vec<String>,
    /// Whether what others fulfil at these locations is booked out: where the shop's stock follows ours.
    pub books_others: bool,
    /// Which of its orders a person has to approve.
    pub approval: ApprovalRules,
}

impl ShopRules {
    /// The location that is this warehouse.
    pub(crate) fn location_of(&self, warehouse: &str) -> Option<i64> {
        // Of several the lowest, so that every look decides alike.
        self.locations.iter().filter(|(_, mapped)| mapped.as_str() == warehouse).map(|(id, _)| *id).min()
    }
}

/// Which system ships for which warehouse. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct WarehouseSystems(Arc<HashMap<WarehouseId, WarehouseSystem>>);

impl WarehouseSystems {
    /// These warehouses' systems; all others are the first system's.
    #[must_use]
    pub fn new(systems: HashMap<WarehouseId, WarehouseSystem>) -> Self {
        Self(Arc::new(systems))
    }

    /// Whether it is named as one that a further system ships for.
    pub(crate) fn names(&self, warehouse: &WarehouseId) -> bool {
        self.0.contains_key(warehouse)
    }

    pub(crate) fn of(&self, warehouse: &WarehouseId) -> WarehouseSystem {
        self.0.get(warehouse).cloned().unwrap_or_default()
    }
}

/// The rules of every shop. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Shops(Arc<HashMap<ShopDomain, ShopRules>>);

impl Shops {
    /// The rules of these shops.
    #[must_use]
    pub fn new(shops: HashMap<ShopDomain, ShopRules>) -> Self {
        Self(Arc::new(shops))
    }

    /// The rules for an order; none in particular for orders of our own API.
    pub(crate) fn rules_for(&self, channel: &Channel) -> ShopRules {
        channel.shop().and_then(|shop| self.0.get(shop)).cloned().unwrap_or_default()
    }
}
