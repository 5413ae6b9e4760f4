//! What the tests ask Temporal, as an operator would.

use std::time::{Duration, Instant};

use futures::TryStreamExt;
use prost::Message;
use serde_json::{Value, json};
use temporalio_client::{
    Client, ClientOptions, Connection, ConnectionOptions, UntypedQuery, UntypedSignal, UntypedUpdate,
    UntypedWorkflow, UntypedWorkflowHandle, WorkflowCountOptions, WorkflowDescribeOptions,
    WorkflowExecuteUpdateOptions, WorkflowExecution, WorkflowExecutionStatus, WorkflowFetchHistoryOptions,
    WorkflowHistory, WorkflowListOptions, WorkflowQueryOptions, WorkflowSignalOptions,
    WorkflowTerminateOptions, tonic::IntoRequest,
};
use temporalio_common::{
    data_converters::{PayloadConverter, RawValue},
    protos::temporal::{
        self,
        api::{
            enums::v1::ResetReapplyExcludeType, history::v1::HistoryEvent,
            workflowservice::v1::ResetWorkflowExecutionRequest,
        },
    },
};

use super::{Placed, World, until};

/// A client of one namespace.
pub async fn client(namespace: &str) -> Client {
    let address = std::env::var("TEST_TEMPORAL_ADDRESS").expect("`make test` starts Temporal");
    let url: url::Url = format!("http://{address}").parse().expect("an address");
    let connection =
        Connection::connect(ConnectionOptions::new(url).build()).await.expect("Temporal answers");
    Client::new(connection, ClientOptions::new(namespace.to_owned()).build()).expect("a client")
}

