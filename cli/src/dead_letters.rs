//! `waybill dead-letters`: events that died, on their way out or in, and what a person decides of them.

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    client::{Api, Extent},
    error::CliError,
    moment,
    output::{Output, clean, figure, name, plain, text},
};

/// What to do with dead letters.
#[derive(Subcommand)]
pub enum Command {
    /// List them, oldest first.
    List {
        #[command(flatten)]
        meant: Meant,
        #[command(flatten)]
        extent: Extent,
    },
    /// Show one with what it says.
    Show {
        /// Its id, for example kafka:1017.
        #[arg(value_name = "LETTER")]
        letter: String,
    },
    /// Try them again, and with them what waits behind them.
    Redrive {
        #[command(flatten)]
        which: Which,
    },
    /// Give them up: they are not published, and what waits behind them goes on.
    Skip {
        #[command(flatten)]
        which: Which,
        /// Why; it is kept, so name no person.
        #[arg(long)]
        reason: String,
    },
}

/// Which dead letters.
#[derive(Args)]
pub struct Meant {
    /// Only those that this broker refused: kafka or amqp.
    #[arg(long)]
    sink: Option<String>,
    /// Only those of this type, for example ORDER_PLACED.
    #[arg(long, value_name = "TYPE")]
    event_type: Option<String>,
    /// Only those of this order, by its id, or of this SKU.
    #[arg(long)]
    key: Option<String>,
    /// Only those of which the broker said this, among other words.
    #[arg(long, value_name = "TEXT")]
    error: Option<String>,
    /// Only those that have been dead for so long, for example 2h.
    #[arg(long, value_name = "TIME")]
    dead_for: Option<String>,
}

/// Which dead letters to change: by their ids, or by what they have in common.
#[derive(Args)]
#[command(group = clap::ArgGroup::new("which").required(true).multiple(true)
          .args(["letters", "sink", "event_type", "key", "error", "dead_for"]))]
pub struct Which {
    /// These, by their ids.
    #[arg(value_name = "LETTER")]
    letters: Vec<String>,
    #[command(flatten)]
    meant: Meant,
    /// Only say how many it would be.
    #[arg(long)]
    dry_run: bool,
}

/// A dead letter as the API shows it, as far as it is shown here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Letter {
    dead_letter_id: String,
    event_type: String,
    key: Option<String>,
    direction: String,
    attempts: i32,
    error: Option<String>,
    dead_since: DateTime<Utc>,
    waiting: i64,
    payload: Option<Value>,
}

/// What was done.
#[derive(Deserialize)]
struct Done {
    count: u64,
}

/// Does it.
///
/// # Errors
/// Any [`CliError`].
pub async fn run(command: Command, api: &Api, output: Output) -> Result<(), CliError> {
    match command {
        Command::List { meant, extent } => list(api, output, &meant, extent).await,
        Command::Show { letter } => show_one(api, output, &letter).await,
        Command::Redrive { which } => change(api, output, "redrive", &which, None).await,
        Command::Skip { which, reason } => change(api, output, "skip", &which, Some(&reason)).await,
    }
}

async fn list(api: &Api, output: Output, meant: &Meant, extent: Extent) -> Result<(), CliError> {
    let filters = [
        ("sink", meant.sink.as_deref()),
        ("eventType", meant.event_type.as_deref()),
        ("key", meant.key.as_deref()),
        ("error", meant.error.as_deref()),
        ("deadFor", meant.dead_for.as_deref()),
    ];
    let show = |letters: &[Letter]| show(output, letters, Utc::now());
    api.list(output, &["dead-letters"], &filters, extent, "No dead letters.", show).await
}

async fn show_one(api: &Api, output: Output, letter: &str) -> Result<(), CliError> {
    api.get(&["dead-letters", letter], &[]).await?.show(output, |letter: Letter| {
        let payload = letter.payload.as_ref().map(|payload| format!("{payload:#}"));
        show(output, &[letter], Utc::now());
        payload.unwrap_or_default().lines().for_each(|line| output.line(&clean(line)));
    })
}

async fn change(
    api: &Api,
    output: Output,
    what: &str,
    which: &Which,
    reason: Option<&str>,
) -> Result<(), CliError> {
    let Which { letters, meant, dry_run } = which;
    let mut body = json!({"dryRun": dry_run});
    if !letters.is_empty() {
        body["ids"] = json!(letters);
    }
    for (member, given) in [
        ("sink", meant.sink.as_deref()),
        ("eventType", meant.event_type.as_deref()),
        ("key", meant.key.as_deref()),
        ("error", meant.error.as_deref()),
        ("deadFor", meant.dead_for.as_deref()),
        ("reason", reason),
    ] {
        if let Some(given) = given {
            body[member] = json!(given);
        }
    }
    let answer = api.post(&["dead-letters", what], &body).await?;
    let Done { count } = answer.read()?;
    let said = match (dry_run, what) {
        (true, _) => format!("{count} are meant. Nothing was changed."),
        (false, "skip") => format!("{count} given up; what waited behind them goes on."),
        (false, _) => {
            format!("{count} tried again; `waybill dead-letters list` shows what is refused once more.")
        }
    };
    answer.say(output, &said);
    Ok(())
}

fn show(output: Output, letters: &[Letter], now: DateTime<Utc>) {
    let columns = [
        text("LETTER"),
        name("WAY"),
        name("TYPE"),
        name("KEY"),
        figure("BEHIND IT"),
        figure("ATTEMPTS"),
        text("WHY"),
        figure("AGE"),
    ];
    let rows = letters.iter().map(|letter| {
        vec![
            plain(&letter.dead_letter_id),
            plain(&letter.direction),
            plain(&letter.event_type),
            plain(clean(letter.key.as_deref().unwrap_or_default())),
            plain(letter.waiting.to_string()),
            plain(letter.attempts.to_string()),
            plain(clean(letter.error.as_deref().unwrap_or_default())),
            plain(moment::age(letter.dead_since, now)),
        ]
    });
    output.rows(&columns, rows.collect());
}
