//! Lanes that open orders wait for and that nobody polls: a shop or a warehouse system that was taken out of the
//! configuration, or a lane that no worker was told to run. Nothing fails there, so nothing else would say so.

use domain::LaneName;
use metrics::gauge;
use orders::lanes;
use process::temporal::LazyTemporal;
use sqlx::PgPool;
use temporalio_client::tonic::IntoRequest;
use temporalio_common::protos::temporal::api::{
    enums::v1::TaskQueueType, taskqueue::v1::TaskQueue, workflowservice::v1::DescribeTaskQueueRequest,
};
use tokio::sync::Mutex;
use tracing::warn;

/// The lanes that nobody served when it was looked last.
#[derive(Default)]
pub struct UnservedLanes(Mutex<Vec<LaneName>>);

/// Shows a person each such lane that was so the time before as well, and takes back what is served again. At once a lane
/// may be without a worker because everything has just begun.
pub async fn look(pool: &PgPool, temporal: &LazyTemporal, before: &UnservedLanes) -> anyhow::Result<bool> {
    let mut conn = pool.acquire().await?;
    let waited_for = lanes::of_open_orders(&mut conn).await?;
    // Nobody polls a lane that is paused, and that is meant; who may poll again has begun to a moment ago.
    let paused = lanes::paused_lately(&mut conn).await?;
    drop(conn);
    let temporal = temporal.get().await?;
    let mut unserved = Vec::new();
    for lane in waited_for.into_iter().filter(|lane| paused.iter().all(|(paused, _)| *paused != lane.name)) {
        let request = DescribeTaskQueueRequest {
            namespace: temporal.namespace.clone(),
            task_queue: Some(TaskQueue { name: lane.name.to_string(), ..TaskQueue::default() }),
            task_queue_type: TaskQueueType::Activity.into(),
            ..DescribeTaskQueueRequest::default()
        };
        let mut service = temporal.client.connection().workflow_service();
        let polled = service.describe_task_queue(request.into_request()).await?.into_inner();
        if polled.pollers.is_empty() {
            unserved.push(lane);
        }
    }
    let now = unserved.iter().map(|lane| lane.name.clone()).collect();
    let before = std::mem::replace(&mut *before.0.lock().await, now);
    unserved.retain(|lane| before.contains(&lane.name));
    gauge!("waybill_lanes_unserved").set(unserved.len() as f64);
    let mut tx = pool.begin().await?;
    for lane in &unserved {
        if lanes::show_unserved(&mut tx, lane).await? {
            warn!(lane = %lane.name, orders = lane.orders, "open orders wait for a lane that nobody serves");
        }
    }
    let names: Vec<&str> = unserved.iter().map(|lane| lane.name.as_str()).collect();
    lanes::unshow_others(&mut tx, &names).await?;
    tx.commit().await?;
    Ok(false)
}
