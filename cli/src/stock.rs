//! `waybill stock`: what is there of each item, booking pieces in, and why an order is planned as it
//! is.

use clap::Subcommand;
use serde::Deserialize;
use serde_json::json;

use crate::{
    client::{Api, Extent, id},
    error::CliError,
    output::{Output, Tone, Value, clean, figure, name, plain, text, toned},
};

mod explanation;

/// What to do with stock.
#[derive(Subcommand)]
pub enum Command {
    /// List what is there of each item, in pieces.
    List(Extent),
    /// Book pieces in. Orders that wait for them are served first. Sent twice, it is booked twice.
    Receive {
        /// The item.
        #[arg(value_parser = id)]
        sku: String,
        /// How many pieces.
        #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        quantity: u32,
        /// Where they lie; `main` unless you say otherwise.
        #[arg(long)]
        warehouse: Option<String>,
        /// Why, as it is to stand in the ledger: a delivery note, a count.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Count: what was found is what is there. Less than is held has the youngest orders wait again that have not handed
    /// theirs over.
    Count {
        /// The item.
        #[arg(value_parser = id)]
        sku: String,
        /// How many pieces lie there, those that are held for orders counted in.
        #[arg(value_parser = clap::value_parser!(u32).range(0..=1_000_000_000))]
        found: u32,
        /// Where was counted; `main` unless you say otherwise.
        #[arg(long)]
        warehouse: Option<String>,
        /// Why was counted; it is kept with your name.
        #[arg(long)]
        reason: String,
        /// Your own id of the count: sent again, it is counted once.
        #[arg(long)]
        request_id: Option<String>,
    },
    /// Say which warehouse would serve an order, and why not the others. Nothing is changed.
    Explain {
        /// The order's id or number; or describe one with --item.
        #[arg(value_name = "ORDER", value_parser = id, required_unless_present = "items")]
        order: Option<String>,
        /// Pieces of an item of an order that is not there; repeat it for several.
        #[arg(long = "item", value_name = "SKU=QUANTITY", value_parser = wanted, conflicts_with = "order")]
        items: Vec<Wanted>,
    },
}

/// Pieces of an item, as `SKU=QUANTITY`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    sku: String,
    quantity: u32,
}

/// What is there of an item, in pieces.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stock {
    sku: String,
    item_name: Option<String>,
    #[serde(flatten)]
    figures: Figures,
    #[serde(default)]
    warehouses: Vec<InWarehouse>,
}

/// What is there in one warehouse.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InWarehouse {
    warehouse_id: String,
    #[serde(flatten)]
    figures: Figures,
}

/// Pieces.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Figures {
    available_qty: u64,
    on_hand: u64,
    reserved: u64,
    queued: u64,
}

/// Does it.
///
/// # Errors
/// Any [`CliError`].
pub async fn run(command: Command, api: &Api, output: Output) -> Result<(), CliError> {
    match command {
        Command::List(extent) => list(api, output, extent).await,
        Command::Receive { sku, quantity, warehouse, reason } => {
            let booking = json!({"quantity": quantity, "warehouseId": warehouse, "reason": reason});
            receive(api, output, &sku, quantity, &booking).await
        }
        Command::Count { sku, found, warehouse, reason, request_id } => {
            let form =
                json!({"onHand": found, "warehouseId": warehouse, "reason": reason, "requestId": request_id});
            count(api, output, &sku, &form).await
        }
        Command::Explain { order, items } => explain(api, output, order.as_deref(), &items).await,
    }
}

async fn list(api: &Api, output: Output, extent: Extent) -> Result<(), CliError> {
    let show = |items: &[Stock]| show(output, items);
    api.list(output, &["inventory"], &[], extent, "Nothing is stocked.", show).await
}

async fn receive(
    api: &Api,
    output: Output,
    sku: &str,
    quantity: u32,
    booking: &serde_json::Value,
) -> Result<(), CliError> {
    let answer = api.post(&["inventory", sku, "receive"], booking).await?;
    answer.show(output, |stock: Stock| {
        let pieces = if quantity == 1 { "piece" } else { "pieces" };
        output.line(&format!("{quantity} {pieces} of {} booked in. It has now:", clean(&stock.sku)));
        show_figures(output, &stock);
    })
}

/// What a count led to.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counted {
    on_hand_before: u64,
    on_hand: u64,
    missing: u64,
    backordered: u32,
    served: u32,
}

