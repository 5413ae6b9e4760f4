//! What this room refuses, and the names of constraints as refusals.

use domain::{LineId, OrderId, ParseError, Sku, WarehouseId};

use crate::allocation::{AllocationId, AllocationStatus};
use crate::holder::Epoch;

/// Why something was not done. The transaction is to be rolled back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InventoryError {
    /// No item has this SKU.
    #[error("item {sku} is not known")]
    UnknownItem {
        /// The SKU asked for.
        sku: Sku,
    },
    /// No warehouse has this id.
    #[error("warehouse {warehouse} is not known")]
    UnknownWarehouse {
        /// The warehouse asked for.
        warehouse: WarehouseId,
    },
    /// An item with this SKU is there already; it was not changed.
    #[error("item {sku} exists already")]
    ItemExists {
        /// The SKU that is taken.
        sku: Sku,
    },
    /// The unit price is not an amount of money.
    #[error("unit price of {sku}: {source}")]
    PriceNotAllowed {
        /// The item it was meant for.
        sku: Sku,
        /// What is allowed.
        source: ParseError,
    },
    /// Two lines of one request have the same id.
    #[error("line {line_id} is there twice")]
    RepeatedLine {
        /// The id that is there twice.
        line_id: LineId,
    },
    /// The order has no reservation of this epoch.
    #[error("order {order_id} has no reservation {epoch}")]
    UnknownReservation {
        /// The order.
        order_id: OrderId,
        /// The reservation asked for.
        epoch: Epoch,
    },
    /// More was said to have left the warehouse than the order holds there.
    #[error("{requested} pieces of {sku} cannot have left {warehouse}: {allocated} are allocated")]
    MoreThanAllocated {
        /// What left.
        sku: Sku,
        /// Where it left.
        warehouse: WarehouseId,
        /// The pieces said to have left.
        requested: u64,
        /// The pieces allocated and not yet fulfilled.
        allocated: u64,
    },
    /// No one warehouse has as much for a newcomer.
    #[error("{requested} pieces of {sku} are asked of {warehouse}, and {available} can be had there")]
    NotEnough {
        /// What is short.
        sku: Sku,
        /// The warehouse that was named, or else the one that has most.
        warehouse: WarehouseId,
        /// Pieces the request asks for there, its items added up.
        requested: u64,
        /// Pieces a newcomer could get there.
        available: u64,
    },
    /// The order item has an allocation of another quantity, item or warehouse.
    #[error("order item {line_id} has an allocation with other content")]
    AllocationExists {
        /// The order item.
        line_id: LineId,
    },
    /// The stock belongs to an order of ours, which alone may change it.
    #[error("the stock belongs to order {order_id}")]
    OwnedByOrder {
        /// The order.
        order_id: OrderId,
    },
    /// The expiry asked for is not after now, by the database's clock.
    #[error("the expiry has passed")]
    ExpiryPassed,
    /// No allocation has this id.
    #[error("allocation {allocation_id} is not known")]
    UnknownAllocation {
        /// The id asked for.
        allocation_id: AllocationId,
    },
    /// The allocation's status does not allow what was asked for.
    #[error("an allocation that is {} cannot become {}", from.as_str(), to.as_str())]
    InvalidTransition {
        /// What it is.
        from: AllocationStatus,
        /// What was asked for.
        to: AllocationStatus,
    },
    /// The allocation was not confirmed in time.
    #[error("the allocation has expired")]
    AllocationExpired,
    /// Less would be on hand than is reserved.
    #[error("{available} pieces of {sku} in {warehouse} are held by nobody")]
    NotThatMuchThere {
        /// The item.
        sku: Sku,
        /// Where.
        warehouse: WarehouseId,
        /// Pieces that nobody holds there.
        available: u64,
    },
    /// A number of pieces is beyond what the ledger keeps.
    #[error("{pieces} pieces are beyond reason")]
    BeyondReason {
        /// The number.
        pieces: u64,
    },
    /// The database failed, or holds what it may not hold.
    #[error("inventory database: {0}")]
    Database(#[from] sqlx::Error),
}

impl InventoryError {
    /// What a failed write to the stock row of `sku` in `warehouse` means.
    pub(crate) fn of_stock(error: sqlx::Error, sku: &Sku, warehouse: &WarehouseId) -> Self {
        match error.as_database_error().and_then(|database| database.constraint()) {
            Some("stock_item_fk") => Self::UnknownItem { sku: sku.clone() },
            Some("stock_warehouse_fk") => Self::UnknownWarehouse { warehouse: warehouse.clone() },
            _ => Self::Database(error),
        }
    }
}
