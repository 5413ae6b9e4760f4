//! Events on their way to others: to their brokers, and to whoever subscribes to webhooks.
//!
//! | file | what it does |
//! |---|---|
//! | `settings` | which brokers there are |
//! | `envelope` | an event as all brokers' consumers read it |
//! | `order_placed` | an order that passed its gate, with its customer |
//! | `kafka`, `amqp` | the sinks, each built with the cargo feature of its name |
//! | `webhooks` | a sink for each subscriber to signed webhooks |
//! | `connected` | one connection for all who wait for it |
//! | `alone` | finds the event for which Kafka refuses its neighbours too |
//! | `duty`, `broker_relay` | a relay for each sink, and the gauges that operators watch |
//!
//! **Invariant:** nothing here decides what is published and in which order: that is `outbox`'s. A sink only says whether
//! it has an event for good, does not take it, or takes nothing now.

#![warn(missing_docs)]

#[cfg(feature = "kafka")]
mod alone;
#[cfg(feature = "amqp")]
mod amqp;
#[cfg(any(feature = "kafka", feature = "amqp"))]
mod broker_relay;
#[cfg(any(feature = "kafka", feature = "amqp"))]
mod connected;
mod duty;
mod envelope;
#[cfg(feature = "kafka")]
mod kafka;
#[cfg(feature = "kafka")]
mod order_placed;
mod settings;
mod webhooks;

pub use duty::{Allowed, start};
pub use settings::{Brokers, EventSettings};
pub use webhooks::is_private;
