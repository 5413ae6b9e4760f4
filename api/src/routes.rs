//! The parts of the interface.

use utoipa_axum::router::OpenApiRouter;

use crate::state::Api;

mod allocations;
mod attention;
mod audit;
mod bulk_answers;
mod channel;
mod data_requests;
mod dead_letters;
mod explain;
mod health;
mod inbox;
mod integration;
mod inventory;
mod lanes;
mod me;
mod orders;
mod overview;
mod returns;
mod shopify_app;
mod shops;
mod users;
mod warehouses;
mod webhook_subscriptions;
pub(crate) mod webhooks;

pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(webhooks::router())
        .merge(inbox::router())
        .merge(dead_letters::router())
        .merge(webhook_subscriptions::router())
        .merge(attention::router())
        .merge(audit::router())
        .merge(bulk_answers::router())
        .merge(overview::router())
        .merge(inventory::router())
        .merge(lanes::router())
        .merge(me::router())
        .merge(shops::router())
        .merge(shopify_app::router())
        .merge(warehouses::router())
        .merge(channel::router())
        .merge(orders::router())
        .merge(returns::router())
        .merge(users::router())
        .merge(data_requests::router())
        .merge(allocations::router())
        .merge(explain::router())
        .merge(integration::router())
        .merge(health::router())
}
