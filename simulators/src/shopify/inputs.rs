//! Checks what a caller passes in against the type that is expected, as the real API words it.

use graphql_parser::schema::Type;
use serde_json::{Value, json};

use super::schema::{Schema, Shape};

/// What is wrong with a value, and where in it.
pub(super) struct Problem {
    pub(super) path: Vec<Value>,
    pub(super) explanation: String,
}

/// Everything that is wrong with `value` as a `shape`.
pub(super) fn problems(schema: &Schema, shape: &Shape, value: &Value) -> Vec<Problem> {
    let mut found = Vec::new();
    check(schema, shape, value, &mut Vec::new(), &mut found);
    found
}

/// The error for a variable that was given a wrong value.
pub(super) fn invalid_variable(name: &str, shape: &Shape, value: &Value, problems: &[Problem]) -> Value {
    let described: Vec<String> = problems
        .iter()
        .filter(|problem| !problem.path.is_empty())
        .map(|problem| format!("{} ({})", dotted(&problem.path), problem.explanation))
        .collect();
    let tail = if described.is_empty() { String::new() } else { format!(" for {}", described.join(", ")) };
    let listed: Vec<Value> = problems
        .iter()
        .map(|problem| json!({ "path": problem.path, "explanation": problem.explanation }))
        .collect();
    json!({
        "message": format!("Variable ${name} of type {shape} was provided invalid value{tail}"),
        "extensions": { "code": "INVALID_VARIABLE", "value": value, "problems": listed },
    })
}

fn dotted(path: &[Value]) -> String {
    let parts: Vec<String> =
        path.iter().map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned)).collect();
    parts.join(".")
}

fn check(schema: &Schema, shape: &Shape, value: &Value, path: &mut Vec<Value>, found: &mut Vec<Problem>) {
    match shape {
        Type::NonNullType(_) if value.is_null() => {
            found.push(problem(path, "Expected value to not be null".to_owned()));
        }
        Type::NonNullType(inner) => check(schema, inner, value, path, found),
        _ if value.is_null() => {}
        Type::ListType(inner) => match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    path.push(json!(index));
                    check(schema, inner, item, path, found);
                    path.pop();
                }
            }
            // A single value stands for a list of one.
            single => check(schema, inner, single, path, found),
        },
        Type::NamedType(name) => check_named(schema, name, value, path, found),
    }
}

fn check_named(schema: &Schema, name: &str, value: &Value, path: &mut Vec<Value>, found: &mut Vec<Problem>) {
    if schema.input(name).is_some() {
        return check_object(schema, name, value, path, found);
    }
    if let Some(values) = schema.enum_values(name) {
        if !value.as_str().is_some_and(|given| values.iter().any(|value| value == given)) {
            let expected = values.join(", ");
            found.push(problem(path, format!("Expected {value} to be one of: {expected}")));
        }
        return;
    }
    let explanation = match name {
        "ID" => match value.as_str() {
            Some(id) if id.starts_with("gid://shopify/") => None,
            Some(id) => Some(format!("Invalid global id '{id}'")),
            None if value.is_i64() => Some(format!("Invalid global id '{value}'")),
            None => Some(format!("Could not coerce value {value} to ID")),
        },
        "Int" if value.as_i64().is_none_or(|number| i32::try_from(number).is_err()) => {
            Some(format!("Could not coerce value {value} to Int"))
        }
        "Boolean" if !value.is_boolean() => Some(format!("Could not coerce value {value} to Boolean")),
        "String" | "URL" | "DateTime" if !value.is_string() => {
            Some(format!("Could not coerce value {value} to {name}"))
        }
        "Money" | "Decimal" if !value.is_string() && !value.is_number() => {
            Some(format!("Could not coerce value {value} to {name}"))
        }
        _ => None,
    };
    if let Some(explanation) = explanation {
        found.push(problem(path, explanation));
    }
}

fn check_object(schema: &Schema, name: &str, value: &Value, path: &mut Vec<Value>, found: &mut Vec<Problem>) {
    let Some(object) = value.as_object() else {
        found.push(problem(path, format!("Expected {value} to be a key-value object")));
        return;
    };
    let fields = schema.input(name).unwrap_or_default();
    for given in object.keys() {
        if !fields.iter().any(|field| field.name == *given) {
            path.push(json!(given));
            found.push(problem(path, format!("Field is not defined on {name}")));
            path.pop();
        }
    }
    for field in fields {
        let given = object.get(&field.name);
        if given.is_some() || field.is_required() {
            path.push(json!(field.name));
            check(schema, &field.shape, given.unwrap_or(&Value::Null), path, found);
            path.pop();
        }
    }
}

fn problem(path: &[Value], explanation: String) -> Problem {
    Problem { path: path.to_vec(), explanation }
}
