//! What the shop's people decided about pieces that came back. Its message names neither the order nor its
//! lines, so the shop is asked before it is known whose story it is: a workflow of its own, of one step.

use std::time::Duration;

use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{ActivityOptions, WorkflowContext, WorkflowContextView, WorkflowResult};

use crate::{
    contract::{RestockReturned, ReturnRef},
    names,
};

/// Asks until there is an answer.
#[workflow]
pub struct RestockReturn {
    input: ReturnRef,
}

#[workflow_methods]
impl RestockReturn {
    /// Which return.
    #[init]
    pub fn new(_ctx: &WorkflowContextView, input: ReturnRef) -> Self {
        Self { input }
    }

    /// Returns when what is on the shelf again is booked in.
    #[run(name = names::RESTOCK_RETURN)]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let input = ctx.state(|state| state.input.clone());
        let options = ActivityOptions::with_start_to_close_timeout(Duration::from_secs(60))
            .task_queue(input.lane.to_string())
            .build();
        Ok(ctx.execute_activity(RestockReturned, input, options).await?)
    }
}
