//! Which host a request is for.
//!
//! **Invariant:** what comes after this sees exactly one `Host`, or none in a request of HTTP/1.0.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, Request, Version, header, uri::Authority};

use crate::problem::Problem;

/// The hosts that are answered; any if there is none.
#[derive(Debug, Clone, Default)]
pub struct Hosts(Arc<[String]>);

impl Hosts {
    /// Names and addresses, without ports.
    #[must_use]
    pub fn new(names: Vec<String>) -> Self {
        Self(names.into())
    }

    /// Has the request name its host in one way, or says what is wrong with it. The authority of an
    /// absolute address counts, whatever `Host` says (RFC 9112, 3.2.2).
    ///
    /// # Errors
    /// [`Problem::Invalid`] without a host, with two, with an unreadable one, and for one that is not
    /// answered.
    pub fn settle<B>(&self, request: &mut Request<B>) -> Result<(), Problem> {
        let is_older = request.version() == Version::HTTP_10 || request.version() == Version::HTTP_09;
        let absolute = request.uri().authority().map(|authority| authority.as_str().to_owned());
        let host = match (absolute, named(request.headers())?) {
            (Some(authority), _) => {
                let value = HeaderValue::from_str(&authority).map_err(|_| wrong("a host's name"))?;
                request.headers_mut().insert(header::HOST, value);
                authority
            }
            (None, Some(host)) => host,
            (None, None) if is_older => return Ok(()),
            (None, None) => return Err(wrong("it is missing")),
        };
        let authority: Authority = host.parse().map_err(|_| wrong("a host's name, perhaps with a port"))?;
        let name = authority.host();
        let is_answered = self.0.is_empty() || self.0.iter().any(|known| known.eq_ignore_ascii_case(name));
        if is_answered { Ok(()) } else { Err(wrong("not a host that is answered here")) }
    }
}

fn named(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut given = headers.get_all(header::HOST).iter();
    match (given.next(), given.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(wrong("once, and not twice")),
        (Some(host), None) => {
            let host = host.to_str().map_err(|_| wrong("a host's name, perhaps with a port"))?;
            Ok(Some(host.to_owned()))
        }
    }
}

fn wrong(allowed: &str) -> Problem {
    Problem::invalid("Host", allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(hosts: &Hosts, uri: &str, version: Version, given: &[&str]) -> Option<Option<String>> {
        let mut request = Request::builder().uri(uri).version(version);
        for host in given {
            request = request.header(header::HOST, *host);
        }
        let mut request = request.body(()).unwrap();
        hosts.settle(&mut request).ok()?;
        let host = request.headers().get(header::HOST);
        Some(host.map(|host| host.to_str().unwrap().to_owned()))
    }

    #[test]
    fn one_host_is_needed_unless_the_request_is_of_http_1_0() {
        let any = Hosts::default();
        let ask = |version, given: &[&str]| settled(&any, "/health", version, given);
        assert_eq!(ask(Version::HTTP_11, &["a.example:80"]), Some(Some("a.example:80".into())));
        assert_eq!(ask(Version::HTTP_11, &[]), None);
        assert_eq!(ask(Version::HTTP_11, &["a.example", "a.example"]), None);
        for unreadable in ["", "a b", "a.example/b", "user@"] {
            assert_eq!(ask(Version::HTTP_11, &[unreadable]), None, "{unreadable}");
        }
        assert_eq!(ask(Version::HTTP_10, &[]), Some(None));
        assert_eq!(ask(Version::HTTP_10, &["a.example", "b.example"]), None);
    }

    #[test]
    fn the_authority_of_an_absolute_address_counts_as_the_host() {
        let uri = "http://evil.example/api/orders";
        let host = settled(&Hosts::default(), uri, Version::HTTP_11, &["localhost"]);
        assert_eq!(host, Some(Some("evil.example".into())));
    }

    #[test]
    fn only_hosts_that_are_listed_are_answered() {
        let hosts = Hosts::new(vec!["waybill.example.com".into(), "[::1]".into()]);
        let ask = |uri: &str, host: &str| settled(&hosts, uri, Version::HTTP_11, &[host]).is_some();
        for host in ["waybill.example.com", "WAYBILL.example.com:8443", "[::1]:8080"] {
            assert!(ask("/", host), "{host}");
        }
        for host in ["example.com", "waybill.example.com.evil.example", "127.0.0.1"] {
            assert!(!ask("/", host), "{host}");
        }
        assert!(!ask("http://evil.example/", "waybill.example.com"));
    }
}
