//! Pages of a list: how long one may be, and the way from one to the next, which the caller finds
//! ready for use in the `Link` header (RFC 8288).
//!
//! **Invariant:** a page begins after an entry and not at a number, so that entries that come and go
//! meanwhile neither repeat nor hide another one.

use axum::{
    Json,
    http::{HeaderValue, Uri, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Datelike, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use url::form_urlencoded;

use crate::problem::Problem;

/// Entries of a page, unless the caller says otherwise.
pub(crate) const USUAL_LIMIT: i64 = 50;
pub(crate) const MOST_LIMIT: i64 = 200;
pub(crate) const MOST_CURSOR_CHARACTERS: usize = 512;

/// The length of a page that a caller asked for.
///
/// # Errors
/// [`Problem::Invalid`] unless it is from 1 to 200.
pub(crate) fn limit(asked: Option<i64>) -> Result<i64, Problem> {
    let limit = asked.unwrap_or(USUAL_LIMIT);
    if (1..=MOST_LIMIT).contains(&limit) {
        Ok(limit)
    } else {
        Err(Problem::invalid("limit", "a whole number from 1 to 200"))
    }
}

/// The entry after which a page begins, out of the cursor that [`Page::new`] put it into.
///
/// # Errors
/// [`Problem::Invalid`] for a cursor that was made up or belongs to another list.
pub(crate) fn after<P: DeserializeOwned>(cursor: Option<&str>) -> Result<Option<P>, Problem> {
    let Some(cursor) = cursor else { return Ok(None) };
    let position = (cursor.len() <= MOST_CURSOR_CHARACTERS)
        .then(|| URL_SAFE_NO_PAD.decode(cursor).ok())
        .flatten()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    position
        .map(Some)
        .ok_or_else(|| Problem::invalid("cursor", "the one of the Link header of the page before, as it is"))
}

/// A moment in a cursor. Only one that was made up holds a moment that the database could not even compare with.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "DateTime<Utc>")]
pub(crate) struct Moment(DateTime<Utc>);

impl TryFrom<DateTime<Utc>> for Moment {
    type Error = &'static str;

    fn try_from(moment: DateTime<Utc>) -> Result<Self, &'static str> {
        (1970..=9999).contains(&moment.year()).then_some(Self(moment)).ok_or("a moment out of range")
    }
}

impl Moment {
    /// Of a row that is there.
    pub(crate) fn of(moment: DateTime<Utc>) -> Self {
        Self(moment)
    }
}

impl From<Moment> for DateTime<Utc> {
    fn from(Moment(moment): Moment) -> Self {
        moment
    }
}

/// A row's id in a cursor, where it is a text; one that was made up may hold what the database has no texts of.
#[derive(Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Key(pub(crate) String);

impl TryFrom<String> for Key {
    type Error = &'static str;

    fn try_from(key: String) -> Result<Self, &'static str> {
        (!key.contains('\0')).then_some(Self(key)).ok_or("a text without NUL")
    }
}

/// A page, answered as a bare array with the address of the next page in `Link`.
pub(crate) struct Page<T> {
    entries: Vec<T>,
    link: Option<HeaderValue>,
}

impl<T> Page<T> {
    /// The page that `rows` begin with. There is a next one if there are more than `limit`, so ask
    /// the database for one more. `position` is what [`after`] reads from the next page's cursor,
    /// and `asked` is the address of this page: the next one keeps its filters.
    pub(crate) fn new<P: Serialize>(
        mut rows: Vec<T>,
        limit: i64,
        asked: &Uri,
        position: impl FnOnce(&T) -> P,
    ) -> Self {
        // A page has 200 entries at most; see [`limit`].
        let length = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_next = rows.len() > length;
        rows.truncate(length);
        let link = rows.last().filter(|_| has_next).and_then(|last| next(asked, &position(last)));
        Self { entries: rows, link }
    }

    /// The same page with every entry as it is shown.
    pub(crate) fn map<B>(self, show: impl FnMut(T) -> B) -> Page<B> {
        Page { entries: self.entries.into_iter().map(show).collect(), link: self.link }
    }
}

impl<T: Serialize> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.entries).into_response();
        if let Some(link) = self.link {
            response.headers_mut().insert(header::LINK, link);
        }
        response
    }
}

fn next(asked: &Uri, position: &impl Serialize) -> Option<HeaderValue> {
    let cursor = URL_SAFE_NO_PAD.encode(serde_json::to_vec(position).ok()?);
    let kept = form_urlencoded::parse(asked.query().unwrap_or_default().as_bytes())
        .filter(|(name, _)| name != "cursor");
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(kept)
        .append_pair("cursor", &cursor)
        .finish();
    HeaderValue::try_from(format!("<{}?{query}>; rel=\"next\"", asked.path())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(page: Page<i64>) -> Option<String> {
        let response = page.into_response();
        response.headers().get(header::LINK).map(|link| link.to_str().unwrap().to_owned())
    }

    fn asked(uri: &str) -> Uri {
        uri.parse().unwrap()
    }

    #[test]
    fn a_page_that_is_not_the_last_says_where_the_next_one_is_and_keeps_the_filters() {
        let uri = asked("/api/inbox?state=WAITING&cursor=b2xk&orderId=a%26b&limit=2");
        let page = Page::new(vec![9, 8, 7], 2, &uri, |last| *last);
        assert_eq!(page.entries, [9, 8]);
        let link = link(page).unwrap();
        let (start, rest) = link.split_once("&cursor=").unwrap();
        assert_eq!(start, "</api/inbox?state=WAITING&orderId=a%26b&limit=2");
        let cursor = rest.strip_suffix(">; rel=\"next\"").unwrap();
        assert_eq!(after::<i64>(Some(cursor)).unwrap(), Some(8));
    }

    #[test]
    fn a_cursor_keeps_the_moment_to_the_microsecond_and_nothing_the_database_cannot_compare_with() {
        let read = |place: &str| serde_json::from_str::<(Moment, Key)>(place);
        let place = r#"["2026-11-21T10:00:00.123456Z","act-1"]"#;
        assert_eq!(serde_json::to_string(&read(place).unwrap_or_else(|_| unreachable!())).unwrap(), place);
        assert!(read(r#"["+200000-01-01T00:00:00Z","act-1"]"#).is_err());
        assert!(read(r#"["2026-11-21T10:00:00Z","act\u0000"]"#).is_err());
    }

    #[test]
    fn the_last_page_names_no_next_one() {
        assert_eq!(link(Page::new(vec![9, 8], 2, &asked("/api/inbox"), |last| *last)), None);
        assert_eq!(link(Page::new(Vec::new(), 2, &asked("/api/inbox"), |last: &i64| *last)), None);
    }

    #[test]
    fn a_cursor_that_was_made_up_is_refused() {
        let of_another_list = URL_SAFE_NO_PAD.encode("\"text\"");
        for bad in ["", "17", "###", "é", of_another_list.as_str(), &"A".repeat(513)] {
            let problem = after::<i64>(Some(bad)).err().map(|problem| problem.to_string());
            assert!(problem.is_some_and(|text| text.starts_with("cursor: ")), "{bad}");
        }
        assert_eq!(after::<i64>(None).unwrap(), None);
    }

    #[test]
    fn a_page_has_1_to_200_entries() {
        assert_eq!(limit(None).unwrap(), 50);
        assert_eq!(limit(Some(200)).unwrap(), 200);
        for bad in [0, -1, 201, i64::MAX] {
            assert!(limit(Some(bad)).is_err(), "{bad}");
        }
    }
}
