//! The warehouse systems as they are configured: the first by variables, others in the file.

use domain::{LaneName, WarehouseId, WarehouseSystem};
use serde::Deserialize;
use url::Url;
use warehouse::{Dialect, callback::CallbackSecret, client::WarehouseToken};

use super::{FEWEST_SECRET_BYTES, Needs, Problems};

/// A warehouse system.
#[derive(Clone)]
pub struct System {
    /// What it is called.
    pub name: WarehouseSystem,
    /// How it speaks.
    pub dialect: Dialect,
    /// Its base URL.
    pub url: Url,
    /// Its token; none in a process that does not call it.
    pub token: Option<WarehouseToken>,
    /// Secrets of its callbacks, the new and the old one; none in a process that takes no callbacks.
    pub webhook_secrets: Vec<CallbackSecret>,
    /// The warehouses that it ships for; none for the first system, which ships for all that no other names.
    pub warehouses: Vec<WarehouseId>,
}

impl System {
    /// The lane of its calls.
    #[must_use]
    pub fn lane(&self) -> LaneName {
        LaneName::of_system(&self.name)
    }
}

/// One entry of `[[warehouse_systems]]`, or what the variables say of the first.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SystemEntry {
    pub(super) name: String,
    #[serde(default)]
    pub(super) dialect: Dialect,
    pub(super) url: String,
    #[serde(default)]
    pub(super) token: String,
    #[serde(default)]
    pub(super) webhook_secrets: Vec<String>,
    pub(super) warehouses: Vec<WarehouseId>,
}

impl SystemEntry {
    /// `key` says what a setting is called to whoever set it.
    pub(super) fn check(
        self,
        key: &dyn Fn(&str) -> String,
        needs: &Needs,
        problems: &mut Problems,
    ) -> Option<System> {
        let name = problems.parsed(&key("name"), WarehouseSystem::parse(&self.name));
        let url = problems.url(&key("url"), &self.url);
        let is_called =
            name.as_ref().is_some_and(|name| needs.calls.include(LaneName::of_system(name).as_str()));
        problems.secret(&key("token"), &self.token, is_called);
        if self.webhook_secrets.is_empty() && needs.webhooks {
            problems.add(&format!("{}: at least one is needed", key("webhook_secrets")));
        }
        let mut webhook_secrets = Vec::new();
        for secret in &self.webhook_secrets {
            match CallbackSecret::parse(secret) {
                Ok(secret) => webhook_secrets.push(secret),
                Err(_) => problems.add(&format!(
                    "{}: each is whsec_ followed by base64 of at least {FEWEST_SECRET_BYTES} bytes",
                    key("webhook_secrets")
                )),
            }
        }
        Some(System {
            name: name?,
            dialect: self.dialect,
            url: url?,
            token: Some(self.token).filter(|token| !token.is_empty()).map(WarehouseToken::new),
            webhook_secrets,
            warehouses: self.warehouses,
        })
    }
}

/// No name and no warehouse twice: of two systems nobody knows which one ships.
pub(super) fn check_all(systems: &[System], problems: &mut Problems) {
    for (index, system) in systems.iter().enumerate() {
        let (others, key) = (&systems[..index], format!("warehouse_systems[{}]", index.saturating_sub(1)));
        if others.iter().any(|other| other.name == system.name) {
            problems.add(&format!("{key}.name: {} is configured twice", system.name));
        }
        let twice =
            |warehouse: &&WarehouseId| others.iter().any(|other| other.warehouses.contains(warehouse));
        for warehouse in system.warehouses.iter().filter(twice) {
            problems.add(&format!("{key}.warehouses: {warehouse} has a system already"));
        }
    }
}
