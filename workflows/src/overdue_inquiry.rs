//! The net for lost callbacks: one scheduled workflow asks the warehouse about overdue hand-overs
//! of all orders, instead of a timer per order.

use std::time::Duration;

use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{ActivityOptions, WorkflowContext, WorkflowResult};

use crate::{contract::AskAboutOverdue, names};

/// Asks once; the schedule asks again.
#[workflow]
#[derive(Default)]
pub struct OverdueInquiry;

#[workflow_methods]
impl OverdueInquiry {
    /// Returns how many hand-overs were asked about.
    #[run(name = names::OVERDUE_INQUIRY)]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<u32> {
        let options = ActivityOptions::with_start_to_close_timeout(Duration::from_secs(60))
            .task_queue(names::LANE_WAREHOUSE)
            .build();
        Ok(ctx.execute_activity(AskAboutOverdue, (), options).await?)
    }
}
