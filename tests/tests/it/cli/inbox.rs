//! Messages that are listed, and taken up again.

use super::*;

/// Keeps a message as if it had come from the shop and been settled long ago.
async fn settled(order: &Placed, state: &str, order_id: Option<&str>) -> i64 {
    sqlx::query_scalar(
        "INSERT INTO integration.inbox (source, shop, message_id, topic, body, state, reason, order_id, settled_at)
         VALUES ('shopify', $1, $2, 'orders/create', $3, $4, 'a test said so', $5, now()) RETURNING inbox_id",
    )
    .bind(&order.shop)
    .bind(format!("cli-{}-{state}", order.id))
    .bind(order.body.to_string().into_bytes())
    .bind(state)
    .bind(order_id)
    .fetch_one(&WORLD.pool)
    .await
    .unwrap()
}

async fn message(world: &World, inbox_id: i64) -> Value {
    let listed = api_answers(world, "/api/inbox?limit=200").await;
    let found = listed.as_array().unwrap().iter().find(|message| message["inboxId"] == inbox_id);
    found.unwrap_or_else(|| panic!("no message {inbox_id}: {listed}")).clone()
}

#[test]
fn a_message_that_could_not_be_read_becomes_an_order_when_it_is_taken_up_again() {
    let world = &*WORLD;
    world::run(async {
        world.stock("CLI-REPLAY", 5).await;
        let order = Placed::new(SHOP, &["CLI-REPLAY"], 1);
        world.place_silently(&order).await;
        let inbox_id = settled(&order, "UNREADABLE", None).await;

        let listed = waybill(world, &["inbox", "list", "--state", "unreadable", "--all"]).await.ended_well();
        let row: Vec<&str> = listed.line(&inbox_id.to_string()).split_whitespace().collect();
        assert_eq!(row[1..4], ["UNREADABLE", "shopify", "orders/create"]);
        assert!(listed.out.contains("a test said so"), "{listed:?}");
        assert!(!listed.out.contains("Secret"), "no body is shown");

        waybill(world, &["inbox", "replay", &inbox_id.to_string()]).await.ended_well().line("taken up again");
        world.until_shipped(&order).await;
        let done = until("the message is done", Duration::from_secs(30), async || {
            Some(message(world, inbox_id).await).filter(|message| message["state"] == "DONE")
        })
        .await;
        assert_eq!(done["orderId"], world.order(&order).await["orderId"]);
        assert_eq!((&done["attempts"], &done["reason"]), (&json!(1), &Value::Null));
        assert_eq!(done["body"], Value::Null);
    });
}

#[test]
fn a_message_that_had_its_effect_is_not_taken_up_again() {
    let world = &*WORLD;
    world::run(async {
        world.stock("CLI-DONE", 5).await;
        let order = Placed::new(SHOP, &["CLI-DONE"], 1);
        world.place(&order).await;
        world.until_shipped(&order).await;
        // The shop's own echoes of what it was told come in as well.
        world.until_message(&order, "orders/fulfilled", "DONE").await;
        world.until_message(&order, "fulfillments/create", "DONE").await;
        world.until_message(&order, "orders/updated", "DONE").await;
        let known = world.order(&order).await;
        let of_order = format!("/api/inbox?orderId={}&state=DONE&source=shopify", number(&known));
        let messages = api_answers(world, &of_order).await;
        let inbox_id = messages[0]["inboxId"].to_string();
        let refused = waybill(world, &["inbox", "replay", &inbox_id, "--json"]).await;
        assert_eq!(refused.code, 1);
        assert_eq!(refused.json()["type"], "https://waybill.dev/errors/message-done");
        assert!(refused.err.contains(known["orderId"].as_str().unwrap()), "{refused:?}");
        assert_eq!(api_answers(world, &of_order).await, messages);
    });
}

#[test]
fn an_orders_timeline_notes_the_message_that_was_taken_up_again() {
    let world = &*WORLD;
    world::run(async {
        world.stock("CLI-NOTED", 5).await;
        let order = Placed::new(SHOP, &["CLI-NOTED"], 1);
        world.place(&order).await;
        world.until_shipped(&order).await;
        // While its run goes on, newer content of the order has an effect.
        world.until_closed(&order.workflow()).await;
        let known = world.order(&order).await;
        let inbox_id = settled(&order, "SKIPPED", known["orderId"].as_str()).await;
        for _ in 0..2 {
            let again =
                waybill(world, &["inbox", "replay", &inbox_id.to_string(), "--json"]).await.ended_well();
            assert_eq!(again.json(), json!({"message": "Message taken up again", "inboxId": inbox_id}));
            until("the message is settled", Duration::from_secs(30), async || {
                Some(message(world, inbox_id).await).filter(|message| !message["settledAt"].is_null())
            })
            .await;
        }
        let told = waybill(world, &["orders", "timeline", number(&known)]).await;
        let notes = told.out.lines().filter(|line| line.contains("MESSAGE_REPLAYED")).count();
        assert_eq!(notes, 2, "{told:?}");
        assert!(told.line("MESSAGE_REPLAYED").ends_with("orders/create of shopify, it was SKIPPED"));
        assert_eq!(world.shop_effects(&order, "fulfillmentCreated").await.len(), 1);
    });
}

#[test]
fn the_inbox_is_read_page_after_page_without_a_message_twice() {
    let world = &*WORLD;
    world::run(async {
        let order = Placed::new(SHOP, &["CLI-PAGES"], 1);
        let mut expected = Vec::new();
        for state in ["STORED", "SKIPPED", "UNREADABLE"] {
            expected.insert(0, json!(settled(&order, state, Some("cli-pages")).await));
        }
        let mut path = "/api/inbox?orderId=cli-pages&limit=1".to_owned();
        let mut seen = Vec::new();
        loop {
            let answer = world.http.get(world.api(&path)).send().await.unwrap();
            let link = answer.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
            let page: Vec<Value> = answer.json().await.unwrap();
            seen.extend(page.iter().map(|message| message["inboxId"].clone()));
            let Some(link) = link else { break };
            path = link.strip_prefix('<').unwrap().split_once('>').unwrap().0.to_owned();
            assert!(path.starts_with("/api/inbox?orderId=cli-pages&limit=1&cursor="), "{link}");
        }
        assert_eq!(seen, expected);
        let one = api_answers(world, "/api/inbox?orderId=cli-pages&state=STORED").await;
        assert_eq!(one[0]["inboxId"], expected[2]);
        assert_eq!(one.as_array().unwrap().len(), 1);
    });
}

#[test]
fn a_filter_that_cannot_be_read_is_refused() {
    let world = &*WORLD;
    world::run(async {
        for query in [
            "state=LOST",
            "state=done",
            "source=post",
            "limit=0",
            "limit=201",
            "cursor=17",
            "orderId=a%20b",
            "page=2",
        ] {
            let answer = world.http.get(world.api(&format!("/api/inbox?{query}"))).send().await.unwrap();
            assert_eq!(answer.status(), 400, "{query}");
        }
        for (path, status) in [("seventeen", 400), ("0", 404), ("-1", 404)] {
            let path = world.api(&format!("/api/inbox/{path}/replay"));
            assert_eq!(world.http.post(path).send().await.unwrap().status(), status);
        }
    });
}
