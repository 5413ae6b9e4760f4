//! Signing in at the issuer: OpenID Connect's authorization code flow, with PKCE.
//!
//! | module | what it is |
//! |---|---|
//! | `settings` | what the console is told of the issuer |
//! | `provider` | the issuer: what it says of itself, and its token endpoint |
//! | `round_trip` | what a browser keeps while it is at the issuer |
//! | `refused` | why nobody was signed in, in words |
//!
//! **Invariant:** nothing of a sign-in is kept here, so that whatever process a browser comes back to can end it; and an
//! access token gets into the cookie only if `/api` takes it.

mod provider;
mod refused;
mod round_trip;
mod settings;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::{
    Router,
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, HeaderValue, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use serde::Deserialize;
use tokio::time::timeout;
use url::Url;

use crate::{Console, page, session};
pub use oauth2::ClientSecret;
use provider::Provider;
use refused::Refused;
use round_trip::RoundTrip;
pub use settings::OidcSettings;

/// The issuer is asked up to three times meanwhile, and an answer is due after ten seconds.
const CALLBACK_TIME_LIMIT: Duration = Duration::from_secs(9);

/// Checks ID tokens, with the keys that access tokens are checked with.
#[async_trait]
pub trait IdTokens: Send + Sync {
    /// The nonce of an ID token that is of our issuer, for this client and still good.
    async fn nonce(&self, token: &str, client_id: &str) -> Result<Option<String>, IdTokenRefused>;
}

/// Why an ID token was not taken. Whoever checks it logs what is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdTokenRefused {
    /// It is not good.
    Bad,
    /// The issuer's keys are not here, so nobody knows.
    NoKeysYet,
}

/// The sign-in at the issuer.
pub struct Oidc {
    settings: OidcSettings,
    provider: Provider,
    id_tokens: Arc<dyn IdTokens>,
}

impl Oidc {
    /// The sign-in of these settings.
    ///
    /// # Errors
    /// When there is no TLS on this machine.
    pub fn new(settings: OidcSettings, id_tokens: Arc<dyn IdTokens>) -> Result<Self, reqwest::Error> {
        let provider = Provider::new(&settings)?;
        Ok(Self { settings, provider, id_tokens })
    }

    /// Asks the issuer what it is, before the first person needs it.
    pub async fn warm_up(&self) {
        // What goes wrong is logged there.
        let _ = self.provider.metadata(&self.settings).await;
    }

    /// Where the browser of somebody who signed out here goes to sign out at the issuer.
    pub(crate) async fn end_of_session(&self) -> Option<Url> {
        self.provider.metadata(&self.settings).await.ok()?.end_of_session(&self.settings)
    }
}

pub(crate) fn router() -> Router<Console> {
    Router::new().route("/sign-in/start", get(start)).route("/sign-in/callback", get(callback))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Start {
    to: String,
    /// Whether the issuer is to ask who it is, though it may know.
    as_another: bool,
    /// Whether the browser was led here from another name of the console.
    led: bool,
}

/// Leads to the issuer.
async fn start(
    State(console): State<Console>,
    headers: HeaderMap,
    asked: Result<Query<Start>, QueryRejection>,
) -> Response {
    let Start { to, as_another, led } = asked.map(|Query(asked)| asked).unwrap_or_default();
    let to = session::own(&to);
    let Some(oidc) = &console.oidc else { return session::to_sign_in(&to) };
    let Oidc { settings, provider, .. } = oidc.as_ref();
    let is_elsewhere =
        headers.get(header::HOST).is_none_or(|host| host.as_bytes() != settings.host().as_bytes());
    if is_elsewhere && !led {
        // The issuer leads back to this name of the console, where the browser's cookie has to be.
        let mut url = settings.page("/sign-in/start");
        url.query_pairs_mut().append_pair("to", &to).append_pair("led", "true");
        if as_another {
            url.query_pairs_mut().append_pair("as_another", "true");
        }
        return Redirect::to(url.as_str()).into_response();
    }
    let metadata = match provider.metadata(settings).await {
        Ok(metadata) => metadata,
        Err(refused) => return tell(&refused, settings, &to),
    };
    let (url, trip) = Provider::begin(settings, &metadata, &to, as_another);
    let mut response = Redirect::to(url.as_str()).into_response();
    keep(&mut response, RoundTrip::forget_too_many(&headers));
    keep(&mut response, trip.keep(&headers));
    response
}

/// What a browser brings back from the issuer.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Answer {
    state: String,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

/// Where the issuer leads back to.
async fn callback(
    State(console): State<Console>,
    parts: Parts,
    answer: Result<Query<Answer>, QueryRejection>,
) -> Response {
    let Some(oidc) = &console.oidc else { return session::to_sign_in("/") };
    let Ok(Query(answer)) = answer else { return tell(&Refused::NotBegunHere, &oidc.settings, "/") };
    let Some(trip) = RoundTrip::begun_here(&parts.headers, &answer.state) else {
        return tell(&Refused::NotBegunHere, &oidc.settings, "/");
    };
    let forgotten = RoundTrip::forget(&parts.headers, &answer.state);
    let signed_in = timeout(CALLBACK_TIME_LIMIT, sign_in(oidc, &console, &parts, answer, &trip)).await;
    let mut response = match signed_in.unwrap_or(Err(Refused::Away)) {
        Ok(cookie) => {
            let mut response = Redirect::to(&format!("/console{}", trip.to)).into_response();
            keep(&mut response, [cookie]);
            response
        }
        Err(refused) => tell(&refused, &oidc.settings, &trip.to),
    };
    // It is good for once, whatever became of it.
    keep(&mut response, forgotten);
    response
}

/// The cookie of whoever comes back with this answer.
async fn sign_in(
    oidc: &Oidc,
    console: &Console,
    parts: &Parts,
    answer: Answer,
    trip: &RoundTrip,
) -> Result<HeaderValue, Refused> {
    let Oidc { settings, provider, id_tokens } = oidc;
    let metadata = provider.metadata(settings).await?;
    match answer.iss {
        // RFC 9207: another issuer may have been made to send its code here.
        Some(issuer) if issuer != settings.issuer_name => return Err(Refused::OtherIssuer),
        None if metadata.authorization_response_iss_parameter_supported => return Err(Refused::OtherIssuer),
        _ => {}
    }
    if let Some(code) = answer.error {
        return Err(Refused::Declined(provider::shown(&code)));
    }
    let code = answer.code.ok_or(Refused::Unreadable("it has no code"))?;
    let tokens = provider.exchange(settings, &metadata, code, trip.verifier()).await?;
    match id_tokens.nonce(&tokens.id, &settings.client_id).await {
        Ok(Some(nonce)) if nonce == trip.nonce => {}
        Ok(_) => {
            tracing::warn!("the nonce of an ID token is not of its sign-in");
            return Err(Refused::IdToken);
        }
        Err(IdTokenRefused::Bad) => return Err(Refused::IdToken),
        Err(IdTokenRefused::NoKeysYet) => return Err(Refused::Away),
    }
    session::admit(console, parts, &tokens.access).await.map_err(Refused::AccessToken)
}

/// The page for signing in, which says why nobody was.
fn tell(refused: &Refused, settings: &OidcSettings, to: &str) -> Response {
    let refused::Words { status, sentence, needed, as_another } = refused.words(settings);
    let page =
        page::SignIn { refusal: Some(&sentence), needed: &needed, as_another, ..page::SignIn::new(to, true) };
    page.show(status)
}

fn keep(response: &mut Response, cookies: impl IntoIterator<Item = HeaderValue>) {
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}
