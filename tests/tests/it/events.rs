//! Events in real brokers: what arrives, in which order, and what no death, no refusal and no outage takes away.

mod books;
mod brokers;
mod consumed;
mod orders;
mod others;
mod poison;
mod returns;
mod stock_elsewhere;
mod storm;
mod webhooks;

use std::{collections::BTreeMap, time::Duration};

use domain::{LineId, OrderId, OrderNumber, OrderStatus};
use outbox::{Event, OrderEvent, OrderEventKind, OrderItem};
use sqlx::PgPool;

use crate::world::{self, Duty};
use brokers::{Broker, Got};

/// The exchanges of the contract, whatever the key.
const EVERYTHING: [(&str, &str); 3] =
    [("order.events", "#"), ("inventory.events", "#"), ("inventory.notifications", "#")];

/// How long what is to arrive may take on a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// A Kafka with our topics.
fn kafka_with_topics(settings: &[&str]) -> Broker {
    let kafka = Broker::kafka();
    for topic in ["order-placed", "order-events", "inventory-events"] {
        kafka.topic(topic, settings);
    }
    kafka
}

/// What a worker with the duty `events` alone is told of these.
fn environment(kafka: Option<&Broker>, rabbitmq: Option<&Broker>) -> Vec<(&'static str, String)> {
    let kafka = kafka.map(|kafka| ("KAFKA_BOOTSTRAP_SERVERS", format!("127.0.0.1:{}", kafka.port)));
    let amqp = rabbitmq.map(|rabbitmq| ("AMQP_URL", format!("amqp://127.0.0.1:{}/%2f", rabbitmq.port)));
    kafka.into_iter().chain(amqp).chain([("EVENTS_FIRST_PAUSE", "100ms".to_owned())]).collect()
}

/// A worker that publishes and does nothing else: it needs no Temporal, no shop and no warehouse.
fn duty(pool_name: &str, environment: &[(&'static str, String)]) -> Duty {
    Duty::start(pool_name, "events", environment)
}

/// An order that moved on, and that has so many items.
fn event(order: &str, kind: OrderEventKind, items: usize) -> Event {
    let items = (1..=items).map(|number| OrderItem {
        order_item_id: LineId::parse(&number.to_string()).unwrap(),
        inventory_item_id: format!("ITEM-{number}"),
        sku: format!("ITEM-{number}"),
        quantity: 1,
    });
    Event::Order(
        kind,
        OrderEvent {
            order_id: OrderId::parse(order).unwrap(),
            order_number: OrderNumber::parse("ORD-20261126-6BA0A415").unwrap(),
            status: OrderStatus::Confirmed,
            shop: None,
            shopify_order_id: None,
            requires_pre_allocation: false,
            items: items.collect(),
            return_id: None,
            reason: None,
        },
    )
}

async fn append(pool: &PgPool, events: &[Event]) -> Result<(), sqlx::Error> {
    let mut tx = pool.begin().await?;
    outbox::append(&mut tx, "correlation-1", events).await?;
    tx.commit().await
}

/// Waits until no sink has anything left that it could have.
async fn until_published(pool: &PgPool, within: Duration) {
    world::until("all is published", within, async || {
        let sinks = outbox::backlog(&mut *pool.acquire().await.ok()?).await.ok()?;
        (!sinks.is_empty() && sinks.iter().all(|sink| sink.waiting == 0)).then_some(())
    })
    .await;
}

/// Waits until a worker said that it publishes to so many sinks.
async fn until_sinks(pool: &PgPool, count: usize) {
    world::until("the sinks are known", SOON, async || {
        let sinks = outbox::backlog(&mut *pool.acquire().await.ok()?).await.ok()?;
        (sinks.len() == count).then_some(())
    })
    .await;
}

/// What came of each stream, and how many repeats there were. Of a stream each event comes first when all before it
/// have come.
fn in_order(got: &[Got]) -> (BTreeMap<String, i64>, usize) {
    let mut newest = BTreeMap::<String, i64>::new();
    let mut repeats = 0;
    for message in got {
        let newest = newest.entry(message.attribute("subject").to_owned()).or_default();
        match message.sequence() - *newest {
            1 => *newest += 1,
            ahead if ahead > 1 => panic!("{} overtook: {newest} was the newest", message.sequence()),
            _ => repeats += 1,
        }
    }
    (newest, repeats)
}
