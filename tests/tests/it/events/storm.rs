//! Everything dies, again and again, while events are written.

use std::{collections::BTreeMap, time::Duration};

use futures::future::join_all;
use outbox::OrderEventKind;
use rand::RngExt;
use sqlx::PgPool;
use tokio::time::sleep;

use super::{
    EVERYTHING, SOON, append, brokers,
    brokers::{Broker, Queue},
    duty, environment, event, in_order, kafka_with_topics, until_published, until_sinks,
};
use crate::world::{self, database, database_name};

/// How many events of how many streams: a few in every run of the tests, 10,000 of 500 in a long one.
fn size() -> (usize, usize) {
    let events =
        std::env::var("WAYBILL_STORM_EVENTS").map_or(3_000, |count| count.parse().expect("a number"));
    (events, (events / 20).max(1))
}

/// Writes events of all streams in transactions of some, in any order of the streams.
async fn write(pool: &PgPool, events: usize, streams: usize) -> BTreeMap<String, i64> {
    let mut written = BTreeMap::new();
    let mut left = events;
    while left > 0 {
        let together = rand::rng().random_range(1..=8).min(left);
        let orders: Vec<String> =
            (0..together).map(|_| format!("o-{}", rand::rng().random_range(0..streams))).collect();
        let new: Vec<_> = orders.iter().map(|order| event(order, OrderEventKind::Confirmed, 2)).collect();
        // A connection may be ended while it commits: then nobody knows, and it is written once more.
        if append(pool, &new).await.is_ok() {
            for order in orders {
                *written.entry(order).or_default() += 1;
            }
            left -= together;
        }
    }
    written
}

async fn end_connections(pool: &PgPool) {
    let ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let _ = sqlx::query(ended).execute(pool).await;
}

#[test]
fn nothing_is_lost_and_nothing_overtakes_whatever_dies() {
    world::run(async {
        let (events, streams) = size();
        let pool = database().await;
        let name = database_name(&pool).await;
        let (mut kafka, mut rabbitmq) = (kafka_with_topics(&[]), Broker::rabbitmq());
        let queue = Queue::bound(&rabbitmq, "all", &EVERYTHING).await;
        let environment = environment(Some(&kafka), Some(&rabbitmq));
        let mut workers = [duty(&name, &environment), duty(&name, &environment)];
        until_sinks(&pool, 2).await;

        let writers = join_all((0..4).map(|_| write(&pool, events / 4, streams)));
        let deaths = async {
            for round in 0..6 {
                sleep(Duration::from_millis(rand::rng().random_range(300..1_200))).await;
                match round % 6 {
                    0 => workers[0].kill(),
                    1 => end_connections(&pool).await,
                    2 => kafka.kill(),
                    3 => rabbitmq.kill(),
                    4 => workers[1].kill(),
                    _ => end_connections(&pool).await,
                }
                workers.iter_mut().for_each(world::Duty::revive);
            }
            kafka.start_again();
            rabbitmq.start_again();
        };
        futures::join!(writers, deaths);
        until_published(&pool, 2 * SOON).await;

        // What was written is asked of the database: of a commit that nobody answered, it alone knows.
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT aggregate_id, count(*) FROM integration.outbox GROUP BY aggregate_id")
                .fetch_all(&pool)
                .await
                .unwrap();
        let written: BTreeMap<String, i64> = rows.into_iter().collect();
        assert!(written.values().sum::<i64>() >= events as i64 / 4 * 4);
        let (kept, repeats) = in_order(&brokers::topic(&kafka, "order-events"));
        assert_eq!(kept, written, "Kafka has every event once");
        drop(queue);
        let queue = Queue::bound(&rabbitmq, "all", &EVERYTHING).await;
        let (queued, again) = in_order(&queue.drain(Duration::from_secs(2)).await);
        assert_eq!(queued, written, "RabbitMQ has every event once");
        eprintln!(
            "{} events of {} streams: {repeats} repeats in Kafka, {again} in RabbitMQ",
            events,
            written.len()
        );
        let dead = outbox::dead(&mut pool.acquire().await.unwrap(), &outbox::Filter::default(), None, 10)
            .await
            .unwrap();
        assert!(dead.is_empty(), "no attempt counts while a broker is away: {dead:?}");
    });
}

#[test]
fn another_worker_takes_over_soon() {
    world::run(async {
        let pool = database().await;
        let name = database_name(&pool).await;
        let kafka = kafka_with_topics(&[]);
        let mut environment = environment(Some(&kafka), None);
        let mut first = duty(&name, &environment);
        until_sinks(&pool, 1).await;
        let address = format!("127.0.0.1:{}", world::free_port());
        environment.push(("WORKER_METRICS_LISTEN", address.clone()));
        let _second = duty(&name, &environment);
        let both = "SELECT count(DISTINCT relay) = 2 AND count(*) = 16 FROM integration.lane_leases";
        world::until("both hold lanes", SOON, async || {
            sqlx::query_scalar::<_, bool>(both).fetch_one(&pool).await.ok().filter(|both| *both)
        })
        .await;
        let asked = world::http_client().get(format!("http://{address}/ready"));
        let ready = asked.send().await.unwrap().status();
        assert_eq!(ready, reqwest::StatusCode::OK, "it is ready without Temporal");
        first.kill();
        let orders: Vec<_> =
            (0..64).map(|number| event(&format!("o-{number}"), OrderEventKind::Confirmed, 1)).collect();
        let since = std::time::Instant::now();
        append(&pool, &orders).await.unwrap();
        until_published(&pool, Duration::from_secs(10)).await;
        eprintln!("taken over within {:?}", since.elapsed());
        assert_eq!(brokers::topic(&kafka, "order-events").len(), 64);
    });
}
