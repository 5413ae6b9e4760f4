//! The arguments of a field: known, complete, of their type.

use graphql_parser::query::{Field, Type, Value as Literal};
use serde_json::{Map, Value, json};

use super::{Reader, own};
use crate::shopify::inputs::problems;
use crate::shopify::schema::{FieldShape, Shape, named, to_json};

impl<'a> Reader<'a> {
    /// The arguments of a field as JSON, with variables and defaults put in.
    pub(super) fn read_arguments(
        &mut self,
        field: &'a Field<'a, String>,
        shape: &FieldShape,
    ) -> Map<String, Value> {
        let mut arguments = Map::new();
        for (name, literal) in &field.arguments {
            let Some(expected) = shape.arguments.iter().find(|argument| argument.name == *name) else {
                self.complain(
                    &field.position,
                    format!("Field '{}' doesn't accept argument '{name}'", field.name),
                    json!({ "code": "argumentNotAccepted", "name": field.name, "typeName": "Field", "argumentName": name }),
                );
                continue;
            };
            self.check_variables(field, name, literal, &expected.shape);
            if let Literal::Variable(variable) = literal
                && !self.variables.contains_key(variable)
            {
                continue;
            }
            let value = to_json(literal, &self.variables);
            if !matches!(literal, Literal::Variable(_))
                && !problems(self.schema, &expected.shape, &value).is_empty()
            {
                self.complain(
                    &field.position,
                    format!(
                        "Argument '{name}' on Field '{}' has an invalid value ({literal}). Expected type '{}'.",
                        field.name, expected.shape
                    ),
                    json!({ "code": "argumentLiteralsIncompatible", "typeName": "Field", "argumentName": name }),
                );
            }
            arguments.insert(name.clone(), value);
        }
        self.complain_of_missing_arguments(field, shape);
        for argument in &shape.arguments {
            if let Some(default) = &argument.default {
                arguments.entry(&argument.name).or_insert_with(|| default.clone());
            }
        }
        arguments
    }

    fn complain_of_missing_arguments(&mut self, field: &Field<'_, String>, shape: &FieldShape) {
        let is_given = |wanted: &str| field.arguments.iter().any(|(name, _)| name == wanted);
        let missing: Vec<&str> = shape
            .arguments
            .iter()
            .filter(|argument| argument.is_required() && !is_given(&argument.name))
            .map(|argument| argument.name.as_str())
            .collect();
        if !missing.is_empty() {
            let missing = missing.join(", ");
            self.complain(
                &field.position,
                format!("Field '{}' is missing required arguments: {missing}", field.name),
                json!({ "code": "missingRequiredArguments", "className": "Field", "name": field.name, "arguments": missing }),
            );
        }
        let is_connection = named(&shape.shape).ends_with("Connection");
        if is_connection && !is_given("first") && !is_given("last") {
            self.complain(
                &field.position,
                "you must provide one of first or last".to_owned(),
                json!({ "code": "BAD_REQUEST" }),
            );
        }
    }

    /// Every variable in `literal` is declared, and one that is the whole argument has its type.
    fn check_variables(
        &mut self,
        field: &Field<'_, String>,
        argument: &str,
        literal: &Literal<'_, String>,
        expected: &Shape,
    ) {
        for name in variables_in(literal) {
            self.used.insert(name.clone());
            let Some(definition) = self.definitions.iter().find(|definition| definition.name == name) else {
                self.complain(
                    &field.position,
                    format!("Variable ${name} is used but not declared"),
                    json!({ "code": "variableNotDefined", "variableName": name }),
                );
                continue;
            };
            let given = own(&definition.var_type);
            let whole = matches!(literal, Literal::Variable(_));
            if whole && !fits(&given, expected, definition.default_value.is_some()) {
                self.complain(
                    &field.position,
                    format!("Type mismatch on variable ${name} and argument {argument} ({given} / {expected})"),
                    json!({ "code": "variableMismatch", "variableName": name, "typeName": given.to_string(), "argumentName": argument, "errorMessage": "Type mismatch" }),
                );
            }
        }
    }
}

/// The names of the variables in a literal.
pub(super) fn variables_in(literal: &Literal<'_, String>) -> Vec<String> {
    match literal {
        Literal::Variable(name) => vec![name.clone()],
        Literal::List(items) => items.iter().flat_map(variables_in).collect(),
        Literal::Object(fields) => fields.values().flat_map(variables_in).collect(),
        _ => Vec::new(),
    }
}

/// Whether a variable of type `given` may stand where `expected` is expected.
fn fits(given: &Shape, expected: &Shape, has_default: bool) -> bool {
    match (given, expected) {
        (Type::NonNullType(given), Type::NonNullType(expected)) => fits(given, expected, false),
        (Type::NonNullType(given), expected) => fits(given, expected, false),
        (given, Type::NonNullType(expected)) => has_default && fits(given, expected, false),
        (Type::ListType(given), Type::ListType(expected)) => fits(given, expected, false),
        (given, Type::ListType(expected)) => fits(given, expected, false),
        (Type::NamedType(given), Type::NamedType(expected)) => given == expected,
        (Type::ListType(_), Type::NamedType(_)) => false,
    }
}
