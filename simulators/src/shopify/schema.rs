//! The part of the Admin API's schema that is served, read from `schema.graphql` and the files in `schema/`,
//! and what the shop checks of a value that the schema does not say.

use apollo_compiler::Schema;
use apollo_compiler::ast::Type;
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::Valid;
use serde_json::Value;

const PUBLISHED_PART: &str = concat!(
    include_str!("schema.graphql"),
    include_str!("schema/app.graphql"),
    include_str!("schema/fulfilments.graphql"),
    include_str!("schema/inputs.graphql"),
    include_str!("schema/inventory.graphql"),
    include_str!("schema/returns.graphql"),
);

/// Reads the schema that is compiled in.
pub(super) fn published_part() -> Valid<Schema> {
    Schema::parse_and_validate(PUBLISHED_PART, "schema.graphql")
        .unwrap_or_else(|refused| unreachable!("the compiled-in schema is valid: {}", refused.errors))
}

/// What is wrong with a scalar somewhere in `value`: the schema calls an id any text, and of the
/// shop's own scalars it says nothing.
pub(super) fn wrong_scalar(schema: &Schema, shape: &Type, value: &Value) -> Option<String> {
    let name = shape.inner_named_type();
    match (value, schema.types.get(name)) {
        (Value::Null, _) => None,
        (Value::Array(items), _) => items.iter().find_map(|item| wrong_scalar(schema, shape, item)),
        (Value::Object(given), Some(ExtendedType::InputObject(input))) => given
            .iter()
            .find_map(|(field, value)| wrong_scalar(schema, &input.fields.get(field.as_str())?.ty, value)),
        _ => match name.as_str() {
            "ID" if !value.as_str().is_some_and(|id| id.starts_with("gid://shopify/")) => {
                Some(format!("Invalid global id {value}"))
            }
            "URL" | "DateTime" if !value.is_string() => {
                Some(format!("Could not coerce value {value} to {name}"))
            }
            "Money" | "Decimal" if !value.is_string() && !value.is_number() => {
                Some(format!("Could not coerce value {value} to {name}"))
            }
            _ => None,
        },
    }
}
