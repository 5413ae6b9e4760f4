//! Who sends a request, and whether it may.
//!
//! | module | what it is |
//! |---|---|
//! | [`settings`] | the settings of who may call |
//! | `table` | role × route |
//! | `token`, `keys`, `issuer`, `cryptography` | whether a token is good |
//! | `id_token` | ID tokens of the console's sign-in |
//! | `origin` | whether a request without a token comes from this machine |
//! | `limits` | how much one caller may ask for |
//!
//! **Invariant:** no handler of a route that is not open runs before the table was asked, and a caller
//! who is refused is told nothing about the token: the reason is in our log.

pub mod settings;

mod cryptography;
mod id_token;
mod issuer;
mod keys;
mod limits;
mod origin;
pub(crate) mod table;
mod token;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, LazyLock},
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use console::Oidc;
use tower_http::cors::CorsLayer;
use tracing::{error, warn};

use crate::{
    caller::{Caller, Role},
    correlation,
    paced_log::PacedLog,
    problem::Problem,
};
use issuer::Pace;
use limits::{Limits, Who};
use settings::AccessConfig;
use table::Door;
use token::{Bearer, TokenError, Verifier};

const UNAUTHENTICATED: Problem = Problem::Unauthenticated("This needs a valid bearer token");

/// The address a request came from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// A request that another one causes comes from the same address.
pub(crate) fn take_over(from: &Extensions, to: &mut Extensions) {
    if let Some(peer) = from.get::<Peer>() {
        to.insert(*peer);
    }
}

pub struct Access {
    /// None takes no token.
    verifier: Option<Arc<Verifier>>,
    /// The console's sign-in at the issuer.
    sign_in: Option<Arc<Oidc>>,
    tokenless: bool,
    limits: Limits,
    cors_origins: Vec<HeaderValue>,
}

impl Access {
    /// Decides as the settings say.
    ///
    /// # Errors
    /// When there is no TLS on this machine.
    pub fn new(config: &AccessConfig) -> Result<Self, reqwest::Error> {
        let verifier =
            config.authentication.as_ref().map(|settings| Verifier::new(settings, Pace::default()));
        let verifier = verifier.transpose()?.map(Arc::new);
        let sign_in = match (&config.sign_in, &verifier) {
            (Some(settings), Some(verifier)) => {
                let id_tokens = id_token::OfIssuer(Arc::clone(verifier));
                Some(Arc::new(Oidc::new(settings.clone(), Arc::new(id_tokens))?))
            }
            _ => None,
        };
        Ok(Self {
            verifier,
            sign_in,
            tokenless: config.tokenless,
            limits: Limits::new(config.requests_per_s),
            cors_origins: config.cors_origins.clone(),
        })
    }

    /// Says what is unusual about the settings, and asks the issuer for its keys and what it is.
    pub fn prepare(&self) {
        match &self.verifier {
            Some(verifier) => verifier.warm_up(),
            None => warn!(
                "no token can be checked, so the integration API is closed; \
                 AUTH_JWKS_URL or AUTH_HS256_SECRET opens it"
            ),
        }
        if let Some(sign_in) = self.sign_in() {
            tokio::spawn(async move { sign_in.warm_up().await });
        }
    }

    /// The console's sign-in at the issuer, where there is one.
    pub(crate) fn sign_in(&self) -> Option<Arc<Oidc>> {
        self.sign_in.clone()
    }

