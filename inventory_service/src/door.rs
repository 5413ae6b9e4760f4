//! The door of the service: who may come in, before anything of what it says is read, and how many at once.
//!
//! **Invariant:** a message is read after its caller was admitted, and connections that say nothing end.

use std::{
    future::Future,
    io::{Error, ErrorKind, IoSlice, Result},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::stream::{Stream, unfold};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, Sleep, sleep},
};
use tonic::{
    body::Body,
    codegen::http,
    metadata::MetadataMap,
    transport::server::{Connected, TcpConnectInfo},
};
use tower::Service;
use tracing::warn;

use crate::Admission;

/// What connections are held to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Connections {
    /// The most at once; others wait to be accepted.
    pub(crate) most: usize,
    /// How long a caller may take for its first word.
    pub(crate) first_word: Duration,
    /// How long it may be silent later. Pings are answered by whoever is there.
    pub(crate) silence: Duration,
}

impl Default for Connections {
    fn default() -> Self {
        // File descriptors are for webhooks in the first place.
        Self { most: 64, first_word: Duration::from_secs(5), silence: Duration::from_secs(75) }
    }
}

/// The connections of a listener, as many at once as there are places.
pub(crate) fn accepted(listener: TcpListener, limits: Connections) -> impl Stream<Item = Result<Connection>> {
    let places = Arc::new(Semaphore::new(limits.most));
    unfold((listener, places), move |(listener, places)| async move {
        loop {
            // Nobody closes the semaphore, so there is always a place in the end.
            let place = Arc::clone(&places).acquire_owned().await.ok()?;
            match listener.accept().await {
                Ok((stream, _)) => {
                    // Answers are small and whole; waiting to fill a packet only delays them.
                    stream.set_nodelay(true).ok();
                    let patience = Box::pin(sleep(limits.first_word));
                    let connection = Connection { stream, patience, silence: limits.silence, _place: place };
                    return Some((Ok(connection), (listener, places)));
                }
                Err(error) => {
                    // Out of file descriptors, mostly: others have to end before it gets better.
                    warn!(%error, "a connection of the inventory service could not be accepted");
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
    })
}

/// A connection that has a place, until it was silent for too long.
pub(crate) struct Connection {
    stream: TcpStream,
    /// Until when the next word is waited for.
    patience: Pin<Box<Sleep>>,
    silence: Duration,
    _place: OwnedSemaphorePermit,
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() {
            let until = Instant::now() + self.silence;
            self.patience.as_mut().reset(until);
            return read;
        }
        self.patience.as_mut().poll(context).map(|()| Err(Error::from(ErrorKind::TimedOut)))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Who was admitted, by the subject that holds what it reserves.
#[derive(Debug, Clone)]
pub(crate) struct Admitted(pub(crate) String);

/// Admits callers before their messages are read. What is served under `open_path` is open.
#[derive(Clone)]
pub(crate) struct Admitting<S> {
    pub(crate) inner: S,
    pub(crate) admission: Arc<dyn Admission>,
    pub(crate) open_path: &'static str,
}

type Answer<S> = std::result::Result<http::Response<Body>, <S as Service<http::Request<Body>>>::Error>;

impl<S> Service<http::Request<Body>> for Admitting<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
{
    type Response = http::Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Answer<S>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<std::result::Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        // The one that is ready is used, and its clone waits for the next request.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        if request.uri().path().starts_with(self.open_path) {
            return Box::pin(inner.call(request));
        }
        let admission = Arc::clone(&self.admission);
        Box::pin(async move {
            let metadata = MetadataMap::from_headers(request.headers().clone());
            let info = request.extensions().get::<TcpConnectInfo>();
            let peer = info.and_then(TcpConnectInfo::remote_addr);
            match admission.admit(&metadata, peer).await {
                Ok(subject) => {
                    request.extensions_mut().insert(Admitted(subject));
                    inner.call(request).await
                }
                Err(refused) => Ok(refused.into_http()),
            }
        })
    }
}
