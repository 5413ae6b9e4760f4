//! An edit that is wanted and not made yet, as the message that asks for it keeps it.

use domain::{LineId, Sku, WarehouseId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Change;

/// An edit that is to be made when its message has its effect. It may hold an address, which goes with the message.
#[derive(derive_more::Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WantedEdit {
    /// The same request changes once.
    pub request_id: String,
    /// The address, as a customer's `shipping_address` is stored, and the same, normalised, as a digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[debug(skip)]
    pub address: Option<(Value, [u8; 32])>,
    /// Lines, and what they are.
    #[serde(default)]
    pub lines: Vec<(LineId, Sku)>,
    /// The warehouse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warehouse: Option<WarehouseId>,
}

impl WantedEdit {
    /// These changes, under this request.
    #[must_use]
    pub fn of(request_id: String, changes: Vec<Change>) -> Self {
        let mut wanted = Self { request_id, address: None, lines: Vec::new(), warehouse: None };
        for change in changes {
            match change {
                Change::Address { address, digest } => wanted.address = Some((address, digest)),
                Change::Sku { line_id, sku } => wanted.lines.push((line_id, sku)),
                Change::Warehouse(warehouse) => wanted.warehouse = Some(warehouse),
            }
        }
        wanted
    }

    /// The changes.
    #[must_use]
    pub fn changes(&self) -> Vec<Change> {
        let address = self.address.clone().map(|(address, digest)| Change::Address { address, digest });
        let lines = self.lines.iter().cloned().map(|(line_id, sku)| Change::Sku { line_id, sku });
        address.into_iter().chain(lines).chain(self.warehouse.clone().map(Change::Warehouse)).collect()
    }
}
