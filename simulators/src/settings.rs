//! The settings of the process: every field is a flag and an environment variable, but secrets, which are
//! variables alone: a flag stands in the list of processes.

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Parser;
use thiserror::Error;

const SECRETS_HELP: &str = "Secrets come from the environment, each in a variable or, with _FILE at the end of its \
                            name, in a file that the variable names: SIM_SHOPIFY_WEBHOOK_SECRET, \
                            SIM_SHOPIFY_ADMIN_TOKEN, SIM_WMS_TOKEN, SIM_WMS_WEBHOOK_SECRET, SIM_SECOND_WMS_TOKEN, \
                            SIM_SECOND_WMS_WEBHOOK_SECRET";

// Everybody knows these.
const SHOPIFY_WEBHOOK_SECRET: &str = "hush_test_client_secret";
const SHOPIFY_ADMIN_TOKEN: &str = "shpat_demo_token";
const WMS_TOKEN: &str = "wms_demo_bearer_token";
const WMS_WEBHOOK_SECRET: &str = "whsec_d2F5YmlsbC1kZW1vLXdhcmVob3VzZS1zZWNyZXQ=";
const SECOND_WMS_TOKEN: &str = "depot_demo_api_key";
const SECOND_WMS_WEBHOOK_SECRET: &str = "whsec_d2F5YmlsbC1kZW1vLWRlcG90LXNlY3JldA==";

/// Stand-ins for Shopify and a WMS. State is in memory.
#[derive(Clone, Parser)]
#[command(name = "waybill-simulators", version, after_help = SECRETS_HELP)]
pub struct Settings {
    /// Where the simulated Shopify listens; one that others can reach needs secrets of its own. Port 0 takes a free one.
    #[arg(long, env = "SIM_SHOPIFY_LISTEN", default_value = "127.0.0.1:9090")]
    pub shopify_listen: SocketAddr,
    /// Where the simulated WMS listens; one that others can reach needs secrets of its own. Port 0 takes a free one.
    #[arg(long, env = "SIM_WMS_LISTEN", default_value = "127.0.0.1:9091")]
    pub wms_listen: SocketAddr,
    /// The shop of an order that is placed without `?shop=`.
    #[arg(long, env = "SIM_SHOP_DOMAIN", default_value = "anyx-demo.myshopify.com")]
    pub shop_domain: String,
    /// Signs the webhooks of Shopify (HMAC-SHA256 over the raw body).
    #[arg(skip = SHOPIFY_WEBHOOK_SECRET.to_owned())]
    pub shopify_webhook_secret: String,
    /// Where the webhooks of Shopify go.
    #[arg(long, env = "SIM_SHOPIFY_WEBHOOK_URL", default_value = "http://127.0.0.1:8080/webhooks/shopify")]
    pub shopify_webhook_url: String,
    /// The Admin API token that callers must present.
    #[arg(skip = SHOPIFY_ADMIN_TOKEN.to_owned())]
    pub shopify_admin_token: String,
    /// What the shop knows our app by; its client secret is the one that signs webhooks.
    #[arg(long, env = "SIM_SHOPIFY_CLIENT_ID", default_value = "waybill-demo-app")]
    pub shopify_client_id: String,
    /// How long access tokens that are granted are good for, in milliseconds; by default as long as the real ones.
    #[arg(long, env = "SIM_SHOPIFY_TOKEN_LIFETIME_MS")]
    pub shopify_token_lifetime_ms: Option<u64>,
    /// Whether an order that our side cancelled is announced like one the shop cancelled.
    #[arg(long, env = "SIM_SHOPIFY_ANNOUNCE_OWN_CANCEL", default_value_t = true, action = clap::ArgAction::Set)]
    pub shopify_announce_own_cancel: bool,
    /// Whether the shop says by webhook what our side fulfilled or refunded in it.
    #[arg(long, env = "SIM_SHOPIFY_ECHO", default_value_t = true, action = clap::ArgAction::Set)]
    pub shopify_echo: bool,
    /// How long a cancellation that our side asks for takes, in milliseconds.
    #[arg(long, env = "SIM_SHOPIFY_CANCEL_AFTER_MS", default_value_t = 0)]
    pub shopify_cancel_after_ms: u64,
    /// How many points the bucket of the Admin API holds.
    #[arg(long, env = "SIM_SHOPIFY_BUCKET_POINTS", default_value_t = 2_000)]
    pub shopify_bucket_points: u32,
    /// How many points per second flow back into that bucket.
    #[arg(long, env = "SIM_SHOPIFY_RESTORE_PER_S", default_value_t = 100)]
    pub shopify_restore_per_s: u32,
    /// How long after an order its fulfilment orders appear, in milliseconds.
    #[arg(long, env = "SIM_FULFILMENT_ORDER_AFTER_MS", default_value_t = 200)]
    pub fulfilment_order_after_ms: u64,
    /// The bearer token that callers of the WMS must present.
    #[arg(skip = WMS_TOKEN.to_owned())]
    pub wms_token: String,
    /// Signs the callbacks of the WMS (Standard Webhooks): `whsec_` and base64.
    #[arg(skip = WMS_WEBHOOK_SECRET.to_owned())]
    pub wms_webhook_secret: String,
    /// Where the callbacks of the WMS go.
    #[arg(long, env = "SIM_WMS_WEBHOOK_URL", default_value = "http://127.0.0.1:8080/webhooks/wms")]
    pub wms_webhook_url: String,
    /// What the second WMS is called; it stands under `/fulfilment/v2` of the first, and speaks another dialect.
    #[arg(long, env = "SIM_SECOND_WMS_NAME", default_value = "depot")]
    pub second_wms_name: String,
    /// The key that callers of the second WMS must present.
    #[arg(skip = SECOND_WMS_TOKEN.to_owned())]
    pub second_wms_token: String,
    /// Signs the callbacks of the second WMS (Standard Webhooks): `whsec_` and base64.
    #[arg(skip = SECOND_WMS_WEBHOOK_SECRET.to_owned())]
    pub second_wms_webhook_secret: String,
    /// Where the callbacks of the second WMS go; without it nobody is called back.
    #[arg(long, env = "SIM_SECOND_WMS_WEBHOOK_URL")]
    pub second_wms_webhook_url: Option<String>,
    /// How long a shipment takes from accepted to shipped, in milliseconds.
    #[arg(long, env = "SIM_WMS_SHIP_AFTER_MS", default_value_t = 600)]
    pub wms_ship_after_ms: u64,
    /// How long a shipment takes from shipped to delivered, in milliseconds.
    #[arg(long, env = "SIM_WMS_DELIVER_AFTER_MS", default_value_t = 3_000)]
    pub wms_deliver_after_ms: u64,
}

