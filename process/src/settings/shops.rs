//! A shop as it is configured, by variables or in the file, and what is wrong with it.

use std::collections::HashMap;

use domain::{LaneName, ShopDomain, WarehouseId};
use serde::Deserialize;
use shopify::webhook::WebhookSecret;

use super::{
    ChannelSync, FEWEST_SECRET_BYTES, Needs, Problems, PromiseEntry, Shop,
    access::{Given, Grant, Needed},
    lanes,
};

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct ShopEntry {
    pub(super) domain: String,
    #[serde(default)]
    pub(super) admin_url: Option<String>,
    #[serde(default)]
    pub(super) admin_token: String,
    #[serde(default)]
    pub(super) client_id: Option<String>,
    #[serde(default)]
    pub(super) client_secret: String,
    #[serde(default)]
    pub(super) grant: Option<Grant>,
    #[serde(default)]
    pub(super) webhook_secrets: Vec<String>,
    #[serde(default)]
    pub(super) lane: Option<String>,
    #[serde(default)]
    pub(super) webhook_path: Option<String>,
    #[serde(default)]
    pub(super) locations: HashMap<String, WarehouseId>,
    #[serde(default)]
    pub(super) fulfillment_services: Vec<String>,
    #[serde(default)]
    pub(super) policy: toml::Table,
    #[serde(default)]
    pub(super) promise: Option<PromiseEntry>,
    #[serde(default)]
    pub(super) channel_sync: Option<ChannelSync>,
}

/// Where a shop is configured, for what its settings are called.
pub(super) enum Keys {
    /// By variables.
    Single,
    /// In the file, at this place of the list.
    Listed(usize),
}

impl Keys {
    pub(super) fn name(&self, key: &str) -> String {
        match (self, key) {
            (Self::Listed(index), key) => format!("shops[{index}].{key}"),
            (Self::Single, "domain") => "SHOPIFY_SHOP".to_owned(),
            (Self::Single, key) => format!("SHOPIFY_{}", key.to_uppercase()),
        }
    }
}

impl ShopEntry {
    pub(super) fn check(self, keys: &Keys, needs: &Needs, problems: &mut Problems) -> Option<Shop> {
        let domain = problems.parsed(&keys.name("domain"), ShopDomain::parse(&self.domain));
        let lane = match (&self.lane, &domain) {
            (Some(given), _) => LaneName::parse(given).ok().filter(lanes::is_of_a_shop).or_else(|| {
                problems.add(&format!("{}: a name that begins with shopify-", keys.name("lane")));
                None
            }),
            (None, domain) => domain.as_ref().map(LaneName::of_shop),
        };
        let admin_url = self.admin_url.unwrap_or_else(|| format!("https://{}", self.domain));
        let admin_url = problems.url(&keys.name("admin_url"), &admin_url);
        let is_called = lane.as_ref().is_some_and(|lane| needs.calls.include(lane.as_str()));
        let given = Given {
            admin_token: self.admin_token,
            client_id: self.client_id,
            client_secret: self.client_secret,
            grant: self.grant,
        };
        let access = given.check(keys, &Needed { to_call: is_called, to_install: needs.webhooks }, problems);
        let name = keys.name("webhook_secrets");
        if self.webhook_secrets.is_empty() && needs.webhooks {
            problems.add(&format!("{name}: at least one is needed"));
        }
        if self.webhook_secrets.iter().any(|secret| secret.len() < FEWEST_SECRET_BYTES) {
            problems.add(&format!("{name}: each has at least {FEWEST_SECRET_BYTES} bytes"));
        }
        let is_part = |path: &String| {
            (FEWEST_SECRET_BYTES..=128).contains(&path.len())
                && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        if self.webhook_path.as_ref().is_some_and(|path| !is_part(path)) {
            problems.add(&format!(
                "{}: {FEWEST_SECRET_BYTES} to 128 letters, digits and the signs . _ -",
                keys.name("webhook_path")
            ));
        }
        let mut locations = HashMap::new();
        for (location, warehouse) in self.locations {
            match location.parse() {
                Ok(id) => {
                    locations.insert(id, warehouse);
                }
                Err(_) => problems.add(&format!("{}: {location} is no location id", keys.name("locations"))),
            }
        }
        let policy = problems.policy(&keys.name("policy"), self.policy);
        if self.channel_sync.is_some() && locations.is_empty() {
            problems.add(&format!(
                "{}: needs locations, which say where the shop is told what of",
                keys.name("channel_sync")
            ));
        }
        for location in self.channel_sync.iter().flat_map(|sync| sync.drift.keys()) {
            if !location.parse().is_ok_and(|id: i64| locations.contains_key(&id)) {
                let name = keys.name("channel_sync.drift");
                problems.add(&format!("{name}: {location} is none of the shop's locations"));
            }
        }
        let promise = self.promise.and_then(|entry| entry.check(&keys.name("promise"), problems));
        Some(Shop {
            domain: domain?,
            admin_url: admin_url?,
            lane: lane?,
            access,
            webhook_secrets: self.webhook_secrets.into_iter().map(WebhookSecret::new).collect(),
            webhook_path: self.webhook_path,
            locations,
            fulfillment_services: self.fulfillment_services,
            policy,
            promise,
            channel_sync: self.channel_sync,
        })
    }
}
