//! An OpenID provider of the tests' own, over HTTP: it asks who somebody is, remembers it in a cookie, and is as strict
//! with its client as the standards want it. Who somebody says they are decides what tokens they get.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use axum::{
    Form, Json, Router,
    extract::{Query, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use chrono::Utc;
use ring::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use url::Url;
use uuid::Uuid;

use crate::world;

pub const CLIENT_ID: &str = "the console";
pub const CLIENT_SECRET: &str = "a secret: 100% of the tests' own";
pub const AUDIENCE: &str = "https://waybill.example/api";
/// Those it knows, and what is special about what they get.
pub const PEOPLE: [&str; 8] =
    ["ada", "vera", "carl", "brief", "another-audience", "another-nonce", "opaque", "long"];
/// For so long a token is taken after its end, as clocks differ.
const LEEWAY_S: i64 = 30;
/// How long a token of `brief` is good.
const BRIEF_S: i64 = 6;

type Asked = HashMap<String, String>;

/// The provider.
pub struct Issuer {
    at: Arc<At>,
}

struct At {
    url: String,
    key: Ed25519KeyPair,
    /// What each code that was given is for.
    codes: Mutex<HashMap<String, Asked>>,
    sent_back: AtomicUsize,
    is_away: AtomicBool,
}

impl Issuer {
    pub async fn start() -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        // Another name than the console's: to a browser it is another site.
        let url = format!("http://localhost:{}/realm", listener.local_addr().expect("an address").port());
        let at = Arc::new(At {
            url,
            key: Ed25519KeyPair::from_pkcs8(document.as_ref()).expect("a key"),
            codes: Mutex::default(),
            sent_back: AtomicUsize::new(0),
            is_away: AtomicBool::new(false),
        });
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/keys", get(keys))
            .route("/favicon.ico", get(async || StatusCode::NO_CONTENT))
            .route("/authorize", get(authorize))
            .route("/session", get(session))
            .route("/end", get(end))
            .route("/token", post(token))
            .layer(from_fn_with_state(Arc::clone(&at), answer_if_there))
            .with_state(Arc::clone(&at));
        let routes = Router::new().nest("/realm", routes);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { at }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.at.url)
    }

    /// How often somebody was sent back with a code.
    pub fn sent_back(&self) -> usize {
        self.at.sent_back.load(Ordering::SeqCst)
    }

    /// From now on it is away, or there again.
    pub fn be_away(&self, is_away: bool) {
        self.at.is_away.store(is_away, Ordering::SeqCst);
    }
}

async fn answer_if_there(State(at): State<Arc<At>>, request: Request, next: Next) -> Response {
    if at.is_away.load(Ordering::SeqCst) {
        return (StatusCode::SERVICE_UNAVAILABLE, "<h1>away</h1>").into_response();
    }
    next.run(request).await
}

async fn metadata(State(at): State<Arc<At>>) -> Json<Value> {
    let url = &at.url;
    Json(json!({
        "issuer": url, "authorization_endpoint": format!("{url}/authorize"), "token_endpoint": format!("{url}/token"),
        "end_session_endpoint": format!("{url}/end"), "jwks_uri": format!("{url}/keys"),
        "authorization_response_iss_parameter_supported": true, "code_challenge_methods_supported": ["S256"],
    }))
}

async fn keys(State(at): State<Arc<At>>) -> Json<Value> {
    let x = URL_SAFE_NO_PAD.encode(at.key.public_key().as_ref());
    Json(
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "1", "use": "sig", "alg": "EdDSA"}]}),
    )
}

