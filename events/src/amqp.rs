//! RabbitMQ: the exchanges, and what its answers mean.
//!
//! A message is published when the broker confirmed it and did not return it: one that no queue is bound for comes back
//! and is confirmed all the same. What comes back does not say for which confirmation it counts, so that a channel has
//! one message under way at a time, and there are several channels. A connection that has any trouble is given up and
//! made anew.

use std::time::Duration;

use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ExchangeKind,
    options::{BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions},
    types::{AMQPValue, FieldTable, ShortString},
};
use outbox::{Done, Outgoing, Sink, SinkError};
use parking_lot::Mutex;
use tokio::{sync::Semaphore, time::timeout};
use url::Url;

use crate::{
    connected::{ANSWER_WITHIN, Connected},
    envelope,
};

/// Below what any RabbitMQ takes by default (16 MiB from 4.0 on, 128 MiB before).
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// Messages under way at once.
const CHANNELS: usize = 64;
/// The broker's reply where an exchange is missing.
const NOT_FOUND: u16 = 404;
/// Written to disk.
const PERSISTENT: u8 = 2;

const EXCHANGES: [&str; 3] = ["order.events", "inventory.events", "inventory.notifications"];

/// Publishes to RabbitMQ.
pub(crate) struct AmqpSink {
    source: String,
    url: Url,
    link: Connected<Link>,
}

/// A connection and its channels. It is closed when it is dropped.
struct Link {
    connection: Connection,
    /// As many as there are channels, whether they are open or not.
    places: Semaphore,
    /// Open ones with nothing under way.
    idle: Mutex<Vec<Channel>>,
}

/// Where an event goes, and the name that its consumers know.
#[derive(Debug, PartialEq, Eq)]
struct Route {
    exchange: &'static str,
    routing_key: String,
    event_type: &'static str,
}

/// Where this event goes; nowhere if RabbitMQ has no consumers of its kind.
fn route_of(event_type: &str) -> Option<Route> {
    let (exchange, family, event_type, aggregate) = match event_type {
        "ORDER_PLACED" => ("order.events", "order", "OrderCreated", "order"),
        "ORDER_CONFIRMED" => ("order.events", "order", "OrderConfirmed", "order"),
        "ORDER_CANCELLED" => ("order.events", "order", "OrderCancelled", "order"),
        "ORDER_RETURN_INITIATED" => ("order.events", "order", "OrderReturnInitiated", "order"),
        "AllocationCreated" => ("inventory.events", "inventory", "AllocationCreated", "allocation"),
        "AllocationConfirmed" => ("inventory.events", "inventory", "AllocationConfirmed", "allocation"),
        "AllocationCancelled" => ("inventory.events", "inventory", "AllocationCancelled", "allocation"),
        "AllocationFulfilled" => ("inventory.events", "inventory", "AllocationFulfilled", "allocation"),
        "InsufficientStock" => ("inventory.notifications", "inventory", "InsufficientStock", "inventoryitem"),
        _ => return None,
    };
    let routing_key = format!("{family}.{}.{aggregate}", event_type.to_lowercase());
    Some(Route { exchange, routing_key, event_type })
}

impl AmqpSink {
    pub(crate) fn new(url: Url, source: String) -> Self {
        Self { source, url, link: Connected::new() }
    }

    async fn attempt(&self, event: &Outgoing, route: &Route, body: &[u8]) -> Result<(), SinkError> {
        let connect = async { Link::connect(&self.url).await.map_err(|error| error.to_string()) };
        let link = self.link.get(Duration::MAX, connect).await?;
        let Ok(_place) = link.places.acquire().await else {
            return Err(SinkError::Away("the connection is given up".to_owned()));
        };
        let properties = self.properties(event, route.event_type);
        let confirmed = timeout(ANSWER_WITHIN, link.publish(route, body, properties)).await;
        let error = match confirmed {
            Ok(Ok(Confirmation::Ack(None))) => return Ok(()),
            Ok(Ok(Confirmation::Ack(Some(returned)))) => {
                return Err(SinkError::Refused(format!("{} {}", returned.reply_code, returned.reply_text)));
            }
            // A queue is full, or cannot be written to: no fault of the message.
            Ok(Ok(Confirmation::Nack(_))) => return Err(SinkError::Away("NACK".to_owned())),
            // The broker ended the channel for this message, and no other was on it.
            Ok(Err(error)) if is_refusal(&error) => return Err(SinkError::Refused(error.to_string())),
            Ok(Err(error)) => error.to_string(),
            Ok(Ok(Confirmation::NotRequested)) | Err(_) => "no confirmation".to_owned(),
        };
        self.link.give_up(&link).await;
        Err(SinkError::Away(error))
    }

