//! Events on their way out: each stream in the order of its commits, whatever goes on side by side.
#![allow(clippy::unwrap_used)]

mod refused;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{Days, NaiveDate};
use domain::{OrderId, Quantity, Sku};
use futures::future::join_all;
use outbox::{
    Done, Event, Filter, Outgoing, Relay, RelaySettings, ReturnReceived, ReturnedLine, Sink, SinkError,
};
use sqlx::{PgConnection, PgPool};
use tokio::time::{sleep, timeout};

use crate::world::{database, until};

/// Something that happened to an order.
fn event(order: &str, what: &str) -> Event {
    Event::ReturnReceived(ReturnReceived {
        return_id: what.to_owned(),
        order_id: OrderId::parse(order).unwrap(),
        lines: vec![ReturnedLine {
            sku: Sku::parse("TEA").unwrap(),
            quantity: Quantity::new(1).unwrap(),
            sellable: true,
        }],
    })
}

/// What a reader has seen, as one that takes what is new by its id.
#[derive(Default)]
struct Reader {
    taken: Vec<i64>,
    last_of_stream: BTreeMap<String, i64>,
    inversions: Vec<String>,
}

impl Reader {
    async fn look(&mut self, pool: &PgPool) {
        let rows: Vec<(i64, String, i64)> = sqlx::query_as(
            "SELECT outbox_id, stream, sequence FROM integration.outbox
             WHERE NOT outbox_id = ANY ($1) ORDER BY outbox_id",
        )
        .bind(&self.taken)
        .fetch_all(pool)
        .await
        .unwrap();
        for (outbox_id, stream, sequence) in rows {
            let before = self.last_of_stream.insert(stream.clone(), sequence).unwrap_or_default();
            if sequence != before + 1 {
                self.inversions.push(format!("{stream}: {sequence} comes after {before}"));
            }
            self.taken.push(outbox_id);
        }
    }
}

/// A writer that draws the id before it has the stream: what the room must not do.
async fn append_as_it_must_not_be(conn: &mut PgConnection, order: &str) {
    let id: i64 =
        sqlx::query_scalar("SELECT nextval('integration.outbox_ids')").fetch_one(&mut *conn).await.unwrap();
    sleep(Duration::from_millis(id.unsigned_abs() % 7)).await;
    sqlx::query(
        "WITH counted AS (
             INSERT INTO integration.streams AS s (stream, sequence) VALUES ('order/' || $2, 1)
             ON CONFLICT ON CONSTRAINT streams_pk DO UPDATE SET sequence = s.sequence + 1 RETURNING sequence
         )
         INSERT INTO integration.outbox
             (outbox_id, event_id, event_type, aggregate_type, aggregate_id, correlation_id, payload, stream,
              partition_key, lane, sequence)
         SELECT $1, gen_random_uuid(), 'ORDER_RETURN_RECEIVED', 'Order', $2, 'c', '{}', 'order/' || $2, $2, 0, sequence
         FROM counted",
    )
    .bind(id)
    .bind(order)
    .execute(conn)
    .await
    .unwrap();
}

