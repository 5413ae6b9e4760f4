//! Starting and signalling an order's run, by workflow id alone.

use domain::{FulfilmentPolicy, LaneName, WorkflowId};
use orders::{Order, inbox::Message};
use temporalio_client::{
    Priority, UntypedSignal, UntypedUpdate, UntypedWorkflow, WorkflowExecuteUpdateOptions,
    WorkflowIdConflictPolicy, WorkflowIdReusePolicy, WorkflowSignalOptions, WorkflowStartOptions,
    errors::{WorkflowInteractionError, WorkflowStartError, WorkflowUpdateError},
    tonic::IntoRequest,
};
use temporalio_common::{
    MemoValues,
    data_converters::{PayloadConverter, RawValue},
    protos::temporal::api::{
        failure::v1::{Failure, failure::FailureInfo},
        workflowservice::v1::GetSystemInfoRequest,
    },
    search_attributes::{SearchAttributes, Timestamp},
};
use workflows::{
    BulkAnswer, OrderFulfilment, RestockReturn,
    contract::{BulkRef, FulfilmentInput, ReturnRef, STORY_VERSION},
    messages::StatusAnswer,
    names,
};

use crate::{DispatchError, Dispatcher};
use process::settings::Shop;

/// Whether a signal reached a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignalOutcome {
    Run,
    NoRun,
}

/// Whether a run was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StartOutcome {
    /// It begins with what is in the record now.
    Started,
    /// One goes already, which may have begun with less.
    GoesAlready,
}

/// What became of an Update.
#[derive(Debug)]
pub(crate) enum UpdateOutcome {
    Done(StatusAnswer),
    /// In the run's own words.
    Refused(String),
    /// No run is there, or it ended before it answered.
    NoAnswer,
}

/// The server's word for an Update whose run closed before it was done.
const RUN_CLOSED_FIRST: &str = "AcceptedUpdateCompletedWorkflow";

/// How many parked steps a bulk answer asks a second: retried at once, they would all call the same.
const BULK_PER_SECOND: u32 = 10;

impl Dispatcher {
    /// Asks the order's run and waits for its answer. `update_id` makes a repeated Update one Update.
    pub(crate) async fn update(
        &self,
        workflow: &WorkflowId,
        name: &str,
        input: &serde_json::Value,
        update_id: String,
    ) -> Result<UpdateOutcome, DispatchError> {
        let temporal = self.temporal.get().await?;
        let handle = temporal.client.get_workflow_handle::<UntypedWorkflow>(workflow.as_str());
        let input = RawValue::from_value(input, &PayloadConverter::serde_json());
        let options = WorkflowExecuteUpdateOptions::builder().update_id(update_id).build();
        match handle.execute_update(UntypedUpdate::new(name), input, options).await {
            Ok(answer) => {
                let payload = answer.payloads.first().map_or(&[][..], |payload| &payload.data);
                serde_json::from_slice(payload)
                    .map(UpdateOutcome::Done)
                    .map_err(|error| DispatchError::Refused(error.to_string()))
            }
            Err(WorkflowUpdateError::NotFound(_)) => Ok(UpdateOutcome::NoAnswer),
            Err(WorkflowUpdateError::Failed(failure)) if closed_first(&failure) => {
                Ok(UpdateOutcome::NoAnswer)
            }
            Err(WorkflowUpdateError::Failed(failure)) => Ok(UpdateOutcome::Refused(failure.message)),
            Err(error) => Err(DispatchError::Refused(error.to_string())),
        }
    }

    /// Asks Temporal whether it is there.
    ///
    /// # Errors
    /// [`DispatchError`] says why not.
    pub async fn ask_temporal(&self) -> Result<(), DispatchError> {
        let temporal = self.temporal.get().await?;
        let mut service = temporal.client.connection().workflow_service();
        match service.get_system_info(GetSystemInfoRequest::default().into_request()).await {
            Ok(_) => Ok(()),
            Err(status) => Err(DispatchError::Refused(status.code().to_string())),
        }
    }

