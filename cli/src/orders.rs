//! `waybill orders`: which orders are there, how one stands, and what an operator does with it.

use std::io::{self, IsTerminal, Write};

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    client::{Api, id},
    error::CliError,
    output::Output,
};

mod view;

/// What to do with orders.
#[derive(Subcommand)]
pub enum Command {
    /// List orders, newest first.
    List(Filter),
    /// Show an order: where it stands, its items and its parcels.
    Show {
        /// The order's id, its number, or the caller's own id.
        #[arg(value_name = "ORDER", value_parser = id)]
        order: String,
    },
    /// Cancel an order. What has left cannot be cancelled any more.
    Cancel {
        /// The order's id, its number, or the caller's own id.
        #[arg(value_name = "ORDER", value_parser = id)]
        order: String,
        /// Why; it is kept with the order, so name no person.
        #[arg(long)]
        reason: Option<String>,
        /// Do not ask first.
        #[arg(long, short)]
        yes: bool,
    },
    /// Show what happened to an order, oldest first.
    Timeline {
        /// The order's id, its number, or the caller's own id.
        #[arg(value_name = "ORDER", value_parser = id)]
        order: String,
    },
    /// Have the step done again in which an order is stuck. Mend the cause first.
    Retry {
        /// The order's id, its number, or the caller's own id.
        #[arg(value_name = "ORDER", value_parser = id)]
        order: String,
    },
    /// Answer what waits for a person; `waybill attention list` shows what may be answered.
    Resolve {
        /// The order's id, its number, or the caller's own id.
        #[arg(value_name = "ORDER", value_parser = id)]
        order: String,
        /// What is decided: retry, skip or compensate a parked step, release_hold, or done with what a row shows.
        #[arg(value_name = "ACTION", value_parser = ["retry", "skip", "compensate", "release_hold", "done"])]
        action: String,
        /// Why; it is kept with the order, so name no person. skip and done need one.
        #[arg(long)]
        reason: Option<String>,
        /// Which row, where several are open.
        #[arg(long, value_name = "ROW", value_parser = clap::value_parser!(i64).range(1..))]
        row: Option<i64>,
    },
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
                                "NEEDS_ATTENTION", "IGNORED"], ignore_case = true)]
    condition: Option<String>,
    /// Only those of this shop, by its domain.
    #[arg(long, value_name = "DOMAIN")]
    shop: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u8).range(1..=200))]
    limit: u8,
    /// All of them, however many there are.
    #[arg(long, conflicts_with = "limit")]
    all: bool,
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
        Command::Show { order } => show(api, output, &order).await,
        Command::Cancel { order, reason, yes } => cancel(api, output, &order, reason.as_deref(), yes).await,
        Command::Timeline { order } => timeline(api, output, &order).await,
        Command::Retry { order } => retry(api, output, &order).await,
        Command::Resolve { order, action, reason, row } => {
            let answer = json!({"action": action, "reason": reason, "attentionId": row});
            resolve(api, output, &order, &answer).await
        }
    }
}

async fn list(api: &Api, output: Output, filter: &Filter) -> Result<(), CliError> {
    let limit = filter.limit.to_string();
    let [status, condition] =
        [&filter.status, &filter.condition].map(|name| name.as_deref().map(str::to_uppercase));
    let mut query = Vec::new();
    let given = [("status", &status), ("condition", &condition), ("shop", &filter.shop)];
    query.extend(given.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))));
    if !filter.all {
        query.push(("limit", &limit));
    }
    let listed = api.list(&["orders"], &query, filter.all).await?;
    if output.json {
        output.line(&listed.body);
        return Ok(());
    }
    let orders: Vec<Order> = listed.read()?;
    if orders.is_empty() {
        output.line("No orders.");
        return Ok(());
    }
    view::list(output, &orders, Utc::now());
    output.more(listed.has_more);
    Ok(())
}

async fn show(api: &Api, output: Output, order: &str) -> Result<(), CliError> {
    let answer = api.get(&["orders", order], &[]).await?;
    if output.json {
        output.line(&answer.body);
        return Ok(());
    }
    view::one(output, &answer.read()?, Utc::now());
    Ok(())
}

async fn timeline(api: &Api, output: Output, order: &str) -> Result<(), CliError> {
    let answer = api.get(&["orders", order, "timeline"], &[]).await?;
    if output.json {
        output.line(&answer.body);
        return Ok(());
    }
    let happenings: Vec<TimelineEntry> = answer.read()?;
    if happenings.is_empty() {
        output.line("Nothing has happened yet.");
        return Ok(());
    }
    view::timeline(output, &happenings);
    Ok(())
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
    if output.json {
        output.line(&answer.body);
        return Ok(());
    }
    let done: CommandAnswer = answer.read()?;
    if answer.status == 202 {
        output.line(&format!(
            "Order {order} is being cancelled; whether that can be done shows in \
             `waybill orders timeline {order}`."
        ));
    } else if done.status == "CANCELLED" {
        output.line(&format!("Order {order} is cancelled."));
    } else {
        output
            .line(&format!("What had not left of order {order} is cancelled; the order is {}.", done.status));
    }
    Ok(())
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
    if output.json {
        output.line(&answer.body);
        return Ok(());
    }
    output.line(&format!("Retry requested; `waybill orders timeline {order}` shows how it goes."));
    Ok(())
}

async fn resolve(api: &Api, output: Output, order: &str, answer: &Value) -> Result<(), CliError> {
    let answered = api.post(&["orders", order, "resolve"], answer).await?;
    if output.json {
        output.line(&answered.body);
        return Ok(());
    }
    output.line(&match answered.status {
        202 => format!("It will be answered; `waybill orders timeline {order}` shows how it goes."),
        _ => format!("Answered; `waybill orders timeline {order}` shows how it goes on."),
    });
    Ok(())
}
