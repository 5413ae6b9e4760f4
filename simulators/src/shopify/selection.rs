//! Answers exactly what was selected of a view.

use serde_json::{Map, Value, json};

use super::document::Selected;
use super::views::MEMBERS;

/// The name under which a view keeps what is the answer already.
pub(super) const ANSWER: &str = "__answer";

/// The selected part of a field's view, cut to `first` or `last` where it is a list.
pub(super) fn project(field: &Selected, view: &Value) -> Value {
    if let Some(answer) = view.get(ANSWER) {
        return answer.clone();
    }
    if let Some(members) = view[MEMBERS].as_array() {
        return project_object(field, &connection(members, field));
    }
    match view {
        Value::Array(items) => {
            let first = count(field, "first").unwrap_or(items.len());
            items.iter().take(first).map(|item| project_object(field, item)).collect()
        }
        single => project_object(field, single),
    }
}

fn project_object(field: &Selected, view: &Value) -> Value {
    if field.children.is_empty() || view.is_null() {
        return view.clone();
    }
    let mut answer = Map::new();
    for child in field.children.iter().filter(|child| applies(child, view)) {
        let value = match (child.name.as_str(), &view[&child.name]) {
            ("__typename", Value::Null) => json!(field.type_name),
            (_, value) => project(child, value),
        };
        answer.insert(child.key.clone(), value);
    }
    answer.into()
}

/// Whether a fragment's condition, if any, fits what is shown.
fn applies(field: &Selected, view: &Value) -> bool {
    field
        .on
        .as_ref()
        .is_none_or(|wanted| view["__typename"].as_str().is_none_or(|shown| shown == wanted.as_str()))
}

/// The selected part of a connection, of whose members only those of the page are resolved.
pub(super) fn page<T>(field: &Selected, members: &[T], resolve: impl Fn(&Selected, &T) -> Value) -> Value {
    let positions: Vec<Value> = (0..members.len()).map(|position| json!(position)).collect();
    let page = connection(&positions, field);
    let member = |field: &Selected, position: &Value| {
        let found = position.as_u64().and_then(|position| members.get(usize::try_from(position).ok()?));
        found.map_or(Value::Null, |found| resolve(field, found))
    };
    let edge = |edges: &Selected, edge: &Value| -> Value {
        let shown = edges.children.iter().map(|child| match child.name.as_str() {
            "node" => (child.key.clone(), member(child, &edge["node"])),
            name => (child.key.clone(), edge[name].clone()),
        });
        Value::Object(shown.collect())
    };
    let listed = |name: &str| page[name].as_array().into_iter().flatten();
    let shown = field.children.iter().map(|child| match child.name.as_str() {
        "nodes" => (child.key.clone(), listed("nodes").map(|position| member(child, position)).collect()),
        "edges" => (child.key.clone(), listed("edges").map(|found| edge(child, found)).collect()),
        _ => (child.key.clone(), project(child, &page[&child.name])),
    });
    Value::Object(shown.collect::<Map<_, _>>())
}

/// A page of a connection; a cursor is the position of a member.
fn connection(members: &[Value], field: &Selected) -> Value {
    let cursor = |name: &str| -> Option<usize> { field.arguments.get(name)?.as_str()?.parse().ok() };
    let mut indexes: Vec<usize> = (0..members.len()).collect();
    if field.arguments.get("reverse") == Some(&json!(true)) {
        indexes.reverse();
    }
    let total = indexes.len();
    let mut from = cursor("after").map_or(0, |after| (after + 1).min(total));
    let mut to = cursor("before").map_or(total, |before| before.min(total)).max(from);
    if let Some(first) = count(field, "first") {
        to = to.min(from + first);
    }
    if let Some(last) = count(field, "last") {
        from = from.max(to.saturating_sub(last));
    }
    let page: Vec<Value> = indexes[from..to].iter().map(|index| members[*index].clone()).collect();
    let edges: Vec<Value> = page
        .iter()
        .enumerate()
        .map(|(offset, node)| json!({ "cursor": (from + offset).to_string(), "node": node }))
        .collect();
    json!({
        "nodes": page,
        "edges": edges,
        "pageInfo": {
            "hasNextPage": to < total,
            "hasPreviousPage": from > 0,
            "startCursor": (to > from).then(|| from.to_string()),
            "endCursor": (to > from).then(|| (to - 1).to_string()),
        },
    })
}

fn count(field: &Selected, argument: &str) -> Option<usize> {
    field.arguments.get(argument)?.as_u64().and_then(|count| usize::try_from(count).ok())
}
