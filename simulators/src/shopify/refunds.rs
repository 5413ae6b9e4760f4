//! What a refund does to an order: pieces that are taken off it, and money that goes back.

use serde_json::{Value, json};

use super::orders::{ShopOrder, gid, id_in, line_ids, listed};
use super::routing::{fulfilled_in, refunded_in};
use super::{moments, money};

/// So many pieces of a line, refunded.
pub(super) struct RefundedLine {
    /// The id of the order's line.
    pub(super) line: i64,
    pub(super) quantity: i64,
    /// `cancel`, `return`, `no_restock` or `legacy_restock`.
    pub(super) restock_type: String,
    pub(super) location: Option<i64>,
}

/// A refund that is to be made.
pub(super) struct RefundWish {
    pub(super) lines: Vec<RefundedLine>,
    /// What goes back, in hundredths.
    pub(super) amount: i64,
    pub(super) note: Value,
}

/// The lines as the Admin API or a control route names them.
pub(super) fn wanted_lines(given: &Value) -> Vec<RefundedLine> {
    let line = |given: &Value| {
        Some(RefundedLine {
            line: id_in("LineItem", &given["lineItemId"])?,
            quantity: given["quantity"].as_i64().unwrap_or(1),
            restock_type: given["restockType"].as_str().unwrap_or("no_restock").to_lowercase(),
            location: id_in("Location", &given["locationId"]),
        })
    };
    given.as_array().into_iter().flatten().filter_map(line).collect()
}

impl ShopOrder {
    /// What the customer paid, in hundredths.
    pub(super) fn paid(&self) -> i64 {
        match self.body["financial_status"].as_str() {
            Some("paid" | "partially_refunded" | "refunded" | "partially_paid") => {
                money::cents(&self.body["total_price"])
            }
            _ => 0,
        }
    }

    /// What went back to the customer, in hundredths.
    pub(super) fn refunded(&self) -> i64 {
        listed(&self.body, "refunds")
            .iter()
            .flat_map(|refund| listed(refund, "transactions"))
            .map(|transaction| money::cents(&transaction["amount"]))
            .sum()
    }

    /// Through whom the customer paid.
    pub(super) fn gateway(&self) -> &str {
        self.body["payment_gateway_names"][0].as_str().unwrap_or("bogus")
    }

    /// What these pieces cost, in hundredths.
    pub(super) fn price_of(&self, refunded: &RefundedLine) -> i64 {
        self.line(refunded.line).map_or(0, |line| money::cents(&line["price"]) * refunded.quantity)
    }

    /// Every piece that is still there: as `cancel` what has not left, as `return` what has.
    pub(super) fn all_refundable(&self) -> Vec<RefundedLine> {
        let mut all = Vec::new();
        for id in line_ids(&self.body) {
            let open = self.fulfillable(id).min(self.current(id));
            for (quantity, restock_type) in [(open, "cancel"), (self.current(id) - open, "return")] {
                if quantity > 0 {
                    let restock_type = restock_type.to_owned();
                    all.push(RefundedLine { line: id, quantity, restock_type, location: None });
                }
            }
        }
        all
    }

    /// Whether nothing is left of the order without these pieces.
    pub(super) fn leaves_nothing(&self, refunded: &[RefundedLine]) -> bool {
        !refunded.is_empty()
            && line_ids(&self.body).into_iter().all(|id| self.current(id) <= quantity_of(refunded, id))
    }

    /// Why these pieces cannot be refunded: the position in the list, and the words.
    pub(super) fn not_refundable(&self, refunded: &[RefundedLine]) -> Option<(usize, &'static str)> {
        refunded.iter().enumerate().find_map(|(position, line)| {
            let so_far = &refunded[..=position];
            let of = |wanted: &str| {
                let same = so_far.iter().filter(|known| known.line == line.line);
                same.filter(|known| known.restock_type == wanted).map(|known| known.quantity).sum::<i64>()
            };
            let gone = fulfilled_in(&self.body, line.line)
                - refunded_in(&self.body, line.line, |restock| restock == "return");
            if self.line(line.line).is_none() {
                Some((position, "Line item does not exist"))
            } else if line.quantity < 1 || quantity_of(so_far, line.line) > self.current(line.line) {
                Some((position, "Quantity cannot refund more items than were purchased"))
            } else if of("cancel") > self.fulfillable(line.line) {
                Some((position, "Quantity cannot cancel more items than are unfulfilled"))
            } else if of("return") > gone {
                Some((position, "Quantity cannot return more items than were fulfilled"))
            } else {
                None
            }
        })
    }

