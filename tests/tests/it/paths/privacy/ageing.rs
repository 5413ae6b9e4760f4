//! What is forgotten when it is old.

use super::*;

/// Everything of an order and about it came and ended so many days earlier than it did.
async fn age(world: &World, order: &Placed, days: i32) {
    for sql in [
        "UPDATE integration.inbox SET received_at = received_at - $2 * interval '1 day'
         WHERE order_id = (SELECT order_id FROM orders.orders WHERE shopify_order_id = $1)",
        "UPDATE orders.orders SET created_at = created_at - $2 * interval '1 day',
                                  story_ended_at = story_ended_at - $2 * interval '1 day'
         WHERE shopify_order_id = $1",
    ] {
        sqlx::query(sql).bind(order.id).bind(days).execute(&world.pool).await.unwrap();
    }
}

/// How much of what vendors and people said of the order is kept: complaints, and words of what was parked.
async fn words(world: &World, order: &Placed) -> (i64, i64) {
    sqlx::query_as(
        "SELECT (SELECT count(*) FROM orders.complaints c WHERE c.order_id = o.order_id),
                (SELECT count(vendor_text) + count(resolve_reason)
                 FROM orders.attention a WHERE a.order_id = o.order_id)
                + (SELECT count(reason) FROM orders.audit a WHERE a.order_id = o.order_id)
         FROM orders.orders o WHERE shopify_order_id = $1",
    )
    .bind(order.id)
    .fetch_one(&world.pool)
    .await
    .unwrap()
}

#[test]
fn what_is_old_is_forgotten_with_all_words_about_it_and_its_rows_stay() {
    let world = &*WORLD;
    world::run(async {
        world.stock("PRIVACY-OLD", 5).await;
        let order = Placed::new(SHOP, &["PRIVACY-OLD"], 1);
        let young = Placed::new(SHOP, &["PRIVACY-OLD"], 1);
        let ignored = Placed::new(SHOP, &["PRIVACY-OLD"], 1).with("test", json!(true));
        for placed in [&order, &young, &ignored] {
            world.place(placed).await;
        }
        for placed in [&order, &young] {
            world.until_order(placed, "status", &["DELIVERED"]).await;
            world.until_closed(&placed.workflow()).await;
            for sql in [
                "INSERT INTO orders.complaints (order_id, step, code, vendor_text)
                 SELECT order_id, 'tell_shop', 'ONCE', 'Grace Secretname moved' FROM orders.orders
                 WHERE shopify_order_id = $1",
                "INSERT INTO orders.attention (order_id, step, reason, vendor_text, resolved_at, resolution,
                                               resolved_by, resolve_reason)
                 SELECT order_id, 'tell_shop', 'ONCE', 'Grace Secretname moved', now(), 'retry', 'operator',
                        'I called Grace' FROM orders.orders WHERE shopify_order_id = $1",
                "INSERT INTO orders.acts (acted_by, kind, target, order_id, reason)
                 SELECT 'ada', 'ORDER_RESOLVED', order_id, order_id, 'I called Grace' FROM orders.orders
                 WHERE shopify_order_id = $1",
            ] {
                sqlx::query(sql).bind(placed.id).execute(&world.pool).await.unwrap();
            }
        }
        world.until_order(&ignored, "condition", &["IGNORED"]).await;
        // A day short of the 90, and a day more.
        age(world, &young, 89).await;
        age(world, &order, 91).await;
        age(world, &ignored, 91).await;
        until_forgotten(world, &order).await;
        until_forgotten(world, &ignored).await;
        until("its words are gone", Duration::from_secs(30), async || {
            (words(world, &order).await == (0, 0)).then_some(())
        })
        .await;
        assert_eq!(world.order(&order).await["status"], "DELIVERED");
        assert!(!world.messages(&order).await.is_empty());
        assert!(known(world, &young).await.0);
        assert_eq!(words(world, &young).await, (1, 3));
    });
}

#[test]
fn an_order_that_its_shop_holds_for_ever_is_forgotten_and_one_that_we_hold_is_not() {
    let world = &*WORLD;
    world::run(async {
        world.stock("PRIVACY-HELD", 0).await;
        let (held, ours) = (Placed::new(SHOP, &["PRIVACY-HELD"], 1), Placed::new(SHOP, &["PRIVACY-HELD"], 1));
        for (placed, by) in [(&ours, "WINDOW"), (&held, "SHOPIFY")] {
            world.place(placed).await;
            world.until_order(placed, "condition", &["BACKORDERED"]).await;
            let sql =
                "UPDATE orders.orders SET condition = 'ON_HOLD', held_by = $2 WHERE shopify_order_id = $1";
            sqlx::query(sql).bind(placed.id).bind(by).execute(&world.pool).await.unwrap();
            age(world, placed, 91).await;
        }
        until_forgotten(world, &held).await;
        assert!(known(world, &ours).await.0);
    });
}

