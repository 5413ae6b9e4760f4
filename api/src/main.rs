//! Starts the HTTP process and ends it in good order.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, bail};
use api::{
    config::{Config, Settings},
    queue,
    server::{self, Api},
    telemetry,
};
use clap::Parser;
use intake::{DatabasePool, Dispatcher, temporal::LazyTemporal};
use tokio::{
    net::TcpListener,
    select,
    signal::unix::{SignalKind, signal},
};
use tracing::info;

/// Connections to the database: the requests' own, and those of 32 dispatches.
const DATABASE: DatabasePool = DatabasePool { name: "waybill-api", most: 40 };
/// How long messages that were taken may be dispatched at the end.
const DRAIN: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let settings = Settings::parse();
    let Config { listen, metrics_listen, shared } = match settings.resolve() {
        Ok(config) => config,
        Err(problems) => bail!("the settings are wrong:\n  {}", problems.join("\n  ")),
    };
    intake::init_logging();
    telemetry::start(metrics_listen).with_context(|| {
        format!("metrics cannot listen on {metrics_listen}; API_METRICS_LISTEN moves them")
    })?;
    let pool = intake::connect_database(&shared.database_url, DATABASE)
        .context("DATABASE_URL is no PostgreSQL URL")?;
    let dispatcher = Dispatcher::new(&shared, pool.clone(), LazyTemporal::default());
    let dispatching_by = dispatcher.clone();
    let (queue, dispatching) = queue::start(move |message| {
        let dispatcher = dispatching_by.clone();
        async move { dispatcher.dispatch(message).await }
    });
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("the API cannot listen on {listen}; API_LISTEN moves it"))?;
    let router = server::router(Api {
        pool: pool.clone(),
        shops: Arc::new(shared.shops),
        callback_secrets: shared.warehouse.webhook_secrets.into(),
        queue,
        dispatcher,
    });

    let shutdown = shutdown_signal()?;
    info!(%listen, metrics.listen = %metrics_listen, "listening");
    server::serve(listener, router, shutdown).await;
    dispatching.drain(DRAIN).await;
    pool.close().await;
    info!("ended");
    Ok(())
}

/// Ends when the process is asked to end.
fn shutdown_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be listened to")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be listened to")?;
    Ok(async move {
        select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
