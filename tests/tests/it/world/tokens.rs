//! Bearer tokens, as an issuer would make them.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::Utc;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::World;

/// What every world's API checks tokens with.
pub const TOKEN_SECRET: &str = "a-secret-that-only-tests-know-of";

/// What a good token says: good for ten minutes.
pub fn claims(role: &str, subject: &str) -> Value {
    let now = Utc::now().timestamp();
    json!({
        "iss": "waybill", "aud": "waybill", "sub": subject, "roles": [role],
        "iat": now, "exp": now + 600,
    })
}

/// Claims, signed with a secret.
pub fn signed(claims: &Value, secret: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let content = format!("{}.{}", part(&json!({"alg": "HS256", "typ": "JWT"})), part(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    mac.update(content.as_bytes());
    format!("{content}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

impl World {
    /// A token for a role; its subject is the role.
    pub fn token(&self, role: &str) -> String {
        self.token_of(role, role)
    }

    /// A token for a role, of somebody.
    pub fn token_of(&self, role: &str, subject: &str) -> String {
        signed(&claims(role, subject), TOKEN_SECRET)
    }
}
