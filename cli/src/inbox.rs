//! `waybill inbox`: what came in and what became of it.

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;

use crate::{
    client::{Api, Extent},
    error::CliError,
    moment,
    output::{Output, Tone, clean, figure, name, plain, text, toned},
};

/// What to do with the inbox.
#[derive(Subcommand)]
pub enum Command {
    /// List messages, newest first, without their bodies.
    List(Filter),
    /// Take a message up again. What is DONE had its effect and is not repeated.
    Replay {
        /// The message's id.
        #[arg(value_name = "MESSAGE", value_parser = clap::value_parser!(i64).range(1..))]
        message: i64,
    },
}

/// Which messages to list.
#[derive(Args)]
pub struct Filter {
    /// Only those in this state.
    #[arg(long, value_parser = ["RECEIVED", "WAITING", "DONE", "SKIPPED", "STORED", "UNREADABLE"],
          ignore_case = true)]
    state: Option<String>,
    /// Only those from there.
    #[arg(long, value_parser = ["shopify", "warehouse", "api", "inventory"], ignore_case = true)]
    source: Option<String>,
    /// Only those about this order, by its id or number.
    #[arg(long, value_name = "ORDER")]
    order: Option<String>,
    #[command(flatten)]
    extent: Extent,
}

/// A message as the API shows it, as far as it is shown here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    inbox_id: i64,
    source: String,
    topic: String,
    state: String,
    reason: Option<String>,
    order_id: Option<String>,
    received_at: DateTime<Utc>,
}

/// Does it.
///
/// # Errors
/// Any [`CliError`].
pub async fn run(command: Command, api: &Api, output: Output) -> Result<(), CliError> {
    match command {
        Command::List(filter) => list(api, output, &filter).await,
        Command::Replay { message } => replay(api, output, message).await,
    }
}

async fn list(api: &Api, output: Output, filter: &Filter) -> Result<(), CliError> {
    let state = filter.state.as_deref().map(str::to_uppercase);
    let source = filter.source.as_deref().map(str::to_lowercase);
    let filters =
        [("state", state.as_deref()), ("source", source.as_deref()), ("orderId", filter.order.as_deref())];
    let show = |messages: &[Message]| show(output, messages, Utc::now());
    api.list(output, &["inbox"], &filters, filter.extent, "No messages.", show).await
}

async fn replay(api: &Api, output: Output, message: i64) -> Result<(), CliError> {
    let answer = api.post(&["inbox", &message.to_string(), "replay"], &json!({})).await?;
    let taken_up =
        format!("Message {message} is taken up again; `waybill inbox list` shows what becomes of it.");
    answer.say(output, &taken_up);
    Ok(())
}

fn show(output: Output, messages: &[Message], now: DateTime<Utc>) {
    let columns =
        [figure("ID"), name("STATE"), name("SOURCE"), name("TOPIC"), text("ORDER AND REASON"), figure("AGE")];
    let rows = messages.iter().map(|message| {
        let tone = match message.state.as_str() {
            "UNREADABLE" => Tone::Alarming,
            "DONE" => Tone::Good,
            _ => Tone::Plain,
        };
        let about = [message.order_id.as_deref(), message.reason.as_deref()].map(|text| text.map(clean));
        let about: Vec<String> = about.into_iter().flatten().collect();
        vec![
            plain(message.inbox_id.to_string()),
            toned(&message.state, tone),
            plain(&message.source),
            plain(clean(&message.topic)),
            plain(about.join("\n")),
            plain(moment::age(message.received_at, now)),
        ]
    });
    output.rows(&columns, rows.collect());
}
