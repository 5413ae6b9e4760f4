//! Events of other systems, from real brokers: what they do to stock, each once, and what becomes of those on which nobody
//! can act.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU16, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use futures::future::join_all;
use lapin::{
    BasicProperties, Channel,
    options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions},
    types::FieldTable,
};
use outbox::Filter;
use rdkafka::{
    ClientConfig,
    producer::{FutureProducer, FutureRecord},
};
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{
    SOON,
    brokers::{self, Broker},
    environment,
};
use crate::{
    stock::{announced, stocked},
    world::{self, Duty, database_name},
};

const NAMES: [(&str, &str); 4] = [
    ("OrderCreated", "order.ordercreated.order"),
    ("OrderConfirmed", "order.orderconfirmed.order"),
    ("OrderCancelled", "order.ordercancelled.order"),
    ("OrderReturnInitiated", "order.orderreturninitiated.order"),
];

/// An event of an order system called `web-shop`.
pub(super) fn event(id: &str, kind: &str, order: &str, items: &[(&str, u32)]) -> Value {
    let item = |(at, (sku, quantity)): (usize, &(&str, u32))| json!({"orderItemId": (at + 1).to_string(), "inventoryItemId": sku, "sku": sku, "quantity": quantity});
    json!({
        "eventId": id, "eventType": kind, "eventVersion": "1.0.0", "aggregateId": order, "aggregateType": "Order",
        "timestamp": "2026-11-27T09:00:00Z", "metadata": {"correlationId": order, "source": "web-shop"},
        "payload": {"orderId": order, "status": "CREATED", "requiresPreAllocation": true,
            "items": items.iter().enumerate().map(item).collect::<Vec<_>>()},
    })
}

