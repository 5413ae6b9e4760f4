//! `waybill lanes`: the calls to each warehouse system and to the shops, and pausing them by hand.

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;

use crate::{
    client::{self, Api},
    error::CliError,
    moment,
    output::{Output, clean, figure, name, plain, text},
};

/// What to do with lanes.
#[derive(Subcommand)]
pub enum Command {
    /// List the lanes, with how many open orders may need each and what is paused.
    List,
    /// Stop every worker from taking a lane's calls, within five seconds. What waits keeps its place and its attempts.
    Pause(Wanted),
    /// Go on with a lane, whatever paused it. Where whoever it calls is still down, the next calls pause it again.
    Resume(Wanted),
}

/// Which lane, and why.
#[derive(Args)]
pub struct Wanted {
    /// The lane, for example warehouse or shopify-anyx-demo.myshopify.com.
    #[arg(value_name = "LANE", value_parser = client::id)]
    lane: String,
    /// Why; it is kept with your name.
    #[arg(long)]
    reason: String,
}

/// A lane as the API shows it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lane {
    lane: String,
    orders: i64,
    waiting: i64,
    pauses: Vec<Pause>,
    lately: Vec<Past>,
    last_done: Option<Done>,
}

/// A pause that is over.
#[derive(Deserialize)]
struct Past {
    cause: String,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    waited: Option<i64>,
    left: i64,
}

#[derive(Deserialize)]
struct Done {
    at: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Pause {
    cause: String,
    since: DateTime<Utc>,
    by: String,
    reason: String,
}

/// Does it.
///
/// # Errors
/// Any [`CliError`].
pub async fn run(command: Command, api: &Api, output: Output) -> Result<(), CliError> {
    let (wanted, verb, said) = match &command {
        Command::List => {
            let show = |lanes: Vec<Lane>| show(output, &lanes, Utc::now());
            return api.get(&["lanes"], &[]).await?.show(output, show);
        }
        Command::Pause(wanted) => (wanted, "pause", "It is paused."),
        Command::Resume(wanted) => (wanted, "resume", "It is resumed."),
    };
    let answer = api.post(&["lanes", &wanted.lane, verb], &json!({"reason": wanted.reason})).await?;
    answer.say(output, said);
    Ok(())
}

fn show(output: Output, lanes: &[Lane], now: DateTime<Utc>) {
    let columns = [
        name("LANE"),
        figure("ORDERS"),
        figure("WAITING"),
        name("STATE"),
        text("WHY"),
        figure("FOR"),
        figure("LAST DONE"),
    ];
    let rows = lanes.iter().map(|lane| {
        let why: Vec<String> =
            lane.pauses.iter().map(|pause| clean(&format!("{}: {}", pause.by, pause.reason))).collect();
        let causes: Vec<&str> = lane.pauses.iter().map(|pause| pause.cause.as_str()).collect();
        let since = lane.pauses.iter().map(|pause| pause.since).min();
        vec![
            plain(&lane.lane),
            plain(lane.orders.to_string()),
            plain(lane.waiting.to_string()),
            plain(if causes.is_empty() {
                "runs".to_owned()
            } else {
                format!("paused ({})", causes.join(", "))
            }),
            plain(why.join("\n")),
            plain(since.map(|since| moment::age(since, now)).unwrap_or_default()),
            plain(lane.last_done.as_ref().map(|done| moment::age(done.at, now)).unwrap_or_default()),
        ]
    });
    output.rows(&columns, rows.collect());
    for (lane, past) in lanes.iter().flat_map(|lane| lane.lately.iter().map(move |past| (lane, past))) {
        output.line(&format!(
            "{} was paused ({}) from {} to {} {}; {} orders waited for it, {} are still to go on.",
            clean(&lane.lane),
            clean(&past.cause),
            moment::here(past.since),
            moment::here(past.until),
            moment::zone(past.until),
            past.waited.unwrap_or_default(),
            past.left
        ));
    }
}
