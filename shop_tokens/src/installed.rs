//! The token of an app that somebody of the shop installed. It is good for an hour; its refresh token is replaced each
//! time it is used.
//!
//! What Shopify says of a refresh whose answer was lost (changelog, 28 August 2026): the refresh token that was used is
//! good again until the one that came with the answer is used, for 30 days after its first use at most and never longer
//! than its own 90 days. So a process that ends between the answer and its commit loses nothing: what is in the database
//! is refreshed again. Only the answer of whoever holds the row's lock is ever used.

use std::time::Duration;

use calls::CallFailure;
use domain::ShopDomain;
use shopify::admin::{
    AccessToken, Renewed, RenewedFuture, ShopifyError, TokenEndpoint, TokenSource, renewed_ahead,
};
use tokio::time::{Instant, sleep};
use tracing::warn;

use crate::store::{Kept, RefreshLock, StoreError, TokenStore};

/// How long a process waits for another one that refreshes: as long as a call may take, and a little.
const LONGEST_WAIT: Duration = Duration::from_secs(12);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(100);

const NOT_INSTALLED: ShopifyError = ShopifyError::NoToken { why: "nobody of the shop has installed the app" };
const NOT_REFRESHED: ShopifyError = ShopifyError::NoToken {
    why: "its refresh token is not accepted any more, as after the app was uninstalled",
};
const NOT_OPENED: ShopifyError =
    ShopifyError::NoToken { why: "it is kept under a key that WAYBILL_KEYS does not have (any more)" };

/// Where the token of one shop comes from.
#[derive(Debug, Clone)]
pub struct InstalledApp {
    shop: ShopDomain,
    endpoint: TokenEndpoint,
    store: TokenStore,
}

impl InstalledApp {
    /// Tokens of this shop, kept there and refreshed at this endpoint.
    #[must_use]
    pub fn new(shop: ShopDomain, endpoint: TokenEndpoint, store: TokenStore) -> Self {
        Self { shop, endpoint, store }
    }

    async fn renewed(&self, refused: Option<&AccessToken>) -> Result<Renewed, ShopifyError> {
        let deadline = Instant::now() + LONGEST_WAIT;
        loop {
            let kept = self.store.read(&self.shop).await.map_err(|error| self.failed(&error))?;
            let kept = kept.ok_or(NOT_INSTALLED)?;
            if kept.is_good(refused) && !kept.is_due() {
                return Ok(kept.into());
            }
            match self.store.lock(&self.shop).await.map_err(|error| self.failed(&error))? {
                Some(lock) => return self.refreshed(lock, refused).await,
                None if kept.is_good(refused) => return Ok(kept.into()),
                None if Instant::now() > deadline => return Err(ShopifyError::TokenNotNow),
                None => sleep(LOOK_AGAIN_AFTER).await,
            }
        }
    }

    async fn refreshed(
        &self,
        lock: RefreshLock,
        refused: Option<&AccessToken>,
    ) -> Result<Renewed, ShopifyError> {
        let kept = lock.kept.clone();
        if kept.is_good(refused) && !kept.is_due() {
            // Somebody else was faster.
            return Ok(kept.into());
        }
        match self.endpoint.refresh(&kept.refresh).await {
            Ok(granted) => {
                lock.keep(&granted).await.map_err(|error| self.failed(&error))?;
                Ok(Renewed { token: granted.access, left: granted.lifetime, lifetime: granted.lifetime })
            }
            Err(error) if kept.is_good(refused) => {
                warn!(shop = %self.shop, code = error.code(), "a token could not be refreshed; the old one is used");
                Ok(kept.into())
            }
            Err(ShopifyError::Unauthorised { .. }) => Err(NOT_REFRESHED),
            Err(error) => Err(error),
        }
    }

    fn failed(&self, error: &StoreError) -> ShopifyError {
        warn!(shop = %self.shop, %error, cause = ?std::error::Error::source(error), "no token");
        match error {
            StoreError::NotOpened | StoreError::NoKey => NOT_OPENED,
            StoreError::Database(_) | StoreError::NotRotating => ShopifyError::TokenNotNow,
        }
    }
}

impl TokenSource for InstalledApp {
    /// Goes on when whoever asked hangs up: an answer of the shop's is to be kept.
    fn renew<'a>(&'a self, refused: Option<&'a AccessToken>) -> RenewedFuture<'a> {
        let (app, refused) = (self.clone(), refused.cloned());
        let renewing = tokio::spawn(async move { app.renewed(refused.as_ref()).await });
        Box::pin(async { renewing.await.unwrap_or(Err(ShopifyError::TokenNotNow)) })
    }
}

impl Kept {
    /// Whether it may be used.
    fn is_good(&self, refused: Option<&AccessToken>) -> bool {
        !self.left.is_zero() && refused != Some(&self.access)
    }

    /// Whether it is time to refresh it.
    fn is_due(&self) -> bool {
        self.left <= renewed_ahead(self.lifetime)
    }
}

impl From<Kept> for Renewed {
    fn from(kept: Kept) -> Self {
        Self { token: kept.access, left: kept.left, lifetime: kept.lifetime }
    }
}
