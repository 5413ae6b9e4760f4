//! Reads a GraphQL document against the schema: either all of it is valid, or nothing is executed.

use std::collections::HashMap;
use std::sync::Arc;

use apollo_compiler::ast::Value as Literal;
use apollo_compiler::executable::{Field, Selection, SelectionSet};
use apollo_compiler::parser::SourceSpan;
use apollo_compiler::request::{RequestError, coerce_variable_values};
use apollo_compiler::response::{GraphQLError, JsonMap, ResponseDataPathSegment};
use apollo_compiler::validation::{DiagnosticData, DiagnosticList, Valid};
use apollo_compiler::{ExecutableDocument, Name, Node, Schema};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use super::schema::wrong_scalar;

/// The mutations that are only taken with an idempotency key.
const IDEMPOTENT: &[&str] = &["refundCreate", "inventorySetQuantities", "inventoryActivate"];
/// How long a list of quantities or ids may be.
const MOST_MEMBERS: usize = 250;
/// How many valid documents are remembered; one with its values written into it is never sent again.
const MOST_DOCUMENTS: usize = 1_000;
const INVALID_VARIABLE: &str = "INVALID_VARIABLE";
const SELECTION_MISMATCH: &str = "selectionMismatch";

/// An operation, ready to be executed.
pub(super) struct Operation {
    pub(super) is_mutation: bool,
    pub(super) roots: Vec<Selected>,
}

/// A field that was asked for.
pub(super) struct Selected {
    /// The alias, or the name.
    pub(super) key: String,
    pub(super) name: String,
    pub(super) arguments: Map<String, Value>,
    /// What `@idempotent` says of a mutation.
    pub(super) key_of_call: Option<String>,
    /// The type that the fragment around it asks for, where not every object has it.
    pub(super) on: Option<Name>,
    /// The name of the field's type.
    pub(super) type_name: String,
    pub(super) children: Vec<Selected>,
}

/// The schema, and the documents that were found to fit it: a caller sends the same few again and
/// again, and to validate one takes longer than to answer it.
pub(super) struct Documents {
    schema: Valid<Schema>,
    valid: Mutex<HashMap<String, Arc<Valid<ExecutableDocument>>>>,
}

impl Documents {
    pub(super) fn of(schema: Valid<Schema>) -> Self {
        Self { schema, valid: Mutex::default() }
    }

    fn find(&self, query: &str) -> Result<Arc<Valid<ExecutableDocument>>, Vec<GraphQLError>> {
        if let Some(known) = self.valid.lock().get(query) {
            return Ok(Arc::clone(known));
        }
        let read = ExecutableDocument::parse_and_validate(&self.schema, query, "query");
        let document = Arc::new(read.map_err(|refused| refusals(&refused.errors))?);
        let mut valid = self.valid.lock();
        if valid.len() >= MOST_DOCUMENTS {
            valid.clear();
        }
        valid.insert(query.to_owned(), Arc::clone(&document));
        Ok(document)
    }
}

/// Reads `query`; the errors are GraphQL errors in the manner of the real API.
pub(super) fn read(
    documents: &Documents,
    query: &str,
    operation_name: Option<&str>,
    variables: &JsonMap,
) -> Result<Operation, Vec<GraphQLError>> {
    let schema = &documents.schema;
    let document = documents.find(query)?;
    let refuse =
        |error: &RequestError, code| vec![with_code(error.to_graphql_error(&document.sources), code)];
    let operation = document.operations.get(operation_name).map_err(|error| refuse(&error, None))?;
    let variables = coerce_variable_values(schema, operation, variables)
        .map_err(|error| refuse(&error, Some(INVALID_VARIABLE)))?;
    let variables = variables.iter().map(|(name, value)| (name.as_str().to_owned(), json!(value))).collect();
    let mut reader = Reader { schema, document: &document, variables, errors: Vec::new() };
    for variable in &operation.variables {
        let value = reader.variables.get(variable.name.as_str()).unwrap_or(&Value::Null);
        if let Some(wrong) = wrong_scalar(schema, &variable.ty, value) {
            let message = format!("Variable ${} was provided invalid value: {wrong}", variable.name);
            reader.complain(variable.location(), message, INVALID_VARIABLE);
        }
    }
    let mut roots = Vec::new();
    reader.select(&operation.selection_set, None, &mut roots);
    if reader.errors.is_empty() {
        Ok(Operation { is_mutation: operation.is_mutation(), roots })
    } else {
        Err(reader.errors)
    }
}

