//! The wrapping of answers on the integration endpoints: `{success, data | error{code, message, details}}`.
//!
//! **Invariant:** whatever refuses a request there, a handler or a limit around it, the caller gets
//! the envelope and never a bare problem.

use axum::{
    Json,
    extract::Request,
    http::header,
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::FailureBody;

/// What was asked for.
#[derive(Serialize, ToSchema)]
pub(crate) struct Success<T> {
    #[schema(example = true)]
    success: bool,
    data: T,
}

impl<T> Success<T> {
    pub(crate) fn new(data: T) -> Json<Self> {
        Json(Self { success: true, data })
    }
}

/// Why it was refused.
#[derive(Serialize, ToSchema)]
pub(crate) struct Failure {
    #[schema(example = false)]
    success: bool,
    error: FailureBody,
}

impl Failure {
    pub(crate) fn of(error: FailureBody) -> Self {
        Self { success: false, error }
    }
}

pub(crate) fn is_wrapped(path: &str) -> bool {
    ["/allocations", "/orders"]
        .iter()
        .any(|door| path.strip_prefix(door).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// Wraps refusals. Lies around everything that can refuse, and within the correlation of requests.
pub(crate) async fn wrap(request: Request, next: Next) -> Response {
    let wrapped = is_wrapped(request.uri().path());
    let mut response = next.run(request).await;
    let Some(error) = response.extensions_mut().remove::<FailureBody>().filter(|_| wrapped) else {
        return response;
    };
    let mut envelope = (response.status(), Json(Failure::of(error))).into_response();
    for name in [header::RETRY_AFTER, header::WWW_AUTHENTICATE, header::ALLOW] {
        if let Some(value) = response.headers_mut().remove(&name) {
            envelope.headers_mut().insert(name, value);
        }
    }
    envelope
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_integration_endpoints_are_wrapped() {
        for path in ["/allocations", "/allocations/bulk", "/orders/ord_1", "/orders"] {
            assert!(is_wrapped(path), "{path}");
        }
        for path in ["/api/orders", "/ordersome", "/health", "/api/allocations/explain"] {
            assert!(!is_wrapped(path), "{path}");
        }
    }
}
