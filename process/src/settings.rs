//! Settings that processes share. The field docs are the `--help`; all errors are reported at once.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    time::Duration,
};

use clap::Args;
use domain::{FulfilmentPolicy, LaneName, PromiseRules, Promises, ShopDomain, WarehouseId, WarehouseSystem};
use inventory_service::ClientSettings;
use serde::Deserialize;
use shop_tokens::ShopAccess;
use shopify::webhook::WebhookSecret;
use url::Url;
use warehouse::Dialect;

mod access;
mod channel_sync;
mod lanes;
mod problems;
mod promises;
mod runs;
mod secrets;
mod shops;
mod systems;

use access::Grant;
pub use channel_sync::{ChannelSync, DriftPolicy};
pub use lanes::{LaneSettings, MOST_LANES};
pub use problems::{Problems, is_on_loopback};
use promises::{CalendarEntry, PromiseEntry};
pub use runs::Runs;
pub use secrets::Secrets;
use shops::{Keys, ShopEntry};
pub use systems::System;
use systems::SystemEntry;

/// Whoever guesses a secret signs as its owner.
const FEWEST_SECRET_BYTES: usize = 16;

/// The settings as they are given.
#[derive(Args, Debug, Clone)]
pub struct SharedSettings {
    /// The one shop's permanent domain. For several shops use WAYBILL_CONFIG.
    #[arg(long, env = "SHOPIFY_SHOP")]
    shopify_shop: Option<String>,
    /// Base URL of the shop's Admin API; by default https://SHOPIFY_SHOP.
    #[arg(long, env = "SHOPIFY_ADMIN_URL")]
    shopify_admin_url: Option<String>,
    /// Client id of the app that calls the shop, in place of SHOPIFY_ADMIN_TOKEN; needs SHOPIFY_CLIENT_SECRET.
    #[arg(long, env = "SHOPIFY_CLIENT_ID")]
    shopify_client_id: Option<String>,
    /// How that app comes by its tokens: client_credentials (the default), where app and shop are of one organisation,
    /// or authorization_code, where somebody of the shop installs it at /shopify/install; needs WAYBILL_KEYS.
    #[arg(long, env = "SHOPIFY_GRANT")]
    shopify_grant: Option<String>,
    /// Base URL of the first warehouse system. For others use WAYBILL_CONFIG.
    #[arg(long, env = "WMS_URL")]
    wms_url: Option<String>,
    /// TOML file with one [[shops]] each (domain, admin_url, admin_token or client_id, client_secret and grant,
    /// webhook_secrets, lane, locations, policy, promise), further [[warehouse_systems]], [lanes], [warehouses] with their calendars,
    /// and a [policy] and a [promise] for orders of our own API.
    #[arg(long, env = "WAYBILL_CONFIG")]
    waybill_config: Option<PathBuf>,
    /// Base URL (http or https) of the inventory service, where stock is kept by a service of its own.
    /// Without it stock is in this process's own database.
    #[arg(long, env = "INVENTORY_SERVICE_URL")]
    inventory_service_url: Option<String>,
    /// PEM file with the certificates that the inventory service's own is checked with, for one that no public
    /// authority signed; by default those of the machine.
    #[arg(long, env = "INVENTORY_SERVICE_CA")]
    inventory_service_ca: Option<PathBuf>,
    /// Whether Shopify, the warehouse, the inventory service and Temporal may be spoken to without TLS on other
    /// machines: true or false (the default). Whoever stands between reads tokens and addresses then.
    #[arg(long, env = "ALLOW_PLAIN_HTTP")]
    allow_plain_http: Option<String>,
    /// Whether webhooks of subscribers may go to addresses that the internet does not reach, such as 10.0.0.1: true or
    /// false (the default).
    #[arg(long, env = "ALLOW_PRIVATE_WEBHOOKS")]
    allow_private_webhooks: Option<String>,
}

