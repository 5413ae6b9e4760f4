//! The methods by which an order ships, as its body names them.

use std::collections::BTreeSet;

use super::members::Members;

/// The most names and codes of methods that are kept of an order; Shopify shows one method.
const MOST_NAMES: usize = 20;

/// None where the body is silent about them.
pub(super) fn methods(order: &Members<'_>) -> Option<Vec<String>> {
    order.optional_list("shipping_lines")?;
    let lines = order.objects("shipping_lines").filter(|line| line.flag("is_removed") != Some(true));
    Some(named(lines.flat_map(|line| [line.text("title"), line.text("code")])))
}

/// Titles and codes, each once and sorted: no sequence of theirs means anything.
pub(crate) fn named(names: impl Iterator<Item = Option<String>>) -> Vec<String> {
    let names: BTreeSet<String> = names.flatten().take(MOST_NAMES).collect();
    names.into_iter().collect()
}
