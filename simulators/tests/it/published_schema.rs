//! The served part of the Admin API against the schema that Shopify publishes, where a copy of
//! it lies beside the checkout.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::Path;

use apollo_compiler::Node;
use apollo_compiler::ast::{Definition, Document, FieldDefinition, InputValueDefinition};
use flate2::read::GzDecoder;

const SERVED: &str = concat!(
    include_str!("../../src/shopify/schema.graphql"),
    include_str!("../../src/shopify/schema/app.graphql"),
    include_str!("../../src/shopify/schema/fulfilments.graphql"),
    include_str!("../../src/shopify/schema/inputs.graphql"),
    include_str!("../../src/shopify/schema/inventory.graphql"),
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
    // As it is written: what a stricter reader says of the published schema does not matter here.
    let document = Document::parse(schema, "schema.graphql").unwrap();
    let listed = |definition: &Definition| match definition {
        Definition::ObjectTypeDefinition(object) => fields(&object.fields),
        Definition::InterfaceTypeDefinition(interface) => fields(&interface.fields),
        Definition::InputObjectTypeDefinition(input) => {
            input.fields.iter().map(|field| (field.name.to_string(), field.ty.to_string())).collect()
        }
        Definition::EnumTypeDefinition(values) => {
            values.values.iter().map(|value| (value.value.to_string(), String::new())).collect()
        }
        Definition::DirectiveDefinition(directive) => arguments(&directive.arguments).collect(),
        _ => BTreeMap::new(),
    };
    let named =
        document.definitions.iter().filter_map(|found| Some((found.name()?.to_string(), listed(found))));
    named.collect()
}

fn fields(fields: &[Node<FieldDefinition>]) -> BTreeMap<String, String> {
    let mut listed = BTreeMap::new();
    for field in fields {
        let name = &field.name;
        listed.extend(
            arguments(&field.arguments).map(|(argument, shape)| (format!("{name}({argument})"), shape)),
        );
        listed.insert(name.to_string(), field.ty.to_string());
    }
    listed
}

fn arguments(arguments: &[Node<InputValueDefinition>]) -> impl Iterator<Item = (String, String)> {
    arguments.iter().map(|argument| (argument.name.to_string(), argument.ty.to_string()))
}
