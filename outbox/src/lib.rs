//! Events on their way to other systems and from them: what they are, and the one writer of them.
//!
//! | file | what it does |
//! |---|---|
//! | `event` | every event there is, with what it says |
//! | `stream` | what stays in order: the events of an order, and those of a SKU in a warehouse |
//! | `append` | the one place that writes events |
//! | `sink` | where events go |
//! | `relay`, `lease` | publishing them in order, by several side by side |
//! | `deliveries` | what is still to be published |
//! | `incoming` | events of other systems, each once, with what came of it |
//! | `dead` | what died, on its way out or in, and what a person decides of it |
//! | `subscriptions` | who gets events by signed webhooks |
//! | `told` | the events of an order as people see them |
//! | `days` | how long they are kept |
//!
//! An event is written in the transaction that made it true. It holds no personal data.
//!
//! **Invariant:** within a stream, ids and sequences rise in the order in which the transactions committed: both are
//! drawn while the stream's row is locked, and it stays locked until the transaction ends. A reader that takes what
//! is unpublished by id never meets an older event of a stream after a newer one.
//!
//! **Locks:** the row of a stream is taken last, after the order's or the stock's own row. Who holds that row is alone
//! with the stream, so that streams cause no deadlock of their own.

mod append;
mod days;
mod dead;
mod deliveries;
mod event;
pub mod incoming;
mod lease;
mod relay;
mod sink;
mod stream;
mod subscriptions;
mod told;

pub use append::append;
pub use days::{KeptDays, keep_days};
pub use dead::{Dead, Direction, Filter, count_dead, dead, redrive, skip};
pub use deliveries::{Backlog, add_sink, backlog, forget_removed};
pub use event::{
    AllocationEvent, AllocationEventKind, CancelCause, EVENT_TYPES, Event, InsufficientStock, OrderEvent,
    OrderEventKind, OrderItem, PlaceFigures, ReturnReceived, ReturnedLine, StockCause, StockChanged,
};
pub use relay::{Published, Relay, RelaySettings};
pub use sink::{Done, Outgoing, Sink, SinkError};
pub use stream::Stream;
pub use subscriptions::{
    Subscriber, Subscription, rotate_secret, subscribe, subscribers, subscriptions, unsubscribe,
};
pub use told::{Told, of_order, version};
