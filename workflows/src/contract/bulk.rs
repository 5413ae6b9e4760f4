//! One answer to many parked steps.

use serde::{Deserialize, Serialize};

/// Names a bulk answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BulkRef {
    /// Its id.
    pub bulk_id: String,
    /// How many rows are asked a second, at most.
    pub per_second: u32,
}

/// How far a bulk answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BulkProgress {
    /// Rows that are still to be asked; none while nobody has looked.
    pub left: Option<i64>,
}
