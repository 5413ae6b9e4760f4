//! How a shop is called, and the client that does it.

use std::sync::Arc;

use calls::HttpSetUpError;
use domain::ShopDomain;
use shopify::admin::{
    AccessToken, AdminClient, AdminSettings, App, ClientCredentials, RenewingToken, StaticToken,
    TokenEndpoint, TokenProvider,
};
use url::Url;

use crate::{InstalledApp, TokenStore};

/// How a shop is called.
#[derive(Debug, Clone)]
pub enum ShopAccess {
    /// With a token that never ends.
    Token(AccessToken),
    /// With tokens that our app, of the shop's own organisation, asks for itself (client credentials grant).
    ClientCredentials(App),
    /// With a token that somebody of the shop grants by installing our app (authorization code grant).
    Installed(App),
}

impl ShopAccess {
    /// The app that somebody of the shop installs, where there is one.
    #[must_use]
    pub fn installed(&self) -> Option<&App> {
        match self {
            Self::Installed(app) => Some(app),
            Self::Token(_) | Self::ClientCredentials(_) => None,
        }
    }

    /// The client of a shop. One of a process: its clones share the token, and renew it once.
    ///
    /// # Errors
    /// [`HttpSetUpError`] if the address or the machine's certificates are unusable.
    pub fn client(
        &self,
        shop: &ShopDomain,
        admin_url: &Url,
        store: &TokenStore,
    ) -> Result<AdminClient, HttpSetUpError> {
        let endpoint = |app: &App| TokenEndpoint::new(shop, admin_url, app.clone());
        let token: Arc<dyn TokenProvider> = match self {
            Self::Token(token) => Arc::new(StaticToken::from(token.clone())),
            Self::ClientCredentials(app) => {
                Arc::new(RenewingToken::new(shop.clone(), ClientCredentials::new(endpoint(app)?)))
            }
            Self::Installed(app) => {
                let installed = InstalledApp::new(shop.clone(), endpoint(app)?, store.clone());
                Arc::new(RenewingToken::new(shop.clone(), installed))
            }
        };
        AdminClient::new(AdminSettings::new(shop.clone(), admin_url.clone(), token))
    }
}
