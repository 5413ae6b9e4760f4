//! One round at one location: what the shop has is read, then our books, and what differs is set.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Utc};
use domain::channel::{Decision, Seen, Skipped, decide};
use shopify::{
    admin::{
        Activated, AdminClient, Level, LevelState, MOST_LEVELS, Quantities, Refusals, SetOutcome,
        ShopifyError, Wanted, WhyNotSet,
    },
    gid::InventoryItemId,
};
use sqlx::PgPool;
use tracing::{info, warn};
use uuid::Uuid;

use crate::{
    books::{self, Kept},
    drift::{self, Drift},
    duty::ChannelShop,
    levels::{self, Due, Place, Settled, Write},
};

/// What two items' keys are made of, so that they are no others'.
const KEYS: Uuid = Uuid::from_u128(0x6d1f_9c52_0c0b_4f0e_9f3a_63d1_6e3c_8a11);
/// Calls that set what is left of a batch once single rows of it were refused, and those after which it is left.
const MOST_CALLS: usize = 6;
/// When a level is looked at again after a failure, one that waits for an answer, and one that the shop leaves to nobody.
const SOON: Duration = Duration::from_secs(2);
const WHEN_ANSWERED: Duration = Duration::from_secs(10);
const DAILY: Duration = Duration::from_secs(86_400);
/// The longest pause after failures that may pass.
const LONGEST: Duration = Duration::from_secs(600);

/// Why a round ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RoundError {
    #[error(transparent)]
    Shop(#[from] ShopifyError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Inventory(#[from] inventory::InventoryError),
    #[error(transparent)]
    Stock(#[from] stock::StockError),
}

/// A level that differs.
struct Differs<'a> {
    due: &'a Due,
    kept: Kept,
    seen: Quantities,
    wanted: i64,
}

/// One round. True if there may be more to do at once.
pub(crate) async fn go(
    pool: &PgPool,
    client: &AdminClient,
    shop: &ChannelShop,
    place: &Place<'_>,
) -> Result<bool, RoundError> {
    let most = i64::try_from(MOST_LEVELS).unwrap_or(i64::MAX);
    let due = levels::due(&mut *pool.acquire().await?, place, shop.rules.low, most).await?;
    if due.is_empty() {
        return Ok(false);
    }
    let items: Vec<InventoryItemId> = due.iter().map(|due| InventoryItemId(due.item_id)).collect();
    // The shop's first, then ours: what happened between the two stands in ours.
    let read_at: DateTime<Utc> = sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(pool).await?;
    let seen = client.read_levels(place.location, &items).await?;
    let skus: Vec<&str> = due.iter().map(|due| due.sku.as_str()).collect();
    let kept = books::of(&mut *pool.acquire().await?, place, &skus).await?;
    let changed: Vec<i64> = due
        .iter()
        .zip(&seen)
        .filter(|(due, level)| is_not_as_left(due, &level.state))
        .map(|(due, _)| due.item_id)
        .collect();
    let explained = drift::explained(&mut *pool.acquire().await?, place, &changed).await?;
    let (mut settled, mut differs, mut doubtful) = (Vec::new(), Vec::new(), Vec::new());
    for (due, level) in due.iter().zip(seen) {
        let kept = kept.get(&due.sku).copied().unwrap_or_default();
        match level.state {
            LevelState::Gone => {
                put_off(pool, place, due, DAILY, Some((Skipped::Gone, "the shop has no such item"))).await?
            }
            LevelState::Untracked => {
                put_off(pool, place, due, DAILY, Some((Skipped::Untracked, "the shop does not count it")))
                    .await?;
            }
            LevelState::Bundle => {
                let words = "its stock is that of its components";
                put_off(pool, place, due, DAILY, Some((Skipped::Bundle, words))).await?;
            }
            LevelState::NotStocked => activate(pool, client, shop, place, (due, kept), read_at).await?,
            LevelState::Stocked(quantities) => {
                let unexplained =
                    explained.get(&due.item_id).map_or(0, |level| level.drift(quantities.on_hand));
                if unexplained != 0 {
                    let policy = shop.rules.drift_at(place.location.0);
                    let drift = Drift { due, seen: &quantities, read_at, pieces: unexplained, policy };
                    if !drift.follow(pool, place).await? {
                        continue;
                    }
                }
                let as_seen = shop.seen(&quantities);
                match decide(&kept.books, &as_seen, shop.buffer(&due.sku)) {
                    Decision::Right => settled.push(settled_as(due, kept, &quantities, quantities.on_hand)),
                    Decision::Wait => wait(pool, place, due).await?,
                    Decision::Set(wanted) => differs.push(Differs { due, kept, seen: quantities, wanted }),
                    Decision::Doubtful(_) => doubtful.push((due, kept)),
                }
            }
        }
    }
    if !settled.is_empty() {
        levels::settle(&mut *pool.acquire().await?, place, read_at, &settled).await?;
    }
    differs.extend(look_again(client, shop, place, &doubtful).await?);
    set(pool, client, place, read_at, differs).await?;
    Ok(true)
}

