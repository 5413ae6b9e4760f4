//! The schedule that asks the warehouse about overdue hand-overs.

use std::time::Duration;

use temporalio_client::{
    Client,
    schedules::{CreateScheduleOptions, ScheduleAction, ScheduleError, ScheduleSpec},
    tonic::Code,
};
use tracing::{info, warn};
use workflows::{OverdueInquiry, names};

/// Makes sure that the schedule is there. Without it callbacks still arrive; only lost ones stay lost.
pub async fn ensure_schedule(client: &Client, every: Duration) {
    let options = CreateScheduleOptions::builder()
        .action(ScheduleAction::start_workflow(
            OverdueInquiry::run,
            (),
            names::LANE_ORDERS,
            names::OVERDUE_SCHEDULE,
        ))
        .spec(ScheduleSpec::from_interval(every))
        .build();
    match client.create_schedule(names::OVERDUE_SCHEDULE, options).await {
        Ok(_) => info!(every = ?every, "schedule for overdue hand-overs created"),
        Err(ScheduleError::Rpc(status)) if status.code() == Code::AlreadyExists => {}
        Err(error) => {
            warn!(%error, "no schedule for overdue hand-overs: lost callbacks stay lost until it is there")
        }
    }
}
