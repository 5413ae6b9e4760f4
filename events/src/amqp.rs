//! RabbitMQ: the exchanges, and what its answers mean.
//!
//! A message is published when the broker confirmed it and did not return it: one that no queue is bound for comes back
//! and is confirmed all the same. A connection that has any trouble is given up and made anew.

use std::time::Duration;

use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldTable, ShortString},
};
use outbox::{Done, Outgoing, Sink, SinkError};
use tokio::time::timeout;
use url::Url;

use crate::{
    connected::{ANSWER_WITHIN, Connected},
    envelope,
};

mod link;

use link::{Link, Publication, Trouble};

/// Below what any RabbitMQ takes by default (16 MiB from 4.0 on, 128 MiB before).
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// Written to disk.
const PERSISTENT: u8 = 2;

/// Publishes to RabbitMQ.
pub(crate) struct AmqpSink {
    source: String,
    url: Url,
    link: Connected<Link>,
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

    async fn attempt(&self, event: &Outgoing, route: &Route, body: Vec<u8>) -> Result<(), SinkError> {
        let connect = async { Link::connect(&self.url).await.map_err(|error| error.to_string()) };
        let link = self.link.get(Duration::MAX, connect).await?;
        let publication = Publication {
            exchange: route.exchange.into(),
            routing_key: short(&route.routing_key),
            properties: self.properties(event, route.event_type),
            body,
        };
        let why = match timeout(ANSWER_WITHIN, link.publish(publication)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(Trouble::Refused(why))) => return Err(SinkError::Refused(why)),
            // No fault of the message.
            Ok(Err(Trouble::NotKept)) => return Err(SinkError::Away("NACK".to_owned())),
            Ok(Err(Trouble::Broken(why))) => why,
            Err(_) => "no confirmation".to_owned(),
        };
        self.link.give_up(&link).await;
        Err(SinkError::Away(why))
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
        self.attempt(event, &route, body).await?;
        Ok(Done::Taken)
    }
}

#[cfg(test)]
mod tests;
