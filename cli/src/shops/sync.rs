//! `waybill shops sync`: what a shop sells, and which of it is told what is on hand.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

use crate::{
    client::{Answer, Api},
    error::CliError,
    output::{Output, clean, name, plain, text},
};

/// How long the items of a large shop are waited for, and the pause between two looks.
const MOST_WAIT: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Levels that are left alone and are listed.
const MOST_LISTED: &str = "200";

/// A shop as the API shows it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shop {
    shop: String,
    learned_at: Option<DateTime<Utc>>,
    learning: bool,
    items: u64,
    known_items: u64,
    levels: u64,
    skipped: Vec<Skipped>,
}

#[derive(Deserialize)]
struct Skipped {
    reason: String,
    levels: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Level {
    location_id: i64,
    sku: String,
    warehouse_id: String,
    skipped: Option<String>,
    detail: Option<String>,
}

/// Does it.
///
/// # Errors
/// Any [`CliError`].
pub(super) async fn run(shop: &str, api: &Api, output: Output) -> Result<(), CliError> {
    let asked: Shop = api.post(&["channel-shops", shop, "sync"], &json!({})).await?.read()?;
    let found = learned(api, &asked).await?;
    let filter = [("shop", shop), ("skipped", "ANY"), ("limit", MOST_LISTED)];
    let left_alone = api.get(&["channel-levels"], &filter).await?;
    if output.json {
        return show(&left_alone, output);
    }
    output.line(&clean(&format!(
        "{} has {} items, {} of them stocked here: {} levels.",
        found.shop, found.items, found.known_items, found.levels
    )));
    if found.skipped.is_empty() {
        output.line("All of them are told to it.");
        return Ok(());
    }
    let reasons: Vec<String> =
        found.skipped.iter().map(|left| format!("{} {}", left.levels, left.reason)).collect();
    output.line(&format!("Left alone: {}.", reasons.join(", ")));
    show(&left_alone, output)
}

/// The shop once its items were learned after it was asked.
async fn learned(api: &Api, asked: &Shop) -> Result<Shop, CliError> {
    let began = Instant::now();
    loop {
        let shops: Vec<Shop> = api.get(&["channel-shops"], &[]).await?.read()?;
        if let Some(shop) = shops.into_iter().find(|shop| shop.shop == asked.shop)
            && !shop.learning
            && shop.learned_at > asked.learned_at
        {
            return Ok(shop);
        }
        if began.elapsed() > MOST_WAIT {
            let why =
                "no worker with the duty channel-sync has learned them yet; it is asked for and will be done";
            return Err(CliError::Strange(asked.shop.clone(), why.to_owned()));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn show(left_alone: &Answer, output: Output) -> Result<(), CliError> {
    left_alone.show(output, |levels: Vec<Level>| {
        let columns = [text("SKU"), name("WAREHOUSE"), name("LOCATION"), name("WHY"), text("MORE")];
        let row = |level: Level| {
            vec![
                plain(clean(&level.sku)),
                plain(level.warehouse_id),
                plain(level.location_id.to_string()),
                plain(level.skipped.unwrap_or_default()),
                plain(level.detail.as_deref().map(clean).unwrap_or_default()),
            ]
        };
        output.rows(&columns, levels.into_iter().map(row).collect());
    })
}
