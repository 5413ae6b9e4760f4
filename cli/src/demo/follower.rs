//! Tells an order's way, step by step, as its timeline grows.

use std::time::Duration;

use anyhow::ensure;
use chrono::{DateTime, Utc};

use super::guide::Guide;
use super::orders::{Doors, Order, TimelineEntry};
use super::screen::Mark;
use crate::output::Output;

/// The event the demo's first order has to come to.
pub const SHOP_NOTIFIED: &str = "SHOP_NOTIFIED";

const PARKED: &str = "PARKED";

/// How far an order's way has been told.
pub struct Follower {
    order: Order,
    since: Option<DateTime<Utc>>,
    printed: usize,
    last: Option<DateTime<Utc>>,
    is_over: bool,
}

impl Follower {
    /// Tells an order's way from its start; times count from `since`, or where that is not known,
    /// from the first thing that happened.
    pub fn new(order: Order, since: Option<DateTime<Utc>>) -> Self {
        Self { order, since, printed: 0, last: since, is_over: false }
    }

    pub fn order(&self) -> &Order {
        &self.order
    }

    /// Whether nothing more will happen to it.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// What happened since this was asked last.
    ///
    /// # Errors
    /// When the API cannot be asked, or shows less than it did before.
    pub async fn new_entries(&mut self, doors: &Doors) -> anyhow::Result<Vec<TimelineEntry>> {
        let mut timeline = doors.order(&self.order.order_id).await?.timeline;
        ensure!(timeline.len() >= self.printed, "the order's timeline became shorter");
        let entries = timeline.split_off(self.printed);
        self.printed += entries.len();
        Ok(entries)
    }

    /// Prints what happened, and what to do where somebody has to do something.
    pub fn print(&mut self, screen: Output, guide: &Guide<'_>, entries: &[TimelineEntry]) {
        for happening in entries {
            let since = *self.since.get_or_insert(happening.at);
            let last = self.last.replace(happening.at).unwrap_or(since);
            screen.step(
                mark(&happening.event),
                &label(&happening.event),
                elapsed(since, happening.at),
                elapsed(last, happening.at),
                happening.detail.as_deref().unwrap_or_default(),
            );
            self.is_over |= matches!(happening.event.as_str(), "DELIVERED" | "CANCELLED");
        }
        if entries.last().is_some_and(|happening| happening.event == PARKED) {
            guide.show_answers(screen, &self.order);
        }
    }
}

fn mark(event: &str) -> Mark {
    match event {
        PARKED => Mark::Parked,
        "AWAITING_PAYMENT" | "AWAITING_ALLOCATION" | "BACKORDERED" | "ON_HOLD" => Mark::Waits,
        _ => Mark::Done,
    }
}

/// An event in a person's words.
fn label(event: &str) -> String {
    match event {
        "HANDED_OVER" => "handed over to the warehouse".to_owned(),
        "RESOLVED" => "answered".to_owned(),
        SHOP_NOTIFIED => "Shopify notified".to_owned(),
        other => other.to_lowercase().replace('_', " "),
    }
}

/// Clocks of two processes may disagree by a little: never less than nothing.
fn elapsed(from: DateTime<Utc>, to: DateTime<Utc>) -> Duration {
    (to - from).to_std().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_nobody_thought_of_is_still_told_in_words() {
        assert_eq!(label("PARTIALLY_SHIPPED"), "partially shipped");
    }

    #[test]
    fn a_parked_order_is_marked_as_one_that_waits_for_a_person() {
        assert_eq!(mark("PARKED"), Mark::Parked);
        assert_eq!(mark("BACKORDERED"), Mark::Waits);
        assert_eq!(mark("RESOLVED"), Mark::Done);
    }

    #[test]
    fn a_clock_that_runs_behind_never_gives_a_negative_time() {
        let now = Utc::now();
        assert_eq!(elapsed(now, now - Duration::from_secs(1)), Duration::ZERO);
    }
}
