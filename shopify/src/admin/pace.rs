//! Keeps calls within the shop's rate, so that a burst of orders waits its turn here instead of
//! being refused there.
//!
//! Shopify pays each document out of a bucket of points that refills at a steady rate, wants the
//! requested cost to be in it before it starts, and tells the level with every answer
//! (`extensions.cost`, Admin API 2026-07). Where it does not tell, the pace is mild: calls are held
//! back for a while at most, as no bucket is known to be empty.
//!
//! Some calls come after all others: they leave a share of the bucket alone.

use std::{collections::HashMap, time::Duration};

use parking_lot::Mutex;
use serde_json::Value;
use tokio::time::{Instant, sleep};

/// What a document is taken to cost until Shopify has said so once.
const FIRST_GUESS: f64 = 50.0;
/// What a document is taken to cost once an answer came without a word about it: ten calls a second.
const UNSAID_COST: f64 = 10.0;
/// What a bucket holds and regains a second until Shopify has said so once (standard plan).
const STANDARD_BUCKET: (f64, f64) = (2_000.0, 100.0);
/// The longest wait for a turn; whoever would wait longer is told so instead.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// The shortest before it is looked again whether it has come.
const SHORTEST_WAIT: Duration = Duration::from_millis(10);
/// The share of a bucket that calls leave alone which come after others.
const LEFT_TO_OTHERS: f64 = 0.5;

/// Whether a call waits for its points alone, or for others too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Precedence {
    /// It takes what is there.
    First,
    /// It leaves half of the bucket to those.
    After,
}

/// The bucket of one shop, as far as we know it.
pub(super) struct Pace {
    level: Mutex<Level>,
}

struct Level {
    /// Points in the bucket at `at`, less what calls under way may take. Negative: a queue.
    points: f64,
    most: f64,
    per_second: f64,
    at: Instant,
    under_way: f64,
    /// Whether Shopify has said what the bucket holds.
    is_known: bool,
    costs: HashMap<&'static str, f64>,
}

impl Pace {
    pub(super) fn new() -> Self {
        let (most, per_second) = STANDARD_BUCKET;
        let costs = HashMap::new();
        Self {
            level: Mutex::new(Level {
                points: most,
                most,
                per_second,
                at: Instant::now(),
                under_way: 0.0,
                is_known: false,
                costs,
            }),
        }
    }

    /// Waits for the document's turn.
    ///
    /// # Errors
    /// How long the turn is away, if that is too long to wait for here.
    pub(super) async fn turn(
        &self,
        document: &'static str,
        precedence: Precedence,
    ) -> Result<Turn<'_>, Duration> {
        if precedence == Precedence::After {
            return self.turn_after_others(document).await;
        }
        let (wait, cost) = self.level.lock().take(document)?;
        let turn = Turn { pace: self, document, cost };
        if !wait.is_zero() {
            sleep(wait).await;
        }
        Ok(turn)
    }

    /// It takes nothing while it waits, as whoever comes meanwhile comes first.
    async fn turn_after_others(&self, document: &'static str) -> Result<Turn<'_>, Duration> {
        let until = Instant::now() + LONGEST_WAIT;
        loop {
            let taken = self.level.lock().take_what_is_left(document);
            let wait = match taken {
                Ok(cost) => return Ok(Turn { pace: self, document, cost }),
                Err(wait) => wait,
            };
            if Instant::now() + wait > until {
                return Err(wait);
            }
            sleep(wait.max(SHORTEST_WAIT)).await;
        }
    }
}

impl Level {
    fn refill(&mut self) {
        let now = Instant::now();
        self.points =
            (self.points + now.duration_since(self.at).as_secs_f64() * self.per_second).min(self.most);
        self.at = now;
    }

    fn cost(&self, document: &'static str) -> f64 {
        self.costs.get(document).copied().unwrap_or(FIRST_GUESS)
    }

    /// Until there are so many points more.
    fn wait_for(&self, missing: f64) -> Duration {
        // However long, it is longer than anybody waits.
        Duration::try_from_secs_f64(missing.max(0.0) / self.per_second).unwrap_or(Duration::MAX)
    }

    fn take_what_is_left(&mut self, document: &'static str) -> Result<f64, Duration> {
        self.refill();
        let cost = self.cost(document);
        // What costs more than the rest has its turn when the bucket is full.
        let needed = (cost + self.most * LEFT_TO_OTHERS).min(self.most);
        if self.points < needed {
            return Err(self.wait_for(needed - self.points));
        }
        self.points -= cost;
        self.under_way += cost;
        Ok(cost)
    }

    fn take(&mut self, document: &'static str) -> Result<(Duration, f64), Duration> {
        self.refill();
        let cost = self.cost(document);
        let wait = self.wait_for(cost - self.points);
        if wait > LONGEST_WAIT && self.is_known {
            return Err(wait);
        }
        self.points -= cost;
        if !self.is_known {
            // A guess is no reason to queue without end.
            self.points = self.points.max(-LONGEST_WAIT.as_secs_f64() * self.per_second);
        }
        self.under_way += cost;
        Ok((wait.min(LONGEST_WAIT), cost))
    }
}

/// A call that may be sent now. It counts as under way until it is dropped.
pub(super) struct Turn<'a> {
    pace: &'a Pace,
    document: &'static str,
    cost: f64,
}

