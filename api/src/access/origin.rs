//! Whether a request without a token plainly comes from this machine.
//!
//! Loopback alone does not say so: a proxy in front of the API, and a page in a browser on this
//! machine, reach it there too.
//!
//! **Invariant:** a request that shows a sign of either does not count as somebody on this machine.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header, uri::Authority};

/// What proxies add, beside every `X-Forwarded-…`.
const OF_PROXIES: [HeaderName; 3] = [header::FORWARDED, header::VIA, HeaderName::from_static("x-real-ip")];
/// What browsers say of the page that asks (Fetch Metadata).
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What shows that the request comes from elsewhere; none if nothing does. A page of an origin that may call
/// from a browser is from elsewhere too: what it may do, its token says.
pub(super) fn elsewhere(headers: &HeaderMap) -> Option<&'static str> {
    let is_of_a_proxy =
        |name: &HeaderName| OF_PROXIES.contains(name) || name.as_str().starts_with("x-forwarded-");
    if headers.keys().any(is_of_a_proxy) {
        return Some("no token, and it came through a proxy");
    }
    if headers.get_all(FETCH_SITE).iter().any(|site| site == "cross-site") {
        return Some("no token, and a page of another site asks");
    }
    let host = headers.get(header::HOST);
    if host.is_some_and(|host| !is_loopback(host)) {
        // A page whose name was made to lead here, or a proxy that passes the name on.
        return Some("no token, and it asks for another host");
    }
    let own = |origin: &HeaderValue| {
        host.is_some_and(|host| origin.as_bytes().strip_prefix(b"http://") == Some(host.as_bytes()))
    };
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let is_foreign = origins.any(|origin| !own(origin));
    is_foreign.then_some("no token, and it comes from a page of another origin")
}

fn is_loopback(host: &HeaderValue) -> bool {
    let Ok(authority) = Authority::try_from(host.as_bytes()) else {
        return false;
    };
    let name = authority.host();
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost")
        || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(given: &[(&str, &str)]) -> Option<&'static str> {
        let headers = given.iter().map(|(name, value)| {
            (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
        });
        elsewhere(&headers.collect())
    }

    #[test]
    fn a_program_on_this_machine_and_our_own_pages_need_no_token() {
        for host in ["127.0.0.1:8080", "localhost:8080", "LOCALHOST", "[::1]:8080", "127.0.0.9"] {
            assert_eq!(reason(&[("host", host)]), None, "{host}");
        }
        assert_eq!(reason(&[]), None);
        assert_eq!(reason(&[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:8080")]), None);
        let same_site = ("sec-fetch-site", "same-origin");
        assert_eq!(reason(&[("host", "localhost:8080"), same_site]), None);
    }

    #[test]
    fn what_came_through_a_proxy_needs_a_token() {
        for name in
            ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-anything", "x-real-ip"]
        {
            assert!(reason(&[("host", "localhost"), (name, "127.0.0.1")]).is_some(), "{name}");
        }
        for host in ["shop.example.com", "localhost.example.com", "192.0.2.1:8080", "", "a b"] {
            assert!(reason(&[("host", host)]).is_some(), "{host}");
        }
    }

    #[test]
    fn a_page_of_another_origin_needs_a_token() {
        let host = ("host", "localhost:8080");
        for origin in [
            "https://evil.example",
            "null",
            "http://localhost",
            "https://localhost:8080",
            "http://localhost:80800",
            // Also one that may call from a browser.
            "http://localhost:3000",
        ] {
            assert!(reason(&[host, ("origin", origin)]).is_some(), "{origin}");
        }
        assert!(reason(&[host, ("sec-fetch-site", "cross-site")]).is_some());
    }
}
