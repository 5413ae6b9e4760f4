//! The settings of the process. The field docs are the `--help`; all errors are reported at once.

use std::net::SocketAddr;

use clap::Parser;
use intake::settings::{Shared, SharedSettings};

use crate::access::settings::{AccessConfig, AccessSettings};

/// Takes webhooks of shops and of the warehouse, and serves stock and orders over HTTP.
#[derive(Parser, Debug, Clone)]
#[command(name = "waybill-api", version)]
pub struct Settings {
    /// Address the API listens on; one that others can reach needs AUTH_JWKS_URL or AUTH_HS256_SECRET.
    #[arg(long, env = "API_LISTEN", default_value = "127.0.0.1:8080")]
    api_listen: String,
    /// Address the metrics are served on, for Prometheus; loopback only.
    #[arg(long, env = "API_METRICS_LISTEN", default_value = "127.0.0.1:9464")]
    api_metrics_listen: String,
    /// Address the inventory service (gRPC) listens on, for example 127.0.0.1:8081; by default it is
    /// off. One that others can reach needs AUTH_JWKS_URL or AUTH_HS256_SECRET.
    #[arg(long, env = "GRPC_LISTEN")]
    grpc_listen: Option<String>,
    #[command(flatten)]
    access: AccessSettings,
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
    /// Where the inventory service listens; none if this process does not serve it.
    pub grpc_listen: Option<SocketAddr>,
    /// Who may call.
    pub access: AccessConfig,
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
        let listen = address("API_LISTEN", &self.api_listen, &mut problems);
        let metrics_listen = address("API_METRICS_LISTEN", &self.api_metrics_listen, &mut problems);
        if let Some(open) = metrics_listen.filter(|address| !address.ip().is_loopback()) {
            problems.push(format!(
                "API_METRICS_LISTEN={open}: metrics are served on loopback only, for example 127.0.0.1:{}",
                open.port()
            ));
        }
        let grpc_listen = self
            .grpc_listen
            .as_deref()
            .filter(|given| !given.is_empty())
            .and_then(|given| address("GRPC_LISTEN", given, &mut problems));
        let access = self.access.resolve(listen, grpc_listen, &mut problems);
        if let Some(open) = grpc_listen.filter(|address| !address.ip().is_loopback())
            && access.authentication.is_none()
        {
            problems.push(format!(
                "GRPC_LISTEN={open}: others can reach this address, so set AUTH_JWKS_URL or \
                 AUTH_HS256_SECRET, or listen on loopback, for example 127.0.0.1:{}",
                open.port()
            ));
        }
        let shared = self.shared.resolve().map_err(|more| problems.extend(more)).ok();
        if grpc_listen.is_some() && shared.as_ref().is_some_and(|shared| shared.inventory_service.is_some()) {
            problems.push(
                "GRPC_LISTEN: a process that has INVENTORY_SERVICE_URL keeps no stock to be served; \
                 set one of the two"
                    .to_owned(),
            );
        }
        match (listen, metrics_listen, shared) {
            (Some(listen), Some(metrics_listen), Some(shared)) if problems.is_empty() => {
                Ok(Config { listen, metrics_listen, grpc_listen, access, shared })
            }
            _ => Err(problems),
        }
    }
}

fn address(variable: &str, given: &str, problems: &mut Vec<String>) -> Option<SocketAddr> {
    given
        .parse()
        .map_err(|_| format!("{variable}={given}: an address is needed, for example 127.0.0.1:8080"))
        .map_err(|problem| problems.push(problem))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: &[&str] = &[
        "waybill-api",
        "--database-url=postgres://waybill@127.0.0.1/waybill",
        "--shopify-shop=a.myshopify.com",
        "--shopify-admin-token=admin-token",
        "--shopify-webhook-secrets=hush-hush-hush-hush",
        "--wms-url=http://127.0.0.1:9091",
        "--wms-token=wms-token",
        "--wms-webhook-secrets=whsec_d2F5YmlsbC1kZW1vLXdhcmVob3VzZS1zZWNyZXQ=",
    ];

    fn settings(more: &[&str]) -> Settings {
        Settings::try_parse_from(COMPLETE.iter().chain(more)).unwrap()
    }

    #[test]
    fn it_listens_elsewhere_only_with_authentication_and_serves_metrics_on_loopback_alone() {
        let secret = "--auth-hs256-secret=0123456789abcdef0123456789abcdef";
        for open in ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:8080"] {
            let listen = format!("--api-listen={open}");
            let problems = settings(&[&listen]).resolve().err().unwrap();
            assert!(problems[0].starts_with(&format!("API_LISTEN={open}: others")), "{problems:?}");
            assert!(settings(&[&listen, secret]).resolve().is_ok());
            let metrics = format!("--api-metrics-listen={open}");
            let problems = settings(&[&metrics, secret]).resolve().err().unwrap();
            assert!(problems[0].starts_with(&format!("API_METRICS_LISTEN={open}")), "{problems:?}");
        }
        for loopback in ["127.0.0.1:8080", "[::1]:8080"] {
            assert!(settings(&[&format!("--api-listen={loopback}")]).resolve().is_ok());
        }
    }

    #[test]
    fn the_inventory_service_is_off_and_listens_elsewhere_only_with_authentication() {
        assert_eq!(settings(&[]).resolve().ok().unwrap().grpc_listen, None);
        let open = "--grpc-listen=0.0.0.0:8081";
        let problems = settings(&[open]).resolve().err().unwrap();
        assert!(problems[0].starts_with("GRPC_LISTEN=0.0.0.0:8081: others"), "{problems:?}");
        let secret = "--auth-hs256-secret=0123456789abcdef0123456789abcdef";
        assert!(settings(&[open, secret]).resolve().ok().unwrap().grpc_listen.is_some());
        let published = "--auth-hs256-secret=waybill-demo-secret-that-everybody-knows";
        assert!(settings(&["--grpc-listen=127.0.0.1:8081", published]).resolve().is_ok());
        let problems = settings(&[open, published]).resolve().err().unwrap();
        assert!(problems[0].starts_with("AUTH_HS256_SECRET: everybody knows"), "{problems:?}");
        let elsewhere = "--inventory-service-url=http://127.0.0.1:8081";
        let problems = settings(&["--grpc-listen=127.0.0.1:8081", elsewhere]).resolve().err().unwrap();
        assert!(problems[0].starts_with("GRPC_LISTEN: "), "{problems:?}");
    }

    #[test]
    fn everything_that_is_wrong_is_named_at_once() {
        let without_url = COMPLETE.iter().filter(|argument| !argument.starts_with("--wms-url="));
        let wrong = [
            "--api-listen=8080",
            "--api-metrics-listen=0.0.0.0:1",
            "--auth-hs256-secret=short",
            "--wms-url=ftp://x",
        ];
        let settings = Settings::try_parse_from(without_url.chain(&wrong)).unwrap();
        let problems = settings.resolve().err().unwrap().join("\n");
        for name in ["API_LISTEN", "API_METRICS_LISTEN", "AUTH_HS256_SECRET", "WMS_URL"] {
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
