//! The directives of a field: whether it is wanted, and a mutation's idempotency key.

use graphql_parser::query::{Directive, Field};
use serde_json::{Value, json};

use super::Reader;
use super::arguments::variables_in;
use crate::shopify::schema::to_json;

/// The mutations that are only taken with an idempotency key.
const IDEMPOTENT: &[&str] = &["refundCreate"];

impl<'a> Reader<'a> {
    /// What `@include` and `@skip` say; `@idempotent` is for a mutation, and no other is served.
    pub(super) fn is_wanted(&mut self, directives: &'a [Directive<'a, String>], of_mutation: bool) -> bool {
        let mut wanted = true;
        for directive in directives {
            let truth = self.directive_value(directive, "if").map(|value| value == json!(true));
            match (directive.name.as_str(), truth) {
                ("include", Some(truth)) => wanted &= truth,
                ("skip", Some(truth)) => wanted &= !truth,
                ("idempotent", _) if of_mutation => {}
                (name, _) => self.complain(
                    &directive.position,
                    format!("Directive @{name} is not defined"),
                    json!({ "code": "undefinedDirective", "directiveName": name }),
                ),
            }
        }
        wanted
    }

    /// The key under which a mutation takes effect once.
    pub(super) fn idempotency_key(&mut self, field: &'a Field<'a, String>) -> Option<String> {
        let needed = IDEMPOTENT.contains(&field.name.as_str());
        let Some(directive) = field.directives.iter().find(|directive| directive.name == "idempotent") else {
            if needed {
                self.refuse_call(
                    field,
                    "The @idempotent directive is required for this mutation but was not provided.",
                );
            }
            return None;
        };
        if !needed {
            self.refuse_call(field, "The @idempotent directive is not supported for this mutation.");
            return None;
        }
        let Some(key) = self.directive_value(directive, "key") else {
            self.complain(
                &directive.position,
                "Directive 'idempotent' is missing required arguments: key".to_owned(),
                json!({ "code": "missingRequiredArguments", "className": "Directive", "name": "idempotent", "arguments": "key" }),
            );
            return None;
        };
        let key = key.as_str().map(str::trim).filter(|key| !key.is_empty()).map(str::to_owned);
        if key.is_none() {
            self.refuse_call(field, "The idempotency key cannot be an empty string or whitespace only.");
        }
        key
    }

    fn directive_value(&mut self, directive: &'a Directive<'a, String>, name: &str) -> Option<Value> {
        let (_, literal) = directive.arguments.iter().find(|(known, _)| known == name)?;
        for variable in variables_in(literal) {
            self.used.insert(variable);
        }
        Some(to_json(literal, &self.variables))
    }

    /// An error that the real API only finds when it comes to the call.
    fn refuse_call(&mut self, field: &Field<'_, String>, message: &str) {
        self.errors.push(json!({
            "message": message,
            "locations": [{ "line": field.position.line, "column": field.position.column }],
            "path": [field.alias.as_ref().unwrap_or(&field.name)],
            "extensions": { "code": "BAD_REQUEST" },
        }));
    }
}
