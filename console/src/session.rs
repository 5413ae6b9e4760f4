//! Signing in: a token of the issuer in a cookie that no script can read and no other site's page can send a form with.
//!
//! Nothing is kept here of who is signed in: the cookie is the token, and `/api` checks it each time.

use axum::{
    Form, Router,
    extract::{Query, State, rejection::FormRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde::Deserialize;
use url::form_urlencoded;

use crate::{
    Console,
    client::{Client, Refusal},
    page,
    shown::Me,
};

const TOKEN: &str = "waybill-token";
const SAID: &str = "waybill-said";
/// Browsers keep no cookie that is longer, its name and attributes with it.
const MOST_TOKEN_BYTES: usize = 3900;
const MOST_SAID: usize = 300;
/// Long enough for the page that says it.
const SAID_FOR_S: u32 = 30;

pub(crate) fn router() -> Router<Console> {
    Router::new().route("/sign-in", get(form).post(sign_in)).route("/sign-out", post(sign_out))
}

/// What an act came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) is_refusal: bool,
    pub(crate) sentence: String,
}

/// The token of a request, as a header says it.
pub(crate) fn token(headers: &HeaderMap) -> Option<HeaderValue> {
    let token = cookie(headers, TOKEN)?;
    HeaderValue::from_str(&format!("Bearer {token}")).ok()
}

/// What is to be said once.
pub(crate) fn said(headers: &HeaderMap) -> Option<Said> {
    let given = cookie(headers, SAID)?;
    let (kind, sentence) = form_urlencoded::parse(given.as_bytes()).next()?;
    Some(Said { is_refusal: kind == "refused", sentence: sentence.into_owned() })
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, value)| *known == name && !value.is_empty()).map(|(_, value)| value)
}

/// Goes back to a page, which says what became of an act.
pub(crate) fn back_to(page: &str, outcome: Result<String, Refusal>) -> Response {
    let (kind, sentence) = match outcome {
        Ok(sentence) => ("done", sentence),
        Err(refusal) => ("refused", refusal.sentence),
    };
    // A cookie has no room for more.
    let sentence: String = sentence.chars().take(MOST_SAID).collect();
    let said = form_urlencoded::Serializer::new(String::new()).append_pair(kind, &sentence).finish();
    let cookie = format!("{SAID}={said}; Path=/console; Max-Age={SAID_FOR_S}; HttpOnly; SameSite=Lax");
    ([(header::SET_COOKIE, cookie)], Redirect::to(&format!("/console{page}"))).into_response()
}

/// Ends what is said once.
pub(crate) fn forget_said() -> HeaderValue {
    HeaderValue::from_static("waybill-said=; Path=/console; Max-Age=0; HttpOnly; SameSite=Lax")
}

/// To the page for signing in, and from there to the one that was wanted.
pub(crate) fn to_sign_in(wanted: &str) -> Response {
    let wanted = form_urlencoded::Serializer::new(String::new()).append_pair("to", wanted).finish();
    Redirect::to(&format!("/console/sign-in?{wanted}")).into_response()
}

/// To a page once more, without the token.
pub(crate) fn without_token(wanted: &str) -> Response {
    let cookie = format!("{TOKEN}=; Path=/console; Max-Age=0; HttpOnly; SameSite=Lax");
    ([(header::SET_COOKIE, cookie)], Redirect::to(&format!("/console{wanted}"))).into_response()
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    to: String,
}

#[derive(Deserialize)]
struct SignIn {
    #[serde(default)]
    token: String,
    #[serde(default)]
    to: String,
}

async fn form(Query(wanted): Query<Wanted>) -> Response {
    page::sign_in(StatusCode::OK, &own(&wanted.to), None)
}

