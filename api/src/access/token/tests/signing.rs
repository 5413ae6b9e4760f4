//! An issuer's signing, done with ring, and the issuer itself over HTTP.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    http::StatusCode,
    response::{IntoResponse, Redirect},
    routing::get,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
        RsaPublicKeyComponents,
    },
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::Url;

pub(super) enum Signer {
    Rsa(Box<RsaKeyPair>),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Secret(Vec<u8>),
}

impl Signer {
    /// A key for tests and for nothing else.
    pub(super) fn rsa() -> Self {
        Self::Rsa(Box::new(RsaKeyPair::from_pkcs8(include_bytes!("rsa.der")).unwrap()))
    }

    /// A new key each time.
    pub(super) fn ec() -> Self {
        let (algorithm, chance) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &chance).unwrap();
        Self::Ec(EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &chance).unwrap())
    }

    /// A new key each time.
    pub(super) fn ed() -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::Ed(Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap())
    }

    pub(super) fn secret(secret: impl AsRef<[u8]>) -> Self {
        Self::Secret(secret.as_ref().to_vec())
    }

    pub(super) fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::Ec(_) => "ES256",
            Self::Ed(_) => "EdDSA",
            Self::Secret(_) => "HS256",
        }
    }

    /// The public key, as a set has it.
    pub(super) fn jwk(&self, id: &str) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match self {
            Self::Rsa(pair) => {
                let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({"kty": "RSA", "n": text(&n), "e": text(&e)})
            }
            Self::Ec(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "x": text(x), "y": text(y)})
            }
            Self::Ed(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref())})
            }
            Self::Secret(secret) => json!({"kty": "oct", "k": text(secret)}),
        };
        jwk["kid"] = id.into();
        jwk["use"] = "sig".into();
        jwk["alg"] = self.algorithm().into();
        jwk
    }

    /// A token under this key, whatever its header says.
    pub(super) fn token(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let content = format!("{}.{}", part(header), part(claims));
        let signature = self.sign(content.as_bytes());
        format!("{content}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn sign(&self, content: &[u8]) -> Vec<u8> {
        let chance = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &chance, content, &mut signature).unwrap();
                signature
            }
            Self::Ec(pair) => pair.sign(&chance, content).unwrap().as_ref().to_vec(),
            Self::Ed(pair) => pair.sign(content).as_ref().to_vec(),
            Self::Secret(secret) => {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), content).as_ref().to_vec()
            }
        }
    }
}

/// An issuer that serves its keys on loopback.
pub(super) struct Served {
    pub(super) url: Url,
    answer: Arc<Mutex<Option<Value>>>,
    asked: Arc<AtomicUsize>,
}

impl Served {
    pub(super) async fn start(keys: Vec<Value>) -> Self {
        let answer = Arc::new(Mutex::new(Some(json!({"keys": keys}))));
        let asked = Arc::new(AtomicUsize::new(0));
        let (inner, count) = (Arc::clone(&answer), Arc::clone(&asked));
        let serve = get(async move || {
            count.fetch_add(1, Ordering::SeqCst);
            let answer = inner.lock().unwrap().clone();
            answer.map_or(StatusCode::BAD_GATEWAY.into_response(), |set| axum::Json(set).into_response())
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/keys", serve)).await });
        Self { url, answer, asked }
    }

    /// One that sends everybody to another.
    pub(super) async fn redirecting_to(other: &Self) -> Self {
        let target = other.url.to_string();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap()).parse().unwrap();
        let serve = get(async move || Redirect::temporary(&target));
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/keys", serve)).await });
        Self { url, answer: Arc::default(), asked: Arc::default() }
    }

    /// The issuer serves other keys from now on.
    pub(super) fn rotate(&self, keys: Vec<Value>) {
        *self.answer.lock().unwrap() = Some(json!({"keys": keys}));
    }

    /// The issuer fails from now on.
    pub(super) fn fail(&self) {
        *self.answer.lock().unwrap() = None;
    }

    /// How often it was asked.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}
