//! `waybill`, the command for people: the demo and the database's migrations.
//!
//! **Invariant:** it speaks to the other processes over HTTP, as anybody could; what it starts it
//! also ends.

mod demo;
mod migrate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Durable order fulfilment.
#[derive(Parser)]
#[command(name = "waybill", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start everything on this machine and send a first order; `make demo` builds first.
    Demo {
        /// End after the first fulfilled order.
        #[arg(long)]
        once: bool,
    },
    /// Bring the database of DATABASE_URL up to this version.
    Migrate {
        /// The PostgreSQL database.
        #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
        database_url: String,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    // The HTTP client asks for a TLS provider even where it never meets TLS. An error here only
    // says that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let outcome = match Arguments::parse().command {
        Command::Demo { once } => demo::run(once).await,
        Command::Migrate { database_url } => migrate::run(&database_url).await.map(|()| ExitCode::SUCCESS),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
