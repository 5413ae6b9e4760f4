//! The end of personal data: by age, and because somebody asks for it.

mod ageing;

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use serde_json::json;

use crate::{
    line::WORLD,
    world::{self, Placed, Plan, SHOP, Webhook, World, until},
};

/// Whether a customer is known of the order, and how many messages of it have a body.
async fn known(world: &World, order: &Placed) -> (bool, i64) {
    sqlx::query_as(
        "SELECT EXISTS (SELECT FROM orders.customers c WHERE c.order_id = o.order_id),
                (SELECT count(*) FROM integration.inbox i WHERE i.order_id = o.order_id AND body <> '')
         FROM orders.orders o WHERE shopify_order_id = $1",
    )
    .bind(order.id)
    .fetch_one(&world.pool)
    .await
    .unwrap()
}

async fn until_forgotten(world: &World, order: &Placed) {
    until("the order's customer is forgotten", Duration::from_secs(30), async || {
        (known(world, order).await == (false, 0)).then_some(())
    })
    .await;
}

/// The shop says that a customer is to be forgotten; returns once that is settled.
async fn redact(world: &World, order: &Placed) {
    let body = json!({"shop_id": 1, "shop_domain": SHOP, "orders_to_redact": [order.id],
        "customer": {"id": 7, "email": "grace.secret@example.com", "phone": "+49301234567"}});
    let webhook = Webhook::new(SHOP, "customers/redact", body);
    world.deliver_webhook(&webhook).await;
    until("the wish is settled", Duration::from_secs(30), async || {
        let body: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT body FROM integration.inbox WHERE message_id = $1 AND state = 'DONE'")
                .bind(&webhook.id)
                .fetch_optional(&world.pool)
                .await
                .unwrap();
        body.filter(Vec::is_empty).map(drop)
    })
    .await;
}

#[test]
fn a_closed_order_is_forgotten_on_request_and_nothing_later_brings_it_back() {
    let world = &*WORLD;
    world::run(async {
        world.stock("PRIVACY-CLOSED", 5).await;
        let mut order = Placed::new(SHOP, &["PRIVACY-CLOSED"], 1);
        world.place(&order).await;
        world.until_order(&order, "status", &["DELIVERED"]).await;
        world.until_closed(&order.workflow()).await;
        let (has_customer, bodies) = known(world, &order).await;
        assert!(has_customer && bodies > 0);
        redact(world, &order).await;
        until_forgotten(world, &order).await;

        order.body["updated_at"] = json!(Utc::now());
        let webhook = Webhook::new(SHOP, "orders/updated", order.body.clone());
        world.deliver_webhook(&webhook).await;
        world.until_message(&order, "orders/updated", "DONE").await;
        until_forgotten(world, &order).await;
        assert_eq!(world.order(&order).await["status"], "DELIVERED");
        // A delivery that comes again is still known.
        world.deliver_webhook(&webhook).await;
        let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM integration.inbox WHERE message_id = $1")
            .bind(&webhook.id)
            .fetch_one(&world.pool)
            .await
            .unwrap();
        assert_eq!(kept, 1);
        until_forgotten(world, &order).await;
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn a_vendors_words_that_come_after_an_order_was_forgotten_go_too() {
    let world = &*WORLD;
    world::run(async {
        world.stock("PRIVACY-WORDS", 5).await;
        let order = Placed::new(SHOP, &["PRIVACY-WORDS"], 1);
        world.place(&order).await;
        world.until_order(&order, "status", &["DELIVERED"]).await;
        world.until_closed(&order.workflow()).await;
        redact(world, &order).await;
        until_forgotten(world, &order).await;
        // As a call that was under way would keep them.
        sqlx::query(
            "INSERT INTO orders.complaints (order_id, step, code, vendor_text)
             SELECT order_id, 'tell_shop', 'LATE', 'Grace Secretname moved' FROM orders.orders
             WHERE shopify_order_id = $1",
        )
        .bind(order.id)
        .execute(&world.pool)
        .await
        .unwrap();
        until("the words are gone", Duration::from_secs(30), async || {
            let left: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM orders.complaints JOIN orders.orders USING (order_id)
                 WHERE shopify_order_id = $1",
            )
            .bind(order.id)
            .fetch_one(&world.pool)
            .await
            .unwrap();
            (left == 0).then_some(())
        })
        .await;
    });
}

#[test]
fn an_open_order_ships_before_it_is_forgotten() {
    let world = &*WORLD;
    world::run(async {
        world.stock("PRIVACY-OPEN", 0).await;
        let order = Placed::new(SHOP, &["PRIVACY-OPEN"], 1);
        world.place(&order).await;
        world.until_order(&order, "condition", &["BACKORDERED"]).await;
        redact(world, &order).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(known(world, &order).await.0, "it is needed to ship");
        world.receive("PRIVACY-OPEN", 1).await;
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 1).await;
        until_forgotten(world, &order).await;
    });
}

#[test]
fn an_order_that_comes_after_the_wish_is_forgotten_when_it_closes() {
    let world = &*WORLD;
    world::run(async {
        world.stock("PRIVACY-LATE", 5).await;
        let order = Placed::new(SHOP, &["PRIVACY-LATE"], 1);
        redact(world, &order).await;
        world.place(&order).await;
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 1).await;
        until_forgotten(world, &order).await;
    });
}

