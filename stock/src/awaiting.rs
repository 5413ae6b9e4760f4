//! Reserves for the orders that were taken while the inventory service was away: one after the other, as they came.
//!
//! **Invariant:** an order's turn comes when nobody waits for the same before it. Several processes may do this side by side: each goes on to the next order only when the one before it is
//! settled, by whichever of them.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::Utc;
use domain::{
    Actor, Condition, FulfilmentPolicy, HeldBy, OrderId, ParkReason, Quantity, ShortAfterAwayRule, Sku,
    StockOutRule,
};
use inventory::{DemandLine, ReserveMode};
use orders::{
    Order, OrdersError, attention, awaiting,
    command::{self, Command},
    events,
    progress::{self, Waiting},
    record,
};
use parking_lot::Mutex;
use tokio::time::sleep;
use tracing::{info, warn};

use crate::{
    PlacedOutcome, Stock, StockError, StockTransaction,
    placed::{PROVISIONAL_FOR, request},
    warehouses_of,
};

/// Orders looked up at once.
const BATCH: i64 = 100;
/// Why the message of an order says that its stock is there: its reservation may be provisional then.
pub const AWAITED: &str = "awaited";
/// How often an order is tried for which alone the service does not answer, and the pause between two attempts.
const ATTEMPTS: u32 = 2;
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(1);
/// For how long others are served before such an order is tried again.
const SET_ASIDE_FOR: Duration = Duration::from_secs(30);

/// Orders for which the service did not answer while it did otherwise, and when.
#[derive(Debug, Clone, Default)]
pub(crate) struct SetAside(Arc<Mutex<HashMap<OrderId, Instant>>>);

impl SetAside {
    fn now(&self) -> Vec<OrderId> {
        let mut orders = self.0.lock();
        orders.retain(|_, since| since.elapsed() < SET_ASIDE_FOR);
        orders.keys().cloned().collect()
    }

    fn add(&self, order: OrderId) {
        self.0.lock().insert(order, Instant::now());
    }
}

impl Stock {
    /// Reserves for whoever waits, until nobody does or the service is away.
    ///
    /// # Errors
    /// [`StockError`]: whoever waits is to be tried again.
    pub async fn allocate_awaiting(&self, policy: &FulfilmentPolicy) -> Result<(), StockError> {
        loop {
            let set_aside = self.set_aside.now();
            let waiting = awaiting::first(&mut *self.pool.acquire().await?, &set_aside, BATCH).await?;
            if waiting.is_empty() || self.service_answers().await.is_err() {
                return Ok(());
            }
            for order_id in waiting {
                match self.take_turn(&order_id, policy).await? {
                    Turn::Settled => {}
                    Turn::NotAnswered => {
                        self.set_aside(order_id).await?;
                        break;
                    }
                    Turn::Away => return Ok(()),
                }
            }
        }
    }

    async fn take_turn(&self, order_id: &OrderId, policy: &FulfilmentPolicy) -> Result<Turn, StockError> {
        for _ in 0..ATTEMPTS {
            match self.transaction(async |tx| allocate(tx, order_id, policy).await).await {
                Ok(()) => return Ok(Turn::Settled),
                Err(StockError::Unavailable(why)) => {
                    if self.is_left_alone() || self.service_answers().await.is_err() {
                        return Ok(Turn::Away);
                    }
                    warn!(order.id = %order_id, why, "an order still awaits its allocation");
                    sleep(BETWEEN_ATTEMPTS).await;
                }
                Err(error) if error.is_passing() => return Err(error),
                Err(
                    error @ (StockError::Refused { .. } | StockError::Orders(OrdersError::Unreadable(_))),
                ) => {
                    warn!(order.id = %order_id, %error, "an order cannot be allocated as it is; its run finds why");
                    self.leave_to_its_run(order_id).await?;
                    return Ok(Turn::Settled);
                }
                Err(error) => {
                    warn!(order.id = %order_id, %error, "an order still awaits its allocation");
                    break;
                }
            }
        }
        Ok(Turn::NotAnswered)
    }

