//! What a shop may send us, through the API's own door: nothing is lost, nothing is half done, and
//! nothing that is signed makes a 500 or an endless retry.

use std::time::Duration;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use crate::{
    line::WORLD,
    world::{self, OLD_SECRET, Placed, SECRET, SHOP, World, signature, until},
};

/// A delivery, signed and complete unless a test takes something away.
struct Delivery {
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Delivery {
    fn new(topic: &str, webhook_id: &str, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let headers = vec![
            ("X-Shopify-Topic", topic.to_owned()),
            ("X-Shopify-Shop-Domain", SHOP.to_owned()),
            ("X-Shopify-Webhook-Id", webhook_id.to_owned()),
            ("X-Shopify-Hmac-Sha256", signature(SECRET, &body)),
        ];
        Self { headers, body }
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self
    }

    async fn send(self, world: &World) -> u16 {
        let mut request = world.http.post(world.api("/webhooks/shopify")).body(self.body);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        request.send().await.expect("the API answers").status().as_u16()
    }
}

/// The state and the reason of a message, once it is settled.
async fn settled(world: &World, webhook_id: &str) -> (String, Option<String>) {
    until(&format!("{webhook_id} is settled"), Duration::from_secs(30), async || {
        sqlx::query_as(
            "SELECT state, reason FROM integration.inbox WHERE message_id = $1 AND settled_at IS NOT NULL",
        )
        .bind(webhook_id)
        .fetch_optional(&world.pool)
        .await
        .unwrap()
    })
    .await
}

async fn kept(world: &World, webhook_id: &str) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM integration.inbox WHERE message_id = $1")
        .bind(webhook_id)
        .fetch_one(&world.pool)
        .await
        .unwrap()
}

#[test]
fn a_delivery_that_is_not_the_shops_is_refused_and_nothing_is_kept() {
    let world = &*WORLD;
    world::run(async {
        let delivery = |id: &str| Delivery::new("orders/create", id, "{\"id\":1}");
        let wrong = signature("another secret", b"{\"id\":1}");
        assert_eq!(delivery("in-1").with("X-Shopify-Hmac-Sha256", &wrong).send(world).await, 401);
        assert_eq!(delivery("in-1").with("X-Shopify-Hmac-Sha256", "no base64!").send(world).await, 401);
        assert_eq!(delivery("in-1").without("X-Shopify-Hmac-Sha256").send(world).await, 401);
        assert_eq!(
            delivery("in-1").with("X-Shopify-Shop-Domain", "stranger.myshopify.com").send(world).await,
            401
        );
        assert_eq!(kept(world, "in-1").await, 0);
    });
}

#[test]
fn a_delivery_signed_by_the_new_or_the_old_secret_is_taken() {
    let world = &*WORLD;
    world::run(async {
        for (id, secret) in [("in-1-new", SECRET), ("in-1-old", OLD_SECRET)] {
            let body = "{\"id\":1}";
            let delivery = Delivery::new("themes/publish", id, body);
            let signed = signature(secret, body.as_bytes());
            assert_eq!(delivery.with("X-Shopify-Hmac-Sha256", &signed).send(world).await, 200, "{id}");
            assert_eq!(kept(world, id).await, 1, "{id}");
        }
    });
}

#[test]
fn a_body_of_just_the_limit_is_kept() {
    let world = &*WORLD;
    world::run(async {
        let body = vec![b' '; 5 * 1024 * 1024];
        assert_eq!(Delivery::new("orders/create", "in-2-limit", body).send(world).await, 200);
        assert_eq!(settled(world, "in-2-limit").await.0, "UNREADABLE");
    });
}

#[test]
fn a_missing_header_is_named_and_a_body_beyond_the_limit_is_refused() {
    let world = &*WORLD;
    world::run(async {
        for header in ["X-Shopify-Topic", "X-Shopify-Webhook-Id", "X-Shopify-Shop-Domain"] {
            let status =
                Delivery::new("orders/create", "in-2", "{\"id\":1}").without(header).send(world).await;
            assert_eq!(status, 400, "{header}");
        }
        let large = vec![b' '; 5 * 1024 * 1024 + 1];
        assert_eq!(Delivery::new("orders/create", "in-2", large).send(world).await, 413);
        assert_eq!(kept(world, "in-2").await, 0);
    });
}

