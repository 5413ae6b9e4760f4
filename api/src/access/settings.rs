//! The settings of who may call. The field docs are the `--help`.
//!
//! **Invariant:** whatever cannot be reached from this machine alone asks everybody for a token.

use std::{
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
};

use axum::http::HeaderValue;
use clap::Args;
use console::OidcSettings;
use ipnet::IpNet;
use process::settings::{Problems, Secrets, is_on_loopback};
use url::{Host, Url};

use crate::{connection_slots::Addresses, host::Hosts};
use sign_in::SignInSettings;

mod sign_in;

pub(crate) use sign_in::safe;

/// The secrets that who may call takes.
pub(crate) const SECRETS: [&str; 2] = ["AUTH_HS256_SECRET", sign_in::CLIENT_SECRET];

/// The demo signs with it, and everybody can read it there.
const PUBLISHED_SECRET: &str = "waybill-demo-secret-that-everybody-knows";
const FEWEST_SECRET_BYTES: usize = 32;
/// Issuer and audience of tokens that are signed with a secret, unless the settings name others.
const USUAL_NAME: &str = "waybill";
const USUAL_REQUESTS_PER_S: u32 = 50;
/// On loopback all callers without a token are one.
const LOOPBACK_REQUESTS_PER_S: u32 = 10_000;
const MOST_REQUESTS_PER_S: u32 = 1_000_000;

/// The settings as they are given.
#[derive(Args, Debug, Clone)]
pub struct AccessSettings {
    /// Where the issuer of tokens serves its keys (RS256, ES256, EdDSA); https unless on loopback.
    #[arg(long, env = "AUTH_JWKS_URL")]
    auth_jwks_url: Option<String>,
    /// The `iss` of tokens; needed with AUTH_JWKS_URL, else by default waybill.
    #[arg(long, env = "AUTH_ISSUER")]
    auth_issuer: Option<String>,
    /// The `aud` of tokens; needed with AUTH_JWKS_URL, else by default waybill.
    #[arg(long, env = "AUTH_AUDIENCE")]
    auth_audience: Option<String>,
    /// Whether /api wants a token on loopback too: true or false (the default). On other addresses it
    /// always does. Needed behind a proxy.
    #[arg(long, env = "API_REQUIRE_TOKEN")]
    api_require_token: Option<String>,
    /// Requests of one caller in a second, twice that in a burst; by default 50, on loopback 10000.
    #[arg(long, env = "API_REQUESTS_PER_SECOND")]
    api_requests_per_second: Option<String>,
    /// Networks of the proxies in front of the API, comma separated, for example 10.0.0.0/8: the address that
    /// X-Forwarded-For names behind one counts, and no address holds more than 100 connections. By default
    /// none, and addresses are not told apart.
    #[arg(long, env = "TRUSTED_PROXIES")]
    trusted_proxies: Option<String>,
    /// Hosts that are answered, comma separated and without ports, for example waybill.example.com; by
    /// default all. Name them where a proxy passes the host on.
    #[arg(long, env = "API_ALLOWED_HOSTS")]
    api_allowed_hosts: Option<String>,
    /// Origins whose pages may call the API from a browser, comma separated, for example
    /// https://shop.example.com; by default none.
    #[arg(long, env = "API_CORS_ORIGINS")]
    api_cors_origins: Option<String>,
    #[command(flatten)]
    sign_in: SignInSettings,
}

#[derive(Debug, Clone)]
pub struct AccessConfig {
    /// How tokens are checked; none takes no token at all.
    pub authentication: Option<Authentication>,
    /// The console's sign-in at the issuer; none where people paste a token, or need none.
    pub sign_in: Option<OidcSettings>,
    /// Whether a request to /api without a token is somebody on this machine.
    pub tokenless: bool,
    pub requests_per_s: NonZeroU32,
    pub entrance: Entrance,
    /// Origins whose pages may call from a browser.
    pub cors_origins: Vec<HeaderValue>,
}

/// What is looked at before a request gets to its route.
#[derive(Debug, Clone, Default)]
pub struct Entrance {
    pub hosts: Hosts,
    pub addresses: Addresses,
}

