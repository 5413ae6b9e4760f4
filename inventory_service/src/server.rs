//! The service, over the functions of `inventory`.
//!
//! **Invariant:** no call gets at its message before the caller was admitted, and each is one
//! transaction with its events.

use std::{collections::BTreeSet, future::Future, sync::Arc, time::Duration};

use inventory::ServedMovement;
use orders::inbox::Message;
use sqlx::PgPool;
use tokio::{net::TcpListener, time::interval};
use tonic::{
    Request, Response, Status,
    transport::{Error, Identity, Server, ServerTlsConfig},
};
use tonic_health::server::{HealthReporter, health_reporter};

use tower::layer::layer_fn;

use crate::admission::{self, Admission, Admitting, Connections};
use crate::proto::{self, inventory_server::Inventory};
use crate::sweep;
use crate::wire;

mod transactions;

use transactions::{again, refused_of_ours};

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
