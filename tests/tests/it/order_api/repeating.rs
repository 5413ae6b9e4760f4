//! The same request sent again: under an idempotency key, and under the caller's own id.

use std::collections::BTreeSet;

use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Answer, as_customer, flat, get, place, place_with_key, read, register, reservations, wrapped};
use crate::{
    line::WORLD,
    world::{self, Placed, SHOP},
};

/// Requests at once.
const CROWD: usize = 20;

#[test]
fn a_key_with_the_same_body_hears_the_very_same_answer_and_with_another_one_is_refused() {
    let world = &*WORLD;
    world::run(async {
        world.stock("KEY-SAME", 9).await;
        let form = flat("KEY-SAME", 2);
        let first = place_with_key(world, &form, "key-same").await;
        assert_eq!(first.status, StatusCode::CREATED, "{}", first.text);
        world.until_api_order(&first.json(), &["SHIPPED", "DELIVERED"]).await;
        let again = place_with_key(world, &form, "key-same").await;
        assert_eq!((again.status, &again.text), (first.status, &first.text));
        assert_eq!(world.available("KEY-SAME").await, 7);

        let other = place_with_key(world, &flat("KEY-SAME", 3), "key-same").await;
        assert_eq!(other.status, StatusCode::CONFLICT);
        assert!(other.text.contains("/idempotency-key-reused"), "{}", other.text);
        // Another caller has keys of its own.
        let request = as_customer(world, "key-jane", Method::POST, "/api/orders");
        let hers = read(request.header("Idempotency-Key", "key-same").json(&form)).await;
        assert_eq!(hers.status, StatusCode::CREATED, "{}", hers.text);
        assert_ne!(hers.json()["orderId"], first.json()["orderId"]);
    });
}

#[test]
fn a_refused_order_leaves_its_key_free() {
    let world = &*WORLD;
    world::run(async {
        world.stock("KEY-REFUSED", 1).await;
        let form = flat("KEY-REFUSED", 2);
        let refused = place_with_key(world, &form, "key-refused").await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        world.receive("KEY-REFUSED", 1).await;
        let placed = place_with_key(world, &form, "key-refused").await;
        assert_eq!(placed.status, StatusCode::CREATED, "{}", placed.text);
        for bad in ["", &"x".repeat(256)] {
            let answer = place_with_key(world, &form, bad).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text);
            assert_eq!(answer.refusal().0, "Idempotency-Key");
        }
    });
}

#[test]
fn twenty_at_once_under_one_key_are_one_order_and_one_answer() {
    let world = &*WORLD;
    world::run(async {
        // Enough for one: whoever came second and looked for stock would be refused.
        world.stock("KEY-RACE", 2).await;
        let form = flat("KEY-RACE", 2);
        let answers = join_all((0..CROWD).map(|_| place_with_key(world, &form, "key-race"))).await;
        let first = &answers[0];
        for answer in &answers {
            assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
            assert_eq!(answer.text, first.text);
        }
        assert_eq!(world.available("KEY-RACE").await, 0);
        assert_eq!(reservations(world, "KEY-RACE").await, 1);
    });
}

#[test]
fn twenty_at_once_under_one_id_are_one_order() {
    let world = &*WORLD;
    world::run(async {
        world.stock("ID-RACE", 2).await;
        register(world, "race-user").await;
        let form = wrapped("race-1", "race-user", "ID-RACE", 2);
        let answers = join_all((0..CROWD).map(|_| place(world, &form))).await;
        let with = |status: StatusCode| answers.iter().filter(|answer| answer.status == status).count();
        assert_eq!((with(StatusCode::CREATED), with(StatusCode::OK)), (1, CROWD - 1));
        assert!(answers.iter().all(|answer| answer.json()["orderId"] == "race-1"));
        assert_eq!(world.available("ID-RACE").await, 0);
        assert_eq!(reservations(world, "ID-RACE").await, 1);
        let runs = get(world, "/api/orders/user/race-user").await.json();
        assert_eq!(runs.as_array().unwrap().len(), 1);
    });
}

#[test]
fn twenty_different_orders_under_one_id_are_one_order_and_nineteen_conflicts() {
    let world = &*WORLD;
    world::run(async {
        world.stock("ID-FIGHT", 100).await;
        let form = |quantity: usize| {
            let mut form = flat("ID-FIGHT", u32::try_from(quantity).unwrap());
            form["orderId"] = json!("fight-1");
            form
        };
        let forms: Vec<_> = (1..=CROWD).map(form).collect();
        let answers = join_all(forms.iter().map(|form| place(world, form))).await;
        let with = |status: StatusCode| answers.iter().filter(|answer| answer.status == status).count();
        assert_eq!((with(StatusCode::CREATED), with(StatusCode::CONFLICT)), (1, CROWD - 1));
        assert_eq!(reservations(world, "ID-FIGHT").await, 1);
    });
}

