//! Kafka: the topic of the orders' events. A partition is read in order; its offset is committed after the transaction.

use std::{collections::BTreeMap, time::Duration};

use rdkafka::{
    ClientConfig, Message as _,
    config::RDKafkaLogLevel,
    consumer::{CommitMode, Consumer, StreamConsumer},
    error::KafkaError,
    message::{BorrowedMessage, Headers},
};
use tokio::time::sleep;
use tracing::{info, warn};

use crate::{
    handler::Handler,
    message::Message,
    patience::{until_done, until_there},
    settings::Consuming,
};

const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Consumes the topic for ever.
pub(crate) async fn consume(handler: Handler, servers: String, topic: String, consuming: Consuming) {
    loop {
        until_there(&handler).await;
        if let Err(error) = consume_until_trouble(&handler, &servers, &topic, &consuming).await {
            warn!(%error, "the consumer of order events begins again");
        }
        sleep(TRY_AGAIN_AFTER).await;
    }
}

/// Ends when the consumer does, or when patience has: whoever comes next begins where nothing was committed.
async fn consume_until_trouble(
    handler: &Handler,
    servers: &str,
    topic: &str,
    consuming: &Consuming,
) -> Result<(), KafkaError> {
    let consumer: StreamConsumer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("group.id", format!("waybill-{}-orders", consuming.instance))
        .set("enable.auto.commit", "false")
        // How long the partitions of one that died are kept for it.
        .set("session.timeout.ms", "10000")
        .set("auto.offset.reset", "earliest")
        .set_log_level(RDKafkaLogLevel::Error)
        .create()?;
    consumer.subscribe(&[topic])?;
    loop {
        let record = consumer.recv().await?;
        let attempt = || handler.handle(message_of(&record));
        if until_done(handler, consuming.patience, attempt).await.is_err() {
            info!("order events are given back until what they need is there");
            return Ok(());
        }
        consumer.commit_message(&record, CommitMode::Async)?;
    }
}

fn message_of(record: &BorrowedMessage<'_>) -> Message {
    let headers = record.headers().into_iter().flat_map(|headers| headers.iter());
    let headers = headers.filter_map(|header| {
        let value = String::from_utf8_lossy(header.value?).into_owned();
        Some((header.key.to_owned(), value))
    });
    let body = record.payload().unwrap_or_default().to_vec();
    Message { broker: "kafka", headers: headers.collect::<BTreeMap<_, _>>(), body }
}
