//! The sweepers: what was left in the inbox, runs that are gone, and the gauges operators watch.
//! Several workers may sweep side by side.

use std::{future::Future, time::Duration};

use intake::Dispatcher;
use metrics::gauge;
use orders::{attention, inbox};
use sqlx::PgPool;
use tokio::{task::JoinSet, time::sleep};
use tracing::warn;

use crate::config::Config;

/// Messages taken up at once.
const BATCH: i64 = 64;
/// How long a sweeper has to settle what it took.
const LEASE: Duration = Duration::from_secs(30);
/// Orders whose run is looked for at once.
const LOOKS: i64 = 100;

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
    let pool_ = pool.clone();
    sweepers.spawn(async move {
        repeat(Duration::from_secs(5), || show_gauges(&pool_)).await;
    });
    sweepers
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
    let looked = dispatcher.look_for_lost_runs(LOOKS, pause).await?;
    Ok(i64::try_from(looked)? == LOOKS)
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
