//! Requests that nobody may take, made of what the interface says of itself.

use rand::{RngExt, rngs::StdRng};
use serde_json::{Value, json};

use crate::openapi::Operation;

/// One byte more than a body may have.
const TOO_LARGE_BYTES: usize = 1024 * 1024 + 1;
/// A shop's webhook may be larger than other bodies.
const TOO_LARGE_WEBHOOK_BYTES: usize = 5 * 1024 * 1024 + 1;

/// A request that has to be refused, and with which statuses.
pub struct Malformed {
    /// What is wrong with it.
    pub what: String,
    pub method: String,
    pub path: String,
    /// Values are bytes: some are no text.
    pub headers: Vec<(&'static str, Vec<u8>)>,
    pub body: Option<Vec<u8>>,
    pub refused_with: &'static [u16],
}

/// What can be wrong with a request.
#[derive(Debug, Clone, Copy)]
enum Wrong {
    Id,
    Query,
    Method,
    Path,
    Token,
    Key,
    ContentType,
    Truncated,
    NoJson,
    NoText,
    Nested,
    OtherThanObject,
    MemberMissing,
    MemberOfOtherType,
    MemberTooLong,
    MemberTooLarge,
    Nul,
    TooLarge,
}

/// `number` requests; every operation comes up as often as any other.
pub fn requests(operations: &[Operation], token: &str, number: usize, random: &mut StdRng) -> Vec<Malformed> {
    let mut made = Vec::new();
    for operation in operations.iter().cycle() {
        if made.len() == number {
            break;
        }
        let wrong = one_of(&kinds(operation), random);
        made.extend(make(operation, wrong, token, random));
    }
    made
}

fn one_of<T: Copy>(all: &[T], random: &mut StdRng) -> T {
    all[random.random_range(0..all.len())]
}

/// What can be wrong with a request for this operation.
fn kinds(operation: &Operation) -> Vec<Wrong> {
    let mut kinds = vec![Wrong::Method, Wrong::Path];
    if !operation.parameters("path").is_empty() {
        kinds.extend([Wrong::Id; 3]);
    }
    if !operation.parameters("query").is_empty() {
        kinds.extend([Wrong::Query; 4]);
    }
    if operation.parameters("header").iter().any(|parameter| parameter["name"] == "Idempotency-Key") {
        kinds.push(Wrong::Key);
    }
    if operation.asks_for_a_token() {
        kinds.push(Wrong::Token);
    }
    if operation.example().is_some() {
        kinds.extend([
            Wrong::ContentType,
            Wrong::Truncated,
            Wrong::NoJson,
            Wrong::NoText,
            Wrong::Nested,
            Wrong::OtherThanObject,
            Wrong::MemberMissing,
            Wrong::MemberOfOtherType,
            Wrong::MemberOfOtherType,
            Wrong::MemberTooLong,
            Wrong::MemberTooLarge,
            Wrong::Nul,
            Wrong::TooLarge,
        ]);
    }
    kinds
}

/// The request, unless the operation has nothing that can be wrong in this way.
fn make(operation: &Operation, wrong: Wrong, token: &str, random: &mut StdRng) -> Option<Malformed> {
    let is_signed = operation.path.starts_with("/webhooks/");
    let mut request = Malformed {
        what: format!("{wrong:?} of {} {}", operation.method, operation.path),
        method: operation.method.to_uppercase(),
        path: operation.filled_path(),
        headers: vec![("content-type", b"application/json".to_vec())],
        body: operation.example().map(|example| example.to_string().into_bytes()),
        // A webhook is not looked into before its signature holds, and none of these is signed.
        refused_with: if is_signed { &[400, 401] } else { &[400] },
    };
    if operation.asks_for_a_token() {
        request.headers.push(("authorization", format!("Bearer {token}").into_bytes()));
    }
    match wrong {
        Wrong::Id => {
            let id = one_of(&IDS, random);
            let id = if id.is_empty() { "x".repeat(600) } else { id.to_owned() };
            request.path = operation.path_with(&id);
            request.refused_with = if is_signed { &[400, 401, 404] } else { &[400, 404] };
        }
        Wrong::Query => request.path += &query(operation, random),
        Wrong::Method => {
            let others = METHODS.iter().filter(|method| !operation.path_takes(method));
            request.method = one_of(&others.copied().collect::<Vec<_>>(), random).to_owned();
            request.refused_with = &[405];
        }
        Wrong::Path => {
            request.path += one_of(&["/nothing/here", "/%00/%FF", "//////"], random);
            request.refused_with = &[404];
        }
        Wrong::Token => {
            let header = one_of(&AUTHORIZATIONS, random).to_vec();
            request.headers.retain(|(name, _)| *name != "authorization");
            request.headers.push(("authorization", header));
            request.refused_with = &[401];
        }
        Wrong::Key => {
            let key = one_of(&[&b"\xff\xfe"[..], &[b'k'; 300], b"", b" "], random).to_vec();
            request.headers.push(("idempotency-key", key));
        }
        Wrong::ContentType => {
            request.headers[0].1 = one_of(&CONTENT_TYPES, random).as_bytes().to_vec();
            request.refused_with = if is_signed { &[400, 401] } else { &[415] };
        }
        Wrong::TooLarge => {
            let is_webhook = operation.path.starts_with("/webhooks/shopify");
            let bytes = if is_webhook { TOO_LARGE_WEBHOOK_BYTES } else { TOO_LARGE_BYTES };
            request.body = Some(vec![b' '; bytes]);
            request.refused_with = &[413];
        }
        body => request.body = Some(spoiled(operation, body, random)?),
    }
    Some(request)
}

/// What is no id of anything; the empty one stands for one that is too long.
const IDS: [&str; 11] = [
    "",
    "%00",
    "a%00b",
    "%FF%FE",
    "%20",
    "a%20b%0D%0Ac",
    "%7B%7D",
    "%F0%9F%93%A6",
    "..%2F..%2Fetc%2Fpasswd",
    "%27%3B%20DROP%20TABLE%20orders%3B--",
    "%3Cscript%3E",
];

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"];

const AUTHORIZATIONS: [&[u8]; 6] = [
    b"Bearer nonsense",
    b"Bearer a.b.c",
    b"Bearer eyJhbGciOiJub25lIn0.eyJyb2xlcyI6WyJhZG1pbiJdfQ.",
    b"Basic YWRtaW46YWRtaW4=",
    b"Bearer",
    b"Bearer \xff\xfe",
];

const CONTENT_TYPES: [&str; 6] = [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/xml",
    "json",
    "application/jsonx",
];

/// Parameters that cannot be read.
fn query(operation: &Operation, random: &mut StdRng) -> String {
    let parameters = operation.parameters("query");
    let numbers: Vec<&str> = parameters
        .iter()
        .filter(|parameter| parameter["schema"]["type"].to_string().contains("integer"))
        .filter_map(|parameter| parameter["name"].as_str())
        .collect();
    let required = parameters.iter().filter(|parameter| parameter["required"] == true);
    let required: Vec<&str> = required.filter_map(|parameter| parameter["name"].as_str()).collect();
    match random.random_range(0..4) {
        0 if !numbers.is_empty() => {
            let name = one_of(&numbers, random);
            let value = one_of(&["", "x", "-1", "1.5", "%00", "99999999999999999999999999", "1e3"], random);
            format!("?{name}={value}")
        }
        1 if !required.is_empty() => String::new(),
        2 if required.is_empty() => "?a-parameter-of-next-year=1".to_owned(),
        _ => {
            let name = parameters[random.random_range(0..parameters.len())]["name"].as_str().unwrap();
            format!("?{name}=1&{name}=1")
        }
    }
}

/// The example of a body with something wrong, unless it has nothing that can be.
fn spoiled(operation: &Operation, wrong: Wrong, random: &mut StdRng) -> Option<Vec<u8>> {
    let mut body = operation.example()?;
    let text = body.to_string();
    // The first of the texts below is no body at all.
    let may_lack_body = usize::from(!operation.needs_body());
    let spoiled = match wrong {
        Wrong::Truncated => text.as_bytes()[..random.random_range(1..text.len())].to_vec(),
        Wrong::NoJson => {
            let texts = ["", "name=x&quantity=1", "<a/>", "{'a': 1}", "{a: 1}", "undefined"];
            one_of(&texts[may_lack_body..], random).into()
        }
        Wrong::NoText => [b"{\"\xff\xfe\":1,", &text.as_bytes()[1..]].concat(),
        Wrong::Nested => one_of(&["[", "{\"a\":"], random).repeat(20_000).into_bytes(),
        Wrong::OtherThanObject => {
            let values = ["null", "true", "17", "\"text\"", "[]", "[[1]]"];
            one_of(&values[may_lack_body..], random).into()
        }
        Wrong::MemberMissing => {
            let required = operation.required_members();
            if required.is_empty() {
                return None;
            }
            let member = &required[random.random_range(0..required.len())];
            body.as_object_mut()?.remove(member)?;
            body.to_string().into_bytes()
        }
        Wrong::MemberOfOtherType => {
            let others = [json!({}), json!([[]]), json!(true), json!({"id": {"id": [null]}})];
            let other = others[random.random_range(0..others.len())].clone();
            replace(&mut body, random, |leaf| !leaf.is_boolean(), &other)?;
            body.to_string().into_bytes()
        }
        Wrong::MemberTooLong => {
            replace(&mut body, random, Value::is_string, &json!("x".repeat(100_000)))?;
            body.to_string().into_bytes()
        }
        Wrong::MemberTooLarge => {
            replace(&mut body, random, Value::is_number, &json!("NUMBER"))?;
            let numbers = ["-1", "1e300", "99999999999999999999999999999999999999999999", "-0.5", "1E999"];
            body.to_string().replace("\"NUMBER\"", one_of(&numbers, random)).into_bytes()
        }
        Wrong::Nul => {
            replace(&mut body, random, Value::is_string, &json!("a\u{0}b"))?;
            body.to_string().into_bytes()
        }
        _ => return None,
    };
    Some(spoiled)
}

/// Puts something else into one of the places whose value fits; none if no value does.
fn replace(
    body: &mut Value,
    random: &mut StdRng,
    fits: impl Fn(&Value) -> bool,
    other: &Value,
) -> Option<()> {
    let mut places = Vec::new();
    note_leaves(body, String::new(), &mut places);
    places.retain(|place| body.pointer(place).is_some_and(&fits));
    if places.is_empty() {
        return None;
    }
    let place = &places[random.random_range(0..places.len())];
    *body.pointer_mut(place)? = other.clone();
    Some(())
}

fn note_leaves(value: &Value, place: String, places: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                note_leaves(member, format!("{place}/{name}"), places);
            }
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                note_leaves(element, format!("{place}/{index}"), places);
            }
        }
        Value::Null => {}
        _ => places.push(place),
    }
}