#[test]
fn what_cannot_be_read_or_is_not_acted_on_is_answered_and_kept_with_the_reason() {
    let world = &*WORLD;
    world::run(async {
        let cases = [
            ("in-3-no-number", "orders/create", "{\"id\":\"not a number\"}", "UNREADABLE"),
            ("in-3-no-json", "orders/paid", "{\"id\":", "UNREADABLE"),
            ("in-3-list", "orders/updated", "[1,2,3]", "UNREADABLE"),
            ("in-3-theme", "themes/publish", "{\"id\":1}", "STORED"),
            ("in-3-refund", "refunds/create", "{\"id\":1}", "UNREADABLE"),
            ("in-3-return", "returns/cancel", "{\"id\":1}", "UNREADABLE"),
            ("in-3-closed", "returns/close", "{\"id\":1}", "STORED"),
            ("in-3-delete", "orders/delete", "{\"id\":1}", "STORED"),
            ("in-3-redact", "customers/redact", "{\"orders_to_redact\":\"all\"}", "UNREADABLE"),
            ("in-3-data", "customers/data_request", "[]", "UNREADABLE"),
            ("in-3-fulfil", "fulfillments/update", "{\"id\":1}", "UNREADABLE"),
            ("in-3-hold", "fulfillment_orders/placed_on_hold", "{}", "UNREADABLE"),
            (
                "in-3-held",
                "fulfillment_orders/placed_on_hold",
                "{\"fulfillment_order\":{\"id\":\"gid://shopify/FulfillmentOrder/1\"}}",
                "STORED",
            ),
        ];
        for (id, topic, body, expected) in cases {
            assert_eq!(Delivery::new(topic, id, body).send(world).await, 200, "{id}");
            let (state, reason) = settled(world, id).await;
            assert_eq!(state, expected, "{id}");
            assert!(reason.is_some_and(|reason| !reason.is_empty()), "{id} has its reason");
        }
    });
}

#[test]
fn of_a_member_that_stands_twice_the_last_counts_and_one_that_is_needed_is_for_a_person() {
    let world = &*WORLD;
    world::run(async {
        world.stock("IN-TWICE", 5).await;
        let order = Placed::new(SHOP, &["IN-TWICE"], 1);
        world.place_silently(&order).await;
        let body = order.body.to_string();
        let again = |member: &str| body.replacen('{', &format!("{{{member},"), 1);
        let unneeded = again("\"name\":\"#first\"");
        assert_eq!(Delivery::new("orders/create", "in-twice-1", unneeded).send(world).await, 200);
        world.until_shipped(&order).await;
        assert_eq!(world.order(&order).await["name"], order.body["name"]);

        let lines = order.body["line_items"].to_string();
        let needed = again(&format!("\"line_items\":{lines}"));
        assert_eq!(Delivery::new("orders/updated", "in-twice-2", needed).send(world).await, 200);
        let (state, reason) = settled(world, "in-twice-2").await;
        assert_eq!(state, "UNREADABLE");
        assert_eq!(reason.as_deref(), Some("line_items: stands there twice"));
        // What the shop says next may settle it.
        let rows = world.attention(&order).await;
        assert_eq!(rows.iter().filter(|row| row.reason == "UNREADABLE_ORDER").count(), 1);
    });
}

#[test]
fn the_same_delivery_twice_is_one_message_and_one_order() {
    let world = &*WORLD;
    world::run(async {
        world.stock("IN-4", 5).await;
        let order = Placed::new(SHOP, &["IN-4"], 1);
        world.place_silently(&order).await;
        let deliver = || Delivery::new("orders/create", "in-4", order.body.to_string()).send(world);
        let (first, second, third) = tokio::join!(deliver(), deliver(), deliver());
        assert_eq!((first, second, third, deliver().await), (200, 200, 200, 200));
        world.until_shipped(&order).await;
        assert_eq!(kept(world, "in-4").await, 1);
        assert_eq!(world.available("IN-4").await, 4);
    });
}

#[test]
fn an_order_with_little_more_than_its_lines_is_fulfilled() {
    let world = &*WORLD;
    world::run(async {
        world.stock("IN-5", 5).await;
        let mut order = Placed::new(SHOP, &["IN-5"], 1);
        world.place_silently(&order).await;
        for member in ["customer", "location_id", "fulfillment_status", "email", "updated_at"] {
            order.body[member] = Value::Null;
        }
        order.body.as_object_mut().unwrap().remove("shipping_address");
        order.body["line_items"][0]["variant_id"] = Value::Null;
        order.body["a_member_of_next_year"] = json!({"deep": [1, {"x": null}]});
        let status = Delivery::new("orders/create", "in-5", order.body.to_string()).send(world).await;
        assert_eq!(status, 200);
        world.until_shipped(&order).await;
    });
}

#[test]
fn three_hundred_hostile_bodies_are_answered_and_every_one_is_settled() {
    let world = &*WORLD;
    world::run(async {
        let mut random = StdRng::seed_from_u64(20_261_121);
        for number in 0..300 {
            let mut order = Placed::new(SHOP, &["IN-6"], 1).body;
            spoil(&mut order, &mut random);
            let topic = ["orders/create", "orders/updated", "orders/paid", "orders/cancelled"][number % 4];
            let status = Delivery::new(topic, &format!("in-6-{number}"), order.to_string()).send(world).await;
            assert_eq!(status, 200, "{order}");
        }
        until("every message is settled", Duration::from_secs(60), async || {
            let open: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM integration.inbox WHERE message_id LIKE 'in-6-%' AND settled_at IS NULL",
            )
            .fetch_one(&world.pool)
            .await
            .unwrap();
            (open == 0).then_some(())
        })
        .await;
    });
}

