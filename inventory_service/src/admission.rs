//! The door of the service: who may come in, before anything of what it says is read, and how many at once.
//!
//! **Invariant:** a message is read after its caller was admitted, and a connection lasts while its callers are
//! admitted and somebody is there.

use std::{
    future::Future,
    io::{Error, ErrorKind, IoSlice, Result},
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
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
use tonic::{Status, body::Body, codegen::http, metadata::MetadataMap, transport::server::Connected};
use tower::Service;
use tracing::{debug, warn};

/// Decides who may connect and call.
#[tonic::async_trait]
pub trait Admission: Send + Sync + 'static {
    /// What an address holds while it is connected; none where it holds as much as it may.
    fn hold(&self, address: IpAddr) -> Option<Held>;
    /// Admits the caller, or says why not.
    async fn admit(
        &self,
        metadata: &MetadataMap,
        peer: Option<SocketAddr>,
    ) -> std::result::Result<Admitted, Status>;
}

/// Something that is held until it is dropped.
pub type Held = Box<dyn Send + Sync>;

/// Who was admitted.
pub struct Admitted {
    /// Who it is.
    pub caller: Caller,
    /// What its address holds until it is answered.
    pub held: Option<Held>,
}

/// Who calls.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The subject that holds what it reserves.
    pub subject: String,
    /// Whether it gets to see what others hold.
    pub sees_all: bool,
}

/// What connections are held to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Connections {
    /// The most at once; others wait to be accepted.
    pub(crate) most: usize,
    /// How long a caller may take for its first request, all it has to say before included.
    pub(crate) first_request: Duration,
    /// How long it may be silent later. Pings are answered by whoever is there. Who asked and was never
    /// admitted has this time in all, whatever it says.
    pub(crate) silence: Duration,
}

impl Default for Connections {
    fn default() -> Self {
        // File descriptors are for webhooks in the first place.
        Self { most: 64, first_request: Duration::from_secs(5), silence: Duration::from_secs(75) }
    }
}

/// The connections of a listener, as many at once as there are places, and of one address as it may have.
pub(crate) fn accepted(
    listener: TcpListener,
    limits: Connections,
    admission: Arc<dyn Admission>,
) -> impl Stream<Item = Result<Connection>> {
    let places = Arc::new(Semaphore::new(limits.most));
    unfold((listener, places, admission), move |(listener, places, admission)| async move {
        loop {
            // Nobody closes the semaphore, so there is always a place in the end.
            let place = Arc::clone(&places).acquire_owned().await.ok()?;
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let Some(held) = admission.hold(peer.ip()) else {
                        debug!("an address holds all the connections to the inventory service it may");
                        continue;
                    };
                    // Answers are small and whole; waiting to fill a packet only delays them.
                    stream.set_nodelay(true).ok();
                    let patience = Box::pin(sleep(limits.first_request));
                    let peer = Peer { address: peer, standing: Arc::default() };
                    let connection = Connection {
                        stream,
                        peer,
                        known: SILENT,
                        patience,
                        silence: limits.silence,
                        _held: (place, held),
                    };
                    return Some((Ok(connection), (listener, places, admission)));
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

/// Nothing was asked yet.
const SILENT: u8 = 0;
/// Something was asked.
const ASKED: u8 = 1;
/// Somebody was admitted.
const ADMITTED: u8 = 2;

/// Who is at the other end of a connection, as its requests know it.
#[derive(Clone)]
pub(crate) struct Peer {
    address: SocketAddr,
    /// How far it has come.
    standing: Arc<AtomicU8>,
}

impl Peer {
    fn has_come_to(&self, standing: u8) {
        self.standing.fetch_max(standing, Ordering::Relaxed);
    }
}

/// A connection that has a place, until it was slow or silent for too long.
pub(crate) struct Connection {
    stream: TcpStream,
    peer: Peer,
    /// How far the peer had come when its time was set.
    known: u8,
    /// Until when it is waited for.
    patience: Pin<Box<Sleep>>,
    silence: Duration,
    _held: (OwnedSemaphorePermit, Held),
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let standing = self.peer.standing.load(Ordering::Relaxed);
        if standing > self.known || standing == ADMITTED && read.is_ready() {
            self.known = standing;
            let until = Instant::now() + self.silence;
            self.patience.as_mut().reset(until);
        }
        match self.patience.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(Error::from(ErrorKind::TimedOut))),
            Poll::Pending => read,
        }
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
        let peer = request.extensions().get::<Peer>().cloned();
        if let Some(peer) = &peer {
            peer.has_come_to(ASKED);
        }
        if request.uri().path().starts_with(self.open_path) {
            return Box::pin(inner.call(request));
        }
        let admission = Arc::clone(&self.admission);
        Box::pin(async move {
            let metadata = MetadataMap::from_headers(request.headers().clone());
            match admission.admit(&metadata, peer.as_ref().map(|peer| peer.address)).await {
                Ok(Admitted { caller, held: _held }) => {
                    if let Some(peer) = &peer {
                        peer.has_come_to(ADMITTED);
                    }
                    request.extensions_mut().insert(caller);
                    inner.call(request).await
                }
                Err(refused) => Ok(refused.into_http()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    struct Anybody;

    #[tonic::async_trait]
    impl Admission for Anybody {
        fn hold(&self, _: IpAddr) -> Option<Held> {
            Some(Box::new(()))
        }

        async fn admit(
            &self,
            _: &MetadataMap,
            _: Option<SocketAddr>,
        ) -> std::result::Result<Admitted, Status> {
            Err(Status::unauthenticated("nobody"))
        }
    }

    #[tokio::test]
    async fn only_what_an_admitted_caller_says_gives_it_more_time() {
        let moment = Duration::from_millis(300);
        let limits = Connections { most: 1, first_request: moment, silence: moment };
        for (standing, lasts) in [(SILENT, false), (ASKED, false), (ADMITTED, true)] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let mut caller = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let mut connections = Box::pin(accepted(listener, limits, Arc::new(Anybody)));
            let mut connection = connections.next().await.unwrap().unwrap();
            connection.peer.has_come_to(standing);
            tokio::spawn(async move {
                for _ in 0..24 {
                    caller.write_all(b"x").await.ok();
                    sleep(moment / 6).await;
                }
            });
            let heard = connection.read_to_end(&mut Vec::new()).await;
            assert_eq!(heard.is_ok(), lasts, "{standing}");
        }
    }
}
