//! The settings of the process. The field docs are the `--help`; all errors are reported at once.

use std::{net::SocketAddr, path::PathBuf};

use clap::Parser;
use inventory_service::Certificate;
use process::{
    OpsPort,
    settings::{Needs, Problems, Runs, SHARED_SECRETS, Secrets, Shared, SharedSettings, Shop},
};

use url::Url;

use crate::access::settings::{self, AccessConfig, AccessSettings, safe, tokens_needed};

/// Takes webhooks of shops and of the warehouse, and serves stock and orders over HTTP.
#[derive(Parser, Debug, Clone)]
#[command(name = "waybill-api", version, after_help = secrets_help())]
pub struct Settings {
    /// Address the API listens on; one that others can reach needs AUTH_JWKS_URL or AUTH_HS256_SECRET.
    #[arg(long, env = "API_LISTEN", default_value = "127.0.0.1:8080")]
    api_listen: String,
    /// Address the metrics are served on, for Prometheus; loopback only, unless ALLOW_OPEN_METRICS says otherwise.
    #[arg(long, env = "API_METRICS_LISTEN", default_value = "127.0.0.1:9464")]
    api_metrics_listen: String,
    /// Address the inventory service (gRPC) listens on, for example 127.0.0.1:8081; by default it is
    /// off. One that others can reach needs AUTH_JWKS_URL or AUTH_HS256_SECRET.
    #[arg(long, env = "GRPC_LISTEN")]
    grpc_listen: Option<String>,
    /// PEM file with the certificate of GRPC_LISTEN and those up to its authority's; with GRPC_TLS_KEY callers
    /// speak TLS there.
    #[arg(long, env = "GRPC_TLS_CERT")]
    grpc_tls_cert: Option<PathBuf>,
    /// PEM file with its private key.
    #[arg(long, env = "GRPC_TLS_KEY")]
    grpc_tls_key: Option<PathBuf>,
    /// Whether API_METRICS_LISTEN may be an address that others can reach: true or false (the default).
    #[arg(long, env = "ALLOW_OPEN_METRICS")]
    allow_open_metrics: Option<String>,
    /// Base URL of Temporal's Web UI, as a person's browser reaches it: an order's page links to its workflow there.
    /// By default there is no link.
    #[arg(long, env = "TEMPORAL_UI_URL")]
    temporal_ui_url: Option<String>,
    /// Address at which Shopify and people's browsers reach the API, for example https://waybill.example.com; https unless
    /// on loopback. Needed where somebody installs an app in a shop: Shopify leads back to its /shopify/callback.
    #[arg(long, env = "PUBLIC_URL")]
    public_url: Option<String>,
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
    pub metrics: OpsPort,
    /// Where the inventory service listens; none if this process does not serve it.
    pub grpc_listen: Option<SocketAddr>,
    /// With which certificate; none for plain connections.
    pub grpc_certificate: Option<Certificate>,
    /// Where people find Temporal's Web UI; none where nobody said.
    pub temporal_ui: Option<Url>,
    /// Where Shopify and browsers reach the API; none where nobody said.
    pub public_url: Option<Url>,
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
    pub fn resolve(&self, secrets: &Secrets) -> Result<Config, Vec<String>> {
        let mut problems = Problems::default();
        let listen = problems.address("API_LISTEN", &self.api_listen);
        let open = problems.flag("ALLOW_OPEN_METRICS", self.allow_open_metrics.as_deref());
        let metrics = problems.address("API_METRICS_LISTEN", &self.api_metrics_listen).and_then(|listen| {
            let refused = |problem| problems.add(&format!("API_METRICS_LISTEN={listen}: {problem}"));
            OpsPort::new(listen, open).map_err(refused).ok()
        });
        let grpc_listen = self.grpc_listen.as_deref().filter(|given| !given.is_empty());
        let grpc_listen = grpc_listen.and_then(|given| problems.address("GRPC_LISTEN", given));
        let access = self.access.resolve(listen, grpc_listen, secrets, &mut problems);
        if let Some(open) = grpc_listen.filter(|address| !address.ip().is_loopback())
            && access.authentication.is_none()
        {
            problems.add(&tokens_needed("GRPC_LISTEN", open));
        }
        // Calls to shops and warehouses are the worker's.
        let needs = Needs { orders: true, webhooks: true, calls: Runs::nothing() };
        if grpc_listen.is_some() && self.shared.has_inventory_service() {
            problems.add(
                "GRPC_LISTEN: a process that has INVENTORY_SERVICE_URL keeps no stock to be served; \
                 set one of the two",
            );
        }
        let grpc_certificate = self.certificate(&mut problems);
        let temporal_ui = self.temporal_ui(&mut problems);
        let shared = self.shared.resolve(secrets, &needs, &mut problems);
        let public_url = self.public_url(shared.as_ref(), &mut problems);
        match (listen, metrics, shared) {
            (Some(listen), Some(metrics), Some(shared)) if problems.is_empty() => Ok(Config {
                listen,
                metrics,
                grpc_listen,
                grpc_certificate,
                temporal_ui,
                public_url,
                access,
                shared,
            }),
            _ => Err(problems.into_vec()),
        }
    }

