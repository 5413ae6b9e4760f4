//! Every refusal of the HTTP interface, as RFC 9457 problems. `docs/errors.md` has a section for
//! each `type`.
//!
//! **Invariant:** no other file chooses the status of a refusal, and what caused one is logged here
//! and never sent.

use std::error::Error;

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{ParseError, Sku};
use inventory::{InventoryError, Shortage};
use orders::OrdersError;
use serde::Serialize;
use tracing::error;

use crate::correlation::CorrelationId;

/// Where the problems are described.
const TYPE_PREFIX: &str = "https://waybill.dev/errors/";
/// When a caller may try again what failed because something of ours was away, in seconds.
const RETRY_AFTER_S: &str = "5";

type Cause = Box<dyn Error + Send + Sync>;

/// Why a request was refused. The text is for the caller.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// A member, parameter or header is missing or not what it may be.
    #[error("{sentence}")]
    Invalid {
        /// Which one, if it is one.
        field: Option<String>,
        /// What is wrong and what is allowed.
        sentence: String,
    },
    /// An order asks for items that are not stocked.
    #[error("Not stocked: {}", list(.0))]
    UnknownItem(Vec<Sku>),
    /// An order asks for more than a newcomer could get.
    #[error("Not enough stock: {}", shortages(.0))]
    InsufficientStock(Vec<Shortage>),
    /// The sender of a webhook did not prove who it is. It is not told why.
    #[error("The webhook was refused")]
    WebhookRefused,
    /// No such item.
    #[error("There is no item {0}")]
    NoSuchItem(Sku),
    /// No such order.
    #[error("There is no order {0}")]
    NoSuchOrder(String),
    /// Nothing is at this path.
    #[error("There is nothing at this path")]
    NoSuchPath,
    /// The path is there, the method is not.
    #[error("This path does not take {0}")]
    MethodNotAllowed(String),
    /// An item with this SKU is there already.
    #[error("itemId: {0} is taken; choose another, or book stock in with /receive")]
    ItemExists(Sku),
    /// The body is too large.
    #[error("The body is larger than {} bytes", crate::server::MOST_BODY_BYTES)]
    TooLarge,
    /// The body is not announced as JSON.
    #[error("Content-Type must be application/json")]
    NotJson,
    /// The request took too long.
    #[error("The request took too long and was given up; whether it had an effect is not known")]
    TimedOut,
    /// Something of ours is away for a moment.
    #[error("The service cannot do this right now; try again in a few seconds")]
    Unavailable(#[source] Cause),
    /// A fault of ours.
    #[error("Something went wrong on our side")]
    Internal(#[source] Cause),
}

impl Problem {
    /// A member, parameter or header that is not what it may be.
    pub fn invalid(field: impl Into<String>, allowed: &str) -> Self {
        let field = field.into();
        Self::Invalid { sentence: format!("{field}: {allowed}"), field: Some(field) }
    }

    /// A request that cannot be read as a whole.
    pub fn unreadable(sentence: impl Into<String>) -> Self {
        Self::Invalid { field: None, sentence: sentence.into() }
    }

    /// What `value` may hold, under the name it has in the interface.
    pub fn of_field<T>(field: impl Into<String>, value: Result<T, ParseError>) -> Result<T, Self> {
        value.map_err(|error| Self::invalid(field, error.allowed))
    }

    /// The one place that chooses a status, with the problem's name and title.
    fn kind(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Invalid { .. } => (StatusCode::BAD_REQUEST, "invalid-request", "Invalid request"),
            Self::UnknownItem(_) => (StatusCode::BAD_REQUEST, "unknown-item", "Unknown item"),
            Self::InsufficientStock(_) => {
                (StatusCode::BAD_REQUEST, "insufficient-stock", "Insufficient stock")
            }
            Self::WebhookRefused => (StatusCode::UNAUTHORIZED, "webhook-refused", "Webhook refused"),
            Self::NoSuchItem(_) => (StatusCode::NOT_FOUND, "item-not-found", "Item not found"),
            Self::NoSuchOrder(_) => (StatusCode::NOT_FOUND, "order-not-found", "Order not found"),
            Self::NoSuchPath => (StatusCode::NOT_FOUND, "path-not-found", "Path not found"),
            Self::MethodNotAllowed(_) => {
                (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed")
            }
            Self::ItemExists(_) => (StatusCode::CONFLICT, "item-exists", "Item exists"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "Body too large"),
            Self::NotJson => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Unsupported media type")
            }
            Self::TimedOut => (StatusCode::SERVICE_UNAVAILABLE, "timed-out", "Timed out"),
            Self::Unavailable(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Temporarily unavailable")
            }
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error"),
        }
    }

    /// The name of the problem, for metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.kind().1
    }

    fn field(&self) -> Option<&str> {
        match self {
            Self::Invalid { field, .. } => field.as_deref(),
            Self::UnknownItem(_) | Self::InsufficientStock(_) => Some("items"),
            Self::ItemExists(_) => Some("itemId"),
            _ => None,
        }
    }
}

