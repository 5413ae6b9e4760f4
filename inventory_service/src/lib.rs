//! Stock over gRPC, so that inventory can run as a service of its own.
//!
//! | module | what it is |
//! |---|---|
//! | `client` | the service as it is called: deadline, retries, breaker |
//! | `admission` | who may come in, before its message is read, and how many at once |
//! | `server` | the service, over `inventory`, with reflection and health |
//! | `sweep` | gives back what nobody confirmed in time |
//! | `wire` | the interface description's types as the domain's, both ways |
//!
//! **Invariant:** nothing here decides about stock: a call and the function of `inventory` behind it
//! have the same rules, and each call of the service is one transaction with its events.

mod admission;
mod client;
mod error;
mod server;
mod sweep;
mod wire;

/// What the interface description says, as code.
pub mod proto {
    tonic::include_proto!("waybill.inventory.v1");

    /// The description itself, for reflection.
    pub const DESCRIPTION: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/inventory.bin"));
}

pub use admission::{Admission, Admitted, Caller, Held};
pub use client::{ClientSettings, InventoryClient, Served};
pub use error::StockError;
pub use server::{Certificate, InventoryServer, Offer, serve};
