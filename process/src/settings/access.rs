//! How a shop is called: by a token, or by an app's credentials under one of two grants.

use serde::Deserialize;
use shop_tokens::ShopAccess;
use shopify::admin::{AccessToken, App, ClientSecret};

use super::{Problems, Secrets, Shop, Shops, shops::Keys};

/// How an app comes by its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub(super) enum Grant {
    /// It asks for them itself: an app and a shop of one organisation.
    #[default]
    ClientCredentials,
    /// Somebody of the shop installs it.
    AuthorizationCode,
}

impl Grant {
    /// What a variable says.
    pub(super) fn parse(given: &str) -> Option<Self> {
        match given {
            "client_credentials" => Some(Self::ClientCredentials),
            "authorization_code" => Some(Self::AuthorizationCode),
            _ => None,
        }
    }
}

/// What is given of a shop.
pub(super) struct Given {
    pub(super) admin_token: String,
    pub(super) client_id: Option<String>,
    pub(super) client_secret: String,
    pub(super) grant: Option<Grant>,
}

/// Who has to have it.
pub(super) struct Needed {
    /// The shop is called.
    pub(super) to_call: bool,
    /// Somebody may come to install the app.
    pub(super) to_install: bool,
}

impl Given {
    /// How the shop is called; none in a process that does not call it, or if something is wrong.
    pub(super) fn check(self, keys: &Keys, needed: &Needed, problems: &mut Problems) -> Option<ShopAccess> {
        let Some(client_id) = self.client_id.filter(|id| !id.is_empty()) else {
            for (name, is_given) in
                [("client_secret", !self.client_secret.is_empty()), ("grant", self.grant.is_some())]
            {
                if is_given {
                    problems.add(&format!("{}: is needed with {}", keys.name("client_id"), keys.name(name)));
                }
            }
            problems.secret(&keys.name("admin_token"), &self.admin_token, needed.to_call);
            return Some(self.admin_token)
                .filter(|token| !token.is_empty())
                .map(|token| ShopAccess::Token(AccessToken::new(token)));
        };
        if !self.admin_token.is_empty() {
            let (token, id) = (keys.name("admin_token"), keys.name("client_id"));
            problems.add(&format!("{token} and {id}: one of them, not both"));
        }
        let grant = self.grant.unwrap_or_default();
        let is_needed = needed.to_call || (needed.to_install && grant == Grant::AuthorizationCode);
        problems.secret(&keys.name("client_secret"), &self.client_secret, is_needed);
        if self.client_secret.is_empty() {
            return None;
        }
        let app = App { client_id, client_secret: ClientSecret::new(self.client_secret) };
        match grant {
            Grant::ClientCredentials => Some(ShopAccess::ClientCredentials(app)),
            // Whoever has nothing to do with its tokens needs no key to them.
            Grant::AuthorizationCode => is_needed.then_some(ShopAccess::Installed(app)),
        }
    }
}

/// What tokens are kept under; needed by whoever uses those of an installed app.
pub(super) fn keys(shops: &Shops, secrets: &Secrets, problems: &mut Problems) -> shop_tokens::Keys {
    let keys = shop_tokens::Keys::parse(secrets.get("WAYBILL_KEYS").unwrap_or_default());
    let keys = keys.unwrap_or_else(|wrong| {
        problems.add(&format!("WAYBILL_KEYS: {wrong}"));
        shop_tokens::Keys::default()
    });
    let installed = |shop: &&Shop| shop.access.as_ref().is_some_and(|access| access.installed().is_some());
    if keys.is_empty()
        && secrets.get("WAYBILL_KEYS").is_none()
        && let Some(shop) = shops.iter().find(installed)
    {
        problems.add(&format!("WAYBILL_KEYS: is not set; the tokens of {} are kept under it", shop.domain));
    }
    keys
}
