//! Who sends a request, as the access layer found it out.

use std::convert::Infallible;

use axum::{extract::FromRequestParts, http::request::Parts};
use domain::{OrderId, words};
use orders::Order;
use strum::{Display, IntoStaticStr, VariantArray};

/// What a caller may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Role {
    /// Everything.
    Admin,
    /// The operators' endpoints.
    Operator,
    /// Looking at what operators look at; changing nothing.
    Viewer,
    /// Own orders only, by the token's subject.
    Customer,
    /// Allocations only.
    OrderService,
    /// Reading orders through the integration API only.
    InventoryService,
}

words!(Role, "role");

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

    /// Who acts, by name: the token's subject. It may be a person's, so it stays in our database.
    pub(crate) fn name(&self) -> &str {
        self.subject.as_deref().unwrap_or("operator")
    }

    /// What the caller may be behind the door it came through.
    pub(crate) fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// Whether a token says who it is.
    pub(crate) fn has_token(&self) -> bool {
        self.subject.is_some()
    }

    /// Who acts, by name, where it may be read later: of customers no name.
    pub(crate) fn acts_as(&self) -> &str {
        if self.confined_to().is_some() { domain::Actor::Customer.as_str() } else { self.name() }
    }

    /// Whether names and addresses of customers are shown to the caller: to those who act on orders.
    pub(crate) fn sees_customers(&self) -> bool {
        self.roles.iter().any(|role| matches!(role, Role::Admin | Role::Operator))
    }

    /// Whether what other systems hold is shown to the caller, whoever they are.
    pub(crate) fn sees_all(&self) -> bool {
        self.roles.contains(&Role::Admin)
    }

    /// The subject under which the caller holds stock, by whichever door it came.
    pub(crate) fn holds_as(&self, shared_allocations: bool) -> &str {
        if shared_allocations { inventory::EVERYBODY } else { self.key() }
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
