//! The correlation id: ties together what one request caused, in answers, logs and events.

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use tracing::{Instrument, info_span};
use uuid::Uuid;

/// The header that brings one and takes it back.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-correlation-id");
const MOST_CHARACTERS: usize = 128;

tokio::task_local! {
    static CURRENT: CorrelationId;
}

/// 1 to 128 letters, digits, `.`, `_`, `:` or `-`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CorrelationId(String);

impl CorrelationId {
    /// The id of the request that is being answered.
    pub(crate) fn current() -> Option<String> {
        CURRENT.try_with(|id| id.0.clone()).ok()
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The caller's, if it is one, else a new one.
    fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(HEADER).and_then(|value| value.to_str().ok()).filter(|id| is_valid(id));
        Self(given.map_or_else(|| Uuid::now_v7().to_string(), str::to_owned))
    }
}

fn is_valid(id: &str) -> bool {
    (1..=MOST_CHARACTERS).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-'))
}

/// Gives the request its id, its log span, and the answer its header.
pub(crate) async fn correlate(mut request: Request, next: Next) -> Response {
    let id = CorrelationId::of(request.headers());
    // The route and not the path, which may hold what a caller typed.
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str);
    let span = info_span!(
        "request", http.method = %request.method(), http.route = route, correlation.id = id.as_str()
    );
    request.extensions_mut().insert(id.clone());
    let mut response = CURRENT.scope(id.clone(), next.run(request).instrument(span)).await;
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(id: &str) -> HeaderMap {
        HeaderMap::from_iter([(HEADER, HeaderValue::from_str(id).unwrap())])
    }

    #[test]
    fn a_callers_id_is_taken_over_if_it_is_a_bounded_token() {
        assert_eq!(CorrelationId::of(&headers("req-1:a.b_c")).as_str(), "req-1:a.b_c");
        for bad in ["", "a b", "a\tb", "{}", &"x".repeat(129)] {
            let id = CorrelationId::of(&headers(bad));
            assert!(Uuid::parse_str(id.as_str()).is_ok(), "{bad}");
        }
    }
}
