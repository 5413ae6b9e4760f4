//! The stock of orders: in this process's own database, or at a service of its own.
//!
//! A step that changes stock and records at once does so in one transaction where stock is here. Where
//! it is there, the service is asked first (`…_remotely`) and the transaction is opened afterwards, so that
//! none is held open across a call; `…_in` then takes the answer instead of booking.
//!
//! **Invariant:** an answer is used only for the order and epoch it was given for.

use std::time::Duration;

use domain::{OrderId, Quantity, Sku, WarehouseId};
use inventory::{
    Epoch, FulfilRequest, InventoryError, ReservationStatus, ReserveOutcome, ReserveRequest, StockedItem,
    Surplus,
};
use orders::{
    Order,
    parcel::{KeptParcel, ParcelLine},
};
use sqlx::{PgConnection, PgPool};

use crate::client::{ClientSettings, InventoryClient};
use crate::error::StockError;
use crate::wake::wake;

/// Where the stock of orders is.
#[derive(Debug, Clone)]
pub enum Stock {
    /// In this process's own database: on the caller's connection, in the caller's transaction.
    Here,
    /// At a service of its own.
    There(InventoryClient),
}

/// What the service answered before the caller's transaction; nothing where stock is here.
#[derive(Debug)]
pub struct RemoteAnswer<Answer>(Option<(OrderId, Epoch, Answer)>);

impl<Answer> RemoteAnswer<Answer> {
    /// Nothing was asked.
    #[must_use]
    pub fn nothing() -> Self {
        Self(None)
    }

    /// What was answered, if something was asked.
    #[must_use]
    pub fn answer(&self) -> Option<&Answer> {
        self.0.as_ref().map(|(_, _, answer)| answer)
    }

    /// The answer, if it was given for this order and epoch.
    fn taken_for(self, order_id: &OrderId, epoch: Epoch) -> Result<Answer, StockError> {
        match self.0 {
            Some((order, at, answer)) if order == *order_id && at == epoch => Ok(answer),
            _ => Err(StockError::Overtaken),
        }
    }
}

impl Stock {
    /// At the service with these settings; here, if there are none. To be made inside a runtime.
    ///
    /// # Errors
    /// A sentence that names what is wrong with the settings.
    pub fn at(settings: Option<ClientSettings>) -> Result<Self, String> {
        settings.map_or(Ok(Self::Here), |settings| InventoryClient::new(settings).map(Self::There))
    }

    /// The service, if stock is there.
    #[must_use]
    pub fn remote(&self) -> Option<&InventoryClient> {
        match self {
            Self::Here => None,
            Self::There(client) => Some(client),
        }
    }

    /// The item with this SKU and its figures. Takes a connection where stock is here.
    ///
    /// # Errors
    /// [`StockError`]; an item that is not known is [`InventoryError::UnknownItem`] either way.
    pub async fn item(
        &self,
        pool: &PgPool,
        sku: &Sku,
        correlation_id: &str,
    ) -> Result<StockedItem, StockError> {
        match self {
            Self::Here => Ok(inventory::stocked_item(&mut *pool.acquire().await?, sku).await?),
            Self::There(client) => {
                let found = client.check_stock(std::slice::from_ref(sku), correlation_id).await?.pop();
                Ok(found.ok_or_else(|| InventoryError::UnknownItem { sku: sku.clone() })?)
            }
        }
    }

    /// Asks the service to reserve, if stock is there.
    ///
    /// # Errors
    /// [`StockError`].
    pub async fn reserve_remotely(
        &self,
        request: &ReserveRequest,
        provisional_for: Option<Duration>,
        correlation_id: &str,
    ) -> Result<RemoteAnswer<ReserveOutcome>, StockError> {
        let Self::There(client) = self else { return Ok(RemoteAnswer::nothing()) };
        let outcome = client.reserve(request, provisional_for, correlation_id).await?;
        Ok(RemoteAnswer(Some((request.order_id.clone(), request.epoch, outcome))))
    }

    /// Reserves in the caller's transaction, with the events; or takes what was answered ahead.
    ///
    /// # Errors
    /// [`StockError`].
    pub async fn reserve_in(
        &self,
        conn: &mut PgConnection,
        remote: RemoteAnswer<ReserveOutcome>,
        request: &ReserveRequest,
        correlation_id: &str,
    ) -> Result<ReserveOutcome, StockError> {
        if let Self::There(_) = self {
            let outcome = remote.taken_for(&request.order_id, request.epoch)?;
            return match &outcome {
                // The order wants something else by now.
                ReserveOutcome::Reserved(made)
                    if made.version < request.version && made.status != ReservationStatus::Released =>
                {
                    Err(StockError::Overtaken)
                }
                _ => Ok(outcome),
            };
        }
        let outcome = inventory::reserve(conn, request, correlation_id).await?;
        if let ReserveOutcome::Reserved(made) = &outcome {
            wake(conn, &made.served, Duration::ZERO).await?;
        }
        Ok(outcome)
    }