    /// Lets pages of other origins call from a browser, where the settings name some.
    pub(crate) fn cors(&self) -> Option<CorsLayer> {
        const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
        const PREFLIGHT_KEPT_S: u64 = 600;
        (!self.cors_origins.is_empty()).then(|| {
            CorsLayer::new()
                .allow_origin(self.cors_origins.clone())
                .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH])
                .allow_headers([
                    header::AUTHORIZATION,
                    header::CONTENT_TYPE,
                    IDEMPOTENCY_KEY,
                    correlation::HEADER,
                ])
                .expose_headers([header::LINK, header::RETRY_AFTER, correlation::HEADER])
                .max_age(std::time::Duration::from_secs(PREFLIGHT_KEPT_S))
        })
    }

    /// Admits a caller of the inventory service, on a port that nobody but this machine can reach
    /// or on another. A token that is presented is always checked.
    pub(crate) async fn admit_to_stock(
        &self,
        headers: &HeaderMap,
        peer: IpAddr,
        on_loopback: bool,
    ) -> Result<Caller, Problem> {
        let roles = &[Role::Admin, Role::OrderService];
        let door = if on_loopback { Door::House(roles) } else { Door::Integration(roles) };
        self.admit(door, headers, peer).await?.ok_or(UNAUTHENTICATED)
    }

    /// The caller, if it may come in by this door; none where nobody is asked.
    async fn admit(&self, door: Door, headers: &HeaderMap, peer: IpAddr) -> Result<Option<Caller>, Problem> {
        let may_lack_token = match door {
            Door::Open => return Ok(None),
            Door::House(_) => self.tokenless,
            Door::Integration(_) => false,
        };
        match self.bearer(headers, may_lack_token, peer).await? {
            Some(bearer) => self.let_in(door, bearer).map(Some),
            None => {
                self.count(&Who::at(peer))?;
                Ok(Some(Caller::local()))
            }
        }
    }

    /// The bearer as a caller. Only what opens this door counts behind it: a customer who may do more
    /// behind another one is still a customer here.
    fn let_in(&self, door: Door, Bearer { subject, roles }: Bearer) -> Result<Caller, Problem> {
        self.count(&Who::Subject(subject.clone()))?;
        let opening = door.roles();
        let held: Vec<Role> = roles.into_iter().filter(|role| opening.contains(role)).collect();
        if held.is_empty() {
            let names: Vec<&str> = opening.iter().map(|role| role.as_str()).collect();
            return Err(Problem::Forbidden(names.join(", ")));
        }
        Ok(Caller::with_token(subject, held))
    }

    /// Who bears the token; none where there is no token and none is needed.
    async fn bearer(
        &self,
        headers: &HeaderMap,
        may_lack_token: bool,
        peer: IpAddr,
    ) -> Result<Option<Bearer>, Problem> {
        let checked = match (presented(headers), &self.verifier) {
            (Ok(None), _) if may_lack_token => match origin::elsewhere(headers) {
                None => return Ok(None),
                Some(reason) => Err(TokenError::Bad(reason)),
            },
            (Ok(None), _) => Err(TokenError::Bad("no token")),
            (Ok(Some(_)), None) => Err(TokenError::Bad("no token can be checked")),
            (Ok(Some(token)), Some(verifier)) => verifier.check(token).await,
            (Err(reason), _) => Err(TokenError::Bad(reason)),
        };
        match checked {
            Ok(bearer) => Ok(Some(bearer)),
            Err(TokenError::NoKeysYet) => {
                Err(Problem::Unavailable("the issuer's keys are not here yet".into()))
            }
            Err(TokenError::Bad(reason)) => {
                self.count(&Who::at(peer))?;
                static PACED: LazyLock<PacedLog> = LazyLock::new(PacedLog::new);
                if let Some(left_out) = PACED.turn() {
                    warn!(reason, left_out, "token refused");
                }
                Err(UNAUTHENTICATED)
            }
        }
    }

    fn count(&self, who: &Who) -> Result<(), Problem> {
        self.limits.count(who).map_err(Problem::TooManyRequests)
    }
}

/// Lets a request pass to its handler, which hears who the caller is, or refuses it. Lies around the
/// routes, where it is known which one was matched.
pub(crate) async fn guard(State(access): State<Arc<Access>>, mut request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let Some(door) = table::door(request.method(), route) else {
        error!(http.route = route, "the route is not in the table of who may use it");
        return Problem::NoSuchPath.into_response();
    };
    let peer = request.extensions().get::<Peer>().map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| peer.0.ip());
    match access.admit(door, request.headers(), peer).await {
        Ok(caller) => {
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

/// The token of a request; none if there is none.
fn presented(headers: &HeaderMap) -> Result<Option<&str>, &'static str> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let value = match (given.next(), given.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value,
        (Some(_), Some(_)) => return Err("more than one Authorization header"),
    };
    let text = value.to_str().map_err(|_| "not a bearer token")?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim())),
        _ => Err("not a bearer token"),
    }
}

#[cfg(test)]
mod tests;
