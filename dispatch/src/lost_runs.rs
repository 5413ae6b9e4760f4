//! Open orders whose run is gone: terminated, reset, or forgotten by the server.

use std::time::Duration;

use domain::{OrderStatus, ParkReason, Resolution, Step};
use orders::{
    Order,
    attention::{self, Given},
    record,
};
use temporalio_client::{
    UntypedWorkflow, WorkflowDescribeOptions, WorkflowExecutionStatus, errors::WorkflowInteractionError,
};
use tracing::warn;

use crate::{DispatchError, Dispatcher};

/// What there is of an order's run.
enum Run {
    Goes,
    Closed,
    Unknown,
}

impl Dispatcher {
    /// Looks for the runs of up to `most` open orders not looked for in the last `pause`. An order
    /// whose run is gone is parked; one that is `PENDING` and that the server does not know was never
    /// started, and is started. Returns how many were looked for.
    ///
    /// # Errors
    /// [`DispatchError`]; what was not looked for comes up again.
    pub async fn look_for_lost_runs(&self, most: i64, pause: Duration) -> Result<usize, DispatchError> {
        let orders = {
            let mut conn = self.pool.acquire().await?;
            record::take_unchecked(&mut conn, most, pause).await?
        };
        for order in &orders {
            match self.run_of(order).await? {
                Run::Goes => self.note_found(order).await?,
                Run::Unknown if order.status == OrderStatus::Pending => {
                    self.begin(order).await?;
                }
                Run::Closed | Run::Unknown => self.park_lost(order).await?,
            }
        }
        Ok(orders.len())
    }

    async fn run_of(&self, order: &Order) -> Result<Run, DispatchError> {
        let temporal = self.temporal.get().await?;
        let handle = temporal.client.get_workflow_handle::<UntypedWorkflow>(order.workflow_id.as_str());
        match handle.describe(WorkflowDescribeOptions::default()).await {
            Ok(run) if run.status() == WorkflowExecutionStatus::Running => Ok(Run::Goes),
            Ok(_) => Ok(Run::Closed),
            Err(WorkflowInteractionError::NotFound(_)) => Ok(Run::Unknown),
            Err(error) => Err(DispatchError::Refused(error.to_string())),
        }
    }

    /// Takes back that its run was gone: a new one was started while the old one was looked for.
    async fn note_found(&self, order: &Order) -> Result<(), DispatchError> {
        if order.condition_reason.as_deref() != Some(ParkReason::RUN_GONE) {
            return Ok(());
        }
        let mut tx = self.pool.begin().await?;
        let given = Given {
            resolution: Resolution::Retry.as_str(),
            by: "waybill",
            reason: Some("its run is there"),
            message: None,
        };
        attention::resolve(&mut tx, &order.order_id, Some(Step::Gate), given).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Parks it, unless its run ended its story in the meantime.
    async fn park_lost(&self, order: &Order) -> Result<(), DispatchError> {
        let mut tx = self.pool.begin().await?;
        let now = record::lock(&mut tx, &order.order_id).await?;
        if now.story_ended_at.is_none() {
            let park_reason = ParkReason::new(ParkReason::RUN_GONE);
            if attention::park(&mut tx, &order.order_id, Step::Gate, &park_reason, false).await? {
                warn!(order.id = %order.order_id, "the order is open but its run is gone; parked");
            }
        }
        tx.commit().await?;
        Ok(())
    }
}
