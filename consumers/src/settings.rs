//! Which events are consumed. The field docs are the `--help`.

use std::time::Duration;

use clap::Args;
use process::settings::{Problems, Secrets};
use url::Url;

use crate::order_service::OrderServiceSettings;

/// The least that is waited before messages are given back.
const LEAST_PATIENCE: Duration = Duration::from_millis(100);

/// The settings as they are given.
#[derive(Args, Debug, Clone)]
pub struct ConsumerSettings {
    /// The Kafka topic on which other systems send the events of their orders. Without it none is consumed.
    #[arg(long, env = "KAFKA_ORDER_COMMANDS_TOPIC")]
    kafka_order_commands_topic: Option<String>,
    /// The orders' own system, which is asked (GET /orders/ID and /orders/ID/items) before stock is held for one. Its
    /// token is ORDER_SERVICE_TOKEN.
    #[arg(long, env = "ORDER_SERVICE_URL")]
    order_service_url: Option<String>,
    /// How long a message is waited with while something of ours is away; then it is given back once, until all is
    /// there again. Below RabbitMQ's consumer_timeout.
    #[arg(long, env = "CONSUMER_PATIENCE", default_value = "1m")]
    consumer_patience: String,
}

/// The settings, checked.
#[derive(Clone)]
pub struct Consuming {
    /// The source of our own events, which are passed over.
    pub source: String,
    /// What this installation is called.
    pub instance: String,
    /// RabbitMQ, if events come by it. Holds a password: never logged.
    pub amqp: Option<Url>,
    /// Kafka's brokers and the topic, if events come by it.
    pub kafka: Option<(String, String)>,
    /// The orders' own system.
    pub order_service: Option<OrderServiceSettings>,
    /// How long a message is waited with.
    pub patience: Duration,
    /// Whether all systems' allocations are one.
    pub shared_allocations: bool,
    /// Whether stock is kept by another system: then its events are consumed, and none of orders.
    pub stock_is_elsewhere: bool,
}

impl ConsumerSettings {
    /// Checks them; what is wrong is added to the problems. Brokers and names are those of the events' settings.
    pub fn resolve(
        &self,
        source: &str,
        amqp: Option<Url>,
        kafka: Option<String>,
        secrets: &Secrets,
        problems: &mut Problems,
    ) -> Consuming {
        let topic = self.kafka_order_commands_topic.clone();
        if topic.is_some() && kafka.is_none() {
            problems.add("KAFKA_ORDER_COMMANDS_TOPIC: KAFKA_BOOTSTRAP_SERVERS is missing");
        }
        let url = self.order_service_url.as_deref().and_then(|given| {
            let url = Url::parse(given).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
            if url.is_none() {
                problems.add(&format!("ORDER_SERVICE_URL={given}: http:// or https://, a host and a path"));
            }
            url
        });
        let token = secrets.get("ORDER_SERVICE_TOKEN").map(ToOwned::to_owned);
        Consuming {
            source: source.to_owned(),
            instance: source.rsplit('/').next().unwrap_or_default().to_owned(),
            amqp,
            kafka: kafka.zip(topic),
            order_service: url.map(|url| OrderServiceSettings { url, token }),
            patience: problems.time("CONSUMER_PATIENCE", &self.consumer_patience, LEAST_PATIENCE),
            shared_allocations: false,
            stock_is_elsewhere: false,
        }
    }
}
