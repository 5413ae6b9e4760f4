//! `waybill-bench-events`: how fast a worker drains events to a broker, and how soon an event is there when nothing else
//! is. `scripts/bench-events.sh` starts what it needs.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use clap::Parser;
use domain::{Sku, WarehouseId};
use lapin::{
    Connection, ConnectionProperties, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};
use outbox::{Event, InsufficientStock};
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio::time::sleep;

/// Measures a worker that publishes and does nothing else. The environment holds the secret DATABASE_URL.
#[derive(Parser)]
#[command(name = "waybill-bench-events", version)]
struct Arguments {
    /// The program waybill-worker, built with both brokers.
    #[arg(long, value_name = "PATH")]
    worker: PathBuf,
    /// Where Kafka is; its topics are there.
    #[arg(long, value_name = "ADDRESS")]
    kafka: String,
    /// Where RabbitMQ is.
    #[arg(long, value_name = "URL")]
    rabbitmq: String,
    /// How many events are drained.
    #[arg(long, default_value_t = 50_000)]
    events: usize,
    /// Of how many streams they are.
    #[arg(long, default_value_t = 500)]
    streams: usize,
    /// How many events are published one by one, when nothing else is.
    #[arg(long, default_value_t = 200)]
    single: usize,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let url = std::env::var("DATABASE_URL").context("DATABASE_URL is not set")?;
    let pool = PgPoolOptions::new().max_connections(4).connect(&url).await?;
    // When each event was off the list, which is after the broker confirmed it.
    sqlx::raw_sql(
        "CREATE TABLE published (outbox_id bigint NOT NULL, at timestamptz NOT NULL);
         CREATE FUNCTION note_published() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN INSERT INTO published VALUES (OLD.outbox_id, clock_timestamp()); RETURN OLD; END';",
    )
    .execute(&pool)
    .await?;
    let _queue = bind_queue(&arguments.rabbitmq).await.context("RabbitMQ")?;
    for (sink, variable, address) in
        [("kafka", "KAFKA_BOOTSTRAP_SERVERS", &arguments.kafka), ("amqp", "AMQP_URL", &arguments.rabbitmq)]
    {
        measure(&arguments, &pool, sink, variable, address).await.context(sink)?;
    }
    Ok(())
}

async fn measure(
    arguments: &Arguments,
    pool: &PgPool,
    sink: &str,
    variable: &str,
    address: &str,
) -> anyhow::Result<()> {
    sqlx::raw_sql("DELETE FROM integration.sinks; DELETE FROM integration.deliveries;").execute(pool).await?;
    outbox::add_sink(&mut *pool.acquire().await?, sink).await?;
    let mut left = arguments.events;
    while left > 0 {
        let batch = left.min(1_000);
        append(pool, (0..batch).map(|number| event((left - number) % arguments.streams))).await?;
        left -= batch;
    }
    let _worker = Worker::start(arguments, variable, address)?;
    let waiting = async || -> anyhow::Result<i64> {
        Ok(sqlx::query_scalar("SELECT count(*) FROM integration.deliveries").fetch_one(pool).await?)
    };
    let all = i64::try_from(arguments.events)?;
    // Until the first are gone, the worker starts and connects.
    while waiting().await? == all {
        sleep(Duration::from_millis(5)).await;
    }
    let (begun, at_first) = (Instant::now(), waiting().await?);
    while waiting().await? > 0 {
        ensure!(begun.elapsed() < Duration::from_secs(300), "it does not come to an end");
        sleep(Duration::from_millis(20)).await;
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{sink}: {:.0} events/s ({at_first} in {seconds:.2} s, {} streams)",
        at_first as f64 / seconds,
        arguments.streams
    );

    sqlx::raw_sql(
        "CREATE TRIGGER note_published AFTER DELETE ON integration.deliveries FOR EACH ROW
         EXECUTE FUNCTION note_published(); TRUNCATE published",
    )
    .execute(pool)
    .await?;
    for number in 0..arguments.single {
        append(pool, [event(number % arguments.streams)]).await?;
        // Out of step with the relay's own looks.
        sleep(Duration::from_millis(61)).await;
    }
    while waiting().await? > 0 {
        sleep(Duration::from_millis(20)).await;
    }
    let (half, most, worst): (f64, f64, f64) = sqlx::query_as(
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms), percentile_cont(0.99) WITHIN GROUP (ORDER BY ms),
                max(ms)
         FROM (SELECT extract(epoch FROM p.at - o.occurred_at)::float8 * 1000 AS ms
               FROM published p JOIN integration.outbox o USING (outbox_id)) AS took",
    )
    .fetch_one(pool)
    .await?;
    println!("{sink}: idle, written to confirmed: p50 {half:.0} ms, p99 {most:.0} ms, worst {worst:.0} ms");
    sqlx::raw_sql("DROP TRIGGER note_published ON integration.deliveries").execute(pool).await?;
    Ok(())
}

/// One that both brokers get.
fn event(stream: usize) -> Event {
    let sku = Sku::parse(&format!("BENCH-{stream}")).expect("a SKU");
    Event::InsufficientStock(InsufficientStock {
        order_id: domain::OrderId::parse("bench").expect("an id"),
        inventory_item_id: sku.clone(),
        sku,
        warehouse_id: WarehouseId::parse("main").expect("an id"),
        requested: 2,
        available: 1,
    })
}

async fn append(pool: &PgPool, events: impl IntoIterator<Item = Event>) -> anyhow::Result<()> {
    let events: Vec<Event> = events.into_iter().collect();
    let mut tx = pool.begin().await?;
    outbox::append(&mut tx, "bench", &events).await?;
    Ok(tx.commit().await?)
}

/// A queue that keeps a few of all messages, so that none is unroutable.
async fn bind_queue(url: &str) -> anyhow::Result<Connection> {
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    // A broker that kept all of them would run out of memory, and block whoever publishes.
    let mut few = FieldTable::default();
    few.insert("x-max-length".into(), AMQPValue::LongLongInt(1_000));
    channel.queue_declare("bench".into(), durable, few).await?;
    for exchange in ["order.events", "inventory.events", "inventory.notifications"] {
        let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        channel
            .exchange_declare(exchange.into(), ExchangeKind::Topic, durable, FieldTable::default())
            .await?;
        let options = QueueBindOptions::default();
        channel
            .queue_bind("bench".into(), exchange.into(), "#".into(), options, FieldTable::default())
            .await?;
    }
    Ok(connection)
}

/// Ends with this value.
struct Worker(Child);

impl Worker {
    fn start(arguments: &Arguments, variable: &str, address: &str) -> anyhow::Result<Self> {
        let child = Command::new(&arguments.worker)
            .env("WORKER_RUNS", "events")
            .env("WORKER_METRICS_LISTEN", "127.0.0.1:0")
            .env("RUST_LOG", "warn")
            .env(variable, address)
            .stdin(Stdio::null())
            .spawn()?;
        Ok(Self(child))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