    /// A code goes this way, so it has to be safe.
    fn public_url(&self, shared: Option<&Shared>, problems: &mut Problems) -> Option<Url> {
        let given = self.public_url.as_deref().filter(|given| !given.is_empty());
        let Some(given) = given else {
            let is_installed =
                |shop: &&Shop| shop.access.as_ref().is_some_and(|access| access.installed().is_some());
            if let Some(shop) = shared.and_then(|shared| shared.shops.iter().find(is_installed)) {
                problems.add(&format!(
                    "PUBLIC_URL: is not set; whoever installs the app in {} comes back there",
                    shop.domain
                ));
            }
            return None;
        };
        let url = safe(given);
        if url.is_none() {
            problems.add(
                "PUBLIC_URL: an https URL is needed (http on loopback), for example https://waybill.example.com",
            );
        }
        url
    }

    /// We never call it, so plain http is as good as anything.
    fn temporal_ui(&self, problems: &mut Problems) -> Option<Url> {
        let given = self.temporal_ui_url.as_deref().filter(|given| !given.is_empty())?;
        let is_base = |url: &Url| {
            matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none()
        };
        let url = Url::parse(given).ok().filter(is_base);
        if url.is_none() {
            problems.add("TEMPORAL_UI_URL: an http or https URL without a query is needed");
        }
        url
    }

    fn certificate(&self, problems: &mut Problems) -> Option<Certificate> {
        let chain = problems.file("GRPC_TLS_CERT", self.grpc_tls_cert.as_deref());
        match (chain, problems.file("GRPC_TLS_KEY", self.grpc_tls_key.as_deref())) {
            (Some(chain), Some(key)) => Some(Certificate { chain, key }),
            (None, None) => None,
            _ => {
                problems.add("GRPC_TLS_CERT and GRPC_TLS_KEY: both of them or none");
                None
            }
        }
    }
}

