//! One attempt at a step: its failure is translated here, once, and logged and counted here, once.

use std::{future::Future, time::Duration};

use domain::{OrderId, Step};
use inventory::InventoryError;
use inventory_service::StockError;
use metrics::{counter, histogram};
use orders::{OrdersError, attention};
use shopify::admin::{EnsureError, ShopifyError};
use sqlx::PgPool;
use temporalio_common::error::ApplicationFailure;
use temporalio_sdk::activities::ActivityError;
use tokio::time::Instant;
use tracing::warn;
use warehouse::client::WarehouseError;
use workflows::names;

/// Why an attempt failed.
#[derive(Debug)]
pub(crate) struct AttemptError {
    /// A short stable code; it stands in histories.
    code: String,
    /// Whether the next attempt can only fail the same way.
    permanent: bool,
    /// How long the other side wants us to wait.
    retry_after: Option<Duration>,
    /// The vendor's own words; they go to `orders.attention` alone.
    vendor_text: Option<String>,
}

impl AttemptError {
    /// A failure of our own making that no repetition mends.
    pub(crate) fn permanent(code: &str) -> Self {
        Self { code: code.to_owned(), permanent: true, retry_after: None, vendor_text: None }
    }

    /// A failure that the next attempt may not meet.
    pub(crate) fn transient(code: &str) -> Self {
        Self { permanent: false, ..Self::permanent(code) }
    }

    fn database() -> Self {
        Self {
            code: names::DATABASE_FAILURE.to_owned(),
            permanent: false,
            retry_after: None,
            vendor_text: None,
        }
    }

    /// The code.
    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    /// Whether the next attempt can only fail the same way.
    pub(crate) fn is_permanent(&self) -> bool {
        self.permanent
    }

    /// The vendor's own words, else the code.
    pub(crate) fn words(&self) -> &str {
        self.vendor_text.as_deref().unwrap_or(&self.code)
    }

    #[cfg(feature = "faults")]
    pub(crate) fn planted(code: &str, permanent: bool) -> Self {
        Self { code: code.to_owned(), permanent, retry_after: None, vendor_text: None }
    }

    pub(crate) fn into_activity_error(self) -> ActivityError {
        ActivityError::application(
            ApplicationFailure::builder(anyhow::anyhow!(self.code.clone()))
                .type_name(self.code)
                .non_retryable(self.permanent)
                .maybe_next_retry_delay(self.retry_after)
                .build(),
        )
    }
}

/// Makes one attempt: does the step, and on failure keeps the vendor's words, logs and counts.
pub(crate) async fn attempt<T, Attempt>(
    pool: &PgPool,
    step: Step,
    order: &OrderId,
    body: impl Fn() -> Attempt,
) -> Result<T, ActivityError>
where
    Attempt: Future<Output = Result<T, AttemptError>>,
{
    let begun = Instant::now();
    #[cfg(feature = "faults")]
    let result = crate::faults::around(pool, step, order, body).await;
    #[cfg(not(feature = "faults"))]
    let result = body().await;
    histogram!("waybill_step_seconds", "step" => step.as_str()).record(begun.elapsed().as_secs_f64());
    let failure = match result {
        Ok(output) => return Ok(output),
        Err(failure) => failure,
    };
    counter!("waybill_step_failures_total", "step" => step.as_str(), "code" => failure.code.clone())
        .increment(1);
    warn!(order.id = %order, %step, code = %failure.code, permanent = failure.permanent, "an attempt at a step failed");
    if let Some(vendor_text) = &failure.vendor_text {
        keep_complaint(pool, step, order, &failure.code, vendor_text).await;
    }
    Err(failure.into_activity_error())
}

/// The words are a help for people; without them the step fails all the same.
async fn keep_complaint(pool: &PgPool, step: Step, order: &OrderId, code: &str, vendor_text: &str) {
    let kept = match pool.acquire().await {
        Ok(mut conn) => attention::keep_complaint(&mut conn, order, step, code, vendor_text).await,
        Err(error) => Err(error.into()),
    };
    if let Err(error) = kept {
        warn!(order.id = %order, %step, %error, "the vendor's words were not kept");
    }
}

impl From<sqlx::Error> for AttemptError {
    fn from(_: sqlx::Error) -> Self {
        Self::database()
    }
}

impl From<OrdersError> for AttemptError {
    fn from(error: OrdersError) -> Self {
        match error {
            OrdersError::Database(_) => Self::database(),
            OrdersError::NotFound => Self::permanent("ORDER_UNKNOWN"),
            OrdersError::Unreadable(_) => Self::permanent("ORDER_UNREADABLE"),
        }
    }
}

impl From<InventoryError> for AttemptError {
    fn from(error: InventoryError) -> Self {
        match error {
            InventoryError::Database(_) => Self::database(),
            InventoryError::MoreThanAllocated { .. } => Self::permanent("MORE_THAN_ALLOCATED"),
            _ => Self::permanent("STOCK_REFUSED"),
        }
    }
}

impl From<StockError> for AttemptError {
    fn from(error: StockError) -> Self {
        match error {
            StockError::Inventory(error) => error.into(),
            StockError::Orders(error) => error.into(),
            StockError::Refused { reason } if reason == "MORE_THAN_ALLOCATED" => Self::permanent(&reason),
            StockError::Refused { .. } => Self::permanent("STOCK_REFUSED"),
            StockError::Unavailable(_) | StockError::Overtaken => Self {
                code: names::INVENTORY_UNAVAILABLE.to_owned(),
                permanent: false,
                retry_after: None,
                vendor_text: None,
            },
        }
    }
}

impl From<domain::ParseError> for AttemptError {
    fn from(_: domain::ParseError) -> Self {
        Self::permanent("ORDER_UNREADABLE")
    }
}

impl From<WarehouseError> for AttemptError {
    fn from(error: WarehouseError) -> Self {
        Self {
            code: error.code().to_owned(),
            permanent: error.is_permanent(),
            retry_after: error.retry_after(),
            vendor_text: error.vendor_text(),
        }
    }
}

impl From<ShopifyError> for AttemptError {
    fn from(error: ShopifyError) -> Self {
        Self {
            code: error.code().to_owned(),
            permanent: error.is_permanent(),
            retry_after: error.retry_after(),
            vendor_text: error.vendor_text(),
        }
    }
}

impl From<EnsureError> for AttemptError {
    fn from(error: EnsureError) -> Self {
        Self {
            code: error.code().to_owned(),
            permanent: error.is_permanent(),
            retry_after: error.retry_after(),
            vendor_text: error.vendor_text(),
        }
    }
}
