//! Where the Admin API's access token comes from.

use std::future::Future;
use std::pin::Pin;

use super::error::ShopifyError;

/// An access token. It never shows in `Debug`.
#[derive(derive_more::Debug, Clone, PartialEq, Eq)]
#[debug("AccessToken(redacted)")]
pub struct AccessToken(String);

impl AccessToken {
    /// Takes the token as Shopify issued it.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

/// A token, or why there is none.
pub type TokenFuture<'a> = Pin<Box<dyn Future<Output = Result<AccessToken, ShopifyError>> + Send + 'a>>;

/// Gives the token for the next call; asked before each one, so it keeps what it has.
pub trait TokenProvider: Send + Sync {
    /// The token to use now.
    fn token(&self) -> TokenFuture<'_>;
}

/// A token that never changes, as custom apps have.
#[derive(Clone, Debug)]
pub struct StaticToken(AccessToken);

impl StaticToken {
    /// Takes the token as Shopify issued it.
    pub fn new(token: impl Into<String>) -> Self {
        Self(AccessToken::new(token))
    }
}

impl From<AccessToken> for StaticToken {
    fn from(token: AccessToken) -> Self {
        Self(token)
    }
}

impl TokenProvider for StaticToken {
    fn token(&self) -> TokenFuture<'_> {
        let token = self.0.clone();
        Box::pin(async move { Ok(token) })
    }
}
