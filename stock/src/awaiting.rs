//! Reserves for the orders that were taken while the inventory service was away: one after the other, as they came.
//!
//! **Invariant:** an order's turn comes when nobody waits before it, or whoever does could not be served for a reason of
//! its own. Several processes may do this side by side: each goes on to the next order only when the one before it is
//! settled, by whichever of them.

use std::collections::BTreeMap;

use chrono::Utc;
use domain::{
    Actor, Condition, FulfilmentPolicy, HeldBy, LineId, OrderId, ParkReason, Quantity, ShortAfterAwayRule,
    Sku, Step, StockOutRule,
};
use inventory::{DemandLine, Item, ReserveMode};
use orders::{
    Order, attention, awaiting,
    command::{self, Command},
    events,
    progress::{self, Waiting},
    record,
};
use std::time::Duration;
use tracing::{info, warn};

use crate::{
    PlacedOutcome, Stock, StockError, StockTransaction,
    placed::{PROVISIONAL_FOR, request},
    warehouses_of,
};

/// Orders looked up at once.
const BATCH: i64 = 100;
/// What served them, for their messages.
const CAUSE: &str = "awaited";

impl Stock {
    /// Reserves for whoever waits, until nobody does or the service is away.
    ///
    /// # Errors
    /// [`StockError`] of our own database.
    pub async fn allocate_awaiting(&self, policy: &FulfilmentPolicy) -> Result<(), StockError> {
        let mut left = Vec::new();
        loop {
            let waiting = awaiting::first(&mut *self.pool.acquire().await?, &left, BATCH).await?;
            if waiting.is_empty() || self.service_answers().await.is_err() {
                return Ok(());
            }
            for order_id in waiting {
                match self.transaction(async |tx| allocate(tx, &order_id, policy).await).await {
                    Ok(()) => {}
                    Err(StockError::Unavailable(_)) => return Ok(()),
                    Err(error) => {
                        warn!(order.id = %order_id, %error, "an order still awaits its allocation");
                        left.push(order_id);
                    }
                }
            }
        }
    }
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
    let items = items_of(&mut tx, &lines, &order.correlation_id).await?;
    describe(&mut tx, &order, &lines, &items).await?;
    let outcome = tx.reserve_placed(order_id, &lines, &order.correlation_id).await?;
    awaiting::end(&mut tx, order_id).await?;
    let mut told = Command::StockAvailable { cause: CAUSE.to_owned() };
    match outcome {
        PlacedOutcome::Held(reservation) => {
            let is_held = is_held(&order);
            progress::note_reserved(&mut tx, order, is_held, &warehouses_of(&reservation)).await?;
        }
        PlacedOutcome::Short(_) if policy.when_short_after_away == ShortAfterAwayRule::Cancel => {
            let reason = Some(ParkReason::OUT_OF_STOCK.to_owned());
            told = Command::Cancel { actor: Actor::Policy, reason, customers_words: None };
        }
        PlacedOutcome::Short(_) => queue(&mut tx, &order, &lines, policy.stock_out).await?,
        // Its run finds the same, and asks a person.
        PlacedOutcome::UnknownSku(_) => {}
    }
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

async fn items_of(
    tx: &mut StockTransaction<'_>,
    lines: &[DemandLine],
    correlation_id: &str,
) -> Result<BTreeMap<Sku, Item>, StockError> {
    let mut skus: Vec<Sku> = lines.iter().map(|line| line.sku.clone()).collect();
    skus.sort();
    skus.dedup();
    tx.items(skus, correlation_id).await
}

/// Gives the lines the names and prices of their items, where nobody said others. A price in another currency than the
/// order's is for a person to see.
async fn describe(
    tx: &mut StockTransaction<'_>,
    order: &Order,
    lines: &[DemandLine],
    items: &BTreeMap<Sku, Item>,
) -> Result<(), StockError> {
    let unpriced = awaiting::unpriced(tx, &order.order_id).await?;
    let has_price = |line_id: &LineId| !unpriced.contains(line_id);
    let mut is_unknown = false;
    for line in lines {
        let Some(item) = items.get(&line.sku) else { continue };
        let in_currency = item.unit_price.as_ref().filter(|p| p.currency().as_str() == order.facts.currency);
        is_unknown |= !has_price(&line.line_id) && item.unit_price.is_some() && in_currency.is_none();
        let price = in_currency.filter(|_| !has_price(&line.line_id)).map(|price| price.amount());
        awaiting::describe_line(tx, &order.order_id, &line.line_id, &item.name, price).await?;
    }
    if is_unknown {
        let reason = ParkReason::new(ParkReason::PRICE_UNKNOWN);
        attention::park_once(tx, &order.order_id, Step::Reserve, &reason).await?;
    }
    Ok(())
}

/// Has an order that is short hold what is there and wait for the rest, in its turn. By the rule that does not wait, its
/// run asks a person.
async fn queue(
    tx: &mut StockTransaction<'_>,
    order: &Order,
    lines: &[DemandLine],
    rule: StockOutRule,
) -> Result<(), StockError> {
    let Order { order_id, correlation_id, .. } = order;
    let mode = match rule {
        StockOutRule::WaitWhole => ReserveMode::WaitForTheRest,
        StockOutRule::ShipWhatIsThere => ReserveMode::ShipWhatIsThere,
        StockOutRule::Park => return Ok(()),
    };
    let epoch = record::lock(tx, order_id).await?.epoch;
    let request = request(order_id, epoch, lines, mode);
    let _queued = tx.reserve_provisionally(request, PROVISIONAL_FOR, correlation_id).await?;
    let waiting = match is_held(order) {
        true => Waiting { condition: Condition::OnHold, reason: None, held_by: Some(HeldBy::Window) },
        false => Waiting { condition: Condition::Backordered, reason: None, held_by: None },
    };
    progress::set_condition(tx, order_id, waiting).await?;
    Ok(events::announce_placed(tx, order_id).await?)
}
