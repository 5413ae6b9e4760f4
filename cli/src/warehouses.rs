//! `waybill warehouses`: where items lie, and which warehouse takes nothing new.

use clap::{ArgGroup, Args, Subcommand};
use serde::Deserialize;
use serde_json::json;

use crate::{
    client::{Api, id},
    error::CliError,
    output::{Output, Tone, clean, figure, name, plain, text, toned},
};

/// What to do with warehouses.
#[derive(Subcommand)]
pub enum Command {
    /// List the warehouses, the one taken from first at the top.
    List,
    /// Add a warehouse. Which system ships for it stands in the settings.
    Add {
        /// Its id.
        #[arg(value_name = "WAREHOUSE", value_parser = id)]
        warehouse: String,
        /// What people call it.
        #[arg(long)]
        name: String,
        /// The lower, the sooner it is taken from; 100 unless you say otherwise.
        #[arg(long, allow_negative_numbers = true)]
        priority: Option<i32>,
        /// Why; it is kept with your name.
        #[arg(long)]
        reason: String,
    },
    /// Change a warehouse: its name, its priority, or whether it takes new reservations.
    Change(Change),
}

/// What of a warehouse is to be changed.
#[derive(Args)]
#[command(group = ArgGroup::new("changes").required(true).multiple(true).args(["name", "priority", "active"]))]
pub struct Change {
    /// Its id.
    #[arg(value_name = "WAREHOUSE", value_parser = id)]
    warehouse: String,
    /// What people call it.
    #[arg(long)]
    name: Option<String>,
    /// The lower, the sooner it is taken from.
    #[arg(long, allow_negative_numbers = true)]
    priority: Option<i32>,
    /// Whether it takes new reservations: true or false. One that does not keeps what it holds.
    #[arg(long, value_name = "BOOL")]
    active: Option<bool>,
    /// Why; it is kept with your name.
    #[arg(long)]
    reason: String,
}

/// A warehouse as the API shows it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Warehouse {
    warehouse_id: String,
    name: Option<String>,
    active: bool,
    priority: i32,
    system: String,
    locations: Vec<Location>,
    created_at: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    shop: String,
    location_id: i64,
}

/// Does it.
///
/// # Errors
/// Any [`CliError`].
pub async fn run(command: Command, api: &Api, output: Output) -> Result<(), CliError> {
    match command {
        Command::List => {
            let show = |warehouses: Vec<Warehouse>| show(output, &warehouses);
            api.get(&["warehouses"], &[]).await?.show(output, show)
        }
        Command::Add { warehouse, name, priority, reason } => {
            let form =
                json!({"warehouseId": warehouse, "name": name, "priority": priority, "reason": reason});
            api.post(&["warehouses"], &form).await?.say(output, "It is added.");
            Ok(())
        }
        Command::Change(Change { warehouse, name, priority, active, reason }) => {
            let form = json!({"name": name, "priority": priority, "active": active, "reason": reason});
            api.patch(&["warehouses", &warehouse], &form).await?.say(output, "It is changed.");
            Ok(())
        }
    }
}

fn show(output: Output, warehouses: &[Warehouse]) {
    let columns = [
        name("WAREHOUSE"),
        text("NAME"),
        name("STATE"),
        figure("PRIORITY"),
        name("SYSTEM"),
        text("LOCATIONS"),
    ];
    let rows = warehouses.iter().map(|warehouse| {
        let (state, tone) = match (&warehouse.created_at, warehouse.active) {
            (None, _) => ("not added", Tone::Alarming),
            (_, true) => ("active", Tone::Good),
            (_, false) => ("inactive", Tone::Plain),
        };
        let locations =
            warehouse.locations.iter().map(|at| clean(&format!("{} in {}", at.location_id, at.shop)));
        vec![
            plain(&warehouse.warehouse_id),
            plain(warehouse.name.as_deref().map(clean).unwrap_or_default()),
            toned(state, tone),
            plain(warehouse.priority.to_string()),
            plain(&warehouse.system),
            plain(locations.collect::<Vec<_>>().join("\n")),
        ]
    });
    output.rows(&columns, rows.collect());
}
