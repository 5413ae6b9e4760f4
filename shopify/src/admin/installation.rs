//! How the app stands in the shop: its access scopes, its webhook subscriptions, and the version that answers.

use serde::Deserialize;
use serde_json::json;

use super::error::ShopifyError;
use super::pages::{Connection, UNREADABLE};
use super::{AdminClient, operations};

/// What the app has to be allowed for all that we do, as the README lists it.
const NEEDED_SCOPES: [&str; 6] = [
    "read_orders",
    "write_orders",
    "read_merchant_managed_fulfillment_orders",
    "write_merchant_managed_fulfillment_orders",
    "read_locations",
    "read_returns",
];
/// The same, where some of what we ship is a fulfilment service's.
const SCOPES_OF_SERVICES: [&str; 2] =
    ["read_assigned_fulfillment_orders", "write_assigned_fulfillment_orders"];

/// The access scopes that are needed; `ships_for_services` where the shop has us ship lines of fulfilment services.
#[must_use]
pub fn needed_scopes(ships_for_services: bool) -> Vec<&'static str> {
    let more = if ships_for_services { &SCOPES_OF_SERVICES[..] } else { &[] };
    NEEDED_SCOPES.iter().chain(more).copied().collect()
}

/// Those of `needed` that were not granted. Whoever may write may read, even where that is not listed.
#[must_use]
pub fn missing_scopes<'a>(needed: &[&'a str], granted: &[String]) -> Vec<&'a str> {
    let has = |scope: &str| granted.iter().any(|known| known == scope);
    let may = |scope: &str| {
        has(scope) || scope.strip_prefix("read_").is_some_and(|what| has(&format!("write_{what}")))
    };
    needed.iter().copied().filter(|scope| !may(scope)).collect()
}

/// The app as it is installed in the shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// The access scopes it was granted.
    pub scopes: Vec<String>,
    /// The API version that answered, where the answer said so: another one than was asked for is a version whose time
    /// is over, for which Shopify answers with the oldest it still has.
    pub version: Option<String>,
}

/// A webhook subscription that was made through the API. What an app's own `shopify.app.toml` subscribes to is not
/// shown by Shopify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The topic as a webhook's header has it, such as `orders/create`, in the letters of the API: `ORDERS_CREATE`.
    pub topic: String,
    /// Where the webhooks go.
    pub uri: String,
    /// The API version they are written in.
    pub version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InstallationNode {
    access_scopes: Vec<Handle>,
}

#[derive(Deserialize)]
struct Handle {
    handle: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubscriptionNode {
    topic: String,
    uri: String,
    api_version: Handle,
}

impl AdminClient {
    /// How the app is installed.
    ///
    /// # Errors
    /// [`ShopifyError`].
    pub async fn installation(&self) -> Result<Installation, ShopifyError> {
        let asked = self.transport.call_and_version::<InstallationNode>(operations::INSTALLATION, json!({}));
        let (node, version) = asked.await?;
        let scopes = node.ok_or(UNREADABLE)?.access_scopes.into_iter().map(|scope| scope.handle).collect();
        Ok(Installation { scopes, version })
    }

    /// All webhook subscriptions that were made through the API for this app and shop.
    ///
    /// # Errors
    /// [`ShopifyError`].
    pub async fn subscriptions(&self) -> Result<Vec<Subscription>, ShopifyError> {
        let document = operations::SUBSCRIPTIONS;
        let page = |found: Option<Connection<SubscriptionNode>>| found.ok_or(UNREADABLE);
        let mut first = page(self.transport.call(document, json!({})).await?)?;
        let nodes = self.transport.all_pages(&mut first, document, json!({}), page).await?;
        let read = |node: SubscriptionNode| Subscription {
            topic: node.topic,
            uri: node.uri,
            version: node.api_version.handle,
        };
        Ok(nodes.into_iter().map(read).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_may_write_may_read() {
        let granted = ["write_orders", "read_locations"].map(str::to_owned);
        let needed = ["read_orders", "write_orders", "read_locations", "read_returns"];
        assert_eq!(missing_scopes(&needed, &granted), ["read_returns"]);
        assert_eq!(missing_scopes(&["write_locations"], &granted), ["write_locations"]);
    }

    #[test]
    fn the_readme_lists_every_scope() {
        let readme = include_str!("../../../README.md");
        for scope in needed_scopes(true) {
            assert!(readme.contains(&format!("`{scope}`")), "{scope}");
        }
    }
}