/// The secrets that both processes read.
pub const SHARED_SECRETS: [&str; 10] = [
    "DATABASE_URL",
    "WAYBILL_KEYS",
    "SHOPIFY_ADMIN_TOKEN",
    "SHOPIFY_CLIENT_SECRET",
    "SHOPIFY_WEBHOOK_SECRETS",
    "SHOPIFY_WEBHOOK_PATH",
    "WMS_TOKEN",
    "WMS_WEBHOOK_SECRETS",
    "INVENTORY_SERVICE_TOKEN",
    "TEMPORAL_API_KEY",
];

/// What a process does, and so which of the secrets it has to be given.
#[derive(Debug, Clone)]
pub struct Needs {
    /// It has to do with orders: there has to be a shop, and a first warehouse system.
    pub orders: bool,
    /// It takes webhooks and callbacks.
    pub webhooks: bool,
    /// The lanes whose calls it makes.
    pub calls: Runs,
}

/// The settings, checked.
#[derive(Clone)]
pub struct Shared {
    /// PostgreSQL. Holds a password: never logged.
    pub database_url: String,
    /// The shops whose webhooks are taken.
    pub shops: Shops,
    /// What the tokens of installed apps are kept under; none where no app is installed.
    pub keys: shop_tokens::Keys,
    /// The warehouse systems; the first one first.
    pub systems: Vec<System>,
    /// The lanes of calls to shops and warehouse systems.
    pub lanes: BTreeMap<LaneName, LaneSettings>,
    /// How orders of our own API are fulfilled.
    pub api_policy: FulfilmentPolicy,
    /// By when orders are promised to leave.
    pub promises: Promises,
    /// The service that keeps the stock; none if it is in this process's own database.
    pub inventory_service: Option<ClientSettings>,
    /// Whether all other systems that hold stock here are one.
    pub shared_allocations: bool,
    /// Whether other machines may be spoken to without TLS.
    pub plain_http: bool,
    /// Whether webhooks of subscribers may go to private addresses.
    pub private_webhooks: bool,
    /// The key of Temporal's API, where it wants one. Never logged.
    pub temporal_api_key: Option<String>,
    /// What customers may ask for.
    pub customers: CustomerLimits,
}

/// What a customer may ask for by itself in one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CustomerLimits {
    /// The longest it may be held.
    #[serde(with = "humantime_serde")]
    pub longest_hold: Duration,
    /// The most pieces of all its lines.
    pub most_pieces: u64,
}

impl Default for CustomerLimits {
    fn default() -> Self {
        Self { longest_hold: Duration::from_secs(60 * 60), most_pieces: 1_000 }
    }
}

/// The shops, by domain.
#[derive(Clone, Default)]
pub struct Shops {
    by_domain: HashMap<String, Shop>,
}

impl Shops {
    /// A configured shop.
    #[must_use]
    pub fn get(&self, domain: &str) -> Option<&Shop> {
        self.by_domain.get(domain)
    }

    /// Every configured shop.
    pub fn iter(&self) -> impl Iterator<Item = &Shop> {
        self.by_domain.values()
    }
}

/// One shop.
#[derive(Clone)]
pub struct Shop {
    /// Its permanent domain.
    pub domain: ShopDomain,
    /// Base URL of its Admin API.
    pub admin_url: Url,
    /// The lane of calls to it.
    pub lane: LaneName,
    /// How its Admin API is called; none in a process that does not call it.
    pub access: Option<ShopAccess>,
    /// Secrets of its webhooks, the new and the old one; none in a process that takes no webhooks.
    pub webhook_secrets: Vec<WebhookSecret>,
    /// The last part of the path that its webhooks have to come by; none if it may be its domain, or nothing.
    pub webhook_path: Option<String>,
    /// Which of its locations is which warehouse.
    pub locations: HashMap<i64, WarehouseId>,
    /// Handles of fulfilment services whose lines we ship, beside lines of none and of `manual`.
    pub fulfillment_services: Vec<String>,
    /// How its orders are fulfilled.
    pub policy: FulfilmentPolicy,
    /// Until when an order is in time for the day; none where nothing is promised.
    pub promise: Option<PromiseRules>,
    /// How its stock levels are kept right; none where they are not.
    pub channel_sync: Option<ChannelSync>,
}

