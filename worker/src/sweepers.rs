//! The sweepers: what was left in the inbox, runs that are gone, allocations that were not confirmed in
//! time, answers and events kept for long enough, and the gauges operators watch.
//! Several workers may sweep side by side.

use std::{future::Future, sync::Arc, time::Duration};

use chrono::{Days, Utc};
use dispatch::Dispatcher;
use futures::future::BoxFuture;
use orders::{bulk, command, idempotency, inbox, lanes, line_allocations, privacy};
use process::{shutdown::Shutdown, temporal::LazyTemporal};
use sqlx::PgPool;
use stock::Stock;
use tokio::{task::JoinSet, time::sleep};
use tracing::{info, warn};
use uuid::Uuid;

use crate::{
    config::Config,
    gauges::Gauges,
    unserved_lanes::{self, UnservedLanes},
};

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
const OLD_EVENTS_BATCH: i64 = 1000;

/// Answers under idempotency keys that are forgotten at once, and the pause between two looks.
const KEPT_ANSWER_BATCH: i64 = 1000;
const LOOK_FOR_OLD_ANSWERS_EVERY: Duration = Duration::from_secs(600);

/// For how long it is known how often a call failed: by far longer than one waits between two attempts, also in an
/// outage.
const KEEP_FAILED_CALLS_FOR: Duration = Duration::from_secs(30 * SECONDS_OF_A_DAY);

/// Allocations of another inventory system that are looked at once, for how long those of no order of ours are kept, and
/// the pause between two looks.
const OTHERS_BATCH: i64 = 1000;
const KEEP_OTHERS_FOR: Duration = Duration::from_secs(SECONDS_OF_A_DAY);
const LOOK_FOR_OTHERS_EVERY: Duration = Duration::from_secs(600);

/// The pause between two looks for orders that were taken while the inventory service was away.
const ALLOCATE_EVERY: Duration = Duration::from_secs(1);

/// When a bulk answer is begun by a sweeper, if whoever took it did not.
const BULK_BEGINS_WITHIN: Duration = Duration::from_secs(5);

/// The pause between two looks at what operators watch.
const SHOW_GAUGES_EVERY: Duration = Duration::from_secs(5);

/// The pause between two looks for days of events to be made or dropped.
const KEEP_DAYS_EVERY: Duration = Duration::from_secs(3600);
const SECONDS_OF_A_DAY: u64 = 86_400;

/// What they work with.
#[derive(Clone)]
pub struct With {
    pub pool: PgPool,
    pub dispatcher: Dispatcher,
    pub stock: Stock,
    pub temporal: LazyTemporal,
}

/// Starts the sweepers.
pub fn start(sweepers: &mut JoinSet<()>, config: &Config, with: &With, shutdown: &Shutdown) {
    let mut every = |pause: Duration, sweep: Sweep| spawn(sweepers, pause, sweep, with, shutdown);
    let (look_every, keep_people) = (config.look_for_lost_runs_every, config.personal_data_for);
    every(config.sweep_every, Box::new(|with| Box::pin(sweep_inbox(with))));
    every(look_every, Box::new(move |with| Box::pin(look_for_lost_runs(with, look_every))));
    let unserved = Arc::new(UnservedLanes::default());
    every(
        look_every,
        Box::new(move |with| {
            let unserved = unserved.clone();
            Box::pin(async move { unserved_lanes::look(&with.pool, &with.temporal, &unserved).await })
        }),
    );
    every(look_every, Box::new(|with| Box::pin(look_for_unfinished_bulks(with))));
    every(config.expire_every, Box::new(|with| Box::pin(expire_allocations(with.pool))));
    let gauges = Arc::new(Gauges::default());
    every(
        SHOW_GAUGES_EVERY,
        Box::new(move |with| {
            let gauges = gauges.clone();
            Box::pin(async move { gauges.show(&with.pool).await.map(|()| false) })
        }),
    );
    every(LOOK_FOR_OLD_ANSWERS_EVERY, Box::new(|with| Box::pin(forget_old_answers(with.pool))));
    every(LOOK_FOR_OTHERS_EVERY, Box::new(|with| Box::pin(forget_others_allocations(with.pool))));
    every(config.forget_every, Box::new(move |with| Box::pin(forget_people(with.pool, keep_people))));
    // Where stock is here by now, too: orders may have been taken before.
    every(ALLOCATE_EVERY, Box::new(|with| Box::pin(allocate_awaiting(with))));
    if let Some(watching) = with.stock.watch_served_orders() {
        let asked = shutdown.asked();
        sweepers.spawn(async move {
            tokio::select! {
                () = asked => {}
                () = watching => {}
            }
        });
    }
}

