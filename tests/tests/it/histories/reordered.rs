//! A story under the real one's name that hands over before it reserves.

use domain::{GateRules, RequestReference, StockOutRule};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{
    ActivityOptions, LocalActivityOptions, WorkflowContext, WorkflowContextView, WorkflowResult,
};
use workflows::{
    Ending,
    contract::{FulfilmentInput, PlanInput, RequestFulfilment, RequestRef, ReserveStock, Rules},
    names,
};

/// Takes the real story's input and calls its activities the wrong way round.
#[workflow]
pub struct ReorderedFulfilment {
    input: FulfilmentInput,
}

#[workflow_methods]
impl ReorderedFulfilment {
    #[init]
    fn new(_ctx: &WorkflowContextView, input: FulfilmentInput) -> Self {
        Self { input }
    }

    /// Hands over, then reserves.
    #[run(name = names::ORDER_FULFILMENT)]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Ending> {
        let input = ctx.state(|order| order.input.clone());
        let reference = RequestReference::parse("20260101-00000001-main-1").expect("a reference");
        let hand_over = RequestRef { order_id: input.order_id.clone(), reference, overdue_after_ms: 1 };
        let options = ActivityOptions::with_start_to_close_timeout(input.policy.call_timeout)
            .task_queue("warehouse")
            .build();
        ctx.execute_activity(RequestFulfilment, hand_over, options).await?;
        let rules = Rules {
            stock_out: StockOutRule::WaitWhole,
            gate: GateRules::of(&input.policy),
            look: false,
            follow_locations: false,
            takes_as_seen: false,
            rest_is_cancelled: false,
            left_as_they_are: Vec::new(),
            approval: input.policy.approval.clone(),
            risk_is_late: false,
        };
        let reservation = PlanInput { order_id: input.order_id, rules };
        let options =
            LocalActivityOptions::builder().start_to_close_timeout(input.policy.record_timeout).build();
        ctx.execute_local_activity(ReserveStock, reservation, options).await?;
        Ok(Ending::Shipped)
    }
}
