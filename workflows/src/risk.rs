//! Waiting until the risk of an order is known, where a rule of the policy goes by it.

use std::time::{Duration, SystemTime};

use domain::Condition;

use crate::{
    order_fulfilment::Story,
    saga::{Interrupted, Wake},
};

impl Story {
    /// Waits until something is said of the order, or until it is to be looked at once more: the last look is made when
    /// its risk is late.
    pub(crate) async fn await_risk(&self) -> Result<Wake, Interrupted> {
        self.show_stage(Condition::OnHold.as_str());
        let pause = self.time_to_read_risk();
        self.wait_until(Some(pause), |order| order.content_changed).await
    }

    /// Time until it is read again, if nobody says anything of it.
    pub(crate) fn time_to_read_risk(&self) -> Duration {
        let again = self.ctx.state(|order| order.input.policy.look_again_after);
        self.time_until_risk_is_late().unwrap_or_default().min(again)
    }

    /// Whether the order has waited for its risk for as long as the policy says.
    pub(crate) fn risk_is_late(&self) -> bool {
        let is_asked = self.ctx.state(|order| order.input.policy.approval.risk.is_some());
        is_asked && self.time_until_risk_is_late().is_none()
    }

    /// From receipt, so that a run that takes over from another waits no longer.
    fn time_until_risk_is_late(&self) -> Option<Duration> {
        let late_at = self.ctx.state(|order| {
            SystemTime::from(order.input.received_at).checked_add(order.input.policy.risk_wait)
        });
        // What is later than the clock can say is as good as never.
        late_at.map_or(Some(Duration::MAX), |late_at| self.time_left(late_at))
    }
}
