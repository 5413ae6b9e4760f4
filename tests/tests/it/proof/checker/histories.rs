//! What Temporal keeps: one run per order that came to its end, no task that broke, no personal data.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use prost::Message;
use temporalio_client::{WorkflowExecution, WorkflowExecutionStatus, WorkflowListOptions};
use temporalio_common::protos::temporal::api::{
    common::v1::{Payload, Payloads},
    enums::v1::WorkflowTaskFailedCause,
    history::v1::{HistoryEvent, WorkflowExecutionSignaledEventAttributes, history_event::Attributes},
};

use super::{Order, PERSONAL};
use crate::world::World;

/// How long the list of runs may lag behind.
const LIST_LAGS: Duration = Duration::from_secs(20);

/// What is wrong with the runs of these orders.
pub(super) async fn check(world: &World, orders: &[Order]) -> Vec<String> {
    let runs = runs(world, orders).await;
    let mut findings = Vec::new();
    for order in orders {
        let of_order = runs.get(&order.workflow_id).map(Vec::as_slice).unwrap_or_default();
        if let Some(finding) = closed_once(order, of_order) {
            let further = of_order.len() > 1 && each_was_asked_for(world, order, of_order).await;
            findings.extend((!further).then_some(finding));
        }
        for run in of_order {
            findings.extend(personal(&run.raw().encode_to_vec(), &format!("the list entry of {}", run.id())));
        }
        if !of_order.is_empty() {
            let events = world.history(&order.workflow_id).await;
            findings.extend(events.iter().flat_map(|event| broken(order, event)));
        }
    }
    findings
}

fn closed_once(order: &Order, runs: &[WorkflowExecution]) -> Option<String> {
    let statuses: Vec<WorkflowExecutionStatus> = runs.iter().map(WorkflowExecution::status).collect();
    let completed = statuses.iter().filter(|status| **status == WorkflowExecutionStatus::Completed).count();
    let others = statuses.len() - completed;
    let carried =
        statuses.iter().filter(|status| **status == WorkflowExecutionStatus::ContinuedAsNew).count();
    let ended = order.ended && (order.has_left() || order.is_cancelled());
    let wrong = ended && (completed != 1 || others != carried);
    wrong.then(|| format!("order {} is {} and its runs are {statuses:?}", order.order_number, order.status))
}

/// Whether something was said of the order between the end of each run and the next.
async fn each_was_asked_for(world: &World, order: &Order, runs: &[WorkflowExecution]) -> bool {
    let settled: Vec<DateTime<Utc>> = sqlx::query_scalar(
        "SELECT settled_at FROM integration.inbox
         WHERE order_id = $1 AND source <> 'warehouse' AND settled_at IS NOT NULL",
    )
    .bind(&order.order_id)
    .fetch_all(&world.pool)
    .await
    .expect("the inbox is read");
    let mut closed: Vec<DateTime<Utc>> =
        runs.iter().filter_map(WorkflowExecution::close_time).map(DateTime::from).collect();
    closed.sort_unstable();
    let all_completed = runs.iter().all(|run| run.status() == WorkflowExecutionStatus::Completed);
    closed.pop();
    all_completed && closed.iter().all(|end| settled.iter().any(|at| at > end))
}

fn broken(order: &Order, event: &HistoryEvent) -> Vec<String> {
    let what = format!("event {} of {}", event.event_id, order.workflow_id);
    let mut findings = personal(&event.encode_to_vec(), &what);
    if let Some(Attributes::WorkflowTaskFailedEventAttributes(failed)) = &event.attributes {
        // A command that crossed with a new event is decided anew; everything else is a fault of ours.
        if failed.cause() != WorkflowTaskFailedCause::UnhandledCommand {
            findings.push(format!("{what}: a workflow task failed with {}", failed.cause().as_str_name()));
        }
    }
    findings
}

fn personal(bytes: &[u8], what: &str) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let found = PERSONAL.into_iter().filter(|personal| text.contains(personal));
    found.map(|personal| format!("{what} holds personal data: {personal}")).collect()
}

/// The runs by workflow id, listed again until every order that ended shows a run that closed.
async fn runs(world: &World, orders: &[Order]) -> BTreeMap<String, Vec<WorkflowExecution>> {
    let deadline = Instant::now() + LIST_LAGS;
    loop {
        let listed: Vec<WorkflowExecution> = world
            .temporal
            .list_workflows("WorkflowType = 'order-fulfilment'", WorkflowListOptions::default())
            .try_collect()
            .await
            .expect("the runs are listed");
        let mut runs = BTreeMap::<String, Vec<WorkflowExecution>>::new();
        for run in listed {
            runs.entry(run.id().to_owned()).or_default().push(run);
        }
        let closed = |order: &Order| {
            let of_order = runs.get(&order.workflow_id).map(Vec::as_slice).unwrap_or_default();
            !of_order.is_empty()
                && of_order.iter().all(|run| run.status() != WorkflowExecutionStatus::Running)
        };
        if orders.iter().filter(|order| order.ended).all(closed) || Instant::now() > deadline {
            return runs;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[test]
fn personal_data_in_a_payload_is_found() {
    let payload =
        |text: &str| Payload { data: format!("{{\"name\":\"{text}\"}}").into_bytes(), ..Payload::default() };
    let signal = |text: &str| {
        let input = Some(Payloads { payloads: vec![payload(text)] });
        let attributes = WorkflowExecutionSignaledEventAttributes { input, ..Default::default() };
        HistoryEvent {
            attributes: Some(Attributes::WorkflowExecutionSignaledEventAttributes(attributes)),
            ..HistoryEvent::default()
        }
        .encode_to_vec()
    };
    assert_eq!(personal(&signal("Grace Secretname"), "x"), ["x holds personal data: Secretname"]);
    assert!(personal(&signal("ORD-1"), "x").is_empty());
}
