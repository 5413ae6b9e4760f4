//! One message, one transaction: that it came, and its effect.

use std::{sync::Arc, time::Instant};

use calls::{Breaker, BreakerSettings};
use database::retried;
use outbox::incoming::{self, Kept};
use sqlx::{Connection, PgConnection, PgPool};
use tracing::{info, warn};

use crate::{
    effects::{By, EffectError, act, shortage_of, show},
    message::{EventItem, Kind, Message, OrderEvent, Read, Said},
    order_service::{Asked, OrderService},
    settings::Consuming,
};

/// Something of ours is away, so that nothing can come of a message now.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Trouble(pub(crate) String);

/// Acts on messages. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Handler {
    pool: PgPool,
    source: String,
    shared_allocations: bool,
    stock_is_elsewhere: bool,
    order_service: Option<OrderService>,
    breaker: Arc<Breaker>,
}

impl Handler {
    pub(crate) fn new(pool: PgPool, consuming: &Consuming, breaker: BreakerSettings) -> anyhow::Result<Self> {
        // Where nothing is held here, nobody has to be asked what for.
        let order_service = consuming.order_service.clone().filter(|_| !consuming.stock_is_elsewhere);
        let order_service = order_service.map(OrderService::new).transpose()?;
        Ok(Self {
            pool,
            source: consuming.source.clone(),
            shared_allocations: consuming.shared_allocations,
            stock_is_elsewhere: consuming.stock_is_elsewhere,
            order_service,
            breaker: Arc::new(Breaker::new("order events", breaker)),
        })
    }

    /// Whether a message may be tried now: after some failures in a row only one may, now and then.
    pub(crate) fn may_try(&self) -> bool {
        self.breaker.allows(Instant::now())
    }

    /// Handles a message. Once it returns, the message may be acknowledged.
    ///
    /// # Errors
    /// [`Trouble`]: it is to be handled again.
    pub(crate) async fn handle(&self, message: Message) -> Result<(), Trouble> {
        let read = message.read();
        // An inventory system may be an installation of the same name; here nothing is said of stock.
        if !self.stock_is_elsewhere && read.is_from(&self.source) {
            return Ok(());
        }
        let handled = async {
            let found = self.found_out(&read).await?;
            retried(met_another, || self.attempt(&read, &found)).await
        };
        self.tell_breaker(handled.await)
    }

    /// Keeps a message as dead that its broker gave up.
    ///
    /// # Errors
    /// [`Trouble`]: it is to be kept again.
    pub(crate) async fn bury(&self, message: Message, why: &str) -> Result<(), Trouble> {
        let read = message.read();
        let handled = retried(met_another, async || {
            let mut tx = self.pool.begin().await?;
            if let Kept::New(id) = incoming::keep(&mut tx, &read.incoming).await? {
                incoming::die(&mut tx, id, &read.incoming, why).await?;
            }
            Ok(tx.commit().await?)
        });
        self.tell_breaker(handled.await)
    }

    /// Handles the oldest event that a person wants tried again. False if there is none.
    ///
    /// # Errors
    /// [`Trouble`]: it is to be handled again.
    pub(crate) async fn handle_one_again(&self) -> Result<bool, Trouble> {
        let handled = async {
            let Some((seen, kept)) = incoming::first_again(&mut *self.pool.acquire().await?).await? else {
                return Ok(false);
            };
            let read = Read::again(kept);
            let found = self.found_out(&read).await?;
            retried(met_another, async || {
                let mut tx = self.pool.begin().await?;
                match incoming::take_again(&mut tx, &read.incoming).await? {
                    Some(id) if id == seen => self.settle(&mut tx, id, &read, &found).await?,
                    // Another process was faster.
                    _ => return Ok(false),
                }
                tx.commit().await?;
                Ok(true)
            })
            .await
        };
        self.tell_breaker(handled.await)
    }

    /// The cheap check: whether what messages need is there.
    pub(crate) async fn check(&self) -> Result<(), Trouble> {
        let asked = sqlx::query("SELECT 1").execute(&self.pool).await;
        asked.map_err(|error| Trouble(error.to_string()))?;
        match &self.order_service {
            Some(service) => service.check().await,
            None => Ok(()),
        }
    }

    fn tell_breaker<T>(&self, handled: Result<T, EffectError>) -> Result<T, Trouble> {
        match &handled {
            Ok(_) => self.breaker.succeeded(),
            Err(_) => self.breaker.failed(Instant::now()),
        }
        handled.map_err(|error| Trouble(error.to_string()))
    }

