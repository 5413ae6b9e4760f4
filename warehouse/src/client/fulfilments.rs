//! The second dialect: other names, answers of 200 in which one hand-over succeeds and another fails, and 403 for too
//! many calls.

use async_trait::async_trait;
use calls::{HttpAnswer, VendorText, wait_asked_for};
use domain::RequestReference;
use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::{CancelResult, Line, NewRequest, RequestState, Speak, WarehouseError, read};
use crate::{
    fulfilments::{Fulfilment, Item},
    parcel::ShipTo,
    wire,
};

/// A system that speaks it.
pub(super) struct Fulfilments(pub(super) Line);

#[async_trait]
impl Speak for Fulfilments {
    async fn create_request(&self, new: &NewRequest) -> Result<(), WarehouseError> {
        let items = new.lines.iter().map(|line| Item { article_number: &line.sku, amount: line.quantity });
        let fulfilment = NewFulfilment {
            external_reference: new.reference.as_str(),
            facility: new.warehouse.as_str(),
            items: items.collect(),
            recipient: new.ship_to.as_ref().map(Recipient::of),
        };
        let body = serde_json::json!({"fulfilments": [fulfilment]});
        let answer = self.send(self.0.ask(Method::POST, &["fulfilments"]).json(&body)).await?;
        let results = read::<Results>(&answer)?.results;
        let ours = results.into_iter().find(|result| result.external_reference == new.reference.as_str());
        // Whoever says nothing of it may have taken it.
        let ours = ours.ok_or(WarehouseError::unknown_outcome("no result for the hand-over"))?;
        match ours.outcome {
            Outcome::Created => Ok(()),
            Outcome::Rejected => Err(ours.problem.unwrap_or_default().into_error()),
        }
    }

    async fn request(&self, reference: &RequestReference) -> Result<Option<RequestState>, WarehouseError> {
        let asked = self.0.ask(Method::GET, &["fulfilments"]).query(&[("reference", reference.as_str())]);
        let known = read::<Known>(&self.send(asked).await?)?.fulfilments;
        let ours = known.into_iter().find(|known| known.external_reference == reference.as_str());
        let ours = ours.map(|known| known.into_state(reference)).transpose();
        ours.map_err(|_| WarehouseError::unknown_outcome("unreadable answer"))
    }

    async fn cancel(&self, reference: &RequestReference) -> Result<Vec<CancelResult>, WarehouseError> {
        let body = serde_json::json!({"reference": reference});
        let answer = self.send(self.0.ask(Method::POST, &["fulfilments", "void"]).json(&body)).await?;
        let result =
            |package: Voided| CancelResult { too_late: !package.voided, parcel_id: package.package_id };
        Ok(read::<Packages>(&answer)?.packages.into_iter().map(result).collect())
    }
}

impl Fulfilments {
    /// What is no 200 says nothing of single hand-overs.
    async fn send(&self, request: reqwest::RequestBuilder) -> Result<HttpAnswer, WarehouseError> {
        let answer = self.0.send(request).await?;
        if (200..300).contains(&answer.status) { Ok(answer) } else { Err(refused(&answer)) }
    }
}

fn refused(answer: &HttpAnswer) -> WarehouseError {
    let Refusal { problem } = serde_json::from_slice(&answer.body).unwrap_or_default();
    let text = problem.vendor_text();
    match (answer.status, problem.kind.as_str()) {
        (403, "too_many_requests") | (429, _) => {
            let asked_for = problem.retry_in_seconds.map(|seconds| wait_asked_for(Some(seconds)));
            WarehouseError::RateLimited { retry_after: asked_for.unwrap_or_else(|| answer.retry_after()) }
        }
        (401 | 403, _) => WarehouseError::Unauthorised { text },
        (500.., _) => WarehouseError::UnknownOutcome { reason: "HTTP 5xx", text },
        (status, _) => WarehouseError::Rejected { status, text },
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewFulfilment<'a> {
    external_reference: &'a str,
    facility: &'a str,
    items: Vec<Item<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient: Option<Recipient<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Recipient<'a> {
    full_name: &'a Option<String>,
    organisation: &'a Option<String>,
    street: &'a Option<String>,
    street2: &'a Option<String>,
    town: &'a Option<String>,
    region: &'a Option<String>,
    postcode: &'a Option<String>,
    country: &'a Option<String>,
    phone: &'a Option<String>,
}

impl<'a> Recipient<'a> {
    fn of(ship_to: &'a ShipTo) -> Self {
        Self {
            full_name: &ship_to.name,
            organisation: &ship_to.company,
            street: &ship_to.address1,
            street2: &ship_to.address2,
            town: &ship_to.city,
            region: &ship_to.province,
            postcode: &ship_to.zip,
            country: &ship_to.country_code,
            phone: &ship_to.phone,
        }
    }
}

#[derive(Deserialize)]
struct Results {
    results: Vec<CreateResult>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateResult {
    external_reference: String,
    outcome: Outcome,
    #[serde(default)]
    problem: Option<Problem>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Created,
    Rejected,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    problem: Problem,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Problem {
    kind: String,
    text: String,
    retry_in_seconds: Option<f64>,
}

impl Problem {
    fn vendor_text(&self) -> VendorText {
        VendorText::new(wire::kept_text(&self.text))
    }

    fn into_error(self) -> WarehouseError {
        let text = self.vendor_text();
        match self.kind.as_str() {
            "already_exists" => WarehouseError::Duplicate,
            "no_such_article" => WarehouseError::UnknownSku { text },
            "undeliverable" => WarehouseError::BadAddress { text },
            "blocked" => WarehouseError::Refused { text },
            // Rejected inside an answer of 200.
            _ => WarehouseError::Rejected { status: 200, text },
        }
    }
}

#[derive(Deserialize)]
struct Known {
    fulfilments: Vec<Fulfilment>,
}

#[derive(Deserialize)]
struct Packages {
    packages: Vec<Voided>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Voided {
    #[serde(deserialize_with = "wire::needed_text")]
    package_id: String,
    voided: bool,
}