#[test]
fn a_shop_that_left_is_forgotten_with_what_comes_late_and_not_with_what_is_new() {
    // A world of its own: everything of the shop goes.
    world::run(async {
        let world = World::start(Plan::default()).await;
        world.stock("PRIVACY-SHOP", 9).await;
        let order = Placed::new(SHOP, &["PRIVACY-SHOP"], 1);
        world.place(&order).await;
        world.until_order(&order, "status", &["DELIVERED"]).await;
        world.until_closed(&order.workflow()).await;
        assert!(known(&world, &order).await.0);
        let left = json!({"shop_id": 1, "shop_domain": SHOP});
        world.deliver_webhook(&Webhook::new(SHOP, "shop/redact", left)).await;
        until_forgotten(&world, &order).await;

        let before = Placed::new(SHOP, &["PRIVACY-SHOP"], 1);
        world.place_silently(&before).await;
        let mut late = before.body.clone();
        late["updated_at"] = json!(Utc::now() - TimeDelta::hours(1));
        world.deliver_webhook(&Webhook::new(SHOP, "orders/create", late)).await;
        world.until_shipped(&before).await;
        world.until_shop_notified(&before, 1).await;
        until_forgotten(&world, &before).await;

        let new = Placed::new(SHOP, &["PRIVACY-SHOP"], 1).with("updated_at", json!(Utc::now()));
        world.place(&new).await;
        world.until_order(&new, "status", &["DELIVERED"]).await;
        world.until_closed(&new.workflow()).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(known(&world, &new).await.0, "it came afterwards");
    });
}

#[test]
fn a_body_that_became_no_order_goes_with_the_order_it_is_about() {
    let world = &*WORLD;
    world::run(async {
        let order = Placed::new(SHOP, &["PRIVACY-UNREAD"], 1).with("line_items", json!("none"));
        let webhook = Webhook::new(SHOP, "orders/create", order.body.clone());
        world.deliver_webhook(&webhook).await;
        let bytes = async |what: &str, wanted: fn(i64) -> bool| {
            until(what, Duration::from_secs(30), async || {
                let sql = "SELECT octet_length(body)::bigint FROM integration.inbox
                           WHERE message_id = $1 AND state = 'UNREADABLE'";
                let bytes: Option<i64> =
                    sqlx::query_scalar(sql).bind(&webhook.id).fetch_optional(&world.pool).await.unwrap();
                bytes.filter(|bytes| wanted(*bytes)).map(drop)
            })
            .await;
        };
        bytes("it cannot be read", |bytes| bytes > 0).await;
        redact(world, &order).await;
        bytes("its body goes", |bytes| bytes == 0).await;
    });
}

#[test]
fn what_is_known_of_a_customer_is_an_administrators_to_fetch() {
    let world = &*WORLD;
    world::run(async {
        world.stock("PRIVACY-ASKED", 5).await;
        let order = Placed::new(SHOP, &["PRIVACY-ASKED"], 1);
        world.place(&order).await;
        world.until_shipped(&order).await;
        let body = json!({"shop_id": 1, "shop_domain": SHOP, "orders_requested": [order.id, 4_444_000_009_i64],
            "customer": {"id": 7, "email": "grace.secret@example.com"}, "data_request": {"id": 9999}});
        world.deliver_webhook(&Webhook::new(SHOP, "customers/data_request", body)).await;
        let get = async |role: &str, path: &str| {
            let request = world.http.get(world.api(path)).bearer_auth(world.token(role));
            let answer = request.send().await.unwrap();
            (answer.status().as_u16(), answer.json::<serde_json::Value>().await.unwrap())
        };
        let wish = until("the wish is listed", Duration::from_secs(30), async || {
            let (_, listed) = get("admin", "/api/data-requests").await;
            let of_order = |wish: &&serde_json::Value| wish["shopifyOrderIds"][0] == order.id;
            listed.as_array().unwrap().iter().find(of_order).cloned()
        })
        .await;
        assert!(wish["fetchedAt"].is_null(), "{wish}");
        let path = format!("/api/data-requests/{}", wish["id"]);
        assert_eq!(get("operator", &path).await.0, 403);
        let (status, export) = get("admin", &path).await;
        assert_eq!(status, 200, "{export}");
        assert_eq!(export["orders"].as_array().unwrap().len(), 1);
        assert!(export["orders"][0]["customer"].to_string().contains("Secretville"), "{export}");
        assert!(export["orders"][0]["messages"].to_string().contains("Secret Street"), "{export}");
        assert!(export["request"]["fetchedAt"].is_string());
        assert_eq!(get("admin", "/api/data-requests/999999999").await.0, 404);
    });
}