    async fn attempt(&self, read: &Read, found: &Found) -> Result<(), EffectError> {
        let mut tx = self.pool.begin().await?;
        if let Kept::New(id) = incoming::keep(&mut tx, &read.incoming).await? {
            self.settle(&mut tx, id, read, found).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Whatever came of it is kept with it.
    async fn settle(
        &self,
        conn: &mut PgConnection,
        id: i64,
        read: &Read,
        found: &Found,
    ) -> Result<(), EffectError> {
        let event = &read.incoming;
        let outcome = match &read.event {
            Ok(Said::OfOrder(said)) if !self.stock_is_elsewhere => self.effect(conn, read, said, found).await,
            Ok(Said::OfStock(said)) if self.stock_is_elsewhere => {
                in_savepoint(conn, async |inside| show(inside, said).await).await
            }
            Ok(_) => Err(EffectError::Refused(not_consumed(&event.event_type, self.stock_is_elsewhere))),
            Err(why) => Err(EffectError::Refused(why.clone())),
        };
        match outcome {
            Ok(outcome) => {
                info!(event.r#type = event.event_type, outcome, "an event of another system was handled");
                Ok(incoming::done(conn, id, outcome).await?)
            }
            Err(EffectError::Refused(why)) => {
                warn!(event.r#type = event.event_type, why, "nothing could come of an event");
                Ok(incoming::die(conn, id, event, &why).await?)
            }
            Err(EffectError::Short(refusal)) => {
                if let (Some((short, warehouse)), Ok(Said::OfOrder(said))) =
                    (shortage_of(&refusal), &read.event)
                {
                    let (order, asked) = (&said.order_id, Some(warehouse));
                    inventory::announce_shortage(conn, order, asked, &[short], order.as_str()).await?;
                }
                Ok(incoming::done(conn, id, "SHORT").await?)
            }
            Err(trouble) => Err(trouble),
        }
    }

    async fn effect(
        &self,
        conn: &mut PgConnection,
        read: &Read,
        event: &OrderEvent,
        found: &Found,
    ) -> Result<&'static str, EffectError> {
        let items = match found {
            Found::Items(items) => items,
            Found::Settled(outcome) => return Ok(outcome),
            Found::Wrong(why) => return Err(EffectError::Refused(why.clone())),
        };
        let subject =
            if self.shared_allocations { inventory::EVERYBODY } else { read.incoming.source.as_str() };
        let by = By { incoming: &read.incoming, subject };
        in_savepoint(conn, async |inside| act(inside, &by, event, items).await).await
    }

    /// What stock is to be held for: as the orders' own system says, if there is one. It is asked with no transaction
    /// open.
    async fn found_out(&self, read: &Read) -> Result<Found, EffectError> {
        let Ok(Said::OfOrder(event)) = &read.event else { return Ok(Found::Items(Vec::new())) };
        let asks = event.kind == Kind::Created && event.pre_allocates;
        let Some(service) = self.order_service.as_ref().filter(|_| asks) else {
            return Ok(Found::Items(event.items.clone()));
        };
        match service.ask(&event.order_id).await {
            Ok(Asked::Open(items)) => Ok(Found::Items(items)),
            Ok(Asked::Cancelled) => Ok(Found::Settled("CANCELLED_BEFORE")),
            Ok(Asked::NotFound) => {
                Ok(Found::Wrong("ORDER_NOT_FOUND: the order service has no such order".to_owned()))
            }
            Err(EffectError::Refused(why)) => Ok(Found::Wrong(why)),
            Err(away) => Err(away),
        }
    }
}

/// What is refused leaves nothing but its row.
async fn in_savepoint(
    conn: &mut PgConnection,
    effect: impl AsyncFnOnce(&mut PgConnection) -> Result<&'static str, EffectError>,
) -> Result<&'static str, EffectError> {
    let mut inside = conn.begin().await?;
    match effect(&mut inside).await {
        Ok(outcome) => {
            inside.commit().await?;
            Ok(outcome)
        }
        Err(EffectError::Database(error)) if database::is_transient(&error) => Err(error.into()),
        // It would be refused for ever, and everything behind it with it.
        Err(EffectError::Database(error)) => {
            warn!(%error, "an event cannot be written as it is");
            inside.rollback().await?;
            Err(EffectError::Refused("INTERNAL: it cannot be written as it is".to_owned()))
        }
        Err(refused) => {
            inside.rollback().await?;
            Err(refused)
        }
    }
}

/// What is said of an event that others act on, but not who keeps its stock here or elsewhere.
fn not_consumed(event_type: &str, stock_is_elsewhere: bool) -> String {
    let place = if stock_is_elsewhere { "elsewhere" } else { "here" };
    format!("NOT_CONSUMED: eventType {event_type} while stock is kept {place}")
}

/// What is known of an event's order before its transaction begins.
enum Found {
    /// What stock is to be held for.
    Items(Vec<EventItem>),
    /// Nothing is to be held, and why.
    Settled(&'static str),
    /// A person has to decide.
    Wrong(String),
}

fn met_another(error: &EffectError) -> bool {
    matches!(error, EffectError::Database(error) if database::met_another_transaction(error))
}
