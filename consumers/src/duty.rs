//! The duty: a consumer for each broker events come by, and what a person wants tried again.

use std::time::Duration;

use calls::BreakerSettings;
use metrics::gauge;
use sqlx::PgPool;
use tokio::{task::JoinSet, time::sleep};
use tracing::warn;

use crate::{handler::Handler, settings::Consuming};

/// When whoever was served by stock that came free is looked for, if nobody did at once.
pub(crate) const SWEEP_AFTER: Duration = Duration::from_secs(1);
/// The pause between two looks for what is to be tried again.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The pause between two looks at what operators watch.
const SHOW_EVERY: Duration = Duration::from_secs(5);
/// While something is away one attempt is made now and then, several within a message's patience.
const ATTEMPTS_WITHIN_PATIENCE: u32 = 2;

/// Starts the consumers. They end with the set, or when `stop` does: what is under way then is handled again by whoever
/// comes next, without effect where it had one.
///
/// # Errors
/// What is wrong with the settings.
pub fn start<Stop>(
    tasks: &mut JoinSet<()>,
    consuming: &Consuming,
    pool: &PgPool,
    stop: impl Fn() -> Stop,
) -> anyhow::Result<()>
where
    Stop: Future<Output = ()> + Send + 'static,
{
    let usual = BreakerSettings::default();
    let open_for = usual.open_for.min(consuming.patience / ATTEMPTS_WITHIN_PATIENCE);
    let handler = Handler::new(pool.clone(), consuming, BreakerSettings { open_for, ..usual })?;
    let mut until_stopped = |work: futures::future::BoxFuture<'static, ()>| {
        let stop = stop();
        tasks.spawn(async move {
            tokio::select! {
                () = stop => {}
                () = work => {}
            }
        });
    };
    #[cfg(feature = "amqp")]
    if let Some(url) = consuming.amqp.clone() {
        until_stopped(Box::pin(crate::amqp::consume(handler.clone(), url, consuming.clone())));
    }
    #[cfg(feature = "kafka")]
    if let (Some((servers, topic)), false) = (consuming.kafka.clone(), consuming.stock_is_elsewhere) {
        until_stopped(Box::pin(crate::kafka::consume(handler.clone(), servers, topic, consuming.clone())));
    }
    until_stopped(Box::pin(try_again(handler)));
    until_stopped(Box::pin(show_dead(pool.clone())));
    Ok(())
}

/// How many wait for a person.
async fn show_dead(pool: PgPool) {
    loop {
        let dead = async { outbox::incoming::count_dead(&mut *pool.acquire().await?).await };
        match dead.await {
            Ok(dead) => gauge!("waybill_incoming_events_dead").set(dead as f64),
            Err(error) => warn!(%error, "how many events of other systems are dead is not known"),
        }
        sleep(SHOW_EVERY).await;
    }
}

async fn try_again(handler: Handler) {
    loop {
        match handler.handle_one_again().await {
            Ok(true) => {}
            Ok(false) => sleep(LOOK_EVERY).await,
            Err(trouble) => {
                warn!(%trouble, "what is to be tried again waits");
                sleep(LOOK_EVERY).await;
            }
        }
    }
}
