//! An app on its way into a shop (authorization code grant): where the browser is sent, and whether what comes back is
//! Shopify's answer to that.
//!
//! Shopify's page on the grant (November 2026) asks for three things of the callback: its `hmac` signs its query, its
//! `state` is the one that this browser was sent with, and its `shop` is a shop's domain.
//!
//! **Invariant:** what is compared with a secret is compared in constant time.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use url::{Url, form_urlencoded};

use crate::admin::{App, ClientSecret};
use crate::webhook::is_signed;
use domain::ShopDomain;

/// How long somebody may take to install the app, in seconds.
pub const STATE_LIFETIME_S: i64 = 10 * 60;

/// The parameters of a query that Shopify sends a browser with.
#[derive(derive_more::Debug, Clone)]
#[debug("SignedQuery(redacted)")]
pub struct SignedQuery {
    pairs: Vec<(String, String)>,
}

impl SignedQuery {
    /// Reads a query; none if a name stands in it twice.
    #[must_use]
    pub fn read(query: &str) -> Option<Self> {
        let mut pairs: Vec<(String, String)> =
            form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        pairs.sort();
        let is_twice = pairs.windows(2).any(|both| both[0].0 == both[1].0);
        (!is_twice).then_some(Self { pairs })
    }

    /// A parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether its `hmac` signs all the others, sorted by their names.
    #[must_use]
    pub fn is_signed_by(&self, secret: &ClientSecret) -> bool {
        let Some(given) = self.get("hmac").and_then(|given| hex::decode(given).ok()) else { return false };
        let signed = self.pairs.iter().filter(|(name, _)| name != "hmac");
        let signed = form_urlencoded::Serializer::new(String::new()).extend_pairs(signed).finish();
        !secret.bytes().is_empty() && bool::from(is_signed(secret.bytes(), signed.as_bytes(), &given))
    }
}

/// Where a browser is sent to have the app installed in a shop, or given further scopes.
///
/// # Errors
/// If the address cannot carry a path.
pub fn authorize_url(
    admin_url: &Url,
    app: &App,
    scopes: &[&str],
    back_to: &Url,
    state: &str,
) -> Result<Url, url::ParseError> {
    let mut url = admin_url.clone();
    url.path_segments_mut()
        .map_err(|()| url::ParseError::RelativeUrlWithCannotBeABaseBase)?
        .pop_if_empty()
        .extend(["admin", "oauth", "authorize"]);
    url.query_pairs_mut()
        .append_pair("client_id", &app.client_id)
        .append_pair("scope", &scopes.join(","))
        .append_pair("redirect_uri", back_to.as_str())
        .append_pair("state", state);
    Ok(url)
}

/// The state that a browser is sent with: nobody else can make one, it is good for one shop and for ten minutes, and
/// nothing has to be kept of it but the browser's own cookie.
#[must_use]
pub fn new_state(app: &App, shop: &ShopDomain, nonce: u128, now_s: i64) -> String {
    let stated = format!("{nonce:032x}.{}", now_s + STATE_LIFETIME_S);
    let mac = mac_of(app, shop, &stated);
    format!("{stated}.{mac}")
}

/// Whether the state that came back is the one of the browser's cookie, and was made here for this shop a while ago.
#[must_use]
pub fn is_our_state(app: &App, shop: &ShopDomain, given: &str, cookie: &str, now_s: i64) -> bool {
    let is_of_this_browser = given.as_bytes().ct_eq(cookie.as_bytes());
    let Some((stated, mac)) = given.rsplit_once('.') else { return false };
    let is_ours = mac.as_bytes().ct_eq(mac_of(app, shop, stated).as_bytes());
    let ends_s = stated.rsplit_once('.').and_then(|(_, ends)| ends.parse::<i64>().ok());
    bool::from(is_of_this_browser & is_ours) && ends_s.is_some_and(|ends| now_s < ends)
}

