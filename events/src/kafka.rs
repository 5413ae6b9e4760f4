//! Kafka: the topics, and what its answers mean.
//!
//! The producer is idempotent and waits for all replicas, so that a broker's own retries keep order and repeat nothing.
//! `murmur2_random` puts a key where the clients of other languages put it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::future::try_join_all;
use outbox::{Done, Outgoing, Sink, SinkError};
use parking_lot::RwLock;
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, ResourceSpecifier},
    client::DefaultClientContext,
    error::{KafkaError, RDKafkaErrorCode as Code},
    message::{Header, OwnedHeaders},
    producer::{FutureProducer, FutureRecord, Producer},
};
use sqlx::PgPool;

use crate::{
    alone::{Alone, Failed},
    connected::{ANSWER_WITHIN, Connected},
    envelope,
    order_placed::{self, OrderPlacedError},
    settings::KafkaBroker,
};

/// How long what is known of the topics is believed.
const TOPICS_KNOWN_FOR: Duration = Duration::from_secs(60);
/// The same before a record is refused by it.
const LIMITS_KNOWN_FOR: Duration = Duration::from_secs(1);
/// What a record costs beside its key, its headers and its value, at most; Kafka counts the batch it is in.
const RECORD_OVERHEAD: usize = 256;

const ORDERS: &str = "order-events";
const INVENTORY: &str = "inventory-events";

/// Publishes to Kafka.
pub(crate) struct KafkaSink {
    pool: PgPool,
    source: String,
    order_topic: String,
    config: ClientConfig,
    producer: RwLock<FutureProducer>,
    topics: Connected<Topics>,
    alone: Alone,
}

/// The most bytes a record of each topic may have.
type Topics = BTreeMap<String, usize>;

/// What goes to one topic.
struct Message<'a> {
    topic: &'a str,
    body: Vec<u8>,
}

/// A message as it is sent, perhaps twice.
struct Record<'a> {
    topics: &'a Arc<Topics>,
    topic: &'a str,
    key: &'a str,
    headers: Vec<(String, String)>,
    body: &'a [u8],
}

