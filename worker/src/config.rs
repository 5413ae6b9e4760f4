//! The worker's settings. The field docs are the `--help`; all errors are reported at once.

use std::time::Duration;

use clap::Parser;
use consumers::{ConsumerSettings, Consuming};
use events::{Brokers, EventSettings};
use orders::lanes::health::ProbeWaits;
use process::{
    OpsPort,
    settings::{Needs, Problems, Runs, SHARED_SECRETS, Secrets, Shared, SharedSettings},
};

use crate::duties::Duty;

/// What is kept for less may be gone while its order is still under way.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MILLISECOND: Duration = Duration::from_millis(1);

/// Waybill's worker: runs the orders' workflows and the calls to the warehouses and the shops.
#[derive(Parser, Debug, Clone)]
#[command(name = "waybill-worker", version, after_help = secrets_help())]
pub struct Settings {
    #[command(flatten)]
    shared: SharedSettings,
    #[command(flatten)]
    events: EventSettings,
    #[command(flatten)]
    consumers: ConsumerSettings,
    /// What this worker runs, comma separated: lanes (orders, warehouse, warehouse-SYSTEM, shopify-SHOP) and duties
    /// (sweepers, events, consumers, channel-sync); a * at the end of a name stands for the rest of it. A worker needs the secrets of its lanes alone.
    #[arg(long, env = "WORKER_RUNS", default_value = "*")]
    worker_runs: String,
    /// Where metrics, /health and /ready are served.
    #[arg(long, env = "WORKER_METRICS_LISTEN", default_value = "127.0.0.1:9465")]
    worker_metrics_listen: String,
    /// Whether WORKER_METRICS_LISTEN may be an address that others can reach: true or false (the default).
    #[arg(long, env = "ALLOW_OPEN_METRICS")]
    allow_open_metrics: Option<String>,
    /// Connections to PostgreSQL; more than the slots that use them.
    #[arg(long, env = "WORKER_DATABASE_CONNECTIONS", default_value = "48")]
    worker_database_connections: String,
    /// Workflows kept in memory.
    #[arg(long, env = "WORKER_CACHED_WORKFLOWS", default_value = "2000")]
    worker_cached_workflows: String,
    /// How often the inbox is swept for what was left, for example 1s.
    #[arg(long, env = "WORKER_SWEEP_EVERY", default_value = "1s")]
    worker_sweep_every: String,
    /// How often allocations of other services that were not confirmed in time are given back.
    #[arg(long, env = "WORKER_EXPIRE_EVERY", default_value = "1s")]
    worker_expire_every: String,
    /// How long personal data are kept: from the end of an order's story, or from the last that was heard of it.
    /// Then customers, messages' bodies, vendors' and people's words and users without other orders go. A day at least.
    #[arg(long, env = "PERSONAL_DATA_FOR", default_value = "90days")]
    personal_data_for: String,
    /// How long events are kept. What is still to be published is kept until it is. A day at least.
    #[arg(long, env = "EVENTS_FOR", default_value = "30days")]
    events_for: String,
    /// How often personal data are looked for that are to go.
    #[arg(long, env = "WORKER_FORGET_EVERY", default_value = "10m")]
    worker_forget_every: String,
    /// How often runs that are gone, and lanes that nobody serves, are looked for.
    #[arg(long, env = "WORKER_LOOK_FOR_LOST_RUNS_EVERY", default_value = "30s")]
    worker_look_for_lost_runs_every: String,
    /// How often the warehouse systems are asked about overdue hand-overs.
    #[arg(long, env = "WORKER_OVERDUE_INQUIRY_EVERY", default_value = "60s")]
    worker_overdue_inquiry_every: String,
    /// How long a lane stays paused before somebody asks whether whoever it calls is there again. Where one answers
    /// and the calls after it fail, the pause doubles, up to twenty times this.
    #[arg(long, env = "WORKER_PROBE_AFTER", default_value = "30s")]
    worker_probe_after: String,
    /// When an overdue hand-over is asked about again.
    #[arg(long, env = "WORKER_ASK_AGAIN_AFTER", default_value = "1h")]
    worker_ask_again_after: String,
}

