//! Where the servers of the demo are: where the environment says, else where `scripts/local.env` does.

use std::env;

use anyhow::Context;

/// The shop whose orders the demo fulfils.
pub const SHOP: &str = "anyx-demo.myshopify.com";

/// What everything on this machine begins with.
const LOCAL: &str = include_str!("../../../scripts/local.env");

/// What the demo calls, and what it tells people to look at.
pub struct Settings {
    /// The API's URL.
    pub api: String,
    /// Where the simulated Shopify listens.
    pub shopify: String,
    /// Where the simulated WMS listens.
    pub warehouse: String,
    /// Temporal's address.
    pub temporal: String,
    /// The Temporal Web UI's URL.
    pub temporal_ui: String,
    /// Where logs and process ids are kept.
    pub folder: String,
}

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    /// Names a variable that has a value nowhere.
    pub fn from_environment() -> anyhow::Result<Self> {
        Self::read(&|variable| env::var(variable).ok().filter(|value| !value.is_empty()))
    }

    fn read(variable: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let value = |name: &str| {
            let given = variable(name).or_else(|| usual(name).map(str::to_owned));
            given.with_context(|| format!("{name} is neither set nor in scripts/local.env"))
        };
        Ok(Self {
            // One that listens everywhere is called on loopback.
            api: format!("http://{}", value("API_LISTEN")?.replace("0.0.0.0", "127.0.0.1")),
            shopify: value("SIM_SHOPIFY_LISTEN")?,
            warehouse: value("SIM_WMS_LISTEN")?,
            temporal: format!("127.0.0.1:{}", value("WAYBILL_TEMPORAL_PORT")?),
            temporal_ui: format!("http://127.0.0.1:{}", value("WAYBILL_TEMPORAL_UI_PORT")?),
            folder: format!("{}/demo", value("WAYBILL_DIR")?),
        })
    }
}

/// The value of a variable that nobody has set.
pub fn usual(name: &str) -> Option<&'static str> {
    let opening = format!("{name}=${{{name}:-");
    LOCAL.lines().find_map(|line| line.strip_prefix(&opening)?.strip_suffix('}'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token;

    #[test]
    fn what_nobody_has_set_is_as_the_file_says() {
        let settings = Settings::read(&|_| None).expect("valid settings");
        assert_eq!(
            (settings.api.as_str(), settings.shopify.as_str()),
            ("http://127.0.0.1:8080", "127.0.0.1:9090")
        );
        assert_eq!(
            (settings.temporal.as_str(), settings.folder.as_str()),
            ("127.0.0.1:7233", ".waybill/demo")
        );
    }

    #[test]
    fn a_server_that_listens_everywhere_is_called_on_loopback() {
        let everywhere = |name: &str| (name == "API_LISTEN").then(|| "0.0.0.0:81".to_owned());
        assert_eq!(Settings::read(&everywhere).expect("valid settings").api, "http://127.0.0.1:81");
    }

    #[test]
    fn the_file_names_the_shop_and_the_secret_that_are_known_here() {
        assert!(LOCAL.lines().any(|line| line.strip_prefix("SHOPIFY_SHOP=") == Some(SHOP)));
        assert_eq!(usual("AUTH_HS256_SECRET"), Some(token::DEMO_SECRET));
    }
}
