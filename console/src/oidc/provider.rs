//! The issuer: what it says of itself, and its token endpoint.
//!
//! **Invariant:** nobody can make us wait for it longer than a few seconds, read much of what it says, or ask it often
//! while it is away.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use oauth2::{
    AsyncHttpClient, AuthType, AuthUrl, AuthorizationCode, ClientId, CsrfToken, EndpointNotSet, EndpointSet,
    HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
    StandardRevocableToken, StandardTokenResponse, TokenResponse, TokenUrl,
    basic::{
        BasicErrorResponse, BasicErrorResponseType, BasicRevocationErrorResponse,
        BasicTokenIntrospectionResponse, BasicTokenType,
    },
};
use reqwest::{Client, Response, redirect::Policy};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, Semaphore};
use tracing::{info, warn};
use url::Url;

use super::{refused::Refused, round_trip::RoundTrip, settings::OidcSettings};
use crate::session;

const CONNECT_TIME_LIMIT: Duration = Duration::from_secs(2);
const TIME_LIMIT: Duration = Duration::from_secs(4);
const MOST_ANSWER_BYTES: usize = 256 * 1024;
/// Sign-ins that wait for the token endpoint at once, in one process.
const MOST_EXCHANGES: usize = 20;
/// What the issuer says of itself is asked again after this.
const OLD_AFTER: Duration = Duration::from_secs(600);
/// Failed sign-ins are logged so often.
const LOGGED_EVERY: Duration = Duration::from_secs(1);
/// It is left alone for so long after it did not answer.
const NOT_AGAIN_BEFORE: Duration = Duration::from_secs(2);

/// The issuer, as one process knows it.
pub(super) struct Provider {
    http: Client,
    known: Mutex<Known>,
    exchanges: Semaphore,
    /// When a failed exchange was last logged: whoever makes them fail does not fill the log.
    said_at: std::sync::Mutex<Option<Instant>>,
}

#[derive(Default)]
struct Known {
    metadata: Option<Arc<Metadata>>,
    asked_at: Option<Instant>,
    has_answered: bool,
}

/// What an issuer says of itself, as far as it is used (OpenID Connect Discovery 1.0, 3).
#[derive(Deserialize)]
pub(super) struct Metadata {
    issuer: String,
    authorization_endpoint: Url,
    token_endpoint: Url,
    pub(super) end_session_endpoint: Option<Url>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// Whether every answer names it (RFC 9207).
    #[serde(default)]
    pub(super) authorization_response_iss_parameter_supported: bool,
}

/// What the token endpoint says, beside what OAuth 2 has.
#[derive(derive_more::Debug, Serialize, Deserialize)]
#[debug("IdTokenField([redacted])")]
struct IdTokenField {
    id_token: Option<String>,
}

impl oauth2::ExtraTokenFields for IdTokenField {}

/// The console as a client of the issuer.
type RelyingParty = oauth2::Client<
    BasicErrorResponse,
    StandardTokenResponse<IdTokenField, BasicTokenType>,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// What a code was exchanged for.
pub(super) struct Tokens {
    pub(super) access: String,
    pub(super) id: String,
}

/// Why the issuer could not be asked. Nothing of what it said is shown.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    #[error("{0}")]
    Http(reqwest::Error),
    #[error("the answer has more than {MOST_ANSWER_BYTES} bytes")]
    TooLarge,
    #[error("it answers {0}")]
    Status(reqwest::StatusCode),
    #[error("it says {0}, which cannot be used")]
    Metadata(&'static str),
    #[error("{0}")]
    Json(serde_json::Error),
}

impl From<reqwest::Error> for CallError {
    fn from(error: reqwest::Error) -> Self {
        Self::Http(error.without_url())
    }
}

impl Provider {
    /// # Errors
    /// When there is no TLS on this machine.
    pub(super) fn new(settings: &OidcSettings) -> Result<Self, reqwest::Error> {
        // An error says that there is a provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .connect_timeout(CONNECT_TIME_LIMIT)
            .timeout(TIME_LIMIT)
            // A code and a secret go where the metadata says, or nowhere.
            .redirect(Policy::none());
        if settings.issuer.scheme() == "http" {
            // No certificate is ever asked for: the machine need not have any.
            builder = builder.tls_certs_only([]);
        }
        let exchanges = Semaphore::new(MOST_EXCHANGES);
        let http = builder.build()?;
        Ok(Self { http, known: Mutex::default(), exchanges, said_at: std::sync::Mutex::default() })
    }

