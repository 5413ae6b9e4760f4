//! The worker process: configuration, lanes, duties, shutdown.
//!
//! **Invariant:** nothing here knows what happens to an order; that stands in `workflows`.

mod config;
mod duties;
mod gauges;
mod lanes;
mod overdue;
mod pauses;
mod readiness;
mod sdk_metrics;
mod sweepers;
mod unserved_lanes;

use std::{pin::pin, sync::Arc, time::Duration};

use anyhow::{Context, anyhow, bail};
use clap::Parser;
use database::DatabasePool;
use dispatch::Dispatcher;
use futures::{FutureExt as _, future::try_join_all};
use inventory_service::ClientSettings;
use process::{
    init_logging, serve_ops,
    settings::Secrets,
    shutdown::Shutdown,
    temporal::{LazyTemporal, Temporal, TemporalError},
};
use stock::Stock;
use temporalio_common::telemetry::TelemetryOptions;
use temporalio_sdk::{Runtime, runtime::RuntimeOptions};
use tokio::{sync::watch, task::JoinSet};
use tracing::{info, warn};

use crate::{
    config::Settings,
    lanes::{Lane, Workshop},
    pauses::Pauses,
};

/// How long duties under way may take to end when the process is asked to.
const GRACE: Duration = Duration::from_secs(10);

/// Runs the process, by its arguments and environment, until it is told to end.
///
/// # Errors
/// What keeps it from working, in words for whoever started it.
pub async fn run() -> anyhow::Result<()> {
    init_logging();
    let config = match Settings::parse().resolve(&Secrets::of_environment()) {
        Ok(config) => config,
        Err(problems) => bail!("the settings are wrong:\n  {}", problems.join("\n  ")),
    };
    let shared = &config.shared;
    let pool = database::connect(
        &shared.database_url,
        DatabasePool { name: "waybill-worker", most: config.database_connections },
    )
    .context("DATABASE_URL")?;
    let (polling, polls) = watch::channel(false);
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new();
    let more = readiness::router(pool.clone(), polls);
    serve_ops(config.ops, metrics, more).await.context("WORKER_METRICS_LISTEN")?;

    let lazy = LazyTemporal::new(shared.plain_http, shared.temporal_api_key.clone());
    let service = shared.inventory_service.clone().map(ClientSettings::for_steps);
    let stock =
        Stock::new(pool.clone(), service).map_err(|problem| anyhow!("INVENTORY_SERVICE_URL: {problem}"))?;
    let dispatcher = Dispatcher::new(shared, pool.clone(), lazy.clone(), stock.clone());
    let with =
        sweepers::With { pool: pool.clone(), dispatcher, stock: stock.clone(), temporal: lazy.clone() };
    let shutdown = Shutdown::on_signals()?;
    let shops = lanes::admin_clients(shared, &pool)?;
    let mut duties = duties::start(&config, &with, &shops, &shutdown)?;
    let lanes = lanes::of(&config);
    if lanes.is_empty() {
        polling.send_replace(true);
        info!(runs = %config.runs, "worker is up, with duties alone");
        return tokio::select! {
            () = shutdown.asked() => end(duties).await,
            error = failed(&mut duties) => Err(error),
        };
    }
    let temporal = tokio::select! {
        temporal = wait_for_temporal(&lazy) => temporal?,
        () = shutdown.asked() => return end(duties).await,
    };
    let telemetry = TelemetryOptions::builder().metrics(Arc::new(sdk_metrics::Meter) as Arc<_>).build();
    let options = RuntimeOptions::builder().telemetry_options(telemetry).heartbeat_interval(None).build();
    let runtime = Runtime::from_current_tokio(options.map_err(|error| anyhow!(error))?)?;
    let pauses = Pauses::look_first(&pool).await;
    let workshop = Workshop::new(&runtime, &temporal, &pool, &config, stock, shops, pauses.listen())?;
    if config.runs.include("orders") {
        let (client, systems, every) =
            (temporal.client.clone(), shared.systems.clone(), config.overdue_inquiry_every);
        // No order waits for it.
        tokio::spawn(async move { overdue::ensure_schedules(&client, &systems, every).await });
    }
    workshop.keep_tokens(&mut duties, &shutdown);
    pauses.clone().watch(&mut duties, workshop.calls(), config.probe_waits, &shutdown);
    polling.send_replace(true);
    info!(lanes = lanes.len(), runs = %config.runs, "worker is up");
    tokio::select! {
        ended = run_lanes(&workshop, &lanes, &pauses, &shutdown) => ended?,
        error = failed(&mut duties) => return Err(error),
    }
    end(duties).await
}

/// Why a duty ended that nobody asked to: a fault of ours. Whoever supervises the process starts it again.
async fn failed(duties: &mut JoinSet<()>) -> anyhow::Error {
    while let Some(ended) = duties.join_next().await {
        if let Err(error) = ended {
            return anyhow!("a duty failed: {error}");
        }
    }
    std::future::pending().await
}

/// What is under way, such as an event on its way to a broker, may end.
async fn end(mut duties: JoinSet<()>) -> anyhow::Result<()> {
    let all = async { while duties.join_next().await.is_some() {} };
    // What takes longer is begun again by another: events are published at least once.
    let _ = tokio::time::timeout(GRACE, all).await;
    Ok(())
}

/// Runs the lanes until the process is told to end, then lets what is under way end.
async fn run_lanes(
    workshop: &Workshop<'_>,
    lanes: &[Lane],
    pauses: &Pauses,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let asked = async {
        shutdown.asked().await;
        info!("shutting down");
    };
    let asked = asked.shared();
    let lanes =
        lanes.iter().map(|lane| {
            let asked = asked.clone();
            async move {
                run_lane(workshop, lane, pauses, asked).await.with_context(|| format!("lane {}", lane.name))
            }
        });
    try_join_all(lanes).await?;
    Ok(())
}

/// Runs a lane while it is not paused: while it is, nobody polls, and what waits for it waits at the server.
async fn run_lane(
    workshop: &Workshop<'_>,
    lane: &Lane,
    pauses: &Pauses,
    asked: impl Future<Output = ()> + Clone,
) -> anyhow::Result<()> {
    loop {
        tokio::select! {
            () = asked.clone() => return Ok(()),
            () = pauses.until(&lane.name, false) => {}
        }
        let mut worker = workshop.worker(lane)?;
        let end = worker.shutdown_handle();
        let mut running = pin!(worker.run());
        let is_over = tokio::select! {
            ended = &mut running => return ended.map_err(|error| anyhow!("{error}")),
            () = asked.clone() => true,
            () = pauses.until(&lane.name, true) => false,
        };
        end();
        running.await.map_err(|error| anyhow!("{error}"))?;
        if is_over {
            return Ok(());
        }
    }
}

/// Temporal may come later than the worker; wrong settings are told at once.
async fn wait_for_temporal(lazy: &LazyTemporal) -> anyhow::Result<Temporal> {
    loop {
        match lazy.get().await {
            Ok(temporal) => return Ok(temporal),
            Err(error @ TemporalError::Settings(_)) => return Err(error.into()),
            Err(error) => {
                warn!(%error, "waiting for Temporal");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}
