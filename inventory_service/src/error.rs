//! What can go wrong with the stock of an order, and what each means as an answer of the service.

use std::{borrow::Cow, error::Error};

use domain::ParseError;
use inventory::InventoryError;
use orders::OrdersError;
use tonic::{Code, Status};
use tracing::error;

use database::{is_transient, met_another_transaction};

/// The metadata that names a refusal, beside the message for people.
const REASON: &str = "x-reason";

/// Why stock could not be asked, or refused.
#[derive(Debug, thiserror::Error)]
pub enum StockError {
    /// The stock in this process's own database refused or failed.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// Our own records failed.
    #[error(transparent)]
    Orders(#[from] OrdersError),
    /// The service refused; the reason is one word, for example `MORE_THAN_ALLOCATED`.
    #[error("the inventory service refused: {reason}")]
    Refused {
        /// The reason.
        reason: String,
    },
    /// The service cannot be asked right now. Whether the call had an effect is not known; it may be
    /// repeated.
    #[error("the inventory service is not available: {0}")]
    Unavailable(String),
    /// The service is asked first, and the step taken again. Nobody sees it but where a step asks without end.
    #[error("the inventory service is to be asked first")]
    ToBeAsked,
}

impl StockError {
    /// Whether a transaction met another one and may be made again at once.
    #[must_use]
    pub fn met_another_transaction(&self) -> bool {
        self.of_database().is_some_and(met_another_transaction)
    }

    /// Whether our own database may do the same in a moment.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        self.of_database().is_some_and(is_transient)
    }

    fn of_database(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Inventory(InventoryError::Database(error)) | Self::Orders(OrdersError::Database(error)) => {
                Some(error)
            }
            _ => None,
        }
    }

    /// Whether it is about an item or a warehouse that is not there: asking again does not help.
    #[must_use]
    pub fn names_what_is_unknown(&self) -> bool {
        matches!(
            self,
            Self::Inventory(InventoryError::UnknownItem { .. } | InventoryError::UnknownWarehouse { .. })
        )
    }

    /// The service answered something that it does not say it would.
    #[must_use]
    pub fn unexpected(what: impl std::fmt::Display) -> Self {
        Self::Unavailable(format!("its answer cannot be understood: {what}"))
    }

    /// What an answer of the service means. A wrong token, a fault of the service and a wrong
    /// interface are trouble of our own and no fault of the order, like an absence.
    pub(crate) fn of(status: &Status) -> Self {
        let reason = status.metadata().get(REASON).and_then(|reason| reason.to_str().ok());
        match (status.code(), reason) {
            (Code::FailedPrecondition | Code::NotFound | Code::InvalidArgument, reason) => {
                Self::Refused { reason: reason.unwrap_or("STOCK_REFUSED").to_owned() }
            }
            (code, _) => Self::Unavailable(format!("{code:?}")),
        }
    }
}

impl From<sqlx::Error> for StockError {
    fn from(error: sqlx::Error) -> Self {
        Self::Inventory(error.into())
    }
}

/// A field of a request that is not what it may be.
#[derive(Debug)]
pub(crate) struct Invalid {
    pub(crate) field: String,
    pub(crate) allowed: Cow<'static, str>,
}

impl Invalid {
    pub(crate) fn new(field: impl Into<String>, allowed: impl Into<Cow<'static, str>>) -> Self {
        Self { field: field.into(), allowed: allowed.into() }
    }

    /// What `value` may hold, under the name it has in the interface.
    pub(crate) fn of<T>(field: impl Into<String>, value: Result<T, ParseError>) -> Result<T, Self> {
        value.map_err(|error| Self::new(field, error.allowed))
    }
}

impl From<Invalid> for Status {
    fn from(Invalid { field, allowed }: Invalid) -> Self {
        refusal(Code::InvalidArgument, "INVALID_ARGUMENT", format!("{field}: {allowed}"))
    }
}

/// The one place that chooses a code. What caused a failure is logged and never sent.
pub(crate) fn status_of(error: StockError) -> Status {
    let error = match error {
        StockError::Inventory(error) => error,
        StockError::Orders(OrdersError::Database(error)) => error.into(),
        other => return fault(&other),
    };
    let message = error.to_string();
    match error {
        InventoryError::Database(error) if is_transient(&error) => {
            error!(cause = %error, "the inventory service's database failed");
            Status::unavailable("The service cannot do this right now; try again in a few seconds")
        }
        InventoryError::Database(error) => fault(&error),
        InventoryError::UnknownItem { .. } => refusal(Code::NotFound, "UNKNOWN_ITEM", message),
        InventoryError::UnknownReservation { .. } => refusal(Code::NotFound, "UNKNOWN_RESERVATION", message),
        InventoryError::UnknownWarehouse { .. } => {
            refusal(Code::InvalidArgument, "UNKNOWN_WAREHOUSE", format!("warehouse_id: {message}"))
        }
        InventoryError::RepeatedLine { .. } => {
            refusal(Code::InvalidArgument, "REPEATED_LINE", format!("lines: {message}"))
        }
        InventoryError::OwnedByOrder { .. } => refusal(Code::FailedPrecondition, "OWNED_BY_ORDER", message),
        InventoryError::MoreThanAllocated { .. } => {
            refusal(Code::FailedPrecondition, "MORE_THAN_ALLOCATED", message)
        }
        _ => refusal(Code::FailedPrecondition, "STOCK_REFUSED", message),
    }
}

fn refusal(code: Code, reason: &'static str, message: String) -> Status {
    let mut status = Status::new(code, message);
    status.metadata_mut().insert(REASON, tonic::metadata::MetadataValue::from_static(reason));
    status
}

fn fault(cause: &(dyn Error + 'static)) -> Status {
    error!(%cause, "a call of the inventory service failed");
    Status::internal("Something went wrong on our side")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_reaches_the_caller_by_its_reason_and_trouble_of_ours_never_as_one() {
        let order_id = domain::OrderId::parse("a").unwrap();
        let unknown = status_of(InventoryError::UnknownReservation { order_id, epoch: 1.into() }.into());
        assert!(
            matches!(StockError::of(&unknown), StockError::Refused { reason } if reason == "UNKNOWN_RESERVATION")
        );
        for status in [
            status_of(InventoryError::Database(sqlx::Error::PoolTimedOut).into()),
            status_of(InventoryError::Database(sqlx::Error::RowNotFound).into()),
            Status::unauthenticated("no"),
            Status::unimplemented("no"),
        ] {
            assert!(matches!(StockError::of(&status), StockError::Unavailable(_)), "{status:?}");
        }
    }

    #[test]
    fn no_internals_are_in_a_message() {
        let status = status_of(InventoryError::Database(sqlx::Error::Protocol("secret".into())).into());
        assert_eq!(status.code(), Code::Unavailable);
        assert!(!status.message().contains("secret"));
    }
}
