//! What the Temporal Web UI shows of a run: what the order waits for, in plain words, and what a person can do. It is
//! read when somebody looks; nothing of it stands in the history.

use domain::{Downstream, may_skip};

use crate::{entry::OrderFulfilment, lane_call::downstream, order_fulfilment::Story};

/// The Web UI (2.42) shows 30 pixels less than the text takes: what it cuts off is a line of nothing.
const CUT_OFF: &str = "\n\n\u{a0}";

impl Story {
    /// Says what the order waits for now.
    pub(crate) fn show_details(&self) {
        let details = self.ctx.state(OrderFulfilment::details);
        self.ctx.set_current_details(if details.is_empty() { details } else { details + CUT_OFF });
    }
}

impl OrderFulfilment {
    fn details(&self) -> String {
        let order = &self.input.order_number;
        if let Some(parked) = &self.parked {
            if parked.reason.is_approval() {
                return format!(
                    "**A person has to approve it** before it is handed over; `waybill attention list` says why.\n\n\
                     ```\nwaybill orders approve {order}\nwaybill orders approve {order} --refuse --reason TEXT\n```\n\n\
                     From here: send the Update `resolve` with `\"approve\"`, or with \
                     `{{\"action\": \"refuse\", \"reason\": \"…\"}}`."
                );
            }
            let skip = match may_skip(parked.step, &parked.reason) {
                true => format!("waybill orders resolve {order} skip --reason TEXT\n"),
                false => String::new(),
            };
            return format!(
                "**A person has to decide**: the step `{}` is parked, `{}`. Mend the cause, then retry; or give the \
                 order up.\n\n```\nwaybill orders retry {order}\n{skip}waybill orders resolve {order} compensate \
                 --reason TEXT\n```\n\nFrom here: send the Update `resolve` with `{{\"action\": \"retry\"}}`.",
                parked.step,
                parked.reason.code(),
            );
        }
        let cancel =
            format!("\n\nTo cancel it: `waybill orders cancel {order}`, or send the signal `cancel`.");
        if let Some(call) = self.pending_calls.first() {
            let whom = match downstream(call.step) {
                Downstream::Warehouse => "warehouse system",
                Downstream::Shop => "shop",
                Downstream::Database | Downstream::Inventory => "database",
            };
            return format!(
                "Waiting for the {whom} (lane `{}`) since {} UTC: `{}`. If it is down, the order waits and goes on by \
                 itself; `waybill lanes list` says so.{cancel}",
                call.lane,
                call.since.format("%Y-%m-%d %H:%M"),
                call.step,
            );
        }
        match self.stage.as_str() {
            "BACKORDERED" => format!("Waiting for stock: {} lines.{cancel}", self.progress.waiting_lines),
            "AWAITING_PAYMENT" => format!("Waiting until it is paid.{cancel}"),
            "ON_HOLD" if self.awaits_risk => {
                format!("Waiting until the shop has said how risky it is.{cancel}")
            }
            "ON_HOLD" if self.waits_for_its_window() => format!(
                "It is held for a while, so that it can still be changed.\n\n```\nwaybill orders resolve {order} \
                 release_hold\n```{cancel}"
            ),
            "ON_HOLD" if self.progress.held_back > 0 => {
                let until = self
                    .progress
                    .held_until
                    .map(|until| format!(" until {}", until.format("%Y-%m-%d %H:%M UTC")));
                format!(
                    "The shop holds {} pieces of it{}. It is released there, and goes on by itself.{cancel}",
                    self.progress.held_back,
                    until.unwrap_or_default()
                )
            }
            "ON_HOLD" => format!("The warehouse holds it, and goes on by itself.{cancel}"),
            "AWAITING_ALLOCATION" => format!("Waiting for the inventory service.{cancel}"),
            _ if self.progress.outstanding_at_warehouses() > 0 => format!(
                "Waiting for the warehouse to ship {} pieces.{cancel}",
                self.progress.outstanding_at_warehouses()
            ),
            _ => String::new(),
        }
    }
}
