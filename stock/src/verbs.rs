//! What can be asked of the stock of an order: each verb once as it is done here, in the caller's transaction with
//! its events and the messages for those who waited, and once as a service is asked for it. A new verb is one more of
//! these, and its message in the interface description.

use std::{collections::BTreeMap, time::Duration};

use domain::{OrderId, Sku};
use inventory::{FulfilRequest, Item, Reservation, ReserveOutcome, ReserveRequest};
use inventory_service::{InventoryClient, StockError};
use orders::command;
use sqlx::PgConnection;

use crate::StockTransaction;

/// A verb of stock. Asked again with the same words it has no second effect.
pub(crate) trait Verb: PartialEq + Send + Sync + 'static {
    type Answer: Clone + Send + 'static;

    fn here(
        &self,
        conn: &mut PgConnection,
        correlation_id: &str,
    ) -> impl Future<Output = Result<Self::Answer, StockError>> + Send;

    fn there(
        &self,
        service: &InventoryClient,
        correlation_id: &str,
    ) -> impl Future<Output = Result<Self::Answer, StockError>> + Send;
}

impl StockTransaction<'_> {
    /// The items with these SKUs; a SKU that is no item is not among them.
    ///
    /// # Errors
    /// [`StockError`].
    pub async fn items(
        &mut self,
        skus: Vec<Sku>,
        correlation_id: &str,
    ) -> Result<BTreeMap<Sku, Item>, StockError> {
        self.ask(Items(skus), correlation_id).await
    }

    /// What an order holds and waits for under this epoch, if anything was ever reserved under it.
    ///
    /// # Errors
    /// [`StockError`].
    pub async fn reservation(
        &mut self,
        order_id: &OrderId,
        epoch: u32,
        correlation_id: &str,
    ) -> Result<Option<Reservation>, StockError> {
        self.ask(Held { order_id: order_id.clone(), epoch }, correlation_id).await
    }

    /// Reserves, or has the reservation follow what the order wants now.
    ///
    /// # Errors
    /// [`StockError`].
    pub async fn reserve(
        &mut self,
        request: ReserveRequest,
        correlation_id: &str,
    ) -> Result<ReserveOutcome, StockError> {
        self.ask(Reserve { request, provisional_for: None }, correlation_id).await
    }

    /// Reserves for an order that this transaction keeps. A service has the reservation for so long only, unless the
    /// order is [confirmed](crate::Stock::confirm); and it is given back if the transaction is not committed.
    ///
    /// # Errors
    /// [`StockError`].
    pub async fn reserve_provisionally(
        &mut self,
        request: ReserveRequest,
        provisional_for: Duration,
        correlation_id: &str,
    ) -> Result<ReserveOutcome, StockError> {
        self.ask(Reserve { request, provisional_for: Some(provisional_for) }, correlation_id).await
    }

    /// Gives back what an order holds and has not left.
    ///
    /// # Errors
    /// [`StockError`].
    pub async fn release(
        &mut self,
        order_id: &OrderId,
        epoch: u32,
        cause: &str,
        correlation_id: &str,
    ) -> Result<(), StockError> {
        let release = Release { order_id: order_id.clone(), epoch, cause: cause.to_owned() };
        self.ask(release, correlation_id).await
    }

    /// Books out what left with a parcel, once per parcel, and returns what the order still holds or waits for.
    ///
    /// # Errors
    /// [`StockError`].
    pub async fn fulfil(&mut self, request: FulfilRequest, correlation_id: &str) -> Result<u64, StockError> {
        self.ask(request, correlation_id).await
    }
}

#[derive(PartialEq)]
struct Items(Vec<Sku>);

impl Verb for Items {
    type Answer = BTreeMap<Sku, Item>;

    async fn here(&self, conn: &mut PgConnection, _: &str) -> Result<Self::Answer, StockError> {
        Ok(inventory::items_by_sku(conn, &self.0).await?)
    }

    async fn there(
        &self,
        service: &InventoryClient,
        correlation_id: &str,
    ) -> Result<Self::Answer, StockError> {
        let found = service.check_stock(&self.0, correlation_id).await?;
        Ok(found.into_iter().map(|stocked| (stocked.item.sku.clone(), stocked.item)).collect())
    }
}

#[derive(PartialEq)]
struct Held {
    order_id: OrderId,
    epoch: u32,
}

impl Verb for Held {
    type Answer = Option<Reservation>;

    async fn here(&self, conn: &mut PgConnection, _: &str) -> Result<Self::Answer, StockError> {
        Ok(inventory::reservation(conn, &self.order_id, self.epoch.into()).await?)
    }

    async fn there(
        &self,
        service: &InventoryClient,
        correlation_id: &str,
    ) -> Result<Self::Answer, StockError> {
        service.reservation(&self.order_id, Some(self.epoch), correlation_id).await
    }
}

#[derive(PartialEq)]
pub(crate) struct Reserve {
    pub(crate) request: ReserveRequest,
    pub(crate) provisional_for: Option<Duration>,
}

impl Verb for Reserve {
    type Answer = ReserveOutcome;

    async fn here(&self, conn: &mut PgConnection, correlation_id: &str) -> Result<Self::Answer, StockError> {
        let outcome = inventory::reserve(conn, &self.request, correlation_id).await?;
        if let ReserveOutcome::Reserved(made) = &outcome {
            command::keep_served(conn, inventory::ours(&made.served), Duration::ZERO).await?;
        }
        Ok(outcome)
    }

    async fn there(
        &self,
        service: &InventoryClient,
        correlation_id: &str,
    ) -> Result<Self::Answer, StockError> {
        service.reserve(&self.request, self.provisional_for, correlation_id).await
    }
}

#[derive(PartialEq)]
struct Release {
    order_id: OrderId,
    epoch: u32,
    cause: String,
}

impl Verb for Release {
    type Answer = ();

    async fn here(&self, conn: &mut PgConnection, correlation_id: &str) -> Result<(), StockError> {
        let Self { order_id, epoch, cause } = self;
        let released = inventory::release(conn, order_id, (*epoch).into(), cause, correlation_id).await?;
        command::keep_served(conn, inventory::ours(&released.served), Duration::ZERO).await?;
        Ok(())
    }

    async fn there(&self, service: &InventoryClient, correlation_id: &str) -> Result<(), StockError> {
        service.release(&self.order_id, self.epoch, &self.cause, correlation_id).await?;
        Ok(())
    }
}

impl Verb for FulfilRequest {
    type Answer = u64;

    async fn here(&self, conn: &mut PgConnection, correlation_id: &str) -> Result<u64, StockError> {
        Ok(inventory::fulfil(conn, self, correlation_id).await?.remaining)
    }

    async fn there(&self, service: &InventoryClient, correlation_id: &str) -> Result<u64, StockError> {
        service.fulfil(self, correlation_id).await
    }
}
