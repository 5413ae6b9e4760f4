//! The way to `/api`: requests to its router, with what the browser's own request came with.

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::FromRequestParts,
    http::{Extensions, HeaderMap, HeaderValue, Method, Request, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tower::ServiceExt;

use crate::{Console, page, session, shown::Me};

/// Pages are small; an order of 500 lines with all that happened to it is not.
const MOST_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// How a browser asks (Fetch Metadata).
const FETCH_MODE: header::HeaderName = header::HeaderName::from_static("sec-fetch-mode");

/// What a browser says of its request that has nothing to do with the page's own requests.
const OF_THE_PAGE: [header::HeaderName; 8] = [
    header::AUTHORIZATION,
    header::COOKIE,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::TRANSFER_ENCODING,
    header::IF_NONE_MATCH,
    header::RANGE,
    header::EXPECT,
];

/// Requests of one visitor.
#[derive(Clone)]
pub(crate) struct Client {
    api: Router,
    headers: HeaderMap,
    extensions: Extensions,
}

/// Why `/api` did not do it.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// For people.
    pub(crate) sentence: String,
}

/// An answer and where the next page begins.
pub(crate) struct Listed<T> {
    pub(crate) rows: Vec<T>,
    pub(crate) next: Option<String>,
    /// Whether older rows are left out, which no page has.
    pub(crate) is_truncated: bool,
}

#[derive(Deserialize)]
struct Problem {
    error: Option<String>,
}

impl Client {
    /// With the token of the browser's cookie, and with whatever else shows where its request came from: a request
    /// without a token is let in or refused for the same reasons as the browser's own.
    fn of(parts: &Parts, console: &Console) -> Self {
        Self::with_token(parts, console, session::token(&parts.headers))
    }

    /// The same with another token.
    pub(crate) fn with_token(parts: &Parts, console: &Console, token: Option<HeaderValue>) -> Self {
        let mut headers = parts.headers.clone();
        for name in OF_THE_PAGE {
            headers.remove(name);
        }
        if let Some(token) = token {
            headers.insert(header::AUTHORIZATION, token);
        }
        // Not all of them: what routing left there is of the page's address.
        let mut extensions = Extensions::new();
        (console.take_over)(&parts.extensions, &mut extensions);
        Self { api: console.api.clone(), headers, extensions }
    }

    /// What is there.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Refusal> {
        let (_, body) = self.send(Method::GET, path, Body::empty()).await?;
        read(&body)
    }

    /// A page of a list.
    pub(crate) async fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Listed<T>, Refusal> {
        let (headers, body) = self.send(Method::GET, path, Body::empty()).await?;
        let is_truncated = headers.contains_key("x-truncated");
        Ok(Listed { rows: read(&body)?, next: next_cursor(&headers), is_truncated })
    }

    /// What became of it.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Refusal> {
        self.post_once(path, body, None).await
    }

    /// The same for what has no id of its own: sent again under its key, it does nothing more.
    pub(crate) async fn post_once<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        key: Option<&str>,
    ) -> Result<T, Refusal> {
        let body = serde_json::to_vec(body).map_err(|_| Refusal::ours())?;
        let mut keyed = self.clone();
        if let Some(key) = key {
            let key = HeaderValue::from_str(key).map_err(|_| Refusal::ours())?;
            keyed.headers.insert("idempotency-key", key);
        }
        let (_, body) = keyed.send(Method::POST, path, body.into()).await?;
        read(&body)
    }

    /// A file, as it is sent, however large.
    pub(crate) async fn download(&self, path: &str) -> Result<Response, Refusal> {
        let answer = self.ask(Method::GET, path, Body::empty()).await?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let body = to_bytes(answer.into_body(), MOST_ANSWER_BYTES).await.map_err(|_| Refusal::ours())?;
        Err(refused(status, &body))
    }

    async fn send(&self, method: Method, path: &str, body: Body) -> Result<(HeaderMap, Vec<u8>), Refusal> {
        let (parts, body) = self.ask(method, path, body).await?.into_parts();
        let body = to_bytes(body, MOST_ANSWER_BYTES).await.map_err(|_| Refusal::ours())?;
        if parts.status.is_success() {
            return Ok((parts.headers, body.into()));
        }
        Err(refused(parts.status, &body))
    }

    async fn ask(&self, method: Method, path: &str, body: Body) -> Result<Response, Refusal> {
        let mut request = Request::new(body);
        *request.uri_mut() = path.parse().map_err(|_| Refusal::ours())?;
        request.headers_mut().clone_from(&self.headers);
        request.extensions_mut().clone_from(&self.extensions);
        if method != Method::GET {
            request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        *request.method_mut() = method;
        let Ok(answer) = self.api.clone().oneshot(request).await;
        Ok(answer)
    }
}

impl Refusal {
    fn ours() -> Self {
        let sentence = "Something went wrong on our side".to_owned();
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, sentence }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        page::refused(&self)
    }
}

fn refused(status: StatusCode, body: &[u8]) -> Refusal {
    let said: Option<Problem> = serde_json::from_slice(body).ok();
    let sentence = said.and_then(|problem| problem.error).unwrap_or_else(|| status.to_string());
    Refusal { status, sentence }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        tracing::error!(%error, "a page does not understand the API");
        Refusal::ours()
    })
}