/// The settings, checked.
#[derive(Clone)]
pub struct Config {
    pub shared: Shared,
    pub brokers: Brokers,
    pub consuming: Consuming,
    pub runs: Runs,
    pub ops: OpsPort,
    pub database_connections: u32,
    pub cached_workflows: usize,
    pub sweep_every: Duration,
    pub expire_every: Duration,
    pub personal_data_for: Duration,
    pub events_for: Duration,
    pub forget_every: Duration,
    pub look_for_lost_runs_every: Duration,
    pub overdue_inquiry_every: Duration,
    pub ask_again_after: Duration,
    pub probe_waits: ProbeWaits,
}

impl Settings {
    /// Checks everything.
    ///
    /// # Errors
    /// Every setting that is missing or wrong, each named.
    pub fn resolve(&self, secrets: &Secrets) -> Result<Config, Vec<String>> {
        let mut problems = Problems::default();
        let runs = Runs::parse(&self.worker_runs).unwrap_or_else(|problem| {
            problems.add(&format!("WORKER_RUNS={}: {problem}", self.worker_runs));
            Runs::all()
        });
        let open = problems.flag("ALLOW_OPEN_METRICS", self.allow_open_metrics.as_deref());
        let name = "WORKER_METRICS_LISTEN";
        let ops = problems.address(name, &self.worker_metrics_listen).and_then(|listen| {
            let refused = |problem| problems.add(&format!("{name}={listen}: {problem}"));
            OpsPort::new(listen, open).map_err(refused).ok()
        });
        let database_connections =
            problems.count("WORKER_DATABASE_CONNECTIONS", &self.worker_database_connections);
        let cached_workflows = problems.count("WORKER_CACHED_WORKFLOWS", &self.worker_cached_workflows);
        let mut time = |name, given: &str, least| problems.time(name, given, least);
        let sweep_every = time("WORKER_SWEEP_EVERY", &self.worker_sweep_every, MILLISECOND);
        let expire_every = time("WORKER_EXPIRE_EVERY", &self.worker_expire_every, MILLISECOND);
        let personal_data_for = time("PERSONAL_DATA_FOR", &self.personal_data_for, DAY);
        let events_for = time("EVENTS_FOR", &self.events_for, DAY);
        let forget_every = time("WORKER_FORGET_EVERY", &self.worker_forget_every, MILLISECOND);
        let look_for_lost_runs_every =
            time("WORKER_LOOK_FOR_LOST_RUNS_EVERY", &self.worker_look_for_lost_runs_every, MILLISECOND);
        // The server counts the intervals of a schedule in seconds.
        let overdue_inquiry_every =
            time("WORKER_OVERDUE_INQUIRY_EVERY", &self.worker_overdue_inquiry_every, Duration::from_secs(1));
        let probe_after = time("WORKER_PROBE_AFTER", &self.worker_probe_after, MILLISECOND);
        let probe_waits = ProbeWaits { first: probe_after, longest: probe_after.saturating_mul(20) };
        let ask_again_after = time("WORKER_ASK_AGAIN_AFTER", &self.worker_ask_again_after, MILLISECOND);

        let brokers = self.events.resolve(secrets, &mut problems);
        let kafka = brokers.kafka.as_ref().map(|kafka| kafka.bootstrap_servers.clone());
        let amqp = brokers.amqp.clone();
        let mut consuming = self.consumers.resolve(&brokers.source, amqp, kafka, secrets, &mut problems);
        let needs = Needs {
            orders: !runs.are_among(&[Duty::Events.name(), Duty::Consumers.name()]),
            webhooks: false,
            calls: runs.clone(),
        };
        let shared = self.shared.resolve(secrets, &needs, &mut problems);
        if let Some(shared) = &shared {
            consuming.shared_allocations = shared.shared_allocations;
            consuming.stock_is_elsewhere = shared.inventory_service.is_some();
            let lanes = shared.lanes.keys().map(ToString::to_string);
            let duties = Duty::ALL.into_iter().map(|duty| duty.name().to_owned());
            let known: Vec<String> = lanes.chain(["orders".to_owned()]).chain(duties).collect();
            for unknown in runs.that_fit_none(&known) {
                problems.add(&format!("WORKER_RUNS={unknown}: none of {}", known.join(", ")));
            }
        }
        match (shared, ops) {
            (Some(shared), Some(ops)) if problems.is_empty() => Ok(Config {
                shared,
                brokers,
                consuming,
                runs,
                ops,
                database_connections,
                cached_workflows,
                sweep_every,
                expire_every,
                personal_data_for,
                events_for,
                forget_every,
                look_for_lost_runs_every,
                overdue_inquiry_every,
                ask_again_after,
                probe_waits,
            }),
            _ => Err(problems.into_vec()),
        }
    }
}

