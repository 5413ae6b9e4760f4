//! What the API has to do with the shops' own APIs: apps that somebody installs, and how a shop is set up. Orders are the
//! worker's.

use std::{collections::HashMap, sync::Arc};

use calls::HttpSetUpError;
use domain::ShopDomain;
use process::settings::Shared;
use shop_tokens::TokenStore;
use shopify::admin::AdminClient;
use sqlx::PgPool;
use url::Url;

/// The shops that this process has credentials for. Cheap to clone.
#[derive(Clone)]
pub struct ShopApps {
    /// Where tokens of installed apps are kept.
    pub(crate) store: TokenStore,
    /// Where Shopify and browsers reach the API; none where nobody said.
    pub(crate) public_url: Option<Arc<Url>>,
    clients: Arc<HashMap<ShopDomain, AdminClient>>,
}

impl ShopApps {
    /// Makes a client for each; nothing is sent yet.
    ///
    /// # Errors
    /// If the address of a shop is unusable.
    pub fn new(shared: &Shared, pool: PgPool, public_url: Option<Url>) -> Result<Self, HttpSetUpError> {
        let store = TokenStore::new(pool, shared.keys.clone());
        let called = shared.shops.iter().filter_map(|shop| Some((shop, shop.access.as_ref()?)));
        let clients = called
            .map(|(shop, access)| {
                Ok((shop.domain.clone(), access.client(&shop.domain, &shop.admin_url, &store)?))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { store, public_url: public_url.map(Arc::new), clients: Arc::new(clients) })
    }

    /// The client of a shop, if this process has credentials for it.
    pub(crate) fn client(&self, shop: &ShopDomain) -> Option<&AdminClient> {
        self.clients.get(shop)
    }

    /// An address of ours as browsers and Shopify reach it.
    pub(crate) fn address(&self, path: &[&str]) -> Option<Url> {
        let mut url = self.public_url.as_deref()?.clone();
        url.path_segments_mut().ok()?.pop_if_empty().extend(path);
        Some(url)
    }
}
