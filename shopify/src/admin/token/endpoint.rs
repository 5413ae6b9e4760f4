//! A shop's token endpoint (`POST /admin/oauth/access_token`), as Shopify's pages on access tokens describe it in
//! November 2026.
//!
//! **Invariant:** no token and no secret is part of an error. A grant that failed has changed nothing that anybody
//! relies on: the call it was for was not sent.

use std::sync::Arc;
use std::time::Duration;

use calls::{
    Breaker, BreakerSettings, Http, HttpAnswer, HttpSetUpError, TimeLimits, VendorText, wait_asked_for,
};
use domain::ShopDomain;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use serde::Deserialize;
use url::Url;

use super::AccessToken;
use crate::admin::error::ShopifyError;

/// The most bytes of an answer that are read.
const MOST_BYTES: usize = 64 * 1024;
/// Characters of Shopify's error code that are kept.
const MOST_CODE_CHARACTERS: usize = 60;
/// What a token is good for whose answer does not say so: as long as the shorter of the two kinds.
const UNSAID_LIFETIME: Duration = Duration::from_secs(60 * 60);
/// What a refresh token is good for whose answer does not say so.
const UNSAID_REFRESH_LIFETIME: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// What Shopify knows an app by, and signs with what it says to it.
#[derive(derive_more::Debug, Clone)]
#[debug("ClientSecret(redacted)")]
pub struct ClientSecret(String);

impl ClientSecret {
    /// Takes the secret as Shopify shows it.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// An app's credentials.
#[derive(Debug, Clone)]
pub struct App {
    /// The client id. It is no secret.
    pub client_id: String,
    /// The client secret.
    pub client_secret: ClientSecret,
}

/// A refresh token. It never shows in `Debug`.
#[derive(derive_more::Debug, Clone, PartialEq, Eq)]
#[debug("RefreshToken(redacted)")]
pub struct RefreshToken(String);

impl RefreshToken {
    /// Takes the token as Shopify issued it.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// The token itself, for whoever seals it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// What a shop granted.
#[derive(Debug, Clone)]
pub struct Granted {
    /// The access token.
    pub access: AccessToken,
    /// How long it is good for.
    pub lifetime: Duration,
    /// What the next one is had with, where it is one that expires and rotates.
    pub rotating: Option<Rotating>,
    /// The access scopes, as Shopify lists them.
    pub scopes: Vec<String>,
}

/// A refresh token that is replaced each time it is used.
#[derive(Debug, Clone)]
pub struct Rotating {
    /// The refresh token.
    pub refresh: RefreshToken,
    /// How long it is good for.
    pub lifetime: Duration,
}

#[derive(Deserialize)]
struct Body {
    access_token: String,
    expires_in: Option<u64>,
    refresh_token: Option<String>,
    refresh_token_expires_in: Option<u64>,
    #[serde(default)]
    scope: String,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    error: String,
}

/// One shop's token endpoint. Cheap to clone.
#[derive(Debug, Clone)]
pub struct TokenEndpoint {
    http: Http,
    url: Url,
    app: App,
}

impl TokenEndpoint {
    /// The endpoint under a shop's base address; nothing is sent yet.
    ///
    /// # Errors
    /// [`HttpSetUpError`] if the address or the machine's certificates are unusable.
    pub fn new(shop: &ShopDomain, admin_url: &Url, app: App) -> Result<Self, HttpSetUpError> {
        let mut url = admin_url.clone();
        url.path_segments_mut().map_err(|()| HttpSetUpError::Address)?.pop_if_empty().extend([
            "admin",
            "oauth",
            "access_token",
        ]);
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
        let breaker = Breaker::new(&format!("{shop} tokens"), BreakerSettings::default());
        let http = Http::new(&url, headers, TimeLimits::default(), MOST_BYTES, Arc::new(breaker))?;
        Ok(Self { http, url, app })
    }

    /// A token for 24 hours, for an app and a shop of one organisation.
    ///
    /// # Errors
    /// [`ShopifyError`]; `Unauthorised` where the app is not installed or its secret is wrong.
    pub async fn client_credentials(&self) -> Result<Granted, ShopifyError> {
        self.ask(&[("grant_type", "client_credentials")]).await
    }

    /// The first tokens after somebody of the shop installed the app; a code is good once.
    ///
    /// # Errors
    /// [`ShopifyError`]; `Unauthorised` where the code is not good.
    pub async fn exchange_code(&self, code: &str) -> Result<Granted, ShopifyError> {
        self.ask(&[("code", code), ("expiring", "1")]).await
    }