#[test]
fn an_open_order_keeps_for_thirty_days_what_somebody_wants_forgotten_and_is_not_handed_over_later() {
    let world = &*WORLD;
    world::run(async {
        world.stock("PRIVACY-THIRTY", 0).await;
        let order = Placed::new(SHOP, &["PRIVACY-THIRTY"], 1);
        world.place(&order).await;
        world.until_order(&order, "condition", &["BACKORDERED"]).await;
        redact(world, &order).await;
        let ago = async |days: i32| {
            let sql = "UPDATE orders.orders SET redact_wanted_at = now() - $2 * interval '1 day'
                       WHERE shopify_order_id = $1";
            sqlx::query(sql).bind(order.id).bind(days).execute(&world.pool).await.unwrap();
        };
        ago(29).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(known(world, &order).await.0, "it is needed to ship");
        ago(31).await;
        until_forgotten(world, &order).await;
        world.receive("PRIVACY-THIRTY", 1).await;
        world.until_order(&order, "condition", &["NEEDS_ATTENTION"]).await;
        assert!(world.references("PRIVACY-THIRTY").await.is_empty(), "nobody knows where to");
    });
}

#[test]
fn what_is_kept_of_a_wish_to_be_forgotten_does_not_say_whose_it_was() {
    let world = &*WORLD;
    world::run(async {
        let order = Placed::new(SHOP, &["PRIVACY-RECORD"], 1);
        redact(world, &order).await;
        let rows: Vec<serde_json::Value> = sqlx::query_scalar(
            "SELECT to_jsonb(r) FROM orders.redactions r WHERE shop = $1 AND $2 = ANY (shopify_order_ids)",
        )
        .bind(SHOP)
        .bind(order.id)
        .fetch_all(&world.pool)
        .await
        .unwrap();
        let [row] = &rows[..] else { panic!("one row: {rows:?}") };
        let mut members: Vec<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(members, ["asked_at", "inbox_id", "shop", "shopify_order_ids"], "nothing of the customer");
    });
}

#[test]
fn a_user_goes_with_the_data_of_the_last_order_or_when_none_came() {
    let world = &*WORLD;
    world::run(async {
        world.stock("PRIVACY-USER", 5).await;
        let names = ["privacy-new", "privacy-idle", "privacy-buyer"];
        for user in names {
            let body =
                json!({"userId": user, "name": "Grace Secretname", "email": format!("{user}@example.com")});
            let answer = world.http.post(world.api("/api/users")).json(&body).send().await.unwrap();
            assert_eq!(answer.status(), 201);
        }
        let order = json!({"order": {"userId": "privacy-buyer", "hold": "1h",
            "items": [{"itemId": "PRIVACY-USER", "quantity": 1}]}});
        let answer = world.http.post(world.api("/api/orders")).json(&order).send().await.unwrap();
        assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
        let left = async || -> Vec<String> {
            sqlx::query_scalar("SELECT user_id FROM orders.users WHERE user_id = ANY ($1) ORDER BY user_id")
                .bind(names)
                .fetch_all(&world.pool)
                .await
                .unwrap()
        };
        sqlx::query(
            "UPDATE orders.users SET created_at = now() - interval '91 days'
             WHERE user_id IN ('privacy-idle', 'privacy-buyer')",
        )
        .execute(&world.pool)
        .await
        .unwrap();
        until("the idle one is gone", Duration::from_secs(30), async || {
            (left().await == ["privacy-buyer", "privacy-new"]).then_some(())
        })
        .await;
        // What somebody ordered is forgotten, and that it came is long ago.
        sqlx::query(
            "UPDATE orders.orders SET personal_gone_at = now(), created_at = now() - interval '91 days'
             WHERE user_id = 'privacy-buyer'",
        )
        .execute(&world.pool)
        .await
        .unwrap();
        until("the buyer is gone", Duration::from_secs(30), async || {
            (left().await == ["privacy-new"]).then_some(())
        })
        .await;
    });
}