/// Whoever it knows already is sent back at once, others say who they are.
async fn authorize(State(at): State<Arc<At>>, headers: HeaderMap, Query(asked): Query<Asked>) -> Response {
    let is = |name: &str, value: &str| asked.get(name).is_some_and(|given| given == value);
    let has = |name: &str| asked.get(name).is_some_and(|given| given.len() >= 22);
    let is_good = is("client_id", CLIENT_ID)
        && is("response_type", "code")
        && is("scope", "openid")
        && is("audience", AUDIENCE)
        && is("code_challenge_method", "S256")
        && ["code_challenge", "state", "nonce"].into_iter().all(has);
    if !is_good {
        return (StatusCode::BAD_REQUEST, format!("not like this: {asked:?}")).into_response();
    }
    let known = cookie(&headers).filter(|_| !is("prompt", "login"));
    let Some(who) = asked.get("who").cloned().or(known) else {
        let url = |who: &str| {
            let mut pairs: Vec<_> = asked.iter().filter(|(name, _)| *name != "prompt").collect();
            let (name, who) = ("who".to_owned(), who.to_owned());
            pairs.push((&name, &who));
            Url::parse_with_params(&format!("{}/authorize", at.url), pairs).expect("a URL")
        };
        let links: String = PEOPLE
            .iter()
            .map(|who| {
                format!(
                    "<p><a id=\"{who}\" href=\"{}\">{who}</a></p>",
                    url(who).as_str().replace('&', "&amp;")
                )
            })
            .collect();
        return Html(format!("<!doctype html><title>Who are you?</title><h1>Who are you?</h1>{links}"))
            .into_response();
    };
    let mut back = Url::parse(&asked["redirect_uri"]).expect("a URL");
    let state = &asked["state"];
    if who == "carl-declines" {
        back.query_pairs_mut()
            .append_pair("error", "access_denied")
            .append_pair("state", state)
            .append_pair("iss", &at.url);
        return Redirect::to(back.as_str()).into_response();
    }
    let code = Uuid::now_v7().to_string();
    back.query_pairs_mut().append_pair("code", &code).append_pair("state", state).append_pair("iss", &at.url);
    let mut granted = asked.clone();
    granted.insert("who".to_owned(), who.clone());
    at.codes.lock().unwrap().insert(code, granted);
    at.sent_back.fetch_add(1, Ordering::SeqCst);
    (remember(&who), Redirect::to(back.as_str())).into_response()
}

/// For tests: it knows the browser as somebody from now on.
async fn session(Query(asked): Query<Asked>) -> Response {
    (remember(&asked["who"]), Html("<!doctype html><title>Known</title>")).into_response()
}

async fn end(Query(asked): Query<Asked>) -> Response {
    if asked.get("client_id").is_none_or(|id| id != CLIENT_ID) {
        return StatusCode::BAD_REQUEST.into_response();
    }
    (remember(""), Redirect::to(&asked["post_logout_redirect_uri"])).into_response()
}

fn remember(who: &str) -> [(header::HeaderName, String); 1] {
    [(header::SET_COOKIE, format!("issuer-session={who}; Path=/realm; HttpOnly; SameSite=Lax"))]
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let line = headers.get(header::COOKIE)?.to_str().ok()?;
    let mut pairs = line.split("; ").filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, who)| *name == "issuer-session" && !who.is_empty()).map(|(_, who)| who.to_owned())
}

async fn token(State(at): State<Arc<At>>, headers: HeaderMap, Form(asked): Form<Asked>) -> Response {
    let refuse = |status, error: &str| (status, Json(json!({"error": error}))).into_response();
    let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let client = STANDARD.encode(format!("{}:{}", encoded(CLIENT_ID), encoded(CLIENT_SECRET)));
    if headers.get(header::AUTHORIZATION).is_none_or(|given| *given != *format!("Basic {client}")) {
        return refuse(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    // A code is good for once, whatever comes with it.
    let granted = asked.get("code").and_then(|code| at.codes.lock().unwrap().remove(code));
    let Some(granted) = granted else { return refuse(StatusCode::BAD_REQUEST, "invalid_grant") };
    let verifier = asked.get("code_verifier").cloned().unwrap_or_default();
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    if granted["code_challenge"] != challenge || asked.get("redirect_uri") != granted.get("redirect_uri") {
        return refuse(StatusCode::BAD_REQUEST, "invalid_grant");
    }
    let who = granted["who"].as_str();
    let role = if who == "vera" { "viewer" } else { "operator" };
    let mut access = world::claims(role, who);
    access["iss"] = json!(at.url);
    access["aud"] = json!(["account", AUDIENCE]);
    let mut id =
        json!({"iss": at.url, "aud": CLIENT_ID, "sub": who, "exp": access["exp"], "nonce": granted["nonce"]});
    match who {
        "carl" => access["roles"] = json!(["accountant"]),
        "brief" => access["exp"] = json!(Utc::now().timestamp() - LEEWAY_S + BRIEF_S),
        "another-audience" => access["aud"] = json!("another"),
        "another-nonce" => id["nonce"] = json!("of another sign-in"),
        "long" => access["groups"] = json!("x".repeat(4000)),
        _ => {}
    }
    let access = if who == "opaque" { "b3BhcXVl+/=".to_owned() } else { at.signed(&access) };
    Json(json!({"access_token": access, "token_type": "Bearer", "expires_in": 600, "id_token": at.signed(&id)}))
        .into_response()
}

impl At {
    fn signed(&self, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let content =
            format!("{}.{}", part(&json!({"alg": "EdDSA", "kid": "1", "typ": "JWT"})), part(claims));
        format!("{content}.{}", URL_SAFE_NO_PAD.encode(self.key.sign(content.as_bytes())))
    }
}
