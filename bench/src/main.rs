//! `waybill-bench`: how fast the API answers, beside pgbench running the same SQL in the same minutes.
//!
//! | module | what it is |
//! |---|---|
//! | `scenario` | what is asked of the API, over and over |
//! | `load` | the callers that ask |
//! | `script`, `pgbench` | the same by pgbench, and what it took |
//! | `rows` | what a request writes of each table |
//! | `processes` | CPU time of the processes |
//! | `measured`, `comparison`, `report` | figures, both sides taking turns, and how it is shown |
//!
//! **Invariant:** nothing is reported of a script that writes other rows than the API does.

mod comparison;
mod load;
mod measured;
mod pgbench;
mod processes;
mod report;
mod rows;
mod scenario;
mod script;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use clap::{Parser, ValueEnum};
use sqlx::{Connection, PgConnection};

use comparison::Bench;
use load::Client;
use pgbench::Pgbench;
use processes::Processes;
use scenario::{Scenario, Tokens};

/// Measures an API that nothing else uses; `make bench` starts one. It leaves orders behind. The environment holds
/// the secrets: DATABASE_URL, whose user has to be a superuser, BENCH_ADMIN_TOKEN and BENCH_SERVICE_TOKEN, tokens of
/// the roles admin and order-service.
#[derive(Parser)]
#[command(name = "waybill-bench", version)]
struct Arguments {
    /// Where the API listens.
    #[arg(long, value_name = "ADDRESS")]
    api: SocketAddr,
    /// The API's process id.
    #[arg(long, value_name = "PID")]
    api_process: u32,
    /// The program pgbench.
    #[arg(long, value_name = "PATH")]
    pgbench: PathBuf,
    /// A folder for scripts and logs.
    #[arg(long, value_name = "PATH")]
    folder: PathBuf,
    /// What is measured; all of it unless you say otherwise. Several are repeated.
    #[arg(long = "scenario", value_enum)]
    scenarios: Vec<Scenario>,
    /// Callers at the same time, on the API and in pgbench.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=64))]
    connections: u16,
    /// How long each run is measured.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// How long each run goes before it is measured.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(0..=600))]
    warm_up_seconds: u64,
    /// How often API and pgbench take turns.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=20))]
    rounds: u16,
}

// One thread: the machine's other cores are for those that are measured.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let secret = |name: &str| std::env::var(name).with_context(|| format!("{name} is not set"));
    let database_url = secret("DATABASE_URL")?;
    let mut database = PgConnection::connect(&database_url).await?;
    let processes = Processes::find(&mut database, arguments.api_process).await?;
    let tokens = Tokens { admin: secret("BENCH_ADMIN_TOKEN")?, service: secret("BENCH_SERVICE_TOKEN")? };
    let pace = load::Pace {
        connections: arguments.connections,
        warm_up: Duration::from_secs(arguments.warm_up_seconds),
        measured: Duration::from_secs(arguments.seconds),
    };
    let mut bench = Bench {
        client: Arc::new(Client { address: arguments.api, tokens }),
        pgbench: Pgbench { program: arguments.pgbench, folder: arguments.folder, database_url },
        database,
        processes,
        pace,
        rounds: arguments.rounds,
        runs: 0,
    };
    let scenarios = match arguments.scenarios {
        none if none.is_empty() => Scenario::value_variants().to_vec(),
        some => some,
    };
    bench.stock_up().await?;
    // All of them before any is measured, so that a script that is out of date is known at once.
    let mut tried = Vec::new();
    for scenario in scenarios {
        tried.push((scenario, bench.try_out(scenario).await?));
    }
    let mut comparisons = Vec::new();
    for (scenario, rows) in tried {
        comparisons.push(bench.compare(scenario, rows).await?);
    }
    report::print(&pace, &comparisons)
}
