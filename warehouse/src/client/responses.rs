//! The answers' shapes.

use chrono::{DateTime, Utc};
use domain::RequestReference;
use serde::Deserialize;

use crate::{
    parcel::{ParcelPieces, ParcelStatus},
    wire,
};

/// Characters of the warehouse's texts that are kept.
const MOST_CHARACTERS: usize = 500;

/// What the warehouse knows under a reference.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestState {
    /// The reference.
    pub reference: RequestReference,
    /// Where the whole stands, in the warehouse's word; `refused` if it was refused in advance.
    #[serde(default, deserialize_with = "wire::optional_text")]
    pub status: Option<String>,
    /// What was handed over.
    #[serde(rename = "lineItems", alias = "lines", deserialize_with = "wire::needed_lines")]
    pub lines: Vec<ParcelPieces>,
    /// What it became.
    #[serde(default, rename = "shipments")]
    pub parcels: Vec<ParcelState>,
}

/// One parcel's state, with the members of its last callback.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParcelState {
    /// The warehouse's id of the parcel.
    #[serde(rename = "shipmentId", deserialize_with = "wire::needed_text")]
    pub parcel_id: String,
    /// Where it stands.
    pub status: ParcelStatus,
    /// The sequence of its last event.
    #[serde(deserialize_with = "wire::needed_sequence")]
    pub sequence: i64,
    /// What is in it; none where the warehouse does not say.
    #[serde(default, deserialize_with = "wire::optional_lines")]
    pub lines: Vec<ParcelPieces>,
    /// Who carries it.
    #[serde(default, deserialize_with = "wire::optional_text")]
    pub carrier: Option<String>,
    /// The carrier's number.
    #[serde(default, deserialize_with = "wire::optional_text")]
    pub tracking_number: Option<String>,
    /// Where it can be followed.
    #[serde(default, deserialize_with = "wire::optional_text")]
    pub tracking_url: Option<String>,
    /// When its last event happened, by the warehouse's clock.
    #[serde(default, deserialize_with = "wire::optional_moment")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// What became of one parcel's recall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelResult {
    /// The warehouse's id of the parcel.
    pub parcel_id: String,
    /// It ships, or has shipped, all the same.
    pub too_late: bool,
}

#[derive(Deserialize)]
pub(super) struct CancelAnswer {
    pub(super) results: Vec<CancelResult>,
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

impl<'de> Deserialize<'de> for CancelResult {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = CancelResultOnWire::deserialize(deserializer)?;
        Ok(Self { parcel_id: wire.parcel_id, too_late: matches!(wire.result, Recall::TooLate) })
    }
}

/// The body of an answer that is no success.
#[derive(Default, Deserialize)]
pub(super) struct ErrorBody {
    #[serde(default)]
    pub(super) code: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

impl ErrorBody {
    pub(super) fn text(&self) -> String {
        let message = self.message.as_deref().unwrap_or_default();
        message.chars().filter(|character| *character != '\0').take(MOST_CHARACTERS).collect()
    }
}