/// What is still too much once it is read after the books. Read in this order, it is good for lowering alone: whatever else
/// it comes to is seen in the next round.
async fn look_again<'a>(
    client: &AdminClient,
    shop: &ChannelShop,
    place: &Place<'_>,
    doubtful: &[(&'a Due, Kept)],
) -> Result<Vec<Differs<'a>>, RoundError> {
    let items: Vec<InventoryItemId> = doubtful.iter().map(|(due, _)| InventoryItemId(due.item_id)).collect();
    let seen = client.read_levels(place.location, &items).await?;
    let too_much = |(level, (due, kept)): (Level, &(&'a Due, Kept))| {
        let LevelState::Stocked(seen) = level.state else { return None };
        match decide(&kept.books, &shop.seen(&seen), shop.buffer(&due.sku)) {
            Decision::Set(wanted) | Decision::Doubtful(wanted) if wanted < seen.on_hand => {
                Some(Differs { due, kept: *kept, seen, wanted })
            }
            _ => None,
        }
    };
    Ok(seen.into_iter().zip(doubtful).filter_map(too_much).collect())
}

fn is_not_as_left(due: &Due, state: &LevelState) -> bool {
    matches!((due.on_hand, state), (Some(left), LevelState::Stocked(seen)) if seen.on_hand != left)
}

fn settled_as(due: &Due, kept: Kept, seen: &Quantities, on_hand: i64) -> Settled {
    Settled {
        item: InventoryItemId(due.item_id),
        version: kept.version,
        marks: due.marks,
        on_hand,
        available: available_with(seen, on_hand),
        unlooked: kept.books.unlooked,
    }
}

/// What can be sold once so many pieces are on hand.
fn available_with(seen: &Quantities, on_hand: i64) -> i64 {
    seen.available.saturating_add(on_hand.saturating_sub(seen.on_hand))
}

/// Sets what differs, all at once. Rows that the shop refuses leave the batch, which goes again without them.
async fn set(
    pool: &PgPool,
    client: &AdminClient,
    place: &Place<'_>,
    read_at: DateTime<Utc>,
    mut differs: Vec<Differs<'_>>,
) -> Result<(), RoundError> {
    for _ in 0..MOST_CALLS {
        if differs.is_empty() {
            return Ok(());
        }
        let key = key_of(place, &differs);
        let wanted: Vec<Wanted> = differs
            .iter()
            .map(|row| Wanted {
                item: InventoryItemId(row.due.item_id),
                wanted: row.wanted,
                read: row.seen.on_hand,
            })
            .collect();
        let writes: Vec<Write<'_>> = differs
            .iter()
            .map(|row| Write {
                item: InventoryItemId(row.due.item_id),
                sku: &row.due.sku,
                was: row.seen.on_hand,
                wanted: row.wanted,
                available: available_with(&row.seen, row.wanted),
            })
            .collect();
        levels::note_writes(&mut *pool.acquire().await?, place, key, &writes).await?;
        let outcome = match client.set_on_hand(place.location, &wanted, &key.to_string()).await {
            Ok(outcome) => outcome,
            Err(error) => {
                // Whether it worked is seen when they are read again: they are as dirty as before.
                levels::note_outcome(&mut *pool.acquire().await?, key, "UNKNOWN").await?;
                return Err(error.into());
            }
        };
        let mut conn = pool.acquire().await?;
        match outcome {
            SetOutcome::Set => {
                levels::note_outcome(&mut conn, key, "SET").await?;
                let settled: Vec<Settled> =
                    differs.iter().map(|row| settled_as(row.due, row.kept, &row.seen, row.wanted)).collect();
                levels::settle(&mut conn, place, read_at, &settled).await?;
                metrics::counter!("waybill_channel_levels_set_total", "shop" => place.shop.to_string())
                    .increment(settled.len() as u64);
                info!(shop = %place.shop, location = place.location.0, levels = settled.len(), "levels set");
                return Ok(());
            }
            SetOutcome::Refused(refusals) => {
                levels::note_outcome(&mut conn, key, "REFUSED").await?;
                drop(conn);
                differs = without(pool, place, differs, refusals).await?;
            }
        }
    }
    let left: Vec<InventoryItemId> = differs.iter().map(|row| InventoryItemId(row.due.item_id)).collect();
    levels::put_off(&mut *pool.acquire().await?, place, &left, SOON, None).await?;
    Ok(())
}

/// What goes again, once each refused row is put off for its reason. What is stale is read anew in the next round.
async fn without<'a>(
    pool: &PgPool,
    place: &Place<'_>,
    differs: Vec<Differs<'a>>,
    refusals: Refusals,
) -> Result<Vec<Differs<'a>>, RoundError> {
    let mut why: HashMap<usize, WhyNotSet> = refusals.rows.into_iter().collect();
    let whole = refusals.whole.into_iter().next();
    let mut left = Vec::new();
    for (index, row) in differs.into_iter().enumerate() {
        match why.remove(&index) {
            None if whole.is_none() || matches!(whole, Some(WhyNotSet::KeySpent)) => left.push(row),
            Some(WhyNotSet::Stale) => put_off(pool, place, row.due, Duration::ZERO, None).await?,
            Some(refusal) => refuse(pool, place, row.due, &refusal).await?,
            None => {
                if let Some(refusal) = &whole {
                    refuse(pool, place, row.due, refusal).await?;
                }
            }
        }
    }
    Ok(left)
}

