//! One answer to many parked steps: some are asked each second, so that whoever is called next is not met by all at
//! once. Which are meant, and which were asked, stands in the database; a run that is gone is begun again.

use std::time::Duration;

use temporalio_common::RetryPolicy;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{
    ContinueAsNewOptions, LocalActivityOptions, WorkflowContext, WorkflowContextView, WorkflowResult,
};

use crate::{
    contract::{AskNextOfBulk, BulkProgress, BulkRef},
    names,
};

/// Asks until nothing is left.
#[workflow]
pub struct BulkAnswer {
    input: BulkRef,
    progress: BulkProgress,
}

#[workflow_methods]
impl BulkAnswer {
    /// Which.
    #[init]
    pub fn new(_ctx: &WorkflowContextView, input: BulkRef) -> Self {
        Self { input, progress: BulkProgress::default() }
    }

    /// Returns when every row was asked.
    #[run(name = names::BULK_ANSWER)]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let input = ctx.state(|bulk| bulk.input.clone());
        loop {
            let options = LocalActivityOptions::builder()
                .start_to_close_timeout(Duration::from_secs(10))
                .retry_policy(
                    RetryPolicy::builder()
                        .initial_interval(Duration::from_millis(200))
                        .maximum_interval(Duration::from_secs(30))
                        .build(),
                )
                .timer_backoff_threshold(Duration::from_secs(2))
                .build();
            let left = ctx.execute_local_activity(AskNextOfBulk, input.clone(), options).await?;
            ctx.state_mut(|bulk| bulk.progress.left = Some(left));
            if left == 0 {
                return Ok(());
            }
            if ctx.continue_as_new_suggested() {
                ctx.continue_as_new(input.clone(), ContinueAsNewOptions::default())?;
            }
            ctx.timer(Duration::from_secs(1)).await;
        }
    }

    /// How far it is.
    #[query(name = names::STATUS)]
    fn status(&self, _ctx: &WorkflowContextView) -> BulkProgress {
        self.progress
    }
}
