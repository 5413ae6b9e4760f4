//! `waybill audit`: what people did, and why.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Deserialize;

use crate::{
    client::{Api, Extent},
    error::CliError,
    output::{Output, clean, name, plain, text},
};

/// Which entries are wanted, newest first.
#[derive(Args)]
pub struct Wanted {
    /// Only what this person did, by name.
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Only what was done to this: a SKU, a lane, a warehouse, the id of a row.
    #[arg(long)]
    target: Option<String>,
    /// Only what is about this order, by its id or number.
    #[arg(long, value_name = "ORDER")]
    order: Option<String>,
    /// Only this, for example STOCK_COUNTED.
    #[arg(long)]
    kind: Option<String>,
    /// Only what was done from then on, as RFC 3339 has it.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Only what was done before then, as RFC 3339 has it.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Save all of it as a table (CSV) for spreadsheets instead. This is for the role admin.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["limit", "all"])]
    export: Option<PathBuf>,
    #[command(flatten)]
    extent: Extent,
}

/// An entry as the API shows it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    at: DateTime<Utc>,
    actor: String,
    kind: String,
    target: String,
    order_number: Option<String>,
    reason: Option<String>,
    detail: Option<String>,
}

/// Does it.
///
/// # Errors
/// Any [`CliError`].
pub async fn run(wanted: Wanted, api: &Api, output: Output) -> Result<(), CliError> {
    let kind = wanted.kind.as_deref().map(str::to_uppercase);
    let filters = [
        ("actor", wanted.actor.as_deref()),
        ("target", wanted.target.as_deref()),
        ("orderId", wanted.order.as_deref()),
        ("kind", kind.as_deref()),
        ("from", wanted.from.as_deref()),
        ("to", wanted.to.as_deref()),
    ];
    let Some(file) = &wanted.export else {
        let show = |entries: &[Entry]| show(output, entries);
        return api.list(output, &["audit"], &filters, wanted.extent, "Nobody did anything.", show).await;
    };
    let given: Vec<_> = filters.iter().filter_map(|(name, value)| Some((*name, (*value)?))).collect();
    api.save(&["audit", "export"], &given, file).await?;
    if !output.json {
        output.line(&format!("Saved as {}.", file.display()));
    }
    Ok(())
}

fn show(output: Output, entries: &[Entry]) {
    let columns = [name("TIME"), name("WHO"), name("WHAT"), text("TO WHAT"), text("WHY")];
    let rows = entries.iter().map(|entry| {
        let target = entry.order_number.as_deref().unwrap_or(&entry.target);
        let about = [Some(target), entry.detail.as_deref()].map(|text| text.map(clean));
        vec![
            plain(entry.at.format("%Y-%m-%d %H:%M:%S").to_string()),
            plain(clean(&entry.actor)),
            plain(&entry.kind),
            plain(about.into_iter().flatten().collect::<Vec<_>>().join("\n")),
            plain(entry.reason.as_deref().map(clean).unwrap_or_default()),
        ]
    });
    output.rows(&columns, rows.collect());
}
