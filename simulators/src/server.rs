//! Accepts connections. Unlike `axum::serve` it can close one without an answer, which is
//! what a fault that loses an answer needs.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tower::ServiceExt;
use url::{Host, Url};

use crate::settings::SettingsError;

/// One listening server.
pub(crate) struct Server {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

/// Put into a response's extensions, it closes the connection instead of answering.
#[derive(Clone)]
pub(crate) struct DropConnection;

impl IntoResponse for DropConnection {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        response.extensions_mut().insert(self);
        response
    }
}

impl Server {
    pub(crate) async fn start(
        variable: &'static str,
        address: SocketAddr,
        router: Router,
    ) -> Result<Self, SettingsError> {
        let bind = |source| SettingsError::Bind { variable, address, source };
        let listener = TcpListener::bind(address).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let open = !address.ip().is_loopback();
        let router = router.layer(from_fn(move |request, next| for_this_machine(open, request, next)));
        let accepting = tokio::spawn(accept(listener, router));
        Ok(Self { address, accepting })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting; the connections go down with the task that owns them.
    pub(crate) async fn stop(self) {
        self.accepting.abort();
        let _ = self.accepting.await;
    }
}

/// A page in a browser here gets at nothing by a name that leads to this machine, or across origins. Where others can reach
/// us (`open`), as in a container, they may call us by an address, or by a name without a dot, which is no page's.
async fn for_this_machine(open: bool, request: Request<Body>, next: Next) -> Response {
    let headers = request.headers();
    let is_here = |url: Option<Url>, open: bool| match url.as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => name == "localhost" || open && !name.contains('.'),
        Some(Host::Ipv4(address)) => open || address.is_loopback(),
        Some(Host::Ipv6(address)) => open || address.is_loopback(),
        None => false,
    };
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default());
    let host =
        text(header::HOST).is_some_and(|host| is_here(Url::parse(&format!("http://{host}")).ok(), open));
    let origin = text(header::ORIGIN).is_none_or(|origin| is_here(Url::parse(origin).ok(), false));
    if host && origin && headers.get_all(header::HOST).iter().count() == 1 {
        return next.run(request).await;
    }
    (StatusCode::FORBIDDEN, "Host and Origin: of this machine alone\n").into_response()
}

#[derive(Debug, Error)]
#[error("the connection is dropped on purpose")]
struct Dropped;

async fn accept(listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, router.clone()));
                }
                Err(error) => tracing::warn!(%error, "a connection could not be accepted"),
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, router: Router) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let router = router.clone();
        async move {
            let Ok(response) = router.oneshot(request.map(Body::new)).await;
            if response.extensions().get::<DropConnection>().is_some() {
                return Err(Dropped);
            }
            Ok(response)
        }
    });
    // An error here is a peer that hung up, or a connection that we were told to drop.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
