//! `waybill orders approve` and `waybill orders resolve`.

use clap::Args;
use serde_json::{Value, json};

use super::{Named, edit::Changed};
use crate::{client::Api, error::CliError, output::Output};

/// What is decided about an order that waits for an approval.
#[derive(Args)]
pub struct Approve {
    #[command(flatten)]
    named: Named,
    /// Refuse it: it is cancelled, and its stock is given back.
    #[arg(long, requires = "reason")]
    refuse: bool,
    /// Why; it is kept with your name, so name nobody else. A refusal needs one.
    #[arg(long)]
    reason: Option<String>,
}

/// An answer to what waits for a person.
#[derive(Args)]
pub struct Resolve {
    #[command(flatten)]
    named: Named,
    /// What is decided: retry, skip or compensate a parked step, approve or refuse an order, release_hold, recall
    /// the hand-over that a row offers, or done with what a row shows.
    #[arg(value_name = "ACTION",
          value_parser = ["retry", "skip", "compensate", "approve", "refuse", "release_hold", "recall", "done"])]
    action: String,
    /// Why; it is kept with the order, so name no person. skip, refuse and done need one.
    #[arg(long)]
    reason: Option<String>,
    /// Which row, where several are open.
    #[arg(long, value_name = "ROW", value_parser = clap::value_parser!(i64).range(1..))]
    row: Option<i64>,
    #[command(flatten)]
    changed: Changed,
}

/// Approves or refuses.
///
/// # Errors
/// Any [`CliError`].
pub(super) async fn approve(api: &Api, output: Output, decided: &Approve) -> Result<(), CliError> {
    let action = if decided.refuse { "refuse" } else { "approve" };
    let answer = json!({"action": action, "reason": decided.reason});
    send(api, output, &decided.named.order, &answer).await
}

/// Answers.
///
/// # Errors
/// Any [`CliError`].
pub(super) async fn resolve(api: &Api, output: Output, wanted: &Resolve) -> Result<(), CliError> {
    let mut answer = json!({"action": wanted.action, "reason": wanted.reason, "attentionId": wanted.row});
    if let Some(edit) = wanted.changed.form() {
        answer["edit"] = edit;
    }
    send(api, output, &wanted.named.order, &answer).await
}

async fn send(api: &Api, output: Output, order: &str, answer: &Value) -> Result<(), CliError> {
    let answered = api.post(&["orders", order, "resolve"], answer).await?;
    let sentence = match answered.status {
        202 => format!("It will be answered; `waybill orders timeline {order}` shows how it goes."),
        _ => format!("Answered; `waybill orders timeline {order}` shows how it goes on."),
    };
    answered.say(output, &sentence);
    Ok(())
}
