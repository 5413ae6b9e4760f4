//! The description as a whole: complete, and the same as the routes.

use std::collections::BTreeSet;

use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
};
use serde_json::Value;
use tower::ServiceExt;

use super::*;
use crate::{envelope, routes};

/// The description as a caller gets it.
fn described() -> Value {
    let (_, description) = routes::router().split_for_parts();
    serde_json::to_value(complete(description)).unwrap()
}

/// Every operation: path, method and what is said of it.
fn each_operation(description: &Value) -> Vec<(String, String, Value)> {
    let paths = description["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            let operations = item.as_object().unwrap();
            operations.iter().map(|(method, said)| (path.clone(), method.clone(), said.clone()))
        })
        .collect()
}

/// What a reference refers to, or the value itself.
fn resolved<'a>(description: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(place) => description.pointer(&place[1..]).unwrap_or_else(|| panic!("there is no {place}")),
        None => value,
    }
}

#[test]
fn every_path_that_is_routed_is_described() {
    let (routes, description) = routes::router().split_for_parts();
    // axum tells its paths in `Debug` alone.
    let routed = format!("{routes:?}");
    let is_path = |text: &&str| text.starts_with('/') && *text != "/" && !text.contains("__private");
    let routed: BTreeSet<&str> = routed.split('"').filter(is_path).collect();
    let described: BTreeSet<&str> = description.paths.paths.keys().map(String::as_str).collect();
    assert!(routed.contains("/webhooks/shopify"), "{routed:?}");
    assert_eq!(routed, described);
}

#[test]
fn every_operation_says_what_it_does_under_a_name_of_its_own() {
    let description = described();
    let tags: Vec<&str> = TAGS.iter().map(|(name, _)| *name).collect();
    let mut ids = BTreeSet::new();
    for (path, method, said) in each_operation(&description) {
        let summary = said["summary"].as_str().unwrap_or_default();
        assert!((5..=100).contains(&summary.len()), "{method} {path} has the summary {summary:?}");
        let tag = said["tags"][0].as_str().unwrap_or_default();
        assert!(tags.contains(&tag), "{method} {path} has the tag {tag:?}");
        let id = said["operationId"].as_str().unwrap_or_default().to_owned();
        assert!(!id.is_empty() && !id.contains('_'), "{method} {path} has the id {id:?}");
        assert!(ids.insert(id.clone()), "{id} is there twice");
    }
}

#[test]
fn every_operation_has_a_success_answer_with_a_schema() {
    let description = described();
    for (path, method, said) in each_operation(&description) {
        let responses = said["responses"].as_object().unwrap();
        let mut successes = responses.iter().filter(|(status, _)| status.starts_with(['2', '3'])).peekable();
        assert!(successes.peek().is_some(), "{method} {path}");
        for (status, answer) in successes {
            let schema = &answer["content"]["application/json"]["schema"];
            let table = &answer["content"]["text/csv"]["schema"];
            let has_none = path.starts_with("/webhooks/") || status == "204" || status == "303";
            assert!(schema.is_object() || table.is_object() || has_none, "{method} {path} {status}");
        }
    }
}

#[test]
fn every_refusal_is_a_problem_or_wrapped_where_all_is_wrapped() {
    let description = described();
    for (path, method, said) in each_operation(&description) {
        for (status, answer) in said["responses"].as_object().unwrap() {
            let answer = resolved(&description, answer);
            assert!(answer["description"].as_str().is_some_and(|text| !text.is_empty()), "{path} {status}");
            let id = &answer["headers"]["X-Correlation-Id"];
            assert!(resolved(&description, id)["schema"].is_object(), "{method} {path} {status}");
            if status.starts_with(['2', '3']) {
                continue;
            }
            let (content_type, schema) = if envelope::is_wrapped(&path) {
                ("application/json", "#/components/schemas/Failure")
            } else {
                ("application/problem+json", "#/components/schemas/Problem")
            };
            let told = &answer["content"][content_type]["schema"]["$ref"];
            assert_eq!(told, schema, "{method} {path} {status}");
        }
    }
}

