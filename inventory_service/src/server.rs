//! The service, over the functions of `inventory`.
//!
//! **Invariant:** no call gets at its message before the caller was admitted, and each is one
//! transaction with its events.

use std::{collections::BTreeSet, future::Future, sync::Arc, time::Duration};

use domain::OrderId;
use inventory::{
    Epoch, Expired, FulfilRequest, Holder, InventoryError, Released, Reservation, ReserveOutcome,
    ServedMovement,
};
use orders::{command, inbox::Message};
use sqlx::{PgConnection, PgPool};
use tokio::{net::TcpListener, time::interval};
use tonic::{
    Request, Response, Status,
    transport::{Error, Identity, Server, ServerTlsConfig},
};
use tonic_health::server::{HealthReporter, health_reporter};

use tower::layer::layer_fn;

use crate::admission::{self, Admission, Admitting, Caller, Connections};
use crate::client::CORRELATION_ID;
use crate::error::{StockError, status_of};
use crate::proto::{self, inventory_server::Inventory};
use crate::sweep;
use crate::wire::{self, Wanted};

/// The service with its generated outside.
type Service = proto::inventory_server::InventoryServer<InventoryServer>;

/// How long whoever is offered a message has to dispatch it before a sweeper may.
const SWEEP_AFTER: Duration = Duration::from_secs(5);
/// How often the database is asked for the health service.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// The most bytes of a request.
const MOST_REQUEST_BYTES: usize = 1024 * 1024;
/// The most bytes of a question about health or the description.
const MOST_QUESTION_BYTES: usize = 4 * 1024;
/// How long a call may take.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// Calls at once on one connection.
const MOST_CALLS: u32 = 128;

/// Where messages go that were committed.
pub type Offer = Arc<dyn Fn(Message) + Send + Sync>;

/// The inventory service over a database.
#[derive(Clone)]
pub struct InventoryServer {
    pool: PgPool,
    admission: Arc<dyn Admission>,
    offer: Offer,
}

impl InventoryServer {
    /// The service. Messages for orders of this database that waited and were served go to `offer`.
    #[must_use]
    pub fn new(pool: PgPool, admission: Arc<dyn Admission>, offer: Offer) -> Self {
        Self { pool, admission, offer }
    }
}

/// What the service shows of itself where it speaks TLS: PEM files.
#[derive(Clone)]
pub struct Certificate {
    /// The certificate, and those up to the authority's.
    pub chain: Vec<u8>,
    /// Its private key.
    pub key: Vec<u8>,
}

