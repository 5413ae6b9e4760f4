//! Access tokens of apps: which were issued, to which shop, until when, and what the next is had with.
//!
//! A refresh token is replaced when it is used. It is good again until the one that came in its place is used, as
//! Shopify has it since August 2026; what it is answered with then retires what it was answered with before.
//!
//! **Invariant:** of the refresh tokens of a shop at most two are good: the newest, and the one it came in place of.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use uuid::Uuid;

/// How long tokens of the client credentials grant are good for.
const A_DAY: Duration = Duration::from_secs(86_399);
/// How long expiring offline tokens are good for, and what they are refreshed with.
const AN_HOUR: Duration = Duration::from_secs(3_600);
const REFRESH_LIFETIME: Duration = Duration::from_secs(90 * 86_400);

/// What an app is answered with.
pub(super) struct Issued {
    pub(super) access: String,
    /// None for a token that does not expire.
    pub(super) lifetime: Option<Duration>,
    pub(super) refresh: Option<(String, Duration)>,
}

/// Why an app is given no token: the code of OAuth.
pub(super) type Refused = &'static str;

#[derive(Default)]
pub(super) struct Tokens {
    /// Another lifetime for every token that ends.
    lifetime: Option<Duration>,
    access: HashMap<String, Access>,
    refresh: HashMap<String, Refresh>,
    codes: HashMap<String, String>,
    uninstalled: Vec<String>,
}

struct Access {
    shop: String,
    ends: Option<Instant>,
}

struct Refresh {
    shop: String,
    /// In place of which one it came.
    before: Option<String>,
    /// Which one came in its place last.
    after: Option<String>,
}

impl Tokens {
    pub(super) fn lasting(lifetime: Option<Duration>) -> Self {
        Self { lifetime, ..Self::default() }
    }

    /// Whether a call to this shop may be made with it.
    pub(super) fn accept(&self, token: &str, shop: &str) -> bool {
        let found = self.access.get(token).filter(|access| access.shop == shop);
        found.is_some_and(|access| access.ends.is_none_or(|ends| Instant::now() < ends))
    }

    pub(super) fn client_credentials(&mut self, shop: &str) -> Result<Issued, Refused> {
        if self.uninstalled.iter().any(|gone| gone == shop) {
            return Err("shop_not_permitted");
        }
        let lifetime = self.lifetime.unwrap_or(A_DAY);
        Ok(Issued { access: self.new_access(shop, Some(lifetime)), lifetime: Some(lifetime), refresh: None })
    }

    /// A code that somebody of the shop had made by installing the app.
    pub(super) fn new_code(&mut self, shop: &str) -> String {
        self.uninstalled.retain(|gone| gone != shop);
        let code = Uuid::new_v4().simple().to_string();
        self.codes.insert(code.clone(), shop.to_owned());
        code
    }

    /// A code is good once.
    pub(super) fn exchange(&mut self, shop: &str, code: &str, expiring: bool) -> Result<Issued, Refused> {
        self.codes.remove(code).filter(|of| of == shop).ok_or("invalid_request")?;
        if !expiring {
            return Ok(Issued { access: self.new_access(shop, None), lifetime: None, refresh: None });
        }
        Ok(self.new_pair(shop, None))
    }

    pub(super) fn refresh(&mut self, shop: &str, used: &str) -> Result<Issued, Refused> {
        let known = self.refresh.get(used).filter(|refresh| refresh.shop == shop).ok_or("invalid_grant")?;
        let (before, answered_before) = (known.before.clone(), known.after.clone());
        for retired in [before, answered_before].into_iter().flatten() {
            self.refresh.remove(&retired);
        }
        Ok(self.new_pair(shop, Some(used)))
    }

    /// Ends the shop's access tokens; what they are refreshed with stays.
    pub(super) fn end(&mut self, shop: &str) -> usize {
        let before = self.access.len();
        self.access.retain(|_, access| access.shop != shop);
        before - self.access.len()
    }

    /// Ends all that the shop has granted, until the app is installed again.
    pub(super) fn uninstall(&mut self, shop: &str) {
        self.end(shop);
        self.refresh.retain(|_, refresh| refresh.shop != shop);
        self.uninstalled.push(shop.to_owned());
    }

    fn new_pair(&mut self, shop: &str, used: Option<&str>) -> Issued {
        let lifetime = self.lifetime.unwrap_or(AN_HOUR);
        let refresh = format!("shprt_{}", Uuid::new_v4().simple());
        if let Some(used) = used.and_then(|used| self.refresh.get_mut(used)) {
            used.after = Some(refresh.clone());
            used.before = None;
        }
        let kept = Refresh { shop: shop.to_owned(), before: used.map(str::to_owned), after: None };
        self.refresh.insert(refresh.clone(), kept);
        let access = self.new_access(shop, Some(lifetime));
        Issued { access, lifetime: Some(lifetime), refresh: Some((refresh, REFRESH_LIFETIME)) }
    }

    fn new_access(&mut self, shop: &str, lifetime: Option<Duration>) -> String {
        let token = format!("shpat_{}", Uuid::new_v4().simple());
        let ends = lifetime.map(|lifetime| Instant::now() + lifetime);
        self.access.insert(token.clone(), Access { shop: shop.to_owned(), ends });
        token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: &str = "a.myshopify.com";

    fn refreshed(tokens: &mut Tokens, used: &str) -> Result<String, Refused> {
        tokens.refresh(SHOP, used).map(|issued| issued.refresh.unwrap().0)
    }

    fn installed(tokens: &mut Tokens) -> String {
        let code = tokens.new_code(SHOP);
        tokens.exchange(SHOP, &code, true).unwrap().refresh.unwrap().0
    }

    #[test]
    fn a_refresh_token_is_good_again_until_the_one_in_its_place_is_used() {
        let mut tokens = Tokens::default();
        let first = installed(&mut tokens);
        let lost = refreshed(&mut tokens, &first).unwrap();
        let second = refreshed(&mut tokens, &first).unwrap();
        assert_eq!(refreshed(&mut tokens, &lost), Err("invalid_grant"), "another came in its place");
        let third = refreshed(&mut tokens, &second).unwrap();
        assert_eq!(refreshed(&mut tokens, &first), Err("invalid_grant"));
        assert!(refreshed(&mut tokens, &third).is_ok());
    }

    #[test]
    fn codes_are_good_once_and_tokens_for_their_shop_and_time() {
        let mut tokens = Tokens::lasting(Some(Duration::ZERO));
        let code = tokens.new_code(SHOP);
        assert!(tokens.exchange("b.myshopify.com", &code, true).is_err());
        assert!(tokens.exchange(SHOP, &code, true).is_err(), "it was used");
        let over = tokens.client_credentials(SHOP).unwrap();
        assert!(!tokens.accept(&over.access, SHOP));
        let mut tokens = Tokens::default();
        let token = tokens.client_credentials(SHOP).unwrap().access;
        assert!(tokens.accept(&token, SHOP) && !tokens.accept(&token, "b.myshopify.com"));
        tokens.end(SHOP);
        assert!(!tokens.accept(&token, SHOP));
    }

    #[test]
    fn nothing_is_granted_after_the_app_was_uninstalled() {
        let mut tokens = Tokens::default();
        let refresh = installed(&mut tokens);
        tokens.uninstall(SHOP);
        assert_eq!(refreshed(&mut tokens, &refresh), Err("invalid_grant"));
        assert!(tokens.client_credentials(SHOP).is_err());
        installed(&mut tokens);
        assert!(tokens.client_credentials(SHOP).is_ok());
    }
}
