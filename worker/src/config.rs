//! The worker's settings. The field docs are the `--help`.

use std::{net::SocketAddr, time::Duration};

use clap::Parser;
use process::settings::{SHARED_SECRETS, Secrets, SharedSettings};

/// Waybill's worker: runs the orders' workflows and the calls to the warehouse and the shops.
#[derive(Parser, Debug, Clone)]
#[command(name = "waybill-worker", version, after_help = Secrets::help(&SHARED_SECRETS))]
pub struct Config {
    #[command(flatten)]
    pub shared: SharedSettings,
    /// Where metrics are served, for Prometheus.
    #[arg(long, env = "WORKER_METRICS_LISTEN", default_value = "127.0.0.1:9465")]
    pub worker_metrics_listen: SocketAddr,
    /// Connections to PostgreSQL; more than the slots that use them.
    #[arg(long, env = "WORKER_DATABASE_CONNECTIONS", default_value_t = 48)]
    pub worker_database_connections: u32,
    /// Workflows kept in memory.
    #[arg(long, env = "WORKER_CACHED_WORKFLOWS", default_value_t = 2000)]
    pub worker_cached_workflows: usize,
    /// How often the inbox is swept for what was left, for example 1s.
    #[arg(long, env = "WORKER_SWEEP_EVERY", default_value = "1s", value_parser = humantime::parse_duration)]
    pub worker_sweep_every: Duration,
    /// How often allocations of other services that were not confirmed in time are given back.
    #[arg(long, env = "WORKER_EXPIRE_EVERY", default_value = "1s", value_parser = humantime::parse_duration)]
    pub worker_expire_every: Duration,
    /// How long personal data are kept: from the end of an order's story, or from the last that was heard of it.
    /// Then customers, messages' bodies, vendors' and people's words and users without other orders go. A day at least.
    #[arg(long, env = "PERSONAL_DATA_FOR", default_value = "90days", value_parser = a_day_or_more)]
    pub personal_data_for: Duration,
    /// How long events are kept. What is still to be published is kept until it is.
    #[arg(long, env = "EVENTS_FOR", default_value = "30days", value_parser = a_day_or_more)]
    pub events_for: Duration,
    /// How often personal data are looked for that are to go.
    #[arg(long, env = "WORKER_FORGET_EVERY", default_value = "10m", value_parser = humantime::parse_duration)]
    pub worker_forget_every: Duration,
    /// How often runs that are gone are looked for.
    #[arg(long, env = "WORKER_LOOK_FOR_LOST_RUNS_EVERY", default_value = "30s", value_parser = humantime::parse_duration)]
    pub worker_look_for_lost_runs_every: Duration,
    /// How often the warehouse is asked about overdue hand-overs.
    #[arg(long, env = "WORKER_OVERDUE_INQUIRY_EVERY", default_value = "60s", value_parser = humantime::parse_duration)]
    pub worker_overdue_inquiry_every: Duration,
    /// When an overdue hand-over is asked about again.
    #[arg(long, env = "WORKER_ASK_AGAIN_AFTER", default_value = "1h", value_parser = humantime::parse_duration)]
    pub worker_ask_again_after: Duration,
}

/// What is kept for less may be gone while its order is still under way.
fn a_day_or_more(text: &str) -> Result<Duration, String> {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    match humantime::parse_duration(text) {
        Ok(time) if time >= DAY => Ok(time),
        Ok(_) => Err("1day at least, for example 90days".to_owned()),
        Err(error) => Err(format!("{error}; for example 90days")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_data_are_kept_for_a_day_at_least() {
        for (text, kept) in
            [("1day", true), ("24h", true), ("90days", true), ("23h 59m", false), ("90", false)]
        {
            let parsed = Config::try_parse_from(["waybill-worker", &format!("--personal-data-for={text}")]);
            assert_eq!(parsed.is_ok(), kept, "{text}");
            assert!(kept || parsed.unwrap_err().to_string().contains("for example 90days"), "{text}");
        }
    }
}