async fn sign_in(
    State(console): State<Console>,
    parts: Parts,
    form: Result<Form<SignIn>, FormRejection>,
) -> Response {
    let Ok(Form(SignIn { token, to })) = form else {
        return page::sign_in(StatusCode::BAD_REQUEST, "/", Some("The form could not be read."));
    };
    let (token, to) = (token.trim(), own(&to));
    let refuse = |status, sentence: &str| page::sign_in(status, &to, Some(sentence));
    if token.is_empty() {
        return refuse(StatusCode::BAD_REQUEST, "Paste a token.");
    }
    if token.len() > MOST_TOKEN_BYTES {
        return refuse(StatusCode::BAD_REQUEST, "The token is longer than a browser keeps.");
    }
    // A token is three words of base64 with dots between them; nothing else gets into a cookie.
    if !token.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')) {
        return refuse(StatusCode::BAD_REQUEST, "That is no token.");
    }
    let Ok(bearer) = HeaderValue::from_str(&format!("Bearer {token}")) else {
        return refuse(StatusCode::BAD_REQUEST, "That is no token.");
    };
    match Client::with_token(&parts, &console, Some(bearer)).get::<Me>("/api/me").await {
        Ok(_) => {}
        Err(refusal) if refusal.status == StatusCode::UNAUTHORIZED => {
            return refuse(StatusCode::UNAUTHORIZED, "The token is not valid, or is not valid any more.");
        }
        Err(refusal) if refusal.status == StatusCode::FORBIDDEN => {
            return refuse(StatusCode::FORBIDDEN, "The token is of nobody who may use the console.");
        }
        Err(refusal) => return refuse(refusal.status, &refusal.sentence),
    }
    let secure = if is_on_this_machine(&parts.headers) { "" } else { "; Secure" };
    let cookie = format!("{TOKEN}={token}; Path=/console; HttpOnly; SameSite=Lax{secure}");
    ([(header::SET_COOKIE, cookie)], Redirect::to(&format!("/console{to}"))).into_response()
}

async fn sign_out() -> Response {
    let cookie = format!("{TOKEN}=; Path=/console; Max-Age=0; HttpOnly; SameSite=Lax");
    ([(header::SET_COOKIE, cookie)], Redirect::to("/console/sign-in")).into_response()
}

/// A page of ours, and nothing that leads elsewhere.
pub(crate) fn own(wanted: &str) -> String {
    let is_ours = wanted.starts_with('/') && !wanted.starts_with("//") && !wanted.contains('\\');
    let is_plain = wanted.bytes().all(|byte| byte.is_ascii_graphic());
    if is_ours && is_plain && !wanted.starts_with("/sign-") { wanted.to_owned() } else { "/".to_owned() }
}

/// Whether the browser speaks to this machine itself, where there is no TLS.
fn is_on_this_machine(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']);
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_of_ours_is_gone_back_to() {
        for ours in ["/", "/orders?status=SHIPPED", "/orders/web-1"] {
            assert_eq!(own(ours), ours);
        }
        for elsewhere in
            ["", "//evil.example", "https://evil.example", "/\\evil.example", "/a b", "/sign-out"]
        {
            assert_eq!(own(elsewhere), "/", "{elsewhere}");
        }
    }

    #[test]
    fn what_became_of_an_act_comes_back_as_it_was_said() {
        let refusal = Refusal { status: StatusCode::CONFLICT, sentence: "it = was; \"so\"".into() };
        let response = back_to("/orders/1", Err(refusal));
        let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
        let mut headers = HeaderMap::new();
        let pair = format!("other=1; {}", cookie.split(';').next().unwrap());
        headers.insert(header::COOKIE, HeaderValue::from_str(&pair).unwrap());
        let said = Said { is_refusal: true, sentence: "it = was; \"so\"".into() };
        assert_eq!(super::said(&headers), Some(said));
        assert_eq!(token(&headers), None);
    }

    #[test]
    fn without_tls_a_cookie_is_for_this_machine_alone() {
        let on_this_machine = |host: &'static str| {
            let headers = [(header::HOST, HeaderValue::from_static(host))].into_iter().collect();
            is_on_this_machine(&headers)
        };
        assert!(["localhost:8080", "127.0.0.1:8080", "[::1]:8080"].into_iter().all(on_this_machine));
        assert!(!["waybill.example", "192.0.2.1:8080"].into_iter().any(on_this_machine));
    }
}