#[derive(Debug, Clone)]
pub struct Authentication {
    /// What their signatures are checked with.
    pub proof: Proof,
    /// Their `iss`.
    pub issuer: String,
    /// Their `aud`.
    pub audience: String,
}

#[derive(Debug, Clone)]
pub enum Proof {
    KeySet(Url),
    /// A secret the issuer shares with us.
    Secret(Secret),
}

/// A secret. It does not show in `Debug`.
#[derive(derive_more::Debug, Clone)]
#[debug("[redacted]")]
pub struct Secret(String);

impl Secret {
    pub(super) fn reveal(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl AccessSettings {
    /// Checks everything, for an API that listens on `listen` and perhaps elsewhere too; what is wrong is
    /// added to `problems`.
    pub(crate) fn resolve(
        &self,
        listen: Option<SocketAddr>,
        elsewhere: Option<SocketAddr>,
        secrets: &Secrets,
        problems: &mut Problems,
    ) -> AccessConfig {
        let secret = secrets.get("AUTH_HS256_SECRET");
        let is_loopback = |address: SocketAddr| address.ip().is_loopback();
        let on_loopback = listen.is_none_or(is_loopback);
        let all_on_loopback = on_loopback && elsewhere.is_none_or(is_loopback);
        let authentication = self.authentication(secret, all_on_loopback, problems);
        let is_configured = given(&self.auth_jwks_url).or(secret).is_some();
        if let Some(address) = listen.filter(|_| !on_loopback && !is_configured) {
            problems.add(&tokens_needed("API_LISTEN", address));
        }
        let requires_token = problems.flag("API_REQUIRE_TOKEN", self.api_require_token.as_deref());
        if requires_token && !is_configured {
            problems
                .add("API_REQUIRE_TOKEN: no token can be checked; set AUTH_JWKS_URL or AUTH_HS256_SECRET");
        }
        let has_issuer = given(&self.auth_jwks_url).is_some();
        let sign_in = self.sign_in.resolve(authentication.as_ref(), has_issuer, secrets, problems);
        AccessConfig {
            authentication,
            sign_in,
            tokenless: on_loopback && !requires_token,
            requests_per_s: self.requests_per_s(on_loopback, problems),
            entrance: Entrance { hosts: self.hosts(problems), addresses: self.addresses(problems) },
            cors_origins: self.cors_origins(problems),
        }
    }

    fn addresses(&self, problems: &mut Problems) -> Addresses {
        let network = |text: &str| text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok();
        let needed = "a network or an address is needed, for example 10.0.0.0/8";
        let proxies = listed("TRUSTED_PROXIES", &self.trusted_proxies, network, needed, problems);
        if proxies.is_empty() && given(&self.trusted_proxies).is_some() {
            problems.add("TRUSTED_PROXIES: at least one network is needed, or leave it out");
        }
        Addresses::behind(proxies)
    }

    fn hosts(&self, problems: &mut Problems) -> Hosts {
        let host = |text: &str| Host::parse(text).ok().map(|_| text.to_owned());
        let needed = "a host without a port is needed, for example waybill.example.com";
        let hosts = listed("API_ALLOWED_HOSTS", &self.api_allowed_hosts, host, needed, problems);
        if hosts.is_empty() && given(&self.api_allowed_hosts).is_some() {
            problems.add("API_ALLOWED_HOSTS: at least one host is needed, or leave it out");
        }
        Hosts::new(hosts)
    }

    fn authentication(
        &self,
        secret: Option<&str>,
        on_loopback: bool,
        problems: &mut Problems,
    ) -> Option<Authentication> {
        let proof = match (given(&self.auth_jwks_url), secret) {
            (None, None) => return None,
            (Some(_), Some(_)) => {
                problems.add("AUTH_JWKS_URL and AUTH_HS256_SECRET: one of them, not both");
                return None;
            }
            (Some(url), None) => key_set(url).map(Proof::KeySet),
            (None, Some(secret)) => checked_secret(secret, on_loopback).map(Proof::Secret),
        };
        let has_issuer = given(&self.auth_jwks_url).is_some();
        let mut name = |variable: &str, value: &Option<String>| match given(value) {
            Some(value) => value.to_owned(),
            None => {
                if has_issuer {
                    problems.add(&format!("{variable}: is needed with AUTH_JWKS_URL"));
                }
                USUAL_NAME.to_owned()
            }
        };
        let issuer = name("AUTH_ISSUER", &self.auth_issuer);
        let audience = name("AUTH_AUDIENCE", &self.auth_audience);
        let proof = proof.map_err(|problem| problems.add(&problem)).ok()?;
        Some(Authentication { proof, issuer, audience })
    }

    fn requests_per_s(&self, on_loopback: bool, problems: &mut Problems) -> NonZeroU32 {
        let usual = if on_loopback { LOOPBACK_REQUESTS_PER_S } else { USUAL_REQUESTS_PER_S };
        let wanted = given(&self.api_requests_per_second).map_or(Ok(usual), str::parse);
        let allowed = wanted.ok().filter(|wanted| *wanted <= MOST_REQUESTS_PER_S);
        allowed.and_then(NonZeroU32::new).unwrap_or_else(|| {
            problems.add(&format!("API_REQUESTS_PER_SECOND: a whole number from 1 to {MOST_REQUESTS_PER_S}"));
            NonZeroU32::MIN
        })
    }

    fn cors_origins(&self, problems: &mut Problems) -> Vec<HeaderValue> {
        // What a browser sends is the origin as the URL's rules write it, and nothing after it.
        let origin = |text: &str| {
            let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
            HeaderValue::from_str(text).ok().filter(|_| url.origin().ascii_serialization() == text)
        };
        let needed = "an origin is needed, for example https://shop.example.com";
        listed("API_CORS_ORIGINS", &self.api_cors_origins, origin, needed, problems)
    }
}

/// The entries of a setting that is a comma separated list.
fn listed<T>(
    name: &str,
    setting: &Option<String>,
    read: impl Fn(&str) -> Option<T>,
    needed: &str,
    problems: &mut Problems,
) -> Vec<T> {
    let entries = given(setting).unwrap_or_default().split(',').map(str::trim);
    let mut list = Vec::new();
    for entry in entries.filter(|entry| !entry.is_empty()) {
        match read(entry) {
            Some(entry) => list.push(entry),
            None => problems.add(&format!("{name}: {entry}: {needed}")),
        }
    }
    list
}

/// What is wrong with an address where nobody is asked for a token.
pub(crate) fn tokens_needed(name: &str, address: SocketAddr) -> String {
    format!(
        "{name}={address}: others can reach this address, so set AUTH_JWKS_URL or AUTH_HS256_SECRET, or listen on \
         loopback, for example 127.0.0.1:{}",
        address.port()
    )
}

fn given(setting: &Option<String>) -> Option<&str> {
    setting.as_deref().map(str::trim).filter(|value| !value.is_empty())
}

/// Whoever can change the keys on their way can make tokens, so the way has to be safe.
fn key_set(given: &str) -> Result<Url, String> {
    let problem =
        || "AUTH_JWKS_URL: an https URL is needed (http on loopback), without user and password".to_owned();
    let url = Url::parse(given).map_err(|_| problem())?;
    let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_on_loopback(&url));
    let has_user = !url.username().is_empty() || url.password().is_some();
    if is_safe && !has_user { Ok(url) } else { Err(problem()) }
}

fn checked_secret(given: &str, on_loopback: bool) -> Result<Secret, String> {
    if given.len() < FEWEST_SECRET_BYTES {
        return Err(format!(
            "AUTH_HS256_SECRET: at least {FEWEST_SECRET_BYTES} bytes are needed, for example from `openssl rand -hex 32`"
        ));
    }
    if given == PUBLISHED_SECRET && !on_loopback {
        return Err(
            "AUTH_HS256_SECRET: everybody knows the demo's secret; choose your own for an address that \
                    others can reach"
                .to_owned(),
        );
    }
    Ok(Secret(given.to_owned()))
}

#[cfg(test)]
mod tests;
