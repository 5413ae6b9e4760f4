//! axum's extractors, refusing by [`Problem`].

use std::error::Error;

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request, rejection::JsonRejection},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use serde::de::DeserializeOwned;

use domain::leniently;

use crate::{limits::MOST_BODY_BYTES, problem::Problem};

pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::NotJson);
        }
        read_object(&bytes(request, state).await?).map(Self)
    }
}

/// A JSON object that may be left out, or be null.
pub(crate) struct OptionalJsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for OptionalJsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let is_json = is_json(request.headers());
        let bytes = bytes(request, state).await?;
        match bytes.as_ref() {
            b"" => Ok(Self(T::default())),
            _ if !is_json => Err(Problem::NotJson),
            body if body.trim_ascii() == b"null" => Ok(Self(T::default())),
            body => read_object(body).map(Self),
        }
    }
}

async fn bytes<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::TooLarge(MOST_BODY_BYTES),
        _ => cut_short(),
    })
}

/// serde would read a list as an object whose members are in order; nobody is told of that order.
fn read_object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let repeated = leniently::repeated_members(bytes);
    if let Some(place) = repeated.iter().flatten().next() {
        return Err(Problem::invalid(place, "once, and not twice"));
    }
    let is_list = bytes.trim_ascii_start().starts_with(b"[");
    match Json::from_bytes(bytes) {
        // A reader that passes over what it does not know has taken it, and nobody knows what stands in it twice.
        Ok(_) if repeated.is_none() => Err(Problem::unreadable("The body is nested too deeply")),
        Ok(Json(body)) if !is_list => Ok(body),
        Ok(_) => Err(Problem::unreadable("The body is a JSON object")),
        Err(rejection) => Err(json_unread(&rejection)),
    }
}

/// Whether the body is announced as JSON, or as something written in it.
fn is_json(headers: &HeaderMap) -> bool {
    let announced = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = announced.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
    let essence = essence.to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

pub(crate) struct PathPart<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for PathPart<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(part)) => Ok(Self(part)),
            Err(rejection) => Err(Problem::unreadable(rejection.body_text())),
        }
    }
}

/// The parameters after the `?`.
pub(crate) struct QueryPart<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for QueryPart<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(part)) => Ok(Self(part)),
            Err(rejection) => Err(Problem::unreadable(rejection.body_text())),
        }
    }
}

/// The sender hung up in the middle of a body.
pub(crate) fn cut_short() -> Problem {
    Problem::unreadable("The body ended before it was complete")
}

/// Why the bytes are not the JSON that is needed, by the member that is to blame if it is one.
fn json_unread(rejection: &JsonRejection) -> Problem {
    let mut cause = rejection.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<serde_path_to_error::Error<serde_json::Error>>()
            && error.inner().is_data()
        {
            return member_unread(&error.path().to_string(), &error.inner().to_string());
        }
        cause = error.source();
    }
    Problem::unreadable(rejection.body_text())
}

/// `place` is `.` for the whole body. Whoever reads the answer knows the member and not our lines.
fn member_unread(place: &str, sentence: &str) -> Problem {
    let sentence = sentence.rsplit_once(" at line ").map_or(sentence, |(sentence, _)| sentence);
    let place = if place == "." { "" } else { place };
    let missing = sentence.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    match (place, missing) {
        ("", None) => Problem::unreadable(sentence),
        ("", Some(missing)) => Problem::invalid(missing, "is needed"),
        (place, Some(missing)) => Problem::invalid(format!("{place}.{missing}"), "is needed"),
        (place, None) => Problem::invalid(place, sentence),
    }
}

#[cfg(test)]
mod tests {
    use axum::{
        body::Body,
        http::header::{CONTENT_LENGTH, CONTENT_TYPE},
    };
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Form {
        #[serde(rename = "items")]
        _items: Vec<Item>,
    }

    #[derive(Deserialize)]
    struct Item {
        #[serde(rename = "quantity")]
        _quantity: i64,
    }

    async fn refusal(body: &'static str) -> (Option<String>, String) {
        let request = Request::post("/")
            .header(CONTENT_TYPE, "application/json")
            .header(CONTENT_LENGTH, body.len())
            .body(Body::from(body))
            .unwrap();
        match JsonBody::<Form>::from_request(request, &()).await.err() {
            Some(Problem::Invalid { field, sentence }) => (field, sentence),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_member_that_is_missing_or_of_the_wrong_kind_is_named() {
        for (body, field) in [
            ("{}", "items"),
            (r#"{"items": 1}"#, "items"),
            (r#"{"items": [{"quantity": 1}, {}]}"#, "items[1].quantity"),
            (r#"{"items": [{"quantity": "two"}]}"#, "items[0].quantity"),
            (r#"{"items": [{"quantity": 99999999999999999999}]}"#, "items[0].quantity"),
        ] {
            let (named, sentence) = refusal(body).await;
            assert_eq!(named.as_deref(), Some(field), "{sentence}");
            assert!(
                sentence.starts_with(&format!("{field}: ")) && !sentence.contains("line 1"),
                "{sentence}"
            );
        }
    }

    #[tokio::test]
    async fn a_body_that_is_no_such_json_as_a_whole_names_no_member() {
        for body in ["", "{", "[]", "null", "\"text\"", r#"{"items": []} {}"#] {
            assert_eq!(refusal(body).await.0, None, "{body}");
        }
    }

    #[tokio::test]
    async fn a_member_that_stands_twice_is_refused_whatever_else_stands_there() {
        let read = async |body: String| {
            let request = Request::post("/").header(CONTENT_TYPE, "application/json").body(Body::from(body));
            JsonBody::<Box<serde_json::value::RawValue>>::from_request(request.unwrap(), &()).await.err()
        };
        let deep = "[".repeat(200) + &"]".repeat(200);
        for (note, named) in [("1", true), ("1e999", true), (r#""\ud83d""#, true), (deep.as_str(), false)] {
            let refused = read(format!(r#"{{"note": {note}, "quantity": 1, "quantity": 9}}"#)).await;
            let Some(Problem::Invalid { field, .. }) = refused else { panic!("{note}: {refused:?}") };
            assert_eq!(field.as_deref() == Some("quantity"), named, "{note}");
        }
        assert!(read(r#"{"note": 1e999, "quantity": 1}"#.to_owned()).await.is_none());
    }

    #[derive(Debug, Deserialize, Default, PartialEq)]
    #[serde(default)]
    struct Reason {
        reason: Option<String>,
    }

    async fn reason(content_type: &'static str, body: &'static str) -> Result<Option<String>, Problem> {
        let request = Request::post("/").header(CONTENT_TYPE, content_type).body(Body::from(body)).unwrap();
        OptionalJsonBody::<Reason>::from_request(request, &()).await.map(|body| body.0.reason)
    }

    #[tokio::test]
    async fn a_body_that_may_be_left_out_is_an_object_where_it_is_there() {
        for left_out in ["", "null", " null\n"] {
            assert_eq!(reason("application/json", left_out).await.unwrap(), None, "{left_out:?}");
        }
        let given = reason("application/json; charset=utf-8", r#"{"reason": "late"}"#).await.unwrap();
        assert_eq!(given.as_deref(), Some("late"));
        for bad in ["\n", "[]", r#"["late"]"#, "true", "\"late\"", "{"] {
            let refused = reason("application/json", bad).await.unwrap_err();
            assert!(matches!(refused, Problem::Invalid { .. }), "{bad}: {refused}");
        }
        assert!(matches!(reason("text/plain", "{}").await, Err(Problem::NotJson)));
        assert_eq!(reason("text/plain", "").await.unwrap(), None);
    }
}