    /// Others, who wait for something else, are served first for a while; and a person sees it.
    async fn set_aside(&self, order_id: OrderId) -> Result<(), StockError> {
        let reason = ParkReason::new(ParkReason::ALLOCATION_UNANSWERED);
        let detail =
            "the inventory service answers, but not for this order; it is tried again each half minute";
        let mut tx = self.pool.begin().await?;
        attention::show(&mut tx, &order_id, &reason, detail).await?;
        tx.commit().await?;
        self.set_aside.add(order_id);
        Ok(())
    }

    /// The order's run finds the same, and asks a person.
    async fn leave_to_its_run(&self, order_id: &OrderId) -> Result<(), StockError> {
        let mut tx = self.pool.begin().await?;
        if record::lock(&mut tx, order_id).await?.awaits_allocation {
            awaiting::end(&mut tx, order_id).await?;
            attention::unshow(&mut tx, order_id, &ParkReason::new(ParkReason::ALLOCATION_UNANSWERED)).await?;
            let told = Command::StockAvailable { cause: AWAITED.to_owned() };
            command::keep(&mut tx, order_id, &told, Duration::ZERO).await?;
        }
        Ok(tx.commit().await?)
    }
}

/// What became of an order's turn.
enum Turn {
    /// It waits no more.
    Settled,
    /// The service answers otherwise.
    NotAnswered,
    /// The service is away.
    Away,
}

/// Reserves for one order, and has its run hear of it.
async fn allocate(
    mut tx: StockTransaction<'_>,
    order_id: &OrderId,
    policy: &FulfilmentPolicy,
) -> Result<(), StockError> {
    let order = record::lock(&mut tx, order_id).await?;
    if !order.awaits_allocation {
        return Ok(()); // somebody else was faster, or it was cancelled
    }
    let lines = demand(&order)?;
    let foreign = tx.describe(&order, &lines).await?;
    let outcome = tx.reserve_placed(order_id, &lines, &order.correlation_id).await?;
    awaiting::end(&mut tx, order_id).await?;
    let mut told = Command::StockAvailable { cause: AWAITED.to_owned() };
    match outcome {
        PlacedOutcome::Held(reservation) => {
            let is_held = is_held(&order);
            progress::note_reserved(&mut tx, order, is_held, &warehouses_of(&reservation)).await?;
        }
        // A moment ago, by another process or by one that ended before it was written down here.
        PlacedOutcome::Queued(_) => note_queued(&mut tx, &order).await?,
        PlacedOutcome::Short { .. } if policy.when_short_after_away == ShortAfterAwayRule::Cancel => {
            let reason = Some(ParkReason::OUT_OF_STOCK.to_owned());
            told = Command::Cancel { actor: Actor::Policy, reason, customers_words: None };
        }
        PlacedOutcome::Short { epoch, .. } => {
            queue(&mut tx, &order, epoch, &lines, policy.stock_out).await?;
        }
        // Its run finds the same, and asks a person.
        PlacedOutcome::UnknownSku(_) => {}
    }
    show_foreign_prices(&mut tx, order_id, &foreign).await?;
    attention::unshow(&mut tx, order_id, &ParkReason::new(ParkReason::ALLOCATION_UNANSWERED)).await?;
    command::keep(&mut tx, order_id, &told, Duration::ZERO).await?;
    tx.commit().await?;
    info!(order.id = %order_id, "an order that was taken while the inventory service was away had its turn");
    Ok(())
}

fn is_held(order: &Order) -> bool {
    order.hold_until.is_some_and(|until| until > Utc::now())
}