impl KafkaSink {
    /// # Errors
    /// What librdkafka does not take of the settings. The brokers are not asked yet.
    pub(crate) fn new(broker: KafkaBroker, source: String, pool: PgPool) -> Result<Self, KafkaError> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", broker.bootstrap_servers)
            .set("client.id", "waybill")
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("partitioner", "murmur2_random")
            // A stream has one record under way at a time: waiting for more of them would hold it up.
            .set("linger.ms", "1")
            .set("message.timeout.ms", ANSWER_WITHIN.as_millis().to_string())
            // What a topic takes is asked; this is the most that any may.
            .set("message.max.bytes", "64000000");
        let (producer, order_topic) = (RwLock::new(config.create()?), broker.order_topic);
        let (topics, alone) = (Connected::new(), Alone::default());
        Ok(Self { pool, source, order_topic, config, producer, topics, alone })
    }

    /// All topics are to be there before anything is published.
    async fn topics(&self, younger_than: Duration) -> Result<Arc<Topics>, SinkError> {
        self.topics.get(younger_than, self.ask_topics()).await
    }

    async fn ask_topics(&self) -> Result<Topics, String> {
        let admin: AdminClient<DefaultClientContext> =
            self.config.create().map_err(|error| error.to_string())?;
        let topics = [self.order_topic.as_str(), ORDERS, INVENTORY];
        let asked = topics.map(ResourceSpecifier::Topic);
        let options = AdminOptions::new().request_timeout(Some(ANSWER_WITHIN));
        let answers = admin.describe_configs(&asked, &options).await.map_err(|error| error.to_string())?;
        let most_bytes = topics.iter().zip(answers).map(|(topic, answer)| {
            let settings = answer.map_err(|code| match code {
                Code::UnknownTopicOrPartition => format!("topic {topic} is missing: create it"),
                _ => format!("topic {topic}: {code}"),
            })?;
            let most =
                settings.get("max.message.bytes").and_then(|entry| entry.value.as_deref()?.parse().ok());
            Ok(((*topic).to_owned(), most.unwrap_or(usize::MAX)))
        });
        most_bytes.collect()
    }

    async fn messages<'a>(&'a self, event: &'a Outgoing) -> Result<Vec<Message<'a>>, SinkError> {
        let body = envelope::body(event, &event.event_type, &self.source)
            .map_err(|error| SinkError::Refused(error.to_string()))?;
        let topic = if event.aggregate_type == "Order" { ORDERS } else { INVENTORY };
        let mut messages = vec![Message { topic, body }];
        if event.event_type == "ORDER_PLACED" {
            let body = order_placed::body(&self.pool, event).await.map_err(|error| match error {
                OrderPlacedError::Database(error) => SinkError::Away(error.to_string()),
                error @ (OrderPlacedError::Json(_) | OrderPlacedError::NoSuchOrder) => {
                    SinkError::Refused(error.to_string())
                }
            })?;
            messages.push(Message { topic: &self.order_topic, body });
        }
        Ok(messages)
    }

    async fn send(
        &self,
        topics: &Arc<Topics>,
        event: &Outgoing,
        message: &Message<'_>,
    ) -> Result<(), SinkError> {
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        let attributes = envelope::attributes(event, &event.event_type, &self.source);
        headers.extend(attributes.map(|(name, value)| (format!("ce_{name}"), value)));
        let size: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        let size = size + event.partition_key.len() + message.body.len() + RECORD_OVERHEAD;
        let most = |topics: &Topics| topics.get(message.topic).copied().unwrap_or(usize::MAX);
        if size > most(topics) && size > most(&*self.topics(LIMITS_KNOWN_FOR).await?) {
            let most = most(topics);
            return Err(SinkError::Refused(format!(
                "TOO_LARGE: {size} bytes, {} takes {most}",
                message.topic
            )));
        }
        let record =
            Record { topics, topic: message.topic, key: &event.partition_key, headers, body: &message.body };
        let together = {
            let _place = self.alone.beside_others().await;
            self.attempt(&record).await
        };
        match together {
            Err(Failed::PerhapsForAnother(_)) => {
                let _place = self.alone.alone().await;
                Ok(self.attempt(&record).await?)
            }
            result => Ok(result?),
        }
    }

    async fn attempt(&self, record: &Record<'_>) -> Result<(), Failed> {
        let headers = record
            .headers
            .iter()
            .fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value: Some(value) }));
        let producer = self.producer.read().clone();
        let sent = FutureRecord::to(record.topic).key(record.key).payload(record.body).headers(headers);
        match producer.send(sent, ANSWER_WITHIN).await {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(self.meaning(&producer, record.topics, &error).await),
        }
    }

    /// What an error says: a few are of the record, all others of the way there.
    async fn meaning(&self, producer: &FutureProducer, topics: &Arc<Topics>, error: &KafkaError) -> Failed {
        let text = error.to_string();
        match error.rdkafka_error_code() {
            Some(Code::MessageSizeTooLarge | Code::MessageBatchTooLarge | Code::InvalidRecord) => {
                // Perhaps the topic takes less than when it was asked.
                self.topics.give_up(topics).await;
                return Failed::PerhapsForAnother(text);
            }
            Some(Code::UnknownTopicOrPartition | Code::UnknownTopic) => self.topics.give_up(topics).await,
            _ if producer.client().fatal_error().is_some() => self.begin_anew(),
            _ => {}
        }
        Failed::For(SinkError::Away(text))
    }

    /// Nothing goes through a producer any more that had a fatal error.
    fn begin_anew(&self) {
        let mut producer = self.producer.write();
        if producer.client().fatal_error().is_some()
            && let Ok(new) = self.config.create()
        {
            *producer = new;
        }
    }
}

impl Sink for KafkaSink {
    fn name(&self) -> &str {
        "kafka"
    }

    async fn publish(&self, event: &Outgoing) -> Result<Done, SinkError> {
        let topics = self.topics(TOPICS_KNOWN_FOR).await?;
        let messages = self.messages(event).await?;
        try_join_all(messages.iter().map(|message| self.send(&topics, event, message))).await?;
        Ok(Done::Taken)
    }
}
