//! Sends one document and reads one answer.

use std::sync::Arc;

use reqwest::header::{HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use super::error::{ShopifyError, VendorText};
use super::pace::{Pace, Turn};
use super::pages::UNREADABLE;
use super::token::TokenProvider;
use super::{API_VERSION, AdminSetUpError, AdminSettings, answer};

/// The header by which Shopify's support finds a call.
const REQUEST_ID: &str = "x-request-id";
/// The most bytes of an answer that are read.
const MOST_BYTES: usize = 8 * 1024 * 1024;

#[derive(Clone)]
pub(super) struct Transport {
    http: Client,
    endpoint: Url,
    token: Arc<dyn TokenProvider>,
    pace: Arc<Pace>,
}

impl Transport {
    pub(super) fn new(settings: AdminSettings) -> Result<Self, AdminSetUpError> {
        let endpoint = endpoint(&settings.admin_url)?;
        // An error only says that this process has a provider already.
        rustls::crypto::ring::default_provider().install_default().ok();
        let mut builder = Client::builder()
            .connect_timeout(settings.connect_timeout)
            .read_timeout(settings.read_timeout)
            .timeout(settings.connect_timeout + settings.read_timeout + settings.write_timeout)
            .redirect(Policy::none());
        if endpoint.scheme() == "http" {
            // No certificate is ever asked for: the machine need not have any.
            builder = builder.tls_certs_only([]);
        }
        let http = builder.build().map_err(AdminSetUpError::Http)?;
        Ok(Self { http, endpoint, token: settings.token, pace: Arc::new(Pace::new()) })
    }

    /// The `data` of the answer, read as `T`.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        document: &'static str,
        variables: Value,
    ) -> Result<T, ShopifyError> {
        let turn =
            self.pace.turn(document).await.map_err(|retry_after| ShopifyError::Throttled { retry_after })?;
        let token = self.token.token().await?;
        let mut header = HeaderValue::from_str(token.reveal())
            .map_err(|_| ShopifyError::Unauthorised { text: VendorText::default() })?;
        header.set_sensitive(true);
        let response = self
            .http
            .post(self.endpoint.clone())
            .header("X-Shopify-Access-Token", header)
            .json(&json!({ "query": document, "variables": variables }))
            .send()
            .await
            .map_err(|error| failed(&error))?;
        let request_id = header_text(&response, REQUEST_ID);
        read(response, &turn).await.map_err(|error| error.found_by(request_id.as_deref()))
    }
}

async fn read<T: DeserializeOwned>(response: Response, turn: &Turn<'_>) -> Result<T, ShopifyError> {
    let status = response.status();
    let retry_after = header_text(&response, RETRY_AFTER.as_str());
    let body = whole_body(response).await?;
    match answer::cost(&body) {
        Some(cost) => turn.learn(&cost),
        None if status.is_success() => turn.learn_that_nothing_is_said(),
        None => {}
    }
    let data = answer::read(status.as_u16(), retry_after.as_deref(), &body)?;
    serde_json::from_value(data).map_err(|_| UNREADABLE)
}

fn header_text(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}

fn endpoint(base: &Url) -> Result<Url, AdminSetUpError> {
    if !matches!(base.scheme(), "http" | "https") {
        return Err(AdminSetUpError::Address);
    }
    let mut endpoint = base.clone();
    endpoint.path_segments_mut().map_err(|()| AdminSetUpError::Address)?.pop_if_empty().extend([
        "admin",
        "api",
        API_VERSION,
        "graphql.json",
    ]);
    Ok(endpoint)
}

async fn whole_body(mut response: Response) -> Result<Vec<u8>, ShopifyError> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| failed(&error))? {
        if body.len() + piece.len() > MOST_BYTES {
            return Err(ShopifyError::unknown("oversized answer"));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// A connection that never came about is the one failure after which nothing was sent.
fn failed(error: &reqwest::Error) -> ShopifyError {
    if error.is_connect() {
        ShopifyError::Unreachable
    } else if error.is_timeout() {
        ShopifyError::unknown("timed out")
    } else {
        ShopifyError::unknown("connection lost")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_appended_whether_or_not_the_base_ends_in_a_slash() {
        for base in ["http://127.0.0.1:9090", "http://127.0.0.1:9090/"] {
            let url = endpoint(&Url::parse(base).unwrap()).unwrap();
            assert_eq!(url.as_str(), "http://127.0.0.1:9090/admin/api/2026-07/graphql.json");
        }
        assert!(endpoint(&Url::parse("file:///tmp").unwrap()).is_err());
    }
}
