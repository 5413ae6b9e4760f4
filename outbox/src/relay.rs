//! The relay: takes events in the order of their streams and has a sink publish them, at least once.
//!
//! **Invariant:** of a stream one event is on its way at a time, and none before all older ones are published or were
//! skipped by a person. Many streams are on their way at once, and none waits for another.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures::future::join_all;
use parking_lot::Mutex;
use sqlx::PgPool;
use tokio::{
    sync::{Notify, Semaphore},
    time::{Instant, sleep, timeout_at},
};
use tracing::{info, warn};
use uuid::Uuid;

use crate::{
    deliveries, lease,
    sink::{Done, Outgoing, Sink, SinkError},
};

/// How a relay works.
#[derive(Debug, Clone)]
pub struct RelaySettings {
    /// How long a lane is held without a sign of life.
    pub lease: Duration,
    /// How long a sink may take for an event. Well under two thirds of the lease.
    pub event_limit: Duration,
    /// Events of a lane taken at once.
    pub batch: u32,
    /// Events of a stream taken at once, so that a long one leaves room for others.
    pub of_a_stream: u32,
    /// Streams under way at once.
    pub parallel: usize,
    /// After how many refusals an event is dead, until a person decides.
    pub most_attempts: u32,
    /// The wait after the first refusal of an event, doubled with each; and while a sink is away.
    pub first_pause: Duration,
    /// The longest of these waits.
    pub longest_pause: Duration,
    /// How often is looked for new events while there are none.
    pub poll: Duration,
}

impl Default for RelaySettings {
    fn default() -> Self {
        Self {
            lease: Duration::from_millis(4500),
            event_limit: Duration::from_millis(2500),
            batch: 64,
            of_a_stream: 8,
            parallel: 1024,
            most_attempts: 10,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(300),
            poll: Duration::from_millis(50),
        }
    }
}

impl RelaySettings {
    /// The wait after so many refusals.
    pub(crate) fn pause(&self, refusals: u32) -> Duration {
        let doubled = self.first_pause.saturating_mul(1 << refusals.saturating_sub(1).min(20));
        doubled.min(self.longest_pause)
    }
}

/// An event that alone is not taken, while others are, is dead after so long and as many attempts.
const HELD_FOR: Duration = Duration::from_secs(60 * 60);

/// How often what was written behind dead events is put out of sight.
const PARK_EVERY: Duration = Duration::from_secs(30);

/// What one look for events came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// Events that are done.
    pub published: usize,
    /// How many of them the sink took: some may be none of its.
    pub taken: usize,
    /// Events it refused.
    pub refused: usize,
    /// Events it did not take while it took others: their streams wait.
    pub held: usize,
    /// Why it takes nothing now, if it does not.
    pub away: Option<String>,
}

/// Publishes to one sink. Several for the same sink share its lanes.
pub struct Relay<S> {
    pool: PgPool,
    sink: S,
    settings: RelaySettings,
    id: Uuid,
    held: Mutex<Option<Held>>,
    /// Whether it was told to stop: what is under way ends, nothing else begins.
    stopping: AtomicBool,
    told: Notify,
}

/// Lanes that are ours for a while.
#[derive(Clone)]
struct Held {
    lanes: Vec<i16>,
    /// From before they were asked for, so that our time is over no later than the database's.
    since: Instant,
}

/// How far a stream came.
#[derive(Default)]
struct Came {
    /// Ids of the events that are done.
    done: Vec<i64>,
    /// How many of them the sink took.
    taken: usize,
    /// The event that went no further, and why.
    stopped: Option<(i64, SinkError)>,
}

impl<S: Sink> Relay<S> {
    /// A relay with a name of its own.
    #[must_use]
    pub fn new(pool: PgPool, sink: S, settings: RelaySettings) -> Self {
        Self {
            pool,
            sink,
            settings,
            id: Uuid::now_v7(),
            held: Mutex::new(None),
            stopping: AtomicBool::new(false),
            told: Notify::new(),
        }
    }