/// Keeps the days of the outbox, wherever events are published: an inventory service has no other worker.
pub fn keep_days(sweepers: &mut JoinSet<()>, config: &Config, with: &With, shutdown: &Shutdown) {
    let days = config.events_for.as_secs() / SECONDS_OF_A_DAY;
    let keep: Sweep = Box::new(move |with| Box::pin(keep_days_of_events(with.pool, days)));
    spawn(sweepers, KEEP_DAYS_EVERY, keep, with, shutdown);
}

fn spawn(sweepers: &mut JoinSet<()>, pause: Duration, sweep: Sweep, with: &With, shutdown: &Shutdown) {
    let (with, asked) = (with.clone(), shutdown.asked());
    sweepers.spawn(async move {
        tokio::select! {
            () = asked => {}
            () = repeat(pause, || sweep(with.clone())) => {}
        }
    });
}

/// One look; true if there is more to do at once.
type Sweep = Box<dyn Fn(With) -> BoxFuture<'static, anyhow::Result<bool>> + Send + Sync>;

/// Bulk answers whose run never began, or was terminated.
async fn look_for_unfinished_bulks(with: With) -> anyhow::Result<bool> {
    let unfinished = bulk::unfinished(&mut *with.pool.acquire().await?, BULK_BEGINS_WITHIN).await?;
    for bulk_id in unfinished {
        with.dispatcher.begin_bulk(&bulk_id).await?;
    }
    Ok(false)
}

/// Makes the next days of the outbox, drops those that are old, and forgets what came of old events of other systems.
async fn keep_days_of_events(pool: PgPool, kept: u64) -> anyhow::Result<bool> {
    let today = Utc::now().date_naive();
    let mut conn = pool.acquire().await?;
    while outbox::forget_removed(&mut conn).await? {}
    let days = outbox::keep_days(&mut conn, today, kept).await?;
    let before = Utc::now() - Days::new(kept);
    let more = outbox::incoming::forget(&mut conn, before, OLD_EVENTS_BATCH).await?;
    for day in days.dropped {
        info!(%day, "the events of a day were dropped");
    }
    Ok(more)
}

/// Personal data that are old, or that somebody asks to have forgotten.
async fn forget_people(pool: PgPool, keep: Duration) -> anyhow::Result<bool> {
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

async fn sweep_inbox(With { pool, dispatcher, .. }: With) -> anyhow::Result<bool> {
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

async fn allocate_awaiting(with: With) -> anyhow::Result<bool> {
    with.dispatcher.allocate_awaiting().await?;
    Ok(false)
}

async fn look_for_lost_runs(with: With, pause: Duration) -> anyhow::Result<bool> {
    let looked = with.dispatcher.look_for_lost_runs(LOST_RUN_BATCH, pause).await?;
    Ok(i64::try_from(looked)? == LOST_RUN_BATCH)
}

/// What was answered under an idempotency key long ago, and how often calls failed that nobody repeats any more.
async fn forget_old_answers(pool: PgPool) -> anyhow::Result<bool> {
    let mut conn = pool.acquire().await?;
    let answers = idempotency::forget_old(&mut conn, KEPT_ANSWER_BATCH).await?;
    let calls = lanes::attempts::forget_old(&mut conn, KEEP_FAILED_CALLS_FOR, KEPT_ANSWER_BATCH).await?;
    lanes::forget_old(&mut conn, KEEP_FAILED_CALLS_FOR).await?;
    Ok([answers, calls].into_iter().any(|count| i64::try_from(count) == Ok(KEPT_ANSWER_BATCH)))
}

/// What another inventory system said of orders that are not ours.
async fn forget_others_allocations(pool: PgPool) -> anyhow::Result<bool> {
    let mut conn = pool.acquire().await?;
    Ok(line_allocations::forget_others(&mut conn, KEEP_OTHERS_FOR, OTHERS_BATCH).await? == OTHERS_BATCH)
}

/// Gives back what other services did not confirm in time, and tells everybody: one transaction.
async fn expire_allocations(pool: PgPool) -> anyhow::Result<bool> {
    let mut tx = pool.begin().await?;
    let correlation_id = Uuid::now_v7().to_string();
    let expired = inventory::expire_due(&mut tx, EXPIRY_BATCH, &correlation_id).await?;
    if expired.changed.is_empty() {
        return Ok(false);
    }
    // At once: the next to look into the inbox dispatches them.
    command::keep_served(&mut tx, inventory::ours(&expired.served), Duration::ZERO).await?;
    tx.commit().await?;
    info!(
        allocations = expired.changed.len(),
        orders_served = expired.served.len(),
        correlation.id = correlation_id,
        "allocations that nobody confirmed in time were given back"
    );
    Ok(i64::try_from(expired.changed.len())? == EXPIRY_BATCH)
}