impl Shop {
    /// Whether its webhooks may come by `/webhooks/shopify`, or by that and this part.
    #[must_use]
    pub fn is_at(&self, path: Option<&str>) -> bool {
        match (&self.webhook_path, path) {
            (Some(needed), path) => path == Some(needed.as_str()),
            (None, None) => true,
            (None, Some(path)) => path == self.domain.as_str(),
        }
    }
}

/// The file named by `WAYBILL_CONFIG`.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct ConfigFile {
    shops: Vec<ShopEntry>,
    warehouse_systems: Vec<SystemEntry>,
    lanes: BTreeMap<String, LaneSettings>,
    policy: toml::Table,
    promise: Option<PromiseEntry>,
    warehouses: BTreeMap<String, CalendarEntry>,
    shared_allocations: bool,
    customers: CustomerLimits,
}

impl SharedSettings {
    /// Checks everything. What is missing or wrong is among the problems, each named; then there are no settings.
    pub fn resolve(&self, secrets: &Secrets, needs: &Needs, problems: &mut Problems) -> Option<Shared> {
        secrets.problems().iter().for_each(|problem| problems.add(problem));
        problems.allows_plain_http = problems.flag("ALLOW_PLAIN_HTTP", self.allow_plain_http.as_deref());
        let private_webhooks =
            problems.flag("ALLOW_PRIVATE_WEBHOOKS", self.allow_private_webhooks.as_deref());
        let database_url = secrets.get("DATABASE_URL").unwrap_or_default().to_owned();
        if database_url.is_empty() {
            problems.add("DATABASE_URL: is not set");
        }
        let mut file = self.config_file(problems);
        let shops = self.shops(std::mem::take(&mut file.shops), secrets, needs, problems);
        let keys = access::keys(&shops, secrets, problems);
        let api_policy = problems.policy("policy", file.policy);
        let systems = self.systems(file.warehouse_systems, secrets, needs, problems);
        let lanes = lanes::all(&systems, &mut shops.iter(), file.lanes, problems);
        let promises = promises::check_all(file.promise, &shops, file.warehouses, problems);
        let inventory_service = self.inventory_service(secrets, problems);
        let temporal_api_key = secrets.get("TEMPORAL_API_KEY").map(str::to_owned);
        problems.secret("TEMPORAL_API_KEY", temporal_api_key.as_deref().unwrap_or_default(), false);
        problems.is_empty().then_some(Shared {
            database_url,
            shops,
            keys,
            systems,
            lanes,
            api_policy,
            promises,
            inventory_service,
            shared_allocations: file.shared_allocations,
            plain_http: problems.allows_plain_http,
            private_webhooks,
            temporal_api_key,
            customers: file.customers,
        })
    }

    fn shops(
        &self,
        listed: Vec<ShopEntry>,
        secrets: &Secrets,
        needs: &Needs,
        problems: &mut Problems,
    ) -> Shops {
        if needs.orders && listed.is_empty() && self.shopify_shop.is_none() {
            problems.add(
                "SHOPIFY_SHOP: no shop is configured; set SHOPIFY_SHOP or list [[shops]] in WAYBILL_CONFIG",
            );
        }
        let mut shops = Shops::default();
        let listed = listed.into_iter().enumerate().map(|(index, shop)| (Keys::Listed(index), shop));
        let single = self.single_shop(secrets, problems).map(|shop| (Keys::Single, shop));
        for (keys, entry) in listed.chain(single) {
            if let Some(shop) = entry.check(&keys, needs, problems)
                && let Some(twice) = shops.by_domain.insert(shop.domain.as_str().to_owned(), shop)
            {
                problems.add(&format!("{}: {} is configured twice", keys.name("domain"), twice.domain));
            }
        }
        shops
    }