    /// Asks the service to give back what an order holds, if stock is there.
    ///
    /// # Errors
    /// [`StockError`].
    pub async fn release_remotely(
        &self,
        order_id: &OrderId,
        epoch: u32,
        cause: &str,
        correlation_id: &str,
    ) -> Result<RemoteAnswer<()>, StockError> {
        let Self::There(client) = self else { return Ok(RemoteAnswer::nothing()) };
        client.release(order_id, epoch, cause, correlation_id).await?;
        Ok(RemoteAnswer(Some((order_id.clone(), epoch.into(), ()))))
    }

    /// Gives back in the caller's transaction, with the events and the messages for those who waited;
    /// or takes it that the service did.
    ///
    /// # Errors
    /// [`StockError`].
    pub async fn release_in(
        &self,
        conn: &mut PgConnection,
        remote: RemoteAnswer<()>,
        (order_id, epoch): (&OrderId, u32),
        cause: &str,
        correlation_id: &str,
    ) -> Result<(), StockError> {
        if let Self::There(_) = self {
            return remote.taken_for(order_id, epoch.into());
        }
        let released = inventory::release(conn, order_id, epoch.into(), cause, correlation_id).await?;
        wake(conn, &released.served, Duration::ZERO).await?;
        Ok(())
    }

    /// Tells the service that a parcel has left, if stock is there; the answer is what the order still
    /// holds or waits for.
    ///
    /// # Errors
    /// [`StockError`].
    pub async fn fulfil_remotely(
        &self,
        request: &FulfilRequest,
        correlation_id: &str,
    ) -> Result<RemoteAnswer<u64>, StockError> {
        let Self::There(client) = self else { return Ok(RemoteAnswer::nothing()) };
        let remaining = client.fulfil(request, correlation_id).await?;
        Ok(RemoteAnswer(Some((request.order_id.clone(), request.epoch, remaining))))
    }

    /// Books a parcel out in the caller's transaction, with the events; or takes it that the service
    /// did. Returns what the order still holds or waits for.
    ///
    /// # Errors
    /// [`StockError`].
    pub async fn fulfil_in(
        &self,
        conn: &mut PgConnection,
        remote: RemoteAnswer<u64>,
        request: &FulfilRequest,
        correlation_id: &str,
    ) -> Result<u64, StockError> {
        if let Self::There(_) = self {
            return remote.taken_for(&request.order_id, request.epoch);
        }
        let fulfilled = inventory::fulfil(conn, request, correlation_id).await?;
        Ok(fulfilled.remaining)
    }

    /// Books out, in the caller's transaction, what left with a parcel and was held for nobody. Returns what
    /// was and what was not booked, for a person. Where stock is at a service of its own, nothing is.
    ///
    /// # Errors
    /// [`StockError`].
    pub async fn book_surplus(
        &self,
        conn: &mut PgConnection,
        order: &Order,
        parcel: &KeptParcel,
        lines: &[ParcelLine],
    ) -> Result<String, StockError> {
        let mut left = Vec::with_capacity(lines.len());
        for line in lines {
            let quantity = Quantity::new(i64::from(line.quantity)).map_err(StockError::unexpected)?;
            left.push((Sku::parse(&line.sku).map_err(StockError::unexpected)?, quantity));
        }
        let booked = match self {
            Self::There(_) => Vec::new(),
            Self::Here => {
                let surplus = Surplus {
                    order_id: &order.order_id,
                    epoch: order.epoch.into(),
                    warehouse: &WarehouseId::parse(&parcel.warehouse).map_err(StockError::unexpected)?,
                    parcel_id: &format!("{}/{}/surplus", parcel.reference, parcel.parcel_id),
                    lines: &left,
                };
                inventory::book_surplus(conn, &surplus, &order.correlation_id).await?
            }
        };
        let words = left.iter().map(|(sku, pieces)| {
            let out = booked.iter().find(|(of, _)| of == sku).map_or(0, |(_, out)| *out);
            format!("{} × {sku} left besides, {out} of them booked out of stock", pieces.get())
        });
        Ok(words.collect::<Vec<_>>().join("; "))
    }
}
