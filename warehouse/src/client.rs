//! Calls to a warehouse system, whichever dialect it speaks.
//!
//! **Invariant:** a hand-over is known by its reference alone. [`WarehouseClient::ensure_request`]
//! and [`WarehouseClient::cancel`] may be repeated whatever became of the attempt before.

mod error;
mod fulfilments;
mod responses;
mod shipments;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use calls::{Breaker, BreakerSettings, Http, HttpAnswer, HttpSetUpError, TimeLimits};
use domain::{RequestReference, WarehouseId, WarehouseSystem, leniently};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder};
use serde::de::DeserializeOwned;
use url::Url;

use crate::Dialect;
use crate::parcel::{ParcelPieces, ParcelStatus, ShipTo};
pub use error::WarehouseError;
pub use responses::{CancelResult, ParcelState, RequestState};

/// The most bytes of an answer that are read.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// The token the warehouse gave us. It never shows in `Debug`.
#[derive(derive_more::Debug, Clone)]
#[debug("WarehouseToken(redacted)")]
pub struct WarehouseToken(String);

impl WarehouseToken {
    /// Takes the token as the warehouse issued it.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }
}

/// How to reach a warehouse system.
#[derive(Debug, Clone)]
pub struct WarehouseSettings {
    /// What it is called.
    pub system: WarehouseSystem,
    /// How it speaks.
    pub dialect: Dialect,
    /// The base address; the dialect's paths are appended.
    pub url: Url,
    /// Who we are.
    pub token: WarehouseToken,
    /// How long a call may take.
    pub limits: TimeLimits,
}

impl WarehouseSettings {
    /// The first system, in the first dialect, with the usual time limits.
    #[must_use]
    pub fn new(url: Url, token: WarehouseToken) -> Self {
        Self {
            system: WarehouseSystem::first(),
            dialect: Dialect::default(),
            url,
            token,
            limits: TimeLimits::default(),
        }
    }
}

/// What is handed over.
#[derive(Debug, Clone)]
pub struct NewRequest {
    /// The hand-over's unique reference.
    pub reference: RequestReference,
    /// What to ship.
    pub lines: Vec<ParcelPieces>,
    /// From where.
    pub warehouse: WarehouseId,
    /// To whom, where the warehouse does not know it otherwise.
    pub ship_to: Option<ShipTo>,
}

/// The warehouse has the hand-over in its books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The hand-over's reference.
    pub reference: RequestReference,
    /// It had it before this call.
    pub already: bool,
}

/// What a dialect has to be able to say: exactly what the story needs of a warehouse system.
#[async_trait]
trait Speak: Send + Sync {
    /// Hands over. For a reference the warehouse has, [`WarehouseError::Duplicate`].
    async fn create_request(&self, new: &NewRequest) -> Result<(), WarehouseError>;
    /// What the warehouse knows under a reference; `None` if nothing.
    async fn request(&self, reference: &RequestReference) -> Result<Option<RequestState>, WarehouseError>;
    /// Recalls what has not left, with one result per parcel. For a reference the warehouse does not know there is
    /// no result, and it is refused from then on.
    async fn cancel(&self, reference: &RequestReference) -> Result<Vec<CancelResult>, WarehouseError>;
}

/// A warehouse system. Cheap to clone; clones share their connections.
#[derive(derive_more::Debug, Clone)]
#[debug("WarehouseClient({system})")]
pub struct WarehouseClient {
    system: WarehouseSystem,
    dialect: Arc<dyn Speak>,
}

