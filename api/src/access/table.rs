//! Who may do what: one row per route, and nothing else decides it.
//!
//! **Invariant:** a route that has no row is closed. `docs/access.md` shows this table, and a test
//! compares them; `tests/it/access.rs` tries every cell of it against a running API.

use axum::http::Method;

use crate::caller::Role;

#[derive(Debug)]
pub(crate) struct Row {
    /// Its method; `HEAD` goes with `GET`.
    pub(crate) method: Method,
    /// Its path, as it is routed.
    pub(crate) path: &'static str,
    pub(crate) door: Door,
}

/// How a route is entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// By anybody. Webhooks prove by a signature of their own who sent them, and so does whoever comes back from a shop.
    Open,
    /// By these roles, and without a token from this machine, where the settings say so.
    House(&'static [Role]),
    /// By these roles, always with a token.
    Integration(&'static [Role]),
}

impl Door {
    pub(crate) fn roles(self) -> &'static [Role] {
        match self {
            Self::Open => &Role::ALL,
            Self::House(roles) | Self::Integration(roles) => roles,
        }
    }
}

/// Who keeps the business running.
const STAFF: &[Role] = &[Role::Admin, Role::Operator];
/// Who looks at how business runs.
const READERS: &[Role] = &[Role::Admin, Role::Operator, Role::Viewer];
/// Who comes for an order; a customer has to do with the own orders alone.
const SHOPPERS: &[Role] = &[Role::Admin, Role::Operator, Role::Customer];
/// Who looks at an order or an item; a customer gets to see the own orders alone.
const LOOKERS: &[Role] = &[Role::Admin, Role::Operator, Role::Viewer, Role::Customer];
/// A user is whoever the issuer's tokens name, so those who run the issuer make them.
const OWNERS: &[Role] = &[Role::Admin];
const ALLOCATING: &[Role] = &[Role::Admin, Role::OrderService];
const READING_ORDERS: &[Role] = &[Role::Admin, Role::InventoryService];

const fn row(method: Method, path: &'static str, door: Door) -> Row {
    Row { method, path, door }
}

const fn house(method: Method, path: &'static str, roles: &'static [Role]) -> Row {
    row(method, path, Door::House(roles))
}

const fn integration(method: Method, path: &'static str, roles: &'static [Role]) -> Row {
    row(method, path, Door::Integration(roles))
}

