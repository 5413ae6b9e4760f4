//! A whole Waybill for tests: real PostgreSQL and Temporal, API and worker as real processes, and
//! the two stand-ins over HTTP. Each world has a database and a Temporal namespace of its own.

mod configuration;
mod database;
mod doors;
mod duty;
mod inventory_service;
mod local;
mod orders;
mod planting;
mod processes;
mod temporal;
mod tokens;
mod valve;
mod webhooks;

use std::{
    future::Future,
    path::PathBuf,
    sync::{LazyLock, Mutex},
    time::{Duration, Instant},
};

use serde_json::Value;
use sqlx::PgPool;
use temporalio_client::Client;
use tokio::runtime::Runtime;

use configuration::{filled_in, with_shops};
pub use database::{database, empty_database_url};
pub use doors::minutes_later;
pub use duty::Duty;
pub use inventory_service::{Certificate, InventoryService};
use local::local;
pub use orders::Placed;
pub use processes::Program;
use processes::Running;
pub use processes::{database_name, free_port, http_client};
pub use tokens::{TOKEN_SECRET, claims, signed};
pub use valve::Valve;
pub use webhooks::{Webhook, signature};

/// All tests share one runtime: pools and connections belong to the runtime they were made on.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime starts"));

/// Namespaces that no world uses right now.
static NAMESPACES: LazyLock<Mutex<Vec<String>>> = LazyLock::new(|| {
    let names = std::env::var("TEST_TEMPORAL_NAMESPACES").expect("`make test` names the namespaces");
    Mutex::new(names.split(',').map(str::to_owned).collect())
});

/// Runs a test.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    RUNTIME.block_on(test)
}

