//! What both brokers have of a crowd of orders, held against the outbox: every event under its one id, every stream without
//! a gap, and nothing else.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures::future::join_all;
use serde_json::json;
use sqlx::{FromRow, PgPool};

use super::{
    EVERYTHING,
    brokers::{self, Broker, Got, Queue},
    environment, kafka_with_topics, until_published, until_sinks,
};
use crate::world::{self, Placed, Plan, Program, SHOP, World};

/// What Kafka and RabbitMQ call the events that both have.
const IN_BOTH: [(&str, &str); 9] = [
    ("ORDER_PLACED", "OrderCreated"),
    ("ORDER_CONFIRMED", "OrderConfirmed"),
    ("ORDER_CANCELLED", "OrderCancelled"),
    ("ORDER_RETURN_INITIATED", "OrderReturnInitiated"),
    ("AllocationCreated", "AllocationCreated"),
    ("AllocationConfirmed", "AllocationConfirmed"),
    ("AllocationCancelled", "AllocationCancelled"),
    ("AllocationFulfilled", "AllocationFulfilled"),
    ("InsufficientStock", "InsufficientStock"),
];

/// An event of the outbox.
#[derive(Debug, Clone, FromRow)]
struct Written {
    event_id: String,
    event_type: String,
    stream: String,
    sequence: i64,
}

async fn written(pool: &PgPool) -> BTreeMap<String, Written> {
    let all: Vec<Written> = sqlx::query_as(
        "SELECT event_id::text, event_type, stream, sequence FROM integration.outbox ORDER BY stream, sequence",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let mut next = BTreeMap::<&str, i64>::new();
    for event in &all {
        let next = next.entry(&event.stream).or_default();
        *next += 1;
        assert_eq!(event.sequence, *next, "{event:?}");
    }
    let count = all.len();
    let by_id: BTreeMap<_, _> = all.into_iter().map(|event| (event.event_id.clone(), event)).collect();
    assert_eq!(by_id.len(), count, "each change has one id");
    by_id
}

/// What came of each stream in the order in which it came: without repeats it rises, and without a gap where the broker
/// has all of it. Returns the ids.
fn ids_in_order(got: &[Got], written: &BTreeMap<String, Written>, has_all: bool) -> BTreeSet<String> {
    let mut newest = BTreeMap::<&str, i64>::new();
    let mut seen = BTreeSet::new();
    for message in got {
        let event = written.get(message.id()).unwrap_or_else(|| panic!("nobody wrote {}", message.id()));
        assert_eq!(message.sequence(), event.sequence, "{event:?}");
        let first_time = seen.insert(message.id().to_owned());
        let newest = newest.entry(&event.stream).or_default();
        assert!(!first_time || event.sequence > *newest, "{event:?} came after {newest}");
        assert!(!has_all || event.sequence <= *newest + 1, "{event:?} came after {newest}");
        *newest = event.sequence.max(*newest);
    }
    seen
}

fn of_types<'a>(written: &'a BTreeMap<String, Written>, is: impl Fn(&str) -> bool + 'a) -> BTreeSet<String> {
    written.values().filter(|event| is(&event.event_type)).map(|event| event.event_id.clone()).collect()
}

/// Holds both brokers against the outbox.
async fn audit(world: &World, kafka: &Broker, queue: &Queue) {
    let written = written(&world.pool).await;
    let is_of_order = |name: &str| name.starts_with("ORDER_");
    let of_orders = ids_in_order(&brokers::topic(kafka, "order-events"), &written, true);
    assert_eq!(of_orders, of_types(&written, is_of_order));
    let of_stock = ids_in_order(&brokers::topic(kafka, "inventory-events"), &written, true);
    assert_eq!(of_stock, of_types(&written, |name| !is_of_order(name)));
    let placed = brokers::topic(kafka, "order-placed");
    assert_eq!(ids_in_order(&placed, &written, false), of_types(&written, |name| name == "ORDER_PLACED"));

    let queued = queue.drain(Duration::from_secs(2)).await;
    let in_both = |name: &str| IN_BOTH.iter().any(|(ours, _)| *ours == name);
    assert_eq!(ids_in_order(&queued, &written, false), of_types(&written, in_both));
    for message in &queued {
        let name = &written[message.id()].event_type;
        let (_, theirs) = IN_BOTH.iter().find(|(ours, _)| ours == name).unwrap();
        assert_eq!(message.attribute("type"), *theirs);
    }
}

#[test]
fn both_brokers_have_all_of_a_crowd_of_orders_though_the_worker_dies() {
    world::run(async {
        let (kafka, rabbitmq) = (kafka_with_topics(&[]), Broker::rabbitmq());
        let queue = Queue::bound(&rabbitmq, "all", &EVERYTHING).await;
        let env = environment(Some(&kafka), Some(&rabbitmq));
        let world = World::start(Plan { env, ..Plan::default() }).await;
        until_sinks(&world.pool, 2).await;
        world.stock("CROWD", 30).await;
        let of_shop: Vec<Placed> = (0..8).map(|_| Placed::new(SHOP, &["CROWD"], 2)).collect();
        let late = Placed::new(SHOP, &["CROWD"], 5);
        let shop = async { join_all(of_shop.iter().map(|order| world.place(order))).await };
        let api = join_all((0..6).map(|_| world.place_at_api("CROWD", 2, None)));
        let held = join_all((0..2).map(|_| world.place_at_api("CROWD", 1, Some("10m"))));
        let (_, of_api, held) = tokio::join!(shop, api, held);
        world.place(&late).await;
        world.kill(Program::Worker);
        let short = json!({"customer_name": "A", "customer_email": "a@example.com",
                           "items": [{"product_id": "CROWD", "quantity": 500}]});
        let refused = world.http.post(world.api("/api/orders")).json(&short).send().await.unwrap();
        assert_eq!(refused.status(), 400);
        world.start_program(Program::Worker);
        for order in &held {
            let path = format!("/api/orders/{}/cancel", order["orderId"].as_str().unwrap());
            world::until("a held order is cancelled", super::SOON, async || {
                let answer = world.http.post(world.api(&path)).send().await.unwrap();
                answer.status().is_success().then_some(())
            })
            .await;
        }
        world.receive("CROWD", 10).await;
        for order in of_shop.iter().chain([&late]) {
            world.until_order(order, "status", &["DELIVERED"]).await;
        }
        for order in &of_api {
            world.until_api_order(order, &["DELIVERED"]).await;
        }
        for order in &held {
            world.until_api_order(order, &["CANCELLED"]).await;
        }
        until_published(&world.pool, super::SOON).await;
        audit(&world, &kafka, &queue).await;
    });
}