async fn refuse(pool: &PgPool, place: &Place<'_>, due: &Due, why: &WhyNotSet) -> Result<(), RoundError> {
    let (code, words, pause) = match why {
        WhyNotSet::Stale | WhyNotSet::KeySpent => return put_off(pool, place, due, SOON, None).await,
        WhyNotSet::NotStocked => (Skipped::NotStocked, "the location does not stock it".to_owned(), SOON),
        WhyNotSet::NotMutable => (Skipped::Bundle, "nobody may set it".to_owned(), DAILY),
        WhyNotSet::Gone => (Skipped::Gone, "the shop has no such item".to_owned(), DAILY),
        WhyNotSet::NoLocation => (Skipped::NoLocation, "the shop has no such location".to_owned(), DAILY),
        WhyNotSet::Other { code, text } => {
            let words = format!("{}: {}", code.as_deref().unwrap_or("no code"), text.as_str());
            (Skipped::Refused, words, pause_after(due.attempts))
        }
    };
    warn!(shop = %place.shop, sku = due.sku, code = code.as_str(), "a level cannot be set");
    put_off(pool, place, due, pause, Some((code, &words))).await
}

/// A location that does not stock the item is made to once, where there is something to sell and the shop allows it.
async fn activate(
    pool: &PgPool,
    client: &AdminClient,
    shop: &ChannelShop,
    place: &Place<'_>,
    (due, kept): (&Due, Kept),
    read_at: DateTime<Utc>,
) -> Result<(), RoundError> {
    let item = InventoryItemId(due.item_id);
    let wanted = match decide(&kept.books, &Seen::default(), shop.buffer(&due.sku)) {
        Decision::Set(wanted) => wanted,
        Decision::Wait => return wait(pool, place, due).await,
        Decision::Right | Decision::Doubtful(_) => {
            let settled = Settled {
                item,
                version: kept.version,
                marks: due.marks,
                on_hand: 0,
                available: 0,
                unlooked: 0,
            };
            return Ok(levels::settle(&mut *pool.acquire().await?, place, read_at, &[settled]).await?);
        }
    };
    let not_stocked = Some((Skipped::NotStocked, "the location does not stock it"));
    if !shop.rules.activate || due.was_activated {
        return put_off(pool, place, due, DAILY, not_stocked).await;
    }
    let name = format!("{}/{}/{}/activate/{}", place.shop, place.location.0, due.item_id, due.marks);
    let key = Uuid::new_v5(&KEYS, name.as_bytes());
    let mut tx = pool.begin().await?;
    // Noted before: whatever becomes of the call, it is made once.
    levels::note_activation(&mut tx, place, item).await?;
    let write = Write { item, sku: &due.sku, was: 0, wanted, available: wanted };
    levels::note_writes(&mut tx, place, key, &[write]).await?;
    tx.commit().await?;
    let activated = client.activate(item, place.location, wanted, &key.to_string()).await;
    let outcome = match activated {
        Ok(Activated::Now(_)) => "SET",
        Ok(Activated::Already) => "REFUSED",
        Err(_) => "UNKNOWN",
    };
    levels::note_outcome(&mut *pool.acquire().await?, key, outcome).await?;
    if let Activated::Now(_) = activated? {
        info!(shop = %place.shop, sku = due.sku, "a location stocks an item from now on");
    }
    Ok(())
}