fn mac_of(app: &App, shop: &ShopDomain, stated: &str) -> String {
    // HMAC takes a key of any length, so this never fails; an empty text would fit no state.
    let mac = Hmac::<Sha256>::new_from_slice(app.client_secret.bytes()).map(|mut mac| {
        mac.update(format!("install {shop} {stated}").as_bytes());
        hex::encode(mac.finalize().into_bytes())
    });
    mac.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app() -> App {
        App { client_id: "an-app".into(), client_secret: ClientSecret::new("hush") }
    }

    fn shop(name: &str) -> ShopDomain {
        ShopDomain::parse(&format!("{name}.myshopify.com")).unwrap()
    }

    fn signed(query: &str, secret: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(query.as_bytes());
        format!("{query}&hmac={}", hex::encode(mac.finalize().into_bytes()))
    }

    fn holds(query: &str) -> bool {
        SignedQuery::read(query).is_some_and(|query| query.is_signed_by(&app().client_secret))
    }

    #[test]
    fn the_example_that_shopifys_older_pages_gave_holds() {
        let query = "code=0907a61c0c8d55e99db179b68161bc00\
                     &hmac=4712bf92ffc2917d15a2f5a273e39f0116667419aa4b6ac0b3baaf26fa3c4d20\
                     &shop=some-shop.myshopify.com&timestamp=1337178173";
        assert!(holds(query));
        assert!(!holds(&query.replace("some-shop", "other-shop")));
    }

    #[test]
    fn the_order_of_parameters_does_not_matter_and_everything_else_does() {
        let query = signed("code=c&host=YQ%3D%3D&shop=a.myshopify.com&state=s&timestamp=1", "hush");
        assert!(holds(&query));
        let mut parts: Vec<&str> = query.split('&').collect();
        parts.reverse();
        assert!(holds(&parts.join("&")));
        for forged in [
            query.replace("code=c", "code=d"),
            format!("{query}&more=1"),
            format!("{query}&shop=b.myshopify.com"),
            query.split("&hmac").next().unwrap().to_owned(),
            format!("{}&hmac=", query.split("&hmac").next().unwrap()),
            signed("code=c&shop=a.myshopify.com", "another"),
        ] {
            assert!(!holds(&forged), "{forged}");
        }
        let nothing = App { client_secret: ClientSecret::new(""), ..app() };
        assert!(!SignedQuery::read(&signed("code=c", "")).unwrap().is_signed_by(&nothing.client_secret));
    }

    #[test]
    fn a_state_is_good_for_its_browser_its_shop_and_ten_minutes() {
        let state = new_state(&app(), &shop("a"), 7, 1_000);
        let ours = |given: &str, cookie: &str, at: &str, now_s| {
            is_our_state(&app(), &shop(at), given, cookie, now_s)
        };
        assert!(ours(&state, &state, "a", 1_000) && ours(&state, &state, "a", 1_599));
        assert!(!ours(&state, &state, "a", 1_600), "it is too late");
        assert!(!ours(&state, &state, "b", 1_000), "of another shop");
        let another = new_state(&app(), &shop("a"), 8, 1_000);
        assert!(!ours(&state, &another, "a", 1_000), "of another browser");
        let longer = state.replace(".1600.", ".9999.");
        assert!(!ours(&longer, &longer, "a", 1_000), "nobody else can make one");
        for odd in ["", ".", "..", "a.b"] {
            assert!(!ours(odd, odd, "a", 1_000), "{odd}");
        }
    }

    #[test]
    fn the_browser_is_sent_to_the_shop_with_all_that_shopify_asks_for() {
        let base = Url::parse("https://a.myshopify.com").unwrap();
        let back = Url::parse("https://waybill.example/shopify/callback").unwrap();
        let url = authorize_url(&base, &app(), &["read_orders", "write_orders"], &back, "s").unwrap();
        assert_eq!(
            url.as_str(),
            "https://a.myshopify.com/admin/oauth/authorize?client_id=an-app&scope=read_orders%2Cwrite_orders\
             &redirect_uri=https%3A%2F%2Fwaybill.example%2Fshopify%2Fcallback&state=s"
        );
    }
}