#[test]
fn an_own_id_means_one_order_of_one_caller() {
    let world = &*WORLD;
    world::run(async {
        world.stock("ID-OWN", 20).await;
        register(world, "own-user").await;
        register(world, "own-other").await;
        let form = wrapped("own-1", "own-user", "ID-OWN", 1);
        assert_eq!(place(world, &form).await.status, StatusCode::CREATED);
        let again = place(world, &form).await;
        assert_eq!(again.status, StatusCode::OK, "{}", again.text);
        assert_eq!((&again.json()["orderId"], again.json()["message"].is_string()), (&json!("own-1"), true));
        let conflict = |answer: &Answer| {
            assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.text);
            assert!(answer.text.contains("/order-exists"), "{}", answer.text);
        };
        conflict(&place(world, &wrapped("own-1", "own-user", "ID-OWN", 2)).await);
        conflict(&place(world, &wrapped("own-1", "own-other", "ID-OWN", 1)).await);
        let of_shop = Placed::new(SHOP, &["ID-OWN"], 1);
        world.place(&of_shop).await;
        let id = world.order(&of_shop).await["orderId"].as_str().unwrap().to_owned();
        conflict(&place(world, &wrapped(&id, "own-user", "ID-OWN", 1)).await);
        // A new key does not make a new order of it, and hears the same again.
        let kept = place_with_key(world, &form, "own-key").await;
        assert_eq!(kept.status, StatusCode::OK, "{}", kept.text);
        assert_eq!(place_with_key(world, &form, "own-key").await.text, kept.text);
    });
}

#[test]
fn a_customers_id_of_an_order_is_its_own_whatever_others_call_theirs() {
    let world = &*WORLD;
    world::run(async {
        world.stock("ID-CLIENT", 50).await;
        let customers: Vec<String> = (0..6).map(|number| format!("client-{number}")).collect();
        let mut form = flat("ID-CLIENT", 1);
        form["orderId"] = json!("web-1");
        form["hold"] = json!("10m");
        // An operator's own system has that id too.
        let operators = place(world, &form).await;
        assert_eq!(operators.status, StatusCode::CREATED, "{}", operators.text);
        let ask = async |customer: &str, method: Method, path: &str, body: Option<&Value>| {
            let request = as_customer(world, customer, method, path);
            read(if let Some(body) = body { request.json(body) } else { request }).await
        };
        let form = &form;
        let repeats = customers
            .iter()
            .flat_map(|customer| (0..4).map(|_| ask(customer, Method::POST, "/api/orders", Some(form))));
        let answers = join_all(repeats).await;
        let mut numbers = BTreeSet::new();
        for answers in answers.chunks(4) {
            let created = answers.iter().filter(|answer| answer.status == StatusCode::CREATED).count();
            assert_eq!(created, 1, "{}", answers[0].text);
            for answer in answers {
                assert!(answer.status.is_success(), "{}", answer.text);
                assert_eq!(answer.json()["orderId"], "web-1");
                assert_eq!(answer.json()["orderNumber"], answers[0].json()["orderNumber"]);
            }
            numbers.insert(answers[0].json()["orderNumber"].as_str().unwrap().to_owned());
        }
        assert_eq!((numbers.len(), reservations(world, "ID-CLIENT").await), (6, 7));

        let first = &customers[0];
        let number = answers[0].json()["orderNumber"].clone();
        for path in ["/api/orders/web-1".to_owned(), format!("/api/orders/{}", number.as_str().unwrap())] {
            let shown = ask(first, Method::GET, &path, None).await.json();
            assert_eq!((&shown["orderId"], &shown["orderNumber"]), (&json!("web-1"), &number));
        }
        let listed = ask(first, Method::GET, &format!("/api/orders/user/{first}"), None).await.json();
        assert_eq!(listed[0]["orderId"], "web-1");
        let mut other = form.clone();
        other["items"][0]["quantity"] = json!(2);
        let refused = ask(first, Method::POST, "/api/orders", Some(&other)).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.text);
        assert!(!refused.text.contains("client-1"), "{}", refused.text);

        // Operators see both ids; the order's own is ours, and so are those of its workflow and its events.
        let shown = get(world, &format!("/api/orders/{}", number.as_str().unwrap())).await.json();
        assert_eq!(shown["clientOrderId"], "web-1");
        let id: uuid::Uuid = shown["orderId"].as_str().unwrap().parse().expect("a UUID");
        assert_eq!(shown["workflowId"], format!("order/api/{id}"));
        let keys: Vec<String> = sqlx::query_scalar(
            "SELECT DISTINCT payload ->> 'orderId' FROM integration.outbox WHERE aggregate_id = $1",
        )
        .bind(id.to_string())
        .fetch_all(&world.pool)
        .await
        .unwrap();
        assert_eq!(keys, [id.to_string()]);
        let operators = get(world, "/api/orders/web-1").await.json();
        assert_eq!((&operators["clientOrderId"], &operators["userId"]), (&json!(null), &json!(null)));

        let cancelled = ask(first, Method::POST, "/api/orders/web-1/cancel", None).await;
        assert!(cancelled.status.is_success(), "{}", cancelled.text);
        assert_eq!(cancelled.json()["orderId"], "web-1");
        let stranger = ask("client-stranger", Method::GET, "/api/orders/web-1", None).await;
        assert_eq!(stranger.status, StatusCode::NOT_FOUND);
    });
}
