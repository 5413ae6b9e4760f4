//! The whole story of an order, as staff read it.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    line::WORLD,
    order_api::{get, read},
    world::{self, Placed, SHOP, World},
};

async fn story(world: &World, id: &str) -> Vec<Value> {
    let answer = get(world, &format!("/api/orders/{id}/story")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    answer.json().as_array().expect("a list").clone()
}

fn codes(story: &[Value], kind: &str) -> Vec<String> {
    let of_kind = story.iter().filter(|entry| entry["kind"] == kind);
    of_kind.map(|entry| entry["code"].as_str().expect("a code").to_owned()).collect()
}

fn fact<'a>(entry: &'a Value, name: &str) -> Option<&'a str> {
    let facts = entry["facts"].as_array().expect("facts");
    facts.iter().find(|fact| fact["name"] == name).and_then(|fact| fact["value"].as_str())
}

async fn as_anna(world: &World, path: &str, body: Value) {
    let anna = world.token_of("operator", "anna");
    let answer = read(world.http.post(world.api(path)).bearer_auth(anna).json(&body)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
}

#[test]
fn an_order_that_was_parked_retried_edited_and_shipped_is_told_in_one_sequence_with_nothing_twice() {
    let world = &*WORLD;
    world::run(async {
        let sku = "STORY-ALL";
        world.stock(sku, 5).await;
        let refused = json!({"operation": "createShipment", "sku": sku, "code": "bad_address", "times": 2});
        world.wms_rule(refused).await;
        let order = Placed::new(SHOP, &[sku], 1);
        world.place(&order).await;
        world.until_parked(&order).await;
        let id = world.order(&order).await["orderId"].as_str().unwrap().to_owned();
        as_anna(
            world,
            &format!("/api/orders/{id}/resolve"),
            json!({"action": "retry", "reason": "they said it works"}),
        )
        .await;
        world::until("it is parked again", std::time::Duration::from_secs(60), async || {
            let rows = world.attention(&order).await;
            (rows.len() == 2 && rows[1].resolved_at.is_none()).then_some(())
        })
        .await;
        let address = json!({"name": "Ada Byron", "address1": "1 Right Street", "city": "London", "zip": "SW1Y 4JH",
                             "countryCode": "GB"});
        let edit =
            json!({"requestId": "ticket-9", "address": address, "reason": "read out on the telephone"});
        as_anna(world, &format!("/api/orders/{id}/edit"), edit).await;
        world.until_order(&order, "status", &["DELIVERED"]).await;
        world.until_shop_notified(&order, 1).await;
        world::until("the order's run has ended", std::time::Duration::from_secs(60), async || {
            (get(world, &format!("/api/orders?search={id}&status=DELIVERED")).await.json()[0]["condition"]
                .is_null())
            .then_some(())
        })
        .await;

        let told = story(world, &id).await;
        let shown = serde_json::to_string_pretty(&told).unwrap();
        let moment =
            |entry: &Value| entry["at"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
        assert!(told.windows(2).all(|two| moment(&two[0]) <= moment(&two[1])), "{shown}");
        let first = &told[0];
        let begins = [&first["kind"], &first["actor"], &first["code"]];
        assert_eq!(begins, ["MESSAGE", "SHOP", "orders/create"], "{shown}");
        assert!(fact(first, "inboxId").is_some(), "{shown}");

        // What a person did stands with who and why, and not as a message or as an entry of the timeline besides.
        assert_eq!(codes(&told, "STEP").iter().filter(|code| *code == "PARKED").count(), 2, "{shown}");
        let acts: Vec<&Value> = told.iter().filter(|entry| entry["kind"] == "ACT").collect();
        let by_anna: Vec<[&Value; 2]> =
            acts.iter().filter(|act| act["by"] == "anna").map(|act| [&act["code"], &act["reason"]]).collect();
        assert_eq!(
            by_anna,
            [
                [&json!("retry"), &json!("they said it works")],
                [&json!("EDITED"), &json!("read out on the telephone")]
            ],
            "{shown}"
        );
        assert!(acts.iter().all(|act| act["actor"] == "PERSON" || act["actor"] == "WAYBILL"), "{shown}");
        for twice in ["RECEIVED", "RESOLVED", "EDITED"] {
            assert!(!codes(&told, "STEP").iter().any(|code| code == twice), "{twice}: {shown}");
        }
        for twice in ["resolve", "edited"] {
            assert!(!codes(&told, "MESSAGE").iter().any(|code| code == twice), "{twice}: {shown}");
        }
        // The rest of it.
        for step in ["RESERVED", "HANDED_OVER", "SHIPPED", "SHOP_NOTIFIED", "DELIVERED"] {
            assert_eq!(
                codes(&told, "STEP").iter().filter(|code| *code == step).count(),
                1,
                "{step}: {shown}"
            );
        }
        assert_eq!(codes(&told, "STOCK"), ["RESERVATION", "FULFILMENT"], "{shown}");
        assert!(codes(&told, "EVENT").iter().any(|code| code == "ORDER_SHIPPED"), "{shown}");
        assert!(codes(&told, "MESSAGE").iter().any(|code| code == "callback"), "{shown}");
        let parcel = told.iter().find(|entry| entry["kind"] == "PARCEL").expect("a parcel");
        assert!(fact(parcel, "trackingNumber").is_some(), "{shown}");
        assert!(
            told.iter().any(|entry| entry["kind"] == "CALL" && fact(entry, "reference").is_some()),
            "{shown}"
        );
        // Of nobody who ordered.
        for personal in ["Secret", "secret", "Right Street", "Byron"] {
            assert!(!shown.contains(personal), "{personal}: {shown}");
        }
    });
}

#[test]
fn a_call_that_fails_and_pieces_that_come_back_are_in_the_story() {
    let world = &*WORLD;
    world::run(async {
        let sku = "STORY-BACK";
        world.stock(sku, 5).await;
        let order = Placed::new(SHOP, &[sku], 2);
        world.place(&order).await;
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 1).await;
        let id = world.order(&order).await["orderId"].as_str().unwrap().to_owned();
        let announced =
            json!({"items": [{"sku": sku, "quantity": 1}], "reason": "too small, says Grace Secretname"});
        let answer =
            read(world.http.post(world.api(&format!("/api/orders/{id}/returns"))).json(&announced)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        let return_id = answer.json()["returnId"].as_str().unwrap().to_owned();
        let came = json!({"lines": [{"sku": sku, "quantity": 1, "sellable": true}]});
        let path = world.api(&format!("/api/returns/{return_id}/receive"));
        let answer = read(world.http.post(path).header("Idempotency-Key", "story-back").json(&came)).await;
        assert!(answer.status.is_success(), "{}", answer.text);
        let told = story(world, &id).await;
        let shown = serde_json::to_string_pretty(&told).unwrap();
        assert_eq!(codes(&told, "RETURN"), ["RETURN_ANNOUNCED", "RETURN_RECEIVED"], "{shown}");
        assert!(!shown.contains("Secretname"), "{shown}");
        // What came back is booked for the shelf, not for the order.
        assert_eq!(codes(&told, "STOCK"), ["RESERVATION", "FULFILMENT"], "{shown}");

        let failing = "STORY-FAILS";
        world.stock(failing, 5).await;
        world
            .wms_rule(json!({"operation": "createShipment", "sku": failing, "status": 503, "times": 2}))
            .await;
        let order = Placed::new(SHOP, &[failing], 1);
        world.place(&order).await;
        let id = world.order(&order).await["orderId"].as_str().unwrap().to_owned();
        world::until("the failed call is told of", std::time::Duration::from_secs(60), async || {
            let told = story(world, &id).await;
            told.into_iter().find(|entry| entry["kind"] == "CALL" && fact(entry, "step") == Some("hand_over"))
        })
        .await;
        world.until_shipped(&order).await;
    });
}

#[test]
fn of_a_long_story_the_newest_five_hundred_entries_are_shown_and_it_says_so() {
    let world = &*WORLD;
    world::run(async {
        let sku = "STORY-LONG";
        world.stock(sku, 5).await;
        let placed = world.place_at_api(sku, 1, Some("1h")).await;
        let id = placed["orderId"].as_str().unwrap();
        sqlx::query(
            "INSERT INTO orders.timeline (order_id, event, detail)
             SELECT $1, 'ON_HOLD', number::text FROM generate_series(1, 600) AS number",
        )
        .bind(id)
        .execute(&world.pool)
        .await
        .unwrap();
        let answer = world.http.get(world.api(&format!("/api/orders/{id}/story"))).send().await.unwrap();
        assert_eq!(answer.headers()["x-truncated"], "true");
        let told: Vec<Value> = answer.json().await.unwrap();
        assert_eq!(told.len(), 500);
        assert_eq!(told.last().unwrap()["detail"], "600");
        let short = world.place_at_api(sku, 1, Some("1h")).await;
        let path = world.api(&format!("/api/orders/{}/story", short["orderId"].as_str().unwrap()));
        assert!(!world.http.get(path).send().await.unwrap().headers().contains_key("x-truncated"));
    });
}

#[test]
fn a_story_is_for_staff() {
    let world = &*WORLD;
    world::run(async {
        world.stock("STORY-STAFF", 5).await;
        let placed = world.place_at_api("STORY-STAFF", 1, Some("1h")).await;
        let path = world.api(&format!("/api/orders/{}/story", placed["orderNumber"].as_str().unwrap()));
        for (role, status) in [("viewer", 200), ("operator", 200), ("customer", 403), ("order-service", 403)]
        {
            let answer = world.http.get(&path).bearer_auth(world.token(role)).send().await.unwrap();
            assert_eq!(answer.status(), status, "{role}");
        }
        assert_eq!(get(world, "/api/orders/none-of-these/story").await.status, StatusCode::NOT_FOUND);
    });
}
