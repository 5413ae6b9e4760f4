//! What a person counted: booked to what was found. Where that is less than is held, the youngest orders that have not
//! handed theirs over wait again; where it is less than was handed over, a person is offered to recall.
//!
//! **Invariant:** orders are locked before stock, as by whoever plans one. Which orders are concerned is therefore looked
//! for twice: to know which to lock, and again once nothing moves any more.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use domain::{OrderId, ParkReason, RequestReference, Sku, WarehouseId};
use inventory::{HeldLine, KeptCount, PlaceFigures, TakenBack};
use orders::{
    Order, attention,
    command::{self, Command},
    fulfilment_request::counted::{self, Recallable},
    inbox::Message,
    progress, record,
    timeline::{self, TimelineEvent},
};
use sqlx::{Connection as _, PgConnection};

use crate::{StockError, StockTransaction};

/// Lines looked at in one go.
pub(crate) const LINES_AT_ONCE: i64 = 200;
/// How often is looked for the orders concerned while others come and go. What is not known by then is left to them, and
/// shows as missing.
const MOST_LOOKS: usize = 5;
/// What the movement says of pieces that were recalled for a count.
const RECALLED: &str = "recalled, as a count had not found it";

/// A count of a SKU in a warehouse.
#[derive(Debug, Clone, Copy)]
pub struct Count<'a> {
    /// What was counted.
    pub sku: &'a Sku,
    /// Where.
    pub warehouse: &'a WarehouseId,
    /// Pieces that were found.
    pub found: u64,
    /// The caller's own id of it: the same counts once.
    pub request_id: &'a str,
    /// Who counted: a name.
    pub by: &'a str,
    /// Their words.
    pub reason: &'a str,
}

impl Count<'_> {
    fn place(&self) -> String {
        format!("{} in {}", self.sku, self.warehouse)
    }

    fn is_as(&self, kept: &KeptCount) -> bool {
        (self.warehouse, self.found, self.reason) == (&kept.warehouse, kept.counted, kept.reason.as_str())
    }
}

/// What became of a count.
#[derive(Debug)]
pub enum CountOutcome {
    /// It is booked; the messages are for whoever lost or got pieces by it.
    Booked(KeptCount, Vec<Message>),
    /// The same request was booked before; nothing was changed.
    Again(KeptCount),
    /// Its id stands for another count; nothing was changed.
    Another,
}

/// Who loses pieces by a count, and what may be recalled.
#[derive(Debug, Default, PartialEq, Eq)]
struct Concerned {
    taken_back: Vec<TakenBack>,
    /// Hand-overs to be offered, the newest first.
    offers: Vec<Recallable>,
    /// Pieces that cannot be taken from anybody.
    missing: u64,
    /// What was offered and need not be recalled any more.
    at_peace: Vec<RequestReference>,
    /// Their orders; true where nothing is offered of it besides.
    at_peace_of: BTreeMap<OrderId, bool>,
}

impl Concerned {
    fn orders(&self) -> BTreeSet<OrderId> {
        let taken_back = self.taken_back.iter().map(|taken| &taken.from.order_id);
        let offers = self.offers.iter().map(|offer| &offer.order_id);
        taken_back.chain(offers).chain(self.at_peace_of.keys()).cloned().collect()
    }

    /// Without what is not locked.
    fn keep_those_of(&mut self, locked: &BTreeSet<OrderId>) {
        self.taken_back.retain(|taken| locked.contains(&taken.from.order_id));
        self.offers.retain(|offer| locked.contains(&offer.order_id));
        if !self.at_peace_of.keys().all(|order| locked.contains(order)) {
            // They stay offered until the next count.
            self.at_peace.clear();
            self.at_peace_of.clear();
        }
    }
}

/// Books a count in the caller's transaction, with the messages for those whose stock it changed, which may be swept
/// after `sweep_after`. For stock that is in this database.
///
/// # Errors
/// [`StockError`]: an item or a warehouse that is not known among them.
pub async fn count(
    conn: &mut PgConnection,
    count: &Count<'_>,
    sweep_after: Duration,
    correlation_id: &str,
) -> Result<CountOutcome, StockError> {
    let mut locked = BTreeSet::new();
    for look in 1..=MOST_LOOKS {
        // What is locked in vain is let go with it.
        let mut part = conn.begin().await?;
        let seen = inventory::place(&mut part, count.sku, count.warehouse).await?;
        locked.extend(concerned(&mut part, count, seen).await?.orders());
        for order in &locked {
            record::lock(&mut part, order).await?;
        }
        let figures = inventory::lock_place(&mut part, count.sku, count.warehouse).await?;
        if let Some(kept) = inventory::counted_before(&mut part, count.sku, count.request_id).await? {
            return Ok(if count.is_as(&kept) { CountOutcome::Again(kept) } else { CountOutcome::Another });
        }
        let mut concerned = concerned(&mut part, count, figures).await?;
        if !concerned.orders().is_subset(&locked) {
            if look < MOST_LOOKS {
                part.rollback().await?;
                continue;
            }
            concerned.keep_those_of(&locked);
        }
        let booked = book(&mut part, count, &concerned, sweep_after, correlation_id).await?;
        part.commit().await?;
        return Ok(booked);
    }
    Err(StockError::unexpected("a count that was looked at too often"))
}

