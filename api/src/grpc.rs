//! The inventory service on a port of its own, behind the access of the HTTP interface.
//!
//! **Invariant:** who may call the service is decided by `access` alone.

use std::{
    future::Future,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use inventory_service::{Admission, Admitted, Certificate, Held, InventoryServer};
use sqlx::PgPool;
use tokio::net::TcpListener;
use tonic::{Status, metadata::MetadataMap};
use tracing::error;

use crate::{access::Access, connection_slots::Addresses, problem::Problem, queue::Queue};

/// Serves until `shutdown`. Orders of this database that waited and were served are told through
/// the queue.
pub async fn serve(
    listener: TcpListener,
    pool: PgPool,
    gate: Gate,
    certificate: Option<Certificate>,
    queue: Queue,
    shutdown: impl Future<Output = ()>,
) {
    let server = InventoryServer::new(pool, Arc::new(gate), Arc::new(move |message| queue.offer(message)));
    if let Err(error) = inventory_service::serve(listener, server, certificate, shutdown).await {
        error!(%error, "the inventory service ended");
    }
}

pub struct Gate {
    pub access: Arc<Access>,
    pub addresses: Addresses,
    /// Whether nobody but this machine can reach the port.
    pub on_loopback: bool,
    pub shared_allocations: bool,
}

#[tonic::async_trait]
impl Admission for Gate {
    fn hold(&self, address: IpAddr) -> Option<Held> {
        self.addresses.hold(address).map(|held| Box::new(held) as Held)
    }

    async fn admit(&self, metadata: &MetadataMap, peer: Option<SocketAddr>) -> Result<Admitted, Status> {
        let headers = metadata.clone().into_headers();
        let peer = peer.map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| peer.ip());
        let (address, held) = self.addresses.hold_for(peer, &headers).map_err(status_of)?;
        let admitted = self.access.admit_to_stock(&headers, address, self.on_loopback).await;
        let caller = admitted.map_err(status_of)?;
        Ok(Admitted {
            caller: inventory_service::Caller {
                subject: caller.holds_as(self.shared_allocations).to_owned(),
                sees_all: caller.sees_all(),
            },
            held: held.map(|held| Box::new(held) as Held),
        })
    }
}

fn status_of(problem: Problem) -> Status {
    let sentence = problem.to_string();
    match problem {
        Problem::Unauthenticated(_) => Status::unauthenticated(sentence),
        Problem::Forbidden(_) => Status::permission_denied(sentence),
        Problem::TooManyRequests(_) => Status::resource_exhausted(sentence),
        _ => Status::unavailable(sentence),
    }
}
