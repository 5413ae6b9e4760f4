//! The answers' shapes.

use chrono::{DateTime, Utc};
use domain::RequestReference;
use serde::Deserialize;

use crate::{
    parcel::{ParcelPieces, ParcelStatus},
    wire,
};

/// What the warehouse knows under a reference. It is read as the first dialect writes it.
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