/// Serves until `shutdown`, with reflection and health beside the service, and sweeps. With a certificate
/// callers have to speak TLS.
///
/// # Errors
/// When the listener fails, or the certificate cannot be used.
pub async fn serve(
    listener: TcpListener,
    server: InventoryServer,
    certificate: Option<Certificate>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Error> {
    let mut builder = Server::builder();
    if let Some(Certificate { chain, key }) = certificate {
        let identity = Identity::from_pem(chain, key);
        builder = builder.tls_config(ServerTlsConfig::new().identity(identity))?;
    }
    let (reporter, health) = health_reporter();
    let reflection = |builder: tonic_reflection::server::Builder<'static>| {
        builder
            .register_encoded_file_descriptor_set(proto::DESCRIPTION)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    // The description is compiled in: if it were broken, no test of this room would pass.
    let newest = reflection(tonic_reflection::server::Builder::configure()).build_v1();
    let older = reflection(tonic_reflection::server::Builder::configure()).build_v1alpha();
    let looking = tokio::spawn(look_after(reporter, server.pool.clone()));
    let sweeping = tokio::spawn(sweep::sweep(server.clone()));
    let admission = Arc::clone(&server.admission);
    let incoming = admission::accepted(listener, Connections::default(), Arc::clone(&admission));
    let admitting = layer_fn(move |inner| Admitting {
        inner,
        admission: Arc::clone(&admission),
        open_path: "/grpc.health.",
    });
    let service = Service::new(server).max_decoding_message_size(MOST_REQUEST_BYTES);
    let served = builder
        .timeout(TIME_LIMIT)
        .max_concurrent_streams(MOST_CALLS)
        .http2_keepalive_interval(Some(Duration::from_secs(30)))
        .layer(admitting)
        .add_service(service)
        .add_service(health.max_decoding_message_size(MOST_QUESTION_BYTES))
        .add_optional_service(
            newest.ok().map(|service| service.max_decoding_message_size(MOST_QUESTION_BYTES)),
        )
        .add_optional_service(
            older.ok().map(|service| service.max_decoding_message_size(MOST_QUESTION_BYTES)),
        )
        .serve_with_incoming_shutdown(incoming, shutdown)
        .await;
    looking.abort();
    sweeping.abort();
    served
}

/// Tells the health service whether the database answers.
async fn look_after(reporter: HealthReporter, pool: PgPool) {
    let mut ticks = interval(LOOK_EVERY);
    loop {
        ticks.tick().await;
        if sqlx::query("SELECT 1").execute(&pool).await.is_ok() {
            reporter.set_serving::<Service>().await;
            reporter.set_service_status("", tonic_health::ServingStatus::Serving).await;
        } else {
            reporter.set_not_serving::<Service>().await;
            reporter.set_service_status("", tonic_health::ServingStatus::NotServing).await;
        }
    }
}

#[tonic::async_trait]
impl Inventory for InventoryServer {
    async fn check_stock(
        &self,
        request: Request<proto::CheckStockRequest>,
    ) -> Result<Response<proto::CheckStockResponse>, Status> {
        let (request, ..) = Self::admitted(request)?;
        let skus = wire::skus(&request)?;
        let items = again(async || {
            let mut conn = self.pool.acquire().await?;
            Ok(inventory::stocked_items(&mut conn, &skus).await?)
        })
        .await?;
        let known: BTreeSet<_> = items.iter().map(|stocked| &stocked.item.sku).collect();
        let unknown: BTreeSet<_> = skus.iter().filter(|sku| !known.contains(sku)).collect();
        Ok(Response::new(proto::CheckStockResponse {
            items: items.iter().map(wire::item_answer).collect(),
            unknown_skus: unknown.into_iter().map(ToString::to_string).collect(),
        }))
    }

    async fn reserve(
        &self,
        request: Request<proto::ReserveRequest>,
    ) -> Result<Response<proto::ReserveResponse>, Status> {
        let (request, caller, correlation_id) = Self::admitted(request)?;
        let mut wanted = wire::wanted(request)?;
        let holder = self.become_holder(&caller).await?;
        wanted.request.epoch = holder.epoch(wanted.request.epoch.number());
        let outcome = again(|| self.reserve_once(&wanted, &correlation_id)).await?;
        Ok(Response::new(wire::reserve_answer(&outcome)))
    }

    async fn confirm(
        &self,
        request: Request<proto::ConfirmRequest>,
    ) -> Result<Response<proto::ConfirmResponse>, Status> {
        let (request, caller, _) = Self::admitted(request)?;
        let order_id = wire::order_id(&request.order_id)?;
        let epoch = self.holder(&caller).await?.epoch(request.epoch);
        let status = again(async || {
            let mut conn = self.pool.acquire().await?;
            let confirmed = inventory::confirm(&mut conn, &order_id, epoch).await;
            refused_of_ours(&mut conn, &order_id, confirmed).await
        })
        .await?;
        Ok(Response::new(proto::ConfirmResponse { status: wire::status_answer(status).into() }))
    }

    async fn release(
        &self,
        request: Request<proto::ReleaseRequest>,
    ) -> Result<Response<proto::ReleaseResponse>, Status> {
        let (request, caller, correlation_id) = Self::admitted(request)?;
        let (order_id, cause) = (wire::order_id(&request.order_id)?, wire::cause(&request.cause)?);
        // What was never reserved is released for good, so that a late reservation finds it so.
        let epoch = self.become_holder(&caller).await?.epoch(request.epoch);
        let released = again(|| self.release_once(&order_id, epoch, cause, &correlation_id)).await?;
        let given_back = released.changed.iter().map(|change| change.changed_quantity).sum();
        Ok(Response::new(proto::ReleaseResponse { given_back }))
    }

    async fn fulfil(
        &self,
        request: Request<proto::FulfilRequest>,
    ) -> Result<Response<proto::FulfilResponse>, Status> {
        let (request, caller, correlation_id) = Self::admitted(request)?;
        let request = wire::left(&request, self.holder(&caller).await?)?;
        let (already, remaining) = again(|| self.fulfil_once(&request, &correlation_id)).await?;
        Ok(Response::new(proto::FulfilResponse { already, remaining }))
    }

    async fn get_reservation(
        &self,
        request: Request<proto::GetReservationRequest>,
    ) -> Result<Response<proto::GetReservationResponse>, Status> {
        let (request, caller, _) = Self::admitted(request)?;
        let order_id = wire::order_id(&request.order_id)?;
        let looking = (self.holder(&caller).await?, caller.sees_all);
        let made = again(|| self.look_at(&order_id, request.epoch, looking)).await?;
        Ok(Response::new(proto::GetReservationResponse {
            reservation: Some(wire::reservation_answer(&made)),
        }))
    }

    async fn list_served(
        &self,
        request: Request<proto::ListServedRequest>,
    ) -> Result<Response<proto::ListServedResponse>, Status> {
        let (request, caller, _) = Self::admitted(request)?;
        let (since, limit) = wire::page(&request)?;
        let holder = self.holder(&caller).await?;
        let (served, now) = again(async || {
            let mut conn = self.pool.acquire().await?;
            Ok(inventory::served_since(&mut conn, holder, since, request.after_movement_id, limit).await?)
        })
        .await?;
        let entry = |ServedMovement { movement_id, order_id, at }| proto::Served {
            order_id: order_id.to_string(),
            movement_id,
            at_us: at.timestamp_micros(),
        };
        Ok(Response::new(proto::ListServedResponse {
            served: served.into_iter().map(entry).collect(),
            now_us: now.timestamp_micros(),
        }))
    }
}

impl InventoryServer {
    /// What the caller says, who it is, as it was admitted, and its correlation id.
    fn admitted<Asked>(request: Request<Asked>) -> Result<(Asked, Caller, String), Status> {
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
    async fn become_holder(&self, caller: &Caller) -> Result<Holder, Status> {
        again(async || {
            let mut conn = self.pool.acquire().await?;
            Ok(inventory::become_holder(&mut conn, &caller.subject).await?)
        })
        .await
    }

    /// Whose reservations alone the caller can name.
    async fn holder(&self, caller: &Caller) -> Result<Holder, Status> {
        again(async || {
            let mut conn = self.pool.acquire().await?;
            Ok(inventory::holder_of(&mut conn, &caller.subject).await?)
        })
        .await
    }

    async fn reserve_once(
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

    async fn release_once(
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

    async fn fulfil_once(
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

    async fn look_at(
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
async fn refused_of_ours<T>(
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
async fn again<T, Attempt>(attempt: impl Fn() -> Attempt) -> Result<T, Status>
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
