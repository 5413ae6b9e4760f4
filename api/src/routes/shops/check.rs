//! What is asked of a shop, and what is made of its answers.

use domain::ShopDomain;
use orders::inbox;
use process::settings::Shop;
use shopify::{
    admin::{
        API_VERSION, AdminClient, Installation, ShopLocation, ShopifyError, Subscription, missing_scopes,
        needed_scopes,
    },
    webhook::{NEEDED_TOPICS, Topic},
};
use sqlx::PgPool;
use url::Url;

use super::{FindingBody, words};
use crate::{problem::Problem, shop_apps::ShopApps};

type Asked<T> = Result<T, ShopifyError>;

/// What the shop answered.
pub(super) struct Checked {
    installation: Asked<Installation>,
    locations: Asked<Vec<ShopLocation>>,
    subscriptions: Asked<Vec<Subscription>>,
}

impl Checked {
    /// Asks it all.
    pub(super) async fn ask(client: &AdminClient) -> Self {
        let (installation, locations, subscriptions) =
            futures::join!(client.installation(), client.locations(), client.subscriptions());
        Self { installation, locations, subscriptions }
    }
}

/// Those of the topics that are needed of which the shop has sent a webhook.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn received(pool: &PgPool, shop: &Shop) -> Result<Vec<String>, Problem> {
    let mut conn = pool.acquire().await?;
    let shop: &ShopDomain = &shop.domain;
    Ok(inbox::topics_received(&mut conn, shop.as_str(), &NEEDED_TOPICS).await?)
}

/// All that is to be said; `asked` is none where the shop took too long.
pub(super) fn findings(
    apps: &ShopApps,
    shop: &Shop,
    asked: Option<Checked>,
    received: &[String],
) -> Vec<FindingBody> {
    let Some(Checked { installation, locations, subscriptions }) = asked else {
        return vec![words::no_answer()];
    };
    let installation = match installation {
        Ok(installation) => installation,
        // Without a token nothing else can be known.
        Err(error) => return vec![words::no_token(apps, shop, &error)],
    };
    let mut found = vec![
        FindingBody::right("token", "Shopify takes the token."),
        version(installation.version.as_deref()),
        scopes(shop, &installation.scopes),
    ];
    match locations {
        Ok(locations) => found.extend(of_locations(shop, &locations)),
        Err(error) => found.push(words::not_read("locations", &error)),
    }
    match subscriptions {
        Ok(subscriptions) => {
            let address = apps.address(&["webhooks", "shopify"]);
            found.extend(of_subscriptions(shop, address.as_ref(), &subscriptions, received));
        }
        Err(error) => found.push(words::not_read("subscriptions", &error)),
    }
    found
}

fn version(answered: Option<&str>) -> FindingBody {
    match answered {
        Some(API_VERSION) => {
            FindingBody::right("apiVersion", format!("Shopify answers in version {API_VERSION}."))
        }
        Some(other) => FindingBody::wrong("apiVersion", words::other_version(other)),
        None => FindingBody::look("apiVersion", words::unsaid_version()),
    }
}

fn scopes(shop: &Shop, granted: &[String]) -> FindingBody {
    let needed = needed_scopes(!shop.fulfillment_services.is_empty());
    let missing = missing_scopes(&needed, granted);
    if missing.is_empty() {
        return FindingBody::right("scopes", "All access scopes that are needed are granted.");
    }
    FindingBody::wrong("scopes", words::missing_scopes(&missing))
}

/// A location that is wrong is a sentence each: whoever mends one sees that it is gone.
fn of_locations(shop: &Shop, locations: &[ShopLocation]) -> Vec<FindingBody> {
    if shop.locations.is_empty() {
        return vec![FindingBody::right("locations", words::no_map())];
    }
    let mut mapped: Vec<_> = shop.locations.iter().collect();
    mapped.sort();
    let mut found: Vec<FindingBody> = mapped
        .into_iter()
        .filter_map(|(id, warehouse)| {
            let location = locations.iter().find(|location| location.id.0 == *id);
            let sentence = match location {
                Some(location) if location.is_active => return None,
                Some(location) => words::closed_location(*id, &location.name, warehouse),
                None => words::no_such_location(*id, warehouse, locations),
            };
            Some(FindingBody::wrong("locations", sentence))
        })
        .collect();
    let is_mapped = |location: &&ShopLocation| shop.locations.contains_key(&location.id.0);
    let others: Vec<&ShopLocation> =
        locations.iter().filter(|location| location.is_active && !is_mapped(location)).collect();
    if found.is_empty() {
        found.push(FindingBody::right("locations", "Every mapped location is there and open."));
    }
    if !others.is_empty() {
        found.push(FindingBody::look("locations", words::unmapped(&others)));
    }
    found
}

fn of_subscriptions(
    shop: &Shop,
    address: Option<&Url>,
    subscriptions: &[Subscription],
    received: &[String],
) -> Vec<FindingBody> {
    let mut found = Vec::new();
    for topic in NEEDED_TOPICS {
        let of_topic: Vec<&Subscription> =
            subscriptions.iter().filter(|known| known.topic == Topic::in_the_api(topic)).collect();
        let here = of_topic.iter().filter(|known| leads_here(shop, address, &known.uri)).count();
        let has_come = received.iter().any(|known| known == topic);
        if here > 1 {
            found.push(FindingBody::wrong("subscriptions", words::subscribed_twice(topic, here)));
        } else if here == 0 && !of_topic.is_empty() && !has_come {
            found
                .push(FindingBody::wrong("subscriptions", words::subscribed_elsewhere(topic, shop, address)));
        } else if here == 0 && !has_come {
            found.push(FindingBody::wrong("subscriptions", words::not_subscribed(topic, shop, address)));
        }
        if let Some(other) = of_topic.iter().find(|known| known.version != API_VERSION) {
            found.push(FindingBody::look(
                "subscriptions",
                words::other_webhook_version(topic, &other.version),
            ));
        }
    }
    if found.iter().all(|finding| finding.state != super::FindingState::Wrong) {
        found.insert(0, FindingBody::right("subscriptions", words::subscribed()));
    }
    found
}

/// Whether webhooks that go there come to us: to our address, or where that is not known to one with our path.
fn leads_here(shop: &Shop, address: Option<&Url>, uri: &str) -> bool {
    const OURS: &str = "/webhooks/shopify";
    let Ok(uri) = Url::parse(uri) else { return false };
    let Some((before, part)) = uri.path().split_once(OURS) else { return false };
    let is_our_host = address.is_none_or(|address| {
        uri.origin() == address.origin()
            && address.path().split_once(OURS).is_some_and(|(ours, _)| ours == before)
    });
    let part = part.trim_matches('/');
    is_our_host && shop.is_at(Some(part).filter(|part| !part.is_empty()))
}

#[cfg(test)]
mod tests;