/// Many write to few streams side by side while a reader takes what it sees. What it saw out of order.
async fn crowd(pool: &PgPool, is_right: bool) -> (usize, Vec<String>) {
    let writers = join_all((0..24_u64).map(async |writer| {
        for round in 0..12_u64 {
            let order = format!("o-{}", (writer + round) % 3);
            let mut tx = pool.begin().await.unwrap();
            // An order of its own for each transaction's number, long before it writes.
            sqlx::query("SELECT txid_current()").execute(&mut *tx).await.unwrap();
            sleep(Duration::from_millis((writer * 7 + round * 3) % 11)).await;
            if is_right {
                let events = [event(&order, "first"), event(&order, "second")];
                outbox::append(&mut tx, "c", &events).await.unwrap();
            } else {
                append_as_it_must_not_be(&mut tx, &order).await;
                append_as_it_must_not_be(&mut tx, &order).await;
            }
            sleep(Duration::from_millis((writer + round) % 5)).await;
            tx.commit().await.unwrap();
        }
    }));
    let mut reader = Reader::default();
    let mut writers = Box::pin(writers);
    loop {
        let done = timeout(Duration::from_millis(3), &mut writers).await.is_ok();
        reader.look(pool).await;
        if done {
            return (reader.taken.len(), reader.inversions);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_by_id_never_meets_an_older_event_of_a_stream_after_a_newer_one() {
    let pool = database().await;
    let (seen, inversions) = crowd(&pool, true).await;
    assert_eq!((seen, inversions), (24 * 12 * 2, Vec::new()));
    // The same eyes see it where an id is drawn before the stream is locked.
    for crowds in 1.. {
        let (seen, inversions) = crowd(&database().await, false).await;
        assert_eq!(seen, 24 * 12 * 2);
        if !inversions.is_empty() {
            break;
        }
        // On a busy machine a crowd may happen to come one after another.
        assert!(crowds < 10, "the reader notices nothing");
    }
}

#[tokio::test]
async fn whoever_writes_to_a_stream_waits_for_the_one_that_came_first_and_other_streams_do_not() {
    let pool = database().await;
    let (mut first, mut second) = (pool.begin().await.unwrap(), pool.begin().await.unwrap());
    outbox::append(&mut first, "c", &[event("o-1", "first")]).await.unwrap();
    outbox::append(&mut second, "c", &[event("o-2", "aside")]).await.unwrap();
    let late = [event("o-1", "late")];
    let waits = timeout(Duration::from_millis(300), outbox::append(&mut second, "c", &late));
    assert!(waits.await.is_err(), "the stream is free though its writer has not committed");
    drop(second);
    first.commit().await.unwrap();

    let events = [event("o-2", "a"), event("o-1", "b"), event("o-2", "c"), event("o-1", "d")];
    let mut tx = pool.begin().await.unwrap();
    outbox::append(&mut tx, "c", &events).await.unwrap();
    tx.commit().await.unwrap();
    let rows: Vec<(String, i64, String, i16)> = sqlx::query_as(
        "SELECT payload ->> 'returnId', sequence, partition_key, lane FROM integration.outbox ORDER BY outbox_id",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    let told: Vec<(&str, i64, &str)> =
        rows.iter().map(|(what, sequence, key, _)| (what.as_str(), *sequence, key.as_str())).collect();
    let expected = [("first", 1, "o-1"), ("a", 1, "o-2"), ("b", 2, "o-1"), ("c", 2, "o-2"), ("d", 3, "o-1")];
    assert_eq!(told, expected, "in their sequence, each numbered within its stream");
    assert_eq!((rows[0].3, rows[1].3), (rows[4].3, rows[3].3), "a key has one lane");
}

/// What a sink does, and what it got: stream, sequence and what happened.
#[derive(Default)]
struct Seen {
    away: bool,
    refuses: BTreeSet<String>,
    /// As if it were away, for these alone.
    silent_about: BTreeSet<String>,
    got: Vec<(String, i64, String)>,
}

/// A sink of the tests, which takes a moment for each event.
#[derive(Clone)]
struct Shelf(&'static str, Arc<Mutex<Seen>>);

impl Shelf {
    fn new(name: &'static str) -> Self {
        Self(name, Arc::default())
    }

    fn seen<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.1.lock().unwrap())
    }

    /// What it got of each stream, repeats dropped: sequences in the order in which they came first.
    fn by_stream(&self) -> BTreeMap<String, Vec<i64>> {
        let mut streams = BTreeMap::<String, Vec<i64>>::new();
        for (stream, sequence, _) in self.seen(|seen| seen.got.clone()) {
            let known = streams.entry(stream).or_default();
            if !known.contains(&sequence) {
                known.push(sequence);
            }
        }
        streams
    }

    fn whats(&self) -> Vec<String> {
        self.seen(|seen| seen.got.iter().map(|(_, _, what)| what.clone()).collect())
    }
}

impl Sink for Shelf {
    fn name(&self) -> &str {
        self.0
    }

    async fn publish(&self, event: &Outgoing) -> Result<Done, SinkError> {
        sleep(Duration::from_millis(2)).await;
        let what = event.payload["returnId"].as_str().unwrap().to_owned();
        self.seen(|seen| {
            if seen.away {
                return Err(SinkError::Away("the broker is away".to_owned()));
            }
            if seen.silent_about.contains(&what) {
                return Err(SinkError::Away("no answer".to_owned()));
            }
            if seen.refuses.contains(&what) {
                return Err(SinkError::Refused("TOO_LARGE".to_owned()));
            }
            seen.got.push((event.stream.clone(), event.sequence, what));
            Ok(Done::Taken)
        })
    }
}

fn quick() -> RelaySettings {
    RelaySettings {
        lease: Duration::from_secs(1),
        event_limit: Duration::from_millis(300),
        batch: 8,
        of_a_stream: 8,
        parallel: 1024,
        most_attempts: 3,
        first_pause: Duration::from_millis(40),
        longest_pause: Duration::from_millis(80),
        poll: Duration::from_millis(20),
    }
}

async fn write(pool: &PgPool, events: &[(&str, &str)]) {
    let mut tx = pool.begin().await.unwrap();
    let events: Vec<Event> = events.iter().map(|(order, what)| event(order, what)).collect();
    outbox::append(&mut tx, "c", &events).await.unwrap();
    tx.commit().await.unwrap();
}

async fn with_sinks(names: &[&str]) -> PgPool {
    let pool = database().await;
    let mut conn = pool.acquire().await.unwrap();
    for name in names {
        outbox::add_sink(&mut conn, name).await.unwrap();
        outbox::add_sink(&mut conn, name).await.unwrap();
    }
    pool
}

/// What each sink still lacks, and what is dead: name, waiting, dead.
async fn backlog(pool: &PgPool) -> Vec<(String, i64, i64)> {
    let sinks = outbox::backlog(&mut pool.acquire().await.unwrap()).await.unwrap();
    sinks.into_iter().map(|sink| (sink.sink, sink.waiting, sink.dead)).collect()
}

fn dead_ones() -> Filter {
    Filter::default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_relays_publish_each_stream_in_order_though_one_dies_on_the_way() {
    let pool = with_sinks(&["shelf"]).await;
    let shelf = Shelf::new("shelf");
    let mut relays: Vec<_> = (0..3)
        .map(|_| {
            let relay = Relay::new(pool.clone(), shelf.clone(), quick());
            tokio::spawn(async move { relay.run(std::future::pending()).await })
        })
        .collect();
    let writers = (0..8).map(async |writer: usize| {
        for round in 0..30 {
            let order = format!("o-{}", (writer * 5 + round) % 13);
            write(&pool, &[(order.as_str(), "a"), (order.as_str(), "b")]).await;
        }
    });
    let dies = async {
        sleep(Duration::from_millis(150)).await;
        relays.remove(0).abort();
    };
    tokio::join!(join_all(writers), dies);
    until("all is published", Duration::from_secs(30), async || {
        (backlog(&pool).await == [("shelf".to_owned(), 0, 0)]).then_some(())
    })
    .await;
    let streams = shelf.by_stream();
    assert_eq!((streams.len(), streams.values().map(Vec::len).sum::<usize>()), (13, 480));
    for (stream, sequences) in streams {
        assert!(sequences.is_sorted() && sequences[0] == 1, "{stream}: {sequences:?}");
    }
    relays.iter().for_each(|relay| relay.abort());
}

#[tokio::test]
async fn days_are_made_ahead_and_dropped_when_they_are_old_and_published() {
    let pool = with_sinks(&["shelf"]).await;
    let mut conn = pool.acquire().await.unwrap();
    let today = chrono::Utc::now().date_naive();
    let later = |days| today.checked_add_days(Days::new(days)).unwrap();
    let made = outbox::keep_days(&mut conn, today, 30).await.unwrap();
    assert_eq!((made.made.len(), made.dropped), (7, Vec::<NaiveDate>::new()), "a week ahead");
    assert_eq!(outbox::keep_days(&mut conn, today, 30).await.unwrap(), outbox::KeptDays::default());

    write(&pool, &[("o-1", "a")]).await;
    let of_day: String = sqlx::query_scalar("SELECT tableoid::regclass::text FROM integration.outbox")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(of_day, format!("integration.outbox_{}", today.format("%Y%m%d")));
    let kept = outbox::keep_days(&mut conn, later(40), 30).await.unwrap();
    assert!(!kept.dropped.contains(&today) && kept.dropped.contains(&later(1)), "{kept:?}");
    let relay = Relay::new(pool.clone(), Shelf::new("shelf"), quick());
    assert_eq!(relay.turn().await.unwrap().published, 1);
    assert_eq!(outbox::keep_days(&mut conn, later(40), 30).await.unwrap().dropped, [today]);
    write(&pool, &[("o-1", "b")]).await;
    let rest: i64 =
        sqlx::query_scalar("SELECT count(*) FROM integration.outbox_rest").fetch_one(&pool).await.unwrap();
    assert_eq!(rest, 1, "a day that is not there loses nothing");
}