fn secrets_help() -> String {
    Secrets::help(&[&SHARED_SECRETS[..], &["AMQP_URL", "ORDER_SERVICE_TOKEN"]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(given: &[&str]) -> Result<Config, Vec<String>> {
        let complete =
            ["waybill-worker", "--shopify-shop=a.myshopify.com", "--wms-url=http://127.0.0.1:9091"];
        let secrets = Secrets::from([
            ("DATABASE_URL", "postgres://waybill@127.0.0.1/waybill"),
            ("SHOPIFY_ADMIN_TOKEN", "admin-token-of-a-shop"),
            ("WMS_TOKEN", "wms-token-of-a-warehouse"),
        ]);
        Settings::try_parse_from(complete.iter().chain(given)).unwrap().resolve(&secrets)
    }

    #[test]
    fn personal_data_are_kept_for_a_day_at_least() {
        for (text, kept) in
            [("1day", true), ("24h", true), ("90days", true), ("23h 59m", false), ("90", false)]
        {
            let resolved = resolved(&[&format!("--personal-data-for={text}")]);
            assert_eq!(resolved.is_ok(), kept, "{text}");
            if let Err(problems) = resolved {
                assert!(problems[0].starts_with(&format!("PERSONAL_DATA_FOR={text}: ")), "{problems:?}");
            }
        }
    }

    #[test]
    fn everything_that_is_wrong_is_named_at_once() {
        let wrong = [
            "--worker-runs=a*b",
            "--worker-metrics-listen=0.0.0.0:9465",
            "--worker-database-connections=0",
            "--worker-cached-workflows=many",
            "--worker-sweep-every=soon",
            "--shopify-admin-url=ftp://x",
        ];
        let problems = resolved(&wrong).err().unwrap();
        let named: Vec<&str> =
            problems.iter().map(|problem| problem.split(['=', ':']).next().unwrap()).collect();
        assert_eq!(
            named,
            [
                "WORKER_RUNS",
                "WORKER_METRICS_LISTEN",
                "WORKER_DATABASE_CONNECTIONS",
                "WORKER_CACHED_WORKFLOWS",
                "WORKER_SWEEP_EVERY",
                "SHOPIFY_ADMIN_URL",
            ]
        );
        let open = ["--worker-metrics-listen=0.0.0.0:9465", "--allow-open-metrics=true"];
        assert!(resolved(&open).is_ok());
    }

    #[test]
    fn what_a_worker_runs_has_to_be_there() {
        for runs in ["orders", "sweepers,warehouse", "shopify-*", "shopify-a.myshopify.com", "*"] {
            assert!(resolved(&[&format!("--worker-runs={runs}")]).is_ok(), "{runs}");
        }
        let problems = resolved(&["--worker-runs=orders,shopify-b*"]).err().unwrap();
        assert!(problems[0].starts_with("WORKER_RUNS=shopify-b*: none of "), "{problems:?}");
    }
}
