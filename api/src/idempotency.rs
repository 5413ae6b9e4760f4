//! The header `Idempotency-Key`: a request sent again under its key hears the same answer.
//!
//! **Invariant:** an answer, its key and what it tells of are committed together, so whatever is refused
//! leaves no key.

use axum::{
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use orders::idempotency::{self, Claim, KeptAnswer, Key};
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use crate::{caller::Caller, problem::Problem};

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// The name in refusals and in the manual.
const NAME: &str = "Idempotency-Key";
const MOST_CHARACTERS: usize = 255;

/// The key a request came with.
///
/// # Errors
/// [`Problem::Invalid`] unless it is one key of 1 to 255 printable ASCII characters.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
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

/// SHA-256 of what a request is about.
pub(crate) fn fingerprint(content: &impl Serialize) -> Result<Vec<u8>, Problem> {
    let content = serde_json::to_vec(content).map_err(|error| Problem::Internal(error.into()))?;
    Ok(Sha256::digest(content).to_vec())
}

/// What is known of a request that begins.
pub(crate) enum Begun<'a> {
    /// Nothing: it is done, and then [`Keyed::keep`] keeps its answer.
    New(Keyed<'a>),
    /// It was answered before, under its key.
    Answered(KeptAnswer),
}

/// A request whose answer is kept under a key, where it has one.
pub(crate) struct Keyed<'a>(Option<Key<'a>>);

/// Begins a request in its transaction. Whoever sends the same key meanwhile waits for the transaction's end.
///
/// # Errors
/// [`Problem::IdempotencyKeyReused`] if the key came with another content.
pub(crate) async fn begin<'a>(
    conn: &mut PgConnection,
    caller: &'a Caller,
    key: Option<&'a str>,
    fingerprint: &'a [u8],
) -> Result<Begun<'a>, Problem> {
    let key = key.map(|key| Key { caller: caller.key(), key, fingerprint });
    if let Some(key) = &key {
        match idempotency::claim(conn, key).await? {
            Claim::New => {}
            Claim::Answered(answer) => return Ok(Begun::Answered(answer)),
            Claim::OtherContent => return Err(Problem::IdempotencyKeyReused),
        }
    }
    Ok(Begun::New(Keyed(key)))
}

impl Keyed<'_> {
    /// Keeps the answer under the key; both are to be committed with what was done.
    pub(crate) async fn keep(
        self,
        conn: &mut PgConnection,
        status: StatusCode,
        body: &impl Serialize,
    ) -> Result<KeptAnswer, Problem> {
        let body = serde_json::to_string(body).map_err(|error| Problem::Internal(error.into()))?;
        let answer = KeptAnswer { status: status.as_u16(), body };
        if let Some(key) = &self.0 {
            idempotency::remember(conn, key, &answer).await?;
        }
        Ok(answer)
    }
}

/// An answer as it is sent, to the byte.
pub(crate) fn answered(KeptAnswer { status, body }: KeptAnswer) -> Result<Response, Problem> {
    let status = StatusCode::from_u16(status).map_err(|error| Problem::Internal(error.into()))?;
    Ok((status, [(header::CONTENT_TYPE, "application/json")], body).into_response())
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
        assert_eq!(key(&headers(&[])).unwrap(), None);
        assert_eq!(key(&headers(&[b"order 17/a~"])).unwrap().unwrap(), "order 17/a~");
        assert!(key(&headers(&[&[b'x'; 255]])).is_ok());
        for bad in [&[b"".as_slice()][..], &[&[b'x'; 256]], &[b"a\tb"], &["ä".as_bytes()], &[b"a", b"b"]] {
            let problem = key(&headers(bad)).err().unwrap().to_string();
            assert!(problem.starts_with("Idempotency-Key: "), "{problem}");
        }
    }
}