#[test]
fn every_body_that_is_read_has_an_example() {
    let description = described();
    for (path, method, said) in each_operation(&description) {
        let Some(body) = said.get("requestBody") else {
            continue;
        };
        let content = &body["content"]["application/json"];
        let schema = resolved(&description, &content["schema"]);
        let is_shown = [&content["example"], &content["examples"], &schema["example"], &schema["examples"]];
        assert!(is_shown.iter().any(|shown| !shown.is_null()), "{method} {path}");
    }
}

#[test]
fn every_reference_refers_to_something_and_no_shared_answer_is_left_over() {
    let description = described();
    let mut referred = BTreeSet::new();
    note_references(&description, &mut referred);
    for place in &referred {
        assert!(description.pointer(&place[1..]).is_some(), "there is no {place}");
    }
    for kind in ["responses", "headers"] {
        for name in description["components"][kind].as_object().unwrap().keys() {
            let place = format!("#/components/{kind}/{name}");
            assert!(referred.contains(&place), "nothing refers to {place}");
        }
    }
}

fn note_references(value: &Value, referred: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(place)) = members.get("$ref") {
                referred.insert(place.clone());
            }
            members.values().for_each(|member| note_references(member, referred));
        }
        Value::Array(elements) => elements.iter().for_each(|element| note_references(element, referred)),
        _ => {}
    }
}

#[test]
fn what_is_described_is_what_the_table_of_roles_has_a_row_for() {
    let description = described();
    let described: BTreeSet<(String, String)> =
        each_operation(&description).into_iter().map(|(path, method, _)| (path, method)).collect();
    let is_page = |path: &str| path.starts_with("/docs") || path == "/openapi.json";
    let rows: BTreeSet<(String, String)> = table::TABLE
        .iter()
        .filter(|row| !is_page(row.path))
        .map(|row| (row.path.to_owned(), row.method.as_str().to_lowercase()))
        .collect();
    assert_eq!(described, rows);
}

#[test]
fn every_operation_says_who_may_use_it() {
    let description = described();
    for (path, method, said) in each_operation(&description) {
        let ways = said["security"].as_array().unwrap_or_else(|| panic!("{method} {path}"));
        let may_lack_token = ways.is_empty() || ways.contains(&serde_json::json!({}));
        assert_eq!(may_lack_token, !envelope::is_wrapped(&path), "{method} {path}");
        let roles = said["x-roles"].as_array().map_or(0, Vec::len);
        assert_eq!(roles > 0, !ways.is_empty(), "{method} {path}");
    }
}

async fn fetch(path: &str) -> (StatusCode, axum::http::HeaderMap, String) {
    let (_, description) = routes::router().split_for_parts();
    let pages = with_pages(Router::<()>::new(), description);
    let answer = pages.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = answer.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    (parts.status, parts.headers, String::from_utf8_lossy(&bytes).into_owned())
}

#[tokio::test]
async fn the_description_is_version_3_1_of_openapi_and_tells_our_version() {
    let (status, headers, body) = fetch("/openapi.json").await;
    assert_eq!(
        (status, headers[header::CONTENT_TYPE].to_str().unwrap()),
        (StatusCode::OK, "application/json")
    );
    let description: Value = serde_json::from_str(&body).unwrap();
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1."));
    assert_eq!(description["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(description["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
}

#[tokio::test]
async fn the_page_needs_nothing_from_elsewhere() {
    let (status, headers, page) = fetch("/docs/").await;
    assert_eq!(status, StatusCode::OK);
    let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("http"), "{policy}");
    assert!(!page.contains("http://") && !page.contains("https://"), "{page}");
    for part in page.split(['"', '\'']).filter(|text| text.ends_with(".js") || text.ends_with(".css")) {
        let path = format!("/docs/{}", part.trim_start_matches("./"));
        assert_eq!(fetch(&path).await.0, StatusCode::OK, "{path}");
    }
    let (_, _, start) = fetch("/docs/swagger-initializer.js").await;
    assert!(start.contains("../openapi.json"), "{start}");
    assert_eq!(fetch("/docs/nothing.js").await.0, StatusCode::NOT_FOUND);
    assert_eq!(fetch("/docs").await.0, StatusCode::PERMANENT_REDIRECT);
}
