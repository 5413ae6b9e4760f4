//! The signature of a callback, by Standard Webhooks 1.0.0.
//!
//! Done here and not by the crate `standardwebhooks`, which reads the clock itself, takes one
//! secret, and compares one signature after another.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

/// How far a callback's timestamp may be from now, either way.
pub const TOLERANCE: Duration = Duration::from_secs(5 * 60);
/// Signatures of one header that are looked at.
const MOST_SIGNATURES: usize = 16;

/// Whoever guesses the secret signs as the warehouse; Standard Webhooks recommends 24 bytes and more.
const FEWEST_SECRET_BYTES: usize = 16;

/// The secret a warehouse signs its callbacks with.
#[derive(derive_more::Debug, Clone)]
#[debug("CallbackSecret(redacted)")]
pub struct CallbackSecret(Vec<u8>);

/// A secret that cannot be one. It does not say what was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a callback secret is whsec_ followed by base64 of at least {FEWEST_SECRET_BYTES} bytes")]
pub struct BadSecret;

impl CallbackSecret {
    /// Reads a secret as the warehouse shows it: base64, with or without `whsec_` before it.
    ///
    /// # Errors
    /// [`BadSecret`] if it is not base64 or has fewer than 16 bytes.
    pub fn parse(text: &str) -> Result<Self, BadSecret> {
        let text = text.trim();
        let encoded = text.strip_prefix("whsec_").unwrap_or(text);
        match STANDARD.decode(encoded) {
            Ok(key) if key.len() >= FEWEST_SECRET_BYTES => Ok(Self(key)),
            _ => Err(BadSecret),
        }
    }
}

/// Why a callback is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// `webhook-timestamp` is not a number of seconds.
    #[error("webhook-timestamp is not a number of seconds since 1970")]
    Timestamp,
    /// It was signed too long ago: an old callback sent again, or a clock that is wrong.
    #[error("the callback was signed more than five minutes ago")]
    TooOld,
    /// It was signed in the future: a clock is wrong.
    #[error("the callback was signed more than five minutes in the future")]
    TooNew,
    /// No signature fits.
    #[error("no signature in webhook-signature fits")]
    Signature,
}

/// Checks the headers `webhook-id`, `webhook-timestamp` and `webhook-signature` over the raw body.
///
/// Any of `secrets` will do, for the time in which one replaces another, and so will any `v1` of
/// the first 16 signatures of the header. All are tried, in constant time.
///
/// # Errors
/// [`SignatureError`].
pub fn verify(
    secrets: &[CallbackSecret],
    id: &str,
    timestamp: &str,
    signature: &str,
    raw_body: &[u8],
    now: DateTime<Utc>,
) -> Result<(), SignatureError> {
    let signed_at: i64 = timestamp.parse().map_err(|_| SignatureError::Timestamp)?;
    let given: Vec<Vec<u8>> = signature
        .split_whitespace()
        .take(MOST_SIGNATURES)
        .filter_map(|versioned| STANDARD.decode(versioned.strip_prefix("v1,")?).ok())
        .collect();
    let mut matched = Choice::from(0);
    for secret in secrets {
        // HMAC takes a key of any length, so this never fails; a failure would be a mismatch.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&secret.0) else {
            continue;
        };
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(raw_body);
        let expected = mac.finalize().into_bytes();
        for signature in &given {
            matched |= expected.as_slice().ct_eq(signature);
        }
    }
    if !bool::from(matched) {
        return Err(SignatureError::Signature);
    }
    let age_s = now.timestamp().saturating_sub(signed_at);
    if age_s.unsigned_abs() <= TOLERANCE.as_secs() {
        Ok(())
    } else {
        Err(if age_s > 0 { SignatureError::TooOld } else { SignatureError::TooNew })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_c2VjcmV0IG9mIHRoZSB3YXJlaG91c2U=";

    fn secret(text: &str) -> CallbackSecret {
        CallbackSecret::parse(text).unwrap()
    }

    fn sign(secret: &CallbackSecret, timestamp: &str, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret.0).unwrap();
        mac.update(format!("msg_1.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn a_signature_holds_for_its_id_its_time_and_its_bytes() {
        let secrets = [secret(SECRET)];
        let signature = sign(&secrets[0], "1000", b"{}");
        assert_eq!(verify(&secrets, "msg_1", "1000", &signature, b"{}", at(1000)), Ok(()));
        for (id, timestamp, body) in
            [("msg_2", "1000", "{}"), ("msg_1", "1001", "{}"), ("msg_1", "1000", "{ }")]
        {
            let verdict = verify(&secrets, id, timestamp, &signature, body.as_bytes(), at(1000));
            assert_eq!(verdict, Err(SignatureError::Signature));
        }
    }

    #[test]
    fn any_secret_and_any_signature_of_the_header_will_do() {
        let secrets = [secret("whsec_bmV3IHNlY3JldCBvZiB0aGUgd2FyZWhvdXNl"), secret(SECRET)];
        let right = sign(&secrets[1], "1000", b"{}");
        let header = format!("v1,AAAA v2,{} v1a,x {right}", &right[3..]);
        assert_eq!(verify(&secrets, "msg_1", "1000", &header, b"{}", at(1000)), Ok(()));
        let of_another_version = format!("v2,{}", &right[3..]);
        let verdict = verify(&secrets, "msg_1", "1000", &of_another_version, b"{}", at(1000));
        assert_eq!(verdict, Err(SignatureError::Signature));
    }

    #[test]
    fn five_minutes_either_way_are_tolerated_and_no_second_more() {
        let secrets = [secret(SECRET)];
        let signature = sign(&secrets[0], "1000", b"{}");
        let verdict = |now: i64| verify(&secrets, "msg_1", "1000", &signature, b"{}", at(now));
        assert_eq!((verdict(1300), verdict(700)), (Ok(()), Ok(())));
        assert_eq!((verdict(1301), verdict(699)), (Err(SignatureError::TooOld), Err(SignatureError::TooNew)));
    }

    #[test]
    fn what_is_no_signature_is_refused() {
        let secrets = [secret(SECRET)];
        for header in ["", "v1,", "v1,%%%", "v1", " , "] {
            assert_eq!(
                verify(&secrets, "msg_1", "1000", header, b"{}", at(1000)),
                Err(SignatureError::Signature)
            );
        }
        let extreme = i64::MIN.to_string();
        let signature = sign(&secrets[0], &extreme, b"{}");
        assert_eq!(
            verify(&secrets, "msg_1", &extreme, &signature, b"{}", at(1000)),
            Err(SignatureError::TooOld)
        );
        assert_eq!(
            verify(&secrets, "msg_1", "soon", &signature, b"{}", at(1000)),
            Err(SignatureError::Timestamp)
        );
        assert_eq!(verify(&[], "msg_1", "1000", &signature, b"{}", at(1000)), Err(SignatureError::Signature));
    }

    #[test]
    fn a_secret_is_base64_and_never_shows_in_debug() {
        assert!(CallbackSecret::parse("whsec_").is_err());
        assert!(CallbackSecret::parse("whsec_c2VjcmV0").is_err(), "six bytes");
        assert!(CallbackSecret::parse("whsec_not base64").is_err());
        assert!(!format!("{:?}", secret(SECRET)).contains("c2Vj"));
    }
}