fn demand(order: &Order) -> Result<Vec<DemandLine>, StockError> {
    let unreadable = |error: domain::ParseError| StockError::Orders(error.into());
    let lines = order.facts.lines.iter();
    lines
        .map(|line| {
            Ok(DemandLine {
                line_id: line.line_id.clone(),
                sku: Sku::parse(line.sku.as_deref().unwrap_or_default()).map_err(unreadable)?,
                quantity: Quantity::new(i64::from(line.quantity)).map_err(unreadable)?,
            })
        })
        .collect()
}

impl StockTransaction<'_> {
    /// Gives the lines of an order the names and prices of their items, where nobody said others and they were not known
    /// yet. What is priced in another currency than the order is for a person to see.
    ///
    /// # Errors
    /// [`StockError`].
    pub async fn describe_lines(&mut self, order: &Order) -> Result<(), StockError> {
        let foreign = self.describe(order, &demand(order)?).await?;
        show_foreign_prices(self, &order.order_id, &foreign).await
    }

    /// The SKUs that have a price, but in another currency.
    async fn describe(&mut self, order: &Order, lines: &[DemandLine]) -> Result<Vec<Sku>, StockError> {
        let mut skus: Vec<Sku> = lines.iter().map(|line| line.sku.clone()).collect();
        skus.sort();
        skus.dedup();
        let items = self.items(skus, &order.correlation_id).await?;
        let unpriced = awaiting::unpriced(self, &order.order_id).await?;
        let (mut unknown, mut foreign) = (Vec::new(), Vec::new());
        for DemandLine { line_id, sku, .. } in lines {
            let is_unpriced = unpriced.contains(line_id);
            let Some(item) = items.get(sku) else {
                unknown.extend(is_unpriced.then(|| line_id.clone()));
                continue;
            };
            let price = item.unit_price.as_ref().filter(|_| is_unpriced);
            let known = price.filter(|price| price.currency().as_str() == order.facts.currency);
            foreign.extend((price.is_some() && known.is_none()).then(|| sku.clone()));
            let price = known.map(|price| price.amount());
            awaiting::describe_line(self, &order.order_id, line_id, &item.name, price).await?;
        }
        awaiting::set_unpriced(self, &order.order_id, &unknown).await?;
        Ok(foreign)
    }
}

async fn show_foreign_prices(
    tx: &mut StockTransaction<'_>,
    order_id: &OrderId,
    skus: &[Sku],
) -> Result<(), StockError> {
    if skus.is_empty() {
        return Ok(());
    }
    let skus: Vec<&str> = skus.iter().map(|sku| sku.as_str()).collect();
    let detail = format!("priced in another currency than the order, and kept as 0: {}", skus.join(", "));
    Ok(attention::show(tx, order_id, &ParkReason::new(ParkReason::PRICE_UNKNOWN), &detail).await?)
}

/// Has an order that is short hold what is there and wait for the rest, in its turn. By the rule that does not wait, its
/// run asks a person.
async fn queue(
    tx: &mut StockTransaction<'_>,
    order: &Order,
    epoch: u32,
    lines: &[DemandLine],
    rule: StockOutRule,
) -> Result<(), StockError> {
    let mode = match rule {
        StockOutRule::WaitWhole => ReserveMode::WaitForTheRest,
        StockOutRule::ShipWhatIsThere => ReserveMode::ShipWhatIsThere,
        StockOutRule::Park => return Ok(()),
    };
    let request = request(&order.order_id, epoch, lines, mode);
    let _queued = tx.reserve_provisionally(request, PROVISIONAL_FOR, &order.correlation_id).await?;
    note_queued(tx, order).await
}

async fn note_queued(tx: &mut StockTransaction<'_>, order: &Order) -> Result<(), StockError> {
    let waiting = match is_held(order) {
        true => Waiting { condition: Condition::OnHold, reason: None, held_by: Some(HeldBy::Window) },
        false => Waiting { condition: Condition::Backordered, reason: None, held_by: None },
    };
    progress::set_condition(tx, &order.order_id, waiting).await?;
    Ok(events::announce_placed(tx, &order.order_id).await?)
}
