//! Logs: one line a message on standard error, filtered by `RUST_LOG`.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// Starts logging, with `info` unless `RUST_LOG` says otherwise; as JSON where `LOG_FORMAT=json`.
/// A second call does nothing.
pub fn init_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    // It shows what comes back from a broker, which is said once, and what is in it.
    let filter = match "lapin=error".parse() {
        Ok(quiet) => filter.add_directive(quiet),
        Err(_) => filter,
    };
    let registry = tracing_subscriber::registry().with(filter);
    let json = std::env::var("LOG_FORMAT").is_ok_and(|format| format == "json");
    // Only an earlier call can make this fail, and then logging is there already.
    let _already = if json {
        registry.with(fmt::layer().json().with_writer(std::io::stderr)).try_init()
    } else {
        registry
            .with(fmt::layer().with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr))
            .try_init()
    };
}
