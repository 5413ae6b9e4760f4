//! Asking the orders' own system before stock is held for one: `GET /orders/{id}` and `/orders/{id}/items`, each answered
//! with the envelope `{success, data}`.

use std::sync::Arc;

use calls::{Breaker, BreakerSettings, Http, TimeLimits};
use domain::OrderId;
use reqwest::header::HeaderMap;
use serde_json::Value;
use url::Url;

use crate::{
    effects::EffectError,
    handler::Trouble,
    message::{EventItem, item_of},
};

/// The most bytes of an answer.
const MOST_ANSWER_BYTES: usize = 4 * 1024 * 1024;
/// An order that nobody has.
const NOBODYS: &str = "waybill-is-anybody-there";

/// Where it is. Holds a token: never logged.
#[derive(Clone)]
pub struct OrderServiceSettings {
    /// Its base.
    pub url: Url,
    /// The bearer token, if it wants one.
    pub token: Option<String>,
}

/// The orders' own system.
#[derive(Clone)]
pub(crate) struct OrderService {
    http: Http,
    settings: OrderServiceSettings,
}

/// What it says of an order.
pub(crate) enum Asked {
    Open(Vec<EventItem>),
    Cancelled,
    NotFound,
}

impl OrderService {
    pub(crate) fn new(settings: OrderServiceSettings) -> anyhow::Result<Self> {
        let breaker = Arc::new(Breaker::new("order service", BreakerSettings::default()));
        let limits = TimeLimits::default();
        let http = Http::new(&settings.url, HeaderMap::new(), limits, MOST_ANSWER_BYTES, breaker)?;
        Ok(Self { http, settings })
    }

    pub(crate) async fn ask(&self, order: &OrderId) -> Result<Asked, EffectError> {
        let Some(found) = self.get(&[order.as_str()]).await? else { return Ok(Asked::NotFound) };
        let status = found["data"]["status"].as_str().unwrap_or_default().to_ascii_uppercase();
        if matches!(status.as_str(), "CANCELLED" | "CANCELED") {
            return Ok(Asked::Cancelled);
        }
        let Some(items) = self.get(&[order.as_str(), "items"]).await? else { return Ok(Asked::NotFound) };
        let listed = items["data"].as_array().or_else(|| items["data"]["items"].as_array());
        let listed = listed
            .ok_or_else(|| EffectError::Refused("INVALID: the order service lists no items".to_owned()))?;
        let items = listed.iter().enumerate().map(|(at, item)| item_of(at, item)).collect::<Result<_, _>>();
        items.map(Asked::Open).map_err(|why| EffectError::Refused(format!("{why}, of the order service")))
    }

    /// Whether it answers at all.
    pub(crate) async fn check(&self) -> Result<(), Trouble> {
        match self.get(&[NOBODYS]).await {
            Ok(_) | Err(EffectError::Refused(_)) => Ok(()),
            Err(away) => Err(Trouble(away.to_string())),
        }
    }

    /// None where there is nothing. What else it refuses is for a person; without an answer it is away.
    async fn get(&self, path: &[&str]) -> Result<Option<Value>, EffectError> {
        let away = |what: String| EffectError::Trouble(format!("the order service: {what}"));
        let mut url = self.settings.url.clone();
        url.path_segments_mut()
            .map_err(|()| away("its URL has no path".to_owned()))?
            .pop_if_empty()
            .push("orders")
            .extend(path);
        let mut request = self.http.client().get(url);
        if let Some(token) = &self.settings.token {
            request = request.bearer_auth(token);
        }
        let answer = self.http.send(request).await.map_err(|failure| away(format!("{failure:?}")))?;
        match answer.status {
            404 => Ok(None),
            200..300 => {
                let body = serde_json::from_slice(&answer.body);
                body.map(Some).map_err(|_| away("its answer is no JSON".to_owned()))
            }
            // Our token, or too many requests: nothing that lies in this order.
            status @ (401 | 403 | 429 | 500..) => Err(away(format!("it answers {status}"))),
            status => Err(EffectError::Refused(format!("ORDER_SERVICE: it answers {status}"))),
        }
    }
}
