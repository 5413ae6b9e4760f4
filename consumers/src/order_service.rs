//! Asking the orders' own system before stock is held for one: `GET /orders/{id}` and `/orders/{id}/items`, each answered
//! with the envelope `{success, data}`.

use std::time::Duration;

use domain::OrderId;
use reqwest::{Client, StatusCode};
use serde_json::Value;
use url::Url;

use crate::{
    effects::EffectError,
    handler::Trouble,
    message::{EventItem, item_of},
};

const CONNECT_WITHIN: Duration = Duration::from_secs(3);
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
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
    http: Client,
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
        let http = Client::builder()
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
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
        let mut request = self.http.get(url);
        if let Some(token) = &self.settings.token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.map_err(|error| away(error.without_url().to_string()))?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => {
                let body = response.json().await.map_err(|error| away(error.without_url().to_string()))?;
                Ok(Some(body))
            }
            // Our token, or too many requests: nothing that lies in this order.
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS) => {
                Err(away(status.to_string()))
            }
            status if status.is_server_error() => Err(away(status.to_string())),
            status => Err(EffectError::Refused(format!("ORDER_SERVICE: it answers {status}"))),
        }
    }
}
