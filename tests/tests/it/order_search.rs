//! Finding an order by whatever somebody has at hand.

use std::collections::BTreeSet;

use futures::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    line::WORLD,
    order_api::{encoded, get, read},
    world::{self, Placed, SHOP, World},
};

async fn found(world: &World, text: &str, besides: &str) -> Vec<String> {
    let answer = get(world, &format!("/api/orders?limit=50{besides}&search={}", encoded(text))).await;
    assert_eq!(answer.status, StatusCode::OK, "{text}: {}", answer.text);
    answer.json().as_array().expect("a list").iter().map(id).collect()
}

fn id(order: &Value) -> String {
    order["orderId"].as_str().expect("an id").to_owned()
}

#[test]
fn an_order_of_a_shop_is_found_by_every_text_that_names_it_and_by_no_part_of_one() {
    let world = &*WORLD;
    world::run(async {
        let sku = "SEARCH-Shop/1";
        world.stock(sku, 5).await;
        let placed = Placed::new(SHOP, &[sku], 1).with("email", json!("Search.Me@Example.com"));
        let name = format!("#S{}", placed.id % 1_000_000);
        let placed = placed.with("name", json!(name));
        world.place(&placed).await;
        let order = world.until_shipped(&placed).await;
        let shown = get(world, &format!("/api/orders/{}", id(&order))).await.json();
        let tracking =
            shown["shipments"][0]["trackingNumber"].as_str().expect("a tracking number").to_owned();
        let number = order["orderNumber"].as_str().unwrap().to_owned();
        let texts = [
            number.clone(),
            number.to_lowercase(),
            name.clone(),
            name.trim_start_matches('#').to_lowercase(),
            id(&order),
            id(&order).to_uppercase(),
            placed.id.to_string(),
            placed.workflow(),
            "search.me@example.COM".to_owned(),
            sku.to_lowercase(),
            tracking.to_lowercase(),
            format!("  {number} "),
        ];
        for text in &texts {
            assert_eq!(found(world, text, "").await, [id(&order)], "{text}");
            let mut part = text.trim().to_owned();
            part.pop();
            assert!(found(world, &part, "").await.is_empty(), "{part}");
        }
        // Beside other filters, each of which still counts.
        let status = order["status"].as_str().unwrap();
        assert_eq!(found(world, sku, &format!("&shop={SHOP}")).await, [id(&order)], "{status}");
        assert!(found(world, sku, "&status=PENDING").await.is_empty());
        assert!(found(world, sku, "&condition=ON_HOLD").await.is_empty());
        assert!(found(world, sku, "&shop=another.myshopify.com").await.is_empty());
    });
}

#[test]
fn an_order_of_the_api_is_found_by_the_operators_id_and_by_a_customers_own() {
    let world = &*WORLD;
    world::run(async {
        let sku = "SEARCH-API";
        world.stock(sku, 5).await;
        let form = |id: &str| {
            json!({"order": {"orderId": id, "customerName": "Grace Secretname", "hold": "1h",
                             "customerEmail": "search.api@example.com", "items": [{"itemId": sku, "quantity": 1}]}})
        };
        let ours = read(world.http.post(world.api("/api/orders")).json(&form("search-Own-1"))).await;
        assert_eq!(ours.status, StatusCode::CREATED, "{}", ours.text);
        let registered =
            json!({"userId": "search-user", "name": "Grace Secretname", "email": "search.user@example.com"});
        assert_eq!(read(world.http.post(world.api("/api/users")).json(&registered)).await.status, 201);
        let mut theirs = form("search-Client-1");
        theirs["order"]["userId"] = json!("search-user");
        let customer = world.token_of("customer", "search-user");
        let request = world.http.post(world.api("/api/orders")).bearer_auth(customer).json(&theirs);
        let theirs = read(request).await;
        assert_eq!(theirs.status, StatusCode::CREATED, "{}", theirs.text);

        assert_eq!(found(world, "search-Own-1", "").await, ["search-Own-1"]);
        let by_client = found(world, "search-Client-1", "").await;
        assert_eq!(by_client.len(), 1);
        assert_ne!(by_client[0], "search-Client-1", "the order's own id is ours");
        // A SKU finds both, the newest first; a status with a condition leaves those that are held.
        let both = [by_client[0].clone(), "search-Own-1".to_owned()];
        assert_eq!(found(world, "search-api", "").await, both);
        assert_eq!(found(world, "search-api", "&status=PENDING&condition=ON_HOLD").await, both);
        assert!(found(world, "search-api", "&status=PENDING&condition=BACKORDERED").await.is_empty());
    });
}

