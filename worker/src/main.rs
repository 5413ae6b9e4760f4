//! The worker process: configuration, lanes, sweepers, shutdown.
//!
//! **Invariant:** nothing here knows what happens to an order; that stands in `workflows`.

mod config;
mod lanes;
mod overdue;
mod served_backorders;
mod sweepers;

use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Parser;
use dispatch::Dispatcher;
use process::{
    DatabasePool, connect_database, init_logging, serve_metrics,
    settings::Secrets,
    temporal::{LazyTemporal, Temporal, TemporalError},
};
use inventory_service::{ClientSettings, Stock};
use temporalio_sdk::{Runtime, runtime::RuntimeOptions};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use crate::{config::Config, lanes::Lanes};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    init_logging();
    let config = Config::parse();
    let shared = config.shared.resolve(&Secrets::of_environment()).map_err(|problems| {
        anyhow!("the configuration has {} problems:\n  {}", problems.len(), problems.join("\n  "))
    })?;
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new();
    serve_metrics(config.worker_metrics_listen, metrics).await.context("WORKER_METRICS_LISTEN")?;

    let most = config.worker_database_connections;
    let pool = connect_database(&shared.database_url, DatabasePool { name: "waybill-worker", most })
        .context("DATABASE_URL")?;
    let lazy = LazyTemporal::new(shared.plain_http, shared.temporal_api_key.clone());
    let temporal = wait_for_temporal(&lazy).await?;
    let options =
        RuntimeOptions::builder().heartbeat_interval(None).build().map_err(|error| anyhow!(error))?;
    let runtime = Runtime::from_current_tokio(options)?;
    let service = shared.inventory_service.clone().map(ClientSettings::for_steps);
    let stock = Stock::at(service).map_err(|problem| anyhow!("INVENTORY_SERVICE_URL: {problem}"))?;
    let lanes = Lanes::new(&runtime, &temporal, &pool, &shared, &config, stock.clone())?;
    overdue::ensure_schedule(&temporal.client, config.worker_overdue_inquiry_every).await;
    let dispatcher = Dispatcher::new(&shared, pool.clone(), lazy, stock.clone());
    let mut sweepers = sweepers::start(&config, &pool, &dispatcher);
    if let Stock::There(service) = stock {
        sweepers.spawn(served_backorders::wake_served_orders(service, pool.clone()));
    }
    info!("worker is up");
    run(lanes).await
}

/// Runs the lanes until the process is told to end, then lets what is under way end.
async fn run(mut lanes: Lanes) -> anyhow::Result<()> {
    let ends =
        [lanes.orders.shutdown_handle(), lanes.warehouse.shutdown_handle(), lanes.shopify.shutdown_handle()];
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let wait_for_end = async {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
        }
        info!("shutting down");
        for end in ends {
            end();
        }
        Ok(())
    };
    let run_lane =
        |result: Result<(), _>, lane: &str| result.map_err(|error| anyhow!("lane {lane}: {error}"));
    tokio::try_join!(
        async { run_lane(lanes.orders.run().await, "orders") },
        async { run_lane(lanes.warehouse.run().await, "warehouse") },
        async { run_lane(lanes.shopify.run().await, "shopify") },
        wait_for_end,
    )?;
    Ok(())
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
