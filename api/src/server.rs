//! The routes under their limits, and the listener.

use std::{any::Any, future::Future, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::Method,
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use intake::{Dispatcher, settings::Shops};
use sqlx::PgPool;
use tokio::{
    net::{TcpListener, TcpStream},
    select,
    sync::watch,
    time::{sleep, timeout},
};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::{debug, warn};
use warehouse::callback::CallbackSecret;

use crate::{access, correlation::correlate, envelope, openapi, problem::Problem, queue::Queue, routes};

/// The most bytes of a body.
pub const MOST_BODY_BYTES: usize = 1024 * 1024;
/// How long a request may take, its body included.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// How long a caller may take for its headers.
const HEADER_TIME_LIMIT: Duration = Duration::from_secs(5);
/// Bytes of headers that are held for one connection.
const MOST_HEADER_BYTES: usize = 64 * 1024;
/// How long requests under way may take at the end.
const CLOSING_TIME_LIMIT: Duration = Duration::from_secs(5);

/// What every handler works with. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    /// Our database.
    pub pool: PgPool,
    /// The shops whose webhooks are taken.
    pub shops: Arc<Shops>,
    /// Secrets of the warehouse's callbacks.
    pub callback_secrets: Arc<[CallbackSecret]>,
    /// Where committed messages go.
    pub queue: Queue,
    /// The way to an order's run, for commands whose sender waits.
    pub dispatcher: Dispatcher,
}

/// Every route, under the limits.
pub fn router(api: Api) -> Router {
    let (routes, description) = routes::router().split_for_parts();
    limited(openapi::with_pages(routes, description), TIME_LIMIT).with_state(api)
}

/// Limits the routes. The outermost layer stands last.
fn limited<S: Clone + Send + Sync + 'static>(routes: Router<S>, time_limit: Duration) -> Router<S> {
    routes
        .fallback(async || Problem::NoSuchPath)
        .method_not_allowed_fallback(async |method: Method| Problem::MethodNotAllowed(method.to_string()))
        .layer(DefaultBodyLimit::max(MOST_BODY_BYTES))
        .layer(from_fn_with_state(time_limit, limit_time))
        .layer(from_fn(access::identify))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(envelope::wrap))
        .layer(from_fn(correlate))
}

async fn limit_time(State(time_limit): State<Duration>, request: Request, next: Next) -> Response {
    match timeout(time_limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::TimedOut.into_response(),
    }
}

/// The panic's own message is on standard error by now; it may hold anything, so it is not logged.
fn panicked(_message: Box<dyn Any + Send + 'static>) -> Response {
    Problem::Internal("a handler panicked".into()).into_response()
}

/// Serves until `shutdown`, then lets requests under way finish for up to five seconds.
pub async fn serve(listener: TcpListener, router: Router, shutdown: impl Future<Output = ()>) {
    let (open, closing) = watch::channel(());
    let service = TowerToHyperService::new(router);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((stream, _)) => drop(tokio::spawn(connection(stream, service.clone(), closing.clone()))),
            Err(error) => {
                // Out of file descriptors, mostly: others have to end before it gets better.
                warn!(%error, "a connection could not be accepted");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    drop(closing);
    // A failure means that nobody listens any more, which is what is waited for.
    let _ = open.send(());
    if timeout(CLOSING_TIME_LIMIT, open.closed()).await.is_err() {
        warn!("requests were still under way at the end");
    }
}

/// One connection, from its first byte to its last.
async fn connection(
    stream: TcpStream,
    service: TowerToHyperService<Router>,
    mut closing: watch::Receiver<()>,
) {
    // Answers are small and whole; waiting to fill a packet only delays them.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "no delay could not be set");
    }
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME_LIMIT)
        .max_buf_size(MOST_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = select! {
        ended = connection.as_mut() => ended,
        _ = closing.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%error, "connection ended early");
    }
}

#[cfg(test)]
mod tests;
