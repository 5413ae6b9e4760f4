//! The net for lost callbacks: one scheduled workflow per warehouse system asks about overdue
//! hand-overs of all orders, instead of a timer per order.

use std::time::Duration;

use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{ActivityOptions, WorkflowContext, WorkflowContextView, WorkflowResult};

use crate::{
    contract::{AskAboutOverdue, InquiryInput},
    names,
};

/// Asks once; the schedule asks again.
#[workflow]
pub struct OverdueInquiry {
    input: InquiryInput,
}

#[workflow_methods]
impl OverdueInquiry {
    /// Of which system.
    #[init]
    pub fn new(_ctx: &WorkflowContextView, input: InquiryInput) -> Self {
        Self { input }
    }

    /// Returns how many hand-overs were asked about.
    #[run(name = names::OVERDUE_INQUIRY)]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<u32> {
        let lane = ctx.state(|inquiry| inquiry.input.lane.to_string());
        let options =
            ActivityOptions::with_start_to_close_timeout(Duration::from_secs(60)).task_queue(lane).build();
        Ok(ctx.execute_activity(AskAboutOverdue, (), options).await?)
    }
}
