//! Who sends a request, as the access layer found it out.

use std::{convert::Infallible, fmt};

use axum::{extract::FromRequestParts, http::request::Parts};
use domain::OrderId;
use orders::Order;

/// What a caller may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Everything.
    Admin,
    /// The operators' endpoints.
    Operator,
    /// Own orders only, by the token's subject.
    Customer,
    /// Allocations only.
    OrderService,
    /// Reading orders through the integration API only.
    InventoryService,
}

impl Role {
    pub const ALL: [Self; 5] =
        [Self::Admin, Self::Operator, Self::Customer, Self::OrderService, Self::InventoryService];

    /// The name in tokens and in docs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Customer => "customer",
            Self::OrderService => "order-service",
            Self::InventoryService => "inventory-service",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who sends a request. A handler that takes it gets it from the access layer, which has let the
/// request pass: it may do what the route is for, and what is left to the handler is whose orders it
/// may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The token's subject; none for a request without a token.
    subject: Option<String>,
    roles: Vec<Role>,
}

impl Caller {
    /// Somebody on this machine, where no token is asked for.
    pub(crate) fn local() -> Self {
        Self { subject: None, roles: vec![Role::Admin] }
    }

    /// Somebody with a token, and those of its roles that open the door it came through.
    pub(crate) fn with_token(subject: String, roles: Vec<Role>) -> Self {
        Self { subject: Some(subject), roles }
    }

    /// The subject whose orders alone the caller may see and touch; none if it may see all.
    pub(crate) fn confined_to(&self) -> Option<&str> {
        let confined = self.roles.iter().all(|role| *role == Role::Customer);
        confined.then(|| self.subject.as_deref().unwrap_or_default())
    }

    /// An order's id as the caller knows it: a customer its own, where it gave one.
    pub(crate) fn id_of(&self, order: &Order) -> OrderId {
        let own = order.client_order_id.as_ref().filter(|_| self.confined_to().is_some());
        own.unwrap_or(&order.order_id).clone()
    }

    /// Who acts, for timelines and histories: a word and no name of a person.
    pub(crate) fn actor(&self) -> domain::Actor {
        if self.confined_to().is_some() { domain::Actor::Customer } else { domain::Actor::Operator }
    }

    /// Whether what other systems hold is shown to the caller, whoever they are.
    pub(crate) fn sees_all(&self) -> bool {
        self.roles.contains(&Role::Admin)
    }

    /// The subject under which the caller holds stock, by whichever door it came.
    pub(crate) fn holds_as(&self, shared_allocations: bool) -> &str {
        /// No token's subject is this: it would have to be a space.
        const EVERYBODY: &str = " ";
        if shared_allocations { EVERYBODY } else { self.key() }
    }

    /// What ties the caller's idempotency keys and limits to it.
    pub(crate) fn key(&self) -> &str {
        self.subject.as_deref().unwrap_or_default()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        // Nobody but the access layer puts one there; without that layer a caller is nobody at all.
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or(Self { subject: None, roles: Vec::new() }))
    }
}
