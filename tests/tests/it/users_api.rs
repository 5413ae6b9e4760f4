//! Users over HTTP.

use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    allocations_api::answer,
    line::WORLD,
    world::{self, World},
};

async fn send(world: &World, method: Method, path: &str, body: Option<&Value>) -> (StatusCode, Value) {
    let request = world.http.request(method, world.api(path));
    answer(if let Some(body) = body { request.json(body) } else { request }).await
}

async fn register(world: &World, body: &Value) -> (StatusCode, Value) {
    send(world, Method::POST, "/api/users", Some(body)).await
}

fn user(id: &str, email: &str) -> Value {
    json!({"userId": id, "name": "Grace Secretname", "email": email})
}

#[test]
fn a_user_is_registered_once_and_found() {
    let world = &*WORLD;
    world::run(async {
        let body = user("auth0|once", "once@example.com");
        let registered = json!({"message": "User registered successfully", "userId": "auth0|once"});
        assert_eq!(register(world, &body).await, (StatusCode::CREATED, registered));
        let (status, answer) = register(world, &body).await;
        assert_eq!((status, &answer["userId"]), (StatusCode::OK, &json!("auth0|once")));
        let found = send(world, Method::GET, "/api/users/auth0%7Conce", None).await;
        assert_eq!(found, (StatusCode::OK, body));
        assert_eq!(send(world, Method::GET, "/api/users/nobody", None).await.0, StatusCode::NOT_FOUND);
        assert_eq!(send(world, Method::GET, "/api/users/a%20b", None).await.0, StatusCode::BAD_REQUEST);
    });
}

#[test]
fn another_person_under_a_taken_id_or_address_is_a_conflict() {
    let world = &*WORLD;
    world::run(async {
        assert_eq!(register(world, &user("taken", "taken@example.com")).await.0, StatusCode::CREATED);
        for (other, field) in [
            (user("taken", "other@example.com"), "userId"),
            (json!({"userId": "taken", "name": "Other", "email": "taken@example.com"}), "userId"),
            (user("not-taken", "Taken@Example.com"), "email"),
        ] {
            let (status, answer) = register(world, &other).await;
            assert_eq!((status, &answer["field"]), (StatusCode::CONFLICT, &json!(field)), "{other}");
        }
    });
}

#[test]
fn a_user_lacks_nothing() {
    let world = &*WORLD;
    world::run(async {
        for (body, field) in [
            (json!({"userId": "lacks", "name": "N"}), "email"),
            (json!({"user_id": "lacks", "email": "a@example.com"}), "name"),
            (json!({"name": "N", "email": "a@example.com"}), "userId"),
            (user("lacks", "nowhere"), "email"),
            (user("a b", "a@example.com"), "userId"),
            (json!({"user_id": "", "name": "N", "email": "a@example.com"}), "user_id"),
        ] {
            let (status, answer) = register(world, &body).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{body}: {answer}");
            assert_eq!(answer["field"], field, "{body}: {answer}");
        }
    });
}

#[test]
fn of_twenty_at_once_under_one_address_one_is_registered() {
    let world = &*WORLD;
    world::run(async {
        let users: Vec<Value> =
            (0..20).map(|count| user(&format!("crowd-{count}"), "crowd@example.com")).collect();
        let answers = join_all(users.iter().map(|user| register(world, user))).await;
        let with = |status: StatusCode| answers.iter().filter(|answer| answer.0 == status).count();
        assert_eq!((with(StatusCode::CREATED), with(StatusCode::CONFLICT)), (1, 19));
    });
}

#[test]
fn a_customer_sees_itself_and_no_other_user() {
    let world = &*WORLD;
    world::run(async {
        assert_eq!(register(world, &user("self-1", "self-1@example.com")).await.0, StatusCode::CREATED);
        for (subject, status) in [("self-1", StatusCode::OK), ("self-2", StatusCode::FORBIDDEN)] {
            let request = world.http.get(world.api("/api/users/self-1"));
            let answer = request.bearer_auth(world.token_of("customer", subject)).send().await.unwrap();
            assert_eq!(answer.status(), status, "{subject}");
        }
    });
}

#[test]
fn personal_data_stands_in_no_log() {
    let world = &*WORLD;
    world::run(async {
        let body =
            json!({"userId": "quiet", "name": "Quiet Whisperer", "email": "quiet.whisperer@example.com"});
        assert_eq!(register(world, &body).await.0, StatusCode::CREATED);
        register(world, &json!({"userId": "quiet-2", "name": "Q", "email": "quiet.whisperer@example.com"}))
            .await;
        send(world, Method::GET, "/api/orders/user/quiet.whisperer@example.com", None).await;
        for (file, log) in world.logged() {
            for secret in ["quiet.whisperer", "Quiet Whisperer"] {
                assert!(!log.contains(secret), "{secret} stands in {file}");
            }
        }
    });
}
