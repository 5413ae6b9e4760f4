//! An event that a broker refuses holds back its own stream alone, until a person decides.

use std::{collections::BTreeSet, time::Duration};

use outbox::{Filter, OrderEventKind};
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier},
    client::DefaultClientContext,
};
use sqlx::PgPool;

use super::{
    SOON, append,
    brokers::{self, Broker, Queue},
    duty, environment, event, in_order, kafka_with_topics, until_published, until_sinks,
};
use crate::world::{self, database, database_name};

async fn dead(pool: &PgPool, count: usize) -> Vec<outbox::Dead> {
    world::until("they are given up", SOON, async || {
        let dead =
            outbox::dead(&mut *pool.acquire().await.ok()?, &Filter::default(), None, 100).await.ok()?;
        (dead.len() == count).then_some(dead)
    })
    .await
}

/// From now on the topic takes records of so many bytes.
async fn set_limit(kafka: &Broker, topic: &str, bytes: &str) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", format!("127.0.0.1:{}", kafka.port)).create().unwrap();
    let change = AlterConfig::new(ResourceSpecifier::Topic(topic)).set("max.message.bytes", bytes);
    admin.alter_configs(&[change], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
}

#[test]
fn a_record_too_large_for_its_topic_stops_its_stream_alone_and_a_redrive_heals_it() {
    world::run(async {
        let pool = database().await;
        let kafka = kafka_with_topics(&["max.message.bytes=3000"]);
        let mut environment = environment(Some(&kafka), None);
        environment.push(("EVENTS_MOST_ATTEMPTS", "3".to_owned()));
        let _worker = duty(&database_name(&pool).await, &environment);
        until_sinks(&pool, 1).await;
        let confirmed = OrderEventKind::Confirmed;
        let mut events = vec![
            event("o-large", confirmed, 1),
            event("o-large", confirmed, 60),
            event("o-large", confirmed, 1),
        ];
        for number in 0..50 {
            events.push(event(&format!("o-{number}"), confirmed, 1));
        }
        append(&pool, &events).await.unwrap();
        let given_up = dead(&pool, 1).await;
        assert_eq!((given_up[0].key.as_deref(), given_up[0].attempts), (Some("o-large"), 3));
        let said = given_up[0].last_error.clone().unwrap_or_default();
        assert!(said.starts_with("TOO_LARGE: ") && said.ends_with("order-events takes 3000"), "{said}");
        let (streams, _) = in_order(&brokers::topic(&kafka, "order-events"));
        assert_eq!((streams.len(), streams["o-large"]), (51, 1), "what is behind the large one waits");

        set_limit(&kafka, "order-events", "1000000").await;
        let meant = Filter { sink: Some("kafka".to_owned()), ..Filter::default() };
        assert_eq!(outbox::redrive(&mut pool.acquire().await.unwrap(), &meant, "anna").await.unwrap(), 1);
        until_published(&pool, SOON).await;
        let (streams, _) = in_order(&brokers::topic(&kafka, "order-events"));
        assert_eq!(streams["o-large"], 3);
    });
}

#[test]
fn a_topic_that_takes_less_than_it_said_refuses_the_large_one_and_not_its_neighbours() {
    world::run(async {
        let pool = database().await;
        let kafka = kafka_with_topics(&[]);
        let mut environment = environment(Some(&kafka), None);
        environment.push(("EVENTS_MOST_ATTEMPTS", "2".to_owned()));
        let _worker = duty(&database_name(&pool).await, &environment);
        until_sinks(&pool, 1).await;
        append(&pool, &[event("o-first", OrderEventKind::Confirmed, 1)]).await.unwrap();
        until_published(&pool, SOON).await;
        // The limits are known now, and believed for a while.
        set_limit(&kafka, "order-events", "3000").await;
        let orders = (0..40).map(|number| {
            event(&format!("o-{number}"), OrderEventKind::Confirmed, if number == 20 { 60 } else { 1 })
        });
        append(&pool, &orders.collect::<Vec<_>>()).await.unwrap();
        let given_up = dead(&pool, 1).await;
        assert_eq!(given_up[0].key.as_deref(), Some("o-20"));
        let (streams, _) = in_order(&brokers::topic(&kafka, "order-events"));
        assert_eq!(streams.len(), 40);
    });
}

