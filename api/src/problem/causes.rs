//! What failures of the rooms below mean to a caller.

use database::is_transient;
use inventory::InventoryError;
use orders::OrdersError;
use stock::{StepError, StockError};

use super::Problem;

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        if is_transient(&error) { Self::Unavailable(error.into()) } else { Self::Internal(error.into()) }
    }
}

impl From<OrdersError> for Problem {
    fn from(error: OrdersError) -> Self {
        match error {
            OrdersError::Database(error) => error.into(),
            error => Self::Internal(error.into()),
        }
    }
}

impl StepError for Problem {
    fn met_another_transaction(&self) -> bool {
        let Self::Unavailable(cause) = self else { return false };
        cause.downcast_ref::<sqlx::Error>().is_some_and(database::met_another_transaction)
    }
}

impl Problem {
    /// Whether it is the inventory service that is away.
    pub(crate) fn is_inventory_away(&self) -> bool {
        let Self::Unavailable(cause) = self else { return false };
        matches!(cause.downcast_ref(), Some(StockError::Unavailable(_)))
    }
}

impl From<StockError> for Problem {
    fn from(error: StockError) -> Self {
        match error {
            StockError::Inventory(error) => error.into(),
            StockError::Orders(error) => error.into(),
            StockError::Unavailable(_) | StockError::ToBeAsked => Self::Unavailable(error.into()),
            StockError::Refused { .. } => Self::Internal(error.into()),
        }
    }
}

impl From<InventoryError> for Problem {
    fn from(error: InventoryError) -> Self {
        match error {
            InventoryError::UnknownItem { sku } => Self::NoSuchItem(sku),
            InventoryError::ItemExists { sku } => Self::ItemExists(sku),
            InventoryError::UnknownWarehouse { warehouse } => {
                Self::invalid("warehouseId", &format!("there is no warehouse {warehouse}"))
            }
            InventoryError::PriceNotAllowed { source, .. } => Self::invalid("unitPrice", &source.allowed),
            InventoryError::NotEnough { sku, warehouse, requested, available } => {
                Self::NotEnough { sku, warehouse, requested, available }
            }
            InventoryError::AllocationExists { line_id } => Self::AllocationExists(line_id.into()),
            InventoryError::OwnedByOrder { order_id } => Self::OwnedByOrder(order_id),
            InventoryError::ExpiryPassed => Self::invalid("expiresAt", "a time that is still to come"),
            InventoryError::UnknownAllocation { allocation_id } => {
                Self::NoSuchAllocation(allocation_id.into())
            }
            InventoryError::InvalidTransition { from, to } => Self::InvalidTransition { from, to },
            InventoryError::AllocationExpired => Self::AllocationExpired,
            InventoryError::NotThatMuchThere { sku, warehouse, available } => {
                Self::NotThatMuchThere { sku, warehouse, available }
            }
            InventoryError::Database(error) => error.into(),
            error => Self::Internal(error.into()),
        }
    }
}

impl Problem {
    /// The same of a member that stands inside another one.
    pub fn inside(self, member: &str) -> Self {
        match self {
            Self::Invalid { field: Some(field), sentence } => Self::Invalid {
                field: Some(format!("{member}.{field}")),
                sentence: format!("{member}.{sentence}"),
            },
            other => other,
        }
    }
}
