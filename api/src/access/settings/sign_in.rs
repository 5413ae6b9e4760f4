//! The settings of the console's sign-in at the issuer. The field docs are the `--help`.
//!
//! **Invariant:** they are given as a whole or not at all.

use clap::Args;
use console::{ClientSecret, OidcSettings};
use process::settings::{Problems, Secrets, is_on_loopback};
use url::{Url, form_urlencoded};

use super::{Authentication, given};

/// The secret of the console as a client of the issuer.
pub(crate) const CLIENT_SECRET: &str = "CONSOLE_OIDC_CLIENT_SECRET";
const USUAL_SCOPE: &str = "openid";
const MOST_CLIENT_ID_BYTES: usize = 256;
/// What the sign-in says itself.
const OURS: [&str; 15] = [
    "client_id",
    "client_secret",
    "code",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "grant_type",
    "nonce",
    "redirect_uri",
    "request",
    "request_uri",
    "response_mode",
    "response_type",
    "scope",
    "state",
];

/// The settings as they are given.
#[derive(Args, Debug, Clone)]
pub(crate) struct SignInSettings {
    /// What the issuer (AUTH_ISSUER) knows the console by: people sign in to the console there, with OpenID Connect.
    /// Needs CONSOLE_URL and AUTH_JWKS_URL.
    #[arg(long, env = "CONSOLE_OIDC_CLIENT_ID")]
    console_oidc_client_id: Option<String>,
    /// Address people use for the console, for example https://waybill.example.com; https unless on loopback. The
    /// issuer leads back to its /console/sign-in/callback.
    #[arg(long, env = "CONSOLE_URL")]
    console_url: Option<String>,
    /// Scopes that are asked for, space separated, openid among them; by default openid alone.
    #[arg(long, env = "CONSOLE_OIDC_SCOPE")]
    console_oidc_scope: Option<String>,
    /// What the issuer has to be told besides to give a token for AUTH_AUDIENCE, as a query, for example
    /// audience=waybill.
    #[arg(long, env = "CONSOLE_OIDC_PARAMETERS")]
    console_oidc_parameters: Option<String>,
}

impl SignInSettings {
    /// The sign-in, where one is configured. `has_issuer` tells whether there are settings of one, good or not.
    pub(super) fn resolve(
        &self,
        authentication: Option<&Authentication>,
        has_issuer: bool,
        secrets: &Secrets,
        problems: &mut Problems,
    ) -> Option<OidcSettings> {
        let Some(client_id) = given(&self.console_oidc_client_id) else {
            self.refuse_the_rest(secrets, problems);
            return None;
        };
        if !has_issuer {
            problems.add(
                "CONSOLE_OIDC_CLIENT_ID: needs an issuer; set AUTH_JWKS_URL, AUTH_ISSUER and AUTH_AUDIENCE",
            );
        }
        let console_url = given(&self.console_url);
        let console_url =
            console_url.map_or(Err("CONSOLE_URL: is needed with CONSOLE_OIDC_CLIENT_ID".into()), origin);
        let client_id = noted(checked_client_id(client_id), problems);
        let console_url = noted(console_url, problems);
        let scopes = noted(scopes(given(&self.console_oidc_scope).unwrap_or(USUAL_SCOPE)), problems);
        let parameters = parameters(given(&self.console_oidc_parameters).unwrap_or_default());
        let parameters = noted(parameters, problems);
        let Authentication { issuer: issuer_name, audience, .. } = authentication?;
        let issuer = noted(issuer(issuer_name), problems);
        let client_secret = secrets.get(CLIENT_SECRET).map(|secret| ClientSecret::new(secret.to_owned()));
        Some(OidcSettings {
            issuer: issuer?,
            issuer_name: issuer_name.clone(),
            audience: audience.clone(),
            client_id: client_id?,
            client_secret,
            console_url: console_url?,
            scopes: scopes?,
            parameters: parameters?,
        })
    }

    /// Whoever gives these meant to give the client as well.
    fn refuse_the_rest(&self, secrets: &Secrets, problems: &mut Problems) {
        for (name, value) in [
            ("CONSOLE_URL", given(&self.console_url)),
            (CLIENT_SECRET, secrets.get(CLIENT_SECRET)),
            ("CONSOLE_OIDC_SCOPE", given(&self.console_oidc_scope)),
            ("CONSOLE_OIDC_PARAMETERS", given(&self.console_oidc_parameters)),
        ] {
            if value.is_some() {
                problems.add(&format!("CONSOLE_OIDC_CLIENT_ID: is needed with {name}"));
            }
        }
    }
}

fn noted<T>(read: Result<T, String>, problems: &mut Problems) -> Option<T> {
    read.map_err(|problem| problems.add(&problem)).ok()
}

fn checked_client_id(given: &str) -> Result<String, String> {
    let is_plain = given.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if is_plain && given.len() <= MOST_CLIENT_ID_BYTES {
        return Ok(given.to_owned());
    }
    Err(format!("CONSOLE_OIDC_CLIENT_ID: at most {MOST_CLIENT_ID_BYTES} printable ASCII characters"))
}

/// A code goes this way, so it has to be safe.
fn origin(given: &str) -> Result<Url, String> {
    let origin = safe(given).filter(|url| matches!(url.path(), "/" | "/console" | "/console/"));
    let origin = origin.and_then(|url| url.join("/").ok());
    origin.ok_or_else(|| {
        "CONSOLE_URL: an https URL is needed (http on loopback), for example https://waybill.example.com"
            .to_owned()
    })
}

/// Where the browser and a secret go.
fn issuer(given: &str) -> Result<Url, String> {
    safe(given).ok_or_else(|| {
        "AUTH_ISSUER: with CONSOLE_OIDC_CLIENT_ID, an https URL is needed (http on loopback), without user, query and \
         fragment"
            .to_owned()
    })
}

/// A URL over TLS or to this machine, that names nothing but a place.
pub(crate) fn safe(given: &str) -> Option<Url> {
    let url = Url::parse(given).ok()?;
    let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_on_loopback(&url));
    let has_user = !url.username().is_empty() || url.password().is_some();
    let has_more = url.query().is_some() || url.fragment().is_some();
    (is_safe && !has_user && !has_more).then_some(url)
}

fn scopes(given: &str) -> Result<Vec<String>, String> {
    // RFC 6749 (3.3).
    let is_plain =
        |scope: &str| scope.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'));
    let scopes: Vec<String> = given.split_ascii_whitespace().map(str::to_owned).collect();
    let has_openid = scopes.iter().any(|scope| scope == "openid");
    if has_openid && scopes.iter().all(|scope| is_plain(scope)) {
        return Ok(scopes);
    }
    Err("CONSOLE_OIDC_SCOPE: names with spaces between them, openid among them".to_owned())
}

fn parameters(given: &str) -> Result<Vec<(String, String)>, String> {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(given.as_bytes()).into_owned().collect();
    if let Some((name, _)) = pairs.iter().find(|(name, _)| OURS.contains(&name.as_str())) {
        return Err(format!("CONSOLE_OIDC_PARAMETERS: {name} is not to be set here"));
    }
    if pairs.iter().any(|(name, value)| name.is_empty() || value.is_empty()) {
        return Err("CONSOLE_OIDC_PARAMETERS: a query is needed, for example audience=waybill".to_owned());
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests;
