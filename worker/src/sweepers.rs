//! The sweepers: what was left in the inbox, runs that are gone, allocations that were not confirmed in
//! time, answers and events kept for long enough, and the gauges operators watch.
//! Several workers may sweep side by side.

use std::{future::Future, time::Duration};

use chrono::Utc;
use dispatch::Dispatcher;
use inventory_service::wake;
use metrics::gauge;
use orders::{attention, idempotency, inbox, privacy};
use sqlx::PgPool;
use tokio::{task::JoinSet, time::sleep};
use tracing::{info, warn};
use uuid::Uuid;

use crate::config::Config;

/// Messages taken up at once.
const BATCH: i64 = 64;
/// How long a sweeper has to settle what it took.
const LEASE: Duration = Duration::from_secs(30);
/// Orders whose run is looked for at once.
const LOST_RUN_BATCH: i64 = 100;
/// Allocations expired at once: their stock is locked together, so not too many.
const EXPIRY_BATCH: i64 = 100;

/// Orders, messages and users that are forgotten at once.
const ERASURE_BATCH: i64 = 500;

/// Answers under idempotency keys that are forgotten at once, and the pause between two looks.
const KEPT_ANSWER_BATCH: i64 = 1000;
const LOOK_FOR_OLD_ANSWERS_EVERY: Duration = Duration::from_secs(600);

/// The pause between two looks for days of events to be made or dropped.
const KEEP_DAYS_EVERY: Duration = Duration::from_secs(3600);
const SECONDS_OF_A_DAY: u64 = 86_400;

/// Starts the sweepers.
pub fn start(config: &Config, pool: &PgPool, dispatcher: &Dispatcher) -> JoinSet<()> {
    let mut sweepers = JoinSet::new();
    let (every, pool_, dispatcher_) = (config.worker_sweep_every, pool.clone(), dispatcher.clone());
    sweepers.spawn(async move {
        repeat(every, || sweep_inbox(&pool_, &dispatcher_)).await;
    });
    let (every, dispatcher_) = (config.worker_look_for_lost_runs_every, dispatcher.clone());
    sweepers.spawn(async move {
        repeat(every, || look_for_lost_runs(&dispatcher_, every)).await;
    });
    let (every, pool_) = (config.worker_expire_every, pool.clone());
    sweepers.spawn(async move {
        repeat(every, || expire_allocations(&pool_)).await;
    });
    let pool_ = pool.clone();
    sweepers.spawn(async move {
        repeat(Duration::from_secs(5), || show_gauges(&pool_)).await;
    });
    let pool_ = pool.clone();
    sweepers.spawn(async move {
        repeat(LOOK_FOR_OLD_ANSWERS_EVERY, || forget_old_answers(&pool_)).await;
    });
    let (every, keep, pool_) = (config.worker_forget_every, config.personal_data_for, pool.clone());
    sweepers.spawn(async move {
        repeat(every, || forget_people(&pool_, keep)).await;
    });
    let (days, pool_) = (config.events_for.as_secs() / SECONDS_OF_A_DAY, pool.clone());
    sweepers.spawn(async move {
        repeat(KEEP_DAYS_EVERY, || keep_days_of_events(&pool_, days)).await;
    });
    sweepers
}

/// Makes the next days of the outbox, and drops those that are old.
async fn keep_days_of_events(pool: &PgPool, kept: u64) -> anyhow::Result<bool> {
    let today = Utc::now().date_naive();
    let days = outbox::keep_days(&mut *pool.acquire().await?, today, kept).await?;
    for day in days.dropped {
        info!(%day, "the events of a day were dropped");
    }
    Ok(false)
}

/// Personal data that are old, or that somebody asks to have forgotten.
async fn forget_people(pool: &PgPool, keep: Duration) -> anyhow::Result<bool> {
    let mut tx = pool.begin().await?;
    let orders = privacy::forget(&mut tx, keep, ERASURE_BATCH).await?;
    let bodies = privacy::forget_bodies(&mut tx, keep, ERASURE_BATCH).await?;
    let users = privacy::forget_users(&mut tx, keep, ERASURE_BATCH).await?;
    tx.commit().await?;
    if orders + bodies + users > 0 {
        info!(orders, bodies, users, "personal data were forgotten");
    }
    Ok([orders, bodies, users].into_iter().any(|count| i64::try_from(count) == Ok(ERASURE_BATCH)))
}

/// Repeats for ever; at once while there is more, else after a pause.
async fn repeat<Sweep>(pause: Duration, sweep: impl Fn() -> Sweep)
where
    Sweep: Future<Output = anyhow::Result<bool>>,
{
    loop {
        match sweep().await {
            Ok(true) => {}
            Ok(false) => sleep(pause).await,
            Err(error) => {
                warn!(error = format!("{error:#}"), "a sweep failed; it is tried again");
                sleep(pause.max(Duration::from_secs(1))).await;
            }
        }
    }
}

async fn sweep_inbox(pool: &PgPool, dispatcher: &Dispatcher) -> anyhow::Result<bool> {
    let taken = {
        let mut conn = pool.acquire().await?;
        inbox::take_due(&mut conn, BATCH, LEASE).await?
    };
    let full = i64::try_from(taken.len())? == BATCH;
    let mut dispatched = JoinSet::new();
    for message in taken {
        let dispatcher = dispatcher.clone();
        dispatched.spawn(async move { dispatcher.dispatch(message).await });
    }
    dispatched.join_all().await;
    Ok(full)
}

async fn look_for_lost_runs(dispatcher: &Dispatcher, pause: Duration) -> anyhow::Result<bool> {
    let looked = dispatcher.look_for_lost_runs(LOST_RUN_BATCH, pause).await?;
    Ok(i64::try_from(looked)? == LOST_RUN_BATCH)
}

/// What was answered under an idempotency key long ago.
async fn forget_old_answers(pool: &PgPool) -> anyhow::Result<bool> {
    let mut conn = pool.acquire().await?;
    let forgotten = idempotency::forget_old(&mut conn, KEPT_ANSWER_BATCH).await?;
    Ok(i64::try_from(forgotten)? == KEPT_ANSWER_BATCH)
}

/// Gives back what other services did not confirm in time, and tells everybody: one transaction.
async fn expire_allocations(pool: &PgPool) -> anyhow::Result<bool> {
    let mut tx = pool.begin().await?;
    let correlation_id = Uuid::now_v7().to_string();
    let expired = inventory::expire_due(&mut tx, EXPIRY_BATCH, &correlation_id).await?;
    if expired.changed.is_empty() {
        return Ok(false);
    }
    // At once: the next to look into the inbox dispatches them.
    wake(&mut tx, &expired.served, Duration::ZERO).await?;
    tx.commit().await?;
    info!(
        allocations = expired.changed.len(),
        orders_served = expired.served.len(),
        correlation.id = correlation_id,
        "allocations that nobody confirmed in time were given back"
    );
    Ok(i64::try_from(expired.changed.len())? == EXPIRY_BATCH)
}

async fn show_gauges(pool: &PgPool) -> anyhow::Result<bool> {
    let mut conn = pool.acquire().await?;
    let (waiting, oldest_seconds) = inbox::backlog(&mut conn).await?;
    gauge!("waybill_inbox_unsettled").set(waiting as f64);
    gauge!("waybill_inbox_oldest_seconds").set(oldest_seconds);
    let parked = attention::count_open(&mut conn).await?;
    gauge!("waybill_orders_needing_attention")
        .set(parked.iter().map(|(_, _, count)| count).sum::<i64>() as f64);
    Ok(false)
}
