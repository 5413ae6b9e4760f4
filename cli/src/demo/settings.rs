//! Where each server of the demo listens, from the environment.

use std::env;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

use anyhow::bail;

/// The shop whose orders the demo fulfils.
pub const SHOP: &str = "anyx-demo.myshopify.com";

/// A server's address and the variable that moves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// What listens there, as a person calls it.
    pub name: &'static str,
    /// The environment variable.
    pub variable: &'static str,
    /// The address.
    pub address: SocketAddr,
}

impl Listen {
    /// The server as seen from this machine.
    pub fn url(&self) -> String {
        format!("http://{}", self.reachable())
    }

    /// The address to call: one that listens everywhere is called on loopback.
    pub fn reachable(&self) -> SocketAddr {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        address
    }

    /// Whether somebody else listens there.
    fn is_taken(&self) -> bool {
        TcpListener::bind(self.address).is_err()
    }
}

/// The demo's settings.
pub struct Settings {
    pub api: Listen,
    pub api_metrics: Listen,
    pub worker_metrics: Listen,
    pub shopify: Listen,
    pub warehouse: Listen,
    pub postgres: Listen,
    pub temporal: Listen,
    pub temporal_ui: Listen,
    /// `DATABASE_URL`: a database that is there already, used instead of a private one.
    pub own_database: Option<String>,
    /// Where data, logs and process ids are kept: `WAYBILL_DIR`, default `.waybill`.
    pub folder: PathBuf,
}

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    /// Names every variable that cannot be read, all at once.
    pub fn from_environment() -> anyhow::Result<Self> {
        Self::read(&|variable| env::var(variable).ok().filter(|value| !value.is_empty()))
    }

    fn read(variable: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let mut wrong = Vec::new();
        let mut listen = |name, variable_name: &'static str, default_port: u16, port_only: bool| {
            let fallback = SocketAddr::from(([127, 0, 0, 1], default_port));
            let address = match variable(variable_name) {
                None => fallback,
                Some(given) => parse(&given, port_only).unwrap_or_else(|| {
                    let wanted = if port_only { "a port such as" } else { "an address such as" };
                    let example = if port_only { default_port.to_string() } else { fallback.to_string() };
                    wrong.push(format!("{variable_name}={given}: should be {wanted} {example}"));
                    fallback
                }),
            };
            Listen { name, variable: variable_name, address }
        };
        let settings = Self {
            api: listen("the API", "API_LISTEN", 8080, false),
            api_metrics: listen("the API's metrics", "API_METRICS_LISTEN", 9464, false),
            worker_metrics: listen("the worker's metrics", "WORKER_METRICS_LISTEN", 9465, false),
            shopify: listen("the simulated Shopify", "SIM_SHOPIFY_LISTEN", 9090, false),
            warehouse: listen("the simulated WMS", "SIM_WMS_LISTEN", 9091, false),
            postgres: listen("PostgreSQL", "WAYBILL_POSTGRES_PORT", 54329, true),
            temporal: listen("Temporal", "WAYBILL_TEMPORAL_PORT", 7233, true),
            temporal_ui: listen("the Temporal Web UI", "WAYBILL_TEMPORAL_UI_PORT", 8233, true),
            own_database: variable("DATABASE_URL"),
            folder: variable("WAYBILL_DIR").unwrap_or_else(|| ".waybill".to_owned()).into(),
        };
        if !wrong.is_empty() {
            bail!("{}", wrong.join("\n       "));
        }
        Ok(settings)
    }

    /// The database that API and worker use.
    pub fn database_url(&self) -> String {
        self.own_database.clone().unwrap_or_else(|| {
            // Its script draws one when it first starts.
            let password = std::fs::read_to_string(self.folder.join("demo/postgres/password"));
            let password = password.map(|password| format!(":{}", password.trim())).unwrap_or_default();
            format!("postgres://waybill{password}@{}/waybill", self.postgres.address)
        })
    }

    /// Makes sure that nobody listens where our servers shall. PostgreSQL is not looked at: one of
    /// an earlier demo may run on, and its script knows which one it is.
    ///
    /// # Errors
    /// Names every port that is taken, with the variable that moves it.
    pub fn check_ports(&self) -> anyhow::Result<()> {
        let taken: Vec<&Listen> = [
            &self.api,
            &self.api_metrics,
            &self.worker_metrics,
            &self.shopify,
            &self.warehouse,
            &self.temporal,
            &self.temporal_ui,
        ]
        .into_iter()
        .filter(|listen| listen.is_taken())
        .collect();
        if taken.is_empty() {
            return Ok(());
        }
        let mut message = String::new();
        for listen in taken {
            message +=
                &format!("{} for {} is taken; {} moves it\n", listen.address, listen.name, listen.variable);
        }
        bail!("{message}End what listens there, or set the variable and run `make demo` again.");
    }
}

/// An address, or where only a port is asked for, that port on loopback.
fn parse(given: &str, port_only: bool) -> Option<SocketAddr> {
    if port_only {
        let port: u16 = given.parse().ok().filter(|port| *port != 0)?;
        return Some(SocketAddr::from(([127, 0, 0, 1], port)));
    }
    given.parse().ok().filter(|address: &SocketAddr| address.port() != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(given: &[(&str, &str)]) -> anyhow::Result<Settings> {
        Settings::read(&|variable| {
            given.iter().find(|(name, _)| *name == variable).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn every_variable_that_cannot_be_read_is_named_at_once() {
        let error = read(&[("API_LISTEN", "8080"), ("WAYBILL_TEMPORAL_PORT", "seven")])
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(error.contains("API_LISTEN=8080"), "{error}");
        assert!(error.contains("WAYBILL_TEMPORAL_PORT=seven"), "{error}");
    }

    #[test]
    fn a_private_database_is_on_the_port_that_was_asked_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().to_str().expect("text");
        let settings =
            read(&[("WAYBILL_POSTGRES_PORT", "5555"), ("WAYBILL_DIR", place)]).expect("valid settings");
        assert_eq!(settings.database_url(), "postgres://waybill@127.0.0.1:5555/waybill");
        std::fs::create_dir_all(folder.path().join("demo/postgres")).expect("a folder");
        std::fs::write(folder.path().join("demo/postgres/password"), "drawn\n").expect("a file");
        assert_eq!(settings.database_url(), "postgres://waybill:drawn@127.0.0.1:5555/waybill");
    }

    #[test]
    fn a_server_that_listens_everywhere_is_called_on_loopback() {
        let settings = read(&[("API_LISTEN", "0.0.0.0:8080")]).expect("valid settings");
        assert_eq!(settings.api.url(), "http://127.0.0.1:8080");
    }

    #[test]
    fn a_taken_port_is_reported_with_the_variable_that_moves_it() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = taken.local_addr().expect("its address").to_string();
        let settings = read(&[("SIM_WMS_LISTEN", &address)]).expect("valid settings");
        let error = settings.check_ports().expect_err("the port is taken").to_string();
        assert!(error.contains("SIM_WMS_LISTEN moves it"), "{error}");
    }
}
