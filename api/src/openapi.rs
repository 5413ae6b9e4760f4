//! What the interface says of itself: `/openapi.json`.

use axum::{Json, Router, routing::get};
use utoipa::openapi::OpenApi;

/// The routes and the page that describes them.
pub(crate) fn with_pages<S: Clone + Send + Sync + 'static>(
    routes: Router<S>,
    description: OpenApi,
) -> Router<S> {
    routes.route("/openapi.json", get(async || Json(description)))
}
