//! A return as it is shown.

use chrono::{DateTime, Utc};
use domain::{OrderId, OrderNumber, ReturnId};
use orders::returns::{Return, ReturnLine, ReturnState, Source};
use serde::Serialize;
use utoipa::ToSchema;

use super::StateName;
use crate::word::Word;

type SourceName = Word<Source>;

/// A return.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Return)]
pub(super) struct ReturnBody {
    #[schema(value_type = String, example = "ret_0190a0b0000070008000000000000001")]
    return_id: ReturnId,
    #[schema(value_type = String, example = "0190a0b0-0000-7000-8000-000000000000")]
    order_id: OrderId,
    #[schema(value_type = String, example = "ORD-20261121-6BA0A415")]
    order_number: OrderNumber,
    #[schema(value_type = StateName)]
    state: &'static str,
    #[schema(value_type = SourceName)]
    source: &'static str,
    /// The announcer's own id of it: an event's, or the shop and its id of the return.
    external_id: Option<String>,
    /// In the announcer's words.
    reason: Option<String>,
    lines: Vec<ReturnLineBody>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// Pieces of one line of an order that come back.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ReturnLine)]
struct ReturnLineBody {
    /// The order's line.
    #[schema(example = "1")]
    order_item_id: String,
    #[schema(example = "item1")]
    sku: String,
    /// From where the first of it left.
    #[schema(example = "main")]
    warehouse_id: String,
    /// Pieces that were announced.
    #[schema(example = 2)]
    quantity: u32,
    /// Pieces that came and can be sold.
    #[schema(example = 1)]
    received_sellable: u32,
    /// Pieces that came and cannot.
    #[schema(example = 0)]
    received_unsellable: u32,
}

impl ReturnBody {
    /// With the order's id as the caller knows it.
    pub(super) fn new(found: Return, order_id: OrderId) -> Self {
        let (state, source): (ReturnState, Source) = (found.state, found.source);
        Self {
            return_id: found.return_id,
            order_id,
            order_number: found.order_number,
            state: state.as_str(),
            source: source.as_str(),
            external_id: found.external_id,
            reason: found.reason,
            lines: found.lines.into_iter().map(ReturnLineBody::from).collect(),
            created_at: found.created_at,
            updated_at: found.updated_at,
        }
    }
}

impl From<ReturnLine> for ReturnLineBody {
    fn from(line: ReturnLine) -> Self {
        Self {
            order_item_id: line.line_id.into(),
            sku: line.sku.into(),
            warehouse_id: line.warehouse.into(),
            quantity: line.announced,
            received_sellable: line.received_sellable,
            received_unsellable: line.received_unsellable,
        }
    }
}
