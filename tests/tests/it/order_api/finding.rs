//! Finding orders: filters, pages, people, one by its names.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{as_customer, flat, get, place, read, register, wrapped};
use crate::{
    line::WORLD,
    world::{self, Placed, SHOP, World},
};

fn ids(orders: &Value) -> Vec<String> {
    let orders = orders.as_array().expect("a list");
    orders.iter().map(|order| order["orderId"].as_str().expect("an id").to_owned()).collect()
}

/// Places `number` orders for a user, under ids of its own, oldest first.
async fn orders_of(world: &World, user: &str, sku: &str, number: usize) -> Vec<String> {
    let mut placed = Vec::new();
    for count in 0..number {
        let id = format!("{user}-{count}");
        let mut form = wrapped(&id, user, sku, 1);
        form["order"]["hold"] = json!("1h");
        assert_eq!(place(world, &form).await.status, StatusCode::CREATED);
        placed.push(id);
    }
    placed
}

#[test]
fn pages_are_newest_first_and_stay_in_step_while_orders_arrive() {
    let world = &*WORLD;
    world::run(async {
        world.stock("FIND-PAGES", 20).await;
        register(world, "pages").await;
        let mut placed = orders_of(world, "pages", "FIND-PAGES", 5).await;
        placed.reverse();
        let first = get(world, "/api/orders/user/pages?limit=2").await;
        assert_eq!(ids(&first.json()), placed[..2]);
        // One that comes meanwhile belongs before the first page.
        assert_eq!(place(world, &wrapped("pages-new", "pages", "FIND-PAGES", 1)).await.status, 201);
        let second = get(world, &first.next().unwrap()).await;
        assert_eq!(ids(&second.json()), placed[2..4]);
        let third = get(world, &second.next().unwrap()).await;
        assert_eq!(ids(&third.json()), placed[4..]);
        assert_eq!(third.next(), None);
    });
}

#[test]
fn a_next_page_keeps_the_filters() {
    let world = &*WORLD;
    world::run(async {
        world.stock("FIND-FILTERS", 20).await;
        register(world, "filters").await;
        let before = chrono::Utc::now() - chrono::Duration::minutes(1);
        let placed = orders_of(world, "filters", "FIND-FILTERS", 3).await;
        let after = before.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        let mut path =
            Some(format!("/api/orders?status=PENDING&condition=ON_HOLD&createdAfter={after}&limit=1"));
        let mut seen = Vec::new();
        while let Some(page) = path {
            assert!(page.contains("status=PENDING&condition=ON_HOLD"), "{page}");
            let answer = get(world, &page).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
            let orders = answer.json();
            assert_eq!(orders.as_array().unwrap().len(), 1);
            assert_eq!([&orders[0]["status"], &orders[0]["condition"]], ["PENDING", "ON_HOLD"]);
            seen.extend(ids(&orders));
            path = answer.next();
        }
        let distinct: BTreeSet<_> = seen.iter().collect();
        assert_eq!(distinct.len(), seen.len(), "no order comes twice");
        assert!(placed.iter().all(|id| distinct.contains(id)));
    });
}

#[test]
fn a_filter_that_may_not_be_hears_what_may() {
    let world = &*WORLD;
    world::run(async {
        for (query, named, allowed) in [
            ("status=NOPE", "status", "DELIVERED"),
            ("condition=NOPE", "condition", "BACKORDERED"),
            ("shop=NO", "shop", "host name"),
            ("shopifyOrderId=x", "shopifyOrderId", "whole number"),
            ("createdAfter=yesterday", "createdAfter", "RFC 3339"),
            ("limit=0", "limit", "1 to 200"),
            ("limit=100000", "limit", "1 to 200"),
            ("limit=many", "limit", "1 to 200"),
            ("cursor=made-up", "cursor", "Link header"),
            ("colour=red", "", "createdAfter"),
        ] {
            let answer = get(world, &format!("/api/orders?{query}")).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}: {}", answer.text);
            let (field, error) = answer.refusal();
            assert_eq!(field, named, "{query}");
            assert!(error.contains(allowed), "{query}: {error}");
        }
    });
}