/// What a world is made of, beside the defaults.
#[derive(Default, Clone)]
pub struct Plan {
    /// Programs with planted failures (feature `faults`).
    pub with_faults: bool,
    /// Further environment for API and worker.
    pub env: Vec<(&'static str, String)>,
    /// Further arguments for the simulators.
    pub simulators: Vec<String>,
    /// Whether all other systems that hold stock are one.
    pub shared_allocations: bool,
    /// More for the configuration file, before its shops, and for its `[policy]`, if it names that; `SHOPIFY_URL` and `WMS_URL` in it stand for the
    /// simulated ones' addresses.
    pub file: &'static str,
}

/// A shop with the quick policy that most tests use.
pub const SHOP: &str = "quick.myshopify.com";
/// A shop that ships what is there.
pub const SPLITTING_SHOP: &str = "splitting.myshopify.com";
/// A shop whose deadlines pass at once and park.
pub const HASTY_SHOP: &str = "hasty.myshopify.com";
/// A shop whose deadlines pass at once and cancel.
pub const STRICT_SHOP: &str = "strict.myshopify.com";
/// A shop that holds each order for a moment.
pub const HOLDING_SHOP: &str = "holding.myshopify.com";
/// As [`HOLDING_SHOP`], and longer than any test waits.
pub const LONG_HOLDING_SHOP: &str = "long-holding.myshopify.com";
/// A shop that leaves edits at the warehouse and refunds to people, and looks soon and often.
pub const CAUTIOUS_SHOP: &str = "cautious.myshopify.com";
/// A shop whose calls are repeated for as long as it takes.
pub const PATIENT_SHOP: &str = "patient.myshopify.com";
/// As [`SPLITTING_SHOP`], and as patient as [`PATIENT_SHOP`].
pub const PATIENT_SPLITTING_SHOP: &str = "patient-splitting.myshopify.com";
/// One whose locations are warehouses: the first `main`, the second `far`.
pub const MAPPED_SHOP: &str = "mapped.myshopify.com";
/// One whose people book in what comes back by putting it on the shelf.
pub const DISPOSING_SHOP: &str = "disposing.myshopify.com";
/// One of which what is announced to come back is there at once.
pub const TRUSTING_SHOP: &str = "trusting.myshopify.com";
/// As [`MAPPED_SHOP`], and its orders are planned over all warehouses.
pub const FREE_SHOP: &str = "free.myshopify.com";
/// One that has us ship the lines of a fulfilment service as well.
pub const SERVED_SHOP: &str = "served.myshopify.com";
/// A service whose lines are ours to ship in [`SERVED_SHOP`].
pub const OUR_SERVICE: &str = "waybill-west";
/// One whose fulfilment orders nobody looks at before a hand-over.
pub const UNSEEN_SHOP: &str = "unseen.myshopify.com";
/// One whose people approve what costs more than 100 EUR, goes to Switzerland or is tagged `check`.
pub const APPROVING_SHOP: &str = "approving.myshopify.com";
/// One whose people approve what is risky, and wait for it.
pub const RISK_SHOP: &str = "risk.myshopify.com";
/// As [`RISK_SHOP`], and it waits but a moment.
pub const HASTY_RISK_SHOP: &str = "hasty-risk.myshopify.com";
/// The secret of every shop.
pub const SECRET: &str = local("SHOPIFY_WEBHOOK_SECRETS");
/// The demo shop's Admin API token.
pub const ADMIN_TOKEN: &str = local("SHOPIFY_ADMIN_TOKEN");
/// The secret that the one above is replacing.
pub const OLD_SECRET: &str = "hush_of_last_year";

const WMS_SECRET: &str = local("WMS_WEBHOOK_SECRETS");
/// What the WMS knows us by.
pub const WMS_TOKEN: &str = local("WMS_TOKEN");

const QUICK: &str = r#"call_timeout = "8s", record_timeout = "1s", call_retry = { first_wait = "200ms", attempts = 3 }, undo_retry = { first_wait = "200ms", attempts = 3 }, blame_after = "0s""#;

/// One whole Waybill.
pub struct World {
    /// Its database.
    pub pool: PgPool,
    /// Its Temporal client.
    pub temporal: Client,
    /// Its namespace.
    pub namespace: String,
    /// An HTTP client.
    pub http: reqwest::Client,
    api: Mutex<Option<Running>>,
    worker: Mutex<Option<Running>>,
    simulators: Running,
    api_port: u16,
    api_metrics_port: u16,
    worker_metrics_port: u16,
    shopify_url: String,
    wms_url: String,
    environment: Mutex<Vec<(String, String)>>,
    logs: PathBuf,
    with_faults: bool,
    _config: tempfile::TempDir,
}

impl World {
    /// Starts a world and waits until it is ready.
    pub async fn start(plan: Plan) -> Self {
        let free = async || NAMESPACES.lock().unwrap().pop();
        let namespace = until("a namespace is free", Duration::from_secs(120), free).await;
        let pool = database().await;
        if plan.with_faults {
            sqlx::raw_sql(include_str!("world/planted.sql"))
                .execute(&pool)
                .await
                .expect("the faults' table is made");
        }
        let api_port = processes::free_port();
        let (api_metrics_port, worker_metrics_port) = (processes::free_port(), processes::free_port());
        let config = tempfile::tempdir().expect("a folder is made");
        let database = processes::database_name(&pool).await;
        let logs = processes::logs(config.path(), &database);
        let simulators = processes::simulators(api_port, &plan.simulators, &logs);
        let [shopify_url, wms_url] = simulators.addresses();
        let file = config.path().join("waybill.toml");
        let shared = format!("shared_allocations = {}\n", plan.shared_allocations);
        let more = plan.file.replace("WMS_URL", &wms_url);
        let more = filled_in(&more, &shopify_url);
        std::fs::write(&file, shared + &with_shops(&more, &shopify_url))
            .expect("the configuration is written");
        let mut environment: Vec<(String, String)> = [
            ("DATABASE_URL", processes::database_url(&database)),
            (
                "TEMPORAL_ADDRESS",
                std::env::var("TEST_TEMPORAL_ADDRESS").expect("`make test` starts Temporal"),
            ),
            ("TEMPORAL_NAMESPACE", namespace.clone()),
            ("WAYBILL_CONFIG", file.display().to_string()),
            ("WMS_URL", wms_url.clone()),
            ("WMS_TOKEN", WMS_TOKEN.to_owned()),
            ("WMS_WEBHOOK_SECRETS", WMS_SECRET.to_owned()),
            ("AUTH_HS256_SECRET", TOKEN_SECRET.to_owned()),
            ("API_METRICS_LISTEN", format!("127.0.0.1:{api_metrics_port}")),
            ("WORKER_METRICS_LISTEN", format!("127.0.0.1:{worker_metrics_port}")),
            ("WORKER_SWEEP_EVERY", "500ms".to_owned()),
            ("WORKER_LOOK_FOR_LOST_RUNS_EVERY", "2s".to_owned()),
            ("WORKER_OVERDUE_INQUIRY_EVERY", "2s".to_owned()),
            ("WORKER_ASK_AGAIN_AFTER", "2s".to_owned()),
            ("WORKER_PROBE_AFTER", "300ms".to_owned()),
            ("WORKER_FORGET_EVERY", "500ms".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        environment.extend(plan.env.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let world = Self {
            temporal: temporal::client(&namespace).await,
            pool,
            namespace,
            http: processes::http_client(),
            api: Mutex::default(),
            worker: Mutex::default(),
            simulators,
            api_port,
            api_metrics_port,
            worker_metrics_port,
            shopify_url,
            wms_url,
            environment: Mutex::new(environment),
            logs,
            with_faults: plan.with_faults,
            _config: config,
        };
        world.start_program(Program::Api);
        world.start_program(Program::Worker);
        world.until_ready().await;
        world
    }

    /// The API's address with a path.
    pub fn api(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.api_port)
    }

    /// Where the worker's metrics are.
    pub fn worker_metrics_address(&self) -> String {
        metrics_address(self.worker_metrics_port)
    }

    /// The worker's metrics as they stand.
    pub async fn worker_metrics(&self) -> String {
        self.metrics(&self.worker_metrics_address()).await
    }

    /// What API and worker have counted together of a metric with these labels.
    pub async fn counted(&self, metric: &str, labels: &[&str]) -> f64 {
        let mut counted = 0.0;
        for port in [self.api_metrics_port, self.worker_metrics_port] {
            for line in self.metrics(&metrics_address(port)).await.lines() {
                if line.starts_with(&format!("{metric}{{")) && labels.iter().all(|label| line.contains(label))
                {
                    counted += line.rsplit(' ').next().and_then(|n| n.parse::<f64>().ok()).expect("a number");
                }
            }
        }
        counted
    }

    async fn metrics(&self, address: &str) -> String {
        self.http.get(address).send().await.expect("metrics are served").text().await.expect("text")
    }

    /// The simulated Shopify's address with a path.
    pub fn shopify(&self, path: &str) -> String {
        format!("{}{path}", self.shopify_url)
    }

    /// The simulated WMS's address with a path.
    pub fn wms(&self, path: &str) -> String {
        format!("{}{path}", self.wms_url)
    }

    /// Starts a program again, after it was ended.
    pub fn start_program(&self, program: Program) {
        let environment = self.environment.lock().unwrap().clone();
        let running = processes::start(program, self.with_faults, &environment, self.api_port, &self.logs);
        *self.slot(program).lock().unwrap() = Some(running);
    }

    /// A second worker beside the world's own; it ends with this value.
    pub fn another_worker(&self) -> Running {
        let mut environment = self.environment.lock().unwrap().clone();
        let port = processes::free_port();
        environment.retain(|(name, _)| name != "WORKER_METRICS_LISTEN");
        environment.push(("WORKER_METRICS_LISTEN".to_owned(), format!("127.0.0.1:{port}")));
        processes::start(Program::Worker, self.with_faults, &environment, port, &self.logs)
    }

    /// Ends a program at once, as a power cut would (SIGKILL).
    pub fn kill(&self, program: Program) {
        if let Some(mut running) = self.slot(program).lock().unwrap().take() {
            running.kill();
        }
    }

    /// Starts a program again if it has ended by itself; true if it had.
    pub fn revive(&self, program: Program) -> bool {
        let ended = self.has_ended(program);
        if ended {
            self.start_program(program);
        }
        ended
    }

    /// Whether a program has ended, by itself or because it was killed.
    pub fn has_ended(&self, program: Program) -> bool {
        self.slot(program).lock().unwrap().as_mut().is_none_or(Running::has_ended)
    }

    /// Programs that are started from now on do not have this.
    pub fn unset_environment(&self, name: &str) {
        self.environment.lock().unwrap().retain(|(known, _)| known != name);
    }

    /// Sets a variable for the programs that are started from now on.
    pub fn set_environment(&self, name: &str, value: &str) {
        let mut environment = self.environment.lock().unwrap();
        environment.retain(|(known, _)| known != name);
        environment.push((name.to_owned(), value.to_owned()));
    }

    /// What API and worker have logged, by file.
    pub fn logged(&self) -> Vec<(String, String)> {
        let files = std::fs::read_dir(&self.logs).expect("the folder of the logs is there");
        files
            .map(|file| file.expect("a file").path())
            .filter(|path| {
                path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("waybill-"))
            })
            .map(|path| (path.display().to_string(), std::fs::read_to_string(&path).expect("a log is text")))
            .collect()
    }

    /// Waits until the API answers and the worker polls.
    pub async fn until_ready(&self) {
        until("the API is ready", Duration::from_secs(30), async || {
            self.http.get(self.api("/ready")).send().await.ok().filter(|r| r.status().is_success())
        })
        .await;
    }

    /// Waits until the API answers at all.
    pub async fn until_listening(&self) {
        until("the API listens", Duration::from_secs(30), async || {
            self.http.get(self.api("/health")).send().await.ok()
        })
        .await;
    }

    /// Adds a rule to the simulated WMS or Shopify.
    pub async fn rule(&self, address: String, rule: Value) {
        let answer = self.http.post(address).json(&rule).send().await.unwrap();
        assert!(answer.status().is_success(), "the rule is taken: {}", answer.text().await.unwrap());
    }

    fn slot(&self, program: Program) -> &Mutex<Option<Running>> {
        match program {
            Program::Api => &self.api,
            Program::Worker => &self.worker,
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill(Program::Worker);
        self.kill(Program::Api);
        self.simulators.kill();
        let (client, namespace) = (self.temporal.clone(), self.namespace.clone());
        // What this world leaves open would keep the worker of the next one in the namespace busy.
        std::thread::spawn(move || {
            run(temporal::end_all(&client));
            NAMESPACES.lock().unwrap().push(namespace);
        });
    }
}

fn metrics_address(port: u16) -> String {
    format!("http://127.0.0.1:{port}/metrics")
}

/// Asks again and again until there is an answer, and fails when `within` is over.
pub async fn until<T>(what: &str, within: Duration, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what}: not within {within:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