/// The body of a refusal.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<&'a str>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, name, title) = self.kind();
        if let Some(cause) = self.source() {
            error!(problem = name, cause = %chain(cause), "request failed");
        }
        let correlation_id = CorrelationId::current();
        let sentence = self.to_string();
        let body = Body {
            r#type: format!("{TYPE_PREFIX}{name}"),
            title,
            status: status.as_u16(),
            detail: &sentence,
            error: &sentence,
            field: self.field(),
            correlation_id: correlation_id.as_ref().map(CorrelationId::as_str),
        };
        let mut response =
            (status, [(header::CONTENT_TYPE, "application/problem+json")], Json(body)).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let retry_after = header::HeaderValue::from_static(RETRY_AFTER_S);
            response.headers_mut().insert(header::RETRY_AFTER, retry_after);
        }
        response
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        if is_passing(&error) { Self::Unavailable(error.into()) } else { Self::Internal(error.into()) }
    }
}

impl From<OrdersError> for Problem {
    fn from(error: OrdersError) -> Self {
        match error {
            OrdersError::Database(error) => error.into(),
            error => Self::Internal(error.into()),
        }
    }
}

impl From<InventoryError> for Problem {
    fn from(error: InventoryError) -> Self {
        match error {
            InventoryError::UnknownItem { sku } => Self::NoSuchItem(sku),
            InventoryError::ItemExists { sku } => Self::ItemExists(sku),
            InventoryError::UnknownWarehouse { warehouse } => {
                Self::invalid("warehouseId", &format!("there is no warehouse {warehouse}"))
            }
            InventoryError::PriceNotAllowed { source, .. } => Self::invalid("unitPrice", source.allowed),
            InventoryError::Database(error) => error.into(),
            error => Self::Internal(error.into()),
        }
    }
}

/// Whether the same statement may work in a moment: no connection, a time-out, a server that starts
/// or is full (SQLSTATE classes 08, 53, 57), or a transaction that met another one (40, 55).
fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(error) => error
            .code()
            .is_some_and(|code| ["08", "40", "53", "55", "57"].iter().any(|class| code.starts_with(class))),
        _ => false,
    }
}

/// Whether a problem is a transaction that met another one and may be tried again at once.
pub(crate) fn met_another_transaction(problem: &Problem) -> bool {
    let Problem::Unavailable(cause) = problem else {
        return false;
    };
    cause
        .downcast_ref::<sqlx::Error>()
        .and_then(|error| error.as_database_error()?.code())
        .is_some_and(|code| code.starts_with("40"))
}

/// An error and what caused it. `Display` only: PostgreSQL's details, which hold values, stand in
/// `Debug`.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

fn list(skus: &[Sku]) -> String {
    skus.iter().map(Sku::as_str).collect::<Vec<_>>().join(", ")
}

fn shortages(shortages: &[Shortage]) -> String {
    let one = |short: &Shortage| {
        format!("{}: requested {}, available {}", short.sku, short.requested, short.available)
    };
    shortages.iter().map(one).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests;
