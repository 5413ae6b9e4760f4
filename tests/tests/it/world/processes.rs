//! The programs of a world, as real processes.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rand::RngExt;
use sqlx::PgPool;

/// A program of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `waybill-api`
    Api,
    /// `waybill-worker`
    Worker,
}

/// A process that ends with this value.
pub struct Running {
    child: Child,
    said: Vec<String>,
}

impl Running {
    /// Ends it at once.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    /// The addresses the simulators said they listen on: Shopify's and the WMS's.
    pub fn addresses(&self) -> [String; 2] {
        let address = |line: usize| self.said[line].rsplit(' ').next().expect("an address").to_owned();
        [address(0), address(1)]
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts the stand-ins on free ports.
pub fn simulators(api_port: u16, arguments: &[String], logs: &Path) -> Running {
    let mut child = Command::new(program("waybill-simulators", false))
        .args([
            "--shopify-listen",
            "127.0.0.1:0",
            "--wms-listen",
            "127.0.0.1:0",
            "--wms-ship-after-ms",
            "100",
        ])
        .args(["--wms-deliver-after-ms", "200", "--fulfilment-order-after-ms", "50"])
        .args(bucket(arguments))
        .arg(format!("--shopify-webhook-url=http://127.0.0.1:{api_port}/webhooks/shopify"))
        .arg(format!("--wms-webhook-url=http://127.0.0.1:{api_port}/webhooks/wms"))
        .arg(format!("--second-wms-webhook-url=http://127.0.0.1:{api_port}/webhooks/wms/depot"))
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(log(logs, "simulators"))
        .spawn()
        .expect("the simulators start");
    let mut lines = BufReader::new(child.stdout.take().expect("standard output")).lines();
    let said = (0..2).map(|_| lines.next().expect("the simulators speak").expect("text")).collect();
    Running { child, said }
}

/// A bucket that never runs dry, unless somebody wants another.
fn bucket(arguments: &[String]) -> &'static [&'static str] {
    match arguments.iter().any(|argument| argument == "--shopify-bucket-points") {
        true => &[],
        false => &["--shopify-bucket-points", "1000000", "--shopify-restore-per-s", "100000"],
    }
}

/// Starts a program of ours.
pub fn start(
    which: Program,
    with_faults: bool,
    environment: &[(String, String)],
    api_port: u16,
    logs: &Path,
) -> Running {
    let name = match which {
        Program::Api => "waybill-api",
        Program::Worker => "waybill-worker",
    };
    let child = Command::new(program(name, with_faults))
        .env("API_LISTEN", format!("127.0.0.1:{api_port}"))
        .env("API_METRICS_LISTEN", "127.0.0.1:0")
        .env("WORKER_METRICS_LISTEN", "127.0.0.1:0")
        .env("RUST_LOG", "info")
        .envs(environment.iter().map(|(name, value)| (name.as_str(), value.as_str())))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log(logs, name))
        .spawn()
        .expect("the program starts");
    Running { child, said: Vec::new() }
}

/// The folder for a world's logs: one that is thrown away, or for a look afterwards one in `TEST_LOGS`.
pub fn logs(thrown_away: &Path, world: &str) -> PathBuf {
    let folder = std::env::var("TEST_LOGS")
        .map_or_else(|_| thrown_away.join("logs"), |kept| PathBuf::from(kept).join(world));
    std::fs::create_dir_all(&folder).expect("a folder for logs is made");
    folder
}

fn log(folder: &Path, name: &str) -> Stdio {
    let path = folder.join(format!("{name}-{}.log", free_port()));
    Stdio::from(std::fs::File::create(path).expect("a log is made"))
}

fn program(name: &str, with_faults: bool) -> PathBuf {
    let folder = PathBuf::from(std::env::var("TEST_BIN_DIR").expect("`make test` builds the programs"));
    if with_faults { folder.join("with-faults").join(name) } else { folder.join(name) }
}

/// A port nobody listens on right now. It is none of those that the system gives to connections of its own
/// accord: one of a program that is started again would be taken by then now and then.
pub fn free_port() -> u16 {
    let mut random = rand::rng();
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    std::iter::repeat_with(|| random.random_range(10_000..32_000)).find(is_free).expect("a port is free")
}

/// The name of the database a pool is connected to.
pub async fn database_name(pool: &PgPool) -> String {
    sqlx::query_scalar("SELECT current_database()").fetch_one(pool).await.expect("a name")
}

/// The URL of a database.
pub fn database_url(name: &str) -> String {
    let server = std::env::var("TEST_DATABASE_URL").expect("`make test` starts PostgreSQL");
    let (server, _) = server.rsplit_once('/').expect("a URL with a database");
    format!("{server}/{name}")
}

/// A client that speaks to loopback.
pub fn http_client() -> reqwest::Client {
    // Somebody else may have installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // The API ends a connection that is quiet for five seconds.
    let idle = std::time::Duration::from_secs(3);
    let builder =
        reqwest::Client::builder().timeout(std::time::Duration::from_secs(20)).pool_idle_timeout(idle);
    builder.build().expect("an HTTP client")
}
