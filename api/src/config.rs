//! The settings of the process. The field docs are the `--help`; all errors are reported at once.

use std::net::SocketAddr;

use clap::Parser;
use intake::settings::{Shared, SharedSettings};

/// Takes webhooks of shops and of the warehouse, and serves stock and orders over HTTP.
#[derive(Parser, Debug, Clone)]
#[command(name = "waybill-api", version)]
pub struct Settings {
    /// Address the API listens on. This version has no authentication, so only loopback is taken.
    #[arg(long, env = "API_LISTEN", default_value = "127.0.0.1:8080")]
    api_listen: String,
    /// Address the metrics are served on, for Prometheus; loopback too.
    #[arg(long, env = "API_METRICS_LISTEN", default_value = "127.0.0.1:9464")]
    api_metrics_listen: String,
    #[command(flatten)]
    shared: SharedSettings,
}

/// The settings, checked.
#[derive(Clone)]
pub struct Config {
    /// Where the API listens.
    pub listen: SocketAddr,
    /// Where the metrics are served.
    pub metrics_listen: SocketAddr,
    /// What the worker has too.
    pub shared: Shared,
}

impl Settings {
    /// Checks everything.
    ///
    /// # Errors
    /// Every setting that is missing or wrong, each named.
    pub fn resolve(&self) -> Result<Config, Vec<String>> {
        let mut problems = Vec::new();
        let listen = loopback("API_LISTEN", &self.api_listen, &mut problems);
        let metrics_listen = loopback("API_METRICS_LISTEN", &self.api_metrics_listen, &mut problems);
        let shared = self.shared.resolve().map_err(|more| problems.extend(more)).ok();
        match (listen, metrics_listen, shared) {
            (Some(listen), Some(metrics_listen), Some(shared)) => {
                Ok(Config { listen, metrics_listen, shared })
            }
            _ => Err(problems),
        }
    }
}

/// An address on this machine: whoever can reach the API may do everything, so nobody else may.
fn loopback(variable: &str, given: &str, problems: &mut Vec<String>) -> Option<SocketAddr> {
    match given.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => Some(address),
        Ok(address) => {
            problems.push(format!(
                "{variable}={given}: this version has no authentication and listens on loopback only, \
                 for example 127.0.0.1:{}; put a proxy that authenticates in front of it",
                address.port()
            ));
            None
        }
        Err(_) => {
            problems.push(format!("{variable}={given}: an address is needed, for example 127.0.0.1:8080"));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: &[&str] = &[
        "waybill-api",
        "--database-url=postgres://waybill@127.0.0.1/waybill",
        "--shopify-shop=a.myshopify.com",
        "--shopify-admin-token=admin-token",
        "--shopify-webhook-secrets=hush",
        "--wms-url=http://127.0.0.1:9091",
        "--wms-token=wms-token",
        "--wms-webhook-secrets=whsec_c2VjcmV0",
    ];

    fn settings(more: &[&str]) -> Settings {
        Settings::try_parse_from(COMPLETE.iter().chain(more)).unwrap()
    }

    #[test]
    fn it_listens_on_loopback_and_nowhere_else_without_authentication() {
        assert!(settings(&["--api-listen=127.0.0.1:8080"]).resolve().is_ok());
        assert!(settings(&["--api-listen=[::1]:8080"]).resolve().is_ok());
        for open in ["0.0.0.0:8080", "[::]:8080", "192.168.1.2:8080"] {
            let problems = settings(&[&format!("--api-listen={open}")]).resolve().err().unwrap();
            assert!(problems[0].starts_with(&format!("API_LISTEN={open}: this version")), "{problems:?}");
        }
    }

    #[test]
    fn everything_that_is_wrong_is_named_at_once() {
        let without_url = COMPLETE.iter().filter(|argument| !argument.starts_with("--wms-url="));
        let wrong = ["--api-listen=8080", "--api-metrics-listen=0.0.0.0:1", "--wms-url=ftp://x"];
        let settings = Settings::try_parse_from(without_url.chain(&wrong)).unwrap();
        let problems = settings.resolve().err().unwrap().join("\n");
        for name in ["API_LISTEN", "API_METRICS_LISTEN", "WMS_URL"] {
            assert!(problems.contains(name), "{name} in {problems}");
        }
    }

    #[test]
    fn secrets_do_not_show_in_debug() {
        let shown = format!("{:?}", settings(&[]));
        for secret in ["hush", "admin-token", "wms-token", "whsec", "waybill@"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }
}