    /// What the issuer says of itself. What it said before is good while it is away.
    pub(super) async fn metadata(&self, settings: &OidcSettings) -> Result<Arc<Metadata>, Refused> {
        let mut known = self.known.lock().await;
        let rest = if known.has_answered { OLD_AFTER } else { NOT_AGAIN_BEFORE };
        if known.asked_at.is_none_or(|at| at.elapsed() >= rest) {
            let answer = self.discover(settings).await;
            known.has_answered = answer.is_ok();
            match answer {
                Ok(metadata) => known.metadata = Some(Arc::new(metadata)),
                Err(problem) => {
                    warn!(%problem, "the issuer of the console's sign-in cannot be asked what it is")
                }
            }
            known.asked_at = Some(Instant::now());
        }
        known.metadata.clone().ok_or(Refused::Away)
    }

    async fn discover(&self, settings: &OidcSettings) -> Result<Metadata, CallError> {
        let response = self.http.get(settings.metadata()).send().await?;
        if !response.status().is_success() {
            return Err(CallError::Status(response.status()));
        }
        let metadata: Metadata = serde_json::from_slice(&body(response).await?).map_err(CallError::Json)?;
        metadata.check(settings)?;
        info!("the issuer of the console's sign-in has said what it is");
        Ok(metadata)
    }

    /// The page of the issuer where somebody signs in, and what their browser is to keep meanwhile.
    pub(super) fn begin(
        settings: &OidcSettings,
        metadata: &Metadata,
        to: &str,
        as_another: bool,
    ) -> (Url, RoundTrip) {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let nonce = CsrfToken::new_random();
        let party = metadata.relying_party(settings);
        let mut request = party
            .authorize_url(CsrfToken::new_random)
            .add_scopes(settings.scopes.iter().cloned().map(Scope::new))
            .set_pkce_challenge(challenge)
            .add_extra_param("nonce", nonce.secret());
        for (name, value) in &settings.parameters {
            request = request.add_extra_param(name, value);
        }
        if as_another {
            request = request.add_extra_param("prompt", "login");
        }
        let (url, state) = request.url();
        let trip = RoundTrip::new(&state, &nonce, &verifier, to);
        (url, trip)
    }

    /// The tokens for a code.
    pub(super) async fn exchange(
        &self,
        settings: &OidcSettings,
        metadata: &Metadata,
        code: String,
        verifier: PkceCodeVerifier,
    ) -> Result<Tokens, Refused> {
        let _exchange = self.exchanges.try_acquire().map_err(|_| Refused::Busy)?;
        let party = metadata.relying_party(settings);
        let mut request = party.exchange_code(AuthorizationCode::new(code)).set_pkce_verifier(verifier);
        // What the token is for may have to be said again (RFC 8707, 2.2); what is not known there is passed over.
        for (name, value) in &settings.parameters {
            request = request.add_extra_param(name, value);
        }
        let answer = request.request_async(self).await.map_err(|error| self.refused(&error))?;
        let access = answer.access_token().secret().clone();
        let Some(id) = answer.extra_fields().id_token.clone() else {
            warn!("the issuer's answer to a sign-in has no ID token");
            return Err(Refused::Unreadable("it has no ID token"));
        };
        Ok(Tokens { access, id })
    }