#[test]
fn a_message_nobody_is_bound_for_is_no_success_and_goes_when_somebody_is() {
    world::run(async {
        let pool = database().await;
        let rabbitmq = Broker::rabbitmq();
        let queue = Queue::bound(&rabbitmq, "some", &[("order.events", "order.orderconfirmed.order")]).await;
        let mut environment = environment(None, Some(&rabbitmq));
        environment.push(("EVENTS_MOST_ATTEMPTS", "2".to_owned()));
        let _worker = duty(&database_name(&pool).await, &environment);
        until_sinks(&pool, 1).await;
        let events = [
            event("o-1", OrderEventKind::Confirmed, 1),
            event("o-1", OrderEventKind::Cancelled, 1),
            event("o-1", OrderEventKind::Confirmed, 1),
            event("o-2", OrderEventKind::Confirmed, 1),
            // Has no consumers in RabbitMQ, so it is not published there and holds nothing back.
            event("o-2", OrderEventKind::Shipped, 1),
        ];
        append(&pool, &events).await.unwrap();
        let given_up = dead(&pool, 1).await;
        assert_eq!(given_up[0].last_error.as_deref(), Some("312 NO_ROUTE"));
        assert_eq!(queue.drain(Duration::from_secs(1)).await.len(), 2);

        queue.bind(&[("order.events", "order.ordercancelled.order")]).await;
        assert_eq!(
            outbox::redrive(&mut pool.acquire().await.unwrap(), &Filter::default(), "anna").await.unwrap(),
            1
        );
        until_published(&pool, SOON).await;
        let rest = queue.drain(Duration::from_secs(1)).await;
        let said: Vec<_> =
            rest.iter().map(|got| (got.body["eventType"].as_str().unwrap(), got.sequence())).collect();
        assert_eq!(said, [("OrderCancelled", 2), ("OrderConfirmed", 3)]);
    });
}

#[test]
fn in_a_crowd_each_message_is_told_its_own_fate() {
    world::run(async {
        let pool = database().await;
        let rabbitmq = Broker::rabbitmq();
        let queue = Queue::bound(&rabbitmq, "some", &[("order.events", "order.orderconfirmed.order")]).await;
        let mut environment = environment(None, Some(&rabbitmq));
        environment.push(("EVENTS_MOST_ATTEMPTS", "1".to_owned()));
        let _worker = duty(&database_name(&pool).await, &environment);
        until_sinks(&pool, 1).await;
        // Every seventh has no route.
        let kind = |number: usize| {
            if number.is_multiple_of(7) { OrderEventKind::Cancelled } else { OrderEventKind::Confirmed }
        };
        let events: Vec<_> = (0..500).map(|number| event(&format!("o-{number}"), kind(number), 1)).collect();
        append(&pool, &events).await.unwrap();
        let given_up: BTreeSet<_> = dead(&pool, 72).await.into_iter().filter_map(|dead| dead.key).collect();
        until_published(&pool, SOON).await;
        let unroutable: BTreeSet<_> = (0..500).step_by(7).map(|number| format!("o-{number}")).collect();
        assert_eq!(given_up, unroutable);
        let (streams, _) = in_order(&queue.drain(Duration::from_secs(1)).await);
        assert_eq!(streams.len(), 500 - 72);
    });
}

#[test]
fn a_message_for_which_the_broker_ends_the_channel_is_found_in_its_crowd() {
    world::run(async {
        let pool = database().await;
        let rabbitmq = Broker::narrow_rabbitmq();
        let queue = Queue::bound(&rabbitmq, "all", &[("order.events", "#")]).await;
        let mut environment = environment(None, Some(&rabbitmq));
        environment.push(("EVENTS_MOST_ATTEMPTS", "1".to_owned()));
        let _worker = duty(&database_name(&pool).await, &environment);
        until_sinks(&pool, 1).await;
        let lines = |number: usize| if number % 100 == 50 { 60 } else { 1 };
        let orders = (0..300)
            .map(|number| event(&format!("o-{number}"), OrderEventKind::Confirmed, lines(number)))
            .collect::<Vec<_>>();
        append(&pool, &orders).await.unwrap();
        let given_up = dead(&pool, 3).await;
        let keys: BTreeSet<_> = given_up.iter().filter_map(|dead| dead.key.as_deref()).collect();
        assert_eq!(keys, BTreeSet::from(["o-50", "o-150", "o-250"]));
        let said = given_up[0].last_error.as_deref().unwrap();
        assert!(said.contains("PRECONDITION"), "{said}");
        until_published(&pool, SOON).await;
        let (streams, _) = in_order(&queue.drain(Duration::from_secs(1)).await);
        assert_eq!(streams.len(), 297);
    });
}
