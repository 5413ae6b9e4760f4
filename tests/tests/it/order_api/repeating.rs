//! The same request sent again: under an idempotency key, and under the caller's own id.

use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::json;

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
            assert_eq!(
                (answer.status, answer.refusal().0.as_str()),
                (StatusCode::BAD_REQUEST, "Idempotency-Key")
            );
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
        let customer = as_customer(world, "own-user", Method::POST, "/api/orders");
        conflict(&read(customer.json(&form)).await);
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
