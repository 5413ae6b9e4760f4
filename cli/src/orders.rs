//! `waybill orders`: which orders are there, how one stands, and what an operator does with it.

use std::io::{self, IsTerminal, Write};

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    client::{Api, Extent, id},
    error::CliError,
    output::Output,
};

mod edit;
mod view;

/// What to do with orders.
#[derive(Subcommand)]
pub enum Command {
    /// List orders, newest first.
    List(Filter),
    /// Show an order: where it stands, its items and its parcels.
    Show(Named),
    /// Cancel an order. What has left cannot be cancelled any more.
    Cancel {
        #[command(flatten)]
        named: Named,
        /// Why; it is kept with the order, so name no person.
        #[arg(long)]
        reason: Option<String>,
        /// Do not ask first.
        #[arg(long, short)]
        yes: bool,
    },
    /// Show what happened to an order, oldest first.
    Timeline(Named),
    /// Have the step done again in which an order is stuck. Mend the cause first.
    Retry(Named),
    /// Change where an order goes, what a line is, or which warehouse ships it. What this mends is tried again by itself.
    Edit(Box<edit::Wanted>),
    /// Answer what waits for a person; `waybill attention list` shows what may be answered.
    Resolve {
        #[command(flatten)]
        named: Named,
        /// What is decided: retry, skip or compensate a parked step, release_hold, recall the
        /// hand-over that a row offers, or done with what a row shows.
        #[arg(value_name = "ACTION", value_parser = ["retry", "skip", "compensate", "release_hold", "recall", "done"])]
        action: String,
        /// Why; it is kept with the order, so name no person. skip and done need one.
        #[arg(long)]
        reason: Option<String>,
        /// Which row, where several are open.
        #[arg(long, value_name = "ROW", value_parser = clap::value_parser!(i64).range(1..))]
        row: Option<i64>,
    },
}

/// Which order is meant.
#[derive(Args)]
pub struct Named {
    /// The order's id, its number, or the caller's own id.
    #[arg(value_name = "ORDER", value_parser = id)]
    order: String,
}

/// Which orders to list.
#[derive(Args)]
pub struct Filter {
    /// Only those with this status.
    #[arg(long, value_parser = ["PENDING", "CONFIRMED", "PROCESSING", "SHIPPED", "DELIVERED", "CANCELLED"],
          ignore_case = true)]
    status: Option<String>,
    /// Only those in this condition.
    #[arg(long, value_parser = ["ON_HOLD", "AWAITING_PAYMENT", "BACKORDERED", "PARTIALLY_SHIPPED",
                                "NEEDS_ATTENTION", "AWAITING_ALLOCATION", "IGNORED"], ignore_case = true)]
    condition: Option<String>,
    /// Only those of this shop, by its domain.
    #[arg(long, value_name = "DOMAIN")]
    shop: Option<String>,
    #[command(flatten)]
    extent: Extent,
}

/// An order as the API shows it, as far as it is shown here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    order_id: String,
    order_number: String,
    #[serde(default)]
    workflow_id: String,
    channel: String,
    shop: Option<String>,
    name: String,
    status: String,
    condition: Option<String>,
    condition_reason: Option<String>,
    held_by: Option<String>,
    currency: String,
    total_amount: String,
    #[serde(default)]
    financial_status: String,
    #[serde(default)]
    items: Vec<Item>,
    received_at: DateTime<Utc>,
    #[serde(default)]
    shipments: Vec<Parcel>,
    waits_for: Option<WaitsFor>,
}

/// A lane that is paused.
#[derive(Deserialize)]
struct WaitsFor {
    lane: String,
    cause: String,
    since: DateTime<Utc>,
}

/// A line of an order.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    sku: Option<String>,
    product_name: String,
    quantity: u64,
    unit_price: String,
    total_price: Option<String>,
}

/// What left together.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parcel {
    reference: String,
    warehouse_id: String,
    status: String,
    carrier: Option<String>,
    tracking_number: Option<String>,
}

/// Something that happened to an order.
#[derive(Deserialize)]
struct TimelineEntry {
    at: DateTime<Utc>,
    event: String,
    detail: Option<String>,
}

/// What became of a command.
#[derive(Deserialize)]
struct CommandAnswer {
    status: String,
}

