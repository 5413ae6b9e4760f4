//! Returns: what is to come back, and what became of it when it was there.

use serde_json::{Value, json};

use super::orders::{ShopOrder, gid};

/// What is to come back of an order, as one reverse fulfilment order.
pub(super) struct Reverse {
    pub(super) id: i64,
    pub(super) lines: Vec<ReverseLine>,
}

/// So many pieces of a line of the order that are to come back.
pub(super) struct ReverseLine {
    pub(super) id: i64,
    /// The id of the order's line.
    pub(super) line: i64,
    /// The id of the fulfilment's line, if the simulator knows it.
    pub(super) fulfilled: Option<i64>,
    pub(super) quantity: i64,
    pub(super) dispositions: Vec<Disposition>,
}

/// What was decided about pieces that came back.
pub(super) struct Disposition {
    pub(super) id: i64,
    pub(super) kind: String,
    pub(super) quantity: i64,
}

impl ReverseLine {
    fn open(&self) -> i64 {
        self.quantity - self.dispositions.iter().map(|found| found.quantity).sum::<i64>()
    }
}

impl ShopOrder {
    /// The id of the fulfilment's line under which a line of the order left.
    pub(super) fn fulfilled_line(&self, line: i64) -> Option<i64> {
        let mut left = self.fulfilments.iter().flat_map(|found| &found.lines);
        left.find(|found| found.line == line).map(|found| found.id)
    }

    /// Decides about pieces that came back and returns the body of the webhook.
    pub(super) fn dispose(&mut self, wanted: &[(i64, i64)], kind: &str) -> Result<Value, String> {
        let fits = |reverse: &&mut Reverse| {
            wanted.iter().all(|(line, _)| reverse.lines.iter().any(|found| found.line == *line))
        };
        let too_many = "so many pieces did not come back";
        let reverse = self.reverses.iter_mut().find(fits).ok_or(too_many)?;
        let mut told = Vec::new();
        let is_restocked = kind.eq_ignore_ascii_case("restocked");
        for &(line, quantity) in wanted {
            let fits = |found: &&mut ReverseLine| found.line == line && found.open() >= quantity;
            let found = reverse.lines.iter_mut().find(fits).ok_or(too_many)?;
            found.dispositions.push(Disposition { id: self.ids.next(), kind: kind.to_uppercase(), quantity });
            told.push(json!({
                "type": kind.to_lowercase(),
                "quantity": quantity,
                "location": null,
                "reverse_delivery_line_item": null,
                "reverse_fulfillment_order_line_item":
                    { "id": found.id, "admin_graphql_api_id": gid("ReverseFulfillmentOrderLineItem", found.id) },
            }));
        }
        let webhook = json!({
            "id": reverse.id,
            "admin_graphql_api_id": gid("ReverseFulfillmentOrder", reverse.id),
            "total_dispositions": told.len(),
            "dispositions": told,
        });
        for &(line, quantity) in wanted.iter().filter(|_| is_restocked) {
            self.shelve(line, None, quantity);
        }
        Ok(webhook)
    }
}