impl WarehouseClient {
    /// Makes a client; nothing is sent yet.
    ///
    /// # Errors
    /// [`HttpSetUpError`] if a setting or the machine's certificates are unusable.
    pub fn new(settings: WarehouseSettings) -> Result<Self, HttpSetUpError> {
        let (name, value) = match settings.dialect {
            Dialect::Shipments => ("authorization", format!("Bearer {}", settings.token.0)),
            Dialect::Fulfilments => ("x-api-key", settings.token.0.clone()),
        };
        let mut token = HeaderValue::from_str(&value).map_err(|_| HttpSetUpError::Token)?;
        token.set_sensitive(true);
        let headers = HeaderMap::from_iter([(HeaderName::from_static(name), token)]);
        let breaker =
            Arc::new(Breaker::new(&format!("warehouse-{}", settings.system), BreakerSettings::default()));
        let http = Http::new(&settings.url, headers, settings.limits, MOST_BYTES, breaker)?;
        let line = Line { http, base: settings.url };
        let dialect: Arc<dyn Speak> = match settings.dialect {
            Dialect::Shipments => Arc::new(shipments::Shipments(line)),
            Dialect::Fulfilments => Arc::new(fulfilments::Fulfilments(line)),
        };
        Ok(Self { system: settings.system, dialect })
    }

    /// Which system it is.
    #[must_use]
    pub fn system(&self) -> &WarehouseSystem {
        &self.system
    }

    /// What the warehouse knows under a reference; `None` if nothing.
    ///
    /// # Errors
    /// [`WarehouseError`].
    pub async fn request(
        &self,
        reference: &RequestReference,
    ) -> Result<Option<RequestState>, WarehouseError> {
        self.dialect.request(reference).await
    }

    /// Recalls what has not left, with one result per parcel. For a reference the warehouse does
    /// not know there is no result, and it is refused from then on.
    ///
    /// # Errors
    /// [`WarehouseError`].
    pub async fn cancel(&self, reference: &RequestReference) -> Result<Vec<CancelResult>, WarehouseError> {
        self.dialect.cancel(reference).await
    }

    /// Makes the warehouse have the hand-over, whether or not an earlier attempt did.
    ///
    /// # Errors
    /// [`WarehouseError`]; `ReferenceTaken` if other lines are known under the reference, `Refused`
    /// if what was handed over under it is cancelled.
    pub async fn ensure_request(&self, new: &NewRequest) -> Result<Accepted, WarehouseError> {
        match self.dialect.create_request(new).await {
            Ok(()) => return Ok(Accepted { reference: new.reference.clone(), already: false }),
            Err(WarehouseError::Duplicate) => {}
            Err(failure) => return Err(failure),
        }
        let known = self
            .request(&new.reference)
            .await?
            .ok_or(WarehouseError::unknown_outcome("a duplicate that is not there"))?;
        if demand(&known.lines) != demand(&new.lines) {
            return Err(WarehouseError::ReferenceTaken);
        }
        if known.is_cancelled() {
            return Err(WarehouseError::Refused { text: Default::default() });
        }
        Ok(Accepted { reference: new.reference.clone(), already: true })
    }
}

impl RequestState {
    fn is_cancelled(&self) -> bool {
        let cancelled = |shipment: &ParcelState| shipment.status == ParcelStatus::Cancelled;
        !self.parcels.is_empty() && self.parcels.iter().all(cancelled)
    }
}

/// Pieces per SKU: the same demand may be written in another order or with a SKU twice.
fn demand(lines: &[ParcelPieces]) -> BTreeMap<&str, u64> {
    let mut demand = BTreeMap::new();
    for line in lines {
        *demand.entry(line.sku.as_str()).or_default() += u64::from(line.quantity);
    }
    demand
}

/// The way to a warehouse system, below its dialect.
struct Line {
    http: Http,
    base: Url,
}

impl Line {
    fn ask(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        self.http.client().request(method, url)
    }

    async fn send(&self, request: RequestBuilder) -> Result<HttpAnswer, WarehouseError> {
        Ok(self.http.send(request).await?)
    }
}

/// A body read for its meaning.
fn read<T: DeserializeOwned>(answer: &HttpAnswer) -> Result<T, WarehouseError> {
    serde_json::from_slice(&answer.body)
        .or_else(|_| serde_json::from_str(&leniently::sound_json(&answer.body)))
        .map_err(|_| WarehouseError::unknown_outcome("unreadable answer"))
}

#[cfg(test)]
mod tests;
