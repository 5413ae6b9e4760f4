//! The relay: takes events in the order of their streams and has a sink publish them, at least once.
//!
//! **Invariant:** of a stream one event is on its way at a time, and none before all older ones are published or were
//! skipped by a person. Many streams are on their way at once, and none waits for another.

use std::{collections::BTreeMap, time::Duration};

use futures::future::join_all;
use sqlx::PgPool;
use tokio::time::{Instant, sleep, timeout_at};
use uuid::Uuid;

use crate::{
    deliveries, lease,
    sink::{Outgoing, Sink, SinkError},
};

/// How a relay works.
#[derive(Debug, Clone)]
pub struct RelaySettings {
    /// How long a lane is held without a sign of life.
    pub lease: Duration,
    /// How long a sink may take for an event until that counts as refused. Well under two thirds of the lease.
    pub event_limit: Duration,
    /// Events of a lane taken at once.
    pub batch: u32,
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
            lease: Duration::from_secs(15),
            event_limit: Duration::from_secs(5),
            batch: 64,
            most_attempts: 10,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(300),
            poll: Duration::from_millis(200),
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

/// What one look for events came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Published {
    /// Events the sink has now.
    pub published: usize,
    /// Events it refused.
    pub refused: usize,
    /// Whether it takes nothing now.
    pub away: bool,
}

/// Publishes to one sink. Several for the same sink share its lanes.
pub struct Relay<S> {
    pool: PgPool,
    sink: S,
    settings: RelaySettings,
    id: Uuid,
}

impl<S: Sink> Relay<S> {
    /// A relay with a name of its own.
    #[must_use]
    pub fn new(pool: PgPool, sink: S, settings: RelaySettings) -> Self {
        Self { pool, sink, settings, id: Uuid::now_v7() }
    }

    /// Publishes until it is told to stop. Trouble with the database is waited out.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let mut away = 0;
        loop {
            let pause = match self.turn().await {
                Ok(Published { away: true, .. }) | Err(_) => {
                    away += 1;
                    self.settings.pause(away)
                }
                Ok(turn) => {
                    away = 0;
                    if turn.published > 0 { Duration::ZERO } else { self.settings.poll }
                }
            };
            tokio::select! {
                () = &mut stop => break,
                () = sleep(pause.min(self.settings.lease / 3)) => {}
            }
        }
        // Whoever comes next waits for the lease to run out at worst.
        let _ = lease::give_back(&self.pool, self.sink.name(), self.id).await;
    }

    /// Publishes a batch of each lane it holds.
    ///
    /// # Errors
    /// The database's. What was published and could not be noted is published again.
    pub async fn turn(&self) -> Result<Published, sqlx::Error> {
        // From before the lease is asked for: ours ends no later than the database's.
        let until = Instant::now() + self.settings.lease * 2 / 3;
        let lanes = lease::renew(&self.pool, self.sink.name(), self.id, self.settings.lease).await?;
        let due = deliveries::due(&self.pool, self.sink.name(), &lanes, self.settings.batch).await?;
        let mut streams = BTreeMap::<String, Vec<Outgoing>>::new();
        for event in due {
            streams.entry(event.stream.clone()).or_default().push(event);
        }
        let results = join_all(streams.values().map(|events| self.publish_stream(events, until))).await;
        let mut turn = Published::default();
        let (mut published, mut refused) = (Vec::new(), Vec::new());
        for (done, error) in results {
            published.extend(done);
            match error {
                Some((_, SinkError::Away(_))) => turn.away = true,
                Some((outbox_id, SinkError::Refused(why))) => refused.push((outbox_id, why)),
                None => {}
            }
        }
        (turn.published, turn.refused) = (published.len(), refused.len());
        deliveries::note(&self.pool, self.sink.name(), &published, &refused, &self.settings).await?;
        Ok(turn)
    }

    /// One after the other, up to the first that is not taken or the end of the lease: the ids of those that were, and
    /// what stopped it.
    async fn publish_stream(
        &self,
        events: &[Outgoing],
        until: Instant,
    ) -> (Vec<i64>, Option<(i64, SinkError)>) {
        let mut published = Vec::with_capacity(events.len());
        for event in events {
            // What the lease has no time for is taken next time, by whoever holds the lane then.
            if Instant::now() >= until {
                break;
            }
            let limit = until.min(Instant::now() + self.settings.event_limit);
            match timeout_at(limit, self.sink.publish(event)).await {
                Ok(Ok(())) => published.push(event.outbox_id),
                Ok(Err(error)) => return (published, Some((event.outbox_id, error))),
                Err(_) if limit == until => break,
                Err(_) => {
                    return (published, Some((event.outbox_id, SinkError::Refused("TIMEOUT".to_owned()))));
                }
            }
        }
        (published, None)
    }
}