/// Terminates whatever runs in a namespace, as far as the server knows of it within a while.
pub async fn end_all(client: &Client) {
    const OURS: &str = "ExecutionStatus = 'Running' AND WorkflowType IN ('order-fulfilment', 'overdue-inquiry', 'restock-return')";
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut seen_none = 0;
    while seen_none < 2 && Instant::now() < deadline {
        let running: Vec<WorkflowExecution> = client
            .list_workflows(OURS, WorkflowListOptions::default())
            .try_collect()
            .await
            .unwrap_or_default();
        for run in &running {
            let handle = client.get_workflow_handle::<UntypedWorkflow>(run.id());
            let reason = WorkflowTerminateOptions::builder().reason("the test is over".to_owned()).build();
            // It may have ended by itself.
            handle.terminate(reason).await.ok();
        }
        seen_none = if running.is_empty() { seen_none + 1 } else { 0 };
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

fn input(values: &[Value]) -> RawValue {
    let converter = PayloadConverter::serde_json();
    RawValue::new(values.iter().flat_map(|value| RawValue::from_value(value, &converter).payloads).collect())
}

fn output(value: RawValue) -> Value {
    value
        .payloads
        .first()
        .map_or(Value::Null, |payload| serde_json::from_slice(&payload.data).unwrap_or(Value::Null))
}

impl World {
    /// The newest run of a workflow, by id alone.
    pub fn workflow(&self, id: &str) -> UntypedWorkflowHandle<Client> {
        self.temporal.get_workflow_handle::<UntypedWorkflow>(id)
    }

    /// Signals a workflow with any number of inputs.
    pub async fn signal(&self, id: &str, name: &str, inputs: &[Value]) {
        self.signal_raw(id, name, input(inputs)).await;
    }

    /// Signals a workflow, if it runs.
    pub async fn try_signal(&self, id: &str, name: &str, inputs: &[Value]) -> bool {
        let options = WorkflowSignalOptions::default();
        self.workflow(id).signal(UntypedSignal::new(name), input(inputs), options).await.is_ok()
    }

    /// Signals a workflow with payloads as they are.
    pub async fn signal_raw(&self, id: &str, name: &str, input: RawValue) {
        self.workflow(id)
            .signal(UntypedSignal::new(name), input, WorkflowSignalOptions::default())
            .await
            .expect("the signal is taken");
    }

    /// Sends an Update and waits for its answer; the error is what the caller would read.
    pub async fn update(&self, id: &str, name: &str, value: Value) -> Result<Value, String> {
        self.workflow(id)
            .execute_update(
                UntypedUpdate::new(name),
                input(&[value]),
                WorkflowExecuteUpdateOptions::default(),
            )
            .await
            .map(output)
            .map_err(|error| format!("{error:?}"))
    }

    /// The answer to the query `status`.
    pub async fn status(&self, id: &str) -> Value {
        until("the query `status` is answered", Duration::from_secs(30), async || {
            self.workflow(id)
                .query(UntypedQuery::new("status"), input(&[]), WorkflowQueryOptions::default())
                .await
                .ok()
                .map(output)
        })
        .await
    }

    /// How the newest run of a workflow stands.
    pub async fn run_status(&self, id: &str) -> Option<WorkflowExecutionStatus> {
        self.workflow(id).describe(WorkflowDescribeOptions::default()).await.ok().map(|run| run.status())
    }

    /// The id of the newest run of a workflow.
    pub async fn newest_run(&self, id: &str) -> String {
        let run =
            self.workflow(id).describe(WorkflowDescribeOptions::default()).await.expect("there is a run");
        run.run_id().to_owned()
    }

    /// Resets a run to one of its tasks, by the event that ended it, as `temporal workflow reset --event-id` does: the
    /// newest run ends, and a new one begins with the history up to there. What was sent after it is given to the new run,
    /// but for what is kept from it.
    pub async fn reset(&self, id: &str, run: &str, task: i64, kept_from_it: &[ResetReapplyExcludeType]) {
        let execution = temporal::api::common::v1::WorkflowExecution {
            workflow_id: id.to_owned(),
            run_id: run.to_owned(),
        };
        let request = ResetWorkflowExecutionRequest {
            namespace: self.namespace.clone(),
            workflow_execution: Some(execution),
            reason: "tried out".to_owned(),
            workflow_task_finish_event_id: task,
            request_id: uuid::Uuid::now_v7().to_string(),
            reset_reapply_exclude_types: kept_from_it.iter().map(|kind| (*kind).into()).collect(),
            ..Default::default()
        };
        let mut service = self.temporal.connection().workflow_service();
        service.reset_workflow_execution(request.into_request()).await.expect("the run is reset");
    }

    /// Waits until the workflow runs.
    pub async fn until_running(&self, id: &str) {
        until(&format!("{id} runs"), Duration::from_secs(60), async || {
            self.run_status(id).await.filter(|status| *status == WorkflowExecutionStatus::Running)
        })
        .await;
    }

    /// Waits until the newest run has closed.
    pub async fn until_closed(&self, id: &str) -> WorkflowExecutionStatus {
        until(&format!("{id} closes"), Duration::from_secs(60), async || {
            self.run_status(id).await.filter(|status| *status != WorkflowExecutionStatus::Running)
        })
        .await
    }

    /// Waits until the server finds the order, and it alone, by a query of an operator.
    pub async fn until_found(&self, order: &Placed, query: &str) {
        let query = format!("WorkflowId = '{}' AND {query}", order.workflow());
        until(&query, Duration::from_secs(30), async || {
            let found = self.temporal.count_workflows(&query, WorkflowCountOptions::default()).await.ok()?;
            (found.count() == 1).then_some(())
        })
        .await;
    }

    /// Whether a text stands anywhere in the history of the newest run.
    pub async fn history_says(&self, id: &str, text: &str) -> bool {
        let said: Vec<u8> = self.history(id).await.iter().flat_map(HistoryEvent::encode_to_vec).collect();
        said.windows(text.len()).any(|part| part == text.as_bytes())
    }

    /// The history of the newest run.
    pub async fn history(&self, id: &str) -> Vec<HistoryEvent> {
        self.recorded(id).into_events().await.expect("the history is there")
    }

    /// The history as a replayer takes it.
    pub fn recorded(&self, id: &str) -> WorkflowHistory {
        self.workflow(id).fetch_history(WorkflowFetchHistoryOptions::default())
    }

    /// The ledger of a simulator, by the address of its `/_ledger`.
    pub async fn ledger(&self, address: String) -> Vec<Value> {
        let answer = self.http.get(address).send().await.expect("the simulator answers");
        serde_json::from_value(answer.json().await.expect("a ledger")).expect("a list")
    }

    /// Says `{"reason": …, "actor": …}` as a caller of `cancel-order` would.
    pub fn cancel_request(actor: &str) -> Value {
        json!({"reason": "changed my mind", "actor": actor})
    }
}
