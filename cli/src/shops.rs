//! `waybill shops`: the shops of the settings, and whether each is set up as it has to be.

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    client::Api,
    error::CliError,
    output::{Output, Tone, clean, name, plain, text, toned},
};

mod sync;

/// What to do with shops.
#[derive(Subcommand)]
pub enum Command {
    /// List the shops, and how each is called.
    List,
    /// Ask each shop whether token, API version, access scopes, locations and webhook subscriptions are right, and say
    /// what to do where one is not: exit code 0 if all are right, 1 if not. Nothing is changed.
    Check(Wanted),
    /// Have a shop's items learned again now, and say what was found: what is told to it, and what is left alone and why.
    Sync {
        /// The shop's domain.
        #[arg(value_name = "SHOP", value_parser = crate::client::id)]
        shop: String,
    },
}

/// Which shops.
#[derive(Args)]
pub struct Wanted {
    /// The shops, by their domains; by default all.
    #[arg(value_name = "SHOP")]
    shops: Vec<String>,
}

/// A shop as the API shows it.
#[derive(Deserialize)]
struct Shop {
    shop: String,
    lane: String,
    access: Option<String>,
}

/// What was found in a shop.
#[derive(Deserialize)]
struct Check {
    shop: String,
    right: bool,
    findings: Vec<Finding>,
}

#[derive(Deserialize)]
struct Finding {
    about: String,
    state: String,
    sentence: String,
}

/// Does it.
///
/// # Errors
/// Any [`CliError`]; `Wrong` where a shop is not right.
pub async fn run(command: Command, api: &Api, output: Output) -> Result<(), CliError> {
    match command {
        Command::List => {
            let show = |shops: Vec<Shop>| list(output, &shops);
            api.get(&["shops"], &[]).await?.show(output, show)
        }
        Command::Check(wanted) => check(wanted, api, output).await,
        Command::Sync { shop } => sync::run(&shop, api, output).await,
    }
}

fn list(output: Output, shops: &[Shop]) {
    let columns = [name("SHOP"), name("LANE"), text("CALLED WITH")];
    let rows = shops.iter().map(|shop| {
        let access = match shop.access.as_deref() {
            Some("token") => "a token that does not end",
            Some("client_credentials") => "tokens the app asks for",
            Some("authorization_code") => "the token of the installed app",
            Some(other) => other,
            None => "nothing, in the API",
        };
        vec![plain(&shop.shop), plain(&shop.lane), plain(clean(access))]
    });
    output.rows(&columns, rows.collect());
}

async fn check(wanted: Wanted, api: &Api, output: Output) -> Result<(), CliError> {
    let shops = if wanted.shops.is_empty() {
        let all: Vec<Shop> = api.get(&["shops"], &[]).await?.read()?;
        all.into_iter().map(|shop| shop.shop).collect()
    } else {
        wanted.shops
    };
    let (mut answers, mut wrong) = (Vec::new(), 0);
    for shop in &shops {
        let answer = api.get(&["shops", "check"], &[("shop", shop)]).await?;
        let check: Check = answer.read()?;
        wrong += usize::from(!check.right);
        if output.json {
            answers.push(answer.read::<Value>()?);
        } else {
            show(output, &check);
        }
    }
    if output.json {
        output.line(&json!(answers).to_string());
    }
    if wrong > 0 {
        return Err(CliError::Wrong(format!("{wrong} of {} shops are not set up right.", shops.len())));
    }
    Ok(())
}

fn show(output: Output, check: &Check) {
    output.headline(&clean(&check.shop));
    let rows = check.findings.iter().map(|finding| {
        let (state, tone) = match finding.state.as_str() {
            "RIGHT" => ("right", Tone::Good),
            "WRONG" => ("WRONG", Tone::Alarming),
            "LOOK" => ("look", Tone::Plain),
            other => (other, Tone::Plain),
        };
        let about = match finding.about.as_str() {
            "apiVersion" => "API version",
            other => other,
        };
        vec![toned(state, tone), plain(about), plain(clean(&finding.sentence))]
    });
    output.rows(&[name("STATE"), name("ABOUT"), text("FOUND")], rows.collect());
}
