//! A person moves an order to its next status. The story knows the way by itself; what a person can
//! do is end a wait, or say that the goods have left already.

use domain::{CancelDecision, Condition, OrderStatus};

use crate::{
    entry::OrderFulfilment,
    messages::{BadInput, CancelRequest, StatusAnswer, StatusRequest},
    order_fulfilment::Story,
    saga::Interrupted,
};

impl OrderFulfilment {
    /// Whether a person may move the order there now.
    pub(crate) fn check_status(&self, request: &StatusRequest) -> Result<(), BadInput> {
        let to = request.status;
        let from = self.stands_at();
        if from == to || self.status == to {
            return Ok(());
        }
        if to == OrderStatus::Cancelled {
            return match self.cancel_decision(request.actor) {
                CancelDecision::Refuse | CancelDecision::OpenAttention => Err(self.cannot_be_cancelled()),
                _ => Ok(()),
            };
        }
        if !from.may_become(to) {
            return Err(self.cannot_become(to, "the status table has no such step"));
        }
        if let Some(parked) = &self.parked {
            let why = format!("the step {} is parked ({}); resolve it first", parked.step, parked.reason);
            return Err(self.cannot_become(to, &why));
        }
        if self.undoing || self.cancel.is_some() {
            return Err(self.cannot_become(to, "the order is being cancelled"));
        }
        match to {
            OrderStatus::Confirmed if self.waits_for_stock() => {
                Err(self.cannot_become(to, "it waits for stock"))
            }
            OrderStatus::Shipped if self.progress.pieces_left > 0 => {
                Err(self.cannot_become(to, "some of it has left; the warehouse tells of the rest"))
            }
            OrderStatus::Shipped if self.progress.waiting_lines > 0 => {
                Err(self.cannot_become(to, "some of it waits for stock"))
            }
            OrderStatus::Delivered => Err(self.cannot_become(to, "the shop is being told that it left")),
            _ => Ok(()),
        }
    }

    /// A hand-over under way may be in the record already.
    fn stands_at(&self) -> OrderStatus {
        match self.status {
            OrderStatus::Confirmed if self.handing_over => OrderStatus::Processing,
            status => status,
        }
    }

    fn waits_for_stock(&self) -> bool {
        [Condition::Backordered, Condition::AwaitingAllocation]
            .iter()
            .any(|waits| self.stage == waits.as_str())
    }

    fn cannot_become(&self, to: OrderStatus, why: &str) -> BadInput {
        BadInput(format!("Status cannot become {to}: {why}. Current status: {}", self.status))
    }
}

impl Story {
    /// Moves the order on, and waits until it is there or something stands in the way.
    pub(crate) async fn moved_on(&self, request: StatusRequest) -> Result<StatusAnswer, BadInput> {
        let StatusRequest { status: to, actor, reason } = request;
        if to == OrderStatus::Cancelled {
            return self.request_cancel(CancelRequest { actor, reason }).await;
        }
        self.ctx.state_mut(|order| match to {
            OrderStatus::Confirmed if order.status < to => order.go_on = true,
            OrderStatus::Shipped => order.left_by_hand = true,
            _ => {} // on its way there by itself
        });
        self.shielded_wait(|order| {
            order.status >= to || order.parked.is_some() || order.over || order.waits_for_stock()
        })
        .await;
        self.ctx.state_mut(|order| {
            let status = order.status;
            if status >= to && status != OrderStatus::Cancelled {
                return Ok(StatusAnswer { status });
            }
            // What is refused must not be done later all the same.
            (order.go_on, order.left_by_hand) = (false, false);
            let why = match &order.parked {
                Some(parked) => format!("the step {} is parked ({})", parked.step, parked.reason),
                None if order.waits_for_stock() => "it waits for stock".to_owned(),
                None => "the order came to its end before".to_owned(),
            };
            Err(order.cannot_become(to, &why))
        })
    }

    /// Whether somebody said that everything left by hand; then it is booked so.
    pub(crate) async fn all_left_by_hand(&self) -> Result<bool, Interrupted> {
        if !self.ctx.state_mut(|order| std::mem::take(&mut order.left_by_hand)) {
            return Ok(false);
        }
        for fulfilment_request in self.ctx.state(|order| order.progress.requests.clone()) {
            if fulfilment_request.pieces > 0 {
                self.left_by_hand(&fulfilment_request).await?;
            }
        }
        Ok(true)
    }
}