    fn refused(&self, error: &RequestTokenError<CallError, BasicErrorResponse>) -> Refused {
        // What an issuer says besides may hold tokens, so that it is not logged.
        let (problem, refused) = match error {
            RequestTokenError::ServerResponse(answer) => {
                let code = shown(answer.error().as_ref());
                let refused = match answer.error() {
                    BasicErrorResponseType::InvalidGrant => Refused::Code,
                    _ => Refused::Client(code.clone()),
                };
                (format!("it answers {code}"), refused)
            }
            RequestTokenError::Request(problem) => (problem.to_string(), Refused::Away),
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
                let what = "it is none of OAuth 2";
                (format!("its answer cannot be used: {what}"), Refused::Unreadable(what))
            }
        };
        if self.may_log() {
            warn!(%problem, "the issuer gives no tokens for the code of a sign-in");
        }
        refused
    }

    fn may_log(&self) -> bool {
        let Ok(mut said_at) = self.said_at.lock() else { return true };
        let is_turn = said_at.is_none_or(|at| at.elapsed() >= LOGGED_EVERY);
        if is_turn {
            *said_at = Some(Instant::now());
        }
        is_turn
    }
}

impl<'c> AsyncHttpClient<'c> for Provider {
    type Error = CallError;
    type Future = futures::future::BoxFuture<'c, Result<HttpResponse, CallError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let response = self.http.execute(request.try_into()?).await?;
            let status = response.status();
            if status.is_server_error() {
                return Err(CallError::Status(status));
            }
            let headers = response.headers().clone();
            let mut answer = HttpResponse::new(body(response).await?);
            *answer.status_mut() = status;
            *answer.headers_mut() = headers;
            Ok(answer)
        })
    }
}

impl Metadata {
    /// Whether it is of the issuer that was asked, and sends nobody where others listen.
    fn check(&self, settings: &OidcSettings) -> Result<(), CallError> {
        if self.issuer != settings.issuer_name {
            return Err(CallError::Metadata("another issuer than AUTH_ISSUER"));
        }
        let ends = [
            Some(&self.authorization_endpoint),
            Some(&self.token_endpoint),
            self.end_session_endpoint.as_ref(),
        ];
        if !ends.into_iter().flatten().all(is_safe) {
            return Err(CallError::Metadata("an endpoint without TLS"));
        }
        Ok(())
    }

    fn relying_party(&self, settings: &OidcSettings) -> RelyingParty {
        let party = oauth2::Client::new(ClientId::new(settings.client_id.clone()))
            .set_auth_uri(AuthUrl::from_url(self.authorization_endpoint.clone()))
            .set_token_uri(TokenUrl::from_url(self.token_endpoint.clone()))
            .set_redirect_uri(RedirectUrl::from_url(settings.callback()))
            .set_auth_type(self.auth_type());
        match &settings.client_secret {
            Some(secret) => party.set_client_secret(secret.clone()),
            None => party,
        }
    }

    /// In a header, unless the issuer takes a secret in the body alone.
    fn auth_type(&self) -> AuthType {
        let methods = self.token_endpoint_auth_methods_supported.as_deref();
        let takes = |name: &str| methods.is_some_and(|methods| methods.iter().any(|method| method == name));
        if takes("client_secret_post") && !takes("client_secret_basic") {
            AuthType::RequestBody
        } else {
            AuthType::BasicAuth
        }
    }

    /// Where somebody signs out at the issuer, and comes back from.
    pub(super) fn end_of_session(&self, settings: &OidcSettings) -> Option<Url> {
        let mut url = self.end_session_endpoint.clone()?;
        url.query_pairs_mut()
            .append_pair("client_id", &settings.client_id)
            .append_pair("post_logout_redirect_uri", settings.page("/sign-in").as_str());
        Some(url)
    }
}

/// Over TLS, or to this machine.
fn is_safe(url: &Url) -> bool {
    let is_here = url.host_str().is_some_and(session::is_this_machine);
    url.scheme() == "https" || (url.scheme() == "http" && is_here)
}

async fn body(mut response: Response) -> Result<Vec<u8>, CallError> {
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await? {
        body.extend_from_slice(&part);
        if body.len() > MOST_ANSWER_BYTES {
            return Err(CallError::TooLarge);
        }
    }
    Ok(body)
}

/// An error's code as it may be shown: codes are words, and what is none is not repeated.
pub(super) fn shown(code: &str) -> String {
    const MOST: usize = 64;
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let is_code = (1..=MOST).contains(&code.len()) && code.bytes().all(is_word);
    if is_code { code.to_owned() } else { "an unknown error".to_owned() }
}

#[cfg(test)]
mod tests;
