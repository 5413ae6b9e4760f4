//! Whatever fails inside the console, a person gets a page: of what ran too long, of a bug, of an address or a form that
//! nobody can read.

use std::{any::Any, time::Duration};

use axum::{
    extract::Request,
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::time::timeout;

use crate::client::Refusal;

/// Shorter than what the API gives any request (10 s), so that it is a page that says so.
const TIME_LIMIT: Duration = Duration::from_secs(9);

/// The panic's own message may hold anything, so it is said to nobody.
pub(crate) fn panicked(_message: Box<dyn Any + Send + 'static>) -> Response {
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

/// Makes a page of a refusal that is none.
pub(crate) async fn as_page(request: Request, next: Next) -> Response {
    let Ok(response) = timeout(TIME_LIMIT, next.run(request)).await else {
        return page(StatusCode::GATEWAY_TIMEOUT);
    };
    let is_page = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.to_str().is_ok_and(|kind| kind.starts_with("text/html")));
    let status = response.status();
    let has_failed = status.is_client_error() || status.is_server_error();
    // Whoever is to come later is a script.
    let is_for_a_script = response.headers().contains_key(header::RETRY_AFTER);
    if has_failed && !is_page && !is_for_a_script { page(status) } else { response }
}

fn page(status: StatusCode) -> Response {
    let sentence = match status {
        StatusCode::GATEWAY_TIMEOUT => {
            "It took too long, and nobody knows what became of it. Look again before you do anything twice."
        }
        StatusCode::METHOD_NOT_ALLOWED => "That address takes no such request. Nothing was done.",
        StatusCode::PAYLOAD_TOO_LARGE => "The form is too long. Nothing was done.",
        status if status.is_client_error() => "The address or the form cannot be read. Nothing was done.",
        _ => "Something went wrong on our side.",
    };
    Refusal { status, sentence: sentence.to_owned() }.into_response()
}

#[cfg(test)]
mod tests {
    use axum::{
        Json, Router,
        body::{Body, to_bytes},
        routing::get,
    };
    use serde_json::json;
    use tower::ServiceExt;

    use super::*;

    /// What is answered to a request of somebody who is let in; the API answers nothing else, and trips over lanes.
    async fn answered(method: &str, path: &str) -> (StatusCode, String) {
        let who = async || Json(json!({"name": "ada", "roles": ["operator"], "signedIn": true}));
        let trips = async || -> StatusCode { panic!("what nobody is to see") };
        let api = Router::new().route("/api/me", get(who)).route("/api/lanes", get(trips));
        let request = Request::builder().method(method).uri(path);
        let request =
            request.header("host", "ours").header("origin", "http://ours").body(Body::empty()).unwrap();
        let answer = crate::router(api, |_, _| {}, None).oneshot(request).await.unwrap();
        let status = answer.status();
        let kind = answer.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        assert!(kind.starts_with("text/html"), "{method} {path}: {kind}");
        let text = to_bytes(answer.into_body(), 100_000).await.unwrap();
        (status, String::from_utf8(text.into()).unwrap())
    }

    #[tokio::test]
    async fn whatever_fails_is_a_page() {
        for (method, path, status, sentence) in [
            ("GET", "/lanes", StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong on our side."),
            ("POST", "/lanes", StatusCode::METHOD_NOT_ALLOWED, "takes no such request"),
            ("GET", "/orders?status=A&amp;status=B&status=C", StatusCode::BAD_REQUEST, "cannot be read"),
            ("GET", "/stock/%FF", StatusCode::BAD_REQUEST, "cannot be read"),
            ("POST", "/inbox/none/replay", StatusCode::BAD_REQUEST, "cannot be read"),
            ("GET", "/nothing/here", StatusCode::NOT_FOUND, "No page of the console has this address."),
        ] {
            let (answer, page) = answered(method, path).await;
            assert_eq!(answer, status, "{method} {path}");
            assert!(page.contains(sentence) && page.contains("<h1>"), "{method} {path}: {page}");
            assert!(!page.contains("nobody is to see"), "{page}");
        }
    }
}