    /// The next tokens. The refresh token that was used is good again until the one that came with the answer is used,
    /// for 30 days at most: an answer that was lost may be asked for again.
    ///
    /// # Errors
    /// [`ShopifyError`]; `Unauthorised` where the refresh token is not good any more.
    pub async fn refresh(&self, refresh: &RefreshToken) -> Result<Granted, ShopifyError> {
        self.ask(&[("grant_type", "refresh_token"), ("refresh_token", &refresh.0)]).await
    }

    async fn ask(&self, grant: &[(&str, &str)]) -> Result<Granted, ShopifyError> {
        let App { client_id, client_secret } = &self.app;
        let app = [("client_id", client_id.as_str()), ("client_secret", client_secret.0.as_str())];
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(app.iter().chain(grant))
            .finish();
        let request = self
            .http
            .client()
            .post(self.url.clone())
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form);
        // Whatever became of it, the call that needs the token was not sent.
        let answer = self.http.send(request).await.map_err(|_| ShopifyError::Unreachable)?;
        read(&answer)
    }
}

fn read(answer: &HttpAnswer) -> Result<Granted, ShopifyError> {
    match answer.status {
        200..=299 => {
            let body: Body = serde_json::from_slice(&answer.body).map_err(|_| ShopifyError::Unreachable)?;
            Ok(body.granted())
        }
        429 => Err(ShopifyError::Throttled {
            retry_after: wait_asked_for(
                answer.header("retry-after").and_then(|text| text.trim().parse().ok()),
            ),
        }),
        500.. => Err(ShopifyError::Unreachable),
        _ => Err(ShopifyError::Unauthorised { text: code_of(&answer.body) }),
    }
}

impl Body {
    fn granted(self) -> Granted {
        let lifetime = |seconds: Option<u64>, unsaid| seconds.map_or(unsaid, Duration::from_secs);
        let scopes = self.scope.split(',').map(str::trim).filter(|scope| !scope.is_empty());
        Granted {
            access: AccessToken::new(self.access_token),
            lifetime: lifetime(self.expires_in, UNSAID_LIFETIME),
            rotating: self.refresh_token.map(|refresh| Rotating {
                refresh: RefreshToken::new(refresh),
                lifetime: lifetime(self.refresh_token_expires_in, UNSAID_REFRESH_LIFETIME),
            }),
            scopes: scopes.map(str::to_owned).collect(),
        }
    }
}

/// The code of a refusal, such as `invalid_grant`; a sentence beside it may quote what was sent.
fn code_of(body: &[u8]) -> VendorText {
    let refusal: Option<Refusal> = serde_json::from_slice(body).ok();
    let code = refusal.map(|refusal| refusal.error).unwrap_or_default();
    let is_code = |character: &char| character.is_ascii_alphanumeric() || *character == '_';
    VendorText::new(code.chars().take_while(is_code).take(MOST_CODE_CHARACTERS).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, body: &str) -> Result<Granted, ShopifyError> {
        read(&HttpAnswer { status, headers: HeaderMap::new(), body: body.as_bytes().to_vec() })
    }

    #[test]
    fn tokens_are_read_with_what_they_are_good_for() {
        let body = r#"{"access_token": "a", "expires_in": 3600, "refresh_token": "r",
                       "refresh_token_expires_in": 7776000, "scope": "read_orders, write_orders"}"#;
        let granted = answered(200, body).unwrap();
        assert_eq!(granted.access.reveal(), "a");
        assert_eq!(granted.lifetime, Duration::from_secs(3600));
        let rotating = granted.rotating.unwrap();
        assert_eq!((rotating.refresh.reveal(), rotating.lifetime), ("r", Duration::from_secs(7_776_000)));
        assert_eq!(granted.scopes, ["read_orders", "write_orders"]);
        let bare = answered(200, r#"{"access_token": "a"}"#).unwrap();
        assert_eq!(bare.lifetime, Duration::from_secs(3600));
        assert!(bare.rotating.is_none());
    }

    #[test]
    fn a_refusal_keeps_its_code_and_nothing_that_was_sent() {
        let body = r#"{"error": "invalid_grant", "error_description": "the token shprt_1 is not known"}"#;
        let Err(ShopifyError::Unauthorised { text }) = answered(400, body) else { panic!("it is refused") };
        assert_eq!(text.as_str(), "invalid_grant");
        for (status, body) in [(500, ""), (503, "busy"), (200, "<html>"), (200, "{}")] {
            assert_eq!(answered(status, body).unwrap_err(), ShopifyError::Unreachable, "{status} {body}");
        }
        assert!(matches!(answered(429, "").unwrap_err(), ShopifyError::Throttled { .. }));
    }

    #[test]
    fn nothing_secret_shows_in_debug() {
        let app = App { client_id: "id".into(), client_secret: ClientSecret::new("hush") };
        let granted = answered(200, r#"{"access_token": "hush", "refresh_token": "hush"}"#).unwrap();
        assert!(!format!("{app:?} {granted:?}").contains("hush"));
    }
}
