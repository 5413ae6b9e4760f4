//! Calls to the warehouse.
//!
//! **Invariant:** a hand-over is known by its reference alone. [`WarehouseClient::ensure_request`]
//! and [`WarehouseClient::cancel`] may be repeated whatever became of the attempt before.

mod error;
mod responses;
mod transport;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use domain::{RequestReference, WarehouseId};
use reqwest::Method;
use serde::Serialize;
use url::Url;

use crate::parcel::{ParcelPieces, ParcelStatus, ShipTo};
pub use error::{VendorText, WarehouseError};
use responses::{CancelAnswer, ErrorBody};
pub use responses::{CancelResult, ParcelState, RequestState};
use transport::{HttpAnswer, Transport};

/// The bearer token the warehouse gave us. It never shows in `Debug`.
#[derive(Clone)]
pub struct WarehouseToken(String);

impl WarehouseToken {
    /// Takes the token as the warehouse issued it.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }
}

impl fmt::Debug for WarehouseToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WarehouseToken(redacted)")
    }
}

/// How to reach the warehouse.
#[derive(Debug, Clone)]
pub struct WarehouseSettings {
    /// The base address; `/shipments` is appended.
    pub url: Url,
    /// Who we are.
    pub token: WarehouseToken,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long to wait for the answer to begin, and for each further piece of it.
    pub read_timeout: Duration,
    /// How much longer than connecting and reading a whole call may take.
    pub write_timeout: Duration,
}

impl WarehouseSettings {
    /// Settings with the usual time-outs: connect 3 s, read 5 s, write 3 s.
    #[must_use]
    pub fn new(url: Url, token: WarehouseToken) -> Self {
        Self {
            url,
            token,
            connect_timeout: Duration::from_secs(3),
            read_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(3),
        }
    }
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum WarehouseSetUpError {
    /// The address cannot carry a path.
    #[error("the warehouse's address must begin with http:// or https://")]
    Address,
    /// The token cannot stand in a header.
    #[error("the warehouse's token has characters that cannot be sent")]
    Token,
    /// The HTTP client could not be made, for example because no certificate authority is known.
    #[error("the HTTP client for the warehouse cannot be made")]
    Http(#[source] reqwest::Error),
}

/// What is handed over.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewRequest {
    /// The hand-over's unique reference.
    #[serde(rename = "orderId")]
    pub reference: RequestReference,
    /// What to ship.
    #[serde(rename = "lineItems")]
    pub lines: Vec<ParcelPieces>,
    /// From where.
    #[serde(rename = "warehouseId")]
    pub warehouse: WarehouseId,
    /// To whom, where the warehouse does not know it otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
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

/// A warehouse. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct WarehouseClient {
    transport: Transport,
}

impl WarehouseClient {
    /// Makes a client; nothing is sent yet.
    ///
    /// # Errors
    /// [`WarehouseSetUpError`] if a setting or the machine's certificates are unusable.
    pub fn new(settings: WarehouseSettings) -> Result<Self, WarehouseSetUpError> {
        Ok(Self { transport: Transport::new(&settings)? })
    }

    /// Hands over. For a reference the warehouse has, [`WarehouseError::Duplicate`].
    ///
    /// # Errors
    /// [`WarehouseError`].
    pub async fn create_request(&self, new: &NewRequest) -> Result<Accepted, WarehouseError> {
        let answer = self.transport.call(Method::POST, &["shipments"], Some(new)).await?;
        match answer.status {
            200..=299 => Ok(Accepted { reference: new.reference.clone(), already: false }),
            _ => Err(refused(&answer)),
        }
    }

    /// What the warehouse knows under a reference; `None` if nothing.
    ///
    /// # Errors
    /// [`WarehouseError`].
    pub async fn request(
        &self,
        reference: &RequestReference,
    ) -> Result<Option<RequestState>, WarehouseError> {
        let path = ["shipments", reference.as_str()];
        let answer = self.transport.call(Method::GET, &path, None::<&()>).await?;
        match answer.status {
            200..=299 => answer.read().map(Some),
            404 => Ok(None),
            _ => Err(refused(&answer)),
        }
    }

    /// Recalls what has not left, with one result per shipment. For a reference the warehouse does
    /// not know there is no result, and it is refused from then on.
    ///
    /// # Errors
    /// [`WarehouseError`].
    pub async fn cancel(&self, reference: &RequestReference) -> Result<Vec<CancelResult>, WarehouseError> {
        let path = ["shipments", reference.as_str(), "cancel"];
        let answer = self.transport.call(Method::POST, &path, None::<&()>).await?;
        match answer.status {
            200..=299 => Ok(answer.read::<CancelAnswer>()?.results),
            _ => Err(refused(&answer)),
        }
    }

    /// Makes the warehouse have the hand-over, whether or not an earlier attempt did.
    ///
    /// # Errors
    /// [`WarehouseError`]; `ReferenceTaken` if other lines are known under the reference, `Refused`
    /// if what was handed over under it is cancelled.
    pub async fn ensure_request(&self, new: &NewRequest) -> Result<Accepted, WarehouseError> {
        match self.create_request(new).await {
            Err(WarehouseError::Duplicate) => {}
            settled => return settled,
        }
        let known = self
            .request(&new.reference)
            .await?
            .ok_or(WarehouseError::unknown_outcome("a duplicate that is not there"))?;
        if demand(&known.lines) != demand(&new.lines) {
            return Err(WarehouseError::ReferenceTaken);
        }
        if known.is_cancelled() {
            return Err(WarehouseError::Refused { text: VendorText::default() });
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

/// The class of an answer that is no success.
fn refused(answer: &HttpAnswer) -> WarehouseError {
    let refusal: ErrorBody = serde_json::from_slice(&answer.body).unwrap_or_default();
    let text = VendorText::new(refusal.text());
    match (answer.status, refusal.code.as_deref()) {
        (422, Some("duplicate")) => WarehouseError::Duplicate,
        (422, Some("unknown_sku")) => WarehouseError::UnknownSku { text },
        (422, Some("bad_address")) => WarehouseError::BadAddress { text },
        (422, Some("refused")) => WarehouseError::Refused { text },
        (429, _) => WarehouseError::RateLimited { retry_after: answer.retry_after },
        (401 | 403, _) => WarehouseError::Unauthorised { text },
        (500.., _) => WarehouseError::UnknownOutcome { reason: "HTTP 5xx", text },
        (status, _) => WarehouseError::Rejected { status, text },
    }
}

#[cfg(test)]
mod tests;
