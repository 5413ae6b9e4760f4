//! The style sheet, the script and the icons, under names that change with what they hold.

use axum::{
    Router,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};

use crate::Console;

const STYLE: &str = include_str!("../assets/console.css");
const SCRIPT: &str = include_str!("../assets/console.js");
const ICON: &str = include_str!("../assets/icon.svg");
const ICON_WANTED: &str = include_str!("../assets/icon-wanted.svg");

pub(crate) fn router() -> Router<Console> {
    Router::new()
        .route("/console.css", get(async || asset("text/css; charset=utf-8", STYLE)))
        .route("/console.js", get(async || asset("text/javascript; charset=utf-8", SCRIPT)))
        .route("/icon.svg", get(async || asset("image/svg+xml", ICON)))
        .route("/icon-wanted.svg", get(async || asset("image/svg+xml", ICON_WANTED)))
}

/// What tells one version from another in an address.
pub(crate) const VERSION: u64 = digest(&[STYLE, SCRIPT, ICON, ICON_WANTED]);

/// FNV-1a, which can be worked out when the program is built.
const fn digest(texts: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut which = 0;
    while which < texts.len() {
        let bytes = texts[which].as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
            at += 1;
        }
        which += 1;
    }
    hash
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        // Its address has its version.
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
    ];
    (headers, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_sheet_and_the_script_are_small() {
        assert!(STYLE.len() < 30 * 1024, "{}", STYLE.len());
        assert!(SCRIPT.len() < 30 * 1024, "{}", SCRIPT.len());
    }
}
