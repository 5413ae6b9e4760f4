//! What any operation may be refused with: one shared answer for each, referred to by the operations. A handler
//! describes a refusal of its own in words alone; how it looks is added here.
//!
//! **Invariant:** the examples are the refusals themselves, so they say what a caller would hear.

use std::{borrow::Cow, time::Duration};

use serde_json::{Value, to_value};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Components, Content, ContentBuilder, Header, HeaderBuilder, Object, ObjectBuilder, Ref, RefOr,
        Response, ResponseBuilder, Type, path::Operation,
    },
};

use crate::{
    access::table::Door,
    envelope::{self, Failure},
    limits::MOST_BODY_BYTES,
    problem::{Problem, ProblemBody},
};

const CORRELATION: &str = "CorrelationId";
const RETRY_AFTER: &str = "RetryAfter";
/// What the shared answers of the integration endpoints are called in front.
const WRAPPED: &str = "Wrapped";

/// Which operations may be refused so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Met {
    Always,
    /// By those that read anything of the request.
    WithInput,
    WithBody,
    WithJson,
    WithToken,
}

/// Every refusal that no handler states, by an example.
fn refusals() -> [(Met, Problem); 8] {
    [
        (Met::WithInput, Problem::invalid("limit", "a whole number from 1 to 200")),
        (Met::WithToken, Problem::Unauthenticated("A bearer token is needed")),
        (Met::WithToken, Problem::Forbidden("admin, operator".to_owned())),
        (Met::WithBody, Problem::TooLarge(MOST_BODY_BYTES)),
        (Met::WithJson, Problem::NotJson),
        (Met::WithToken, Problem::TooManyRequests(Duration::from_secs(3))),
        (Met::Always, Problem::Internal("an example".into())),
        (Met::Always, Problem::Unavailable("an example".into())),
    ]
}

/// Adds the shared answers, and what they are made of.
pub(super) fn add(components: &mut Components) {
    components.schemas.insert(ProblemBody::name().into_owned(), ProblemBody::schema());
    components.schemas.insert(Failure::name().into_owned(), Failure::schema());
    let mut further = Vec::new();
    Failure::schemas(&mut further);
    components.schemas.extend(further);
    let id = text_header("Ties together what this request caused. The caller's own, if the request had one.");
    components.headers.insert(CORRELATION.to_owned(), id.into());
    let seconds = HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1))))
        .description(Some("When to try again, in seconds."));
    components.headers.insert(RETRY_AFTER.to_owned(), seconds.build().into());
    for (_, problem) in refusals() {
        for is_wrapped in [false, true] {
            components.responses.insert(name(&problem, is_wrapped), answer(&problem, is_wrapped).into());
        }
    }
}

/// Says of every answer what its handler leaves out, and refers to the answers that the operation may give beside.
pub(super) fn complete(path: &str, door: Door, operation: &mut Operation) {
    let is_wrapped = envelope::is_wrapped(path);
    for (status, stated) in &mut operation.responses.responses {
        if let RefOr::T(stated) = stated {
            if status.starts_with(['4', '5']) && stated.content.is_empty() {
                let (content_type, schema) = look(is_wrapped);
                let content = Content::new(Some(Ref::from_schema_name(schema)));
                stated.content.insert(content_type.to_owned(), content.into());
            }
            add_correlation(stated);
        }
    }
    let has_body = operation.request_body.is_some();
    let has_input = has_body || operation.parameters.as_ref().is_some_and(|some| !some.is_empty());
    for (met, problem) in refusals() {
        let applies = match met {
            Met::Always => true,
            Met::WithInput => has_input,
            Met::WithBody => has_body,
            Met::WithJson => has_body && door != Door::Open,
            Met::WithToken => door != Door::Open,
        };
        if applies {
            let (status, _) = problem.status_and_title();
            let shared = RefOr::Ref(Ref::from_response_name(name(&problem, is_wrapped)));
            let responses = &mut operation.responses.responses;
            let stated = responses.entry(status.as_str().to_owned()).or_insert(shared);
            if let RefOr::T(stated) = stated {
                add_what_is_missing(stated, answer(&problem, is_wrapped));
            }
        }
    }
}

/// What a handler says of a status is true beside what is said here.
fn add_what_is_missing(stated: &mut Response, shared: Response) {
    for (content_type, content) in shared.content {
        stated.content.entry(content_type).or_insert(content);
    }
    for (name, header) in shared.headers {
        stated.headers.entry(name).or_insert(header);
    }
}

/// The name of a shared answer: the problem's title in one word.
fn name(problem: &Problem, is_wrapped: bool) -> String {
    let (_, title) = problem.status_and_title();
    let mut name = String::from(if is_wrapped { WRAPPED } else { "" });
    for word in title.split(' ') {
        let (first, rest) = word.split_at(1);
        name.push_str(&first.to_uppercase());
        name.push_str(rest);
    }
    name
}

fn answer(problem: &Problem, is_wrapped: bool) -> Response {
    let (status, title) = problem.status_and_title();
    let (content_type, schema) = look(is_wrapped);
    let example =
        if is_wrapped { to_value(Failure::of(problem.failure())) } else { to_value(problem.body()) };
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(schema)))
        .example(Some(example.unwrap_or(Value::Null)));
    let mut answer = ResponseBuilder::new().description(title).content(content_type, content.build()).build();
    add_correlation(&mut answer);
    if matches!(status.as_u16(), 429 | 503) {
        let header = Ref::new(format!("#/components/headers/{RETRY_AFTER}"));
        answer.headers.insert("Retry-After".to_owned(), RefOr::Ref(header));
    }
    if status.as_u16() == 401 {
        let scheme = text_header("The way to prove who one is: `Bearer`.");
        answer.headers.insert("WWW-Authenticate".to_owned(), scheme.into());
    }
    answer
}

fn look(is_wrapped: bool) -> (&'static str, Cow<'static, str>) {
    if is_wrapped {
        ("application/json", Failure::name())
    } else {
        ("application/problem+json", ProblemBody::name())
    }
}

fn add_correlation(response: &mut Response) {
    let header = RefOr::Ref(Ref::new(format!("#/components/headers/{CORRELATION}")));
    response.headers.entry("X-Correlation-Id".to_owned()).or_insert(header);
}

fn text_header(about: &str) -> Header {
    HeaderBuilder::new().schema(Some(Object::with_type(Type::String))).description(Some(about)).build()
}
