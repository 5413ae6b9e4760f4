//! The fulfilments that an order's body lists: pieces that somebody says have left.

use domain::{LinePieces, ShopFulfilment, ShopifyOrderId};

use super::{
    document,
    members::{self, Members},
    mentions::order_of,
};

/// Statuses of fulfilments in which nothing left (REST Admin API, `fulfillments[].status`).
const FALLEN: [&str; 3] = ["cancelled", "error", "failure"];

/// Every fulfilment that has an id; `None` where the body is silent about them.
pub(super) fn listed(order: &Members<'_>) -> Option<Vec<ShopFulfilment>> {
    order.optional_list("fulfillments")?;
    Some(order.objects("fulfillments").filter_map(|item| fulfilment(&item)).collect())
}

/// Reads a body of `fulfillments/create` or `fulfillments/update`: whose it is, and what it says has left.
#[must_use]
pub fn parse_fulfilment(body: &[u8]) -> Option<(ShopifyOrderId, ShopFulfilment)> {
    let value = document(body).ok()?;
    let item = Members::of(&value, String::new())?;
    Some((order_of(&item)?, fulfilment(&item)?))
}

fn fulfilment(item: &Members<'_>) -> Option<ShopFulfilment> {
    let status = item.text("status").unwrap_or_default();
    Some(ShopFulfilment {
        id: item.own_id("Fulfillment").ok()?,
        stands: !FALLEN.iter().any(|fallen| status.eq_ignore_ascii_case(fallen)),
        tracking_numbers: tracking_numbers(item),
        location_id: item.optional_id("location_id", "Location"),
        lines: item.objects("line_items").filter_map(|line| pieces(&line)).collect(),
    })
}

fn pieces(line: &Members<'_>) -> Option<LinePieces> {
    let quantity = line.optional_pieces("quantity").filter(|pieces| *pieces > 0)?;
    Some(LinePieces { line_id: line.line_id("id").ok()?, quantity })
}

fn tracking_numbers(item: &Members<'_>) -> Vec<String> {
    let several = item.optional_list("tracking_numbers").unwrap_or_default();
    let mut numbers = Vec::new();
    for number in item.text("tracking_number").into_iter().chain(several.iter().filter_map(members::text)) {
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    numbers
}