/// Who would lose pieces by a count at these figures, the youngest first.
async fn concerned(
    conn: &mut PgConnection,
    count: &Count<'_>,
    figures: PlaceFigures,
) -> Result<Concerned, StockError> {
    let Count { sku, warehouse, found, .. } = *count;
    let mut concerned = Concerned { missing: figures.reserved.saturating_sub(found), ..Concerned::default() };
    let mut holders: Vec<String> = Vec::new();
    let mut last: Option<HeldLine> = None;
    while concerned.missing > 0 {
        let lines = inventory::held_lines(conn, sku, warehouse, None, last.as_ref(), LINES_AT_ONCE).await?;
        let Some(youngest_left) = lines.last().cloned() else { break };
        let orders: BTreeSet<&str> = lines.iter().map(|line| line.order_id.as_str()).collect();
        holders.extend(orders.iter().map(|order| (*order).to_owned()));
        let handed = handed_over(conn, &Vec::from_iter(orders), sku, warehouse).await?;
        for line in lines {
            let pieces = free_of(&line, &handed).min(concerned.missing);
            if pieces > 0 {
                concerned.missing -= pieces;
                concerned.taken_back.push(TakenBack { from: line, pieces });
            }
        }
        last = Some(youngest_left);
    }
    if concerned.missing == 0 {
        settle_offers(conn, count, &mut concerned).await?;
        return Ok(concerned);
    }
    let holders: Vec<&str> = holders.iter().map(String::as_str).collect();
    let mut offered = 0;
    for offer in counted::recallable(conn, &holders, sku, warehouse).await? {
        if offered >= concerned.missing {
            break;
        }
        offered += offer.pieces;
        concerned.offers.push(offer);
    }
    Ok(concerned)
}

/// What was offered to be recalled as this SKU was missing, and is not. A hand-over of which another SKU is missing stays
/// offered.
async fn settle_offers(
    conn: &mut PgConnection,
    count: &Count<'_>,
    concerned: &mut Concerned,
) -> Result<(), StockError> {
    let Count { sku, warehouse, .. } = *count;
    for offered in counted::with_offers(conn, sku, warehouse).await? {
        let is_concerned = offered.warehouse == *warehouse && offered.skus.contains(sku);
        let mut is_at_peace = is_concerned;
        for other in offered.skus.iter().filter(|other| is_concerned && *other != sku) {
            is_at_peace &= inventory::place(conn, other, warehouse).await?.missing == 0;
        }
        *concerned.at_peace_of.entry(offered.order_id).or_insert(true) &= is_at_peace;
        if is_at_peace {
            concerned.at_peace.push(offered.reference);
        }
    }
    Ok(())
}

/// Pieces that were handed over, by order and line.
pub(crate) type Handed = BTreeMap<(String, String), u64>;

pub(crate) async fn handed_over(
    conn: &mut PgConnection,
    orders: &[&str],
    sku: &Sku,
    warehouse: &WarehouseId,
) -> Result<Handed, StockError> {
    let handed = counted::handed_over(conn, orders, sku, warehouse).await?;
    Ok(handed.into_iter().map(|handed| ((handed.order_id, handed.line_id), handed.pieces)).collect())
}

/// What a line holds and no warehouse was asked to ship.
pub(crate) fn free_of(line: &HeldLine, handed: &Handed) -> u64 {
    let key = (line.order_id.as_str().to_owned(), line.line_id.as_str().to_owned());
    let handed = handed.get(&key).copied().unwrap_or_default();
    (line.held + line.left).saturating_sub(handed).min(line.held)
}

