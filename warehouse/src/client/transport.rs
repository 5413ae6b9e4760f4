//! Sends one call and reads one answer.

use std::time::Duration;

use domain::leniently;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::error::WarehouseError;
use super::{WarehouseSetUpError, WarehouseSettings};

/// The most bytes of an answer that are read.
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// Where the warehouse does not say how long to wait.
const USUAL_WAIT: Duration = Duration::from_secs(2);
/// The longest wait believed.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

#[derive(Debug, Clone)]
pub(super) struct Transport {
    http: Client,
    base: Url,
}

/// An answer that came whole.
pub(super) struct HttpAnswer {
    pub(super) status: u16,
    /// How long to wait, should that be the answer.
    pub(super) retry_after: Duration,
    pub(super) body: Vec<u8>,
}

impl HttpAnswer {
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, WarehouseError> {
        serde_json::from_slice(&self.body)
            .or_else(|_| serde_json::from_str(&leniently::sound_json(&self.body)))
            .map_err(|_| WarehouseError::unknown_outcome("unreadable answer"))
    }
}

impl Transport {
    pub(super) fn new(settings: &WarehouseSettings) -> Result<Self, WarehouseSetUpError> {
        if !matches!(settings.url.scheme(), "http" | "https") {
            return Err(WarehouseSetUpError::Address);
        }
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", settings.token.0))
            .map_err(|_| WarehouseSetUpError::Token)?;
        bearer.set_sensitive(true);
        // An error only says that this process has a provider already.
        rustls::crypto::ring::default_provider().install_default().ok();
        let mut builder = Client::builder()
            .default_headers(HeaderMap::from_iter([(AUTHORIZATION, bearer)]))
            .connect_timeout(settings.connect_timeout)
            .read_timeout(settings.read_timeout)
            .timeout(settings.connect_timeout + settings.read_timeout + settings.write_timeout)
            .redirect(Policy::none());
        if settings.url.scheme() == "http" {
            // No certificate is ever asked for: the machine need not have any.
            builder = builder.tls_certs_only([]);
        }
        let http = builder.build().map_err(WarehouseSetUpError::Http)?;
        Ok(Self { http, base: settings.url.clone() })
    }

    pub(super) async fn call(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&impl Serialize>,
    ) -> Result<HttpAnswer, WarehouseError> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        let mut request = self.http.request(method, url);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| failed(&error))?;
        let status = response.status().as_u16();
        let retry_after = wait(response.headers());
        Ok(HttpAnswer { status, retry_after, body: whole_body(response).await? })
    }
}

async fn whole_body(mut response: Response) -> Result<Vec<u8>, WarehouseError> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| failed(&error))? {
        if body.len() + piece.len() > MOST_BYTES {
            return Err(WarehouseError::unknown_outcome("oversized answer"));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// `Retry-After` in seconds; a date, which it may also be, counts as the usual wait.
fn wait(headers: &HeaderMap) -> Duration {
    headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .unwrap_or(USUAL_WAIT)
        .min(LONGEST_WAIT)
}

/// A connection that never came about is the one failure after which nothing was sent.
fn failed(error: &reqwest::Error) -> WarehouseError {
    if error.is_connect() {
        WarehouseError::Unreachable
    } else if error.is_timeout() {
        WarehouseError::unknown_outcome("timed out")
    } else {
        WarehouseError::unknown_outcome("connection lost")
    }
}
