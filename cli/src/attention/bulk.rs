//! `waybill attention answer`, `answers` and `stop`: one answer to many parked steps.

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    client::{Api, Extent},
    error::CliError,
    moment,
    output::{Output, clean, figure, name, plain, text},
};

/// Which parked steps, and what is decided.
#[derive(Args)]
pub struct Wanted {
    /// What is decided.
    #[arg(value_name = "ACTION", value_parser = ["retry", "skip", "compensate", "approve", "refuse"])]
    action: String,
    /// Which are meant, for example step=hand_over,reason=WMS_UNREACHABLE,shop=anyx-demo.myshopify.com.
    #[arg(long = "where", value_name = "MEMBER=VALUE,…", value_delimiter = ',', value_parser = member, required = true)]
    meant: Vec<(String, String)>,
    /// Why; it is kept, so name no person.
    #[arg(long)]
    reason: String,
    /// Sent again with the same id it is the same answer.
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// Only say which are meant, and which the filter finds and may not be answered like this.
    #[arg(long)]
    dry_run: bool,
    /// The newest row that is meant, as a dry run said: what parked after it is left alone.
    #[arg(long, value_name = "ROW", value_parser = clap::value_parser!(i64).range(1..))]
    up_to: Option<i64>,
    /// How many are meant at most, as a dry run said: if there are more nobody is answered.
    #[arg(long, value_name = "ORDERS", value_parser = clap::value_parser!(i64).range(0..))]
    expected: Option<i64>,
}

fn member(given: &str) -> Result<(String, String), String> {
    match given.split_once('=') {
        Some((member @ ("step" | "reason" | "shop"), value)) if !value.is_empty() => {
            Ok((member.to_owned(), value.to_owned()))
        }
        _ => Err("step=…, reason=… or shop=…".to_owned()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Taken {
    bulk_id: Option<String>,
    orders: i64,
    first: Vec<Meant>,
    up_to: Option<i64>,
    later: i64,
    except: i64,
    exceptions: Vec<Exception>,
}

#[derive(Deserialize)]
struct Exception {
    #[serde(flatten)]
    row: Meant,
    answers: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meant {
    order_number: String,
    step: String,
    reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bulk {
    bulk_id: String,
    action: String,
    by: String,
    reason: String,
    at: DateTime<Utc>,
    orders: i64,
    asked: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    order_number: Option<String>,
    order_id: String,
    outcome: String,
    refused: Option<String>,
    status: Option<String>,
}

pub(super) async fn answer(api: &Api, output: Output, wanted: &Wanted) -> Result<(), CliError> {
    let meant: Map<String, Value> = wanted
        .meant
        .iter()
        .map(|(member, value)| {
            let value = if member == "reason" { value.to_uppercase() } else { value.clone() };
            (member.clone(), json!(value))
        })
        .collect();
    let mut form =
        json!({"action": wanted.action, "where": meant, "reason": wanted.reason, "dryRun": wanted.dry_run});
    for (member, value) in [
        ("requestId", wanted.request_id.as_ref().map(|id| json!(id))),
        ("upTo", wanted.up_to.map(|row| json!(row))),
        ("expected", wanted.expected.map(|orders| json!(orders))),
    ] {
        if let Some(value) = value {
            form[member] = value;
        }
    }
    let answered = api.post(&["bulk-answers"], &form).await?;
    answered.show(output, |taken: Taken| show(output, &taken))
}

fn show(output: Output, taken: &Taken) {
    let columns = [name("ORDER"), name("STEP"), text("WHY"), text("NOT THIS BUT")];
    let line = |row: &Meant, instead: String| {
        vec![plain(&row.order_number), plain(&row.step), plain(clean(&row.reason)), plain(instead)]
    };
    let meant = taken.first.iter().map(|row| line(row, String::new()));
    let instead = |answers: &[String]| match answers {
        [] => "nothing".to_owned(),
        answers => answers.join(", "),
    };
    let exceptions = taken.exceptions.iter().map(|except| line(&except.row, instead(&except.answers)));
    output.rows(&columns, meant.chain(exceptions).collect());
    let left_out = match (taken.except, taken.later) {
        (0, 0) => String::new(),
        (except, 0) => format!(" {except} may not be answered like this."),
        (0, later) => format!(" {later} parked later and are left out."),
        (except, later) => {
            format!(" {except} may not be answered like this, {later} parked later and are left out.")
        }
    };
    output.line(&match (&taken.bulk_id, taken.up_to) {
        (Some(id), _) => format!(
            "{} will be answered; `waybill attention answers {id}` shows how it goes.{left_out}",
            taken.orders
        ),
        (None, None) => format!("None would be answered.{left_out}"),
        (None, Some(up_to)) => format!(
            "{orders} would be answered.{left_out} For these and no others: --up-to {up_to} --expected {orders}",
            orders = taken.orders
        ),
    });
}

pub(super) async fn stop(api: &Api, output: Output, id: &str, reason: &str) -> Result<(), CliError> {
    let answer = api.post(&["bulk-answers", id, "stop"], &json!({"reason": reason})).await?;
    answer.say(output, "Who was not asked yet waits on as before.");
    Ok(())
}

pub(super) async fn list(api: &Api, output: Output) -> Result<(), CliError> {
    let show = |bulks: Vec<Bulk>| {
        let now = Utc::now();
        let columns = [
            name("ID"),
            name("ACTION"),
            figure("ASKED"),
            figure("OF"),
            name("BY"),
            text("WHY"),
            figure("AGE"),
        ];
        let rows = bulks.iter().map(|bulk| {
            vec![
                plain(&bulk.bulk_id),
                plain(&bulk.action),
                plain(bulk.asked.to_string()),
                plain(bulk.orders.to_string()),
                plain(clean(&bulk.by)),
                plain(clean(&bulk.reason)),
                plain(moment::age(bulk.at, now)),
            ]
        });
        output.rows(&columns, rows.collect());
    };
    api.get(&["bulk-answers"], &[]).await?.show(output, show)
}

pub(super) async fn report(api: &Api, output: Output, id: &str, extent: Extent) -> Result<(), CliError> {
    let show = |rows: &[Row]| {
        let columns = [name("ORDER"), name("OUTCOME"), name("STATUS"), text("WHY")];
        let rows = rows.iter().map(|row| {
            vec![
                plain(row.order_number.as_deref().unwrap_or(&row.order_id)),
                plain(&row.outcome),
                plain(row.status.as_deref().unwrap_or_default()),
                plain(clean(row.refused.as_deref().unwrap_or_default())),
            ]
        });
        output.rows(&columns, rows.collect());
    };
    api.list(output, &["bulk-answers", id, "rows"], &[], extent, "It is for no order.", show).await
}