/// What came of each event: id, state, outcome or error.
async fn came(pool: &PgPool) -> Vec<(String, String, String)> {
    sqlx::query_as(
        "SELECT event_id, state, coalesce(outcome, last_error, '') FROM integration.incoming ORDER BY incoming_id",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

/// Waits until this came of the event.
pub(super) async fn until(pool: &PgPool, id: &str, state: &str, what: &str) {
    world::until(&format!("{id} is {state} {what}"), SOON, async || {
        let all = came(pool).await;
        let seen = all.iter().find(|(event, ..)| event == id)?;
        (seen.1 == state && seen.2.starts_with(what)).then_some(())
    })
    .await;
}

/// On hand and reserved.
pub(super) async fn figures(pool: &PgPool, sku: &str) -> (i64, i64) {
    sqlx::query_as("SELECT sum(on_hand)::bigint, sum(reserved)::bigint FROM inventory.stock WHERE sku = $1")
        .bind(sku)
        .fetch_one(pool)
        .await
        .unwrap()
}

/// Another system that sends events by RabbitMQ.
pub(super) struct Sender(Channel);

impl Sender {
    pub(super) async fn to(rabbitmq: &Broker) -> Self {
        Self::to_queue(rabbitmq, "waybill.main.orders").await
    }

    /// Once the queue is there, bound and consumed.
    pub(super) async fn to_queue(rabbitmq: &Broker, queue: &str) -> Self {
        let connection = brokers::connect(rabbitmq).await;
        world::until("the queue is consumed", SOON, async || {
            let channel = connection.create_channel().await.ok()?;
            let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
            let none = FieldTable::default();
            let found = channel.queue_declare(queue.into(), passive, none).await.ok()?;
            (found.consumer_count() > 0).then_some(())
        })
        .await;
        let channel = connection.create_channel().await.unwrap();
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        Self(channel)
    }

    pub(super) async fn send(&self, event: &Value) {
        let kind = event["eventType"].as_str().unwrap();
        let key = NAMES.iter().find(|(name, _)| *name == kind).map_or(NAMES[0].1, |(_, key)| *key);
        self.send_bytes(key, event.to_string().as_bytes()).await;
    }

    async fn send_bytes(&self, key: &str, body: &[u8]) {
        self.send_to("order.events", key, body).await;
    }

    pub(super) async fn send_to(&self, exchange: &str, key: &str, body: &[u8]) {
        let mandatory = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let properties = BasicProperties::default();
        let sent =
            self.0.basic_publish(exchange.into(), key.into(), mandatory, body, properties).await.unwrap();
        assert!(matches!(sent.await.unwrap(), lapin::Confirmation::Ack(None)), "nobody is bound to {key}");
    }
}

async fn consumer(pool: &PgPool, environment: &[(&'static str, String)]) -> Duty {
    Duty::start(&database_name(pool).await, "consumers", environment)
}

#[test]
fn orders_of_another_system_are_held_confirmed_and_given_back_each_once() {
    world::run(async {
        let pool = stocked(&[("MUG", 10), ("TEA", 5)]).await;
        let rabbitmq = Broker::rabbitmq();
        let _worker = consumer(&pool, &environment(None, Some(&rabbitmq))).await;
        let sender = Sender::to(&rabbitmq).await;
        let created = event("e-1", "OrderCreated", "web-1", &[("MUG", 2), ("TEA", 1)]);
        join_all((0..10).map(|_| sender.send(&created))).await;
        until(&pool, "e-1", "DONE", "HELD").await;
        sender.send(&event("e-2", "OrderConfirmed", "web-1", &[])).await;
        until(&pool, "e-2", "DONE", "CONFIRMED").await;
        assert_eq!((figures(&pool, "MUG").await, figures(&pool, "TEA").await), ((10, 2), (5, 1)));
        sender.send(&created).await;
        sender.send(&event("e-3", "OrderCancelled", "web-1", &[])).await;
        until(&pool, "e-3", "DONE", "GIVEN_BACK").await;
        assert_eq!((figures(&pool, "MUG").await, figures(&pool, "TEA").await), ((10, 0), (5, 0)));
        let told: Vec<String> =
            announced(&pool, &["Allocation"]).await.into_iter().map(|(kind, _)| kind).collect();
        let twice = |kind: &str| told.iter().filter(|told| *told == kind).count();
        assert_eq!(
            ["AllocationCreated", "AllocationConfirmed", "AllocationCancelled"].map(twice),
            [2, 2, 2],
            "{told:?}"
        );

        // Not enough: nothing is held, and who is interested is told.
        sender.send(&event("e-4", "OrderCreated", "web-2", &[("MUG", 1), ("TEA", 6)])).await;
        until(&pool, "e-4", "DONE", "SHORT").await;
        assert_eq!((figures(&pool, "MUG").await, figures(&pool, "TEA").await), ((10, 0), (5, 0)));
        let short = announced(&pool, &["InventoryItem"]).await;
        let short: Vec<&Value> =
            short.iter().filter(|(kind, _)| kind == "InsufficientStock").map(|(_, said)| said).collect();
        assert_eq!((short.len(), &short[0]["requested"], &short[0]["available"]), (1, &json!(6), &json!(5)));

        // Cancelled before it was heard of; ours; nothing asked for.
        sender.send(&event("e-5", "OrderCancelled", "web-3", &[])).await;
        sender.send(&event("e-6", "OrderCreated", "web-3", &[("MUG", 1)])).await;
        let mut ours = event("e-7", "OrderCreated", "web-4", &[("MUG", 1)]);
        ours["metadata"]["source"] = json!("/waybill/main");
        sender.send(&ours).await;
        let mut unasked = event("e-8", "OrderCreated", "web-5", &[("MUG", 1)]);
        unasked["payload"]["requiresPreAllocation"] = json!(false);
        sender.send(&unasked).await;
        until(&pool, "e-8", "DONE", "NOTHING_TO_HOLD").await;
        until(&pool, "e-6", "DONE", "CANCELLED_BEFORE").await;
        assert!(came(&pool).await.iter().all(|(id, ..)| id != "e-7"), "ours are passed over");
        assert_eq!(figures(&pool, "MUG").await, (10, 0));
    });
}

#[test]
fn what_nobody_can_act_on_is_dead_and_holds_back_its_own_order_alone() {
    world::run(async {
        let pool = stocked(&[("MUG", 10)]).await;
        let rabbitmq = Broker::rabbitmq();
        let _worker = consumer(&pool, &environment(None, Some(&rabbitmq))).await;
        let sender = Sender::to(&rabbitmq).await;
        let mut newer = event("e-1", "OrderCreated", "web-1", &[("MUG", 1)]);
        newer["eventVersion"] = json!("2.0.0");
        sender.send(&newer).await;
        sender.send(&event("e-2", "OrderConfirmed", "web-1", &[])).await;
        sender.send(&event("e-3", "OrderCreated", "web-2", &[("LATER", 3)])).await;
        sender.send(&event("e-4", "OrderConfirmed", "web-2", &[])).await;
        sender.send(&event("e-5", "OrderArchived", "web-3", &[])).await;
        sender.send_bytes(NAMES[0].1, b"\xff no JSON").await;
        sender.send(&event("e-6", "OrderReturnInitiated", "nobodys", &[("MUG", 1)])).await;
        sender.send(&event("e-7", "OrderCreated", "web-4", &[("MUG", 1)])).await;
        until(&pool, "e-7", "DONE", "HELD").await;
        until(&pool, "e-1", "DEAD", "UNKNOWN_VERSION: eventVersion 2.0.0").await;
        until(&pool, "e-2", "WAITING", "").await;
        until(&pool, "e-3", "DEAD", "REFUSED: ").await;
        until(&pool, "e-4", "WAITING", "").await;
        until(&pool, "e-5", "DEAD", "UNKNOWN_TYPE: eventType OrderArchived").await;
        until(&pool, "e-6", "DEAD", "ORDER_NOT_FOUND").await;
        let mut conn = pool.acquire().await.unwrap();
        let dead = outbox::dead(&mut conn, &Filter::default(), None, 100).await.unwrap();
        assert_eq!(dead.len(), 5, "{dead:?}");
        assert!(dead.iter().all(|letter| letter.direction == outbox::Direction::In && letter.sink == "amqp"));
        assert_eq!(dead.iter().map(|letter| letter.waiting).collect::<Vec<_>>().iter().sum::<i64>(), 2);

        // The item is there now: its order is held, and then confirmed.
        crate::stock::create(&pool, "LATER", 3).await.unwrap();
        let of = |key: &str| Filter { key: Some(key.to_owned()), ..Filter::default() };
        assert_eq!(outbox::redrive(&mut conn, &of("web-2"), "anna").await.unwrap(), 1);
        until(&pool, "e-4", "DONE", "CONFIRMED").await;
        until(&pool, "e-3", "DONE", "HELD").await;
        assert_eq!(figures(&pool, "LATER").await, (3, 3));
        // What is as it was dies again, and what waits behind it waits on, until it is given up.
        assert_eq!(outbox::redrive(&mut conn, &of("web-1"), "anna").await.unwrap(), 1);
        world::until("it is dead again", SOON, async || {
            let attempts: i32 = sqlx::query_scalar(
                "SELECT attempts FROM integration.incoming WHERE event_id = 'e-1' AND state = 'DEAD'",
            )
            .fetch_optional(&pool)
            .await
            .unwrap()?;
            (attempts == 2).then_some(())
        })
        .await;
        until(&pool, "e-2", "WAITING", "").await;
        assert_eq!(outbox::skip(&mut conn, &of("web-1"), "anna", "sent by mistake").await.unwrap(), 1);
        until(&pool, "e-2", "DONE", "NOTHING_TO_CHANGE").await;
        let kept: (String, String, Option<Vec<u8>>) = sqlx::query_as(
            "SELECT decided_by, reason, body FROM integration.incoming WHERE event_id = 'e-1'",
        )
        .fetch_one(&pool)
        .await
        .unwrap();
        assert_eq!(kept, ("anna".to_owned(), "sent by mistake".to_owned(), None));
    });
}

#[test]
fn a_consumer_that_dies_again_and_again_has_every_event_of_kafka_done_once() {
    world::run(async {
        const ORDERS: usize = 40;
        let pool = stocked(&[("MUG", 1000)]).await;
        let kafka = Broker::kafka();
        kafka.topic("shop-orders", &[]);
        let mut environment = environment(Some(&kafka), None);
        environment.push(("KAFKA_ORDER_COMMANDS_TOPIC", "shop-orders".to_owned()));
        let mut worker = consumer(&pool, &environment).await;
        let producer: FutureProducer = ClientConfig::new()
            .set("bootstrap.servers", format!("127.0.0.1:{}", kafka.port))
            .create()
            .unwrap();
        for number in 0..ORDERS {
            let order = format!("web-{number}");
            for (step, kind) in ["ORDER_CREATED", "ORDER_CONFIRMED"].into_iter().enumerate() {
                let body = event(&format!("e-{number}-{step}"), kind, &order, &[("MUG", 2)]).to_string();
                for _ in 0..2 {
                    let record = FutureRecord::to("shop-orders").key(&order).payload(&body);
                    producer.send(record, SOON).await.unwrap();
                }
            }
            if number % 10 == 5 {
                worker.kill();
                worker.revive();
            }
        }
        for number in 0..ORDERS {
            until(&pool, &format!("e-{number}-1"), "DONE", "CONFIRMED").await;
            if number == 7 {
                worker.kill();
                worker.revive();
            }
        }
        let all = came(&pool).await;
        assert_eq!(all.len(), 2 * ORDERS, "{all:?}");
        assert_eq!(figures(&pool, "MUG").await, (1000, 2 * ORDERS as i64));
    });
}

/// The orders' own system: how it answers now, and how often it was asked.
#[derive(Clone, Default)]
struct Orders {
    answers: Arc<AtomicU16>,
    asked: Arc<AtomicUsize>,
}

impl Orders {
    async fn serve() -> (Self, String) {
        async fn answer(
            State(orders): State<Orders>,
            path: axum::extract::Path<String>,
        ) -> axum::response::Response {
            orders.asked.fetch_add(1, Ordering::SeqCst);
            let status = StatusCode::from_u16(orders.answers.load(Ordering::SeqCst)).unwrap();
            match path.as_str() {
                "gone" | "gone/items" if status.is_success() => StatusCode::NOT_FOUND.into_response(),
                items if items.ends_with("/items") => {
                    let items = json!([{"id": "1", "sku": "MUG", "quantity": 4}]);
                    (status, Json(json!({"success": true, "data": items}))).into_response()
                }
                "off" => {
                    (status, Json(json!({"success": true, "data": {"status": "CANCELLED"}}))).into_response()
                }
                _ => (status, Json(json!({"success": true, "data": {"status": "PENDING"}}))).into_response(),
            }
        }
        let orders = Self::default();
        orders.answers.store(200, Ordering::SeqCst);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let routes = Router::new().route("/orders/{*path}", get(answer)).with_state(orders.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        (orders, url)
    }
}

#[test]
fn the_orders_own_system_is_asked_and_an_outage_of_it_costs_one_delivery() {
    world::run(async {
        let pool = stocked(&[("MUG", 100)]).await;
        let rabbitmq = Broker::impatient_rabbitmq();
        let (orders, url) = Orders::serve().await;
        let mut environment = environment(None, Some(&rabbitmq));
        environment.push(("ORDER_SERVICE_URL", url));
        environment.push(("CONSUMER_PATIENCE", "4s".to_owned()));
        let _worker = consumer(&pool, &environment).await;
        let sender = Sender::to(&rabbitmq).await;
        // What it says counts, not what the event says.
        sender.send(&event("e-1", "OrderCreated", "web-1", &[("MUG", 1)])).await;
        sender.send(&event("e-2", "OrderCreated", "gone", &[("MUG", 1)])).await;
        sender.send(&event("e-3", "OrderCreated", "off", &[("MUG", 1)])).await;
        until(&pool, "e-3", "DONE", "CANCELLED_BEFORE").await;
        until(&pool, "e-2", "DEAD", "ORDER_NOT_FOUND").await;
        assert_eq!(figures(&pool, "MUG").await, (100, 4));

        orders.answers.store(503, Ordering::SeqCst);
        for number in 4..24 {
            sender.send(&event(&format!("e-{number}"), "OrderCreated", &format!("web-{number}"), &[])).await;
        }
        let before = orders.asked.load(Ordering::SeqCst);
        // Several times as long as it is waited with a message, and as RabbitMQ lets one be kept.
        tokio::time::sleep(Duration::from_secs(25)).await;
        let asked = orders.asked.load(Ordering::SeqCst) - before;
        assert!((3..20).contains(&asked), "asked {asked} times while it was away");
        orders.answers.store(200, Ordering::SeqCst);
        for number in 4..24 {
            until(&pool, &format!("e-{number}"), "DONE", "HELD").await;
        }
        assert_eq!(figures(&pool, "MUG").await, (100, 84));
        let all = came(&pool).await;
        let numbers: Vec<u32> =
            all.iter().filter_map(|(id, ..)| id.strip_prefix("e-")?.parse().ok()).collect();
        assert!(numbers.is_sorted(), "none overtook another: {numbers:?}");
        assert_eq!(all.len(), 23, "{all:?}");
    });
}
