//! What refusals say, in words.

use std::error::Error;

use domain::Sku;
use inventory::Shortage;

/// An error and what caused it. `Display` only: PostgreSQL's details, which hold values, stand in
/// `Debug`.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

pub(super) fn on(order: Option<&str>) -> String {
    order.map(|order| format!(" on order {order}")).unwrap_or_default()
}

pub(super) fn list(skus: &[Sku]) -> String {
    skus.iter().map(Sku::as_str).collect::<Vec<_>>().join(", ")
}

pub(super) fn shortages(shortages: &[Shortage]) -> String {
    let one = |short: &Shortage| {
        format!("{}: requested {}, available {}", short.sku, short.requested, short.available)
    };
    shortages.iter().map(one).collect::<Vec<_>>().join("; ")
}
