//! What arrives in Kafka and in RabbitMQ, heard by clients of their own.

use std::{env, time::Duration};

use anyhow::{Context, bail};
use futures::StreamExt;
use lapin::{
    Channel, Connection, ConnectionProperties, Consumer, ExchangeKind,
    options::{BasicConsumeOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{Consumer as _, StreamConsumer},
};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use crate::output::Output;

/// How long the events of an order may take that Shopify was told of.
const HEARD_WITHIN: Duration = Duration::from_secs(20);
/// How long a broker may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

const EXCHANGES: [&str; 3] = ["order.events", "inventory.events", "inventory.notifications"];
/// The demo's queue, and how many messages it keeps for nobody.
const QUEUE: &str = "waybill-demo";
const MOST_KEPT: i32 = 10_000;
const ORDER_EVENTS: &str = "order-events";
const INVENTORY_EVENTS: &str = "inventory-events";

/// A consumer of each broker, which hears what comes from when it was opened on.
pub struct Ears {
    kafka: StreamConsumer,
    rabbitmq: Consumer,
    // The consumer goes with them.
    _connection: Connection,
    _channel: Channel,
}

impl Ears {
    /// Begins to listen where KAFKA_BOOTSTRAP_SERVERS and AMQP_URL say.
    ///
    /// # Errors
    /// A broker does not answer, or nobody said where it is.
    pub async fn open() -> anyhow::Result<Self> {
        let kafka = kafka(&variable("KAFKA_BOOTSTRAP_SERVERS")?).context("Kafka")?;
        let (connection, channel, rabbitmq) = rabbitmq(&variable("AMQP_URL")?).await.context("RabbitMQ")?;
        Ok(Self { kafka, rabbitmq, _connection: connection, _channel: channel })
    }

    /// Shows what comes of an order, until it has shipped in Kafka and its stock has left in RabbitMQ.
    ///
    /// # Errors
    /// Something does not arrive.
    pub async fn show(&mut self, screen: Output, order: &str) -> anyhow::Result<()> {
        let deadline = Instant::now() + HEARD_WITHIN;
        self.show_kafka(screen, order, deadline).await?;
        loop {
            let Ok(message) = timeout_at(deadline, self.rabbitmq.next()).await else {
                bail!("not all events arrived in RabbitMQ; the worker's log says why");
            };
            let message = message.context("RabbitMQ ended the consumer")??;
            let event: Value = serde_json::from_slice(&message.data).context("an event is no JSON")?;
            if is_of(&event, order) {
                print(screen, "RabbitMQ", &format!("{} {}", message.exchange, message.routing_key), &event);
                if event["eventType"] == "AllocationFulfilled" {
                    return Ok(());
                }
            }
        }
    }

    async fn show_kafka(&self, screen: Output, order: &str, deadline: Instant) -> anyhow::Result<()> {
        let mut still = vec!["ORDER_SHIPPED", "AllocationFulfilled"];
        while !still.is_empty() {
            let Ok(message) = timeout_at(deadline, self.kafka.recv()).await else {
                bail!("not all events arrived in Kafka; the worker's log says why");
            };
            let message = message?;
            let event: Value = serde_json::from_slice(message.payload().unwrap_or_default())
                .context("an event is no JSON")?;
            if is_of(&event, order) {
                print(screen, "Kafka", message.topic(), &event);
                still.retain(|name| event["eventType"] != *name);
            }
        }
        Ok(())
    }
}

fn variable(name: &str) -> anyhow::Result<String> {
    env::var(name).ok().filter(|value| !value.is_empty()).with_context(|| format!("{name} is not set"))
}

/// From the end of both topics on.
fn kafka(servers: &str) -> anyhow::Result<StreamConsumer> {
    let consumer: StreamConsumer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("group.id", "waybill-demo")
        .set("enable.auto.commit", "false")
        .create()?;
    let mut all = TopicPartitionList::new();
    for topic in [ORDER_EVENTS, INVENTORY_EVENTS] {
        let known = consumer.fetch_metadata(Some(topic), ANSWER_WITHIN)?;
        for partition in known.topics().iter().flat_map(|topic| topic.partitions()) {
            let (_, end) = consumer.fetch_watermarks(topic, partition.id(), ANSWER_WITHIN)?;
            all.add_partition_offset(topic, partition.id(), Offset::Offset(end))?;
        }
    }
    consumer.assign(&all)?;
    Ok(consumer)
}

/// Everything that is published, in a queue that stays: a message that no queue is bound for would be refused.
async fn rabbitmq(url: &str) -> anyhow::Result<(Connection, Channel, Consumer)> {
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    let mut arguments = FieldTable::default();
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(MOST_KEPT));
    let queue = channel.queue_declare(QUEUE.into(), durable, arguments).await?;
    for exchange in EXCHANGES {
        let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        channel
            .exchange_declare(exchange.into(), ExchangeKind::Topic, durable, FieldTable::default())
            .await?;
        let (options, arguments) = (QueueBindOptions::default(), FieldTable::default());
        channel.queue_bind(queue.name().clone(), exchange.into(), "#".into(), options, arguments).await?;
    }
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let tag = "waybill-demo".into();
    let consumer = channel.basic_consume(queue.name().clone(), tag, options, FieldTable::default()).await?;
    Ok((connection, channel, consumer))
}

fn is_of(event: &Value, order: &str) -> bool {
    event["payload"]["orderId"] == order
}

fn print(screen: Output, broker: &str, place: &str, event: &Value) {
    let name = event["eventType"].as_str().unwrap_or_default();
    screen.line(&format!("  {broker:<10}{name:<22}{place}"));
}
