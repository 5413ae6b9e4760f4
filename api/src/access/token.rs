//! Whether a bearer token is good, and who bears it.
//!
//! **Invariant:** nothing a token says is believed before its signature was checked with a key, and an
//! algorithm, that the settings or the issuer gave.

use std::sync::Arc;

use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, errors::ErrorKind};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    cryptography,
    issuer::{Issuer, NoKey, Pace},
    keys::Key,
    settings::{Authentication, Proof},
};
use crate::caller::Role;

const MOST_TOKEN_BYTES: usize = 8 * 1024;
/// How far the clocks of issuer and API may be apart, in seconds.
const LEEWAY_S: u64 = 30;
const MOST_SUBJECT_CHARACTERS: usize = 128;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bearer {
    pub(super) subject: String,
    /// The roles known here; there may be none.
    pub(super) roles: Vec<Role>,
}

/// Why a token is not taken. The reason is for our log and never for the caller.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TokenError {
    Bad(&'static str),
    /// The issuer's keys are not here yet, so nobody knows.
    NoKeysYet,
}

pub(super) struct Verifier {
    keys: Keys,
    issuer: String,
    audience: String,
}

enum Keys {
    Secret(Box<Key>),
    Issuer(Arc<Issuer>),
}

#[derive(Deserialize, Clone)]
struct Claims {
    sub: String,
    #[serde(default)]
    roles: Value,
}

#[derive(Deserialize, Clone)]
struct IdClaims {
    nonce: Option<String>,
    /// The client it was made for.
    azp: Option<String>,
}

impl Verifier {
    /// Checks tokens as the settings say; an issuer is asked for its keys as often as `pace` allows.
    ///
    /// # Errors
    /// When there is no TLS on this machine.
    pub(super) fn new(settings: &Authentication, pace: Pace) -> Result<Self, reqwest::Error> {
        cryptography::install();
        let keys = match &settings.proof {
            Proof::Secret(secret) => Keys::Secret(Box::new(Key::of_secret(secret.reveal()))),
            Proof::KeySet(url) => Keys::Issuer(Arc::new(Issuer::new(url.clone(), pace)?)),
        };
        Ok(Self { keys, issuer: settings.issuer.clone(), audience: settings.audience.clone() })
    }

    /// Fetches the issuer's keys, where there is one, before the first token needs them.
    pub(super) fn warm_up(&self) {
        if let Keys::Issuer(issuer) = &self.keys {
            drop(issuer.ask());
        }
    }

    /// Who bears the token.
    pub(super) async fn check(&self, token: &str) -> Result<Bearer, TokenError> {
        let (_, claims) = self.claims::<Claims>(token, &self.audience).await?;
        if !is_subject(&claims.sub) {
            return Err(TokenError::Bad("the subject is not 1 to 128 printable characters"));
        }
        Ok(Bearer { roles: known_roles(&claims.roles), subject: claims.sub })
    }

    /// What an ID token says of the sign-in it is of, if it is one for this client (OpenID Connect Core 1.0, 3.1.3.7).
    pub(super) async fn check_id_token(
        &self,
        token: &str,
        client_id: &str,
    ) -> Result<Option<String>, TokenError> {
        let (header, claims) = self.claims::<IdClaims>(token, client_id).await?;
        if header.typ.as_deref().is_some_and(is_an_access_token) {
            return Err(TokenError::Bad("an access token where an ID token is needed"));
        }
        if claims.azp.is_some_and(|party| party != client_id) {
            return Err(TokenError::Bad("an ID token for another client"));
        }
        Ok(claims.nonce)
    }

    /// What a good token for this audience says.
    async fn claims<C: DeserializeOwned + Clone>(
        &self,
        token: &str,
        audience: &str,
    ) -> Result<(Header, C), TokenError> {
        if token.len() > MOST_TOKEN_BYTES {
            return Err(TokenError::Bad("too long"));
        }
        let header = decode_header(token).map_err(|_| TokenError::Bad("not a signed token"))?;
        if header.crit.is_some() {
            // RFC 7515 (4.1.11): what must be understood and is not makes the token no good.
            return Err(TokenError::Bad("asks for an extension"));
        }
        if !header.typ.as_deref().is_none_or(is_a_token) {
            // RFC 8725 (3.11): a token that was made for something else is none for us.
            return Err(TokenError::Bad("another kind of token"));
        }
        let key = self.key(&header).await?;
        let decoded = decode::<C>(token, &key.decoding, &self.validation(key.algorithm, audience));
        let decoded = decoded.map_err(|error| TokenError::Bad(reason(error.kind())))?;
        Ok((decoded.header, decoded.claims))
    }

    async fn key(&self, header: &Header) -> Result<Key, TokenError> {
        match &self.keys {
            Keys::Secret(key) if key.algorithm == header.alg => Ok(Key::clone(key)),
            Keys::Secret(_) => Err(TokenError::Bad("another algorithm")),
            Keys::Issuer(issuer) => {
                // An issuer's set has no other keys; there is no use in asking for one.
                if !matches!(header.alg, Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA) {
                    return Err(TokenError::Bad("another algorithm"));
                }
                issuer.key(header.kid.as_deref(), header.alg).await.map_err(|no_key| match no_key {
                    NoKey::Unknown => TokenError::Bad("an unknown key"),
                    NoKey::NoneFetched => TokenError::NoKeysYet,
                })
            }
        }
    }

    fn validation(&self, algorithm: Algorithm, audience: &str) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.leeway = LEEWAY_S;
        validation.validate_nbf = true;
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation
    }
}

/// `JWT` (RFC 7519), or an access token's `at+jwt` (RFC 9068), with or without `application/`.
fn is_a_token(kind: &str) -> bool {
    is_an_access_token(kind) || is_kind(kind, "jwt")
}

fn is_an_access_token(kind: &str) -> bool {
    is_kind(kind, "at+jwt")
}

fn is_kind(kind: &str, wanted: &str) -> bool {
    let kind = kind.to_ascii_lowercase();
    kind.strip_prefix("application/").unwrap_or(&kind) == wanted
}

fn is_subject(subject: &str) -> bool {
    (1..=MOST_SUBJECT_CHARACTERS).contains(&subject.chars().count())
        && subject.trim() == subject
        && !subject.chars().any(char::is_control)
}

/// Names of others are none of ours; issuers put theirs in the same list.
fn known_roles(roles: &Value) -> Vec<Role> {
    let names = roles.as_array().map_or(&[][..], Vec::as_slice);
    let is_named = |role: &Role| names.iter().any(|name| name.as_str() == Some(role.as_str()));
    Role::ALL.into_iter().filter(is_named).collect()
}

fn reason(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::ExpiredSignature => "expired",
        ErrorKind::ImmatureSignature => "not good yet",
        ErrorKind::InvalidIssuer => "another issuer",
        ErrorKind::InvalidAudience => "another audience",
        ErrorKind::InvalidSignature => "the signature does not fit",
        ErrorKind::InvalidAlgorithm | ErrorKind::UnsupportedAlgorithm => "another algorithm",
        ErrorKind::MissingRequiredClaim(_) => "without exp, iss, aud or sub",
        _ => "not a readable token",
    }
}

#[cfg(test)]
mod tests;
