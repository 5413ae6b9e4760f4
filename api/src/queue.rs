//! The way from a committed message to its workflow, off the request's path.
//!
//! **Invariant:** only what is committed to the inbox is offered, so whatever is lost here (a full
//! queue, a crash, a shutdown that ran out of time) is found by a sweeper.

use std::time::Duration;

use metrics::{counter, gauge};
use orders::inbox::Message;
use tokio::{
    select,
    sync::{
        mpsc::{self, Receiver, Sender},
        oneshot,
    },
    task::{JoinHandle, JoinSet},
    time::timeout,
};
use tracing::{error, warn};

use crate::telemetry::{QUEUE_DEPTH, QUEUE_FULL};

/// The most messages that wait here; a sweeper takes care of the rest.
const MOST_WAITING: usize = 10_000;
/// Messages that are dispatched at the same time.
const MOST_UNDER_WAY: usize = 32;

/// Where committed messages are offered. Cheap to clone.
#[derive(Clone)]
pub struct Queue {
    sender: Sender<Message>,
}

impl Queue {
    /// Takes the message, or leaves it to a sweeper if the queue is full or closed.
    pub fn offer(&self, message: Message) {
        match self.sender.try_send(message) {
            Ok(()) => show_depth(self.sender.max_capacity() - self.sender.capacity()),
            Err(_) => counter!(QUEUE_FULL).increment(1),
        }
    }

    /// Takes each of the messages so.
    pub(crate) fn offer_all(&self, messages: impl IntoIterator<Item = Message>) {
        messages.into_iter().for_each(|message| self.offer(message));
    }
}

pub struct Dispatching {
    close: oneshot::Sender<()>,
    pump: JoinHandle<()>,
}

impl Dispatching {
    /// Takes nothing more and waits until what is there is dispatched, up to `within`.
    pub async fn drain(self, within: Duration) {
        // Fails only if the pump has ended, and then there is nothing to drain.
        let _ = self.close.send(());
        let abort = self.pump.abort_handle();
        if timeout(within, self.pump).await.is_err() {
            abort.abort();
            warn!("not all messages were dispatched before the end; a sweeper takes the rest");
        }
    }
}

pub fn start<F: Future<Output = ()> + Send + 'static>(
    dispatch: impl Fn(Message) -> F + Send + 'static,
) -> (Queue, Dispatching) {
    start_bounded(dispatch, MOST_WAITING)
}

fn start_bounded<F: Future<Output = ()> + Send + 'static>(
    dispatch: impl Fn(Message) -> F + Send + 'static,
    most_waiting: usize,
) -> (Queue, Dispatching) {
    let (sender, receiver) = mpsc::channel(most_waiting);
    let (close, closing) = oneshot::channel();
    let pump = tokio::spawn(pump(receiver, closing, dispatch));
    (Queue { sender }, Dispatching { close, pump })
}

async fn pump<F: Future<Output = ()> + Send + 'static>(
    mut waiting: Receiver<Message>,
    mut closing: oneshot::Receiver<()>,
    dispatch: impl Fn(Message) -> F,
) {
    let mut under_way = JoinSet::new();
    let mut open = true;
    loop {
        select! {
            biased;
            Some(ended) = under_way.join_next() => {
                if let Err(failure) = ended {
                    error!(%failure, "a dispatch ended early; a sweeper takes the message");
                }
            }
            _ = &mut closing, if open => {
                open = false;
                waiting.close();
            }
            message = waiting.recv(), if under_way.len() < MOST_UNDER_WAY => {
                let Some(message) = message else { break };
                show_depth(waiting.len());
                under_way.spawn(dispatch(message));
            }
        }
    }
    while under_way.join_next().await.is_some() {}
}

fn show_depth(messages: usize) {
    // Far below 2^52, where a float begins to round.
    gauge!(QUEUE_DEPTH).set(messages as f64);
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use chrono::Utc;
    use orders::inbox::Source;
    use serde_json::json;
    use tokio::sync::Semaphore;

    use super::*;

    const LONG: Duration = Duration::from_secs(10);

    fn message(inbox_id: i64) -> Message {
        Message {
            inbox_id,
            source: Source::Shopify,
            shop: "a.myshopify.com".into(),
            message_id: inbox_id.to_string(),
            topic: "orders/create".into(),
            headers: json!({}),
            body: Vec::new(),
            received_at: Utc::now(),
            attempts: 0,
        }
    }

    #[tokio::test]
    async fn whatever_was_offered_before_the_end_is_dispatched() {
        let dispatched = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&dispatched);
        let (queue, dispatching) = start(move |message| {
            let seen = Arc::clone(&seen);
            async move { seen.lock().unwrap().push(message.inbox_id) }
        });
        (0..100).for_each(|id| queue.offer(message(id)));
        dispatching.drain(LONG).await;
        let mut seen = dispatched.lock().unwrap().clone();
        seen.sort_unstable();
        assert_eq!(seen, (0..100).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_full_queue_leaves_the_message_to_the_sweeper_and_keeps_nobody_waiting() {
        let (gate, dispatched) = (Arc::new(Semaphore::new(0)), Arc::new(Mutex::new(0)));
        let (inner_gate, inner_dispatched) = (Arc::clone(&gate), Arc::clone(&dispatched));
        let (queue, dispatching) = start_bounded(
            move |_| {
                let (gate, dispatched) = (Arc::clone(&inner_gate), Arc::clone(&inner_dispatched));
                async move {
                    let _open = gate.acquire().await.unwrap();
                    *dispatched.lock().unwrap() += 1;
                }
            },
            2,
        );
        // The pump has not run yet on this single thread, so two wait and the rest are left.
        (0..10).for_each(|id| queue.offer(message(id)));
        gate.add_permits(10);
        dispatching.drain(LONG).await;
        assert_eq!(*dispatched.lock().unwrap(), 2);
    }

    #[tokio::test]
    async fn a_dispatch_that_panics_ends_alone() {
        let dispatched = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&dispatched);
        let (queue, dispatching) = start(move |message| {
            let seen = Arc::clone(&seen);
            async move {
                assert_ne!(message.inbox_id, 0, "this one panics");
                seen.lock().unwrap().push(message.inbox_id);
            }
        });
        (0..3).for_each(|id| queue.offer(message(id)));
        dispatching.drain(LONG).await;
        assert_eq!(dispatched.lock().unwrap().len(), 2);
    }

    #[tokio::test]
    async fn a_dispatch_that_never_ends_does_not_keep_the_process() {
        let (queue, dispatching) = start(|_| std::future::pending());
        queue.offer(message(1));
        timeout(LONG, dispatching.drain(Duration::from_millis(10))).await.unwrap();
    }
}
