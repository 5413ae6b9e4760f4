//! `/openapi.json`, and `/docs`: the same to read in a browser. The page and all it needs come from
//! this program, so it can be read without the internet.
//!
//! **Invariant:** a browser takes nothing from elsewhere and runs no script but the page's own files.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::Path,
    http::{HeaderName, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, serve};

use crate::problem::Problem;

const DESCRIPTION: &str = "/openapi.json";

/// The page sets the style of single elements, hence `unsafe-inline` there; its icons are in the text.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn add<S: Clone + Send + Sync + 'static>(routes: Router<S>, description: &OpenApi) -> Router<S> {
    // A description is made of maps, lists and texts, which JSON can hold.
    let json = Bytes::from(serde_json::to_vec(description).unwrap_or_default());
    let config = Arc::new(config());
    routes
        .route(DESCRIPTION, get(async || ([(header::CONTENT_TYPE, "application/json")], json)))
        // Relative, for whoever has a proxy with a path of its own in front.
        .route("/docs", get(async || Redirect::permanent("docs/")))
        .route(
            "/docs/",
            get({
                let config = config.clone();
                async || file("", config)
            }),
        )
        .route("/docs/{*file}", get(async |Path(name): Path<String>| file(&name, config)))
}

fn config() -> Config<'static> {
    Config::from("../openapi.json")
        .use_base_layout()
        .deep_linking(true)
        .display_operation_id(true)
        .display_request_duration(true)
        .doc_expansion("list")
        .default_models_expand_depth(0)
        .show_common_extensions(true)
        .validator_url("none")
}

fn file(name: &str, config: Arc<Config<'static>>) -> Response {
    match serve(name, config) {
        Ok(Some(file)) => {
            let headers: [(HeaderName, String); 4] = [
                (header::CONTENT_TYPE, file.content_type),
                (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY.to_owned()),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
                (header::REFERRER_POLICY, "no-referrer".to_owned()),
            ];
            (headers, file.bytes).into_response()
        }
        Ok(None) => Problem::NoSuchPath.into_response(),
        Err(error) => Problem::Internal(error.to_string().into()).into_response(),
    }
}