impl Turn<'_> {
    /// Learns from the answer what the document costs and what is left in the bucket.
    pub(super) fn learn(&self, cost: &Value) {
        let figure = |path: &str| cost.pointer(path).and_then(Value::as_f64).filter(|figure| *figure >= 0.0);
        let mut level = self.pace.level.lock();
        if let Some(requested) = figure("/requestedQueryCost") {
            level.costs.insert(self.document, requested);
        }
        let restore = figure("/throttleStatus/restoreRate").filter(|rate| *rate > 0.0);
        let bucket = (
            figure("/throttleStatus/maximumAvailable"),
            restore,
            figure("/throttleStatus/currentlyAvailable"),
        );
        if let (Some(most), Some(per_second), Some(available)) = bucket {
            level.is_known = true;
            level.most = most;
            level.per_second = per_second;
            level.at = Instant::now();
            // Others under way, and those that wait for their turn, have their points already.
            level.points = available - (level.under_way - self.cost);
        }
    }

    /// Learns that the shop took the document and says nothing of its cost.
    pub(super) fn learn_that_nothing_is_said(&self) {
        let mut level = self.pace.level.lock();
        if !level.is_known {
            level.costs.insert(self.document, UNSAID_COST);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.pace.level.lock().under_way -= self.cost;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cost(requested: f64, available: f64) -> Value {
        json!({"requestedQueryCost": requested, "actualQueryCost": requested,
               "throttleStatus": {"maximumAvailable": 1000.0, "currentlyAvailable": available, "restoreRate": 100.0}})
    }

    fn takes(pace: &Pace) -> Result<(Duration, f64), Duration> {
        pace.level.lock().take("q")
    }

    fn is_about(wait: Duration, seconds: f64) -> bool {
        (wait.as_secs_f64() - seconds).abs() < 0.2
    }

    #[tokio::test]
    async fn calls_wait_until_the_bucket_holds_what_they_cost() {
        let pace = Pace::new();
        pace.turn("q", Precedence::First).await.ok().unwrap().learn(&cost(200.0, 300.0));
        assert_eq!(takes(&pace).unwrap(), (Duration::ZERO, 200.0));
        // 100 points are left, 200 wanted, 100 come a second; the next one queues behind it.
        assert!(is_about(takes(&pace).unwrap().0, 1.0));
        assert!(is_about(takes(&pace).unwrap().0, 3.0));
    }

    #[tokio::test]
    async fn whoever_would_wait_too_long_is_told_how_long_and_takes_nothing() {
        let pace = Pace::new();
        pace.turn("q", Precedence::First).await.ok().unwrap().learn(&cost(1000.0, 0.0));
        assert!(is_about(takes(&pace).unwrap_err(), 10.0));
        assert!(is_about(takes(&pace).unwrap_err(), 10.0));
    }

    #[tokio::test]
    async fn what_comes_after_others_leaves_half_of_the_bucket_and_takes_nothing_while_it_waits() {
        let pace = Pace::new();
        pace.turn("q", Precedence::First).await.ok().unwrap().learn(&cost(100.0, 590.0));
        let began = Instant::now();
        let after = pace.turn("q", Precedence::After);
        let first = async { pace.turn("q", Precedence::First).await.ok().unwrap() };
        // Whoever comes meanwhile is not kept waiting, and puts it off.
        let (after, first) = tokio::join!(after, first);
        assert!(is_about(began.elapsed(), 1.1), "{:?}", began.elapsed());
        let left = pace.level.lock().points;
        assert!((480.0..=520.0).contains(&left), "{left}");
        drop((after.ok().unwrap(), first));
    }

    #[tokio::test]
    async fn what_comes_after_others_is_told_to_come_again_where_they_leave_nothing() {
        let pace = Pace::new();
        pace.turn("q", Precedence::First).await.ok().unwrap().learn(&cost(100.0, 0.0));
        assert!(is_about(pace.turn("q", Precedence::After).await.err().unwrap(), 6.0));
        assert!(is_about(takes(&pace).unwrap().0, 1.0), "it took nothing");
    }

    #[tokio::test]
    async fn an_answer_does_not_give_away_points_of_calls_under_way() {
        let pace = Pace::new();
        pace.turn("q", Precedence::First).await.ok().unwrap().learn(&cost(100.0, 250.0));
        let under_way = pace.turn("q", Precedence::First).await.ok().unwrap();
        let other = pace.turn("q", Precedence::First).await.ok().unwrap();
        // This answer was written before `under_way` was paid for.
        other.learn(&cost(100.0, 150.0));
        drop(other);
        assert!(is_about(takes(&pace).unwrap().0, 0.5));
        drop(under_way);
    }

    #[tokio::test]
    async fn a_shop_that_says_nothing_of_costs_is_asked_mildly_and_nobody_is_turned_away() {
        let pace = Pace::new();
        pace.turn("q", Precedence::First).await.ok().unwrap().learn_that_nothing_is_said();
        let waits: Vec<Duration> = (0..1_000).map(|_| takes(&pace).unwrap().0).collect();
        assert!(waits[..150].iter().all(Duration::is_zero));
        assert!(is_about(waits[999], 5.0) && waits.iter().all(|wait| *wait <= LONGEST_WAIT));
    }

    #[tokio::test]
    async fn what_the_shop_once_said_outlives_an_answer_without_it() {
        let pace = Pace::new();
        let turn = pace.turn("q", Precedence::First).await.ok().unwrap();
        turn.learn(&cost(1000.0, 0.0));
        turn.learn_that_nothing_is_said();
        assert!(is_about(takes(&pace).unwrap_err(), 10.0));
    }
}
