//! RabbitMQ: the queue of the orders' events, or of another inventory system's, read by one consumer at a time, in order.
//!
//! The queue is a quorum queue with a delivery limit, so that what is given back keeps its place, and a message that ends
//! the process each time goes to the queue of dead ones in the end. That one is read too: every message in it becomes a
//! row that a person sees.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures::StreamExt;
use lapin::{
    Channel, Connection, ConnectionProperties, Consumer, ExchangeKind,
    message::Delivery,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicQosOptions, ExchangeDeclareOptions, QueueBindOptions,
        QueueDeclareOptions,
    },
    types::{AMQPValue, FieldTable},
};
use tokio::time::sleep;
use tracing::{info, warn};
use url::Url;

use crate::{
    handler::Handler,
    message::Message,
    patience::{until_done, until_there},
    settings::Consuming,
};

const DEAD_EXCHANGE: &str = "order.events.dead";
/// What the queue of orders' events is bound to.
const ORDERS: [(&str, &str); 4] = [
    ("order.events", "order.ordercreated.order"),
    ("order.events", "order.orderconfirmed.order"),
    ("order.events", "order.ordercancelled.order"),
    ("order.events", "order.orderreturninitiated.order"),
];
/// What the queue of another inventory system's events is bound to.
const STOCK: [(&str, &str); 5] = [
    ("inventory.events", "inventory.allocationcreated.allocation"),
    ("inventory.events", "inventory.allocationconfirmed.allocation"),
    ("inventory.events", "inventory.allocationcancelled.allocation"),
    ("inventory.events", "inventory.allocationfulfilled.allocation"),
    ("inventory.notifications", "inventory.insufficientstock.inventoryitem"),
];
/// Messages that are here at once.
const PREFETCH: u16 = 50;
/// Deliveries after the first. Each costs one: a process that ends, a connection that breaks, an outage.
const DELIVERY_LIMIT: i64 = 5;
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Which of the two queues.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Queue {
    Events,
    Dead,
}

/// Consumes both queues for ever.
pub(crate) async fn consume(handler: Handler, url: Url, consuming: Consuming) {
    let dead = keep_consuming(&handler, &url, &consuming, Queue::Dead);
    tokio::join!(keep_consuming(&handler, &url, &consuming, Queue::Events), dead);
}

async fn keep_consuming(handler: &Handler, url: &Url, consuming: &Consuming, queue: Queue) {
    loop {
        until_there(handler).await;
        if let Err(error) = consume_until_trouble(handler, url, consuming, queue).await {
            warn!(%error, "the consumer of order events begins again");
        }
        sleep(TRY_AGAIN_AFTER).await;
    }
}

/// Ends with the connection, or when patience has: closing the connection gives back what was not acknowledged.
async fn consume_until_trouble(
    handler: &Handler,
    url: &Url,
    consuming: &Consuming,
    queue: Queue,
) -> lapin::Result<()> {
    let properties = ConnectionProperties::default().with_connection_name("waybill order events".into());
    let connection = Connection::connect(url.as_str(), properties).await?;
    let channel = connection.create_channel().await?;
    let mut consumer = begin(&channel, consuming, queue).await?;
    while let Some(delivery) = consumer.next().await {
        let delivery = delivery?;
        let attempt = || {
            let message = message_of(&delivery);
            async move {
                match queue {
                    Queue::Events => handler.handle(message).await,
                    Queue::Dead => handler.bury(message, "DELIVERED_TOO_OFTEN: the broker gave it up").await,
                }
            }
        };
        if until_done(handler, consuming.patience, attempt).await.is_err() {
            info!("order events are given back until what they need is there");
            break;
        }
        delivery.ack(BasicAckOptions::default()).await?;
    }
    connection.close(200, "until later".into()).await
}

async fn begin(channel: &Channel, consuming: &Consuming, queue: Queue) -> lapin::Result<Consumer> {
    let (what, bindings) = match consuming.stock_is_elsewhere {
        true => ("stock", STOCK.as_slice()),
        false => ("orders", ORDERS.as_slice()),
    };
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    let exchanges: BTreeSet<&str> = bindings.iter().map(|(exchange, _)| *exchange).collect();
    for exchange in exchanges.into_iter().chain([DEAD_EXCHANGE]) {
        let arguments = FieldTable::default();
        channel.exchange_declare(exchange.into(), ExchangeKind::Topic, durable, arguments).await?;
    }
    let (events, dead) = (
        format!("waybill.{}.{what}", consuming.instance),
        format!("waybill.{}.{what}.dead", consuming.instance),
    );
    declare(channel, &dead, &[]).await?;
    bind(channel, &dead, DEAD_EXCHANGE, &events).await?;
    let text = |text: &str| AMQPValue::LongString(text.into());
    let arguments = [
        ("x-single-active-consumer", AMQPValue::Boolean(true)),
        ("x-delivery-limit", AMQPValue::LongLongInt(DELIVERY_LIMIT)),
        ("x-dead-letter-exchange", text(DEAD_EXCHANGE)),
        ("x-dead-letter-routing-key", text(&events)),
        ("x-dead-letter-strategy", text("at-least-once")),
        ("x-overflow", text("reject-publish")),
    ];
    declare(channel, &events, &arguments).await?;
    for (exchange, key) in bindings {
        bind(channel, &events, exchange, key).await?;
    }
    channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
    let name = if queue == Queue::Events { events } else { dead };
    let arguments = FieldTable::default();
    channel.basic_consume(name.into(), "".into(), BasicConsumeOptions::default(), arguments).await
}

async fn declare(channel: &Channel, queue: &str, more: &[(&str, AMQPValue)]) -> lapin::Result<()> {
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    for (name, value) in more {
        arguments.insert((*name).into(), value.clone());
    }
    channel.queue_declare(queue.into(), durable, arguments).await?;
    Ok(())
}

async fn bind(channel: &Channel, queue: &str, exchange: &str, key: &str) -> lapin::Result<()> {
    let (options, arguments) = (QueueBindOptions::default(), FieldTable::default());
    channel.queue_bind(queue.into(), exchange.into(), key.into(), options, arguments).await
}

fn message_of(delivery: &Delivery) -> Message {
    let properties = &delivery.properties;
    let text = |value: &AMQPValue| match value {
        AMQPValue::LongString(text) => Some(String::from_utf8_lossy(text.as_bytes()).into_owned()),
        AMQPValue::ShortString(text) => Some(text.to_string()),
        _ => None,
    };
    let mut headers = BTreeMap::new();
    // What a sender says by AMQP's own properties, unless it says it by the attributes too.
    let said = [("ce_id", properties.message_id()), ("ce_type", properties.kind())];
    for (name, value) in said {
        headers.extend(value.as_ref().map(|value| (name.to_owned(), value.to_string())));
    }
    for (name, value) in properties.headers().iter().flat_map(FieldTable::inner) {
        headers.extend(text(value).map(|value| (name.to_string(), value)));
    }
    Message { broker: "amqp", headers, body: delivery.data.clone() }
}