    fn systems(
        &self,
        listed: Vec<SystemEntry>,
        secrets: &Secrets,
        needs: &Needs,
        problems: &mut Problems,
    ) -> Vec<System> {
        let first = SystemEntry {
            name: WarehouseSystem::first().to_string(),
            dialect: Dialect::Shipments,
            url: self.wms_url.clone().unwrap_or_default(),
            token: secrets.get("WMS_TOKEN").unwrap_or_default().to_owned(),
            webhook_secrets: comma_separated(secrets.get("WMS_WEBHOOK_SECRETS").unwrap_or_default()),
            warehouses: Vec::new(),
        };
        let mut systems = Vec::new();
        if needs.orders || self.wms_url.is_some() {
            systems.extend(first.check(&|key| format!("WMS_{}", key.to_uppercase()), needs, problems));
        }
        for (index, entry) in listed.into_iter().enumerate() {
            systems.extend(entry.check(&|key| format!("warehouse_systems[{index}].{key}"), needs, problems));
        }
        systems::check_all(&systems, problems);
        systems
    }

    /// Whether stock is kept by a service of its own.
    #[must_use]
    pub fn has_inventory_service(&self) -> bool {
        self.inventory_service_url.is_some()
    }

    fn config_file(&self, problems: &mut Problems) -> ConfigFile {
        let Some(path) = &self.waybill_config else { return ConfigFile::default() };
        let read = std::fs::read_to_string(path).map_err(|error| error.to_string());
        read.and_then(|text| parsed(&text)).unwrap_or_else(|error| {
            problems.add(&format!("WAYBILL_CONFIG: {}: {error}", path.display()));
            ConfigFile::default()
        })
    }

    fn single_shop(&self, secrets: &Secrets, problems: &mut Problems) -> Option<ShopEntry> {
        let domain = self.shopify_shop.clone()?;
        let grant = self.shopify_grant.as_deref().filter(|given| !given.is_empty());
        let read = |given: &str| {
            let grant = Grant::parse(given);
            if grant.is_none() {
                problems.add(&format!("SHOPIFY_GRANT={given}: client_credentials or authorization_code"));
            }
            grant
        };
        Some(ShopEntry {
            domain,
            admin_url: self.shopify_admin_url.clone(),
            admin_token: secrets.get("SHOPIFY_ADMIN_TOKEN").unwrap_or_default().to_owned(),
            client_id: self.shopify_client_id.clone(),
            client_secret: secrets.get("SHOPIFY_CLIENT_SECRET").unwrap_or_default().to_owned(),
            grant: grant.and_then(read),
            webhook_secrets: comma_separated(secrets.get("SHOPIFY_WEBHOOK_SECRETS").unwrap_or_default()),
            webhook_path: secrets.get("SHOPIFY_WEBHOOK_PATH").map(str::to_owned),
            ..ShopEntry::default()
        })
    }

    fn inventory_service(&self, secrets: &Secrets, problems: &mut Problems) -> Option<ClientSettings> {
        let url = problems.url("INVENTORY_SERVICE_URL", self.inventory_service_url.as_deref()?)?;
        let token = secrets.get("INVENTORY_SERVICE_TOKEN").map(str::to_owned);
        problems.secret("INVENTORY_SERVICE_TOKEN", token.as_deref().unwrap_or_default(), false);
        if token.as_deref().is_some_and(|token| !token.bytes().all(|byte| byte.is_ascii_graphic())) {
            problems.add("INVENTORY_SERVICE_TOKEN: letters, digits and signs alone, no spaces");
        }
        let authorities = problems.file("INVENTORY_SERVICE_CA", self.inventory_service_ca.as_deref());
        Some(ClientSettings { authorities, ..ClientSettings::new(url, token) })
    }
}

/// Reads a configuration file. An error names the key and never its value, which may be a secret.
fn parsed(text: &str) -> Result<ConfigFile, String> {
    let document = toml::Deserializer::parse(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        format!("line {} is no TOML", before.matches('\n').count() + 1)
    })?;
    serde_path_to_error::deserialize(document).map_err(|error| without_values(&error))
}

/// Where something is wrong. What serde says besides may hold the value, unless it is about a name.
fn without_values(error: &serde_path_to_error::Error<toml::de::Error>) -> String {
    let (path, said) = (error.path(), error.inner().message());
    let is_about_a_name = said.starts_with("missing field") || said.starts_with("unknown field");
    let what = if is_about_a_name { said } else { "is not of the kind that is allowed there" };
    format!("{path}: {what}")
}

fn comma_separated(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