pub(crate) static TABLE: &[Row] = &[
    house(Method::POST, "/api/orders", SHOPPERS),
    house(Method::GET, "/api/orders", READERS),
    house(Method::GET, "/api/orders/{id}", LOOKERS),
    house(Method::GET, "/api/orders/{id}/timeline", LOOKERS),
    house(Method::GET, "/api/orders/{id}/story", READERS),
    house(Method::GET, "/api/orders/user/{user}", LOOKERS),
    house(Method::POST, "/api/orders/{id}/cancel", SHOPPERS),
    house(Method::PATCH, "/api/orders/{id}/cancel", SHOPPERS),
    house(Method::PATCH, "/api/orders/{id}/status", STAFF),
    house(Method::POST, "/api/orders/{id}/retry", STAFF),
    house(Method::POST, "/api/orders/{id}/resolve", STAFF),
    house(Method::POST, "/api/orders/{id}/returns", SHOPPERS),
    house(Method::GET, "/api/returns", READERS),
    house(Method::GET, "/api/returns/{id}", LOOKERS),
    house(Method::POST, "/api/returns/{id}/receive", STAFF),
    house(Method::GET, "/api/overview", READERS),
    house(Method::GET, "/api/changes", READERS),
    house(Method::GET, "/api/attention", READERS),
    house(Method::GET, "/api/attention/count", READERS),
    house(Method::POST, "/api/attention/{id}/resolve", STAFF),
    house(Method::POST, "/api/orders/{id}/edit", STAFF),
    house(Method::GET, "/api/bulk-answers", READERS),
    house(Method::POST, "/api/bulk-answers", STAFF),
    house(Method::GET, "/api/bulk-answers/{id}", READERS),
    house(Method::GET, "/api/bulk-answers/{id}/rows", READERS),
    house(Method::POST, "/api/bulk-answers/{id}/stop", STAFF),
    house(Method::GET, "/api/me", READERS),
    house(Method::GET, "/api/lanes", READERS),
    house(Method::POST, "/api/lanes/{lane}/pause", STAFF),
    house(Method::POST, "/api/lanes/{lane}/resume", STAFF),
    house(Method::GET, "/api/shops", READERS),
    house(Method::GET, "/api/shops/check", STAFF),
    house(Method::POST, "/api/users", OWNERS),
    house(Method::GET, "/api/users/{id}", SHOPPERS),
    house(Method::GET, "/api/data-requests", OWNERS),
    house(Method::GET, "/api/data-requests/{id}", OWNERS),
    house(Method::POST, "/api/inventory", STAFF),
    house(Method::GET, "/api/inventory", READERS),
    house(Method::GET, "/api/inventory/{id}", LOOKERS),
    house(Method::GET, "/api/inventory/{id}/check", LOOKERS),
    house(Method::GET, "/api/inventory/{id}/movements", READERS),
    house(Method::GET, "/api/inventory/{id}/waiting", READERS),
    house(Method::GET, "/api/inventory/{id}/holders", READERS),
    house(Method::PATCH, "/api/inventory/{id}/reduce", STAFF),
    house(Method::POST, "/api/inventory/{id}/receive", STAFF),
    house(Method::POST, "/api/inventory/{id}/count", STAFF),
    house(Method::GET, "/api/warehouses", READERS),
    house(Method::POST, "/api/warehouses", STAFF),
    house(Method::PATCH, "/api/warehouses/{id}", STAFF),
    house(Method::GET, "/api/channel-shops", READERS),
    house(Method::POST, "/api/channel-shops/{shop}/sync", STAFF),
    house(Method::GET, "/api/channel-levels", READERS),
    house(Method::GET, "/api/channel-drifts", READERS),
    house(Method::GET, "/api/audit", READERS),
    house(Method::GET, "/api/audit/export", OWNERS),
    house(Method::POST, "/api/allocations/explain", STAFF),
    house(Method::GET, "/api/inbox", READERS),
    house(Method::POST, "/api/inbox/{id}/replay", STAFF),
    house(Method::GET, "/api/dead-letters", READERS),
    house(Method::GET, "/api/dead-letters/{id}", READERS),
    house(Method::POST, "/api/dead-letters/redrive", STAFF),
    house(Method::POST, "/api/dead-letters/skip", STAFF),
    house(Method::POST, "/api/webhook-subscriptions", OWNERS),
    house(Method::GET, "/api/webhook-subscriptions", OWNERS),
    house(Method::DELETE, "/api/webhook-subscriptions/{id}", OWNERS),
    house(Method::POST, "/api/webhook-subscriptions/{id}/rotate-secret", OWNERS),
    integration(Method::POST, "/allocations", ALLOCATING),
    integration(Method::POST, "/allocations/bulk", ALLOCATING),
    integration(Method::GET, "/allocations/by-order/{orderId}", ALLOCATING),
    integration(Method::PUT, "/allocations/{id}/confirm", ALLOCATING),
    integration(Method::PUT, "/allocations/{id}/cancel", ALLOCATING),
    integration(Method::PUT, "/allocations/{id}/fulfill", ALLOCATING),
    integration(Method::GET, "/orders/{orderId}", READING_ORDERS),
    integration(Method::GET, "/orders/{orderId}/items", READING_ORDERS),
    row(Method::POST, "/webhooks/shopify", Door::Open),
    row(Method::POST, "/webhooks/shopify/{path}", Door::Open),
    row(Method::GET, "/shopify/install", Door::Open),
    row(Method::GET, "/shopify/callback", Door::Open),
    row(Method::POST, "/webhooks/wms", Door::Open),
    row(Method::POST, "/webhooks/wms/{system}", Door::Open),
    row(Method::GET, "/health", Door::Open),
    row(Method::GET, "/ready", Door::Open),
    row(Method::GET, "/health/integration/order-service", Door::Open),
    row(Method::GET, "/openapi.json", Door::Open),
    row(Method::GET, "/docs", Door::Open),
    row(Method::GET, "/docs/", Door::Open),
    row(Method::GET, "/docs/{*file}", Door::Open),
];

/// How a route is entered; none if it is closed.
pub(crate) fn door(method: &Method, path: &str) -> Option<Door> {
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    TABLE.iter().find(|row| row.path == path && row.method == *method).map(|row| row.door)
}

#[cfg(test)]
mod tests;
