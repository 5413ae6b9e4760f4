//! The HTTP process: webhooks in, stock and orders for people and services.
//!
//! | module | what it is |
//! |---|---|
//! | `run` | the process from its start to its end |
//! | [`config`] | the settings of the process |
//! | [`server`] | the routes under their limits, and the listener |
//! | [`state`], [`health`] | what every handler works with, and how that is |
//! | `limits` | what bodies, requests and connections are held to |
//! | [`queue`] | what was committed to the inbox on its way to its workflow |
//! | [`access`], [`caller`] | who sends a request, and whether it may |
//! | `envelope` | how answers are wrapped on the integration endpoints |
//! | `openapi` | what the interface says of itself |
//! | `paced_log` | lines of the log that strangers can cause, at a bounded pace |
//! | `page` | pages of a list, and the way from one to the next |
//! | [`grpc`] | the inventory service on its own port, behind the same access |
//! | `remote_stock` | closed doors, where stock is kept by a service of its own |
//! | [`shop_apps`] | what it has to do with the shops' own APIs |
//! | [`host`] | which host a request is for |
//! | [`connection_slots`] | places for connections, and what one address may hold |
//! | [`unverified`] | bodies of senders who have not proved who they are, within bounds |
//! | [`problem`] | every refusal, and the one place that chooses an HTTP status |
//! | `routes` | one file per part of the interface |
//! | `correlation`, `extract`, `field`, `members` | reading what a caller sent |
//! | `idempotency` | the same answer to a request sent again under its key |
//! | `word` | how words of other rooms are described |
//! | [`telemetry`] | the names of the metrics |
//!
//! **Invariant:** nothing is acknowledged before it is committed, nothing here writes stock except
//! through `inventory`, and nothing here calls `activities`.

pub mod access;
pub mod caller;
pub mod config;
pub mod connection_slots;
pub mod grpc;
pub mod health;
pub mod host;
pub mod problem;
pub mod queue;
pub mod server;
pub mod shop_apps;
pub mod state;
pub mod telemetry;
pub mod unverified;

mod correlation;
mod envelope;
mod extract;
mod field;
mod idempotency;
mod limits;
mod members;
mod openapi;
mod paced_log;
mod page;
mod remote_stock;
mod routes;
mod run;
mod word;

pub use run::run;

#[cfg(feature = "faults")]
mod planted;

/// What the fuzz targets get at.
#[cfg(any(fuzzing, test))]
pub mod fuzzed {
    /// Looks whose order a verified body is about.
    pub fn subject(topic: &str, body: &[u8]) {
        let _ = crate::routes::webhooks::subject_of(topic, body);
    }

    pub fn cursor(cursor: &str) {
        let _ = crate::page::after::<(chrono::DateTime<chrono::Utc>, String)>(Some(cursor));
    }

    #[test]
    fn the_corpus_of_the_fuzz_targets_is_read_to_its_end() {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus");
        let of = |target| std::fs::read_dir(format!("{corpus}/{target}")).unwrap();
        let read = |entry: std::io::Result<std::fs::DirEntry>| std::fs::read(entry.unwrap().path()).unwrap();
        let bodies: Vec<_> = of("webhook_body").map(read).collect();
        let cursors: Vec<_> = of("cursor").map(read).collect();
        assert!(!bodies.is_empty() && !cursors.is_empty());
        bodies.iter().for_each(|body| subject("orders/create", body));
        cursors.iter().for_each(|text| cursor(&String::from_utf8_lossy(text)));
    }
}