/// Does it.
///
/// # Errors
/// Any [`CliError`].
pub async fn run(command: Command, api: &Api, output: Output) -> Result<(), CliError> {
    match command {
        Command::List(filter) => list(api, output, &filter).await,
        Command::Show(Named { order }) => show(api, output, &order).await,
        Command::Cancel { named: Named { order }, reason, yes } => {
            cancel(api, output, &order, reason.as_deref(), yes).await
        }
        Command::Edit(wanted) => edit::run(api, output, &wanted).await,
        Command::Timeline(Named { order }) => timeline(api, output, &order).await,
        Command::Retry(Named { order }) => retry(api, output, &order).await,
        Command::Resolve { named: Named { order }, action, reason, row } => {
            let answer = json!({"action": action, "reason": reason, "attentionId": row});
            resolve(api, output, &order, &answer).await
        }
    }
}

async fn list(api: &Api, output: Output, filter: &Filter) -> Result<(), CliError> {
    let [status, condition] =
        [&filter.status, &filter.condition].map(|name| name.as_deref().map(str::to_uppercase));
    let filters = [
        ("status", status.as_deref()),
        ("condition", condition.as_deref()),
        ("shop", filter.shop.as_deref()),
    ];
    let show = |orders: &[Order]| view::list(output, orders, Utc::now());
    api.list(output, &["orders"], &filters, filter.extent, "No orders.", show).await
}

async fn show(api: &Api, output: Output, order: &str) -> Result<(), CliError> {
    let answer = api.get(&["orders", order], &[]).await?;
    answer.show(output, |order| view::one(output, &order, Utc::now()))
}

async fn timeline(api: &Api, output: Output, order: &str) -> Result<(), CliError> {
    let answer = api.get(&["orders", order, "timeline"], &[]).await?;
    answer.show_entries(output, "Nothing has happened yet.", |entries| view::timeline(output, entries))
}

async fn cancel(
    api: &Api,
    output: Output,
    order: &str,
    reason: Option<&str>,
    yes: bool,
) -> Result<(), CliError> {
    if !yes {
        confirm(api, order).await?;
    }
    let body = reason.map_or_else(|| json!({}), |reason| json!({"reason": reason}));
    let answer = api.post(&["orders", order, "cancel"], &body).await?;
    answer.show(output, |done: CommandAnswer| {
        output.line(&match (answer.status, done.status.as_str()) {
            (202, _) => format!(
                "Order {order} is being cancelled; whether that can be done shows in \
                 `waybill orders timeline {order}`."
            ),
            (_, "CANCELLED") => format!("Order {order} is cancelled."),
            (_, status) => format!("What had not left of order {order} is cancelled; the order is {status}."),
        });
    })
}

/// Asks the person in front of the terminal, who sees which order it is.
async fn confirm(api: &Api, order: &str) -> Result<(), CliError> {
    if !io::stdin().is_terminal() {
        return Err(CliError::Usage(
            "nobody is there to confirm it; say --yes to cancel the order".to_owned(),
        ));
    }
    let found: Order = api.get(&["orders", order], &[]).await?.read()?;
    let _ = write!(io::stderr(), "{} [y/N] ", view::question(&found));
    let mut typed = String::new();
    let _ = io::stdin().read_line(&mut typed);
    if matches!(typed.trim().to_lowercase().as_str(), "y" | "yes") {
        Ok(())
    } else {
        Err(CliError::NotConfirmed)
    }
}

async fn retry(api: &Api, output: Output, order: &str) -> Result<(), CliError> {
    let answer = api.post(&["orders", order, "retry"], &json!({})).await?;
    answer.say(output, &format!("Retry requested; `waybill orders timeline {order}` shows how it goes."));
    Ok(())
}

async fn resolve(api: &Api, output: Output, order: &str, answer: &Value) -> Result<(), CliError> {
    let answered = api.post(&["orders", order, "resolve"], answer).await?;
    let sentence = match answered.status {
        202 => format!("It will be answered; `waybill orders timeline {order}` shows how it goes."),
        _ => format!("Answered; `waybill orders timeline {order}` shows how it goes on."),
    };
    answered.say(output, &sentence);
    Ok(())
}
