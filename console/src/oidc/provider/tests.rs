use std::sync::atomic::{AtomicUsize, Ordering};

use axum::{Router, http::StatusCode, response::IntoResponse, routing::get};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;

const CONSOLE: &str = "https://waybill.example";

fn settings(issuer: &str) -> OidcSettings {
    OidcSettings {
        issuer: issuer.parse().unwrap(),
        issuer_name: issuer.to_owned(),
        audience: "waybill".to_owned(),
        client_id: "the console".to_owned(),
        client_secret: None,
        console_url: CONSOLE.parse().unwrap(),
        scopes: vec!["openid".to_owned(), "email".to_owned()],
        parameters: vec![("audience".to_owned(), "waybill".to_owned())],
    }
}

fn metadata(more: &Value) -> Metadata {
    let mut metadata = json!({
        "issuer": "https://issuer.example",
        "authorization_endpoint": "https://issuer.example/authorize?tenant=1",
        "token_endpoint": "https://issuer.example/token",
    });
    for (name, value) in more.as_object().unwrap() {
        metadata[name] = value.clone();
    }
    serde_json::from_value(metadata).unwrap()
}

#[test]
fn a_sign_in_begins_at_the_issuer_with_a_challenge_a_state_and_a_nonce_of_its_own() {
    let settings = settings("https://issuer.example");
    let begin = |as_another| Provider::begin(&settings, &metadata(&json!({})), "/orders", as_another).0;
    let (url, another) = (begin(false), begin(true));
    let value = |url: &Url, name: &str| {
        let found = url.query_pairs().find(|(known, _)| known == name);
        found.map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    for (name, expected) in [
        ("tenant", "1"),
        ("response_type", "code"),
        ("client_id", "the console"),
        ("redirect_uri", "https://waybill.example/console/sign-in/callback"),
        ("scope", "openid email"),
        ("code_challenge_method", "S256"),
        ("audience", "waybill"),
        ("prompt", ""),
    ] {
        assert_eq!(value(&url, name), expected, "{name}");
    }
    for name in ["state", "nonce", "code_challenge"] {
        assert!(value(&url, name).len() >= 22, "{name}");
        assert_ne!(value(&url, name), value(&another, name), "{name}");
    }
    assert_eq!(value(&another, "prompt"), "login");
}

#[test]
fn an_issuer_says_its_own_name_and_leads_over_tls() {
    let settings = settings("https://issuer.example");
    assert!(metadata(&json!({})).check(&settings).is_ok());
    for wrong in [
        json!({"issuer": "https://issuer.example/"}),
        json!({"issuer": "https://evil.example"}),
        json!({"authorization_endpoint": "http://issuer.example/authorize"}),
        json!({"authorization_endpoint": "javascript:alert(1)"}),
        json!({"token_endpoint": "http://issuer.example/token"}),
        json!({"end_session_endpoint": "http://issuer.example/end"}),
    ] {
        assert!(metadata(&wrong).check(&settings).is_err(), "{wrong}");
    }
    assert!(metadata(&json!({"token_endpoint": "http://127.0.0.1:1/token"})).check(&settings).is_ok());
}

#[test]
fn what_an_issuer_is_stands_at_its_name() {
    for (issuer, at) in [
        ("https://issuer.example", "https://issuer.example/.well-known/openid-configuration"),
        ("https://issuer.example/", "https://issuer.example/.well-known/openid-configuration"),
        (
            "https://issuer.example/realms/a",
            "https://issuer.example/realms/a/.well-known/openid-configuration",
        ),
        (
            "https://issuer.example/realms/a/",
            "https://issuer.example/realms/a/.well-known/openid-configuration",
        ),
    ] {
        assert_eq!(settings(issuer).metadata().as_str(), at);
    }
}

#[test]
fn a_secret_goes_where_the_issuer_takes_it() {
    let auth_type = |methods: Value| {
        let metadata = metadata(&json!({"token_endpoint_auth_methods_supported": methods}));
        matches!(metadata.auth_type(), AuthType::RequestBody)
    };
    assert!(!auth_type(Value::Null));
    assert!(!auth_type(json!(["client_secret_post", "client_secret_basic"])));
    assert!(auth_type(json!(["client_secret_post", "private_key_jwt"])));
}

#[test]
fn somebody_signs_out_where_the_issuer_says_and_comes_back() {
    let settings = settings("https://issuer.example");
    assert_eq!(metadata(&json!({})).end_of_session(&settings), None);
    let metadata = metadata(&json!({"end_session_endpoint": "https://issuer.example/end"}));
    assert_eq!(
        metadata.end_of_session(&settings).unwrap().as_str(),
        "https://issuer.example/end?client_id=the+console\
         &post_logout_redirect_uri=https%3A%2F%2Fwaybill.example%2Fconsole%2Fsign-in"
    );
}

#[test]
fn of_an_error_its_code_alone_is_repeated() {
    assert_eq!(shown("access_denied"), "access_denied");
    for strange in ["", "<b>", "call 555-1234 now", &"x".repeat(65)] {
        assert_eq!(shown(strange), "an unknown error");
    }
}

/// An issuer whose answer is this.
async fn issuer(
    answer: impl Fn(usize) -> (StatusCode, String) + Clone + Send + Sync + 'static,
) -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let serve = get(async move || answer(count.fetch_add(1, Ordering::SeqCst)).into_response());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let routes = Router::new().route("/.well-known/openid-configuration", serve);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (url, asked)
}

#[tokio::test]
async fn an_issuer_that_is_away_is_not_asked_by_everybody() {
    let (url, asked) = issuer(|_| (StatusCode::BAD_GATEWAY, String::new())).await;
    let settings = settings(&url);
    let provider = Provider::new(&settings).unwrap();
    for _ in 0..5 {
        assert!(matches!(provider.metadata(&settings).await, Err(Refused::Away)));
    }
    // Twice at most, on a machine that is very slow.
    assert!(asked.load(Ordering::SeqCst) <= 2);
}

#[tokio::test]
async fn an_issuer_where_nobody_listens_is_away() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = settings(&format!("http://{}", listener.local_addr().unwrap()));
    drop(listener);
    let provider = Provider::new(&settings).unwrap();
    assert!(matches!(provider.metadata(&settings).await, Err(Refused::Away)));
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let (url, _) = issuer(|_| (StatusCode::OK, " ".repeat(MOST_ANSWER_BYTES + 1))).await;
    let settings = settings(&url);
    let provider = Provider::new(&settings).unwrap();
    assert!(matches!(provider.discover(&settings).await, Err(CallError::TooLarge)));
}
