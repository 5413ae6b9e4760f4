//! Refuses forms that another site's page had the browser send.
//!
//! A browser says of every form where its page came from, in `Origin`, and newer ones in `Sec-Fetch-Site`; a page cannot
//! change either. So a form is taken from our own pages alone, and from nobody who says nothing.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, Method, header},
    middleware::Next,
    response::Response,
};

use crate::page;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Lets requests through that change nothing, and forms of our own pages.
pub(crate) async fn refuse(request: Request, next: Next) -> Response {
    let changes_nothing = matches!(*request.method(), Method::GET | Method::HEAD);
    if changes_nothing || is_of_our_page(request.headers()) {
        return next.run(request).await;
    }
    page::forged()
}

fn is_of_our_page(headers: &HeaderMap) -> bool {
    let says_otherwise = headers.get_all(FETCH_SITE).iter().any(|site| site != "same-origin");
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else {
        return false;
    };
    let host = headers.get(header::HOST).map(|host| host.as_bytes());
    // A proxy may speak TLS for us, so the scheme is not ours to compare.
    let named = origin.as_bytes();
    let named = named.strip_prefix(b"https://").or_else(|| named.strip_prefix(b"http://"));
    !says_otherwise && host.is_some() && named == host
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn is_taken(given: &[(&'static str, &'static str)]) -> bool {
        let headers = given
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        is_of_our_page(&headers.collect())
    }

    #[test]
    fn a_form_is_taken_from_our_own_pages_alone() {
        let host = ("host", "waybill.example:8080");
        assert!(is_taken(&[host, ("origin", "http://waybill.example:8080")]));
        assert!(is_taken(&[
            host,
            ("origin", "https://waybill.example:8080"),
            ("sec-fetch-site", "same-origin")
        ]));
        for forged in [
            &[host][..],
            &[host, ("origin", "null")],
            &[host, ("origin", "http://evil.example")],
            &[host, ("origin", "http://waybill.example")],
            &[host, ("origin", "http://waybill.example:8080"), ("sec-fetch-site", "same-site")],
            &[host, ("origin", "http://waybill.example:8080"), ("origin", "http://evil.example")],
            &[("origin", "http://waybill.example:8080")],
        ] {
            assert!(!is_taken(forged), "{forged:?}");
        }
    }
}
