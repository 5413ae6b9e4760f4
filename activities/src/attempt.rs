//! One attempt at a step: its failure is translated here, once, and logged and counted here, once.

use std::{future::Future, time::Duration};

use calls::CallFailure;
use domain::{Downstream, OrderId, Step, Verdict};
use inventory::InventoryError;
use metrics::{counter, histogram};
use orders::{OrdersError, attention};
use shopify::admin::{EnsureError, ShopifyError};
use sqlx::PgPool;
use stock::{StepError, StockError};
use temporalio_common::error::ApplicationFailure;
use temporalio_sdk::activities::ActivityError;
use tokio::time::Instant;
use tracing::warn;
use warehouse::client::WarehouseError;

/// Why an attempt failed.
#[derive(Debug)]
pub(crate) struct AttemptError {
    /// A short stable code; it stands in histories.
    code: String,
    /// What it says of the next attempt; it goes with the failure.
    verdict: Verdict,
    /// The vendor's own words; they go to `orders.attention` alone.
    vendor_text: Option<String>,
    /// Whether there is no next attempt, whatever the verdict says of it.
    is_final: bool,
}

impl AttemptError {
    pub(crate) fn new(code: &str, verdict: Verdict) -> Self {
        Self { code: code.to_owned(), verdict, vendor_text: None, is_final: false }
    }

    /// A failure of our own making that no repetition mends.
    pub(crate) fn permanent(code: &str) -> Self {
        Self::new(code, Verdict::Permanent)
    }

    /// A failure that the next attempt may not meet.
    pub(crate) fn transient(code: &str) -> Self {
        Self::new(code, Verdict::TryAgain)
    }

    /// Trouble with our own database.
    pub(crate) fn database() -> Self {
        Self::new("DATABASE", Verdict::Away { downstream: Downstream::Database })
    }

    fn of(failure: &impl CallFailure) -> Self {
        Self { vendor_text: failure.vendor_text(), ..Self::new(failure.code(), failure.verdict()) }
    }

    /// The code.
    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    /// What it says of the next attempt.
    pub(crate) fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// The vendor's own words, else the code.
    pub(crate) fn words(&self) -> &str {
        self.vendor_text.as_deref().unwrap_or(&self.code)
    }

    /// The same, and there is no next attempt.
    pub(crate) fn finally(self) -> Self {
        Self { is_final: true, ..self }
    }

    pub(crate) fn into_activity_error(self) -> ActivityError {
        let next_retry_delay = match self.verdict {
            Verdict::ComeBack { after_ms } => Some(Duration::from_millis(after_ms)),
            Verdict::Permanent | Verdict::TryAgain | Verdict::Away { .. } | Verdict::TokenRefused { .. } => {
                None
            }
        };
        ActivityError::application(
            ApplicationFailure::builder(anyhow::anyhow!(self.code.clone()))
                .type_name(self.code)
                .non_retryable(self.is_final || self.verdict.is_permanent())
                .maybe_next_retry_delay(next_retry_delay)
                .details(self.verdict)
                .build(),
        )
    }
}

/// What an attempt is at.
#[derive(Debug, Clone, Copy, derive_more::From)]
pub(crate) enum Work {
    /// A step of the story.
    #[from]
    Step(Step),
    /// Something that is read or written down between steps, under this name in metrics and logs.
    Note(&'static str),
}

impl Work {
    fn name(self) -> &'static str {
        match self {
            Self::Step(step) => step.as_str(),
            Self::Note(name) => name,
        }
    }
}

/// Makes one attempt at a step in our own database.
pub(crate) async fn attempt<T, Attempt>(
    pool: &PgPool,
    work: impl Into<Work>,
    order: &OrderId,
    body: impl Fn() -> Attempt,
) -> Result<T, ActivityError>
where
    Attempt: Future<Output = Result<T, AttemptError>>,
{
    tried(pool, work.into(), order, body).await.map_err(AttemptError::into_activity_error)
}

/// Makes one attempt: does the step, and on failure keeps the vendor's words, logs and counts.
pub(crate) async fn tried<T, Attempt>(
    pool: &PgPool,
    work: Work,
    order: &OrderId,
    body: impl Fn() -> Attempt,
) -> Result<T, AttemptError>
where
    Attempt: Future<Output = Result<T, AttemptError>>,
{
    let begun = Instant::now();
    #[cfg(feature = "faults")]
    let result = match work {
        Work::Step(step) => crate::faults::around(pool, step, order, body).await,
        // What is written down between steps fails as the gate does.
        Work::Note(_) => crate::faults::around(pool, Step::Gate, order, body).await,
    };
    #[cfg(not(feature = "faults"))]
    let result = body().await;
    histogram!("waybill_step_seconds", "step" => work.name()).record(begun.elapsed().as_secs_f64());
    let failure = match result {
        Ok(output) => return Ok(output),
        Err(failure) => failure,
    };
    counter!("waybill_step_failures_total", "step" => work.name(), "code" => failure.code.clone())
        .increment(1);
    warn!(order.id = %order, step = work.name(), code = %failure.code, verdict = ?failure.verdict, "an attempt at a step failed");
    if let (Work::Step(step), Some(vendor_text)) = (work, &failure.vendor_text) {
        keep_complaint(pool, step, order, &failure.code, vendor_text).await;
    }
    Err(failure)
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

impl StepError for AttemptError {
    /// The next attempt is Temporal's.
    fn met_another_transaction(&self) -> bool {
        false
    }
}

impl From<StockError> for AttemptError {
    fn from(error: StockError) -> Self {
        match error {
            StockError::Inventory(error) => error.into(),
            StockError::Orders(error) => error.into(),
            StockError::Refused { reason } if reason == "MORE_THAN_ALLOCATED" => Self::permanent(&reason),
            StockError::Refused { .. } => Self::permanent("STOCK_REFUSED"),
            StockError::Unavailable(_) | StockError::ToBeAsked => {
                Self::new("INVENTORY_UNAVAILABLE", Verdict::Away { downstream: Downstream::Inventory })
            }
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
        Self::of(&error)
    }
}

impl From<ShopifyError> for AttemptError {
    fn from(error: ShopifyError) -> Self {
        Self::of(&error)
    }
}

impl From<EnsureError> for AttemptError {
    fn from(error: EnsureError) -> Self {
        Self::of(&error)
    }
}
