//! The schedules that ask the warehouse systems about overdue hand-overs, one for each.

use std::time::Duration;

use domain::WarehouseSystem;
use process::settings::System;
use temporalio_client::{
    Client,
    schedules::{
        CreateScheduleOptions, ScheduleAction, ScheduleDescription, ScheduleDescriptionAction, ScheduleError,
        ScheduleSpec,
    },
    tonic::Code,
};
use tracing::{info, warn};
use workflows::{OverdueInquiry, contract::InquiryInput, names};

/// Makes sure that each system's schedule is there and says what the settings say. Without it callbacks still arrive;
/// only lost ones stay lost.
pub async fn ensure_schedules(client: &Client, systems: &[System], every: Duration) {
    for system in systems {
        let id = schedule_of(&system.name);
        if let Err(error) = ensure(client, &id, system, every).await {
            warn!(%error, schedule.id = id, "no schedule for overdue hand-overs: lost callbacks stay lost until it is there");
        }
    }
}

async fn ensure(client: &Client, id: &str, system: &System, every: Duration) -> Result<(), ScheduleError> {
    let options = CreateScheduleOptions::builder()
        .action(action(id, system))
        .spec(ScheduleSpec::from_interval(every))
        .build();
    match client.create_schedule(id, options).await {
        Ok(_) => info!(schedule.id = id, every = ?every, "schedule for overdue hand-overs created"),
        Err(ScheduleError::Rpc(status)) if status.code() == Code::AlreadyExists => {
            let schedule = client.get_schedule_handle(id);
            let known = schedule.describe(Default::default()).await?;
            if says(&known, system, every).await {
                return Ok(());
            }
            let (action, spec) = (action(id, system), ScheduleSpec::from_interval(every));
            let change = move |schedule: &mut temporalio_client::schedules::ScheduleUpdate| {
                schedule.set_spec(spec).set_action(action);
            };
            schedule.update(change, Default::default()).await?;
            info!(schedule.id = id, every = ?every, "schedule for overdue hand-overs changed to what the settings say");
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

fn action(id: &str, system: &System) -> ScheduleAction {
    let input = InquiryInput { lane: system.lane() };
    ScheduleAction::start_workflow(OverdueInquiry::run, input, domain::LaneName::orders().as_str(), id)
}

/// Whether a schedule that is there does what it is to do, as often as it is to.
async fn says(known: &ScheduleDescription, system: &System, every: Duration) -> bool {
    let spec = known.raw().schedule.as_ref().and_then(|schedule| schedule.spec.as_ref());
    let intervals: Vec<_> = spec.map(|spec| spec.interval.as_slice()).unwrap_or_default().to_vec();
    let is_as_often = match intervals.as_slice() {
        [interval] => {
            interval.interval.is_some_and(|given| Duration::try_from(given).is_ok_and(|given| given == every))
        }
        _ => false,
    };
    let ScheduleDescriptionAction::StartWorkflow(action) = known.action() else { return false };
    let asks = action.args::<InquiryInput>().await.ok().flatten();
    is_as_often
        && action.workflow_type() == names::OVERDUE_INQUIRY
        && asks == Some(InquiryInput { lane: system.lane() })
}

fn schedule_of(system: &WarehouseSystem) -> String {
    match system.is_first() {
        true => names::OVERDUE_SCHEDULE.to_owned(),
        false => format!("{}-{system}", names::OVERDUE_SCHEDULE),
    }
}
