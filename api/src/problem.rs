//! Every refusal of the HTTP interface, as RFC 9457 problems; `docs/errors.md` has a section for each.
//!
//! **Invariant:** no other file chooses the status of a refusal, and what caused one is logged here
//! and never sent.

use std::{error::Error, time::Duration};

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{LaneName, OrderId, OrderStatus, ParseError, ShopDomain, Sku, WarehouseId};
use inventory::{AllocationStatus, Shortage};
use serde::Serialize;
use serde_json::{Value, json};
use tracing::error;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::correlation::CorrelationId;

mod causes;
mod words;

use words::{chain, list, on, shortages};

const TYPE_PREFIX: &str = "https://waybill.dev/errors/";
/// When a caller may try again what failed because something of ours was away, in seconds.
const RETRY_AFTER_S: u64 = 5;

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
    #[error("{0}")]
    Unauthenticated(&'static str),
    #[error("This needs one of the roles {0}")]
    Forbidden(String),
    /// The caller has asked for too much in too short a time; the time is when it may go on.
    #[error("Too many requests; go on after {} s", .0.as_secs().max(1))]
    TooManyRequests(Duration),
    #[error("There is no item {0}")]
    NoSuchItem(Sku),
    #[error("There is no order {0}")]
    NoSuchOrder(String),
    #[error("There is no user {0}")]
    NoSuchUser(String),
    #[error("There is no message {0}")]
    NoSuchMessage(i64),
    #[error("Message {inbox_id} had its effect{}, which is not repeated", on(.order.as_deref()))]
    MessageDone { inbox_id: i64, order: Option<String> },
    #[error("There is no allocation {0}")]
    NoSuchAllocation(String),
    #[error("There is nothing at this path")]
    NoSuchPath,
    #[error("This path does not take {0}")]
    MethodNotAllowed(String),
    #[error("itemId: {0} is taken; choose another, or book stock in with /receive")]
    ItemExists(Sku),
    /// Less would be on hand than is reserved.
    #[error(
        "quantity: {sku} has {available} pieces in {warehouse} that nobody holds; reduce by at most that"
    )]
    NotThatMuchThere {
        sku: Sku,
        warehouse: WarehouseId,
        /// Pieces that nobody holds there.
        available: u64,
    },
    #[error("{0}: another user has it")]
    UserExists(&'static str),
    /// An order with this id is there already, and it is another one.
    #[error("{field}: {order_id} is taken by an order with other content")]
    OrderExists {
        /// As what the caller wrote `orderId`.
        field: &'static str,
        order_id: OrderId,
    },
    #[error("Idempotency-Key: it came with another body before; draw a new key for a new request")]
    IdempotencyKeyReused,
    #[error("Order cannot be cancelled. Current status: {0}")]
    CannotBeCancelled(OrderStatus),
    #[error("{0}")]
    StatusRefused(String),
    #[error("{0}")]
    AnswerRefused(String),
    #[error("Order cannot be changed. Current status: {0}")]
    CannotBeEdited(OrderStatus),
    #[error("There is no open row {0}")]
    NoSuchAttention(i64),
    #[error("There is no bulk answer {0}")]
    NoSuchBulkAnswer(String),
    #[error("There is no lane {0}; GET /api/lanes lists them")]
    NoSuchLane(LaneName),
    #[error("There is no shop {0} that is told what is on hand; GET /api/channel-shops lists them")]
    NoSuchChannelShop(ShopDomain),
    #[error("There is no warehouse {0}; GET /api/warehouses lists them")]
    NoSuchWarehouse(WarehouseId),
    #[error("warehouseId: {0} is taken; change that warehouse, or choose another id")]
    WarehouseExists(WarehouseId),
    #[error("There is no dead letter {0}")]
    NoSuchDeadLetter(String),
    #[error("There is no subscription {0}")]
    NoSuchSubscription(Uuid),
    #[error("There is no return {0}")]
    NoSuchReturn(String),
    /// More is to come back than left, or came than is still to come.
    #[error("{field}: at most {open}, {why}")]
    TooManyReturned {
        /// Where the pieces stand in the body.
        field: String,
        /// Pieces there could have been.
        open: u32,
        /// What the others are.
        why: &'static str,
    },
    #[error("The return was taken back; nothing of it is expected")]
    ReturnCancelled,
    /// More is asked for than a newcomer could get.
    #[error("Not enough inventory available")]
    NotEnough {
        sku: Sku,
        /// Where it could best be taken from.
        warehouse: WarehouseId,
        requested: u64,
        /// Pieces a newcomer could get there.
        available: u64,
    },
    #[error("orderItemId: {0} has an allocation already, with another quantity, item or warehouse")]
    AllocationExists(String),
    #[error("The stock belongs to order {0}, which alone may change it; cancel the order instead")]
    OwnedByOrder(OrderId),
    #[error("The allocation is {} and cannot become {}", from.as_str(), to.as_str())]
    InvalidTransition { from: AllocationStatus, to: AllocationStatus },
    #[error("The allocation expired and its stock was given back; allocate anew")]
    AllocationExpired,
    #[error("Stock is kept by a service of its own (INVENTORY_SERVICE_URL); ask that one")]
    StockElsewhere,
    #[error("The body is larger than {0} bytes")]
    TooLarge(usize),
    #[error("The body came too slowly and was not waited for; send it again, whole")]
    TooSlow,
    /// Too much is held already of bodies whose senders have not proved who they are.
    #[error("Too many bodies are coming in at once; try again in a few seconds")]
    NoRoom,
    #[error("Content-Type must be application/json")]
    NotJson,
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
        value.map_err(|error| Self::invalid(field, &error.allowed))
    }

    /// The one place that chooses a status, with the problem's name.
    fn kind(&self) -> (StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::Invalid { .. } => (S::BAD_REQUEST, "invalid-request"),
            Self::UnknownItem(_) => (S::BAD_REQUEST, "unknown-item"),
            Self::InsufficientStock(_) => (S::BAD_REQUEST, "insufficient-stock"),
            Self::CannotBeCancelled(_) => (S::BAD_REQUEST, "cannot-be-cancelled"),
            Self::WebhookRefused => (S::UNAUTHORIZED, "webhook-refused"),
            Self::Unauthenticated(_) => (S::UNAUTHORIZED, "unauthenticated"),
            Self::Forbidden(_) => (S::FORBIDDEN, "forbidden"),
            Self::NoSuchItem(_) => (S::NOT_FOUND, "item-not-found"),
            Self::NoSuchOrder(_) => (S::NOT_FOUND, "order-not-found"),
            Self::NoSuchUser(_) => (S::NOT_FOUND, "user-not-found"),
            Self::NoSuchMessage(_) => (S::NOT_FOUND, "message-not-found"),
            Self::MessageDone { .. } => (S::CONFLICT, "message-done"),
            Self::NoSuchAllocation(_) => (S::NOT_FOUND, "allocation-not-found"),
            Self::NoSuchPath => (S::NOT_FOUND, "path-not-found"),
            Self::MethodNotAllowed(_) => (S::METHOD_NOT_ALLOWED, "method-not-allowed"),
            Self::ItemExists(_) => (S::CONFLICT, "item-exists"),
            Self::NotThatMuchThere { .. } => (S::CONFLICT, "not-that-much-there"),
            Self::UserExists(_) => (S::CONFLICT, "user-exists"),
            Self::OrderExists { .. } => (S::CONFLICT, "order-exists"),
            Self::IdempotencyKeyReused => (S::CONFLICT, "idempotency-key-reused"),
            Self::StatusRefused(_) => (S::CONFLICT, "status-refused"),
            Self::AnswerRefused(_) => (S::CONFLICT, "answer-refused"),
            Self::CannotBeEdited(_) => (S::CONFLICT, "cannot-be-edited"),
            Self::NoSuchAttention(_) => (S::NOT_FOUND, "no-such-attention"),
            Self::NoSuchBulkAnswer(_) => (S::NOT_FOUND, "no-such-bulk-answer"),
            Self::NoSuchLane(_) => (S::NOT_FOUND, "no-such-lane"),
            Self::NoSuchChannelShop(_) => (S::NOT_FOUND, "no-such-channel-shop"),
            Self::NoSuchWarehouse(_) => (S::NOT_FOUND, "warehouse-not-found"),
            Self::WarehouseExists(_) => (S::CONFLICT, "warehouse-exists"),
            Self::NoSuchDeadLetter(_) => (S::NOT_FOUND, "no-such-dead-letter"),
            Self::NoSuchSubscription(_) => (S::NOT_FOUND, "no-such-subscription"),
            Self::NoSuchReturn(_) => (S::NOT_FOUND, "return-not-found"),
            Self::TooManyReturned { .. } => (S::CONFLICT, "too-many-returned"),
            Self::ReturnCancelled => (S::CONFLICT, "return-cancelled"),
            Self::NotEnough { .. } => (S::CONFLICT, "not-enough-inventory"),
            Self::AllocationExists(_) => (S::CONFLICT, "allocation-exists"),
            Self::OwnedByOrder(_) => (S::CONFLICT, "owned-by-order"),
            Self::InvalidTransition { .. } => (S::CONFLICT, "invalid-state-transition"),
            Self::AllocationExpired => (S::CONFLICT, "allocation-expired"),
            Self::TooLarge(_) => (S::PAYLOAD_TOO_LARGE, "body-too-large"),
            Self::TooSlow => (S::REQUEST_TIMEOUT, "body-too-slow"),
            Self::NoRoom => (S::SERVICE_UNAVAILABLE, "no-room-for-body"),
            Self::NotJson => (S::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type"),
            Self::StockElsewhere => (S::MISDIRECTED_REQUEST, "stock-elsewhere"),
            Self::TooManyRequests(_) => (S::TOO_MANY_REQUESTS, "too-many-requests"),
            Self::TimedOut => (S::SERVICE_UNAVAILABLE, "timed-out"),
            Self::Unavailable(_) => (S::SERVICE_UNAVAILABLE, "unavailable"),
            Self::Internal(_) => (S::INTERNAL_SERVER_ERROR, "internal"),
        }
    }

    /// The code on the integration endpoints: the name in capitals, but for a few.
    fn code(&self) -> String {
        let code = match self.name() {
            "invalid-request" => "VALIDATION_ERROR",
            "item-not-found" => "INVENTORY_ITEM_NOT_FOUND",
            "no-such-attention" => "ATTENTION_NOT_FOUND",
            "not-enough-inventory" => "INSUFFICIENT_STOCK",
            "internal" => "INTERNAL_ERROR",
            name => return name.to_uppercase().replace('-', "_"),
        };
        code.to_owned()
    }

    /// The name in words.
    fn title(&self) -> String {
        let (initial, rest) = self.name().split_at(1);
        initial.to_uppercase() + &rest.replace('-', " ")
    }

    /// What the caller is told.
    pub(crate) fn body(&self) -> ProblemBody {
        let (status, name) = self.kind();
        let sentence = self.to_string();
        ProblemBody {
            r#type: format!("{TYPE_PREFIX}{name}"),
            title: self.title(),
            status: status.as_u16(),
            detail: sentence.clone(),
            error: sentence,
            field: self.field().map(str::to_owned),
            correlation_id: CorrelationId::current(),
        }
    }

    /// The same for the integration endpoints.
    pub(crate) fn failure(&self) -> FailureBody {
        FailureBody {
            code: self.code(),
            message: self.to_string(),
            details: self.details(),
            correlation_id: CorrelationId::current(),
        }
    }

    pub(crate) fn status_and_title(&self) -> (StatusCode, String) {
        (self.kind().0, self.title())
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
            Self::WarehouseExists(_) => Some("warehouseId"),
            Self::NotThatMuchThere { .. } => Some("quantity"),
            Self::UserExists(field) | Self::OrderExists { field, .. } => Some(field),
            Self::TooManyReturned { field, .. } => Some(field),
            Self::IdempotencyKeyReused => Some("Idempotency-Key"),
            Self::AllocationExists(_) => Some("orderItemId"),
            _ => None,
        }
    }

    /// When the caller may try again, in whole seconds.
    fn retry_after(&self, status: StatusCode) -> Option<u64> {
        match self {
            Self::TooManyRequests(wait) => Some(wait.as_secs().max(1)),
            _ => (status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER_S),
        }
    }

    /// What a program may want to know beside the code.
    fn details(&self) -> Option<Value> {
        match self {
            Self::NotEnough { sku, warehouse, requested, available } => Some(json!({
                "inventoryItemId": sku, "warehouseId": warehouse, "requested": requested, "available": available,
            })),
            Self::InvalidTransition { from, to } => Some(json!({"from": from, "to": to})),
            _ => self.field().map(|field| json!({"field": field})),
        }
    }
}

/// The refusal itself.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FailureBody {
    /// For programs: it never changes its meaning.
    #[schema(example = "VALIDATION_ERROR")]
    code: String,
    /// For people.
    message: String,
    /// What a program may want to know beside the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Value>,
    /// Quote it when you ask about the refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<String>,
}

/// The body of a refusal (RFC 9457).
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// Names the problem; the last part is its section in the manual. It never changes its meaning.
    #[schema(example = "https://waybill.dev/errors/invalid-request")]
    r#type: String,
    /// The problem in a few words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What is wrong and what is allowed.
    detail: String,
    /// The same as `detail`.
    error: String,
    /// The member, parameter or header that is wrong, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// Quote it when you ask about the problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<String>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, name) = self.kind();
        if let Some(cause) = self.source() {
            error!(problem = name, cause = %chain(cause), "request failed");
        }
        let mut response =
            (status, [(header::CONTENT_TYPE, "application/problem+json")], Json(self.body())).into_response();
        if let Some(seconds) = self.retry_after(status) {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        if name == "unauthenticated" {
            let scheme = header::HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response.extensions_mut().insert(self.failure());
        response
    }
}

#[cfg(test)]
mod tests;
