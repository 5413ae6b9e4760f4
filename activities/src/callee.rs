//! Whom a lane calls, as far as keeping it waiting goes: each is known by its lane, and says by a cheap read whether it
//! is there. Where several shops share a lane, each is known by the name its own lane would have.

use calls::CallFailure;
use domain::{Downstream, LaneName, RequestReference, Verdict};
use orders::lanes::health::Reading;
use shopify::admin::AdminClient;
use warehouse::client::WarehouseClient;

/// A reference that no order has: asking for it reads, and finds nothing.
const NOBODYS_REFERENCE: &str = "waybill-probe";

/// A warehouse system or a shop.
#[derive(Debug, Clone)]
pub enum Callee {
    /// A warehouse system.
    Warehouse(WarehouseClient),
    /// A shop.
    Shop(AdminClient),
}

impl Callee {
    /// By what it is known.
    #[must_use]
    pub fn lane(&self) -> LaneName {
        match self {
            Self::Warehouse(client) => LaneName::of_system(client.system()),
            Self::Shop(client) => LaneName::of_shop(client.shop()),
        }
    }

    /// What it is.
    #[must_use]
    pub fn downstream(&self) -> Downstream {
        match self {
            Self::Warehouse(_) => Downstream::Warehouse,
            Self::Shop(_) => Downstream::Shop,
        }
    }

    /// Whether it is there, and if not the code of the failure.
    pub async fn read(&self) -> (Reading, &'static str) {
        match self {
            Self::Warehouse(client) => match RequestReference::parse(NOBODYS_REFERENCE) {
                Ok(nobodys) => read_of(client.request(&nobodys).await.err().as_ref()),
                Err(_) => (Reading::Answered, ""),
            },
            Self::Shop(client) => read_of(client.greet().await.err().as_ref()),
        }
    }
}

/// Whoever refuses a call for another reason than our token is there.
fn read_of(failure: Option<&impl CallFailure>) -> (Reading, &'static str) {
    match failure.map(|failure| (failure.verdict(), failure.code())) {
        Some((Verdict::Away { .. }, code)) => (Reading::Down, code),
        Some((Verdict::TokenRefused { .. }, code)) => (Reading::TokenRefused, code),
        Some(_) | None => (Reading::Answered, ""),
    }
}
