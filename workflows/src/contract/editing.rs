//! Changing an order by hand, as an answer to a parked step asks for it.

use domain::OrderId;
use serde::{Deserialize, Serialize};

use crate::messages::WantedEdit;

/// A change to be made.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EditToMake {
    /// Our id of the order.
    pub order_id: OrderId,
    /// Names it, where whoever wants it did not: the same changes once.
    pub request_id: String,
    /// The message of the inbox that asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<i64>,
    /// What is changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit: Option<WantedEdit>,
    /// Who wants it.
    pub by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "outcome")]
pub enum EditOutcome {
    /// It is made, now or before.
    Made,
    /// It cannot be; the words name the field.
    Refused {
        /// Why not.
        why: String,
    },
}
