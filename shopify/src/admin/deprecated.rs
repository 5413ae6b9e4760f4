//! Calls of which Shopify says that they will go: counted, and logged once a day each.
//!
//! Shopify names one in a header of its answer, `X-Shopify-API-Deprecated-Reason`, which its own clients read of
//! GraphQL answers too.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use calls::HttpAnswer;
use domain::ShopDomain;
use metrics::counter;
use parking_lot::Mutex;
use tracing::warn;

/// Answers that called our call deprecated, by `shop` and `call`.
pub const DEPRECATED_CALLS: &str = "waybill_shopify_deprecated_calls_total";
const REASON: &str = "x-shopify-api-deprecated-reason";
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Characters of the reason that are logged; it is mostly an address.
const MOST_CHARACTERS: usize = 300;

/// When each call of each shop was logged last.
#[derive(Default)]
struct Logged(Mutex<HashMap<(ShopDomain, &'static str), Instant>>);

static LOGGED: LazyLock<Logged> = LazyLock::new(Logged::default);

/// Counts it, if the answer says so.
pub(super) fn note(shop: &ShopDomain, document: &'static str, answer: &HttpAnswer) {
    let Some(reason) = answer.header(REASON) else { return };
    let call = name_of(document);
    counter!(DEPRECATED_CALLS, "shop" => shop.to_string(), "call" => call).increment(1);
    if LOGGED.is_due(shop, call) {
        let reason: String = reason.chars().take(MOST_CHARACTERS).collect();
        warn!(%shop, call, reason, "Shopify calls this deprecated; a version of its API to come will not have it");
    }
}

impl Logged {
    fn is_due(&self, shop: &ShopDomain, call: &'static str) -> bool {
        let mut logged = self.0.lock();
        let now = Instant::now();
        let last = logged.get(&(shop.clone(), call));
        let is_due = last.is_none_or(|last| now.duration_since(*last) >= A_DAY);
        if is_due {
            logged.insert((shop.clone(), call), now);
        }
        is_due
    }
}

/// The name of a document's operation.
fn name_of(document: &'static str) -> &'static str {
    document.split(['(', ' ']).nth(1).unwrap_or(document)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::operations;

    #[test]
    fn each_call_of_each_shop_is_logged_once_a_day() {
        let logged = Logged::default();
        let [one, other] =
            ["a.myshopify.com", "b.myshopify.com"].map(|shop| ShopDomain::parse(shop).unwrap());
        assert!(logged.is_due(&one, "ReadOrder"));
        assert!(!logged.is_due(&one, "ReadOrder"));
        assert!(logged.is_due(&one, "CancelOrder") && logged.is_due(&other, "ReadOrder"));
        let pass = |time: Duration| logged.0.lock().values_mut().for_each(|at| *at -= time);
        pass(A_DAY - Duration::from_secs(10));
        assert!(!logged.is_due(&one, "ReadOrder"));
        pass(Duration::from_secs(10));
        assert!(logged.is_due(&one, "ReadOrder"));
    }

    #[test]
    fn a_call_goes_by_the_name_of_its_operation() {
        for (name, document) in operations::ALL {
            assert_eq!(name_of(document), *name);
        }
    }
}
