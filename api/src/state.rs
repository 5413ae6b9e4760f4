//! What every handler works with.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{FromRequestParts, rejection::ExtensionRejection},
    http::request::Parts,
};
use dispatch::Dispatcher;
use domain::{AwayRule, FulfilmentPolicy, LaneName};
use process::settings::{CustomerLimits, Shops, System};
use sqlx::PgPool;
use stock::Stock;

use crate::{
    caller::Caller, correlation::CorrelationId, health::Found, queue::Queue, shop_apps::ShopApps,
    unverified::Unverified,
};

/// Cheap to clone.
#[derive(Clone)]
pub struct Api {
    pub pool: PgPool,
    /// The shops whose webhooks are taken.
    pub shops: Arc<Shops>,
    /// The shops' own APIs, and where tokens of installed apps are kept.
    pub shop_apps: ShopApps,
    /// The warehouse systems whose callbacks are taken.
    pub systems: Arc<[System]>,
    /// The lanes of calls that are configured.
    pub lanes: Arc<[LaneName]>,
    /// How orders of our own are fulfilled.
    pub policy: Arc<FulfilmentPolicy>,
    /// Where Temporal's Web UI has the pages of workflows, each under its id; none where nobody said.
    pub workflow_pages: Option<Arc<str>>,
    /// How long orders of our own are held unless they say otherwise.
    pub hold_window: Duration,
    /// What is done with orders of our own while the inventory service is away.
    pub when_inventory_is_away: AwayRule,
    /// Whether other machines may be spoken to without TLS.
    pub plain_http: bool,
    /// Whether webhooks of subscribers may go to private addresses.
    pub private_webhooks: bool,
    /// What customers may ask for.
    pub customers: CustomerLimits,
    /// How it was a moment ago.
    pub health: Found,
    /// Where committed messages go.
    pub queue: Queue,
    /// The way to an order's run, for commands whose sender waits.
    pub dispatcher: Dispatcher,
    /// Where the stock of orders is.
    pub stock: Stock,
    /// Whether all other systems that hold stock here are one.
    pub shared_allocations: bool,
    /// Reads what comes before its sender has proved who it is.
    pub unverified: Unverified,
}

/// Who asks, and what answers.
pub(crate) struct Asked {
    pub(crate) api: Api,
    pub(crate) caller: Caller,
    /// Ties together what the request causes.
    pub(crate) correlation_id: CorrelationId,
}

impl FromRequestParts<Api> for Asked {
    type Rejection = ExtensionRejection;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ExtensionRejection> {
        let Ok(caller) = Caller::from_request_parts(parts, api).await;
        let Extension(correlation_id) = Extension::from_request_parts(parts, api).await?;
        Ok(Self { api: api.clone(), caller, correlation_id })
    }
}
