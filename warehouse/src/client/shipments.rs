//! The first dialect: `POST /shipments`, with HTTP statuses and codes.

use async_trait::async_trait;
use calls::{HttpAnswer, VendorText};
use domain::{RequestReference, WarehouseId};
use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::{CancelResult, Line, NewRequest, RequestState, Speak, WarehouseError, read};
use crate::{
    parcel::{ParcelPieces, ShipTo},
    wire,
};

/// A system that speaks it.
pub(super) struct Shipments(pub(super) Line);

#[async_trait]
impl Speak for Shipments {
    async fn create_request(&self, new: &NewRequest) -> Result<(), WarehouseError> {
        let body = NewShipment {
            order_id: &new.reference,
            line_items: &new.lines,
            warehouse_id: &new.warehouse,
            ship_to: new.ship_to.as_ref(),
        };
        let answer = self.0.send(self.0.ask(Method::POST, &["shipments"]).json(&body)).await?;
        if is_success(&answer) { Ok(()) } else { Err(refused(&answer)) }
    }

    async fn request(&self, reference: &RequestReference) -> Result<Option<RequestState>, WarehouseError> {
        let answer = self.0.send(self.0.ask(Method::GET, &["shipments", reference.as_str()])).await?;
        match answer.status {
            404 => Ok(None),
            _ if is_success(&answer) => read(&answer).map(Some),
            _ => Err(refused(&answer)),
        }
    }

    async fn cancel(&self, reference: &RequestReference) -> Result<Vec<CancelResult>, WarehouseError> {
        let path = ["shipments", reference.as_str(), "cancel"];
        let answer = self.0.send(self.0.ask(Method::POST, &path)).await?;
        if !is_success(&answer) {
            return Err(refused(&answer));
        }
        let results = read::<CancelAnswer>(&answer)?.results.into_iter();
        let result = |on_wire: CancelResultOnWire| CancelResult {
            too_late: matches!(on_wire.result, Recall::TooLate),
            parcel_id: on_wire.parcel_id,
        };
        Ok(results.map(result).collect())
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewShipment<'a> {
    order_id: &'a RequestReference,
    line_items: &'a [ParcelPieces],
    warehouse_id: &'a WarehouseId,
    #[serde(skip_serializing_if = "Option::is_none")]
    ship_to: Option<&'a ShipTo>,
}

#[derive(Deserialize)]
struct CancelAnswer {
    results: Vec<CancelResultOnWire>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CancelResultOnWire {
    #[serde(rename = "shipmentId", deserialize_with = "wire::needed_text")]
    parcel_id: String,
    result: Recall,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Recall {
    Cancelled,
    TooLate,
}

/// The body of an answer that is no success.
#[derive(Default, Deserialize)]
struct ErrorBody {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

fn is_success(answer: &HttpAnswer) -> bool {
    (200..300).contains(&answer.status)
}

/// The class of an answer that is no success.
fn refused(answer: &HttpAnswer) -> WarehouseError {
    let refusal: ErrorBody = serde_json::from_slice(&answer.body).unwrap_or_default();
    let text = VendorText::new(wire::kept_text(refusal.message.as_deref().unwrap_or_default()));
    match (answer.status, refusal.code.as_deref()) {
        (422, Some("duplicate")) => WarehouseError::Duplicate,
        (422, Some("unknown_sku")) => WarehouseError::UnknownSku { text },
        (422, Some("bad_address")) => WarehouseError::BadAddress { text },
        (422, Some("refused")) => WarehouseError::Refused { text },
        (429, _) => WarehouseError::RateLimited { retry_after: answer.retry_after() },
        (401 | 403, _) => WarehouseError::Unauthorised { text },
        (500.., _) => WarehouseError::UnknownOutcome { reason: "HTTP 5xx", text },
        (status, _) => WarehouseError::Rejected { status, text },
    }
}