    /// Publishes until it is told to stop. Trouble with the database is waited out.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let listen = async {
            stop.await;
            self.stopping.store(true, Ordering::Relaxed);
            self.told.notify_one();
        };
        futures::join!(listen, self.work());
        // Whoever comes next waits for the lease to run out at worst.
        let _ = lease::give_back(&self.pool, self.sink.name(), self.id).await;
    }

    async fn work(&self) {
        let (mut away, mut parked_at) = (0, Instant::now());
        while !self.stopping.load(Ordering::Relaxed) {
            // A sink that was away a moment ago is tried with few.
            let batch = if away > 0 { 1 } else { self.settings.batch };
            let pause = match self.turn_of(batch).await {
                Ok(Published { away: Some(why), .. }) => {
                    if away == 0 {
                        warn!(
                            sink = self.sink.name(),
                            why, "a sink of events is away; nothing is lost meanwhile"
                        );
                    }
                    away += 1;
                    self.settings.pause(away)
                }
                Err(error) => {
                    warn!(sink = self.sink.name(), %error, "the relay waits for the database");
                    self.settings.first_pause
                }
                Ok(turn) => {
                    if away > 0 && turn.taken > 0 {
                        info!(sink = self.sink.name(), "events are published again");
                        away = 0;
                    }
                    if turn.published > 0 { Duration::ZERO } else { self.settings.poll }
                }
            };
            if away == 0 && parked_at.elapsed() >= PARK_EVERY {
                parked_at = Instant::now();
                if let Err(error) = self.park().await {
                    warn!(sink = self.sink.name(), %error, "what waits behind dead events is looked through again");
                }
            }
            tokio::select! {
                () = self.told.notified() => {}
                () = sleep(pause.min(self.settings.lease / 3)) => {}
            }
        }
    }

    /// Publishes a batch of each lane it holds.
    ///
    /// # Errors
    /// The database's. What was published and could not be noted is published again.
    pub async fn turn(&self) -> Result<Published, sqlx::Error> {
        self.turn_of(self.settings.batch).await
    }

    async fn turn_of(&self, batch: u32) -> Result<Published, sqlx::Error> {
        let Held { lanes, since } = self.lanes().await?;
        let until = since + self.settings.lease * 2 / 3;
        let of_a_stream = self.settings.of_a_stream;
        let due = deliveries::due(&self.pool, self.sink.name(), &lanes, batch, of_a_stream).await?;
        let mut streams = BTreeMap::<String, Vec<Outgoing>>::new();
        for event in due {
            streams.entry(event.stream.clone()).or_default().push(event);
        }
        let places = Semaphore::new(self.settings.parallel);
        let came = join_all(streams.values().map(|events| self.publish_stream(events, until, &places))).await;
        let taken = came.iter().map(|came| came.taken).sum();
        let mut turn = Published { taken, ..Published::default() };
        let (mut published, mut refused, mut held) = (Vec::new(), Vec::new(), Vec::new());
        for Came { done, stopped, .. } in came {
            published.extend(done);
            match stopped {
                Some((outbox_id, SinkError::Refused(why))) => refused.push((outbox_id, why)),
                // It took others, so that it is this stream's own trouble.
                Some((outbox_id, SinkError::Away(why))) if taken > 0 => held.push((outbox_id, why)),
                Some((_, SinkError::Away(why))) => turn.away = Some(why),
                None => {}
            }
        }
        (turn.published, turn.refused, turn.held) = (published.len(), refused.len(), held.len());
        let sink = self.sink.name();
        deliveries::take_away(&self.pool, sink, &published).await?;
        deliveries::hold(&self.pool, sink, &refused, Duration::ZERO, &self.settings).await?;
        deliveries::hold(&self.pool, sink, &held, HELD_FOR, &self.settings).await?;
        if !refused.is_empty() || !held.is_empty() {
            deliveries::park(&self.pool, sink, &lanes).await?;
        }
        Ok(turn)
    }

    /// What was written meanwhile of streams that wait behind a dead event.
    async fn park(&self) -> Result<(), sqlx::Error> {
        let lanes = self.lanes().await?.lanes;
        deliveries::park(&self.pool, self.sink.name(), &lanes).await
    }

    /// The lanes it holds, asked for again when a third of the lease is over.
    async fn lanes(&self) -> Result<Held, sqlx::Error> {
        let held = self.held.lock().clone();
        if let Some(held) = held.filter(|held| held.since.elapsed() < self.settings.lease / 3) {
            return Ok(held);
        }
        let since = Instant::now();
        let lanes = lease::renew(&self.pool, self.sink.name(), self.id, self.settings.lease).await?;
        let held = Held { lanes, since };
        *self.held.lock() = Some(held.clone());
        Ok(held)
    }

    /// One after the other, up to the first that is not taken, the end of the lease, or of the process.
    async fn publish_stream(&self, events: &[Outgoing], until: Instant, places: &Semaphore) -> Came {
        let _place = places.acquire().await;
        let mut came = Came::default();
        for event in events {
            // What there is no time for is taken next time, by whoever holds the lane then.
            if Instant::now() >= until || self.stopping.load(Ordering::Relaxed) {
                break;
            }
            let limit = until.min(Instant::now() + self.settings.event_limit);
            match timeout_at(limit, self.sink.publish(event)).await {
                Ok(Ok(done)) => {
                    came.done.push(event.outbox_id);
                    came.taken += usize::from(done == Done::Taken);
                }
                Ok(Err(error)) => {
                    came.stopped = Some((event.outbox_id, error));
                    break;
                }
                Err(_) if limit == until => break,
                Err(_) => {
                    came.stopped = Some((event.outbox_id, SinkError::Away("TIMEOUT".to_owned())));
                    break;
                }
            }
        }
        came
    }
}
