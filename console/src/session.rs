//! Signing in: a token of the issuer in a cookie that no script can read and no other site's page can send a form with.
//!
//! Nothing is kept here of who is signed in: the cookie is the token, and `/api` checks it each time.

use axum::{
    Form, Router,
    extract::{Query, Request, State, rejection::FormRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde::Deserialize;
use url::form_urlencoded;

use crate::{
    Console,
    client::{Client, Refusal, is_opened},
    page,
    pages::query,
    shown::Me,
};

const TOKEN: &str = "waybill-token";
const NO_TOKEN: HeaderValue =
    HeaderValue::from_static("waybill-token=; Path=/console; Max-Age=0; HttpOnly; SameSite=Lax");
const SAID: &str = "waybill-said";
const SAID_ALREADY: HeaderValue =
    HeaderValue::from_static("waybill-said=; Path=/console; Max-Age=0; HttpOnly; SameSite=Lax");
/// Browsers keep no cookie that is longer, its name and attributes with it.
pub(crate) const MOST_TOKEN_BYTES: usize = 3900;
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

/// What is to be said once, by a page that a person opens.
pub(crate) fn said(headers: &HeaderMap) -> Option<Said> {
    let given = cookie(headers, SAID).filter(|_| is_opened(headers))?;
    let (kind, sentence) = form_urlencoded::parse(given.as_bytes()).next()?;
    Some(Said { is_refusal: kind == "refused", sentence: sentence.into_owned() })
}

pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    cookies(headers).find(|(known, value)| *known == name && !value.is_empty()).map(|(_, value)| value)
}

/// The cookies of a request.
pub(crate) fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='))
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

/// What an act came to is said once, by the page that is opened next: a script that reads the page before anew meanwhile
/// leaves it alone.
pub(crate) async fn say_once(request: Request, next: Next) -> Response {
    let is_said = said(request.headers()).is_some();
    let mut response = next.run(request).await;
    let is_page = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == page::HTML);
    if is_said && is_page {
        response.headers_mut().append(header::SET_COOKIE, SAID_ALREADY);
    }
    response
}

/// To the page for signing in, and from there to the one that was wanted.
pub(crate) fn to_sign_in(wanted: &str) -> Response {
    Redirect::to(&format!("/console/sign-in?{}", query(&[("to", wanted)]))).into_response()
}

