//! What an order says once it is placed: its lines with names and prices, its total, its customer.

use std::collections::BTreeMap;

use domain::{AddressSaid, FinancialStatus, LineId, OrderFacts, OrderId, OrderLine, Sku};
use inventory::Item;
use orders::users;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::{form::WantedLine, request::Request};
use crate::problem::Problem;

/// What our own channel says of the order. It asks for no payment: placing is a promise to pay.
///
/// # Errors
/// [`Problem::Invalid`] for a price that is needed, or that a customer may not name, and for a total
/// that cannot be kept exactly.
pub(super) fn facts(
    order_id: &OrderId,
    request: &Request<'_>,
    items: &BTreeMap<Sku, Item>,
) -> Result<OrderFacts, Problem> {
    let lines = request.form.items.iter().enumerate();
    let lines: Vec<OrderLine> = lines
        .map(|(index, line)| order_line(index, line, request, items.get(&line.sku)))
        .collect::<Result<_, _>>()?;
    Ok(OrderFacts {
        name: request.form.order_id.as_ref().unwrap_or(order_id).as_str().to_owned(),
        currency: request.form.currency.as_str().to_owned(),
        total_amount: total(&lines)?,
        financial_status: FinancialStatus::Paid,
        test: false,
        cancelled_at: None,
        updated_at: None,
        location_id: None,
        address: AddressSaid::Absent,
        lines,
        fulfilments: None,
        tags: None,
        refund_ids: Vec::new(),
        shipping_methods: None,
    })
}

fn order_line(
    index: usize,
    line: &WantedLine,
    request: &Request<'_>,
    item: Option<&Item>,
) -> Result<OrderLine, Problem> {
    let name_of_item = || item.map_or_else(|| line.sku.to_string(), |item| item.name.clone());
    let quantity = line.quantity.get();
    Ok(OrderLine {
        // Lines are numbered from 1.
        line_id: Problem::of_field("items", LineId::parse(&(index + 1).to_string()))?,
        sku: Some(line.sku.to_string()),
        product_name: line.product_name.clone().unwrap_or_else(name_of_item),
        quantity,
        fulfillable_quantity: quantity,
        says_fulfillable: true,
        current_quantity: None,
        says_fulfilled: false,
        fulfilment_service: None,
        unit_price: unit_price(line, request, item)?,
        requires_shipping: true,
    })
}

/// The price as ordered, else the item's; one without a price costs nothing. A customer may name the
/// price it was shown: if it is not the item's any more, the customer hears so and is not charged
/// another one in silence.
fn unit_price(line: &WantedLine, request: &Request<'_>, item: Option<&Item>) -> Result<Decimal, Problem> {
    if let (Some(price), false) = (line.unit_price, request.is_by_customer()) {
        return Ok(price);
    }
    let of_item = match item.and_then(|item| item.unit_price.as_ref()) {
        Some(price) if *price.currency() == request.form.currency => price.amount(),
        Some(price) if request.is_by_customer() => {
            let allowed = format!("{}, in which {} is priced", price.currency().as_str(), line.sku);
            return Err(Problem::invalid("currency", &allowed));
        }
        Some(price) => {
            let needed = format!("is needed, as the item's own price is in {}", price.currency().as_str());
            return Err(Problem::invalid(&line.price_place, &needed));
        }
        None => Decimal::new(0, 2),
    };
    match line.unit_price {
        Some(price) if price != of_item => {
            Err(Problem::invalid(&line.price_place, &format!("the item's own price, {of_item}, or none")))
        }
        _ => Ok(of_item),
    }
}

fn total(lines: &[OrderLine]) -> Result<Decimal, Problem> {
    lines
        .iter()
        .try_fold(Decimal::ZERO, |total, line| {
            total.checked_add(line.unit_price.checked_mul(Decimal::from(line.quantity))?)
        })
        .ok_or_else(|| Problem::invalid("items", "their total is beyond what can be kept exactly"))
}

/// Who ordered, as it is kept with the order: name and e-mail address as they are given, else those of
/// the user. Whoever names a user names a registered one; a customer's token says enough of it where
/// the order says the rest.
///
/// # Errors
/// [`Problem::Invalid`] if there is no such user.
pub(super) async fn customer(conn: &mut PgConnection, request: &Request<'_>) -> Result<Value, Problem> {
    let form = request.form;
    let is_complete = form.customer_name.is_some() && form.customer_email.is_some();
    let user = match &form.user_id {
        Some(id) if !(is_complete && request.is_by_customer()) => {
            let user = users::find(conn, id).await?;
            Some(user.ok_or_else(|| {
                let allowed = "a registered user; POST /api/users registers one";
                Problem::invalid(form.user_id_place, allowed)
            })?)
        }
        _ => None,
    };
    let (name, email) = user.map_or((None, None), |user| (Some(user.name), Some(user.email)));
    Ok(json!({
        "name": form.customer_name.clone().or(name),
        "email": form.customer_email.clone().or(email),
    }))
}
