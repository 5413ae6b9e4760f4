//! Every GraphQL document we send, against the Admin API's schema of version 2026-07.

use std::io::Read;

use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use flate2::read::GzDecoder;
use shopify::admin::operations;

use crate::fixtures;

fn schema() -> Valid<Schema> {
    let packed = fixtures::bytes("schema/admin-2026-07.graphql.gz");
    let mut text = String::new();
    GzDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
    let schema = Schema::parse(text, "admin-2026-07.graphql").expect("the schema is read");
    // The published schema is what the shop executes by, whatever a stricter reader says of it.
    Valid::assume_valid(schema)
}

#[test]
fn every_document_fits_the_schema_and_a_wrong_one_does_not() {
    let schema = schema();
    for (name, document) in operations::ALL {
        let parsed = ExecutableDocument::parse_and_validate(&schema, *document, *name)
            .unwrap_or_else(|refused| panic!("{name}:\n{}", refused.errors));
        let operation = parsed.operations.iter().next().expect("one operation");
        assert_eq!(parsed.operations.len(), 1, "{name}");
        assert_eq!(operation.name.as_ref().map(|name| name.as_str()), Some(*name));
        for unknown in ["status", "userErrors { field", "nodes { id", "displayFulfillmentStatus"] {
            if document.contains(unknown) {
                let wrong = document.replacen(unknown, &format!("aFieldOfNextYear {unknown}"), 1);
                let verdict = ExecutableDocument::parse_and_validate(&schema, wrong, *name);
                assert!(verdict.is_err(), "{name} with an unknown field");
            }
        }
    }
}

#[test]
fn no_document_asks_for_what_is_deprecated() {
    let schema = schema();
    for (name, document) in operations::ALL {
        let parsed = ExecutableDocument::parse_and_validate(&schema, *document, *name).unwrap();
        let operation = parsed.operations.iter().next().unwrap();
        for field in operation.all_fields(&parsed) {
            let directives = &field.definition.directives;
            assert!(!directives.has("deprecated"), "{name} asks for {}", field.name);
            for given in &field.arguments {
                let defined = field.definition.argument_by_name(&given.name).unwrap();
                assert!(!defined.directives.has("deprecated"), "{name} gives {}", given.name);
            }
        }
    }
}
