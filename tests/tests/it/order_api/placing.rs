//! Placing: both forms, prices, holds, and what is refused.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{as_customer, flat, get, place, read, register, wrapped};
use crate::{answers::assert_answer, line::WORLD, world};

#[test]
fn an_order_in_the_wrapped_form_takes_name_and_address_of_its_user_and_travels() {
    let world = &*WORLD;
    world::run(async {
        world.stock("PLACE-WRAPPED", 10).await;
        register(world, "wrapped-user").await;
        let answer = place(world, &wrapped("wrapped-1", "wrapped-user", "PLACE-WRAPPED", 3)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        let placed = answer.json();
        assert_answer("order_placed", &placed);
        let customer: Value = sqlx::query_scalar("SELECT customer FROM orders.customers WHERE order_id = $1")
            .bind("wrapped-1")
            .fetch_one(&world.pool)
            .await
            .unwrap();
        assert_eq!(customer, json!({"name": "Grace Secretname", "email": "wrapped-user@example.com"}));
        let shipped = world.until_api_order(&placed, &["SHIPPED", "DELIVERED"]).await;
        assert_eq!(shipped["createdAt"], placed["createdAt"]);
        assert_eq!(world.pieces_shipped("PLACE-WRAPPED").await, 3);
    });
}

#[test]
fn the_answer_is_what_a_look_at_the_order_shows() {
    let world = &*WORLD;
    world::run(async {
        world.stock("PLACE-SAME", 10).await;
        let mut form = flat("PLACE-SAME", 1);
        form["hold"] = json!("10m");
        form["items"][0]["price"] = json!("0.10");
        form["items"][0]["product_name"] = json!("Pencil");
        let mut placed = place(world, &form).await.json();
        let id = placed["orderId"].as_str().unwrap().to_owned();
        let mut seen = get(world, &format!("/api/orders/{id}")).await.json();
        for order in [&mut placed, &mut seen] {
            let order = order.as_object_mut().unwrap();
            let of_the_look_alone =
                ["awaits", "correlationId", "customer", "fulfilmentRequests", "ifCancelled", "workflowUrl"];
            for only_in_one in ["message", "timeline", "shipments", "waitsFor", "edits", "approvals"]
                .iter()
                .chain(&of_the_look_alone)
            {
                order.remove(*only_in_one);
            }
            // What is held is shown with the order alone.
            let item = order["items"][0].as_object_mut().unwrap();
            item.remove("allocationId");
            item.remove("allocationStatus");
            item.remove("allocations");
        }
        assert_eq!(placed, seen);
        assert_answer("order_on_hold", &seen);
        let list = get(world, "/api/orders?limit=200").await.json();
        let listed = list.as_array().unwrap().iter().find(|order| order["orderId"] == id.as_str());
        assert_eq!(listed, Some(&seen));
    });
}

#[test]
fn a_held_order_says_that_it_is_held_and_has_its_stock() {
    let world = &*WORLD;
    world::run(async {
        world.stock("PLACE-HELD", 5).await;
        let mut form = flat("PLACE-HELD", 2);
        form["hold"] = json!("10m");
        let placed = place(world, &form).await.json();
        let said = ["status", "condition", "heldBy"].map(|member| &placed[member]);
        assert_eq!(said, ["PENDING", "ON_HOLD", "WINDOW"]);
        assert_eq!(world.available("PLACE-HELD").await, 3);
        let id = placed["orderId"].as_str().unwrap();
        world.until_running(placed["workflowId"].as_str().unwrap()).await;
        let events = || async {
            let timeline = get(world, &format!("/api/orders/{id}/timeline")).await.json();
            let entries = timeline.as_array().unwrap().clone();
            assert!(entries.iter().all(|entry| entry["at"].is_string() && entry.get("detail").is_some()));
            entries.iter().map(|entry| entry["event"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(events().await, ["RECEIVED", "RESERVED", "ON_HOLD"]);
        form["hold"] = json!("0s");
        assert_eq!(place(world, &form).await.json()["status"], "CONFIRMED");
    });
}

#[test]
fn an_order_that_is_short_is_refused_whole_and_hears_of_all_that_is_short() {
    let world = &*WORLD;
    world::run(async {
        for sku in ["PLACE-SHORT-A", "PLACE-SHORT-B", "PLACE-SHORT-C"] {
            world.stock(sku, 4).await;
        }
        let mut form = flat("PLACE-SHORT-A", 3);
        for (sku, quantity) in [("PLACE-SHORT-A", 3), ("PLACE-SHORT-B", 1), ("PLACE-SHORT-C", 9)] {
            form["items"].as_array_mut().unwrap().push(json!({"sku": sku, "quantity": quantity}));
        }
        let answer = place(world, &form).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        let (field, error) = answer.refusal();
        assert_eq!(field, "items");
        let short = "PLACE-SHORT-A: requested 6, available 4; PLACE-SHORT-C: requested 9, available 4";
        assert_eq!(error, format!("Not enough stock: {short}"));
        for sku in ["PLACE-SHORT-A", "PLACE-SHORT-B", "PLACE-SHORT-C"] {
            assert_eq!(world.available(sku).await, 4);
        }
    });
}

#[test]
fn two_lines_of_one_item_add_up() {
    let world = &*WORLD;
    world::run(async {
        world.stock("PLACE-TWICE", 5).await;
        let mut form = flat("PLACE-TWICE", 2);
        form["items"].as_array_mut().unwrap().push(json!({"itemId": "PLACE-TWICE", "quantity": 3}));
        let placed = place(world, &form).await;
        assert_eq!(placed.status, StatusCode::CREATED, "{}", placed.text);
        assert_eq!(placed.json()["totalAmount"], "149.50");
        assert_eq!(world.available("PLACE-TWICE").await, 0);
    });
}

#[test]
fn a_total_is_exact_however_many_places_a_price_has() {
    let world = &*WORLD;
    world::run(async {
        world.stock("PLACE-EXACT", 50).await;
        for (currency, price, quantity, total) in [
            ("EUR", "0.3335", 3, "1.0005"),
            ("KWD", "1.235", 3, "3.705"),
            ("JPY", "500", 2, "1000"),
            ("EUR", "0.005", 1, "0.005"),
        ] {
            let mut form = flat("PLACE-EXACT", quantity);
            form["currency"] = json!(currency);
            form["items"][0]["price"] = json!(price);
            let placed = place(world, &form).await;
            assert_eq!(placed.status, StatusCode::CREATED, "{}", placed.text);
            let placed = placed.json();
            let id = placed["orderId"].as_str().unwrap();
            let seen = get(world, &format!("/api/orders/{id}")).await.json();
            for order in [&placed, &seen] {
                assert_eq!(order["totalAmount"], total, "{currency}");
                assert_eq!(order["items"][0]["totalPrice"], total, "{currency}");
            }
        }
    });
}

#[test]
fn a_refused_order_names_what_is_wrong_as_the_caller_wrote_it() {
    let world = &*WORLD;
    world::run(async {
        world.stock("PLACE-WRONG", 5).await;
        let flat = flat("PLACE-WRONG", 1);
        for (path, wrong, field) in [
            ("/items/0/product_id", json!("NO-SUCH-ITEM"), "items"),
            ("/items/0/product_id", json!(""), "items[0].product_id"),
            ("/items/0/quantity", json!(0), "items[0].quantity"),
            ("/customer_email", json!("nowhere"), "customer_email"),
            ("/customer_name", json!(null), "customer_name"),
            ("/user_id", json!("nobody-here"), "user_id"),
            ("/order_id", json!("ORD-20261121-6BA0A415"), "order_id"),
            ("/orderId", json!("a@b"), "orderId"),
        ] {
            let mut form = flat.clone();
            match form.pointer_mut(path) {
                Some(member) => *member = wrong,
                None => form[&path[1..]] = wrong,
            }
            let answer = place(world, &form).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}: {}", answer.text);
            assert_eq!(answer.refusal().0, field, "{}", answer.text);
        }
        assert_eq!(world.available("PLACE-WRONG").await, 5);
    });
}

#[test]
fn a_customer_places_for_itself_and_never_chooses_the_price() {
    let world = &*WORLD;
    world::run(async {
        world.stock("PLACE-OWN", 9).await;
        let as_jane = || as_customer(world, "jane|1", Method::POST, "/api/orders");
        let mut form = flat("PLACE-OWN", 1);
        form["items"][0]["price"] = json!("0.01");
        let answer = read(as_jane().json(&form)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text);
        assert_eq!(answer.refusal().0, "items[0].price");
        form["items"][0]["price"] = json!("29.9");
        let placed = read(as_jane().json(&form)).await;
        assert_eq!(placed.status, StatusCode::CREATED, "{}", placed.text);
        assert_eq!(placed.json()["userId"], "jane|1");
        assert_eq!(placed.json()["totalAmount"], "29.90");
        form["userId"] = json!("john|2");
        assert_eq!(read(as_jane().json(&form)).await.status, StatusCode::FORBIDDEN);
        assert_eq!(world.available("PLACE-OWN").await, 8);
        // Whoever is not a customer may agree on a price.
        form.as_object_mut().unwrap().remove("userId");
        form["items"][0]["price"] = json!("0.01");
        assert_eq!(place(world, &form).await.json()["totalAmount"], "0.01");
    });
}

#[test]
fn what_a_customer_may_hold_and_how_long_is_bounded_and_an_operator_is_not() {
    let world = &*WORLD;
    world::run(async {
        world.stock("PLACE-BOUNDS", 3000).await;
        let mut form = flat("PLACE-BOUNDS", 1);
        form["orderId"] = json!("bounds-1");
        let as_jane = || as_customer(world, "bounds-jane", Method::POST, "/api/orders");
        for (member, value, named) in
            [("/hold", json!("61m"), "hold"), ("/items/0/quantity", json!(1001), "items")]
        {
            let mut form = form.clone();
            form["hold"] = json!("1h");
            *form.pointer_mut(member).unwrap() = value;
            let refused = read(as_jane().json(&form)).await;
            assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.text);
            assert_eq!(refused.refusal().0, named);
            assert!(refused.refusal().1.contains("for a customer"), "{}", refused.text);
            form["orderId"] = json!(format!("bounds-{named}"));
            assert_eq!(place(world, &form).await.status, StatusCode::CREATED, "{named}");
        }
    });
}
