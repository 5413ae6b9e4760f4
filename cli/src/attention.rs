//! `waybill attention`: what waits for a person, across all orders.

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;

use crate::{
    client::{Api, Extent},
    error::CliError,
    moment,
    output::{Output, clean, figure, name, plain, text},
};

mod bulk;

/// What to do with what waits for a person.
#[derive(Subcommand)]
pub enum Command {
    /// List what waits, longest first, with what may be answered.
    List(Filter),
    /// Give one answer to many parked steps; ten are asked a second.
    Answer(bulk::Wanted),
    /// How far such answers are; with an id, what became of each order.
    Answers {
        /// The answer's id.
        #[arg(value_name = "BULK", value_parser = crate::client::id)]
        bulk: Option<String>,
        #[command(flatten)]
        extent: Extent,
    },
    /// Ask nobody more for such an answer; what was asked is not taken back.
    Stop {
        /// The answer's id.
        #[arg(value_name = "BULK", value_parser = crate::client::id)]
        bulk: String,
        /// Why; it is kept with your name.
        #[arg(long)]
        reason: String,
    },
    /// Say that a row was dealt with that is of no order. Those of orders are answered by `waybill orders resolve`.
    Done {
        /// The row's id.
        #[arg(value_name = "ROW", value_parser = clap::value_parser!(i64).range(1..))]
        row: i64,
        /// What was done about it; it is kept, so name no person.
        #[arg(long)]
        reason: String,
    },
}

/// Which rows to list.
#[derive(Args)]
pub struct Filter {
    /// Only those of this step, for example hand_over.
    #[arg(long)]
    step: Option<String>,
    /// Only those for this reason, for example WMS_BAD_ADDRESS.
    #[arg(long)]
    reason: Option<String>,
    /// Only those of this order, by its id or number.
    #[arg(long, value_name = "ORDER")]
    order: Option<String>,
    /// What was promised to leave first comes first.
    #[arg(long)]
    by_promise: bool,
    #[command(flatten)]
    extent: Extent,
}

/// A row as the API shows it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    attention_id: i64,
    order_number: Option<String>,
    inbox_id: Option<i64>,
    lane: Option<String>,
    step: String,
    reason: String,
    detail: Option<String>,
    vendor_text: Option<String>,
    since: DateTime<Utc>,
    answers: Vec<String>,
}

/// Does it.
///
/// # Errors
/// Any [`CliError`].
pub async fn run(command: Command, api: &Api, output: Output) -> Result<(), CliError> {
    match command {
        Command::List(filter) => list(api, output, &filter).await,
        Command::Answer(wanted) => bulk::answer(api, output, &wanted).await,
        Command::Answers { bulk: None, .. } => bulk::list(api, output).await,
        Command::Answers { bulk: Some(id), extent } => bulk::report(api, output, &id, extent).await,
        Command::Stop { bulk: id, reason } => bulk::stop(api, output, &id, &reason).await,
        Command::Done { row, reason } => done(api, output, row, &reason).await,
    }
}

async fn list(api: &Api, output: Output, filter: &Filter) -> Result<(), CliError> {
    let reason = filter.reason.as_deref().map(str::to_uppercase);
    let filters = [
        ("step", filter.step.as_deref()),
        ("reason", reason.as_deref()),
        ("orderId", filter.order.as_deref()),
        ("sort", filter.by_promise.then_some("PROMISE")),
    ];
    let show = |rows: &[Row]| show(output, rows, Utc::now());
    api.list(output, &["attention"], &filters, filter.extent, "Nothing waits for a person.", show).await
}

async fn done(api: &Api, output: Output, row: i64, reason: &str) -> Result<(), CliError> {
    let path = ["attention", &row.to_string(), "resolve"];
    api.post(&path, &json!({"reason": reason})).await?.say(output, "It waits no more.");
    Ok(())
}

fn show(output: Output, rows: &[Row], now: DateTime<Utc>) {
    let columns = [figure("ROW"), name("OF"), name("STEP"), text("WHY"), text("ANSWERS"), figure("AGE")];
    let rows = rows.iter().map(|row| {
        let of = match (&row.order_number, row.inbox_id, &row.lane) {
            (Some(number), _, _) => number.clone(),
            (None, Some(message), _) => format!("message {message}"),
            (None, None, lane) => format!("lane {}", lane.as_deref().unwrap_or_default()),
        };
        let why = [Some(&row.reason), row.detail.as_ref(), row.vendor_text.as_ref()];
        let why: Vec<String> = why.into_iter().flatten().map(|text| clean(text)).collect();
        vec![
            plain(row.attention_id.to_string()),
            plain(of),
            plain(&row.step),
            plain(why.join("\n")),
            plain(row.answers.join(", ")),
            plain(moment::age(row.since, now)),
        ]
    });
    output.rows(&columns, rows.collect());
}
