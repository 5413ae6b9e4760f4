//! An explanation as it is shown. Figures are pieces.

use domain::{LineId, OrderId, Quantity, Sku, WarehouseId};
use inventory::{LineExplanation, WarehouseVerdict, WhyNot};
use serde::Serialize;
use utoipa::ToSchema;

use crate::word::Word;

type WhyNotName = Word<WhyNot>;

/// Which warehouse would serve which line, and why not the others.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Explanation)]
pub(super) struct ExplanationBody {
    /// The order that is there; null for an imagined one.
    #[schema(value_type = Option<String>, example = "0190a0b0-0000-7000-8000-000000000000")]
    pub(super) order_id: Option<OrderId>,
    /// Whether every line would get all it asks for.
    pub(super) complete: bool,
    /// From how many warehouses it would ship: one parcel each.
    #[schema(example = 1)]
    pub(super) parcels: usize,
    /// What is open: asked for, not held and not gone.
    pub(super) lines: Vec<LineBody>,
    /// What the order holds already.
    pub(super) holds: Vec<HoldingBody>,
    /// What the order waits for already: `lines` tells what a newcomer would get.
    pub(super) waits: Vec<HoldingBody>,
}

/// Who would serve a line.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LineExplanation)]
pub(super) struct LineBody {
    #[schema(value_type = String, example = "1")]
    line_id: LineId,
    #[schema(example = "TEA-EARL-GREY-100")]
    item_id: Option<String>,
    /// The same as `itemId`; null if the shop named none.
    #[schema(example = "TEA-EARL-GREY-100")]
    sku: Option<String>,
    #[schema(value_type = u32, minimum = 1, example = 2)]
    requested: Quantity,
    /// Whether there is no such item.
    unknown_sku: bool,
    /// Pieces it would not get.
    #[schema(example = 0)]
    missing: u64,
    /// The warehouse where it would wait for them; null if nothing is missing or nobody can have it.
    #[schema(example = "main")]
    queue_at: Option<String>,
    /// What each warehouse would do, in the order in which they are taken from.
    warehouses: Vec<VerdictBody>,
}

/// What a warehouse would do for a line.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WarehouseVerdict)]
struct VerdictBody {
    #[schema(example = "main")]
    warehouse_id: String,
    /// Pieces a newcomer could get there.
    #[schema(example = 476)]
    available: u64,
    /// Pieces it would give the line.
    #[schema(example = 2)]
    serves: u64,
    /// Why it would give none; null if it gives some.
    #[schema(value_type = Option<WhyNotName>)]
    why_not: Option<WhyNot>,
}

/// Pieces of a line in a warehouse.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Holding)]
pub(super) struct HoldingBody {
    #[schema(example = "1")]
    line_id: String,
    #[schema(example = "TEA-EARL-GREY-100")]
    item_id: String,
    /// The same as `itemId`.
    #[schema(example = "TEA-EARL-GREY-100")]
    sku: String,
    #[schema(example = "main")]
    warehouse_id: String,
    #[schema(minimum = 1, example = 2)]
    quantity: u64,
}

impl LineBody {
    /// A line whose item nobody can tell.
    pub(super) fn nameless(line_id: LineId, sku: Option<String>, requested: Quantity) -> Self {
        let missing = requested.get().into();
        let (item_id, warehouses) = (sku.clone(), Vec::new());
        Self { line_id, item_id, sku, requested, unknown_sku: true, missing, queue_at: None, warehouses }
    }
}

impl From<LineExplanation> for LineBody {
    fn from(line: LineExplanation) -> Self {
        Self {
            line_id: line.line_id,
            item_id: Some(line.sku.to_string()),
            sku: Some(line.sku.into()),
            requested: line.requested,
            unknown_sku: line.unknown_sku,
            missing: line.missing,
            queue_at: line.queue_at.map(String::from),
            warehouses: line.warehouses.into_iter().map(VerdictBody::from).collect(),
        }
    }
}

impl From<WarehouseVerdict> for VerdictBody {
    fn from(verdict: WarehouseVerdict) -> Self {
        Self {
            warehouse_id: verdict.warehouse.into(),
            available: verdict.available,
            serves: verdict.serves,
            why_not: verdict.why_not,
        }
    }
}

impl HoldingBody {
    pub(super) fn new(line_id: &LineId, sku: &Sku, warehouse: &WarehouseId, quantity: u64) -> Self {
        Self {
            line_id: line_id.to_string(),
            item_id: sku.to_string(),
            sku: sku.to_string(),
            warehouse_id: warehouse.to_string(),
            quantity,
        }
    }
}
