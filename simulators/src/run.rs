//! The process from its start to its end.

use std::io::Write;

use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::{Settings, Simulators};

/// Runs the process, by its arguments and environment, until it is told to end.
///
/// # Errors
/// What keeps it from working, in words for whoever started it.
pub async fn run() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info")))
        .with_writer(std::io::stderr)
        .init();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;

    let simulators = Simulators::start(Settings::of_process()?).await?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "simulated Shopify listening on http://{}", simulators.shopify_address())?;
    writeln!(stdout, "simulated WMS listening on http://{}", simulators.wms_address())?;
    stdout.flush()?;

    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    simulators.stop().await;
    Ok(())
}
