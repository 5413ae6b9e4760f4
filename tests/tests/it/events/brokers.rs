//! Brokers of a test's own, as real processes, and somebody else's client of each.

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use futures::StreamExt;
use lapin::{
    Connection, ConnectionProperties, ExchangeKind,
    message::Delivery,
    options::{
        BasicAckOptions, BasicConsumeOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
    },
    types::{AMQPValue, FieldTable},
};
use rdkafka::{
    ClientConfig, Message, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    message::Headers,
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::world::free_port;

/// How long a broker may take to start on a busy machine.
const START: &str = "120";

/// A broker with its data in a folder of its own. It ends with this value.
pub struct Broker {
    script: String,
    /// More of RabbitMQ's configuration.
    settings: &'static str,
    folder: TempDir,
    /// Where it listens on loopback.
    pub port: u16,
    child: Child,
}

impl Broker {
    /// Starts one by this script of ours.
    pub fn start(script: &str) -> Self {
        Self::with(script, "")
    }

    fn with(script: &str, settings: &'static str) -> Self {
        let script = format!("{}/../scripts/{script}", env!("CARGO_MANIFEST_DIR"));
        let (folder, port) = (tempfile::tempdir().expect("a folder is made"), free_port());
        let child = serve(&script, folder.path(), port, settings);
        let broker = Self { script, settings, folder, port, child };
        broker.until_ready();
        broker
    }

    pub fn kafka() -> Self {
        Self::start("kafka.sh")
    }

    pub fn rabbitmq() -> Self {
        Self::start("rabbitmq.sh")
    }

    /// A RabbitMQ that ends the channel of a consumer that keeps a message for ten seconds.
    pub fn impatient_rabbitmq() -> Self {
        Self::with("rabbitmq.sh", "consumer_timeout = 10000")
    }

    /// A RabbitMQ that takes no message of more than 4000 bytes.
    pub fn narrow_rabbitmq() -> Self {
        Self::with("rabbitmq.sh", "max_message_size = 4000")
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again with its data.
    pub fn start_again(&mut self) {
        self.child = serve(&self.script, self.folder.path(), self.port, self.settings);
        self.until_ready();
    }

    /// Creates a topic.
    pub fn topic(&self, name: &str, settings: &[&str]) {
        let port = self.port.to_string();
        self.call(&[&["topic", &port, name, "8"], settings].concat());
    }

    fn until_ready(&self) {
        self.call(&["ready", &self.port.to_string(), START]);
    }

    fn call(&self, arguments: &[&str]) {
        let answer = Command::new(&self.script).args(arguments).output().expect("the script runs");
        assert!(answer.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&answer.stderr));
    }
}

fn serve(script: &str, folder: &Path, port: u16, settings: &str) -> Child {
    let log =
        std::fs::File::options().create(true).append(true).open(folder.join("said.log")).expect("a log");
    Command::new(script)
        .args(["serve", &folder.display().to_string(), &port.to_string()])
        .env("WAYBILL_RABBITMQ_CONFIG", settings)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a log"))
        .stderr(log)
        .spawn()
        .expect("the script runs")
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A message of either broker.
#[derive(Debug, Clone)]
pub struct Got {
    /// The record's key, or the routing key.
    pub key: String,
    /// The topic, or the exchange.
    pub from: String,
    pub headers: BTreeMap<String, String>,
    /// As it came.
    pub text: String,
    pub body: Value,
}

impl Got {
    /// One of its CloudEvents attributes.
    pub fn attribute(&self, name: &str) -> &str {
        let of_kafka = self.headers.get(&format!("ce_{name}"));
        of_kafka.or_else(|| self.headers.get(&format!("cloudEvents_{name}"))).expect("it has the attribute")
    }

    pub fn id(&self) -> &str {
        self.attribute("id")
    }

    pub fn sequence(&self) -> i64 {
        self.attribute("sequence").parse().expect("a number")
    }
}

/// Everything there is in a topic, partition by partition.
pub fn topic(broker: &Broker, name: &str) -> Vec<Got> {
    const SOON: Duration = Duration::from_secs(30);
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", format!("127.0.0.1:{}", broker.port))
        .set("group.id", "tests")
        .set("enable.auto.commit", "false")
        .create()
        .expect("a consumer");
    let metadata = consumer.fetch_metadata(Some(name), SOON).expect("the topic is known");
    let mut assigned = TopicPartitionList::new();
    let mut left = 0;
    for partition in metadata.topics()[0].partitions() {
        let (low, high) = consumer.fetch_watermarks(name, partition.id(), SOON).expect("its ends are known");
        left += high - low;
        assigned.add_partition_offset(name, partition.id(), rdkafka::Offset::Beginning).expect("a partition");
    }
    consumer.assign(&assigned).expect("it is assigned");
    let mut all = Vec::new();
    // Control records have offsets too and are never seen, but nothing here is transactional.
    while (all.len() as i64) < left {
        let message = consumer.poll(SOON).expect("records come").expect("a record");
        let headers = message.headers().expect("it has headers").iter();
        let text =
            |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap_or_default().to_vec()).expect("text");
        all.push(Got {
            key: text(message.key()),
            from: name.to_owned(),
            headers: headers.map(|header| (header.key.to_owned(), text(header.value))).collect(),
            text: text(message.payload()),
            body: serde_json::from_slice(message.payload().expect("it has a value")).expect("JSON"),
        });
    }
    all
}

/// A queue that gets whatever is published to these exchanges under these keys.
pub struct Queue {
    connection: Connection,
    name: String,
}

impl Queue {
    pub async fn bound(broker: &Broker, name: &str, bindings: &[(&str, &str)]) -> Self {
        let queue = Self { connection: connect(broker).await, name: name.to_owned() };
        queue.bind(bindings).await;
        queue
    }

    /// Of more exchanges and keys.
    pub async fn bind(&self, bindings: &[(&str, &str)]) {
        let channel = self.connection.create_channel().await.expect("a channel");
        let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        channel
            .queue_declare(self.name.as_str().into(), durable, FieldTable::default())
            .await
            .expect("a queue");
        for (exchange, key) in bindings {
            let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
            let none = FieldTable::default();
            let kind = ExchangeKind::Topic;
            channel
                .exchange_declare((*exchange).into(), kind, durable, none.clone())
                .await
                .expect("an exchange");
            let options = QueueBindOptions::default();
            let (queue, exchange, key) = (self.name.as_str().into(), (*exchange).into(), (*key).into());
            channel.queue_bind(queue, exchange, key, options, none).await.expect("it is bound");
        }
    }

    /// Takes what is there, until nothing came for a while.
    pub async fn drain(&self, quiet: Duration) -> Vec<Got> {
        let channel = self.connection.create_channel().await.expect("a channel");
        let (queue, tag) = (self.name.as_str().into(), "tests".into());
        let mut consumer = channel
            .basic_consume(queue, tag, BasicConsumeOptions::default(), FieldTable::default())
            .await
            .expect("it is consumed");
        let mut all = Vec::new();
        while let Ok(Some(delivery)) = timeout(quiet, consumer.next()).await {
            let delivery = delivery.expect("a message");
            delivery.ack(BasicAckOptions::default()).await.expect("it is acknowledged");
            all.push(got(&delivery));
        }
        channel.close(200, "read".into()).await.expect("the channel closes");
        all
    }
}

pub async fn connect(broker: &Broker) -> Connection {
    let url = format!("amqp://127.0.0.1:{}/%2f", broker.port);
    Connection::connect(&url, ConnectionProperties::default()).await.expect("RabbitMQ answers")
}

fn got(delivery: &Delivery) -> Got {
    let headers = delivery.properties.headers().clone().unwrap_or_default();
    let text = |value: &AMQPValue| match value {
        AMQPValue::LongString(text) => text.to_string(),
        other => panic!("{other:?} is no text"),
    };
    Got {
        key: delivery.routing_key.to_string(),
        from: delivery.exchange.to_string(),
        headers: headers.inner().iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        text: String::from_utf8(delivery.data.clone()).expect("text"),
        body: serde_json::from_slice(&delivery.data).expect("JSON"),
    }
}
