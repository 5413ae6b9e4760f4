//! Where the Admin API's access token comes from.
//!
//! | module | what it is |
//! |---|---|
//! | `endpoint` | a shop's token endpoint, and the grants it is asked for |
//! | `renewing` | a token that is renewed ahead of its end, once for all who use it |
//! | `client_credentials` | tokens that an app of the shop's own organisation asks for itself |

use std::future::Future;
use std::pin::Pin;

use super::error::ShopifyError;

mod client_credentials;
mod endpoint;
mod renewing;

pub use client_credentials::ClientCredentials;
pub use endpoint::{App, ClientSecret, Granted, RefreshToken, Rotating, TokenEndpoint};
pub use renewing::{RENEWALS, Renewed, RenewedFuture, RenewingToken, TokenSource, renewed_ahead};

/// An access token. It never shows in `Debug`.
#[derive(derive_more::Debug, Clone, PartialEq, Eq)]
#[debug("AccessToken(redacted)")]
pub struct AccessToken(String);

impl AccessToken {
    /// Takes the token as Shopify issued it.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// The token itself, for whoever sends or seals it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// A token, or why there is none.
pub type TokenFuture<'a> = Pin<Box<dyn Future<Output = Result<AccessToken, ShopifyError>> + Send + 'a>>;

/// Gives the token for the next call; asked before each one, so it keeps what it has.
pub trait TokenProvider: Send + Sync {
    /// The token to use now.
    fn token(&self) -> TokenFuture<'_>;

    /// The token to use instead of one that the shop has just refused; none where there is no other.
    fn instead_of<'a>(
        &'a self,
        _refused: &'a AccessToken,
    ) -> Pin<Box<dyn Future<Output = Instead> + Send + 'a>> {
        Box::pin(async { Ok(None) })
    }
}

/// Another token, if there is one, or why it could not be had.
pub type Instead = Result<Option<AccessToken>, ShopifyError>;

/// A token that never changes, as custom apps made in a shop's admin have.
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
