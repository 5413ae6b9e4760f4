//! The Admin GraphQL API, version 2026-07, as far as fulfilment needs it.
//!
//! **Invariant:** one method is one question or one change; only [`AdminClient::report_parcel`]
//! and [`AdminClient::refund_rest`] ask before they change, and nothing here repeats a call that may have worked: one
//! whose token was refused is sent once more, with another token. Shopify has no idempotency key for `fulfillmentCreate` and `orderCancel`: whoever repeats one reads first.

mod answer;
mod cancellation;
mod deprecated;
mod error;
mod fulfilment_orders;
mod fulfilments;
mod installation;
mod inventory;
pub mod operations;
mod order;
mod pace;
mod pages;
mod plan;
mod refund;
mod report;
mod returns;
mod risk;
mod token;
mod transport;

use std::sync::Arc;

use calls::{HttpSetUpError, TimeLimits};
use domain::ShopDomain;
use url::Url;

pub use cancellation::{CancelOutcome, CancelReason, OrderCancellation};
pub use deprecated::DEPRECATED_CALLS;
pub use error::{ShopifyError, UserError};
pub use fulfilment_orders::{FulfilmentOrder, FulfilmentOrderLine, FulfilmentOrderStatus};
pub use fulfilments::{Fulfilment, NewFulfilment, Tracking};
pub use installation::{Installation, Subscription, missing_scopes, needed_scopes};
pub use inventory::{
    Activated, Item, Level, LevelState, MOST_LEVELS, Page, Quantities, Refusals, SetOutcome, ShopLocation,
    Wanted, WhyNotSet,
};
pub use plan::{FulfilmentGroup, FulfilmentPlan, LinePieces, Unmatched, WhyNot, plan_fulfilment};
pub use refund::{NewRefund, RefundLine, RefundOutcome, RefundTransaction, SuggestedRefund};
pub use report::{EnsureError, ParcelReport, Reported};
pub use returns::RestockedPieces;
pub use risk::OrderRisk;
pub use token::{
    AccessToken, App, ClientCredentials, ClientSecret, Granted, Instead, RENEWALS, RefreshToken, Renewed,
    RenewedFuture, RenewingToken, Rotating, StaticToken, TokenEndpoint, TokenFuture, TokenProvider,
    TokenSource, renewed_ahead,
};
use transport::Transport;

/// The API's version; the client speaks no other.
pub const API_VERSION: &str = "2026-07";

/// How to reach one shop's Admin API.
#[derive(derive_more::Debug, Clone)]
#[debug("AdminSettings({shop}, {admin_url})")]
pub struct AdminSettings {
    /// The shop.
    pub shop: ShopDomain,
    /// The base address, `https://{shop}` but for tests; the API's path is appended.
    pub admin_url: Url,
    /// Where the access token comes from.
    pub token: Arc<dyn TokenProvider>,
    /// How long a call may take.
    pub limits: TimeLimits,
}

impl AdminSettings {
    /// Settings with the usual time limits.
    #[must_use]
    pub fn new(shop: ShopDomain, admin_url: Url, token: Arc<dyn TokenProvider>) -> Self {
        Self { shop, admin_url, token, limits: TimeLimits::default() }
    }
}

/// One shop's Admin API. Cheap to clone; clones share their connections.
#[derive(derive_more::Debug, Clone)]
#[debug("AdminClient({shop})")]
pub struct AdminClient {
    shop: ShopDomain,
    transport: Transport,
}

impl AdminClient {
    /// Makes a client; nothing is sent yet.
    ///
    /// # Errors
    /// [`HttpSetUpError`] if the address or the machine's certificates are unusable.
    pub fn new(settings: AdminSettings) -> Result<Self, HttpSetUpError> {
        let shop = settings.shop.clone();
        Ok(Self { shop, transport: Transport::new(settings)? })
    }

    /// The same client, for calls that come after all others: they leave half of the shop's bucket of points to those of
    /// the client that this one is made of, and of its clones.
    #[must_use]
    pub fn after_others(&self) -> Self {
        Self { shop: self.shop.clone(), transport: self.transport.after_others() }
    }

    /// Reads the least there is: whether the shop answers, and knows us.
    ///
    /// # Errors
    /// [`ShopifyError`].
    pub async fn greet(&self) -> Result<(), ShopifyError> {
        self.transport
            .call::<serde::de::IgnoredAny>(operations::GREET, serde_json::json!({}))
            .await
            .map(|_| ())
    }

    /// Renews the token if it is due, so that one that expires in disuse does not.
    pub async fn keep_token(&self) {
        self.transport.keep_token().await;
    }

    /// The shop this client speaks to.
    #[must_use]
    pub fn shop(&self) -> &ShopDomain {
        &self.shop
    }
}

#[cfg(test)]
mod tests;

/// What the fuzz targets get at.
#[cfg(any(fuzzing, test))]
pub mod fuzzed {
    use super::{answer, order};

    /// Reads an answer, and the order in it if there is one.
    pub fn answer(status: u16, body: &[u8]) {
        let _ = answer::cost(body);
        if let Ok(data) = answer::read(status, Some("2.0"), body) {
            let _ = order::fuzzed(data);
        }
    }

    #[test]
    fn the_corpus_of_the_fuzz_target_is_read_to_its_end() {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/graphql_answer");
        let inputs: Vec<_> = std::fs::read_dir(corpus)
            .unwrap()
            .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
            .collect();
        assert!(!inputs.is_empty());
        for input in &inputs {
            [200, 429, 502].into_iter().for_each(|status| answer(status, &input[2..]));
        }
    }
}
