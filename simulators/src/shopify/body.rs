//! The order's body, made to say what is true: pieces, fulfilments, states.
//!
//! **Invariant:** what a webhook carries of pieces and fulfilments is worked out from the
//! fulfilment orders and fulfilments, never kept beside them.

use serde_json::{Value, json};

use super::Told;
use super::orders::{Fulfilment, FulfilmentLine, ShopOrder, gid, line_ids, listed};
use super::routing::fulfilled_in;

impl ShopOrder {
    /// Writes what is true now into the body.
    pub(super) fn write_body(&mut self) {
        if self.body["refunds"].is_null() {
            self.body["refunds"] = json!([]);
        }
        self.write_fulfilments();
        for id in line_ids(&self.body) {
            let fulfillable = self.fulfillable(id);
            let fulfilled = fulfilled_in(&self.body, id);
            let was_fulfilled =
                self.fulfilments.iter().flat_map(|found| &found.lines).any(|line| line.line == id);
            let Some(line) = self.line_mut(id) else { continue };
            if line["current_quantity"].is_null() {
                line["current_quantity"] = line["quantity"].clone();
            }
            line["fulfillable_quantity"] = json!(fulfillable);
            // What others say of a line of which nothing was fulfilled here is left alone.
            if was_fulfilled || fulfilled > 0 || line["fulfillment_status"].is_null() {
                line["fulfillment_status"] = fulfilment_status(fulfilled, fulfillable);
            }
        }
        if !self.fulfilments.is_empty() {
            let fulfilled = line_ids(&self.body).into_iter().map(|id| fulfilled_in(&self.body, id)).sum();
            let open = self.fulfilment_orders.iter().filter(|found| !found.closed);
            let fulfillable = open.flat_map(|found| &found.lines).map(|line| line.remaining).sum();
            self.body["fulfillment_status"] = fulfilment_status(fulfilled, fulfillable);
            // Their lines are copies of the order's, which only now say what is true.
            self.write_fulfilments();
        }
    }

    /// What the shop says when the order was fulfilled: the last fulfilment, then the order itself.
    pub(super) fn fulfilled(&self) -> Told {
        let how_far = match self.body["fulfillment_status"].as_str() {
            Some("fulfilled") => "orders/fulfilled",
            _ => "orders/partially_fulfilled",
        };
        let last = self.fulfilments.last().map(|last| ("fulfillments/create", self.told_fulfilment(last)));
        let about_order = ["orders/updated", how_far].map(|topic| (topic, self.body.clone()));
        last.into_iter().chain(about_order).collect()
    }

    /// How many pieces of a line the simulator fulfilled.
    pub(super) fn fulfilled_by_us(&self, line: i64) -> i64 {
        let there = self.fulfilments.iter().filter(|fulfilment| !fulfilment.cancelled);
        there
            .flat_map(|fulfilment| &fulfilment.lines)
            .filter(|fulfilled| fulfilled.line == line)
            .map(|fulfilled| fulfilled.quantity)
            .sum()
    }

    /// Whether a fulfilment in a body is one of the simulator's.
    pub(super) fn is_ours(&self, fulfilment: &Value) -> bool {
        self.fulfilments.iter().any(|known| fulfilment["id"].as_i64() == Some(known.id))
    }

    /// A fulfilment as webhooks carry it, alone or in the order's body.
    pub(super) fn told_fulfilment(&self, fulfilment: &Fulfilment) -> Value {
        let listed = |name: &str| -> Vec<Value> {
            let texts = fulfilment.tracking.iter().map(|entry| entry[name].clone());
            texts.filter(|text| !text.is_null()).collect()
        };
        let (numbers, urls) = (listed("number"), listed("url"));
        let position = self.fulfilments.iter().position(|known| known.id == fulfilment.id);
        let line_item = |fulfilled: &FulfilmentLine| {
            let mut line =
                self.line(fulfilled.line).cloned().unwrap_or_else(|| json!({ "id": fulfilled.line }));
            line["quantity"] = json!(fulfilled.quantity);
            line
        };
        json!({
            "id": fulfilment.id,
            "admin_graphql_api_id": gid("Fulfillment", fulfilment.id),
            "order_id": self.id,
            "name": format!("{}.{}", self.name(), position.map_or(1, |position| position + 1)),
            "status": if fulfilment.cancelled { "cancelled" } else { "success" },
            "created_at": fulfilment.created_at,
            "updated_at": fulfilment.updated_at,
            "service": "manual",
            "shipment_status": null,
            "location_id": fulfilment.place.id,
            "tracking_company": fulfilment.tracking.first().map(|entry| entry["company"].clone()),
            "tracking_number": numbers.first(),
            "tracking_numbers": numbers,
            "tracking_url": urls.first(),
            "tracking_urls": urls,
            "receipt": {},
            "line_items": fulfilment.lines.iter().map(line_item).collect::<Value>(),
        })
    }

    fn write_fulfilments(&mut self) {
        let known = listed(&self.body, "fulfillments").iter();
        let mut told: Vec<Value> = known.filter(|fulfilment| !self.is_ours(fulfilment)).cloned().collect();
        told.extend(self.fulfilments.iter().map(|fulfilment| self.told_fulfilment(fulfilment)));
        self.body["fulfillments"] = json!(told);
    }
}

fn fulfilment_status(fulfilled: i64, fulfillable: i64) -> Value {
    match (fulfilled, fulfillable) {
        (0, _) => Value::Null,
        (_, 0) => json!("fulfilled"),
        _ => json!("partial"),
    }
}