    /// Refunds what was found refundable; returns the refund as webhooks carry it.
    pub(super) fn refund(&mut self, wish: &RefundWish) -> Value {
        let ids = &self.ids;
        let id = ids.next();
        let everything = self.leaves_nothing(&wish.lines);
        let now = moments::now();
        let currency = self.body["currency"].clone();
        let told = |line: &RefundedLine| {
            json!({
                "id": ids.next(),
                "line_item_id": line.line,
                "quantity": line.quantity,
                "restock_type": line.restock_type,
                "location_id": line.location,
                "subtotal": money::written(self.price_of(line)),
                "subtotal_set": money::set(self.price_of(line), &currency),
                "total_tax": "0.00",
                "line_item": self.line(line.line),
            })
        };
        let transaction = json!({
            "id": ids.next(),
            "order_id": self.id,
            "kind": "refund",
            "status": "success",
            "gateway": self.gateway(),
            "amount": money::written(wish.amount),
            "currency": currency,
            "parent_id": self.payment,
            "created_at": now,
        });
        let refund = json!({
            "id": id,
            "admin_graphql_api_id": gid("Refund", id),
            "order_id": self.id,
            "created_at": now,
            "processed_at": now,
            "note": wish.note,
            "restock": wish.lines.iter().any(|line| line.restock_type != "no_restock"),
            "refund_line_items": wish.lines.iter().map(told).collect::<Value>(),
            "transactions": if wish.amount > 0 { vec![transaction] } else { Vec::new() },
            "order_adjustments": [],
        });
        for line in &wish.lines {
            self.take_off(line);
        }
        if let Some(refunds) = self.body["refunds"].as_array_mut() {
            refunds.push(refund.clone());
        }
        self.pay_back(wish.amount, everything);
        self.touch();
        refund
    }

    /// How many pieces of a line are still part of the order.
    pub(super) fn current(&self, line: i64) -> i64 {
        self.line(line).and_then(|line| line["current_quantity"].as_i64()).unwrap_or_default()
    }

    /// Pieces that have not left are not to be fulfilled any more; what has left is only counted.
    fn take_off(&mut self, refunded: &RefundedLine) {
        let current = self.current(refunded.line) - refunded.quantity;
        if let Some(line) = self.line_mut(refunded.line) {
            line["current_quantity"] = json!(current.max(0));
        }
        if refunded.restock_type == "return" {
            self.shelve(refunded.line, refunded.location, refunded.quantity);
            return;
        }
        let open = self.open_by_location(refunded.line);
        let fulfillable = self.fulfillable(refunded.line);
        self.want(refunded.line, (fulfillable - refunded.quantity).max(0));
        if refunded.restock_type == "no_restock" {
            self.write_off(refunded.line, &open);
        }
    }

    fn pay_back(&mut self, amount: i64, everything: bool) {
        let current = self.body.get("current_total_price").unwrap_or(&self.body["total_price"]);
        let current = money::cents(current);
        let currency = self.body["currency"].clone();
        if current > 0 {
            self.body["current_total_price"] = json!(money::written((current - amount).max(0)));
            self.body["current_total_price_set"] = money::set((current - amount).max(0), &currency);
        }
        let paid = self.paid();
        let was_paid = matches!(self.body["financial_status"].as_str(), Some("paid" | "partially_refunded"));
        if was_paid && (amount > 0 || paid == 0) {
            let all = if paid > 0 { self.refunded() >= paid } else { everything };
            self.body["financial_status"] = json!(if all { "refunded" } else { "partially_refunded" });
        }
    }
}

fn quantity_of(refunded: &[RefundedLine], line: i64) -> i64 {
    refunded.iter().filter(|known| known.line == line).map(|known| known.quantity).sum()
}