async fn count(api: &Api, output: Output, sku: &str, form: &serde_json::Value) -> Result<(), CliError> {
    let answer = api.post(&["inventory", sku, "count"], form).await?;
    answer.show(output, |counted: Counted| {
        output.facts(vec![
            ("On hand before", plain(counted.on_hand_before.to_string())),
            ("On hand", plain(counted.on_hand.to_string())),
            ("Orders that wait again", plain(counted.backordered.to_string())),
            ("Orders served", plain(counted.served.to_string())),
        ]);
        if counted.missing > 0 {
            output.line(&format!(
                "{} of those on hand were not found; `waybill attention list` shows which hand-overs may be recalled.",
                counted.missing
            ));
        }
    })
}

async fn explain(api: &Api, output: Output, order: Option<&str>, items: &[Wanted]) -> Result<(), CliError> {
    let items = items.iter().map(|item| json!({"itemId": item.sku, "quantity": item.quantity}));
    let question = match order {
        Some(order) => json!({"orderId": order}),
        None => json!({"items": items.collect::<Vec<_>>()}),
    };
    let answer = api.post(&["allocations", "explain"], &question).await?;
    answer.show(output, |explanation| explanation::show(output, &explanation))
}

/// Reads `SKU=QUANTITY`. A SKU may have a `=` of its own, so the last one counts.
fn wanted(text: &str) -> Result<Wanted, String> {
    let (sku, quantity) = text.rsplit_once('=').ok_or("SKU=QUANTITY is needed, for example TEA=2")?;
    let quantity = quantity.parse().ok().filter(|quantity| (1..=1_000_000).contains(quantity));
    let quantity = quantity.ok_or("the quantity is a whole number from 1 to 1000000")?;
    Ok(Wanted { sku: id(sku)?, quantity })
}

/// A line for each item, and where it lies in several warehouses one for each of those.
fn show(output: Output, items: &[Stock]) {
    let columns = [
        name("SKU"),
        text("NAME"),
        name("WAREHOUSE"),
        figure("AVAILABLE"),
        figure("ON HAND"),
        figure("RESERVED"),
        figure("WAITED FOR"),
    ];
    output.rows(&columns, items.iter().flat_map(rows).collect());
}

/// The same of one item that was named before.
fn show_figures(output: Output, item: &Stock) {
    let Figures { available_qty, on_hand, reserved, queued } = item.figures;
    output.facts(vec![
        ("Available", plain(available_qty.to_string())),
        ("On hand", plain(on_hand.to_string())),
        ("Reserved", plain(reserved.to_string())),
        ("Waited for", plain(queued.to_string())),
    ]);
}

fn rows(item: &Stock) -> Vec<Vec<Value>> {
    let place = match item.warehouses.as_slice() {
        [] => "",
        [only] => &only.warehouse_id,
        _ => "all",
    };
    let item_name = item.item_name.as_deref().map(clean).unwrap_or_default();
    let mut rows = vec![row(&item.sku, &item_name, place, &item.figures)];
    if item.warehouses.len() > 1 {
        let each = item.warehouses.iter().map(|there| row("", "", &there.warehouse_id, &there.figures));
        rows.extend(each);
    }
    rows
}

fn row(sku: &str, item_name: &str, warehouse: &str, figures: &Figures) -> Vec<Value> {
    let tone = if figures.available_qty == 0 { Tone::Alarming } else { Tone::Plain };
    vec![
        plain(sku),
        plain(item_name),
        plain(warehouse),
        toned(figures.available_qty.to_string(), tone),
        plain(figures.on_hand.to_string()),
        plain(figures.reserved.to_string()),
        plain(figures.queued.to_string()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_an_item_are_read_from_the_last_equals_sign() {
        let read = |text| wanted(text).map(|wanted| (wanted.sku, wanted.quantity));
        assert_eq!(read("TEA=2"), Ok(("TEA".to_owned(), 2)));
        assert_eq!(read("A=B=12"), Ok(("A=B".to_owned(), 12)));
        for bad in ["TEA", "TEA=", "TEA=0", "TEA=1000001", "=2", "TEA=-1", "TEA=2.5"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_item_in_several_warehouses_has_its_sum_first() {
        let figures = json!({"availableQty": 0, "onHand": 5, "reserved": 5, "queued": 0});
        let mut stock = json!({"sku": "TEA", "itemName": "Tea", "warehouses": []});
        for warehouse in ["main", "north"] {
            let mut there = figures.clone();
            there["warehouseId"] = json!(warehouse);
            stock["warehouses"].as_array_mut().expect("a list").push(there);
        }
        for (member, pieces) in figures.as_object().expect("figures") {
            stock[member] = pieces.clone();
        }
        let stock: Stock = serde_json::from_value(stock).expect("stock");
        assert_eq!(rows(&stock).len(), 3);
    }
}
