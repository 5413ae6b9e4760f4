//! `waybill`, the command for people: orders, stock and the inbox for operators, the demo, and the
//! database's migrations.
//!
//! **Invariant:** it speaks to the other processes over HTTP, as anybody could, and starts none.

mod attention;
mod audit;
mod client;
mod dead_letters;
mod demo;
mod error;
mod health;
mod inbox;
mod lanes;
mod migrate;
mod moment;
mod orders;
mod output;
mod secret;
mod shops;
mod stock;
mod token;
mod warehouses;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use client::{Api, Connection};
use error::{CliError, EXIT_CODES};
use output::Output;

/// Durable order fulfilment.
#[derive(Parser)]
#[command(name = "waybill", version, after_help = EXIT_CODES)]
struct Arguments {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Operate(Operation),
    /// Print a script that completes commands: source it in your shell.
    Completion {
        /// The shell.
        shell: Shell,
    },
    /// Send an order to the servers of `make demo`, and follow it and all later ones.
    Demo {
        /// End after the first fulfilled order.
        #[arg(long)]
        once: bool,
        /// Show the first order's events as they arrive in Kafka and RabbitMQ.
        #[arg(long)]
        with_brokers: bool,
    },
    /// Ask a process on this machine whether it can work: exit code 0 if it can, 1 if not.
    Health(health::Wanted),
    /// Bring the database of DATABASE_URL (or DATABASE_URL_FILE, a file) up to this version.
    Migrate,
    /// Print a bearer token for a role, signed with AUTH_HS256_SECRET, else for the demo.
    Token(token::Wanted),
}

/// What operators do, all of it through the API.
#[derive(Subcommand)]
enum Operation {
    /// Look at orders, cancel them, answer what is stuck.
    #[command(subcommand, after_help = EXIT_CODES)]
    Orders(orders::Command),
    /// Look at stock, book pieces in, count, ask why an order is planned as it is.
    #[command(subcommand, after_help = EXIT_CODES)]
    Stock(stock::Command),
    /// Look at what waits for a person.
    #[command(subcommand, after_help = EXIT_CODES)]
    Attention(attention::Command),
    /// Look at the calls to each warehouse system and to the shops, and pause them by hand.
    #[command(subcommand, after_help = EXIT_CODES)]
    Lanes(lanes::Command),
    /// Look at the shops, check how each is set up, and have what one sells learned again.
    #[command(subcommand, after_help = EXIT_CODES)]
    Shops(shops::Command),
    /// Look at the warehouses, add one, or have one take no new orders.
    #[command(subcommand, after_help = EXIT_CODES)]
    Warehouses(warehouses::Command),
    /// Look at what people did, and why, or save it as a table.
    #[command(after_help = EXIT_CODES)]
    Audit(audit::Wanted),
    /// Look at what came in, and take a message up again.
    #[command(subcommand, after_help = EXIT_CODES)]
    Inbox(inbox::Command),
    /// Look at events that a broker refused until they were given up, and try them again or give them up.
    #[command(subcommand, after_help = EXIT_CODES)]
    DeadLetters(dead_letters::Command),
}

/// Runs the command that the process was started with.
pub async fn run() -> ExitCode {
    // The HTTP client asks for a TLS provider even where it never meets TLS. An error here only
    // says that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let Arguments { connection, command } = Arguments::parse();
    let outcome = match command {
        Command::Operate(operation) => Ok(operate(operation, &connection).await),
        Command::Completion { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "waybill", &mut script);
            Output::new(false).raw(&script);
            Ok(ExitCode::SUCCESS)
        }
        Command::Demo { once, with_brokers } => demo::run(once, with_brokers).await,
        Command::Health(wanted) => health::run(&wanted).await,
        Command::Migrate => migrate::run().await.map(|()| ExitCode::SUCCESS),
        Command::Token(wanted) => token::run(&wanted).map(|()| ExitCode::SUCCESS),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

/// Does it; what went wrong is shown on standard error, and to scripts as the API's own answer too.
async fn operate(operation: Operation, connection: &Connection) -> ExitCode {
    let output = Output::new(connection.json);
    let outcome = match Api::new(connection) {
        Err(failure) => Err(failure),
        Ok(api) => match operation {
            Operation::Orders(command) => orders::run(command, &api, output).await,
            Operation::Stock(command) => stock::run(command, &api, output).await,
            Operation::Attention(command) => attention::run(command, &api, output).await,
            Operation::Lanes(command) => lanes::run(command, &api, output).await,
            Operation::Shops(command) => shops::run(command, &api, output).await,
            Operation::Warehouses(command) => warehouses::run(command, &api, output).await,
            Operation::Audit(wanted) => audit::run(wanted, &api, output).await,
            Operation::Inbox(command) => inbox::run(command, &api, output).await,
            Operation::DeadLetters(command) => dead_letters::run(command, &api, output).await,
        },
    };
    let Err(failure) = outcome else { return ExitCode::SUCCESS };
    if let (CliError::Refused(refusal), true) = (&failure, connection.json) {
        output.line(&refusal.body);
    }
    eprintln!("{}", failure.shown());
    failure.exit_code()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_and_their_options_fit_together() {
        Arguments::command().debug_assert();
    }
}
