//! The parts of the interface.

use utoipa_axum::router::OpenApiRouter;

use crate::server::Api;

mod health;
mod inventory;
mod orders;
mod webhooks;

/// All of them.
pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(webhooks::router())
        .merge(inventory::router())
        .merge(orders::router())
        .merge(health::router())
}