#[test]
fn an_order_is_found_by_its_id_and_by_its_number() {
    let world = &*WORLD;
    world::run(async {
        world.stock("FIND-ONE", 5).await;
        let mut form = flat("FIND-ONE", 1);
        form["orderId"] = json!("find-one");
        let placed = place(world, &form).await.json();
        for name in ["find-one", placed["orderNumber"].as_str().unwrap()] {
            assert_eq!(get(world, &format!("/api/orders/{name}")).await.json()["orderId"], "find-one");
        }
        for (name, status) in [
            ("0190a0b0-0000-7000-8000-000000000000", StatusCode::NOT_FOUND),
            ("ORD-20200101-00000000", StatusCode::NOT_FOUND),
            ("%20%3Bdrop", StatusCode::BAD_REQUEST),
        ] {
            for path in [format!("/api/orders/{name}"), format!("/api/orders/{name}/timeline")] {
                assert_eq!(get(world, &path).await.status, status, "{path}");
            }
        }
        assert_eq!(get(world, "/api/orders/user").await.status, StatusCode::BAD_REQUEST);
    });
}

#[test]
fn orders_are_found_by_e_mail_address_in_any_letters_those_of_a_shop_too() {
    let world = &*WORLD;
    world::run(async {
        world.stock("FIND-MAIL", 5).await;
        let mut form = flat("FIND-MAIL", 1);
        form["customer_email"] = json!("Find.Mail@Example.com");
        let ours = place(world, &form).await.json()["orderId"].as_str().unwrap().to_owned();
        let of_shop = Placed::new(SHOP, &["FIND-MAIL"], 1).with("email", json!("find.mail@example.com"));
        world.place(&of_shop).await;
        let theirs = world.order(&of_shop).await["orderId"].as_str().unwrap().to_owned();
        let found = get(world, "/api/orders/user/FIND.mail@example.com").await;
        assert_eq!(ids(&found.json()), [theirs, ours]);
        assert_eq!(get(world, "/api/orders/user/nobody@example.com").await.json(), json!([]));
        for bad in ["a%20b", "%40", "x".repeat(65).as_str()] {
            let answer = get(world, &format!("/api/orders/user/{bad}")).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{bad}: {}", answer.text);
        }
    });
}

#[test]
fn a_customer_sees_its_own_orders_and_no_others() {
    let world = &*WORLD;
    world::run(async {
        world.stock("FIND-OWN", 9).await;
        register(world, "own-jane").await;
        register(world, "own-john").await;
        let hers = orders_of(world, "own-jane", "FIND-OWN", 2).await;
        let his = orders_of(world, "own-john", "FIND-OWN", 1).await;
        // Somebody else's order with her address is not hers.
        let mut form = wrapped("own-john-to-jane", "own-john", "FIND-OWN", 1);
        form["order"]["customerEmail"] = json!("own-jane@example.com");
        assert_eq!(place(world, &form).await.status, StatusCode::CREATED);

        let as_jane = async |path: &str| read(as_customer(world, "own-jane", Method::GET, path)).await;
        for person in ["own-jane", "OWN-JANE@example.com"] {
            let answer = as_jane(&format!("/api/orders/user/{person}")).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
            assert_eq!(ids(&answer.json()), [hers[1].as_str(), hers[0].as_str()], "{person}");
        }
        for person in ["own-john", "own-john@example.com", "nobody"] {
            let answer = as_jane(&format!("/api/orders/user/{person}")).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{person}");
        }
        for part in ["", "/timeline"] {
            assert_eq!(as_jane(&format!("/api/orders/{}{part}", hers[0])).await.status, StatusCode::OK);
            assert_eq!(as_jane(&format!("/api/orders/{}{part}", his[0])).await.status, StatusCode::NOT_FOUND);
        }
    });
}
