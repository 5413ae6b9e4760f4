//! The difference that an act makes, before it is done.

use std::collections::BTreeMap;

use crate::{
    shown::{Attention, OrderDetail, Pieces},
    words,
};

/// So many items of a warehouse are named; of more they are counted.
const MOST_NAMED: usize = 4;

/// What it changes of one thing.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::pages) struct Difference {
    pub(in crate::pages) of: &'static str,
    pub(in crate::pages) is: String,
}

fn of(of: &'static str, is: impl Into<String>) -> Difference {
    Difference { of, is: is.into() }
}

/// What a cancel does, whoever asks for it and however.
pub(super) fn of_cancel(detail: &OrderDetail) -> Vec<Difference> {
    let mut all = vec![of("Stock given back", held(detail))];
    let waited = pieces(detail, &["BACKORDERED"]);
    if let Some(waited) = waited {
        all.push(of("Place in the queue", format!("given up: {waited}")));
    }
    if let Some(gone) = pieces(detail, &["FULFILLED"]) {
        all.push(of("Already left", format!("{gone}; it stays so")));
    }
    all.push(of("Warehouse", at_warehouses(detail)));
    match (&detail.order.shop, &detail.if_cancelled) {
        (None, _) => all.push(of("Shop", "none: the order is of our own interface, which pays nothing back")),
        (Some(_), None) => all.push(of("Shop", "is told")),
        (Some(_), Some(told)) => {
            all.push(of("Shop", "is told"));
            let refund = if told.refunds {
                "yes: the shop is asked to pay back what was paid of it"
            } else {
                "no: nothing is paid back by this"
            };
            all.push(of("Refund", refund));
            let customer = if told.notifies_customer {
                "yes: the shop writes to them"
            } else {
                "no: nobody writes to them"
            };
            all.push(of("Customer told", customer));
        }
    }
    all
}

/// What shipping from another warehouse does.
pub(super) fn of_another_warehouse(detail: &OrderDetail) -> Vec<Difference> {
    vec![of("Stock given back", held(detail)), of("Warehouse", at_warehouses(detail))]
}

/// What a new address does.
pub(super) fn of_another_address(detail: &OrderDetail) -> Vec<Difference> {
    vec![of("Stock", "stays as it is"), of("Warehouse", at_warehouses(detail))]
}

/// What an answer to something that waits does, beyond its own words.
pub(in crate::pages) fn of_answer(action: &str, row: &Attention, detail: &OrderDetail) -> Vec<Difference> {
    match action {
        "compensate" | "refuse" => of_cancel(detail),
        "skip" => {
            let mut all = vec![of(
                "The step",
                format!("{} counts as done; nothing is called", words::the_step(&row.step)),
            )];
            all.push(of("Stock", format!("stays as it is; held: {}", held(detail))));
            if row.step == "tell_shop" {
                all.push(of("Shop", "is not notified, nor is the customer by it"));
            }
            all
        }
        "recall" => {
            let newest = detail.fulfilment_requests.iter().rev().find(|request| request.outstanding);
            let asked = newest.map_or("none has anything of it".to_owned(), |request| {
                format!("is asked to stop {} ({}), and may refuse", request.reference, request.said())
            });
            vec![of("Warehouse", asked), of("Stock", "what it stops waits for stock again")]
        }
        _ => Vec::new(),
    }
}

/// What the order holds, by warehouse.
pub(super) fn held(detail: &OrderDetail) -> String {
    pieces(detail, &["CONFIRMED", "PENDING"]).unwrap_or_else(|| "none is held".to_owned())
}

/// What is at warehouses of it, and what an act has them asked.
fn at_warehouses(detail: &OrderDetail) -> String {
    let asked: Vec<String> = detail
        .fulfilment_requests
        .iter()
        .filter(|request| request.outstanding)
        .map(|request| format!("{} under {}", request.said(), request.reference))
        .collect();
    if asked.is_empty() {
        return "none has got it".to_owned();
    }
    format!("is asked to stop {}, and may refuse: what it cannot stop leaves", asked.join(", "))
}

/// The pieces that stand so, by warehouse; none if there are none.
fn pieces(detail: &OrderDetail, statuses: &[&str]) -> Option<String> {
    let mut places: BTreeMap<Option<&str>, BTreeMap<&str, Option<u64>>> = BTreeMap::new();
    for item in &detail.order.items {
        let sku = item.sku.as_deref().unwrap_or(&item.product_name);
        for Pieces { status, warehouse_id, quantity } in item.allocations.iter().flatten() {
            if statuses.contains(&status.as_str()) {
                let known = places.entry(warehouse_id.as_deref()).or_default().entry(sku).or_insert(Some(0));
                *known = known.zip(*quantity).map(|(known, more)| known + more);
            }
        }
    }
    let named: Vec<String> =
        places.into_iter().map(|(warehouse, items)| in_a_place(warehouse, &items)).collect();
    (!named.is_empty()).then(|| named.join("; "))
}

fn in_a_place(warehouse: Option<&str>, items: &BTreeMap<&str, Option<u64>>) -> String {
    let place = warehouse
        .map_or_else(|| "at the inventory service".to_owned(), |warehouse| format!("in {warehouse}"));
    if items.len() > MOST_NAMED {
        let all: u64 = items.values().flatten().sum();
        return format!("{} of {} items {place}", words::count(&all, "piece", "pieces"), items.len());
    }
    let named = items.iter().map(|(sku, quantity)| match quantity {
        Some(quantity) => format!("{} × {sku}", words::number(quantity)),
        None => (*sku).to_owned(),
    });
    format!("{} {place}", named.collect::<Vec<_>>().join(", "))
}
