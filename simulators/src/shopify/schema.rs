//! The part of the Admin API's schema that is served, read from `schema.graphql` and the files in `schema/`.

use std::collections::HashMap;

use graphql_parser::query::Value as Literal;
use graphql_parser::schema::{Definition, InputValue, Type, TypeDefinition, parse_schema};
use serde_json::{Map, Value};

const PUBLISHED_PART: &str = concat!(
    include_str!("schema.graphql"),
    include_str!("schema/fulfilments.graphql"),
    include_str!("schema/inputs.graphql"),
    include_str!("schema/returns.graphql"),
);

/// A type as it is written in the schema or in a document.
pub(super) type Shape = Type<'static, String>;

/// The types that are served.
pub(super) struct Schema {
    objects: HashMap<String, HashMap<String, FieldShape>>,
    inputs: HashMap<String, Vec<InputShape>>,
    enums: HashMap<String, Vec<String>>,
    interfaces: Vec<String>,
}

/// A field of an object.
pub(super) struct FieldShape {
    pub(super) arguments: Vec<InputShape>,
    pub(super) shape: Shape,
}

/// An argument, or a field of an input object.
pub(super) struct InputShape {
    pub(super) name: String,
    pub(super) shape: Shape,
    pub(super) default: Option<Value>,
}

impl InputShape {
    /// Whether it must be given.
    pub(super) fn is_required(&self) -> bool {
        matches!(self.shape, Type::NonNullType(_)) && self.default.is_none()
    }
}

impl Schema {
    /// Reads the schema that is compiled in.
    pub(super) fn published_part() -> Self {
        let document = parse_schema::<String>(PUBLISHED_PART)
            .unwrap_or_else(|error| unreachable!("the compiled-in schema is valid: {error}"));
        let mut schema = Self {
            objects: HashMap::new(),
            inputs: HashMap::new(),
            enums: HashMap::new(),
            interfaces: Vec::new(),
        };
        for definition in document.definitions {
            if let Definition::TypeDefinition(definition) = definition {
                schema.add(definition);
            }
        }
        schema
    }

    pub(super) fn fields(&self, type_name: &str) -> Option<&HashMap<String, FieldShape>> {
        self.objects.get(type_name)
    }

    pub(super) fn input(&self, type_name: &str) -> Option<&[InputShape]> {
        self.inputs.get(type_name).map(Vec::as_slice)
    }

    pub(super) fn enum_values(&self, type_name: &str) -> Option<&[String]> {
        self.enums.get(type_name).map(Vec::as_slice)
    }

    pub(super) fn is_interface(&self, type_name: &str) -> bool {
        self.interfaces.iter().any(|name| name == type_name)
    }

    fn add(&mut self, definition: TypeDefinition<'static, String>) {
        match definition {
            TypeDefinition::Object(object) => {
                self.objects.insert(object.name, field_shapes(object.fields));
            }
            TypeDefinition::Interface(interface) => {
                self.interfaces.push(interface.name.clone());
                self.objects.insert(interface.name, field_shapes(interface.fields));
            }
            TypeDefinition::InputObject(input) => {
                self.inputs.insert(input.name, input.fields.into_iter().map(input_shape).collect());
            }
            TypeDefinition::Enum(listed) => {
                let values = listed.values.into_iter().map(|value| value.name).collect();
                self.enums.insert(listed.name, values);
            }
            TypeDefinition::Scalar(_) | TypeDefinition::Union(_) => {}
        }
    }
}

/// The name at the heart of a type, without lists and exclamation marks.
pub(super) fn named(shape: &Shape) -> &str {
    match shape {
        Type::NamedType(name) => name,
        Type::ListType(inner) | Type::NonNullType(inner) => named(inner),
    }
}

/// A literal as JSON, with the variables put in.
pub(super) fn to_json(literal: &Literal<'_, String>, variables: &Map<String, Value>) -> Value {
    match literal {
        Literal::Variable(name) => variables.get(name).cloned().unwrap_or(Value::Null),
        Literal::Int(number) => number.as_i64().into(),
        Literal::Float(number) => (*number).into(),
        Literal::String(text) | Literal::Enum(text) => text.clone().into(),
        Literal::Boolean(truth) => (*truth).into(),
        Literal::Null => Value::Null,
        Literal::List(items) => items.iter().map(|item| to_json(item, variables)).collect(),
        Literal::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), to_json(value, variables)))
            .collect::<Map<_, _>>()
            .into(),
    }
}

fn field_shapes(fields: Vec<graphql_parser::schema::Field<'static, String>>) -> HashMap<String, FieldShape> {
    let shape = |field: graphql_parser::schema::Field<'static, String>| {
        let arguments = field.arguments.into_iter().map(input_shape).collect();
        (field.name, FieldShape { arguments, shape: field.field_type })
    };
    fields.into_iter().map(shape).collect()
}

fn input_shape(input: InputValue<'static, String>) -> InputShape {
    InputShape {
        name: input.name,
        shape: input.value_type,
        default: input.default_value.map(|literal| to_json(&literal, &Map::new())),
    }
}
