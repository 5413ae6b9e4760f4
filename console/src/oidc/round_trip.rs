//! What a browser keeps while it is at the issuer, in a cookie of its own for each sign-in: several pages may be on their
//! way at once.
//!
//! **Invariant:** whoever comes back without the cookie of what they bring back did not begin it here, and is refused.

use axum::http::{HeaderMap, HeaderValue};
use oauth2::{CsrfToken, PkceCodeVerifier};
use url::form_urlencoded;

use crate::session;

const NAME: &str = "waybill-sign-in-";
const PATH: &str = "/console/sign-in";
/// Long enough to find a second factor.
const KEPT_FOR_S: u32 = 600;
/// More at once is nobody's doing.
const MOST: usize = 10;
/// A page that is further away is not gone back to.
const MOST_WANTED_BYTES: usize = 1000;
/// As many of its characters as tell one sign-in from another.
const NAMED_BY: usize = 12;

/// A sign-in that was begun.
pub(super) struct RoundTrip {
    state: String,
    pub(super) nonce: String,
    verifier: String,
    /// The page that was wanted.
    pub(super) to: String,
}

impl RoundTrip {
    pub(super) fn new(state: &CsrfToken, nonce: &CsrfToken, verifier: &PkceCodeVerifier, to: &str) -> Self {
        Self {
            state: state.secret().clone(),
            nonce: nonce.secret().clone(),
            verifier: verifier.secret().clone(),
            to: if to.len() <= MOST_WANTED_BYTES { to.to_owned() } else { "/".to_owned() },
        }
    }

    pub(super) fn verifier(&self) -> PkceCodeVerifier {
        PkceCodeVerifier::new(self.verifier.clone())
    }

    /// What the browser is to keep.
    pub(super) fn keep(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        pairs.append_pair("state", &self.state).append_pair("nonce", &self.nonce);
        pairs.append_pair("verifier", &self.verifier).append_pair("to", &self.to);
        cookie(&name(&self.state)?, &pairs.finish(), KEPT_FOR_S, headers)
    }

    /// The sign-in that somebody comes back from, if this browser began it.
    pub(super) fn begun_here(headers: &HeaderMap, state: &str) -> Option<Self> {
        let kept = session::cookie(headers, &name(state)?)?;
        let pairs: Vec<_> = form_urlencoded::parse(kept.as_bytes()).collect();
        let value = |wanted: &str| {
            let found = pairs.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.clone().into_owned())
        };
        let trip = Self {
            state: value("state")?,
            nonce: value("nonce")?,
            verifier: value("verifier")?,
            to: session::own(&value("to")?),
        };
        (trip.state == state).then_some(trip)
    }

    /// Ends what a sign-in has kept.
    pub(super) fn forget(headers: &HeaderMap, state: &str) -> Option<HeaderValue> {
        cookie(&name(state)?, "", 0, headers)
    }

    /// Ends all of them, where there are more than anybody needs.
    pub(super) fn forget_too_many(headers: &HeaderMap) -> Vec<HeaderValue> {
        let kept: Vec<&str> =
            session::cookies(headers).map(|(name, _)| name).filter(|name| name.starts_with(NAME)).collect();
        let kept = if kept.len() < MOST { Vec::new() } else { kept };
        kept.into_iter().filter_map(|name| cookie(name, "", 0, headers)).collect()
    }
}

/// The name of a cookie, if that is a state of ours: base64 without its padding.
fn name(state: &str) -> Option<String> {
    let is_ours = state.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    state.get(..NAMED_BY).filter(|_| is_ours).map(|start| format!("{NAME}{start}"))
}

fn cookie(name: &str, value: &str, kept_for_s: u32, headers: &HeaderMap) -> Option<HeaderValue> {
    let secure = session::secure(headers);
    let cookie = format!("{name}={value}; Path={PATH}; Max-Age={kept_for_s}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&cookie).ok()
}

#[cfg(test)]
mod tests {
    use axum::http::header;
    use oauth2::PkceCodeChallenge;

    use super::*;

    fn begun(to: &str) -> (String, RoundTrip) {
        let (state, nonce) = (CsrfToken::new_random(), CsrfToken::new_random());
        let (_, verifier) = PkceCodeChallenge::new_random_sha256();
        let trip = RoundTrip::new(&state, &nonce, &verifier, to);
        (state.into_secret(), trip)
    }

    /// A browser that keeps these.
    fn browser(trips: &[&RoundTrip]) -> HeaderMap {
        let lines = trips.iter().map(|trip| {
            let cookie = trip.keep(&HeaderMap::new()).unwrap();
            let pair = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
            (header::COOKIE, HeaderValue::from_str(&pair).unwrap())
        });
        // A later line of the same name does not end those before.
        lines.fold(HeaderMap::new(), |mut headers, (name, value)| {
            headers.append(name, value);
            headers
        })
    }

    #[test]
    fn only_the_browser_that_began_a_sign_in_comes_back_from_it() {
        let (state, mine) = begun("/orders?status=SHIPPED");
        let (other_state, other) = begun("/");
        let back = RoundTrip::begun_here(&browser(&[&other, &mine]), &state).unwrap();
        assert_eq!((&back.to, &back.nonce), (&mine.to, &mine.nonce));
        assert_eq!(back.verifier().secret(), &mine.verifier);
        assert!(RoundTrip::begun_here(&browser(&[&mine]), &other_state).is_none());
        assert!(RoundTrip::begun_here(&HeaderMap::new(), &state).is_none());
        // The beginning alone names the cookie, and is not enough.
        let last = if state.ends_with('A') { 'B' } else { 'A' };
        let alike = format!("{}{last}", &state[..state.len() - 1]);
        assert!(RoundTrip::begun_here(&browser(&[&mine]), &alike).is_none());
        for strange in ["", "short", "a;b=c; Path=/console/sign", "äääääääääääää"] {
            assert!(RoundTrip::begun_here(&browser(&[&mine]), strange).is_none(), "{strange}");
        }
    }

    #[test]
    fn a_cookie_leads_to_no_page_of_others() {
        let (state, trip) = begun("//evil.example/orders");
        assert_eq!(RoundTrip::begun_here(&browser(&[&trip]), &state).unwrap().to, "/");
        let (state, trip) = begun(&format!("/orders?search={}", "x".repeat(MOST_WANTED_BYTES)));
        assert_eq!(RoundTrip::begun_here(&browser(&[&trip]), &state).unwrap().to, "/");
    }

    #[test]
    fn sign_ins_that_nobody_ended_do_not_pile_up() {
        let trips: Vec<RoundTrip> = (0..MOST).map(|_| begun("/").1).collect();
        let few: Vec<&RoundTrip> = trips.iter().skip(1).collect();
        assert_eq!(RoundTrip::forget_too_many(&browser(&few)).len(), 0);
        let all: Vec<&RoundTrip> = trips.iter().collect();
        let forgotten = RoundTrip::forget_too_many(&browser(&all));
        assert_eq!(forgotten.len(), MOST);
        assert!(
            forgotten
                .iter()
                .all(|cookie| cookie.to_str().unwrap().contains("=; Path=/console/sign-in; Max-Age=0"))
        );
    }
}
