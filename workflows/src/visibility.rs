//! What operators see of a run from outside: its condition in the record and its search attributes.

use chrono::{DateTime, Utc};
use domain::{Condition, HeldBy, ParkReason, Step};
use temporalio_common::search_attributes::Timestamp;

use crate::{
    contract::{ConditionToRecord, RecordCondition},
    names,
    order_fulfilment::Story,
};

impl Story {
    /// The stage of an order that waits for nobody.
    pub(crate) const FULFILLING: &'static str = "FULFILLING";

    /// Shows the stage operators filter by, where it changed and where the server knows the attribute.
    pub(crate) fn show_stage(&self, stage: &str) {
        let changed = self.ctx.state(|order| order.stage != stage);
        if !changed {
            return;
        }
        self.ctx.state_mut(|order| stage.clone_into(&mut order.stage));
        if self.ctx.state(|order| order.input.search_attributes) {
            self.ctx.upsert_search_attributes([names::ORDER_STAGE.value_set(stage.to_owned())]);
        }
    }

    /// Shows what is parked and why.
    pub(crate) fn show_parked(&self, parked: Option<(Step, &ParkReason)>) {
        let stage = match parked {
            Some(_) => Condition::NeedsAttention.as_str(),
            None => Self::FULFILLING,
        };
        self.ctx.state_mut(|order| stage.clone_into(&mut order.stage));
        if !self.ctx.state(|order| order.input.search_attributes) {
            return;
        }
        let stage = names::ORDER_STAGE.value_set(stage.to_owned());
        self.ctx.upsert_search_attributes(match parked {
            Some((step, reason)) => [
                stage,
                names::PARKED_STEP.value_set(step.as_str().to_owned()),
                names::PARKED_REASON.value_set(reason.code().to_owned()),
            ],
            // Taking an attribute away would fail the workflow task: the SDK sends that as an empty
            // payload, which the server refuses. So nothing parked is an empty text.
            None => [
                stage,
                names::PARKED_STEP.value_set(String::new()),
                names::PARKED_REASON.value_set(String::new()),
            ],
        });
    }

    /// Shows by when the order is promised to leave. While no promise stands the last one is shown.
    pub(crate) fn show_promise(&self, promised_at: Option<DateTime<Utc>>) {
        let Some(due) = promised_at else { return };
        let before = self.ctx.state_mut(|order| order.shown_promise.replace(due));
        if before != promised_at && self.ctx.state(|order| order.input.search_attributes) {
            let due = Timestamp::new(due.timestamp(), 0);
            self.ctx.upsert_search_attributes([names::SLA_DUE.value_set(due)]);
        }
    }

    pub(crate) async fn record_condition(
        &self,
        condition: Option<Condition>,
        reason: Option<&str>,
        held_by: Option<HeldBy>,
    ) {
        self.record(
            || RecordCondition,
            ConditionToRecord {
                order_id: self.order_id(),
                condition,
                reason: reason.map(str::to_owned),
                held_by,
            },
        )
        .await;
        self.show_stage(condition.map_or(Self::FULFILLING, Condition::as_str));
    }
}
