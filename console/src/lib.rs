//! The web console: pages for the people who keep orders moving.
//!
//! It is a client of the HTTP interface, in the same process: whatever a page shows was answered by `/api`, and whatever
//! a button does is a request to `/api` with the token of whoever pressed it. It decides nothing itself.
//!
//! | module | what it is |
//! |---|---|
//! | `client` | the way to `/api` |
//! | `session` | signing in: a token in a cookie that no script can read |
//! | `failed` | sees to it that a person gets a page, whatever failed |
//! | `oidc` | signing in at the issuer, which gives the token |
//! | `forged` | refuses forms that another site's page sent |
//! | `live` | tells open pages that something changed |
//! | `pages` | one module a page, its template of the same name in `templates/` |
//! | `shown` | what `/api` answers, as far as pages show it |
//! | `words`, `moments` | codes as sentences, times as people say them |
//!
//! **Invariant:** it has no other way to what it shows than the router of `/api`, so nothing can be seen or done here
//! that the table of who may do what does not allow.

mod assets;
mod client;
mod failed;
mod forged;
mod live;
mod moments;
mod oidc;
mod page;
mod pages;
mod session;
mod shown;
mod words;

use std::sync::Arc;

use axum::{Router, extract::DefaultBodyLimit, http::Extensions, middleware::from_fn, routing::get};
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;

pub use live::Closing;
pub use oidc::{ClientSecret, IdTokenRefused, IdTokens, Oidc, OidcSettings};

/// A form with a reason and an address is small.
const MOST_FORM_BYTES: usize = 64 * 1024;
/// Pages that are kept up to date at once, in one process.
const MOST_LIVE_PAGES: usize = 100;

/// Takes over what the server knows of a browser's connection to a request of its page.
pub type TakeOver = fn(&Extensions, &mut Extensions);

/// What every page works with.
#[derive(Clone)]
struct Console {
    api: Router,
    take_over: TakeOver,
    /// None where nobody signs in at an issuer.
    oidc: Option<Arc<Oidc>>,
    live_pages: Arc<Semaphore>,
}

/// The pages, as a client of this interface, with a sign-in at the issuer where there is one. They belong under
/// `/console`.
pub fn router(api: Router, take_over: TakeOver, oidc: Option<Arc<Oidc>>) -> Router {
    let live_pages = Arc::new(Semaphore::new(MOST_LIVE_PAGES));
    let console = Console { api, take_over, oidc, live_pages };
    Router::new()
        .merge(pages::router())
        .merge(session::router())
        .merge(oidc::router())
        .route("/live", get(live::follow))
        .merge(assets::router())
        .fallback(pages::nothing_here)
        .layer(from_fn(session::say_once))
        .layer(from_fn(forged::refuse))
        .layer(DefaultBodyLimit::max(MOST_FORM_BYTES))
        .layer(CatchPanicLayer::custom(failed::panicked))
        .layer(from_fn(failed::as_page))
        .with_state(console)
}
