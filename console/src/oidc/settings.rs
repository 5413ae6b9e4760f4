//! What the console is told of the issuer.

use oauth2::ClientSecret;
use url::{Position, Url};

/// The settings of the sign-in at the issuer, checked.
#[derive(Debug, Clone)]
pub struct OidcSettings {
    /// As its tokens and its metadata name it.
    pub issuer: Url,
    /// The same as it was written, which is what is compared.
    pub issuer_name: String,
    /// What access tokens have to be for.
    pub audience: String,
    /// What the issuer knows the console by.
    pub client_id: String,
    /// None of a public client.
    pub client_secret: Option<ClientSecret>,
    /// The origin people know the console at.
    pub console_url: Url,
    /// What is asked for, `openid` among it.
    pub scopes: Vec<String>,
    /// What the issuer has to be told besides.
    pub parameters: Vec<(String, String)>,
}

impl OidcSettings {
    /// A page of the console, as the issuer leads to it.
    pub(super) fn page(&self, path: &str) -> Url {
        let mut url = self.console_url.clone();
        url.set_path(&format!("/console{path}"));
        url
    }

    /// Where people come back to from the issuer.
    pub(super) fn callback(&self) -> Url {
        self.page("/sign-in/callback")
    }

    /// The host that browsers name, with its port.
    pub(super) fn host(&self) -> &str {
        &self.console_url[Position::BeforeHost..Position::AfterPort]
    }

    /// Where the issuer says what it is. A slash at the end of its name is left out there (OpenID Connect
    /// Discovery 1.0, 4.1).
    pub(super) fn metadata(&self) -> Url {
        let mut url = self.issuer.clone();
        url.set_path(&format!(
            "{}/.well-known/openid-configuration",
            self.issuer.path().trim_end_matches('/')
        ));
        url
    }
}