fn secrets_help() -> String {
    Secrets::help(&[&SHARED_SECRETS[..], &settings::SECRETS].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: &[&str] =
        &["waybill-api", "--shopify-shop=a.myshopify.com", "--wms-url=http://127.0.0.1:9091"];
    const SIGNED_WITH: &str = "0123456789abcdef0123456789abcdef";

    fn settings(more: &[&str]) -> Settings {
        Settings::try_parse_from(COMPLETE.iter().chain(more)).unwrap()
    }

    fn secrets(signed_with: &str) -> Secrets {
        Secrets::from([
            ("DATABASE_URL", "postgres://waybill@127.0.0.1/waybill"),
            ("SHOPIFY_ADMIN_TOKEN", "admin-token-of-a-shop"),
            ("SHOPIFY_WEBHOOK_SECRETS", "hush-hush-hush-hush"),
            ("WMS_TOKEN", "wms-token-of-a-warehouse"),
            ("WMS_WEBHOOK_SECRETS", "whsec_d2F5YmlsbC1kZW1vLXdhcmVob3VzZS1zZWNyZXQ="),
            ("AUTH_HS256_SECRET", signed_with),
        ])
    }

    fn resolved(more: &[&str], signed_with: &str) -> Result<Config, Vec<String>> {
        settings(more).resolve(&secrets(signed_with))
    }

    #[test]
    fn it_listens_elsewhere_only_with_authentication_and_serves_metrics_on_loopback_alone() {
        for open in ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:8080"] {
            let listen = format!("--api-listen={open}");
            let problems = resolved(&[&listen], "").err().unwrap();
            assert!(problems[0].starts_with(&format!("API_LISTEN={open}: others")), "{problems:?}");
            assert!(resolved(&[&listen], SIGNED_WITH).is_ok());
            let metrics = format!("--api-metrics-listen={open}");
            let problems = resolved(&[&metrics], SIGNED_WITH).err().unwrap();
            assert!(problems[0].starts_with(&format!("API_METRICS_LISTEN={open}")), "{problems:?}");
        }
        for loopback in ["127.0.0.1:8080", "[::1]:8080"] {
            assert!(resolved(&[&format!("--api-listen={loopback}")], "").is_ok());
        }
    }

    #[test]
    fn the_inventory_service_is_off_and_listens_elsewhere_only_with_authentication() {
        assert_eq!(resolved(&[], "").ok().unwrap().grpc_listen, None);
        let open = "--grpc-listen=0.0.0.0:8081";
        let problems = resolved(&[open], "").err().unwrap();
        assert!(problems[0].starts_with("GRPC_LISTEN=0.0.0.0:8081: others"), "{problems:?}");
        assert!(resolved(&[open], SIGNED_WITH).ok().unwrap().grpc_listen.is_some());
        let published = "waybill-demo-secret-that-everybody-knows";
        assert!(resolved(&["--grpc-listen=127.0.0.1:8081"], published).is_ok());
        let problems = resolved(&[open], published).err().unwrap();
        assert!(problems[0].starts_with("AUTH_HS256_SECRET: everybody knows"), "{problems:?}");
        let elsewhere = "--inventory-service-url=http://127.0.0.1:8081";
        let problems = resolved(&["--grpc-listen=127.0.0.1:8081", elsewhere], "").err().unwrap();
        assert!(problems[0].starts_with("GRPC_LISTEN: "), "{problems:?}");
    }

    #[test]
    fn a_certificate_needs_its_key_and_both_can_be_read() {
        for lonely in ["--grpc-tls-cert=/dev/null", "--grpc-tls-key=/dev/null"] {
            let problems = resolved(&[lonely], "").err().unwrap();
            assert_eq!(problems, ["GRPC_TLS_CERT and GRPC_TLS_KEY: both of them or none"]);
        }
        let both = ["--grpc-tls-cert=/dev/null", "--grpc-tls-key=/not/there"];
        let problems = resolved(&both, "").err().unwrap();
        assert!(problems[0].starts_with("GRPC_TLS_KEY: /not/there: "), "{problems:?}");
    }

    #[test]
    fn the_web_ui_of_temporal_is_named_by_a_url_or_not_at_all() {
        let of = |given: &str| {
            resolved(&[&format!("--temporal-ui-url={given}")], "").map(|config| config.temporal_ui)
        };
        assert!(of("").ok().unwrap().is_none());
        for base in ["http://127.0.0.1:8233", "http://temporal.example/ui/"] {
            assert_eq!(of(base).ok().unwrap().unwrap(), Url::parse(base).unwrap());
        }
        for wrong in ["127.0.0.1:8233", "javascript:alert(1)", "http://ui.example/?a=b"] {
            let problems = of(wrong).err().unwrap();
            assert!(problems[0].starts_with("TEMPORAL_UI_URL: an http"), "{problems:?}");
        }
    }

    #[test]
    fn no_secret_is_a_flag_and_the_help_names_each_without_its_value() {
        use clap::CommandFactory;
        let help = Settings::command().render_long_help().to_string();
        let names = [&SHARED_SECRETS[..], &settings::SECRETS].concat();
        for name in names {
            let flag = format!("--{}=x", name.to_lowercase().replace('_', "-"));
            assert!(
                Settings::try_parse_from(COMPLETE.iter().copied().chain([flag.as_str()])).is_err(),
                "{flag}"
            );
            assert!(help.contains(name), "{name}");
        }
        assert!(!help.contains("[env: DATABASE_URL"), "{help}");
    }

    #[test]
    fn everything_that_is_wrong_is_named_at_once() {
        let without_url = COMPLETE.iter().filter(|argument| !argument.starts_with("--wms-url="));
        let wrong = ["--api-listen=8080", "--api-metrics-listen=0.0.0.0:1", "--wms-url=ftp://x"];
        let settings = Settings::try_parse_from(without_url.chain(&wrong)).unwrap();
        let problems = settings.resolve(&secrets("short")).err().unwrap().join("\n");
        for name in ["API_LISTEN", "API_METRICS_LISTEN", "AUTH_HS256_SECRET", "WMS_URL"] {
            assert!(problems.contains(name), "{name} in {problems}");
        }
    }

    #[test]
    fn secrets_do_not_show_in_debug() {
        let shown = format!("{:?} {:?}", settings(&[]), secrets(SIGNED_WITH));
        for secret in ["hush", "admin-token", "wms-token", "whsec", "waybill@"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }
}