/// Why the simulators cannot start.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// Others can reach the simulators, and everybody knows the secrets that they come with.
    #[error("{variable}={address}: others can reach this address, so these need secrets of their own: {}", .published.join(", "))]
    PublishedSecrets {
        /// The environment variable of the address.
        variable: &'static str,
        /// The address it asked for.
        address: SocketAddr,
        /// The environment variables of the secrets.
        published: Vec<&'static str>,
    },
    /// The address is taken or not ours.
    #[error("{variable}={address} cannot be listened on: {source}")]
    Bind {
        /// The environment variable at fault.
        variable: &'static str,
        /// The address it asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// A secret that is given and cannot be read.
    #[error("{variable}: {cause}")]
    Secret {
        /// The environment variable at fault.
        variable: String,
        /// What the system said.
        cause: String,
    },
    /// Not `whsec_` followed by base64.
    #[error("{0} must be `whsec_` followed by base64")]
    WebhookSecret(&'static str),
    /// The HTTP client for webhooks and callbacks.
    #[error("the HTTP client cannot be built: {0}")]
    Client(#[from] reqwest::Error),
}

impl Settings {
    /// The process's own flags and environment.
    ///
    /// # Errors
    /// A secret that cannot be read.
    pub fn of_process() -> Result<Self, SettingsError> {
        Self::parse().with_secrets(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    /// Every secret by its variable, with the one that everybody knows.
    fn secrets(&mut self) -> [(&'static str, &mut String, &'static str); 6] {
        [
            ("SIM_SHOPIFY_WEBHOOK_SECRET", &mut self.shopify_webhook_secret, SHOPIFY_WEBHOOK_SECRET),
            ("SIM_SHOPIFY_ADMIN_TOKEN", &mut self.shopify_admin_token, SHOPIFY_ADMIN_TOKEN),
            ("SIM_WMS_TOKEN", &mut self.wms_token, WMS_TOKEN),
            ("SIM_WMS_WEBHOOK_SECRET", &mut self.wms_webhook_secret, WMS_WEBHOOK_SECRET),
            ("SIM_SECOND_WMS_TOKEN", &mut self.second_wms_token, SECOND_WMS_TOKEN),
            ("SIM_SECOND_WMS_WEBHOOK_SECRET", &mut self.second_wms_webhook_secret, SECOND_WMS_WEBHOOK_SECRET),
        ]
    }

    fn with_secrets(mut self, variable: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        for (name, secret, _) in self.secrets() {
            if let Some(given) = variable(name) {
                *secret = given;
            }
            let file = format!("{name}_FILE");
            if let Some(path) = variable(&file) {
                let read = std::fs::read_to_string(&path);
                let read = read.map_err(|error| format!("{path}: {error}"));
                *secret =
                    read.map_err(|cause| SettingsError::Secret { variable: file, cause })?.trim().to_owned();
            }
        }
        Ok(self)
    }

    /// Refuses what cannot work.
    ///
    /// # Errors
    /// Secrets that everybody knows at an address that others can reach, or a WMS secret that cannot be decoded.
    pub fn check(&self) -> Result<(), SettingsError> {
        let mut copy = self.clone();
        let secrets = copy.secrets();
        let published: Vec<_> =
            secrets.into_iter().filter(|(_, given, known)| given == known).map(|(name, ..)| name).collect();
        for (variable, address) in
            [("SIM_SHOPIFY_LISTEN", self.shopify_listen), ("SIM_WMS_LISTEN", self.wms_listen)]
        {
            if !address.ip().is_loopback() && !published.is_empty() {
                return Err(SettingsError::PublishedSecrets { variable, address, published });
            }
        }
        self.wms_signing_key()?;
        self.second_wms_signing_key().map(|_| ())
    }

    pub(crate) fn wms_signing_key(&self) -> Result<Vec<u8>, SettingsError> {
        signing_key("SIM_WMS_WEBHOOK_SECRET", &self.wms_webhook_secret)
    }

    pub(crate) fn second_wms_signing_key(&self) -> Result<Vec<u8>, SettingsError> {
        signing_key("SIM_SECOND_WMS_WEBHOOK_SECRET", &self.second_wms_webhook_secret)
    }
}

/// The bytes behind `whsec_`.
fn signing_key(variable: &'static str, secret: &str) -> Result<Vec<u8>, SettingsError> {
    secret
        .strip_prefix("whsec_")
        .and_then(|encoded| STANDARD.decode(encoded).ok())
        .filter(|key| !key.is_empty())
        .ok_or(SettingsError::WebhookSecret(variable))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_a_variable_or_a_file_and_no_flag() {
        for flag in [
            "shopify-webhook-secret",
            "shopify-admin-token",
            "wms-token",
            "wms-webhook-secret",
            "second-wms-token",
            "second-wms-webhook-secret",
        ] {
            let flag = format!("--{flag}=hush");
            assert!(Settings::try_parse_from(["waybill-simulators", &flag]).is_err(), "{flag}");
        }
        let path = std::env::temp_dir().join(format!("waybill-simulators-{}", std::process::id()));
        std::fs::write(&path, "of the file\n").unwrap();
        let with = |path: &str| {
            let path = path.to_owned();
            Settings::parse_from(["waybill-simulators"]).with_secrets(move |name| match name {
                "SIM_WMS_TOKEN" => Some("of the variable".to_owned()),
                "SIM_SECOND_WMS_TOKEN" => Some("of another variable".to_owned()),
                "SIM_SHOPIFY_ADMIN_TOKEN_FILE" => Some(path.clone()),
                _ => None,
            })
        };
        let settings = with(path.to_str().unwrap()).unwrap();
        std::fs::remove_file(path).unwrap();
        assert_eq!(settings.wms_token, "of the variable");
        assert_eq!(settings.second_wms_token, "of another variable");
        assert_eq!(settings.shopify_admin_token, "of the file");
        assert_eq!(settings.shopify_webhook_secret, "hush_test_client_secret");
        let refused = with("/not/there").err().unwrap().to_string();
        assert!(refused.starts_with("SIM_SHOPIFY_ADMIN_TOKEN_FILE: /not/there: "), "{refused}");
    }

    #[test]
    fn others_reach_the_simulators_only_where_every_secret_is_their_own() {
        for flag in ["--shopify-listen=0.0.0.0:9090", "--wms-listen=192.0.2.1:9091"] {
            let settings = Settings::parse_from(["waybill-simulators", flag]);
            let refused = settings.check().err().unwrap().to_string();
            assert!(refused.contains("SIM_SHOPIFY_WEBHOOK_SECRET, SIM_SHOPIFY_ADMIN_TOKEN, "), "{refused}");
            let own = |name: &str| (!name.ends_with("_FILE")).then(|| "whsec_b3duIHNlY3JldA==".to_owned());
            assert!(settings.clone().with_secrets(own).unwrap().check().is_ok());
            let all_but_one = |name: &str| own(name).filter(|_| name != "SIM_SECOND_WMS_TOKEN");
            let refused = settings.with_secrets(all_but_one).unwrap().check().err().unwrap().to_string();
            assert!(refused.ends_with(": SIM_SECOND_WMS_TOKEN"), "{refused}");
        }
    }

    #[test]
    fn a_secret_that_signs_nothing_is_named_by_its_variable() {
        let mut settings = Settings::parse_from(["waybill-simulators"]);
        assert!(settings.check().is_ok());
        settings.second_wms_webhook_secret = "whsec_".to_owned();
        let refused = settings.check().err().unwrap().to_string();
        assert!(refused.starts_with("SIM_SECOND_WMS_WEBHOOK_SECRET must be"), "{refused}");
    }
}
