//! Tokens that an app of the shop's own organisation asks for itself.

use super::AccessToken;
use super::endpoint::TokenEndpoint;
use super::renewing::{Renewed, RenewedFuture, TokenSource};

/// The client credentials grant: 24 hours a token, and any number of them.
#[derive(Debug, Clone)]
pub struct ClientCredentials {
    endpoint: TokenEndpoint,
}

impl ClientCredentials {
    /// Asks there.
    #[must_use]
    pub fn new(endpoint: TokenEndpoint) -> Self {
        Self { endpoint }
    }
}

impl TokenSource for ClientCredentials {
    fn renew<'a>(&'a self, _refused: Option<&'a AccessToken>) -> RenewedFuture<'a> {
        Box::pin(async {
            let granted = self.endpoint.client_credentials().await?;
            Ok(Renewed { token: granted.access, left: granted.lifetime, lifetime: granted.lifetime })
        })
    }
}
