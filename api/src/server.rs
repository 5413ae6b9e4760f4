//! The routes under their limits, and the listener.

use std::{any::Any, convert::Infallible, future::Future, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::{Next, from_fn, from_fn_with_state, map_response},
    response::{IntoResponse, Response},
};
use hyper::{body::Incoming, server::conn::http1, service::Service};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    select,
    sync::watch,
    time::{sleep, timeout},
};
use tower_http::{catch_panic::CatchPanicLayer, cors::CorsLayer};
use tracing::{debug, warn};

use crate::{
    access::{self, Access, Peer, settings::Entrance},
    connection_slots::{ConnectionSlots, Held},
    correlation::correlate,
    envelope,
    limits::{CLOSING_TIME_LIMIT, CONNECTIONS, Connections, MOST_BODY_BYTES, MOST_HEADER_BYTES, TIME_LIMIT},
    openapi,
    problem::Problem,
    remote_stock, routes,
    state::Api,
};
use answering::Answering;

mod answering;

/// Every route, behind its door and under the limits.
pub fn router(api: Api, access: impl Into<Arc<Access>>) -> Router {
    let access = access.into();
    let (routes, description) = routes::router().split_for_parts();
    let cors = access.cors();
    let routes = openapi::with_pages(routes, description)
        .layer(from_fn_with_state(api.stock.clone(), remote_stock::turn_away))
        .layer(from_fn_with_state(Arc::clone(&access), access::guard));
    // The console's pages ask for what they show behind the same doors and limits as everybody.
    let asked_by_pages = limited(routes.clone(), TIME_LIMIT, None).with_state(api.clone());
    let console = console::router(asked_by_pages, access::take_over, access.sign_in());
    let routes = routes.nest_service("/console", console);
    limited(routes, TIME_LIMIT, cors).with_state(api)
}

/// Limits the routes. The outermost layer stands last.
fn limited<S: Clone + Send + Sync + 'static>(
    routes: Router<S>,
    time_limit: Duration,
    cors: Option<CorsLayer>,
) -> Router<S> {
    let routes = routes
        .fallback(async || Problem::NoSuchPath)
        .method_not_allowed_fallback(async |method: Method| Problem::MethodNotAllowed(method.to_string()))
        .layer(DefaultBodyLimit::max(MOST_BODY_BYTES))
        .layer(from_fn_with_state(time_limit, limit_time))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(envelope::wrap));
    let routes = match cors {
        Some(cors) => routes.layer(cors),
        None => routes,
    };
    routes.layer(from_fn(correlate)).layer(map_response(harden))
}

/// What is answered is data for whoever asked: no cache keeps it, and no browser guesses another kind.
async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
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
pub async fn serve(
    listener: TcpListener,
    router: Router,
    entrance: Entrance,
    shutdown: impl Future<Output = ()>,
) {
    serve_within(CONNECTIONS, listener, router, entrance, shutdown).await;
}

async fn serve_within(
    limits: Connections,
    listener: TcpListener,
    router: Router,
    entrance: Entrance,
    shutdown: impl Future<Output = ()>,
) {
    let places = ConnectionSlots::new(limits.most, limits.for_webhooks);
    let (open, closing) = watch::channel(());
    let service = TowerToHyperService::new(router);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        // A place is taken for somebody who is there: which one is free is known no earlier.
        let accepted = async {
            let (stream, peer) = listener.accept().await?;
            let held = entrance.addresses.hold(peer.ip());
            let place = if held.is_some() { places.take().await } else { None };
            Ok::<_, std::io::Error>((place, held, (stream, peer)))
        };
        let accepted = select! {
            accepted = accepted => accepted,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((_, None, _)) => debug!("an address holds all the connections it may"),
            Ok((place, held, (stream, peer))) => {
                let hurried = place.as_ref().is_some_and(|place| place.is_for_webhooks);
                let seen = Seen { peer, hurried, entrance: entrance.clone(), closing: closing.clone() };
                let served = connection(stream, seen, limits, service.clone(), closing.clone());
                tokio::spawn(async move {
                    served.await;
                    drop((place, held));
                });
            }
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

/// What is known of a connection before it says anything.
#[derive(Clone)]
struct Seen {
    peer: SocketAddr,
    /// Its place is for webhooks only.
    hurried: bool,
    entrance: Entrance,
    /// Tells that the server ends.
    closing: watch::Receiver<()>,
}

impl Seen {
    /// Lets a request in, with what its caller holds while it is answered.
    fn let_in<B>(&self, request: &mut hyper::Request<B>) -> Result<Option<Held>, Problem> {
        let Entrance { hosts, addresses } = &self.entrance;
        hosts.settle(request)?;
        if self.hurried && !request.uri().path().starts_with("/webhooks/") {
            return Err(Problem::NoRoom);
        }
        let (address, held) = addresses.hold_for(self.peer.ip(), request.headers())?;
        request.extensions_mut().insert(Peer(SocketAddr::new(address, self.peer.port())));
        request.extensions_mut().insert(console::Closing(self.closing.clone()));
        Ok(held)
    }
}

/// One connection, from its first byte to its last.
async fn connection(
    stream: TcpStream,
    seen: Seen,
    limits: Connections,
    service: TowerToHyperService<Router>,
    mut closing: watch::Receiver<()>,
) {
    // Answers are small and whole; waiting to fill a packet only delays them.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "no delay could not be set");
    }
    let header_time_limit = if seen.hurried { limits.hurried_time_limit } else { limits.header_time_limit };
    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        // What has come in one piece is read, even where it is more than is held.
        let is_too_long = bytes_of(request.headers()) > MOST_HEADER_BYTES;
        let let_in = seen.let_in(&mut request);
        let (service, hurried) = (service.clone(), seen.hurried);
        async move {
            let mut response = match let_in {
                _ if is_too_long => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE.into_response(),
                Ok(_held) => service.call(request).await?,
                Err(problem) => harden(problem.into_response()).await,
            };
            if hurried {
                // The place is for the next one.
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response)
        }
    });
    let stream = TokioIo::new(Answering::new(stream, limits.answer_time_limit));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_time_limit)
        .max_buf_size(MOST_HEADER_BYTES)
        .serve_connection(stream, service);
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

fn bytes_of(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

#[cfg(test)]
mod tests;