async fn book(
    conn: &mut PgConnection,
    count: &Count<'_>,
    concerned: &Concerned,
    sweep_after: Duration,
    correlation_id: &str,
) -> Result<CountOutcome, StockError> {
    let Count { sku, warehouse, found, .. } = *count;
    let booked =
        inventory::count(conn, (sku, warehouse), found, &concerned.taken_back, count.reason, correlation_id)
            .await?;
    let mut lost: BTreeMap<&OrderId, u64> = BTreeMap::new();
    for taken in &concerned.taken_back {
        *lost.entry(&taken.from.order_id).or_default() += taken.pieces;
    }
    let mut messages = Vec::new();
    for (order, pieces) in &lost {
        let detail = format!("{pieces} × {}: a count found less", count.place());
        progress::lost_stock(conn, order, &detail).await?;
        let counted = Command::StockCounted { cause: format!("{}/{}", count.sku, count.request_id) };
        messages.extend(command::keep(conn, order, &counted, sweep_after).await?);
    }
    messages.extend(command::keep_served(conn, inventory::ours(&booked.served), sweep_after).await?);
    offer(conn, count, concerned).await?;
    let number = |orders: usize| i32::try_from(orders).unwrap_or(i32::MAX);
    let kept = KeptCount {
        warehouse: warehouse.clone(),
        counted: found,
        on_hand_before: booked.on_hand_before,
        on_hand_after: booked.on_hand_after,
        missing: booked.missing,
        backordered: number(lost.len()),
        served: number(booked.served.len()),
        reason: count.reason.to_owned(),
    };
    inventory::keep_count(conn, sku, count.request_id, count.by, &kept).await?;
    Ok(CountOutcome::Booked(kept, messages))
}

/// Shows a person what may be recalled, and takes back what was shown of what is there after all.
async fn offer(conn: &mut PgConnection, count: &Count<'_>, concerned: &Concerned) -> Result<(), StockError> {
    let park_reason = ParkReason::new(ParkReason::COUNT_BELOW_HANDED_OVER);
    for Recallable { reference, order_id, pieces } in &concerned.offers {
        counted::offer_recall(conn, reference).await?;
        let detail = format!(
            "{reference} has {pieces} × {}, where {} were found and {} that were handed over are missing",
            count.place(),
            count.found,
            concerned.missing
        );
        attention::show_besides(conn, order_id, &park_reason, &detail).await?;
    }
    for reference in &concerned.at_peace {
        counted::withdraw_offer(conn, reference).await?;
    }
    for (order, _) in concerned.at_peace_of.iter().filter(|(_, nothing_besides)| **nothing_besides) {
        attention::unshow(conn, order, &park_reason).await?;
    }
    Ok(())
}

impl StockTransaction<'_> {
    /// What was recalled of an order for a count, and is with no warehouse any more, is booked off as far as it is still
    /// missing; the order, which is locked, waits for it. What could not be stopped leaves, and a person sees it. Where
    /// stock is at a service of its own, nothing was counted here.
    ///
    /// # Errors
    /// [`StockError`].
    pub async fn book_off_recalled(&mut self, order: &Order) -> Result<(), StockError> {
        if !self.is_here() {
            return Ok(());
        }
        let order_id = &order.order_id;
        for ended in counted::take_ended_recalls(self, order_id).await? {
            let (sku, warehouse) = (&ended.sku, &ended.warehouse);
            let figures = inventory::lock_place(self, sku, warehouse).await?;
            let handed = handed_over(self, &[order_id.as_str()], sku, warehouse).await?;
            let mut missing = figures.missing;
            let mut taken_back = Vec::new();
            let held = inventory::held_lines(self, sku, warehouse, Some(order_id), None, LINES_AT_ONCE);
            for line in held.await? {
                let pieces = free_of(&line, &handed).min(missing);
                if pieces > 0 {
                    missing -= pieces;
                    taken_back.push(TakenBack { from: line, pieces });
                }
            }
            let pieces: u64 = taken_back.iter().map(|taken| taken.pieces).sum();
            if pieces > 0 {
                let found = figures.on_hand.saturating_sub(figures.missing);
                let (at, cause) = ((sku, warehouse), order.correlation_id.as_str());
                inventory::count(self, at, found, &taken_back, RECALLED, cause).await?;
                let detail = format!("{pieces} × {sku} in {warehouse}: {RECALLED}");
                // Whoever plans the order now says what it waits for.
                timeline::note(self, order_id, TimelineEvent::Backordered, Some(&detail)).await?;
            }
            if ended.recall_refused {
                let park_reason = ParkReason::new(ParkReason::COUNT_BELOW_HANDED_OVER);
                let detail = format!("{} could not be stopped", ended.reference);
                attention::show_besides(self, order_id, &park_reason, &detail).await?;
            }
        }
        Ok(())
    }
}
