//! The served part of the Admin API against the schema that Shopify publishes, where a copy of
//! it lies beside the checkout.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use graphql_parser::schema::{Definition, TypeDefinition, parse_schema};

const SERVED: &str = concat!(
    include_str!("../../src/shopify/schema.graphql"),
    include_str!("../../src/shopify/schema/fulfilments.graphql"),
    include_str!("../../src/shopify/schema/inputs.graphql"),
    include_str!("../../src/shopify/schema/returns.graphql"),
);
const PUBLISHED: &str = "../../shared/fixtures/shopify/schema/admin-2026-07.graphql.gz";

/// Fields with their types and arguments, input fields with their types, or enum values.
type Members = HashMap<String, BTreeMap<String, String>>;

#[test]
fn what_is_served_is_part_of_the_published_schema() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PUBLISHED);
    let Ok(packed) = std::fs::read(&path) else {
        eprintln!("skipped: the published schema is not beside this checkout");
        return;
    };
    let mut published = String::new();
    GzDecoder::new(packed.as_slice()).read_to_string(&mut published).unwrap();
    let published = members(&published);
    for (name, served) in members(SERVED) {
        let known = published.get(&name).unwrap_or_else(|| panic!("{name} is not published"));
        for (member, shape) in served {
            assert_eq!(known.get(&member), Some(&shape), "{name}.{member}");
        }
    }
}

fn members(schema: &str) -> Members {
    let document = parse_schema::<String>(schema).unwrap();
    let mut members = Members::new();
    for definition in document.definitions {
        let Definition::TypeDefinition(definition) = definition else {
            continue;
        };
        let (name, listed) = match definition {
            TypeDefinition::Object(object) => (object.name, fields(object.fields)),
            TypeDefinition::Interface(interface) => (interface.name, fields(interface.fields)),
            TypeDefinition::InputObject(input) => (
                input.name,
                input.fields.into_iter().map(|field| (field.name, field.value_type.to_string())).collect(),
            ),
            TypeDefinition::Enum(values) => {
                (values.name, values.values.into_iter().map(|value| (value.name, String::new())).collect())
            }
            TypeDefinition::Scalar(scalar) => (scalar.name, BTreeMap::new()),
            TypeDefinition::Union(union) => (union.name, BTreeMap::new()),
        };
        members.insert(name, listed);
    }
    members
}

fn fields(fields: Vec<graphql_parser::schema::Field<'_, String>>) -> BTreeMap<String, String> {
    let mut listed = BTreeMap::new();
    for field in fields {
        for argument in field.arguments {
            listed.insert(format!("{}({})", field.name, argument.name), argument.value_type.to_string());
        }
        listed.insert(field.name, field.field_type.to_string());
    }
    listed
}
