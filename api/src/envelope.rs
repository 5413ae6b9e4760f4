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
use serde_json::Value;
use utoipa::ToSchema;

use crate::{correlation::CorrelationId, problem::ErrorDetails};

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
    pub(crate) fn of(details: ErrorDetails) -> Self {
        let error = FailureBody {
            code: details.code.to_owned(),
            message: details.message,
            details: details.details,
            correlation_id: CorrelationId::current().map(|id| id.as_str().to_owned()),
        };
        Self { success: false, error }
    }
}

/// The refusal itself.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FailureBody {
    /// For programs: it never changes its meaning.
    #[schema(example = "VALIDATION_ERROR")]
    code: String,
    /// For people.
    message: String,
    /// What a program may want to know beside the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Value>,
    /// Quote it when you ask about the refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<String>,
}

/// Whether answers at this path are wrapped.
pub(crate) fn is_wrapped(path: &str) -> bool {
    ["/allocations", "/orders"]
        .iter()
        .any(|door| path.strip_prefix(door).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// Wraps refusals. Lies around everything that can refuse, and within the correlation of requests.
pub(crate) async fn wrap(request: Request, next: Next) -> Response {
    let wrapped = is_wrapped(request.uri().path());
    let mut response = next.run(request).await;
    let Some(details) = response.extensions_mut().remove::<ErrorDetails>().filter(|_| wrapped) else {
        return response;
    };
    let mut envelope = (response.status(), Json(Failure::of(details))).into_response();
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
