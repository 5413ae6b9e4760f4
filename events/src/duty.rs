//! The duty: a relay for each sink that is configured, and the gauges that operators watch.

use std::{collections::BTreeSet, time::Duration};

use metrics::gauge;
use sqlx::PgPool;
use tokio::{task::JoinSet, time::sleep};
use tracing::warn;

#[cfg(any(feature = "kafka", feature = "amqp"))]
use crate::broker_relay::relay;
use crate::{settings::Brokers, webhooks::Webhooks};

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
