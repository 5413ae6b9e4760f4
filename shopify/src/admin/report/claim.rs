//! Which of an order's fulfilments report a parcel, and what of it none reports.
//!
//! **Invariant:** pure.

use std::collections::BTreeMap;

use super::ParcelReport;
use crate::admin::error::ShopifyError;
use crate::admin::fulfilments::Fulfilment;
use crate::admin::plan::{LinePieces, by_line};

pub(super) struct Claimed {
    pub(super) fulfilment_ids: Vec<i64>,
    pub(super) missing: Vec<LinePieces>,
}

/// What of the parcel is reported; `created` was reported by this attempt itself.
///
/// # Errors
/// The list is older than what this attempt created: nothing can be concluded from it.
pub(super) fn claim(
    parcel: &ParcelReport<'_>,
    created: &[i64],
    fulfilments: &[Fulfilment],
) -> Result<Claimed, ShopifyError> {
    if created.iter().any(|id| fulfilments.iter().all(|fulfilment| fulfilment.id != *id)) {
        return Err(ShopifyError::unknown("an answer older than our own change"));
    }
    let mut missing = by_line(parcel.lines);
    let mut fulfilment_ids = Vec::new();
    for fulfilment in fulfilments.iter().filter(|fulfilment| fulfilment.stands()) {
        let pieces = by_line(&fulfilment.lines);
        let ours = created.contains(&fulfilment.id)
            || !parcel.reported_by_others.contains(&fulfilment.id)
                && is_of(parcel, fulfilment, &pieces, &missing);
        if ours {
            fulfilment_ids.push(fulfilment.id);
            subtract(&mut missing, &pieces);
        }
    }
    let missing =
        missing.into_iter().map(|(line_item_id, quantity)| LinePieces { line_item_id, quantity }).collect();
    Ok(Claimed { fulfilment_ids, missing })
}

/// Whether a fulfilment reports (a part of) what is still missing of the parcel.
fn is_of(
    parcel: &ParcelReport<'_>,
    fulfilment: &Fulfilment,
    pieces: &BTreeMap<i64, u32>,
    missing: &BTreeMap<i64, u32>,
) -> bool {
    let covers = |line: &i64| missing.contains_key(line);
    match parcel.tracking.said_number() {
        Some(number) => {
            fulfilment.tracking_numbers.iter().any(|known| known.trim() == number)
                && pieces.keys().any(covers)
        }
        // Nothing but its pieces tells it from other people's: all of them must be the parcel's.
        None => {
            fulfilment.tracking_numbers.is_empty()
                && !pieces.is_empty()
                && pieces
                    .iter()
                    .all(|(line, quantity)| missing.get(line).is_some_and(|left| quantity <= left))
        }
    }
}

fn subtract(missing: &mut BTreeMap<i64, u32>, pieces: &BTreeMap<i64, u32>) {
    for (line, quantity) in pieces {
        if let Some(left) = missing.get_mut(line) {
            *left = left.saturating_sub(*quantity);
        }
    }
    missing.retain(|_, left| *left > 0);
}
