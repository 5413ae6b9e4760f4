//! Stock as it is shown. Figures are pieces.

use chrono::{DateTime, Utc};
use inventory::{Availability, Item, StockedItem, WarehouseAvailability};
use serde::Serialize;
use utoipa::ToSchema;

/// What is there of an item.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Stock)]
pub(super) struct StockBody {
    #[schema(example = "TEA-EARL-GREY-100")]
    item_id: String,
    /// The same as `itemId`.
    #[schema(example = "TEA-EARL-GREY-100")]
    sku: String,
    /// Pieces a newcomer could get: on hand, less reserved, less what is waited for.
    #[schema(example = 476)]
    available_qty: u64,
    /// Pieces that lie there.
    #[schema(example = 500)]
    on_hand: u64,
    /// Pieces of those that are held for somebody.
    #[schema(example = 24)]
    reserved: u64,
    /// Pieces that orders wait for.
    #[schema(example = 0)]
    queued: u64,
    /// The same per warehouse, the one taken from first at the top.
    warehouses: Vec<WarehouseStockBody>,
}

/// What is there of an item in one warehouse.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WarehouseStock)]
struct WarehouseStockBody {
    #[schema(example = "main")]
    warehouse_id: String,
    available_qty: u64,
    on_hand: u64,
    reserved: u64,
    queued: u64,
}

/// An item and what is there of it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Item)]
pub(super) struct ItemBody {
    #[schema(example = "Earl Grey, 100 g")]
    item_name: String,
    /// The price of one piece as a decimal string; null if it has none.
    #[schema(example = "12.50")]
    unit_price: Option<String>,
    /// The currency of the price; null if there is none.
    #[schema(example = "EUR")]
    currency: Option<String>,
    created_at: DateTime<Utc>,
    #[serde(flatten)]
    stock: StockBody,
}

impl From<Availability> for StockBody {
    fn from(stock: Availability) -> Self {
        Self {
            item_id: stock.sku.to_string(),
            sku: stock.sku.into(),
            available_qty: stock.available,
            on_hand: stock.on_hand,
            reserved: stock.reserved,
            queued: stock.queued,
            warehouses: stock.per_warehouse.into_iter().map(WarehouseStockBody::from).collect(),
        }
    }
}

impl From<WarehouseAvailability> for WarehouseStockBody {
    fn from(stock: WarehouseAvailability) -> Self {
        Self {
            warehouse_id: stock.warehouse.into(),
            available_qty: stock.available,
            on_hand: stock.on_hand,
            reserved: stock.reserved,
            queued: stock.queued,
        }
    }
}

impl From<StockedItem> for ItemBody {
    fn from(StockedItem { item, availability }: StockedItem) -> Self {
        let Item { sku: _, name, unit_price, created_at } = item;
        let (unit_price, currency) = unit_price
            .map(|price| (price.amount().to_string(), price.currency().as_str().to_owned()))
            .unzip();
        Self { item_name: name, unit_price, currency, created_at, stock: availability.into() }
    }
}