/// Nothing is done before an answer is recorded.
async fn wait(pool: &PgPool, place: &Place<'_>, due: &Due) -> Result<(), RoundError> {
    Ok(levels::wait(&mut *pool.acquire().await?, place, InventoryItemId(due.item_id), WHEN_ANSWERED).await?)
}

async fn put_off(
    pool: &PgPool,
    place: &Place<'_>,
    due: &Due,
    pause: Duration,
    why: Option<(Skipped, &str)>,
) -> Result<(), RoundError> {
    Ok(levels::put_off(&mut *pool.acquire().await?, place, &[InventoryItemId(due.item_id)], pause, why)
        .await?)
}

fn pause_after(attempts: i32) -> Duration {
    let doubled = u32::try_from(attempts).unwrap_or_default().min(10);
    SOON.saturating_mul(1 << doubled).min(LONGEST)
}

/// The same for the same wish on the same ground, so that a call whose answer was lost is no second one.
fn key_of(place: &Place<'_>, differs: &[Differs<'_>]) -> Uuid {
    let mut name = format!("{}/{}", place.shop, place.location.0);
    for row in differs {
        let Differs { due, kept, seen, wanted } = row;
        let (item, version) = (due.item_id, kept.version);
        name += &format!("/{item}:{version}:{}:{}:{wanted}", due.marks, seen.on_hand);
    }
    Uuid::new_v5(&KEYS, name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        assert_eq!(pause_after(0), SOON);
        assert_eq!(pause_after(3), Duration::from_secs(16));
        assert_eq!(pause_after(1_000), LONGEST);
        assert_eq!(pause_after(-1), SOON);
    }
}
