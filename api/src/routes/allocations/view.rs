//! An allocation as other services see it.

use chrono::{DateTime, Utc};
use inventory::{AllocationRecord, AllocationStatus};
use serde::Serialize;
use utoipa::ToSchema;

use crate::word::Word;

type StatusName = Word<AllocationStatus>;

/// Pieces of an item that are held for an item of an order.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Allocation)]
pub(super) struct AllocationBody {
    #[schema(pattern = "^alloc_[0-9a-f]{32}$", example = "alloc_0190a0b0000070008000000000000000")]
    id: String,
    #[schema(example = "ord_123")]
    order_id: String,
    #[schema(example = "item_1")]
    order_item_id: String,
    #[schema(example = "TEA-EARL-GREY-100")]
    inventory_item_id: String,
    /// The same as `inventoryItemId`.
    #[schema(example = "TEA-EARL-GREY-100")]
    sku: String,
    #[schema(example = "main")]
    warehouse_id: String,
    #[schema(minimum = 1, example = 2)]
    quantity: u32,
    #[schema(value_type = StatusName)]
    status: AllocationStatus,
    /// Until when it is held unless it is confirmed; null if it does not expire.
    expires_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// Why it was cancelled; `EXPIRED` if nobody confirmed it in time.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
}

impl From<AllocationRecord> for AllocationBody {
    fn from(record: AllocationRecord) -> Self {
        let allocation = record.allocation;
        Self {
            id: allocation.allocation_id.into(),
            order_id: record.order_id.into(),
            order_item_id: allocation.line_id.into(),
            inventory_item_id: allocation.sku.to_string(),
            sku: allocation.sku.into(),
            warehouse_id: allocation.warehouse.into(),
            quantity: allocation.quantity.get(),
            status: allocation.status,
            expires_at: record.expires_at,
            created_at: record.created_at,
            updated_at: record.updated_at,
            cause: allocation.cause,
        }
    }
}
