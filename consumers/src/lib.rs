//! Events of other systems, acted on: what they order is held, confirmed, given back and expected back. Where stock is kept
//! by another system, its events are shown with our orders instead.
//!
//! | file | what it does |
//! |---|---|
//! | `settings` | which events are consumed |
//! | `message` | a message as it came, read |
//! | `stock_event` | what another inventory system says of our orders' stock |
//! | `handler` | one message, one transaction: that it came, and its effect |
//! | `effects` | what an event does to stock and returns |
//! | `order_service` | asking the orders' own system |
//! | `patience` | waiting in place while something of ours is away |
//! | `amqp`, `kafka` | the consumers, each built with the cargo feature of its name |
//! | `duty` | starts them, and tries again what a person wants tried again |
//!
//! **Invariant:** a message is acknowledged after its transaction was committed. What came of it is a row: done, or dead
//! with its reason until a person decides (`outbox::incoming`). Trouble of ours is waited out with the message in hand;
//! none is put back into its queue behind newer ones.

#![warn(missing_docs)]
#![cfg_attr(
    not(any(feature = "kafka", feature = "amqp")),
    expect(dead_code, reason = "without a broker nothing comes; what a person wants tried again still is")
)]

#[cfg(feature = "amqp")]
mod amqp;
mod duty;
mod effects;
mod handler;
#[cfg(feature = "kafka")]
mod kafka;
mod message;
mod order_service;
#[cfg(any(feature = "kafka", feature = "amqp"))]
mod patience;
mod settings;
mod stock_event;

pub use duty::start;
pub use settings::{ConsumerSettings, Consuming};
