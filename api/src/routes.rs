//! The parts of the interface.

use axum::Router;

use crate::server::Api;

mod health;
mod inventory;
mod orders;
mod webhooks;

/// All of them.
pub(crate) fn router() -> Router<Api> {
    Router::new()
        .merge(webhooks::router())
        .merge(inventory::router())
        .merge(orders::router())
        .merge(health::router())
}