/// The cursor in a `Link` header.
fn next_cursor(headers: &HeaderMap) -> Option<String> {
    let link = headers.get(header::LINK)?.to_str().ok()?;
    let (address, _) = link.strip_prefix('<')?.split_once('>')?;
    let (_, query) = address.split_once('?')?;
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.find(|(name, _)| name == "cursor").map(|(_, cursor)| cursor.into_owned())
}

/// Somebody who may look.
pub(crate) struct Visitor {
    pub(crate) client: Client,
    pub(crate) me: Me,
    /// What the act before came to, to be said once.
    pub(crate) said: Option<session::Said>,
}

/// Where a visitor who may not look is sent.
pub(crate) enum TurnedAway {
    SignIn(String),
    /// To the same page without the token, which is none here: on a machine where nobody needs one, another Waybill's
    /// would shut the door for good, as a cookie is of all ports.
    WithoutToken(String),
    /// To the issuer at once.
    Issuer(String),
    Refused(Refusal),
}

impl IntoResponse for TurnedAway {
    fn into_response(self) -> Response {
        match self {
            Self::SignIn(wanted) => session::to_sign_in(&wanted),
            Self::WithoutToken(wanted) => session::without_token(&wanted),
            Self::Issuer(wanted) => session::to_issuer(&wanted),
            Self::Refused(refusal) => refusal.into_response(),
        }
    }
}

impl FromRequestParts<Console> for Visitor {
    type Rejection = TurnedAway;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, TurnedAway> {
        let client = Client::of(parts, console);
        match client.get::<Me>("/api/me").await {
            Ok(me) => Ok(Self { client, me, said: session::said(&parts.headers) }),
            Err(refusal) if refusal.status == StatusCode::UNAUTHORIZED => {
                let wanted = parts.uri.path_and_query().map_or("/", |wanted| wanted.as_str());
                // Only pages can be gone back to.
                let is_page = parts.method == Method::GET;
                let wanted = if is_page { wanted } else { "/" }.to_owned();
                let had_token =
                    is_page && session::token(&parts.headers).is_some() && is_opened(&parts.headers);
                Err(match (had_token, &console.oidc) {
                    (true, Some(_)) => TurnedAway::Issuer(wanted),
                    (true, None) => TurnedAway::WithoutToken(wanted),
                    (false, _) => TurnedAway::SignIn(wanted),
                })
            }
            Err(refusal) => Err(TurnedAway::Refused(refusal)),
        }
    }
}

/// Whether a person opens the page, and no script that reads it anew: a script gets to no other site.
pub(crate) fn is_opened(headers: &HeaderMap) -> bool {
    headers.get(FETCH_MODE).is_none_or(|mode| mode == "navigate")
}

#[cfg(test)]
mod tests {
    use axum::routing::get;

    use super::*;

    /// A page before an API that lets everybody in but who has a token, as on a machine where nobody needs one.
    async fn open(headers: &[(&'static str, &'static str)]) -> Response {
        let who = async |headers: HeaderMap| match headers.get(header::AUTHORIZATION) {
            Some(_) => StatusCode::UNAUTHORIZED.into_response(),
            None => {
                axum::Json(serde_json::json!({"name": "somebody", "roles": ["operator"], "signedIn": false}))
                    .into_response()
            }
        };
        let lanes = async || axum::Json(serde_json::json!([]));
        let api = Router::new().route("/api/me", get(who)).route("/api/lanes", get(lanes));
        let mut request = Request::get("/lanes?a=1");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        crate::router(api, |_, _| {}, None).oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn a_token_that_is_none_here_is_forgotten_where_nobody_needs_one() {
        let token = ("cookie", "waybill-token=of.another.one");
        for opened in [&[token][..], &[token, ("sec-fetch-mode", "navigate")]] {
            let answer = open(opened).await;
            assert_eq!(answer.headers()[header::LOCATION], "/console/lanes?a=1");
            let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap();
            assert!(cookie.starts_with("waybill-token=; Path=/console; Max-Age=0;"), "{cookie}");
        }
        let without = open(&[]).await;
        assert_eq!(without.status(), StatusCode::OK);
        let page = to_bytes(without.into_body(), MOST_ANSWER_BYTES).await.unwrap();
        let page = String::from_utf8(page.into()).unwrap();
        // The API of this test does not say how much waits.
        assert!(page.contains("badge unknown") && !page.contains("icon-wanted"), "{page}");
        // A script that reads an open page anew is told where to sign in, and forgets nothing.
        let read_anew = open(&[token, ("sec-fetch-mode", "cors")]).await;
        assert_eq!(read_anew.headers()[header::LOCATION], "/console/sign-in?to=%2Flanes%3Fa%3D1");
        assert!(!read_anew.headers().contains_key(header::SET_COOKIE));
    }

    #[test]
    fn the_next_page_begins_where_its_link_says() {
        let mut headers = HeaderMap::new();
        assert_eq!(next_cursor(&headers), None);
        let link = "</api/orders?status=SHIPPED&cursor=a%2Bb>; rel=\"next\"";
        headers.insert(header::LINK, HeaderValue::from_static(link));
        assert_eq!(next_cursor(&headers).as_deref(), Some("a+b"));
    }
}
