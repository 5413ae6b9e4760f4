//! The inventory service on a port of its own, behind the access of the HTTP interface.
//!
//! **Invariant:** who may call the service is decided by `access` alone.

use std::{
    future::Future,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use inventory_service::{Admission, Certificate, InventoryServer};
use sqlx::PgPool;
use tokio::net::TcpListener;
use tonic::{Status, metadata::MetadataMap};
use tracing::error;

use crate::{access::Access, problem::Problem, queue::Queue};

/// Serves until `shutdown`. Orders of this database that waited and were served are told through
/// the queue.
pub async fn serve(
    listener: TcpListener,
    pool: PgPool,
    (access, shared_allocations): (Arc<Access>, bool),
    certificate: Option<Certificate>,
    queue: Queue,
    shutdown: impl Future<Output = ()>,
) {
    let on_loopback = listener.local_addr().is_ok_and(|address| address.ip().is_loopback());
    let admission = Arc::new(Gate { access, on_loopback, shared_allocations });
    let server = InventoryServer::new(pool, admission, Arc::new(move |message| queue.offer(message)));
    if let Err(error) = inventory_service::serve(listener, server, certificate, shutdown).await {
        error!(%error, "the inventory service ended");
    }
}

/// The subject under which a caller holds stock, by whichever door it came.
pub(crate) fn holding_subject(subject: &str, shared_allocations: bool) -> &str {
    /// No token's subject is this: it would have to be a space.
    const EVERYBODY: &str = " ";
    if shared_allocations { EVERYBODY } else { subject }
}

struct Gate {
    access: Arc<Access>,
    /// Whether nobody but this machine can reach the port.
    on_loopback: bool,
    /// Whether all other systems are one.
    shared_allocations: bool,
}

#[tonic::async_trait]
impl Admission for Gate {
    async fn admit(&self, metadata: &MetadataMap, peer: Option<SocketAddr>) -> Result<String, Status> {
        let headers = metadata.clone().into_headers();
        let peer = peer.map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| peer.ip());
        let admitted = self.access.admit_to_stock(&headers, peer, self.on_loopback).await;
        let admitted = admitted.map_err(|problem| {
            let sentence = problem.to_string();
            match problem {
                Problem::Unauthenticated(_) => Status::unauthenticated(sentence),
                Problem::Forbidden(_) => Status::permission_denied(sentence),
                Problem::TooManyRequests(_) => Status::resource_exhausted(sentence),
                _ => Status::unavailable(sentence),
            }
        })?;
        Ok(holding_subject(&admitted, self.shared_allocations).to_owned())
    }
}
