//! From an inbox row to a started or signalled workflow.

use std::{sync::Arc, time::Duration};

use domain::{OrderId, ParkReason, ParseError};
use metrics::counter;
use orders::{
    OrdersError, attention,
    inbox::{self, FinalState, Message, Source, State},
};
use process::{
    settings::{Shared, Shops, System},
    temporal::{LazyTemporal, TemporalError},
};
use sqlx::PgPool;
use stock::{Stock, StockError};
use tracing::{info, warn};

/// The longest wait between two attempts at a message that cannot be done yet.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Why a message waits whose order's run is not there.
pub(crate) const NO_RUN: &str = "no run of the order's workflow is there";

/// Dispatches messages. Cheap to clone.
#[derive(Clone)]
pub struct Dispatcher {
    pub(crate) pool: PgPool,
    pub(crate) temporal: LazyTemporal,
    pub(crate) settings: Arc<Settings>,
}

pub(crate) struct Settings {
    pub(crate) shops: Shops,
    pub(crate) systems: Vec<System>,
    pub(crate) api_policy: domain::FulfilmentPolicy,
    pub(crate) promises: domain::Promises,
    pub(crate) stock: Stock,
}

/// What became of a message.
pub(crate) enum Outcome {
    /// It is settled.
    Settle { how: FinalState, reason: Option<&'static str>, order: Option<OrderId> },
    /// It cannot be read; the reason names the member.
    Unreadable(String),
    /// It cannot be done yet.
    Postpone { reason: &'static str, order: Option<OrderId>, wait: Duration },
}

impl Outcome {
    pub(crate) fn done(order: OrderId) -> Self {
        Self::Settle { how: FinalState::Done, reason: None, order: Some(order) }
    }

    /// It had its effect, and is about no one order.
    pub(crate) const DONE: Self = Self::Settle { how: FinalState::Done, reason: None, order: None };

    pub(crate) fn skipped(reason: &'static str, order: Option<OrderId>) -> Self {
        Self::Settle { how: FinalState::Skipped, reason: Some(reason), order }
    }

    /// Kept: a later version, or whoever looks later, acts on it.
    pub(crate) fn stored(reason: &'static str) -> Self {
        Self::Settle { how: FinalState::Stored, reason: Some(reason), order: None }
    }

    pub(crate) fn postponed(reason: &'static str, order: OrderId, wait: Duration) -> Self {
        Self::Postpone { reason, order: Some(order), wait }
    }

    /// The order's run is awaited, the longer the more often that was done.
    pub(crate) fn no_run_yet(message: &Message, order: OrderId) -> Self {
        Self::postponed(NO_RUN, order, Duration::from_secs(2 << message.attempts.clamp(0, 5)))
    }
}

/// What became of a message, or why it was not dispatched.
pub(crate) type Dispatched = Result<Outcome, DispatchError>;

/// Why a message was not dispatched; it stays in the inbox.
#[derive(Debug, thiserror::Error)]
pub enum DispatchError {
    /// Our records could not be read or written.
    #[error(transparent)]
    Orders(#[from] OrdersError),
    /// The database could not be asked.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// Temporal cannot be reached.
    #[error(transparent)]
    Unreachable(#[from] TemporalError),
    /// Temporal refused.
    #[error("Temporal refused: {0}")]
    Refused(String),
    /// The stock could not be asked.
    #[error(transparent)]
    Stock(#[from] StockError),
}

impl From<ParseError> for DispatchError {
    fn from(error: ParseError) -> Self {
        Self::Orders(error.into())
    }
}

impl DispatchError {
    /// Whether the content is to blame: PostgreSQL's classes 22 (data) and 23 (constraint), or a row
    /// this version cannot read. Trying again would fail the same way for ever.
    fn blames_the_content(&self) -> bool {
        match self {
            Self::Database(error) | Self::Orders(OrdersError::Database(error)) => error
                .as_database_error()
                .and_then(|error| error.code())
                .is_some_and(|code| code.starts_with("22") || (code.starts_with("23") && code != "23505")),
            Self::Orders(OrdersError::Unreadable(_)) => true,
            Self::Orders(_) | Self::Unreachable(_) | Self::Refused(_) | Self::Stock(_) => false,
        }
    }
}

impl Dispatcher {
    /// A dispatcher with the given settings.
    #[must_use]
    pub fn new(shared: &Shared, pool: PgPool, temporal: LazyTemporal, stock: Stock) -> Self {
        let settings = Settings {
            shops: shared.shops.clone(),
            systems: shared.systems.clone(),
            api_policy: shared.api_policy.clone(),
            promises: shared.promises.clone(),
            stock,
        };
        Self { pool, temporal, settings: Arc::new(settings) }
    }

    /// Reserves for orders that were taken while the inventory service was away.
    ///
    /// # Errors
    /// [`StockError`] of our own database.
    pub async fn allocate_awaiting(&self) -> Result<(), StockError> {
        self.settings.stock.allocate_awaiting(&self.settings.api_policy).await
    }

    /// Gives a message its effect and settles its row. What fails is logged and left to a sweeper.
    pub async fn dispatch(&self, message: Message) {
        let outcome = match self.take(&message).await {
            Ok(outcome) => outcome,
            Err(error) if error.blames_the_content() => {
                warn!(inbox.id = message.inbox_id, source = %message.source, %error, "message cannot be read");
                self.unreadable_update(&message, "the database refused its content")
                    .await
                    .unwrap_or_else(|_| Outcome::Unreadable("the database refused its content".to_owned()))
            }
            Err(error) => {
                warn!(inbox.id = message.inbox_id, source = %message.source, %error, "message left for later");
                let wait = Duration::from_secs(1 << message.attempts.clamp(0, 5)).min(LONGEST_WAIT);
                Outcome::Postpone { reason: "dispatch failed", order: None, wait }
            }
        };
        if let Err(error) = self.settle(&message, outcome).await {
            // The row keeps its lease and comes back by itself.
            warn!(inbox.id = message.inbox_id, %error, "message could not be settled");
        }
    }

    async fn take(&self, message: &Message) -> Dispatched {
        match message.source {
            Source::Shopify => self.shop_webhook(message).await,
            Source::Warehouse => self.warehouse_callback(message).await,
            Source::Api | Source::Inventory => self.command(message).await,
        }
    }

    /// A signed message that cannot be read, and of which it is not known whose it is: a person sees which
    /// member.
    pub(crate) async fn unreadable_update(&self, message: &Message, why: &str) -> Dispatched {
        let mut conn = self.pool.acquire().await?;
        let park_reason = ParkReason::new(ParkReason::UNREADABLE_ORDER);
        let words = format!("{why} ({})", message.topic);
        attention::show_message(&mut conn, message.inbox_id, &park_reason, &words).await?;
        Ok(Outcome::Unreadable(why.to_owned()))
    }

    pub(crate) async fn settle(&self, message: &Message, outcome: Outcome) -> Result<(), OrdersError> {
        let mut conn = self.pool.acquire().await?;
        let source = message.source;
        let state = match &outcome {
            Outcome::Settle { how, .. } => State::from(*how),
            Outcome::Unreadable(_) => State::Unreadable,
            Outcome::Postpone { .. } => State::Waiting,
        };
        counter!("waybill_inbox_total", "source" => source.as_str(), "state" => state.as_str()).increment(1);
        match outcome {
            Outcome::Settle { how, reason, order } => {
                if how == FinalState::Done && message.attempts > 0 {
                    attention::unshow_message(&mut conn, message.inbox_id).await?;
                }
                inbox::settle(&mut conn, message.inbox_id, how, reason, order.as_ref()).await
            }
            Outcome::Unreadable(reason) => {
                counter!("waybill_unreadable_total", "source" => source.as_str()).increment(1);
                info!(inbox.id = message.inbox_id, source = %message.source, %reason, "message is unreadable");
                inbox::settle(&mut conn, message.inbox_id, FinalState::Unreadable, Some(&reason), None).await
            }
            Outcome::Postpone { reason, order, wait } => {
                inbox::postpone(&mut conn, message.inbox_id, reason, order.as_ref(), wait).await
            }
        }
    }
}
