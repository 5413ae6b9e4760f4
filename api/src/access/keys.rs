//! The keys tokens are checked with.
//!
//! **Invariant:** a key is good for one algorithm, which is decided when the key is read and never by a
//! token.

use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;

const MOST_KEYS: usize = 100;

/// A key and the one algorithm it is good for.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) id: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) decoding: DecodingKey,
}

impl Key {
    /// A secret that issuer and API share.
    pub(super) fn of_secret(secret: &[u8]) -> Self {
        Self { id: None, algorithm: Algorithm::HS256, decoding: DecodingKey::from_secret(secret) }
    }

    /// A public key for signatures; none for a key of another kind or for another purpose.
    fn of_jwk(jwk: &Jwk) -> Option<Self> {
        let (algorithm, name) = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
                (Algorithm::ES256, KeyAlgorithm::ES256)
            }
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
                (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
            }
            _ => return None,
        };
        let common = &jwk.common;
        let for_signatures =
            common.public_key_use.as_ref().is_none_or(|purpose| *purpose == PublicKeyUse::Signature);
        let verifies = common
            .key_operations
            .as_ref()
            .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
        let for_algorithm = common.key_algorithm.is_none_or(|named| named == name);
        if !(for_signatures && verifies && for_algorithm) {
            return None;
        }
        let decoding = DecodingKey::from_jwk(jwk).ok()?;
        Some(Self { id: common.key_id.clone(), algorithm, decoding })
    }
}

#[derive(Deserialize)]
struct SetBody {
    keys: Vec<Value>,
}

/// The keys of a set that are good for something here; one that cannot be read spoils no other.
///
/// # Errors
/// When it is no set.
pub(super) fn of_set(body: &[u8]) -> Result<Vec<Key>, serde_json::Error> {
    let set: SetBody = serde_json::from_slice(body)?;
    let read = |key| serde_json::from_value::<Jwk>(key).ok().and_then(|jwk| Key::of_jwk(&jwk));
    Ok(set.keys.into_iter().take(MOST_KEYS).filter_map(read).collect())
}

/// The key of a set that a token's header asks for. A token may leave the id out where only one key
/// could be meant.
pub(super) fn find<'a>(keys: &'a [Key], id: Option<&str>, algorithm: Algorithm) -> Option<&'a Key> {
    let mut fitting =
        keys.iter().filter(|key| key.algorithm == algorithm && (id.is_none() || key.id.as_deref() == id));
    let first = fitting.next()?;
    (id.is_some() || fitting.next().is_none()).then_some(first)
}
