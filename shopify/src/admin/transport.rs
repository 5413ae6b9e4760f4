//! Sends one document and reads one answer.

use std::sync::Arc;

use calls::{Breaker, BreakerSettings, Http, HttpAnswer, HttpSetUpError};
use domain::ShopDomain;
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use super::error::ShopifyError;
use super::pace::{Pace, Precedence, Turn};
use super::pages::{Connection, asked_for};
use super::token::{AccessToken, TokenProvider};
use super::{API_VERSION, AdminSettings, answer, deprecated};

/// The header by which Shopify's support finds a call.
const REQUEST_ID: &str = "x-request-id";
/// The version that answered, which is another where the one that was asked for is gone.
const VERSION: &str = "x-shopify-api-version";
/// A token that is not good (any more); whoever lacks a scope hears another status, or a GraphQL error.
const NOT_KNOWN: u16 = 401;
/// The most bytes of an answer that are read.
const MOST_BYTES: usize = 8 * 1024 * 1024;

#[derive(Clone)]
pub(super) struct Transport {
    shop: ShopDomain,
    http: Http,
    endpoint: Url,
    token: Arc<dyn TokenProvider>,
    pace: Arc<Pace>,
    precedence: Precedence,
}

impl Transport {
    pub(super) fn new(settings: AdminSettings) -> Result<Self, HttpSetUpError> {
        let endpoint = endpoint(&settings.admin_url)?;
        let breaker = Breaker::new(settings.shop.as_str(), BreakerSettings::default());
        let http = Http::new(&endpoint, HeaderMap::new(), settings.limits, MOST_BYTES, Arc::new(breaker))?;
        Ok(Self {
            shop: settings.shop,
            http,
            endpoint,
            token: settings.token,
            pace: Arc::new(Pace::new()),
            precedence: Precedence::First,
        })
    }

    /// The same, for calls that leave room for others.
    pub(super) fn after_others(&self) -> Self {
        Self { precedence: Precedence::After, ..self.clone() }
    }

    /// What the document asks for, read as `T`; none where the shop has no such thing.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        document: &'static str,
        variables: Value,
    ) -> Result<Option<T>, ShopifyError> {
        self.answered(document, variables).await.map(|(asked_for, _)| asked_for)
    }

    /// The same with the version of the API that answered, where the answer says so.
    pub(super) async fn call_and_version<T: DeserializeOwned>(
        &self,
        document: &'static str,
        variables: Value,
    ) -> Result<(Option<T>, Option<String>), ShopifyError> {
        let (asked_for, answer) = self.answered(document, variables).await?;
        Ok((asked_for, answer.header(VERSION).map(str::to_owned)))
    }

    async fn answered<T: DeserializeOwned>(
        &self,
        document: &'static str,
        variables: Value,
    ) -> Result<(Option<T>, HttpAnswer), ShopifyError> {
        let turn = self.pace.turn(document, self.precedence).await;
        let turn = turn.map_err(|retry_after| ShopifyError::Throttled { retry_after })?;
        let token = self.token.token().await?;
        let body = json!({ "query": document, "variables": variables });
        let mut answer = self.send(&body, &token).await?;
        // Nothing was done, so it may be sent again.
        if answer.status == NOT_KNOWN
            && let Some(other) = self.token.instead_of(&token).await?
        {
            answer = self.send(&body, &other).await?;
        }
        deprecated::note(&self.shop, document, &answer);
        let asked_for = read(&answer, &turn).map_err(|error| error.found_by(answer.header(REQUEST_ID)))?;
        Ok((asked_for, answer))
    }

    async fn send(&self, body: &Value, token: &AccessToken) -> Result<HttpAnswer, ShopifyError> {
        let mut header = HeaderValue::from_str(token.reveal())
            .map_err(|_| ShopifyError::Unauthorised { text: Default::default() })?;
        header.set_sensitive(true);
        let request = self.http.client().post(self.endpoint.clone());
        Ok(self.http.send(request.header("X-Shopify-Access-Token", header).json(body)).await?)
    }

    pub(super) async fn keep_token(&self) {
        // The next call says what is wrong.
        self.token.token().await.ok();
    }

    /// All nodes of a connection whose first page is there, and is emptied: `document` asks for one page after the
    /// other, and `page` finds it in the answer.
    pub(super) async fn all_pages<Found: DeserializeOwned, Node>(
        &self,
        first: &mut Connection<Node>,
        document: &'static str,
        mut variables: Value,
        page: impl Fn(Option<Found>) -> Result<Connection<Node>, ShopifyError>,
    ) -> Result<Vec<Node>, ShopifyError> {
        let (mut after, mut nodes) = (first.next()?, std::mem::take(&mut first.nodes));
        while after.is_some() {
            variables["after"] = json!(after);
            let more = page(self.call(document, variables.clone()).await?)?;
            after = more.next()?;
            nodes.extend(more.nodes);
        }
        Ok(nodes)
    }
}

fn read<T: DeserializeOwned>(answer: &HttpAnswer, turn: &Turn<'_>) -> Result<Option<T>, ShopifyError> {
    match answer::cost(&answer.body) {
        Some(cost) => turn.learn(&cost),
        None if (200..300).contains(&answer.status) => turn.learn_that_nothing_is_said(),
        None => {}
    }
    asked_for(answer::read(answer.status, answer.header(RETRY_AFTER.as_str()), &answer.body)?)
}

fn endpoint(base: &Url) -> Result<Url, HttpSetUpError> {
    if !matches!(base.scheme(), "http" | "https") {
        return Err(HttpSetUpError::Address);
    }
    let mut endpoint = base.clone();
    endpoint.path_segments_mut().map_err(|()| HttpSetUpError::Address)?.pop_if_empty().extend([
        "admin",
        "api",
        API_VERSION,
        "graphql.json",
    ]);
    Ok(endpoint)
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