#[test]
fn a_body_with_any_member_null_or_absent_is_answered_and_settled() {
    let world = &*WORLD;
    world::run(async {
        let mut ids = Vec::new();
        for place in PLACES {
            for absent in [false, true] {
                let mut order = Placed::new(SHOP, &["IN-7"], 1).body;
                let (parent, member) = place.rsplit_once('/').unwrap();
                match order.pointer_mut(parent).unwrap() {
                    Value::Object(members) if absent => drop(members.remove(member)),
                    Value::Array(items) if absent => items.clear(),
                    _ => *order.pointer_mut(place).unwrap() = Value::Null,
                }
                let id = format!("in-7-{place}-{absent}");
                assert_eq!(
                    Delivery::new("orders/create", &id, order.to_string()).send(world).await,
                    200,
                    "{id}"
                );
                ids.push(id);
            }
        }
        for id in ids {
            let (state, reason) = settled(world, &id).await;
            assert!(state == "DONE" || reason.is_some(), "{id}: {state} without a reason");
        }
    });
}

#[test]
fn bytes_that_are_hardly_json_are_answered_and_settled_as_unreadable_with_the_reason() {
    let world = &*WORLD;
    world::run(async {
        let order = Placed::new(SHOP, &["IN-8"], 1).body.to_string().into_bytes();
        let mut random = StdRng::seed_from_u64(20_261_122);
        let mut bodies: Vec<Vec<u8>> = vec![
            Vec::new(),
            b"null".to_vec(),
            b"\xff\xfe\x00".to_vec(),
            [&b"{\"id\":"[..], &b"[".repeat(20_000)].concat(),
            b"{\"id\":".repeat(20_000),
        ];
        bodies.extend((0..60).map(|_| order[..random.random_range(0..order.len())].to_vec()));
        for (number, body) in bodies.into_iter().enumerate() {
            let id = format!("in-8-{number}");
            assert_eq!(Delivery::new("orders/create", &id, body).send(world).await, 200, "{id}");
            let (state, reason) = settled(world, &id).await;
            assert_eq!(state, "UNREADABLE", "{id}");
            assert!(reason.is_some_and(|reason| !reason.is_empty()), "{id} has its reason");
        }
    });
}

/// Every place of a body that we read.
const PLACES: [&str; 20] = [
    "/id",
    "/name",
    "/currency",
    "/financial_status",
    "/total_price",
    "/updated_at",
    "/cancelled_at",
    "/test",
    "/location_id",
    "/customer",
    "/shipping_address",
    "/line_items",
    "/line_items/0",
    "/line_items/0/id",
    "/line_items/0/sku",
    "/line_items/0/quantity",
    "/line_items/0/price",
    "/line_items/0/name",
    "/line_items/0/requires_shipping",
    "/line_items/0/fulfillable_quantity",
];

/// Puts something nobody would expect into one to four places of a body.
fn spoil(body: &mut Value, random: &mut StdRng) {
    let oddities = [
        Value::Null,
        json!(true),
        json!(-1),
        json!(0),
        json!(9.5),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(""),
        json!("\u{0}'; DROP TABLE orders.orders; --"),
        json!("x".repeat(3000)),
        json!("99999999999999999999999999.99"),
        json!("2026-13-45T99:00:00Z"),
        json!([]),
        json!({}),
        json!([[[]]]),
        json!({"id": {"id": []}}),
    ];
    for _ in 0..random.random_range(1..=4) {
        let member = PLACES[random.random_range(0..PLACES.len())];
        if let Some(place) = body.pointer_mut(member) {
            *place = oddities[random.random_range(0..oddities.len())].clone();
        }
    }
}

#[test]
fn what_cannot_be_read_and_what_is_refused_is_counted() {
    let world = &*WORLD;
    world::run(async {
        let unreadable = async || world.counted("waybill_unreadable_total", &["source=\"shopify\""]).await;
        let of = async |outcome: &str| {
            let outcome = format!("outcome=\"{outcome}\"");
            world.counted("waybill_webhooks_total", &["source=\"shopify\"", &outcome]).await
        };
        let before = (unreadable().await, of("webhook-refused").await, of("new").await, of("repeated").await);
        for _ in 0..2 {
            assert_eq!(Delivery::new("orders/create", "in-counted", "{\"id\": 1}").send(world).await, 200);
        }
        let forged = Delivery::new("orders/create", "in-forged", "{}");
        assert_eq!(forged.with("X-Shopify-Hmac-Sha256", "bm8=").send(world).await, 401);
        assert_eq!(settled(world, "in-counted").await.0, "UNREADABLE");
        until("all is counted", Duration::from_secs(30), async || {
            let now =
                (unreadable().await, of("webhook-refused").await, of("new").await, of("repeated").await);
            let all = now.0 > before.0 && now.1 > before.1 && now.2 > before.2 && now.3 > before.3;
            all.then_some(())
        })
        .await;
    });
}
