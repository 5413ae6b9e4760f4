//! The metrics of the process, for Prometheus.

use axum::Router;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use process::{OpsPort, serve_ops};

/// Webhooks by `source` and `outcome`.
pub(crate) const WEBHOOKS: &str = "waybill_webhooks_total";
/// Bytes held of webhooks whose senders have not proved who they are.
pub(crate) const UNVERIFIED_BYTES: &str = "waybill_webhook_unverified_bytes";
/// Seconds from a webhook's headers to its answer, by `source`.
pub(crate) const ACKNOWLEDGEMENT: &str = "waybill_webhook_ack_seconds";
/// Messages that wait to be dispatched.
pub(crate) const QUEUE_DEPTH: &str = "waybill_intake_queue_depth";
/// Messages left to a sweeper because the queue was full.
pub(crate) const QUEUE_FULL: &str = "waybill_intake_queue_full_total";

/// Seconds; 0.25 is the budget of an acknowledgement in a burst.
const ACKNOWLEDGEMENT_BUCKETS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Starts the metrics' own listener.
///
/// # Errors
/// If the address is taken or metrics were started before.
pub async fn start(port: OpsPort) -> anyhow::Result<()> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(ACKNOWLEDGEMENT.to_owned()), ACKNOWLEDGEMENT_BUCKETS)?;
    serve_ops(port, builder, Router::new()).await?;
    describe_counter!(WEBHOOKS, "Webhooks by source and outcome");
    describe_histogram!(ACKNOWLEDGEMENT, "Seconds from a webhook's headers to its answer");
    gauge!(UNVERIFIED_BYTES).set(0.0);
    describe_gauge!(UNVERIFIED_BYTES, "Bytes held of webhooks that are not verified yet");
    describe_gauge!(QUEUE_DEPTH, "Messages that wait to be dispatched");
    // Shown from the start, so that its first rise can be seen.
    counter!(QUEUE_FULL).increment(0);
    describe_counter!(QUEUE_FULL, "Messages left to a sweeper because the queue was full");
    Ok(())
}
