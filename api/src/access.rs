//! Who sends a request, and whether it may.

use axum::{extract::Request, middleware::Next, response::Response};

use crate::caller::Caller;

/// Tells the handlers who the caller is.
pub(crate) async fn identify(mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(Caller::local());
    next.run(request).await
}
