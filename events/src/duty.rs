//! The duty: a relay for each sink that is configured, and the gauges that operators watch.

use std::{collections::BTreeSet, time::Duration};

use metrics::gauge;
use outbox::{Relay, RelaySettings, Sink};
use sqlx::PgPool;
use tokio::{task::JoinSet, time::sleep};
use tracing::{info, warn};

use crate::{settings::Brokers, webhooks::Webhooks};

/// The pause between two attempts to say in the database that there is a sink.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// The pause between two looks at what operators watch.
const SHOW_GAUGES_EVERY: Duration = Duration::from_secs(5);

/// Whom webhooks may go to.
#[derive(Debug, Clone, Copy)]
pub struct Allowed {
    /// Addresses that the internet does not reach, too.
    pub private_webhooks: bool,
    /// Other machines without TLS.
    pub plain_http: bool,
}

/// Starts a relay for each sink. A relay ends when `stop` does, after what is under way.
///
/// # Errors
/// What is wrong with the settings of a broker.
pub fn start<Stop>(
    tasks: &mut JoinSet<()>,
    brokers: &Brokers,
    allowed: Allowed,
    pool: &PgPool,
    stop: impl Fn() -> Stop,
) -> anyhow::Result<()>
where
    Stop: Future<Output = ()> + Send + 'static,
{
    #[cfg(feature = "kafka")]
    if let Some(broker) = brokers.kafka.clone() {
        let sink = crate::kafka::KafkaSink::new(broker, brokers.source.clone(), pool.clone())?;
        tasks.spawn(relay(sink, pool.clone(), brokers.relay.clone(), stop()));
    }
    #[cfg(feature = "amqp")]
    if let Some(url) = brokers.amqp.clone() {
        let sink = crate::amqp::AmqpSink::new(url, brokers.source.clone());
        tasks.spawn(relay(sink, pool.clone(), brokers.relay.clone(), stop()));
    }
    let webhooks = Webhooks {
        pool: pool.clone(),
        source: brokers.source.clone(),
        relay: brokers.relay.clone(),
        private_too: allowed.private_webhooks,
        plain_too: allowed.plain_http,
    };
    tasks.spawn(webhooks.run(stop()));
    let (pool, stop) = (pool.clone(), stop());
    tasks.spawn(async move {
        tokio::select! {
            () = stop => {}
            () = show_gauges(&pool) => {}
        }
    });
    Ok(())
}

/// Publishes to a sink. What is written from the first time on that it is said to be there is published.
async fn relay(
    sink: impl Sink,
    pool: PgPool,
    settings: RelaySettings,
    stop: impl Future<Output = ()> + Send,
) {
    let mut stop = std::pin::pin!(stop);
    let name = sink.name().to_owned();
    while let Err(error) = add(&pool, &name).await {
        warn!(sink = name, %error, "waiting for the database");
        tokio::select! {
            () = &mut stop => return,
            () = sleep(TRY_AGAIN_AFTER) => {}
        }
    }
    info!(sink = name, "events are published");
    Relay::new(pool, sink, settings).run(stop).await;
}

async fn add(pool: &PgPool, sink: &str) -> Result<(), sqlx::Error> {
    outbox::add_sink(&mut *pool.acquire().await?, sink).await
}

/// How far each sink is behind. Of one that is gone nothing is left.
async fn show_gauges(pool: &PgPool) {
    let mut shown = BTreeSet::new();
    loop {
        match backlog(pool).await {
            Ok(sinks) => {
                let here: BTreeSet<String> = sinks.iter().map(|sink| sink.sink.clone()).collect();
                for gone in shown.difference(&here) {
                    show(gone, 0.0, 0.0, 0.0);
                }
                for sink in sinks {
                    show(&sink.sink, sink.waiting as f64, sink.oldest_seconds, sink.dead as f64);
                }
                shown = here;
            }
            Err(error) => warn!(%error, "how many events wait is not known"),
        }
        sleep(SHOW_GAUGES_EVERY).await;
    }
}

fn show(sink: &str, waiting: f64, oldest_seconds: f64, dead: f64) {
    gauge!("waybill_events_waiting", "sink" => sink.to_owned()).set(waiting);
    gauge!("waybill_events_oldest_seconds", "sink" => sink.to_owned()).set(oldest_seconds);
    gauge!("waybill_events_dead", "sink" => sink.to_owned()).set(dead);
}

async fn backlog(pool: &PgPool) -> Result<Vec<outbox::Backlog>, sqlx::Error> {
    outbox::backlog(&mut *pool.acquire().await?).await
}