    fn properties(&self, event: &Outgoing, event_type: &str) -> BasicProperties {
        let mut headers = FieldTable::default();
        for (name, value) in envelope::attributes(event, event_type, &self.source) {
            headers.insert(format!("cloudEvents_{name}").into(), AMQPValue::LongString(value.into()));
        }
        let seconds = u64::try_from(event.occurred_at.timestamp()).unwrap_or_default();
        let properties = BasicProperties::default()
            .with_message_id(short(&event.event_id.to_string()))
            .with_type(short(event_type))
            .with_timestamp(seconds)
            .with_content_type("application/json".into())
            .with_delivery_mode(PERSISTENT)
            .with_headers(headers);
        properties.with_correlation_id(short(&event.correlation_id))
    }
}

/// What the broker ends a channel for that lies in a message: its size, or that we may not publish it there. A missing
/// exchange is declared with a new connection.
fn is_refusal(error: &lapin::Error) -> bool {
    let lapin::ErrorKind::ProtocolError(said) = error.kind() else { return false };
    error.is_amqp_soft_error() && said.get_id() != NOT_FOUND
}

impl Link {
    async fn connect(url: &Url) -> lapin::Result<Self> {
        let properties = ConnectionProperties::default().with_connection_name("waybill events".into());
        let connection = Connection::connect(url.as_str(), properties).await?;
        let channel = connection.create_channel().await?;
        let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        for exchange in EXCHANGES {
            let arguments = FieldTable::default();
            channel.exchange_declare(exchange.into(), ExchangeKind::Topic, durable, arguments).await?;
        }
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(Self { connection, places: Semaphore::new(CHANNELS), idle: Mutex::new(vec![channel]) })
    }

    /// On a channel with nothing under way, which is put back if all went well.
    async fn publish(
        &self,
        route: &Route,
        body: &[u8],
        properties: BasicProperties,
    ) -> lapin::Result<Confirmation> {
        let idle = self.idle.lock().pop();
        let channel = match idle {
            Some(channel) => channel,
            None => {
                let channel = self.connection.create_channel().await?;
                channel.confirm_select(ConfirmSelectOptions::default()).await?;
                channel
            }
        };
        let mandatory = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let (exchange, key) = (ShortString::from(route.exchange), short(&route.routing_key));
        let confirmation = channel.basic_publish(exchange, key, mandatory, body, properties).await?.await?;
        self.idle.lock().push(channel);
        Ok(confirmation)
    }
}

/// AMQP's short texts have 255 bytes at most.
fn short(text: &str) -> ShortString {
    let end = (0..=text.len().min(255)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    text[..end].into()
}

impl Sink for AmqpSink {
    fn name(&self) -> &str {
        "amqp"
    }

    async fn publish(&self, event: &Outgoing) -> Result<Done, SinkError> {
        let Some(route) = route_of(&event.event_type) else {
            return Ok(Done::NotWanted);
        };
        let body = envelope::body(event, route.event_type, &self.source)
            .map_err(|error| SinkError::Refused(error.to_string()))?;
        if body.len() > MOST_BYTES {
            return Err(SinkError::Refused(format!("TOO_LARGE: {} bytes of {MOST_BYTES}", body.len())));
        }
        self.attempt(event, &route, &body).await?;
        Ok(Done::Taken)
    }
}

#[cfg(test)]
mod tests;