/// Makes one list of fields out of selections and fragments, and finds what the schema cannot say.
struct Reader<'a> {
    schema: &'a Schema,
    document: &'a ExecutableDocument,
    variables: Map<String, Value>,
    errors: Vec<GraphQLError>,
}

impl<'a> Reader<'a> {
    fn select(&mut self, selections: &SelectionSet, on: Option<&Name>, selected: &mut Vec<Selected>) {
        let document = self.document;
        for selection in &selections.selections {
            if !self.is_wanted(selection) {
                continue;
            }
            let inner = match selection {
                Selection::Field(field) => {
                    self.select_field(field, on, selected);
                    continue;
                }
                Selection::InlineFragment(fragment) => &fragment.selection_set,
                Selection::FragmentSpread(spread) => &document.fragments[&spread.fragment_name].selection_set,
            };
            let narrows = inner.ty != selections.ty && self.schema.get_object(&inner.ty).is_some();
            self.select(inner, if narrows { Some(&inner.ty) } else { on }, selected);
        }
    }

    /// Selects a field; one that is there already under this key gets what else is asked of it.
    fn select_field(&mut self, field: &Node<Field>, on: Option<&Name>, selected: &mut Vec<Selected>) {
        self.check_lists(field);
        let key = field.response_key().as_str();
        let known = selected.iter().position(|known| known.key == key && known.on.as_ref() == on);
        let position = known.unwrap_or_else(|| {
            selected.push(Selected {
                key: key.to_owned(),
                name: field.name.to_string(),
                arguments: self.arguments(field),
                key_of_call: self.key_of_call(field),
                on: on.cloned(),
                type_name: field.ty().inner_named_type().to_string(),
                children: Vec::new(),
            });
            selected.len() - 1
        });
        self.select(&field.selection_set, None, &mut selected[position].children);
    }

    /// What `@include` and `@skip` say.
    fn is_wanted(&self, selection: &Selection) -> bool {
        let says = |name: &str| {
            let condition = selection.directives().get(name)?.specified_argument_by_name("if")?;
            Some(self.to_json(condition) == json!(true))
        };
        says("include").unwrap_or(true) && !says("skip").unwrap_or(false)
    }

    /// The arguments of a field, with variables and defaults put in.
    fn arguments(&mut self, field: &Node<Field>) -> Map<String, Value> {
        let mut arguments = Map::new();
        for expected in &field.definition.arguments {
            let name = expected.name.as_str();
            let given = field.specified_argument_by_name(name).filter(|given| self.is_given(given));
            let Some(literal) = given.or(expected.default_value.as_ref()) else { continue };
            let value = self.to_json(literal);
            if literal.as_variable().is_none()
                && let Some(wrong) = wrong_scalar(self.schema, &expected.ty, &value)
            {
                let message =
                    format!("Argument '{name}' on Field '{}' has an invalid value: {wrong}", field.name);
                self.complain(field.location(), message, "argumentLiteralsIncompatible");
            }
            arguments.insert(name.to_owned(), value);
        }
        let is_connection = field.ty().inner_named_type().ends_with("Connection");
        if is_connection && !["first", "last"].iter().any(|name| arguments.contains_key(*name)) {
            self.complain(field.location(), "you must provide one of first or last", "BAD_REQUEST");
        }
        arguments
    }

    /// The key under which a mutation takes effect once; errors here the real API only finds when
    /// it comes to the call.
    fn key_of_call(&mut self, field: &Node<Field>) -> Option<String> {
        let directive = field.directives.get("idempotent");
        let key = directive.and_then(|directive| directive.specified_argument_by_name("key"));
        let key = key.map(|key| self.to_json(key).as_str().unwrap_or_default().trim().to_owned());
        let wrong = match (IDEMPOTENT.contains(&field.name.as_str()), key) {
            (false, None) => return None,
            (true, Some(key)) if !key.is_empty() => return Some(key),
            (false, Some(_)) => "The @idempotent directive is not supported for this mutation.",
            (true, None) => "The @idempotent directive is required for this mutation but was not provided.",
            (true, Some(_)) => "The idempotency key cannot be an empty string or whitespace only.",
        };
        self.complain_at(field, &[], wrong, "BAD_REQUEST");
        None
    }

