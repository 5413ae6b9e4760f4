//! Sends one request and reads one whole answer.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use reqwest::{
    Client, RequestBuilder, Response,
    header::{HeaderMap, RETRY_AFTER},
    redirect::Policy,
};
use url::Url;

use crate::{breaker::Breaker, heard};

/// Where the other side does not say how long to wait.
const USUAL_WAIT: Duration = Duration::from_secs(2);
/// The longest wait believed.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How long a call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeLimits {
    /// Until there is a connection.
    pub connect: Duration,
    /// Until the answer begins, and for each further piece of it.
    pub read: Duration,
    /// How much longer than connecting and reading a whole call may take.
    pub write: Duration,
}

impl Default for TimeLimits {
    /// Connect 3 s, read 5 s, write 3 s.
    fn default() -> Self {
        Self { connect: Duration::from_secs(3), read: Duration::from_secs(5), write: Duration::from_secs(3) }
    }
}

/// Why nobody can be called.
#[derive(Debug, thiserror::Error)]
pub enum HttpSetUpError {
    /// The address cannot carry a path.
    #[error("the address must begin with http:// or https://")]
    Address,
    /// The token cannot stand in a header.
    #[error("the token has characters that cannot be sent")]
    Token,
    /// The HTTP client could not be made, for example because no certificate authority is known.
    #[error("the HTTP client cannot be made")]
    Client(#[source] reqwest::Error),
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpFailure {
    /// No connection came about; nothing was sent.
    Unreachable,
    /// The call may have worked; why nobody knows, in our words.
    UnknownOutcome(&'static str),
}

/// An answer that came whole.
#[derive(Debug)]
pub struct HttpAnswer {
    /// The HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

/// Calls one downstream. Cheap to clone; clones share their connections and their breaker.
#[derive(Debug, Clone)]
pub struct Http {
    client: Client,
    most_bytes: usize,
    breaker: Arc<Breaker>,
}

impl Http {
    /// Nothing is sent yet. Answers are read up to `most_bytes`; `breaker` hears how each call went.
    ///
    /// # Errors
    /// [`HttpSetUpError`] if the address or the machine's certificates are unusable.
    pub fn new(
        url: &Url,
        headers: HeaderMap,
        limits: TimeLimits,
        most_bytes: usize,
        breaker: Arc<Breaker>,
    ) -> Result<Self, HttpSetUpError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(HttpSetUpError::Address);
        }
        // An error only says that this process has a provider already.
        rustls::crypto::ring::default_provider().install_default().ok();
        let mut builder = Client::builder()
            .default_headers(headers)
            .connect_timeout(limits.connect)
            .read_timeout(limits.read)
            .timeout(limits.connect + limits.read + limits.write)
            .redirect(Policy::none());
        if url.scheme() == "http" {
            // No certificate is ever asked for: the machine need not have any.
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(HttpSetUpError::Client)?;
        Ok(Self { client, most_bytes, breaker })
    }

    /// The client to make requests with.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Sends a request and reads its answer to the end.
    ///
    /// # Errors
    /// [`HttpFailure`].
    pub async fn send(&self, request: RequestBuilder) -> Result<HttpAnswer, HttpFailure> {
        let answer = self.try_send(request).await;
        match &answer {
            Ok(answer) if answer.status < 500 => {
                self.breaker.succeeded();
                heard::answered();
            }
            Ok(_) | Err(_) => self.breaker.failed(Instant::now()),
        }
        answer
    }

    async fn try_send(&self, request: RequestBuilder) -> Result<HttpAnswer, HttpFailure> {
        let response = request.send().await.map_err(|error| failed(&error))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(HttpAnswer { status, headers, body: self.whole_body(response).await? })
    }

    async fn whole_body(&self, mut response: Response) -> Result<Vec<u8>, HttpFailure> {
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| failed(&error))? {
            if body.len() + piece.len() > self.most_bytes {
                return Err(HttpFailure::UnknownOutcome("oversized answer"));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }
}

impl HttpAnswer {
    /// `Retry-After` in seconds; a date, which it may also be, counts as the usual wait.
    #[must_use]
    pub fn retry_after(&self) -> Duration {
        let seconds = self.header(RETRY_AFTER.as_str()).and_then(|text| text.trim().parse().ok());
        wait_asked_for(seconds)
    }

    /// A header's text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// How long to wait where somebody asks for so many seconds: 2 s where they do not say, a minute at most.
#[must_use]
pub fn wait_asked_for(seconds: Option<f64>) -> Duration {
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .unwrap_or(USUAL_WAIT)
        .min(LONGEST_WAIT)
}

/// A connection that never came about is the one failure after which nothing was sent.
fn failed(error: &reqwest::Error) -> HttpFailure {
    if error.is_connect() {
        HttpFailure::Unreachable
    } else if error.is_timeout() {
        HttpFailure::UnknownOutcome("timed out")
    } else {
        HttpFailure::UnknownOutcome("connection lost")
    }
}
