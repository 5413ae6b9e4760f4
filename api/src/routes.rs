//! The parts of the interface.

use utoipa_axum::router::OpenApiRouter;

use crate::state::Api;

mod allocations;
mod attention;
mod bulk_answers;
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
mod users;
mod webhook_subscriptions;
pub(crate) mod webhooks;

pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(webhooks::router())
        .merge(inbox::router())
        .merge(dead_letters::router())
        .merge(webhook_subscriptions::router())
        .merge(attention::router())
        .merge(bulk_answers::router())
        .merge(overview::router())
        .merge(inventory::router())
        .merge(lanes::router())
        .merge(me::router())
        .merge(orders::router())
        .merge(returns::router())
        .merge(users::router())
        .merge(data_requests::router())
        .merge(allocations::router())
        .merge(explain::router())
        .merge(integration::router())
        .merge(health::router())
}