    /// What the real API finds in lists only when it comes to the call: too many members, or members that lack what
    /// they must say, be it null.
    fn check_lists(&mut self, field: &Node<Field>) {
        let given = |name: &str| field.specified_argument_by_name(name).map(|given| self.to_json(given));
        let (list, path) = match field.name.as_str() {
            "nodes" => (given("ids"), &["ids"][..]),
            "inventorySetQuantities" => {
                (given("input").map(|input| input["quantities"].clone()), &["input", "quantities"][..])
            }
            _ => return,
        };
        let members = list.as_ref().and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        if members.len() > MOST_MEMBERS {
            let message = format!(
                "The input array size of {} is greater than the maximum allowed of {MOST_MEMBERS}.",
                members.len()
            );
            self.complain_at(field, path, message, "MAX_INPUT_SIZE_EXCEEDED");
        }
        let is_quantity = field.name == "inventorySetQuantities";
        if is_quantity && members.iter().any(|member| member.get("changeFromQuantity").is_none()) {
            let message = "InventoryQuantityInput must include the following argument: changeFromQuantity.";
            self.complain_at(field, &[], message, "INVALID_FIELD_ARGUMENTS");
        }
    }

    fn is_given(&self, literal: &Literal) -> bool {
        literal.as_variable().is_none_or(|name| self.variables.contains_key(name.as_str()))
    }

    /// A literal as JSON, with the variables put in.
    fn to_json(&self, literal: &Literal) -> Value {
        match literal {
            Literal::Variable(name) => self.variables.get(name.as_str()).cloned().unwrap_or_default(),
            Literal::Int(number) => number.as_str().parse().map_or(Value::Null, Value::Number),
            Literal::Float(number) => number.as_str().parse().map_or(Value::Null, Value::Number),
            Literal::String(text) => json!(text),
            Literal::Enum(name) => json!(name.as_str()),
            Literal::Boolean(truth) => json!(truth),
            Literal::Null => Value::Null,
            Literal::List(items) => items.iter().map(|item| self.to_json(item)).collect(),
            Literal::Object(fields) => {
                let given = fields.iter().filter(|(_, value)| self.is_given(value));
                given.map(|(name, value)| (name.to_string(), self.to_json(value))).collect()
            }
        }
    }

    /// Complains of a call, or of a member of its input.
    fn complain_at(
        &mut self,
        field: &Node<Field>,
        member: &[&str],
        message: impl Into<String>,
        code: &'static str,
    ) {
        let mut error = GraphQLError::new(message, field.location(), &self.document.sources);
        let path = [field.response_key().as_str()].into_iter().chain(member.iter().copied());
        // A path holds names alone here.
        error.path =
            path.filter_map(|name| Name::new(name).ok()).map(ResponseDataPathSegment::Field).collect();
        self.errors.push(with_code(error, Some(code)));
    }

    fn complain(&mut self, location: Option<SourceSpan>, message: impl Into<String>, code: &'static str) {
        let error = GraphQLError::new(message, location, &self.document.sources);
        self.errors.push(with_code(error, Some(code)));
    }
}

fn refusals(found: &DiagnosticList) -> Vec<GraphQLError> {
    let mut errors: Vec<_> =
        found.iter().map(|found| with_code(found.to_json(), code_of(found.error))).collect();
    // A field of which only unknown members are asked for has no selections either: not the first to say.
    errors.sort_by_key(|error| error.extensions.get("code") == Some(&SELECTION_MISMATCH.into()));
    errors
}

fn with_code(mut error: GraphQLError, code: Option<&'static str>) -> GraphQLError {
    error.extensions.extend(code.map(|code| ("code".into(), code.into())));
    error
}

/// The code that the real API gives this error.
fn code_of(error: &DiagnosticData) -> Option<&'static str> {
    Some(match error.unstable_error_name()? {
        "UndefinedField" => "undefinedField",
        "UndefinedArgument" => "argumentNotAccepted",
        "UndefinedDirective" => "undefinedDirective",
        "UndefinedFragment" => "useAndDefineFragment",
        "UndefinedVariable" => "variableNotDefined",
        "UnusedVariable" => "variableNotUsed",
        "DisallowedVariableUsage" => "variableMismatch",
        "RequiredArgument" => "missingRequiredArguments",
        "MissingSubselection" | "SubselectionOnScalarType" | "SubselectionOnEnumType" => SELECTION_MISMATCH,
        "UnsupportedValueType" | "UndefinedEnumValue" => "argumentLiteralsIncompatible",
        _ => return None,
    })
}
