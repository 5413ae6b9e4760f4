//! The header `Idempotency-Key`.

use axum::http::{HeaderMap, HeaderName};

use crate::problem::Problem;

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// The name in refusals and in the manual.
const NAME: &str = "Idempotency-Key";
const MOST_CHARACTERS: usize = 255;

/// The key a request came with.
///
/// # Errors
/// [`Problem::Invalid`] unless it is one key of 1 to 255 printable ASCII characters.
pub(in crate::routes) fn of(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut given = headers.get_all(HEADER).iter();
    let Some(value) = given.next() else { return Ok(None) };
    let is_printable = |key: &&str| key.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    value
        .to_str()
        .ok()
        .filter(is_printable)
        .filter(|key| (1..=MOST_CHARACTERS).contains(&key.len()) && given.next().is_none())
        .map(|key| Some(key.to_owned()))
        .ok_or_else(|| Problem::invalid(NAME, "one key of 1 to 255 printable ASCII characters"))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(keys: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for key in keys {
            headers.append(HEADER, HeaderValue::from_bytes(key).unwrap());
        }
        headers
    }

    #[test]
    fn a_key_is_one_bounded_printable_text() {
        assert_eq!(of(&headers(&[])).ok().unwrap(), None);
        assert_eq!(of(&headers(&[b"order 17/a~"])).ok().unwrap().unwrap(), "order 17/a~");
        assert!(of(&headers(&[&[b'x'; 255]])).is_ok());
        for bad in [&[b"".as_slice()][..], &[&[b'x'; 256]], &[b"a\tb"], &["ä".as_bytes()], &[b"a", b"b"]] {
            let problem = of(&headers(bad)).err().unwrap().to_string();
            assert!(problem.starts_with("Idempotency-Key: "), "{problem}");
        }
    }
}