#[test]
fn pages_of_what_is_found_have_each_order_once_though_it_has_the_sku_on_several_lines() {
    let world = &*WORLD;
    world::run(async {
        let sku = "SEARCH-PAGES";
        world.stock(sku, 50).await;
        let placed: Vec<Placed> = (0..7).map(|_| Placed::new(SHOP, &[sku, sku], 1)).collect();
        join_all(placed.iter().map(|order| world.place(order))).await;
        join_all(placed.iter().map(|order| world.order(order))).await;
        let mut path = Some(format!("/api/orders?search={sku}&limit=3"));
        let (mut seen, mut moments) = (Vec::new(), Vec::new());
        while let Some(page) = path {
            assert!(page.contains(&format!("search={sku}")), "{page}");
            let answer = get(world, &page).await;
            let orders = answer.json();
            let orders = orders.as_array().unwrap();
            seen.extend(orders.iter().map(id));
            moments.extend(orders.iter().map(|order| order["createdAt"].as_str().unwrap().to_owned()));
            path = answer.next();
        }
        assert_eq!(seen.len(), 7);
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 7);
        let moment = |text: &String| text.parse::<chrono::DateTime<chrono::Utc>>().unwrap();
        assert!(moments.windows(2).all(|two| moment(&two[0]) >= moment(&two[1])), "{moments:?}");
    });
}

#[test]
fn a_line_that_comes_later_finds_its_order_in_its_place() {
    let world = &*WORLD;
    world::run(async {
        let (first, later) = ("SEARCH-FIRST", "SEARCH-LATER");
        for sku in [first, later] {
            world.stock(sku, 9).await;
            world.wms_rule(json!({"operation": "shipment", "sku": sku, "times": 9, "never": true})).await;
        }
        let older = Placed::new(SHOP, &[first], 1);
        world.place(&older).await;
        let older_id = id(&world.order(&older).await);
        let newer = Placed::new(SHOP, &[later], 1);
        world.place(&newer).await;
        let newer_id = id(&world.order(&newer).await);
        let mut body = older.body.clone();
        body["updated_at"] = world::minutes_later(1);
        let mut line = newer.body["line_items"][0].clone();
        line["id"] = json!(older.id + 7_000_000_000);
        body["line_items"].as_array_mut().unwrap().push(line);
        world.deliver_webhook(&world::Webhook::new(SHOP, "orders/updated", body)).await;
        world.until_message(&older, "orders/updated", "DONE").await;
        let expected = [newer_id, older_id];
        assert_eq!(found(world, later, "").await, expected);
        let one = get(world, &format!("/api/orders?search={later}&limit=1")).await;
        assert_eq!(id(&one.json()[0]), expected[0]);
        assert_eq!(id(&get(world, &one.next().unwrap()).await.json()[0]), expected[1]);
    });
}

#[test]
fn a_text_that_nobody_can_look_for_is_refused_and_an_odd_one_finds_nothing() {
    let world = &*WORLD;
    world::run(async {
        let ask = async |text: &str| get(world, &format!("/api/orders?search={}", encoded(text))).await;
        for bad in ["", "  ", "a\u{0}b", "a\nb", "x".repeat(256).as_str()] {
            let answer = ask(bad).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{bad:?}: {}", answer.text);
            assert_eq!(answer.json()["field"], "search", "{bad:?}");
        }
        for odd in ["%", "_", "'; DROP TABLE orders.orders; --", "\\", "#", "@", "ß", "99999999999999999999"]
        {
            let answer = ask(odd).await;
            assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!([])), "{odd:?}");
        }
    });
}

#[test]
fn a_search_goes_with_all_the_other_filters_at_once() {
    let world = &*WORLD;
    world::run(async {
        let filters = "status=PROCESSING&condition=NEEDS_ATTENTION&shop=quick.myshopify.com&shopifyOrderId=1\
                       &createdAfter=2026-11-21T10%3A00%3A00Z";
        for due in ["LATE", "TODAY"] {
            for text in ["%231001", "17", "a%40example.com"] {
                let answer = get(world, &format!("/api/orders?{filters}&due={due}&search={text}")).await;
                assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!([])), "{due} {text}");
            }
        }
    });
}
