//! Stand-ins for Shopify and for two warehouse systems (WMS), with faults to order.
//!
//! | module | what it is |
//! |---|---|
//! | `run` | the process from its start to its end |
//! | [`settings`] | the flags and environment variables of the process |
//! | `server` | accepts connections, and drops them unanswered when told to |
//! | `control` | what both servers share: ledger, faults, background work, `/_…` routes |
//! | `calls` | one call from the outside: ledger entries and faults around its effect |
//! | `deliveries` | signed messages to the outside, repeated until they are accepted |
//! | `shopify` | the shop: orders, webhooks, Admin GraphQL |
//! | `warehouse` | the WMS and a second one in another dialect: hand-overs, callbacks |
//!
//! **Invariant:** nothing here is shared with the rooms it stands in for, and every effect is
//! in a ledger in the moment it happens, whatever the caller is told about it.

mod calls;
mod control;
mod deliveries;
mod faults;
mod ledger;
mod run;
mod server;
pub mod settings;
mod shopify;
mod warehouse;

use std::net::SocketAddr;

pub use run::run;
use server::Server;
pub use settings::{Settings, SettingsError};

/// Both servers, running.
pub struct Simulators {
    shopify: Server,
    wms: Server,
}

impl Simulators {
    /// Binds both addresses and starts to serve.
    ///
    /// # Errors
    /// An address that cannot be bound, or that others can reach who know the secrets, a secret that is not base64, or
    /// an HTTP client that cannot be built.
    pub async fn start(settings: Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        // An error only says that somebody in this process installed a provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let shopify =
            Server::start("SIM_SHOPIFY_LISTEN", settings.shopify_listen, shopify::router(&settings)?).await?;
        let wms = Server::start("SIM_WMS_LISTEN", settings.wms_listen, warehouse::router(&settings)?).await?;
        Ok(Self { shopify, wms })
    }

    /// Where the simulated Shopify listens.
    pub fn shopify_address(&self) -> SocketAddr {
        self.shopify.address()
    }

    /// Where the simulated WMS listens.
    pub fn wms_address(&self) -> SocketAddr {
        self.wms.address()
    }

    /// Stops accepting and drops every open connection.
    pub async fn stop(self) {
        self.shopify.stop().await;
        self.wms.stop().await;
    }
}