    /// Starts the order's run, unless one goes already: then whoever has news for it signals.
    pub(crate) async fn begin(&self, order: &Order) -> Result<StartOutcome, DispatchError> {
        let temporal = self.temporal.get().await?;
        let policy = self.policy_of(order);
        let options = WorkflowStartOptions::new(LaneName::orders().as_str(), order.workflow_id.as_str())
            .id_conflict_policy(WorkflowIdConflictPolicy::Fail)
            .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate)
            .maybe_search_attributes(temporal.search_attributes.then(|| search_attributes(order, policy)))
            .memo(memo(order))
            .priority(self.priority_of(order))
            .build();
        let input = input_of(order, policy.clone(), temporal.search_attributes);
        match temporal.client.start_workflow(OrderFulfilment::run, input, options).await {
            Ok(_) => Ok(StartOutcome::Started),
            Err(WorkflowStartError::AlreadyStarted { .. }) => Ok(StartOutcome::GoesAlready),
            Err(error) => Err(DispatchError::Refused(error.to_string())),
        }
    }

    /// Starts the workflow that asks what of a return is on the shelf again, once per message.
    pub(crate) async fn ask_what_is_restocked(
        &self,
        message: &Message,
        shop: &Shop,
        reverse_fulfilment_order: i64,
    ) -> Result<(), DispatchError> {
        let temporal = self.temporal.get().await?;
        let (domain, inbox_id) = (shop.domain.clone(), message.inbox_id);
        let id = format!("restock/{domain}/{reverse_fulfilment_order}/{inbox_id}");
        let options = WorkflowStartOptions::new(LaneName::orders().as_str(), id)
            .id_conflict_policy(WorkflowIdConflictPolicy::Fail)
            .id_reuse_policy(WorkflowIdReusePolicy::RejectDuplicate)
            .build();
        let lane = shop.lane.clone();
        let input = ReturnRef { shop: domain, lane, reverse_fulfilment_order, inbox_id };
        match temporal.client.start_workflow(RestockReturn::run, input, options).await {
            Ok(_) | Err(WorkflowStartError::AlreadyStarted { .. }) => Ok(()),
            Err(error) => Err(DispatchError::Refused(error.to_string())),
        }
    }

    /// Begins a bulk answer's run, unless it goes or went already.
    ///
    /// # Errors
    /// [`DispatchError`] says why not; whoever sweeps begins it later.
    pub async fn begin_bulk(&self, bulk_id: &str) -> Result<(), DispatchError> {
        let temporal = self.temporal.get().await?;
        let options =
            WorkflowStartOptions::new(LaneName::orders().as_str(), format!("bulk-answer/{bulk_id}"))
                .id_conflict_policy(WorkflowIdConflictPolicy::Fail)
                .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate)
                .build();
        let input = BulkRef { bulk_id: bulk_id.to_owned(), per_second: BULK_PER_SECOND };
        match temporal.client.start_workflow(BulkAnswer::run, input, options).await {
            Ok(_) | Err(WorkflowStartError::AlreadyStarted { .. }) => Ok(()),
            Err(error) => Err(DispatchError::Refused(error.to_string())),
        }
    }

    /// The order's policy, and the services whose lines its shop has us ship.
    pub(crate) fn rules_of(&self, order: &Order) -> (FulfilmentPolicy, Vec<String>) {
        let shop = order.channel.shop().and_then(|shop| self.settings.shops.get(shop.as_str()));
        let services = shop.map(|shop| shop.fulfillment_services.clone()).unwrap_or_default();
        (self.policy_of(order).clone(), services)
    }

    /// Signals the order's run, if there is one. `request_id` makes a repeated signal one signal.
    pub(crate) async fn signal(
        &self,
        workflow: &WorkflowId,
        name: &str,
        input: &serde_json::Value,
        request_id: String,
    ) -> Result<SignalOutcome, DispatchError> {
        let temporal = self.temporal.get().await?;
        let handle = temporal.client.get_workflow_handle::<UntypedWorkflow>(workflow.as_str());
        let input = RawValue::from_value(input, &PayloadConverter::serde_json());
        let options = WorkflowSignalOptions::builder().request_id(request_id).build();
        match handle.signal(UntypedSignal::new(name), input, options).await {
            Ok(()) => Ok(SignalOutcome::Run),
            Err(WorkflowInteractionError::NotFound(_)) => Ok(SignalOutcome::NoRun),
            Err(error) => Err(DispatchError::Refused(error.to_string())),
        }
    }

    fn priority_of(&self, order: &Order) -> Priority {
        let methods = order.facts.shipping_methods.as_deref().unwrap_or_default();
        let is_express = self.settings.promises.is_express(&order.channel, methods);
        let mut priority = Priority::default();
        priority.priority_key = is_express.then_some(EXPRESS);
        priority
    }

    fn policy_of(&self, order: &Order) -> &FulfilmentPolicy {
        order
            .channel
            .shop()
            .and_then(|shop| self.settings.shops.get(shop.as_str()))
            .map_or(&self.settings.api_policy, |shop| &shop.policy)
    }
}

/// Among what waits for a slot, orders that ship by an express method go before others, whose key is 3 by Temporal's
/// default. The calls of a run inherit it.
const EXPRESS: u32 = 2;

fn closed_first(failure: &Failure) -> bool {
    matches!(&failure.failure_info, Some(FailureInfo::ApplicationFailureInfo(info)) if info.r#type == RUN_CLOSED_FIRST)
}

fn input_of(order: &Order, policy: FulfilmentPolicy, search_attributes: bool) -> FulfilmentInput {
    FulfilmentInput {
        story_version: STORY_VERSION,
        order_id: order.order_id.clone(),
        order_number: order.order_number.clone(),
        channel: order.channel.clone(),
        shop_lane: order.shop_lane.clone(),
        received_at: order.received_at,
        hold_until: order.hold_until,
        status: order.status,
        policy,
        search_attributes,
        carried: None,
    }
}

fn search_attributes(order: &Order, policy: &FulfilmentPolicy) -> SearchAttributes {
    let shop = order.channel.shop().map_or("api", |shop| shop.as_str());
    let due = order.promised.promised_at.unwrap_or(order.received_at + policy.ship_within);
    SearchAttributes::new([
        names::ORDER_STAGE.value_set("FULFILLING".to_owned()),
        names::SHOP.value_set(shop.to_owned()),
        names::ORDER_NUMBER.value_set(order.order_number.as_str().to_owned()),
        names::SLA_DUE.value_set(Timestamp::new(due.timestamp(), 0)),
    ])
}

fn memo(order: &Order) -> MemoValues {
    let mut memo = MemoValues::new();
    memo.insert("correlationId", order.correlation_id.clone());
    memo.insert("orderNumber", order.order_number.as_str().to_owned());
    if let Some(shop) = order.channel.shop() {
        memo.insert("shop", shop.as_str().to_owned());
    }
    memo
}
