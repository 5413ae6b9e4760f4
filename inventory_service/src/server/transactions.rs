//! What a call does to the database: one transaction, made again where it met another.

use std::{future::Future, time::Duration};

use domain::OrderId;
use inventory::{
    Epoch, Expired, FulfilRequest, Holder, InventoryError, Released, Reservation, ReserveOutcome,
};
use orders::command;
use sqlx::{PgConnection, PgPool};
use tonic::{Request, Status};

use super::{InventoryServer, SWEEP_AFTER};
use crate::admission::Caller;
use crate::client::CORRELATION_ID;
use crate::error::{StockError, status_of};
use crate::wire::Wanted;

impl InventoryServer {
    /// What the caller says, who it is, as it was admitted, and its correlation id.
    pub(super) fn admitted<Asked>(request: Request<Asked>) -> Result<(Asked, Caller, String), Status> {
        // Nothing comes here but through the door.
        let caller = request
            .extensions()
            .get::<Caller>()
            .cloned()
            .ok_or_else(|| Status::unauthenticated("This needs a valid bearer token"))?;
        let correlation_id = request
            .metadata()
            .get(CORRELATION_ID)
            .and_then(|id| id.to_str().ok())
            .filter(|id| is_correlation_id(id))
            .map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned);
        Ok((request.into_inner(), caller, correlation_id))
    }

    /// The same, to write something under it.
    pub(super) async fn become_holder(&self, caller: &Caller) -> Result<Holder, Status> {
        again(async || {
            let mut conn = self.pool.acquire().await?;
            Ok(inventory::become_holder(&mut conn, &caller.subject).await?)
        })
        .await
    }

    /// Whose reservations alone the caller can name.
    pub(super) async fn holder(&self, caller: &Caller) -> Result<Holder, Status> {
        again(async || {
            let mut conn = self.pool.acquire().await?;
            Ok(inventory::holder_of(&mut conn, &caller.subject).await?)
        })
        .await
    }

    pub(super) async fn reserve_once(
        &self,
        wanted: &Wanted,
        correlation_id: &str,
    ) -> Result<ReserveOutcome, StockError> {
        let Wanted { request, provisional_for } = wanted;
        let mut tx = self.pool.begin().await?;
        if inventory::is_ours(&mut tx, &request.order_id).await? {
            return Err(InventoryError::OwnedByOrder { order_id: request.order_id.clone() }.into());
        }
        let mut outcome = inventory::reserve(&mut tx, request, correlation_id).await?;
        if let ReserveOutcome::Reserved(made) = &mut outcome {
            command::keep_served(&mut tx, inventory::ours(&made.served), Duration::ZERO).await?;
            match provisional_for {
                Some(time) => {
                    inventory::hold_provisionally(&mut tx, &made.order_id, made.epoch, *time).await?;
                }
                None => {
                    let status = inventory::confirm(&mut tx, &made.order_id, made.epoch).await?;
                    if status != made.status {
                        // It was given back between the look and the confirmation.
                        *made = inventory::reservation(&mut tx, &request.order_id, request.epoch)
                            .await?
                            .ok_or(InventoryError::Database(sqlx::Error::RowNotFound))?;
                    }
                }
            }
            tx.commit().await?;
            return Ok(outcome);
        }
        tx.rollback().await?;
        if let ReserveOutcome::Short(shortages) = &outcome {
            let mut tx = self.pool.begin().await?;
            let order_id = &request.order_id;
            inventory::announce_shortage(&mut tx, order_id, None, shortages, correlation_id).await?;
            tx.commit().await?;
        }
        Ok(outcome)
    }

    pub(super) async fn release_once(
        &self,
        order_id: &OrderId,
        epoch: Epoch,
        cause: &str,
        correlation_id: &str,
    ) -> Result<Released, StockError> {
        let mut tx = self.pool.begin().await?;
        if inventory::reservation(&mut tx, order_id, epoch).await?.is_none()
            && inventory::is_ours(&mut tx, order_id).await?
        {
            return Err(InventoryError::OwnedByOrder { order_id: order_id.clone() }.into());
        }
        let released = inventory::release(&mut tx, order_id, epoch, cause, correlation_id).await?;
        self.commit_and_wake(tx, &released).await?;
        Ok(released)
    }

    /// Gives back what nobody confirmed in time.
    pub(crate) async fn release_unconfirmed(
        &self,
        order_id: &OrderId,
        epoch: Epoch,
    ) -> Result<(), StockError> {
        again_or(async || {
            let mut tx = self.pool.begin().await?;
            let correlation_id = uuid::Uuid::now_v7().to_string();
            let released = inventory::release_unconfirmed(&mut tx, order_id, epoch, &correlation_id).await?;
            self.commit_and_wake(tx, &released).await
        })
        .await
    }

    /// Gives back what other services allocated and did not confirm in time; true if there may be more.
    pub(crate) async fn expire_allocations(&self, most: i64) -> Result<bool, StockError> {
        again_or(async || {
            let mut tx = self.pool.begin().await?;
            let correlation_id = uuid::Uuid::now_v7().to_string();
            let Expired { changed, served } = inventory::expire_due(&mut tx, most, &correlation_id).await?;
            let full = i64::try_from(changed.len()) == Ok(most);
            self.commit_and_wake(tx, &Released { changed, served }).await?;
            Ok(full)
        })
        .await
    }

    /// Commits, with the messages for those who were served, and offers these to the dispatcher.
    async fn commit_and_wake(
        &self,
        mut tx: sqlx::Transaction<'_, sqlx::Postgres>,
        released: &Released,
    ) -> Result<(), StockError> {
        let messages = command::keep_served(&mut tx, inventory::ours(&released.served), SWEEP_AFTER).await?;
        tx.commit().await?;
        messages.into_iter().for_each(|message| (self.offer)(message));
        Ok(())
    }

    pub(super) async fn fulfil_once(
        &self,
        request: &FulfilRequest,
        correlation_id: &str,
    ) -> Result<(bool, u64), StockError> {
        let mut tx = self.pool.begin().await?;
        let fulfilled = inventory::fulfil(&mut tx, request, correlation_id).await;
        let fulfilled = refused_of_ours(&mut tx, &request.order_id, fulfilled).await?;
        tx.commit().await?;
        Ok((fulfilled.already, fulfilled.remaining))
    }

    pub(super) async fn look_at(
        &self,
        order_id: &OrderId,
        epoch: Option<u32>,
        looking: (Holder, bool),
    ) -> Result<Reservation, StockError> {
        let mut conn = self.pool.acquire().await?;
        let made = inventory::shown_reservation(&mut conn, order_id, epoch, looking).await?;
        let epoch = epoch.unwrap_or_default().into();
        Ok(made.ok_or_else(|| InventoryError::UnknownReservation { order_id: order_id.clone(), epoch })?)
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }
}

fn is_correlation_id(id: &str) -> bool {
    (1..=128).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-'))
}

/// Of an order of ours there is something, which is not the caller's to change.
pub(super) async fn refused_of_ours<T>(
    conn: &mut PgConnection,
    order_id: &OrderId,
    done: Result<T, InventoryError>,
) -> Result<T, StockError> {
    match done {
        Err(InventoryError::UnknownReservation { .. }) if inventory::is_ours(conn, order_id).await? => {
            Err(InventoryError::OwnedByOrder { order_id: order_id.clone() }.into())
        }
        done => Ok(done?),
    }
}

/// Does it, again when it met another transaction; what fails is an answer to the caller.
pub(super) async fn again<T, Attempt>(attempt: impl Fn() -> Attempt) -> Result<T, Status>
where
    Attempt: Future<Output = Result<T, StockError>>,
{
    again_or(attempt).await.map_err(status_of)
}

async fn again_or<T, Attempt>(attempt: impl Fn() -> Attempt) -> Result<T, StockError>
where
    Attempt: Future<Output = Result<T, StockError>>,
{
    database::retried(StockError::met_another_transaction, attempt).await
}
