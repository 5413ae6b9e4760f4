//! `waybill orders edit`.

use clap::Args;
use serde_json::{Map, Value, json};

use super::Named;
use crate::{client::Api, error::CliError, output::Output};

/// What is to be changed.
#[derive(Args)]
pub struct Wanted {
    #[command(flatten)]
    named: Named,
    /// Why; it is kept with your name, so name nobody else.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    changed: Changed,
}

/// What an order is to have instead.
#[derive(Args)]
pub(super) struct Changed {
    /// A line and the SKU that it is; may be given several times.
    #[arg(long, value_name = "LINE=SKU", value_parser = line_and_sku)]
    sku: Vec<(String, String)>,
    /// The warehouse that ships all that has not left.
    #[arg(long, value_name = "WAREHOUSE")]
    warehouse: Option<String>,
    /// Sent again with the same id it changes nothing more.
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    #[command(flatten)]
    address: Address,
}

/// Where it goes instead. Street, city and country are needed.
#[derive(Args)]
#[command(next_help_heading = "Where it goes instead (street, city and country are needed)")]
struct Address {
    #[arg(long)]
    name: Option<String>,
    #[arg(long)]
    company: Option<String>,
    #[arg(long, requires_all = ["city", "country"])]
    address1: Option<String>,
    #[arg(long, requires = "address1")]
    address2: Option<String>,
    #[arg(long, requires = "address1")]
    city: Option<String>,
    #[arg(long, requires = "address1")]
    province: Option<String>,
    #[arg(long, requires = "address1")]
    zip: Option<String>,
    /// Two letters, as in ISO 3166-1.
    #[arg(long, requires = "address1")]
    country: Option<String>,
    #[arg(long, requires = "address1")]
    phone: Option<String>,
}

fn line_and_sku(given: &str) -> Result<(String, String), String> {
    match given.split_once('=') {
        Some((line, sku)) if !line.is_empty() && !sku.is_empty() => Ok((line.to_owned(), sku.to_owned())),
        _ => Err("LINE=SKU, for example 1=item2".to_owned()),
    }
}

/// Does it.
///
/// # Errors
/// Any [`CliError`].
pub(super) async fn run(api: &Api, output: Output, wanted: &Wanted) -> Result<(), CliError> {
    let order = &wanted.named.order;
    let answer = api.post(&["orders", order, "edit"], &form(wanted)).await?;
    answer.say(output, &format!("It is changed; `waybill orders timeline {order}` shows how it goes on."));
    Ok(())
}

fn form(wanted: &Wanted) -> Value {
    let mut form = wanted.changed.form().unwrap_or_else(|| json!({}));
    form["reason"] = json!(wanted.reason);
    form
}

impl Changed {
    /// The members of a request; none where nothing is to be changed.
    pub(super) fn form(&self) -> Option<Value> {
        let mut form = Map::new();
        let lines: Vec<Value> =
            self.sku.iter().map(|(line, sku)| json!({"lineId": line, "sku": sku})).collect();
        if !lines.is_empty() {
            form.insert("lines".to_owned(), json!(lines));
        }
        for (member, given) in [("warehouseId", &self.warehouse), ("requestId", &self.request_id)] {
            form.extend(given.as_ref().map(|given| (member.to_owned(), json!(given))));
        }
        let Address { name, company, address1, address2, city, province, zip, country, phone } =
            &self.address;
        let members = [
            ("name", name),
            ("company", company),
            ("address1", address1),
            ("address2", address2),
            ("city", city),
            ("province", province),
            ("zip", zip),
            ("countryCode", country),
            ("phone", phone),
        ];
        let given = members
            .into_iter()
            .filter_map(|(member, given)| Some((member.to_owned(), json!(given.as_ref()?))));
        let address: Map<String, Value> = given.collect();
        if !address.is_empty() {
            form.insert("address".to_owned(), Value::Object(address));
        }
        (!form.is_empty()).then_some(Value::Object(form))
    }
}
