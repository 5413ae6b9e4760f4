//! The HTTP process from its start to its end.

use std::{sync::Arc, time::Duration};

use crate::{
    access::Access,
    config::{Config, Settings},
    grpc,
    health::Found,
    queue, server,
    shop_apps::ShopApps,
    state::Api,
    telemetry,
    unverified::Unverified,
};
use anyhow::{Context, anyhow, bail};
use clap::Parser;
use database::DatabasePool;
use dispatch::Dispatcher;
use process::{settings::Secrets, shutdown::Shutdown, temporal::LazyTemporal};
use stock::Stock;
use tokio::net::TcpListener;
use tracing::info;
use url::Url;

/// Connections to the database: the requests' own, and those of 32 dispatches.
const DATABASE: DatabasePool = DatabasePool { name: "waybill-api", most: 40 };
/// How long messages that were taken may be dispatched at the end.
const DRAIN: Duration = Duration::from_secs(5);

/// Runs the process, by its arguments and environment, until it is told to end.
///
/// # Errors
/// What keeps it from working, in words for whoever started it.
pub async fn run() -> anyhow::Result<()> {
    let settings = Settings::parse();
    let config = settings.resolve(&Secrets::of_environment());
    let Config { listen, metrics, grpc_listen, grpc_certificate, temporal_ui, public_url, access, shared } =
        match config {
            Ok(config) => config,
            Err(problems) => bail!("the settings are wrong:\n  {}", problems.join("\n  ")),
        };
    process::init_logging();
    telemetry::start(metrics).await.with_context(|| {
        format!("metrics cannot listen on {}; API_METRICS_LISTEN moves them", metrics.listen)
    })?;
    let pool =
        database::connect(&shared.database_url, DATABASE).context("DATABASE_URL is no PostgreSQL URL")?;
    let stock = Stock::new(pool.clone(), shared.inventory_service.clone())
        .map_err(|problem| anyhow!("INVENTORY_SERVICE_URL: {problem}"))?;
    let temporal = LazyTemporal::new(shared.plain_http, shared.temporal_api_key.clone());
    let dispatcher = Dispatcher::new(&shared, pool.clone(), temporal, stock.clone());
    let dispatching_by = dispatcher.clone();
    let (queue, dispatching) = queue::start(move |message| {
        let dispatcher = dispatching_by.clone();
        async move { dispatcher.dispatch(message).await }
    });
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("the API cannot listen on {listen}; API_LISTEN moves it"))?;
    let entrance = access.entrance.clone();
    let access = Access::new(&access).context("the issuer of tokens cannot be asked")?;
    access.prepare();
    let shared_allocations = shared.shared_allocations;
    let shop_apps = ShopApps::new(&shared, pool.clone(), public_url).context("the Admin API of a shop")?;
    let api = Api {
        pool: pool.clone(),
        shop_apps,
        shops: Arc::new(shared.shops),
        systems: shared.systems.into(),
        lanes: shared.lanes.into_keys().collect(),
        workflow_pages: temporal_ui.map(|ui| workflow_pages(&ui).into()),
        hold_window: shared.api_policy.hold_window,
        when_inventory_is_away: shared.api_policy.when_inventory_is_away,
        policy: Arc::new(shared.api_policy),
        plain_http: shared.plain_http,
        private_webhooks: shared.private_webhooks,
        customers: shared.customers,
        health: Found::default(),
        queue: queue.clone(),
        dispatcher,
        stock,
        shared_allocations,
        unverified: Unverified::default(),
    };
    let access = Arc::new(access);
    let router = server::router(api, Arc::clone(&access));

    let shutdown = Shutdown::on_signals()?;
    let grpc = match grpc_listen {
        Some(address) => {
            let listener = TcpListener::bind(address)
                .await
                .with_context(|| format!("gRPC cannot listen on {address}; GRPC_LISTEN moves it"))?;
            info!(grpc.listen = %address, "the inventory service is listening");
            let gate = grpc::Gate {
                access,
                addresses: entrance.addresses.of_the_inventory_service(),
                on_loopback: address.ip().is_loopback(),
                shared_allocations,
            };
            Some(tokio::spawn(grpc::serve(
                listener,
                pool.clone(),
                gate,
                grpc_certificate,
                queue,
                shutdown.asked(),
            )))
        }
        None => None,
    };
    info!(%listen, metrics.listen = %metrics.listen, "listening");
    server::serve(listener, router, entrance, shutdown.asked()).await;
    if let Some(grpc) = grpc {
        grpc.await.context("the inventory service panicked")?;
    }
    dispatching.drain(DRAIN).await;
    pool.close().await;
    info!("ended");
    Ok(())
}

/// Where Temporal's Web UI has the pages of our workflows.
fn workflow_pages(ui: &Url) -> String {
    let base = ui.as_str().trim_end_matches('/');
    format!("{base}/namespaces/{}/workflows/", process::temporal::namespace())
}