/// To the issuer and back to the page that was wanted, where there was a token that is not good any more. The token's
/// cookie ends with it, so that this happens once: only a token that is good makes another.
pub(crate) fn to_issuer(wanted: &str) -> Response {
    let start = format!("/console/sign-in/start?{}", query(&[("to", wanted)]));
    ([(header::SET_COOKIE, NO_TOKEN)], Redirect::to(&start)).into_response()
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

async fn form(State(console): State<Console>, Query(wanted): Query<Wanted>) -> Response {
    page::SignIn::new(&own(&wanted.to), console.oidc.is_some()).show(StatusCode::OK)
}

async fn sign_in(
    State(console): State<Console>,
    parts: Parts,
    form: Result<Form<SignIn>, FormRejection>,
) -> Response {
    let refuse = |status, to: &str, sentence: &str| {
        let empty = page::SignIn::new(to, console.oidc.is_some());
        page::SignIn { refusal: Some(sentence), with_token: true, ..empty }.show(status)
    };
    let Ok(Form(SignIn { token, to })) = form else {
        return refuse(StatusCode::BAD_REQUEST, "/", "The form could not be read.");
    };
    let (token, to) = (token.trim(), own(&to));
    if token.is_empty() {
        return refuse(StatusCode::BAD_REQUEST, &to, "Paste a token.");
    }
    match admit(&console, &parts, token).await {
        Ok(cookie) => {
            ([(header::SET_COOKIE, cookie)], Redirect::to(&format!("/console{to}"))).into_response()
        }
        Err(unfit) => {
            let (status, sentence) = unfit.words();
            refuse(status, &to, &sentence)
        }
    }
}

/// Why a token is none to sign in with.
#[derive(Debug)]
pub(crate) enum Unfit {
    TooLong {
        bytes: usize,
    },
    /// It is no JWT.
    Malformed,
    NotValid,
    /// It opens nothing here.
    Nobody,
    Otherwise(Refusal),
}

impl Unfit {
    fn words(self) -> (StatusCode, String) {
        match self {
            Self::TooLong { bytes } => (
                StatusCode::BAD_REQUEST,
                format!(
                    "The token has {bytes} bytes. It has to fit into a cookie, which has 4 kB: at most \
                     {MOST_TOKEN_BYTES} bytes."
                ),
            ),
            Self::Malformed => (StatusCode::BAD_REQUEST, "That is no token.".to_owned()),
            Self::NotValid => {
                (StatusCode::UNAUTHORIZED, "The token is not valid, or is not valid any more.".to_owned())
            }
            Self::Nobody => {
                (StatusCode::FORBIDDEN, "The token is of nobody who may use the console.".to_owned())
            }
            Self::Otherwise(Refusal { status, sentence }) => (status, sentence),
        }
    }
}

/// The cookie for a token that `/api` takes.
pub(crate) async fn admit(console: &Console, parts: &Parts, token: &str) -> Result<HeaderValue, Unfit> {
    if !is_jwt(token) {
        return Err(Unfit::Malformed);
    }
    if token.len() > MOST_TOKEN_BYTES {
        return Err(Unfit::TooLong { bytes: token.len() });
    }
    let bearer = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| Unfit::Malformed)?;
    match Client::with_token(parts, console, Some(bearer)).get::<Me>("/api/me").await {
        Ok(_) => {}
        Err(refusal) if refusal.status == StatusCode::UNAUTHORIZED => return Err(Unfit::NotValid),
        Err(refusal) if refusal.status == StatusCode::FORBIDDEN => return Err(Unfit::Nobody),
        Err(refusal) => return Err(Unfit::Otherwise(refusal)),
    }
    let secure = secure(&parts.headers);
    let cookie = format!("{TOKEN}={token}; Path=/console; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&cookie).map_err(|_| Unfit::Malformed)
}

/// Three words of base64 with dots between them; nothing else gets into a cookie.
fn is_jwt(token: &str) -> bool {
    let is_of_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let words: Vec<&str> = token.split('.').collect();
    words.len() == 3 && words.iter().all(|word| !word.is_empty() && word.bytes().all(is_of_base64))
}

async fn sign_out(State(console): State<Console>) -> Response {
    let end = match &console.oidc {
        Some(oidc) => oidc.end_of_session().await,
        None => None,
    };
    let page = match end {
        // A page leads there, as a form of ours may not: browsers hold what answers it to the policy of forms as well.
        Some(end) => page::signed_out(end.as_str()),
        None => Redirect::to("/console/sign-in").into_response(),
    };
    let mut response = page;
    response.headers_mut().append(header::SET_COOKIE, NO_TOKEN);
    response
}

/// A page of ours, and nothing that leads elsewhere.
pub(crate) fn own(wanted: &str) -> String {
    let is_ours = wanted.starts_with('/') && !wanted.starts_with("//") && !wanted.contains('\\');
    let is_plain = wanted.bytes().all(|byte| byte.is_ascii_graphic());
    if is_ours && is_plain && !wanted.starts_with("/sign-") { wanted.to_owned() } else { "/".to_owned() }
}

/// What a cookie needs to stay within TLS, where the browser does not speak to this machine itself.
pub(crate) fn secure(headers: &HeaderMap) -> &'static str {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if is_this_machine(name) { "" } else { "; Secure" }
}

/// Whether a host is this machine itself, where there is no TLS.
pub(crate) fn is_this_machine(host: &str) -> bool {
    let name = host.trim_matches(['[', ']']);
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
            secure(&headers).is_empty()
        };
        assert!(["localhost:8080", "127.0.0.1:8080", "[::1]:8080"].into_iter().all(on_this_machine));
        assert!(!["waybill.example", "192.0.2.1:8080"].into_iter().any(on_this_machine));
    }
}
