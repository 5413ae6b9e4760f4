//! One round at one location: what the shop has is read, then our books, and what differs is set.

use std::{collections::HashMap, time::Duration};

use domain::channel::{Decision, Seen, decide};
use shopify::{
    admin::{
        Activated, AdminClient, LevelState, MOST_LEVELS, Quantities, Refusals, SetOutcome, ShopifyError,
        Wanted, WhyNotSet,
    },
    gid::InventoryItemId,
};
use sqlx::PgPool;
use tracing::{info, warn};
use uuid::Uuid;

use crate::{
    books::{self, Kept},
    duty::ChannelShop,
    levels::{self, Due, Place, Settled, Write},
};

/// What two items' keys are made of, so that they are no others'.
const KEYS: Uuid = Uuid::from_u128(0x6d1f_9c52_0c0b_4f0e_9f3a_63d1_6e3c_8a11);
/// Calls that set what is left of a batch once single rows of it were refused, and those after which it is left.
const MOST_CALLS: usize = 6;
/// When a level is looked at again that waits for an answer, and one that the shop leaves to nobody.
const SOON: Duration = Duration::from_secs(2);
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
    let seen = client.read_levels(place.location, &items).await?;
    let skus: Vec<&str> = due.iter().map(|due| due.sku.as_str()).collect();
    let kept = books::of(&mut *pool.acquire().await?, place, &skus).await?;
    let (mut settled, mut differs) = (Vec::new(), Vec::new());
    for (due, level) in due.iter().zip(seen) {
        let kept = kept.get(&due.sku).copied().unwrap_or_default();
        match level.state {
            LevelState::Gone => {
                put_off(pool, place, due, DAILY, Some(("GONE", "the shop has no such item"))).await?
            }
            LevelState::Untracked => {
                put_off(pool, place, due, DAILY, Some(("UNTRACKED", "the shop does not count it"))).await?;
            }
            LevelState::Bundle => {
                let words = "its stock is that of its components";
                put_off(pool, place, due, DAILY, Some(("BUNDLE", words))).await?;
            }
            LevelState::NotStocked => activate(pool, client, shop, place, (due, kept)).await?,
            LevelState::Stocked(quantities) => {
                let as_seen = shop.seen(&quantities);
                match decide(&kept.books, &as_seen, shop.buffer(&due.sku)) {
                    Decision::Right => settled.push(settled_as(due, kept, &quantities, quantities.on_hand)),
                    Decision::Wait => put_off(pool, place, due, SOON, None).await?,
                    Decision::Set(wanted) => differs.push(Differs { due, kept, seen: quantities, wanted }),
                }
            }
        }
    }
    if !settled.is_empty() {
        levels::settle(&mut *pool.acquire().await?, place, &settled).await?;
    }
    set(pool, client, place, differs).await?;
    Ok(true)
}

fn settled_as(due: &Due, kept: Kept, seen: &Quantities, on_hand: i64) -> Settled {
    Settled {
        item: InventoryItemId(due.item_id),
        version: kept.version,
        marks: due.marks,
        on_hand,
        available: seen.available.saturating_add(on_hand - seen.on_hand),
    }
}

/// Sets what differs, all at once. Rows that the shop refuses leave the batch, which goes again without them.
async fn set(
    pool: &PgPool,
    client: &AdminClient,
    place: &Place<'_>,
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
                levels::settle(&mut conn, place, &settled).await?;
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
        WhyNotSet::NotStocked => ("NOT_STOCKED", "the location does not stock it".to_owned(), SOON),
        WhyNotSet::NotMutable => ("BUNDLE", "nobody may set it".to_owned(), DAILY),
        WhyNotSet::Gone => ("GONE", "the shop has no such item".to_owned(), DAILY),
        WhyNotSet::NoLocation => ("NO_LOCATION", "the shop has no such location".to_owned(), DAILY),
        other => ("REFUSED", format!("{other:?}"), pause_after(due.attempts)),
    };
    warn!(shop = %place.shop, sku = due.sku, code, "a level cannot be set");
    put_off(pool, place, due, pause, Some((code, &words))).await
}

/// A location that does not stock the item is made to once, where there is something to sell and the shop allows it.
async fn activate(
    pool: &PgPool,
    client: &AdminClient,
    shop: &ChannelShop,
    place: &Place<'_>,
    (due, kept): (&Due, Kept),
) -> Result<(), RoundError> {
    let nothing = Seen::default();
    let wanted = match decide(&kept.books, &nothing, shop.buffer(&due.sku)) {
        Decision::Set(wanted) => wanted,
        Decision::Wait => return put_off(pool, place, due, SOON, None).await,
        Decision::Right => {
            let settled = Settled {
                item: InventoryItemId(due.item_id),
                version: kept.version,
                marks: due.marks,
                on_hand: 0,
                available: 0,
            };
            return Ok(levels::settle(&mut *pool.acquire().await?, place, &[settled]).await?);
        }
    };
    if !shop.rules.activate || due.attempts > 0 {
        let words = "the location does not stock it";
        return put_off(pool, place, due, DAILY, Some(("NOT_STOCKED", words))).await;
    }
    // Noted before: whatever becomes of the call, it is made once.
    put_off(pool, place, due, Duration::ZERO, None).await?;
    let name = format!("{}/{}/{}/activate/{}", place.shop, place.location.0, due.item_id, due.marks);
    let key = Uuid::new_v5(&KEYS, name.as_bytes());
    match client.activate(InventoryItemId(due.item_id), place.location, wanted, &key.to_string()).await? {
        Activated::Now(_) => {
            info!(shop = %place.shop, sku = due.sku, "a location stocks an item from now on")
        }
        Activated::Already => {}
    }
    Ok(())
}

async fn put_off(
    pool: &PgPool,
    place: &Place<'_>,
    due: &Due,
    pause: Duration,
    why: Option<(&str, &str)>,
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
