//! The stock of orders: in this process's own database, or at a service of its own. Whoever takes a step or
//! answers a request says what is to happen to stock, in a [`transaction`](Stock::transaction), and does not know
//! where it is.
//!
//! | file | what it is |
//! |---|---|
//! | `transaction` | the transaction of a step, whose stock may have to be asked for first |
//! | `verbs` | what can be asked of stock, each as it is done here and as it is done there |
//! | `placed` | takes hold of the stock of an order that is placed |
//! | `awaiting` | the same for orders that were placed while the service was away |
//! | `line_allocations` | what is held for each line, to be seen |
//! | `unkept` | gives back what was reserved for an order that is not kept |
//! | `counted` | what a person counted, and who loses pieces by it |
//! | `surplus`, `returned` | what left for nobody, and what came back: booked where stock is here |
//! | `served_backorders` | which waiting orders a service served |
//!
//! **Invariant:** no transaction is open here while the service is asked.

#![warn(missing_docs)]

use domain::{OrderId, Sku};
use inventory::{InventoryError, ReservationStatus, Shortage, StockedItem};
pub use inventory_service::StockError;
use inventory_service::{ClientSettings, InventoryClient};
use orders::Order;
use sqlx::{PgConnection, PgPool};

use awaiting::SetAside;

mod awaiting;
mod counted;
mod elsewhere;
mod line_allocations;
mod placed;
mod returned;
mod served_backorders;
mod surplus;
mod transaction;
mod unkept;
mod verbs;

pub use awaiting::AWAITED;
pub use counted::{Count, CountOutcome, count};
pub use line_allocations::{LineAllocation, LinePieces, LineStatus};
pub use placed::{PlacedOutcome, warehouses_of};
pub use returned::ReceiveError;
pub use transaction::{StepError, StockTransaction};

/// Where the stock of orders is. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Stock {
    pool: PgPool,
    place: Place,
    set_aside: SetAside,
}

#[derive(Debug, Clone)]
enum Place {
    /// In this process's own database: booked in the transaction of the step.
    Here,
    /// At a service of its own.
    There(InventoryClient),
}

impl Stock {
    /// At the service with these settings; in this database, if there are none. To be made inside a runtime.
    ///
    /// # Errors
    /// A sentence that names what is wrong with the settings.
    pub fn new(pool: PgPool, service: Option<ClientSettings>) -> Result<Self, String> {
        let place = match service {
            Some(settings) => Place::There(InventoryClient::new(settings)?),
            None => Place::Here,
        };
        Ok(Self { pool, place, set_aside: SetAside::default() })
    }

    /// Whether it is in this process's own database.
    #[must_use]
    pub fn is_here(&self) -> bool {
        matches!(self.place, Place::Here)
    }

    /// Asks the service whether it serves, if there is one to be asked.
    ///
    /// # Errors
    /// [`StockError::Unavailable`].
    pub async fn service_answers(&self) -> Result<(), StockError> {
        match &self.place {
            Place::Here => Ok(()),
            Place::There(service) => service.is_serving().await,
        }
    }

    fn is_left_alone(&self) -> bool {
        matches!(&self.place, Place::There(service) if service.is_left_alone())
    }

    /// The item with this SKU and its figures.
    ///
    /// # Errors
    /// [`StockError`]; an item that is not known is [`InventoryError::UnknownItem`] either way.
    pub async fn item(&self, sku: &Sku, correlation_id: &str) -> Result<StockedItem, StockError> {
        match &self.place {
            Place::Here => Ok(inventory::stocked_item(&mut *self.pool.acquire().await?, sku).await?),
            Place::There(service) => {
                let found = service.check_stock(std::slice::from_ref(sku), correlation_id).await?.pop();
                Ok(found.ok_or_else(|| InventoryError::UnknownItem { sku: sku.clone() })?)
            }
        }
    }

    /// An order whose reservation was provisional is kept. False if the reservation is gone meanwhile: the order's run
    /// makes it anew.
    ///
    /// # Errors
    /// [`StockError`].
    pub async fn confirm(&self, order: &Order) -> Result<bool, StockError> {
        let Place::There(service) = &self.place else { return Ok(true) };
        let kept = service.confirm(&order.order_id, order.epoch, &order.correlation_id).await?;
        Ok(kept.is_some_and(|status| status != ReservationStatus::Released))
    }

    /// Tells of an order that was refused for want of stock, each SKU once. A service has told by itself. To be done in
    /// a transaction of its own, as the refused one leaves nothing behind.
    ///
    /// # Errors
    /// [`StockError`].
    pub async fn announce_shortage(
        &self,
        conn: &mut PgConnection,
        order_id: &OrderId,
        shortages: &[Shortage],
        correlation_id: &str,
    ) -> Result<(), StockError> {
        if self.is_here() {
            inventory::announce_shortage(conn, order_id, None, shortages, correlation_id).await?;
        }
        Ok(())
    }
}
