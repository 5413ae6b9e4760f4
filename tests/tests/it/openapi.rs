//! What the interface says of itself, and that it is true.

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::{
    line::WORLD,
    world::{self, World},
};

/// An operation as the interface describes it.
pub struct Operation {
    /// The path, with its parameters in braces.
    pub path: String,
    /// In small letters.
    pub method: String,
    /// What is at the path.
    item: Value,
    /// The whole description.
    description: Value,
}

impl Operation {
    fn said(&self) -> &Value {
        &self.item[&self.method]
    }

    /// Whether its path takes a method; axum answers HEAD where it answers GET.
    pub fn path_takes(&self, method: &str) -> bool {
        self.item.get(method.to_lowercase()).is_some()
    }

    /// Its parameters in the path, the query or the headers.
    pub fn parameters(&self, place: &str) -> Vec<&Value> {
        let all = self.said()["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        all.iter().filter(|parameter| parameter["in"] == place).collect()
    }

    /// Whether a token is looked at.
    pub fn asks_for_a_token(&self) -> bool {
        self.said()["security"].as_array().is_some_and(|ways| !ways.is_empty())
    }

    /// The path with an id that could be one in each place.
    pub fn filled_path(&self) -> String {
        // Of nothing that is there: a number, a UUID or a name, as it is described.
        let id = self.parameters("path").first().map_or("none-of-these", |parameter| {
            let schema = &parameter["schema"];
            match (schema["type"].as_str(), schema["format"].as_str()) {
                (Some("integer"), _) => "999999999",
                (_, Some("uuid")) => "00000000-0000-7000-8000-000000000000",
                _ => "none-of-these",
            }
        });
        self.path_with(id)
    }

    /// The path with `id` in each place.
    pub fn path_with(&self, id: &str) -> String {
        let parts = self.path.split('/').map(|part| if part.starts_with('{') { id } else { part });
        parts.collect::<Vec<_>>().join("/")
    }

    /// An example of its body.
    pub fn example(&self) -> Option<Value> {
        let content = &self.said()["requestBody"]["content"]["application/json"];
        let schema = self.resolved(&content["schema"]);
        let examples = [&content["example"], &schema["example"], &schema["examples"][0]];
        examples.into_iter().find(|example| !example.is_null()).cloned()
    }

    /// Whether it asks for a body.
    pub fn needs_body(&self) -> bool {
        self.said()["requestBody"]["required"] == true
    }

    /// The members that its body cannot be without.
    pub fn required_members(&self) -> Vec<String> {
        let schema = self.resolved(&self.said()["requestBody"]["content"]["application/json"]["schema"]);
        let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
        required.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(place) => self.description.pointer(&place[1..]).expect("what is referred to is there"),
            None => value,
        }
    }
}

/// The operations that the interface describes.
pub async fn operations(world: &World) -> Vec<Operation> {
    let answer = world.http.get(world.api("/openapi.json")).send().await.expect("the API answers");
    let description: Value = answer.json().await.expect("JSON");
    let mut operations = Vec::new();
    for (path, item) in description["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("operations").keys() {
            operations.push(Operation {
                path: path.clone(),
                method: method.clone(),
                item: item.clone(),
                description: description.clone(),
            });
        }
    }
    operations
}

#[test]
fn the_description_and_the_page_are_open_to_everybody() {
    let world = &*WORLD;
    world::run(async {
        for path in ["/openapi.json", "/docs/", "/docs/swagger-ui-bundle.js"] {
            let answer = world.http.get(world.api(path)).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK, "{path}");
        }
    });
}

#[test]
fn where_a_token_is_needed_nothing_is_told_without_one() {
    let world = &*WORLD;
    world::run(async {
        let mut asked = 0;
        for operation in operations(world).await {
            let security = operation.said()["security"].as_array().unwrap();
            if security.is_empty() || security.iter().any(|way| way.as_object().unwrap().is_empty()) {
                continue;
            }
            let method = Method::from_bytes(operation.method.to_uppercase().as_bytes()).unwrap();
            let request = world.http.request(method, world.api(&operation.filled_path()));
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{}", operation.path);
            asked += 1;
        }
        assert!(asked > 0, "the integration endpoints ask for tokens");
    });
}
