//! Reads a GraphQL document against the schema: either every field and argument is known, or
//! nothing is executed.

mod arguments;
mod directives;

use std::collections::{HashMap, HashSet};

use graphql_parser::Pos;
use graphql_parser::query::{
    Definition, Field, FragmentDefinition, OperationDefinition, Selection, SelectionSet, Type, TypeCondition,
    VariableDefinition, parse_query,
};
use serde_json::{Map, Value, json};

use super::inputs::{invalid_variable, problems};
use super::schema::{Schema, Shape, named, to_json};

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
    /// The type that the fragment around it asks for.
    pub(super) on: Option<String>,
    /// The name of the field's type.
    pub(super) type_name: String,
    pub(super) children: Vec<Selected>,
}

/// Reads `query`; the errors are GraphQL errors in the manner of the real API.
pub(super) fn read(
    schema: &Schema,
    query: &str,
    operation_name: Option<&str>,
    variables: &Map<String, Value>,
) -> Result<Operation, Vec<Value>> {
    let document = parse_query::<String>(query).map_err(|error| {
        vec![json!({ "message": format!("syntax error: {error}"), "extensions": { "code": "undefinedSyntax" } })]
    })?;
    let mut operations = Vec::new();
    let mut fragments = HashMap::new();
    for definition in &document.definitions {
        match definition {
            Definition::Operation(operation) => operations.extend(Written::of(operation)),
            Definition::Fragment(fragment) => {
                fragments.insert(fragment.name.as_str(), fragment);
            }
        }
    }
    let chosen = choose(&operations, operation_name)?;
    let mut reader = Reader {
        schema,
        fragments,
        definitions: chosen.variables,
        variables: Map::new(),
        used: HashSet::new(),
        path: vec![json!(chosen.title())],
        errors: Vec::new(),
    };
    reader.read_variables(variables);
    let root = if chosen.is_mutation { "Mutation" } else { "QueryRoot" };
    let roots = reader.select(root, chosen.selections, None);
    reader.complain_of_unused_variables(chosen);
    if reader.errors.is_empty() {
        Ok(Operation { is_mutation: chosen.is_mutation, roots })
    } else {
        Err(reader.errors)
    }
}

/// An operation as it is written in the document.
struct Written<'a> {
    is_mutation: bool,
    name: Option<&'a str>,
    variables: &'a [VariableDefinition<'a, String>],
    selections: &'a SelectionSet<'a, String>,
}

impl<'a> Written<'a> {
    /// `None` for a subscription, which the Admin API does not have.
    fn of(operation: &'a OperationDefinition<'a, String>) -> Option<Self> {
        match operation {
            OperationDefinition::SelectionSet(selections) => {
                Some(Self { is_mutation: false, name: None, variables: &[], selections })
            }
            OperationDefinition::Query(query) => Some(Self {
                is_mutation: false,
                name: query.name.as_deref(),
                variables: &query.variable_definitions,
                selections: &query.selection_set,
            }),
            OperationDefinition::Mutation(mutation) => Some(Self {
                is_mutation: true,
                name: mutation.name.as_deref(),
                variables: &mutation.variable_definitions,
                selections: &mutation.selection_set,
            }),
            OperationDefinition::Subscription(_) => None,
        }
    }

    fn title(&self) -> String {
        let kind = if self.is_mutation { "mutation" } else { "query" };
        self.name.map_or_else(|| kind.to_owned(), |name| format!("{kind} {name}"))
    }
}

fn choose<'a, 'b>(operations: &'b [Written<'a>], name: Option<&str>) -> Result<&'b Written<'a>, Vec<Value>> {
    let found = match (name, operations) {
        (None, [only]) => Some(only),
        (None, _) => None,
        (Some(name), _) => operations.iter().find(|operation| operation.name == Some(name)),
    };
    found.ok_or_else(|| {
        let message = match name {
            Some(name) => format!("No operation named \"{name}\""),
            None => "An operation name is required".to_owned(),
        };
        vec![json!({ "message": message })]
    })
}

struct Reader<'a> {
    schema: &'a Schema,
    fragments: HashMap<&'a str, &'a FragmentDefinition<'a, String>>,
    definitions: &'a [VariableDefinition<'a, String>],
    variables: Map<String, Value>,
    used: HashSet<String>,
    path: Vec<Value>,
    errors: Vec<Value>,
}

impl<'a> Reader<'a> {
    fn read_variables(&mut self, given: &Map<String, Value>) {
        for definition in self.definitions {
            let shape = own(&definition.var_type);
            let default = definition.default_value.as_ref().map(|literal| to_json(literal, &Map::new()));
            let Some(value) = given.get(&definition.name).cloned().or(default) else {
                if matches!(shape, Type::NonNullType(_)) {
                    let found = problems(self.schema, &shape, &Value::Null);
                    self.errors.push(invalid_variable(&definition.name, &shape, &Value::Null, &found));
                }
                continue;
            };
            let found = problems(self.schema, &shape, &value);
            if !found.is_empty() {
                self.errors.push(invalid_variable(&definition.name, &shape, &value, &found));
            }
            self.variables.insert(definition.name.clone(), value);
        }
    }

    fn complain_of_unused_variables(&mut self, operation: &Written<'_>) {
        let title = operation.name.unwrap_or("anonymous query");
        for definition in self.definitions {
            if !self.used.contains(&definition.name) {
                let name = &definition.name;
                self.complain(
                    &definition.position,
                    format!("Variable ${name} is declared by {title} but not used"),
                    json!({ "code": "variableNotUsed", "variableName": name }),
                );
            }
        }
    }

    fn select(
        &mut self,
        type_name: &str,
        selections: &'a SelectionSet<'a, String>,
        on: Option<&str>,
    ) -> Vec<Selected> {
        let mut selected = Vec::new();
        for selection in &selections.items {
            let directives = match selection {
                Selection::Field(field) => &field.directives,
                Selection::FragmentSpread(spread) => &spread.directives,
                Selection::InlineFragment(fragment) => &fragment.directives,
            };
            let is_field = type_name == "Mutation" && matches!(selection, Selection::Field(_));
            if !self.is_wanted(directives, is_field) {
                continue;
            }
            match selection {
                Selection::Field(field) => selected.extend(self.select_field(type_name, field, on)),
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.type_condition.as_ref().map_or(type_name, condition_name);
                    selected.extend(self.select(condition, &fragment.selection_set, Some(condition)));
                }
                Selection::FragmentSpread(spread) => {
                    match self.fragments.get(spread.fragment_name.as_str()).copied() {
                        Some(fragment) => {
                            let condition = condition_name(&fragment.type_condition);
                            selected.extend(self.select(condition, &fragment.selection_set, Some(condition)));
                        }
                        None => self.complain(
                            &spread.position,
                            format!("Fragment {} was used, but not defined", spread.fragment_name),
                            json!({ "code": "useAndDefineFragment", "fragmentName": spread.fragment_name }),
                        ),
                    }
                }
            }
        }
        selected
    }

    fn select_field(
        &mut self,
        type_name: &str,
        field: &'a Field<'a, String>,
        on: Option<&str>,
    ) -> Option<Selected> {
        let key = field.alias.clone().unwrap_or_else(|| field.name.clone());
        let selected = |arguments, type_name: &str, children| Selected {
            key: key.clone(),
            name: field.name.clone(),
            arguments,
            key_of_call: None,
            on: on.map(str::to_owned),
            type_name: type_name.to_owned(),
            children,
        };
        if field.name == "__typename" {
            return Some(selected(Map::new(), "String", Vec::new()));
        }
        self.path.push(json!(key));
        let schema = self.schema;
        let Some(shape) = schema.fields(type_name).and_then(|fields| fields.get(&field.name)) else {
            self.complain(
                &field.position,
                format!("Field '{}' doesn't exist on type '{type_name}'", field.name),
                json!({ "code": "undefinedField", "typeName": type_name, "fieldName": field.name }),
            );
            self.path.pop();
            return None;
        };
        let arguments = self.read_arguments(field, shape);
        let key_of_call = if type_name == "Mutation" { self.idempotency_key(field) } else { None };
        let child_type = named(&shape.shape);
        self.check_has_selections(field, &shape.shape);
        let children = self.select(child_type, &field.selection_set, None);
        self.path.pop();
        Some(Selected { key_of_call, ..selected(arguments, child_type, children) })
    }

    /// Objects need a selection, and nothing else has one.
    fn check_has_selections(&mut self, field: &Field<'_, String>, shape: &Shape) {
        let is_object = self.schema.fields(named(shape)).is_some();
        let has_selections = !field.selection_set.items.is_empty();
        if is_object == has_selections {
            return;
        }
        let message = if is_object {
            format!(
                "Field must have selections (field '{name}' returns {type_name} but has no selections. Did you mean '{name} {{ ... }}'?)",
                name = field.name,
                type_name = named(shape)
            )
        } else {
            format!("Selections can't be made on scalars (field '{}' returns {})", field.name, named(shape))
        };
        self.complain(
            &field.position,
            message,
            json!({ "code": "selectionMismatch", "nodeName": format!("field '{}'", field.name), "typeName": named(shape) }),
        );
    }

    fn complain(&mut self, position: &Pos, message: String, extensions: Value) {
        self.errors.push(json!({
            "message": message,
            "locations": [{ "line": position.line, "column": position.column }],
            "path": self.path,
            "extensions": extensions,
        }));
    }
}

fn condition_name<'a>(condition: &'a TypeCondition<'_, String>) -> &'a str {
    let TypeCondition::On(name) = condition;
    name
}

fn own(shape: &Type<'_, String>) -> Shape {
    match shape {
        Type::NamedType(name) => Type::NamedType(name.clone()),
        Type::ListType(inner) => Type::ListType(Box::new(own(inner))),
        Type::NonNullType(inner) => Type::NonNullType(Box::new(own(inner))),
    }
}
