//! Returns that a warehouse system receives, and calls back about.

use std::time::Duration;

use serde_json::{Value, json};

use super::{announced, came, came_back, how_far, shipped, shown, told};
use crate::{
    line::WORLD,
    world::{self, World, until},
};

/// The callback about pieces of a return.
fn callback(return_id: &str, lines: &[Value]) -> Value {
    json!({"type": "return.received", "returnId": return_id, "lines": lines})
}

/// Waits until a callback is settled; how.
async fn settled(world: &World, message: &str) -> String {
    until(&format!("{message} is settled"), Duration::from_secs(60), async || {
        sqlx::query_scalar(
            "SELECT state FROM integration.inbox WHERE message_id = $1 AND settled_at IS NOT NULL",
        )
        .bind(message)
        .fetch_optional(&world.pool)
        .await
        .unwrap()
    })
    .await
}

#[test]
fn a_callback_that_comes_three_times_and_another_ten_at_once_are_two_receipts() {
    let world = &*WORLD;
    world::run(async {
        let sku = "BACK-CALLED";
        let order = shipped(world, sku).await;
        let id = announced(world, &order, sku, 3).await;
        let wms = world.wms(&format!("/_returns/{id}/receive"));
        let words = json!({"lines": [came(sku, 1, true)], "webhookId": "back-called-1", "copies": 3});
        world.stage_with(wms, words).await;
        assert_eq!(settled(world, "back-called-1").await, "DONE");

        // Another receipt with other pieces, and late: the order is long closed.
        let body = callback(&id, &[came(sku, 1, true), came(sku, 1, false)]);
        let senders = (0..10).map(|_| world.send_callback("back-called-2", &body));
        let answers = futures::future::join_all(senders).await;
        assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
        assert_eq!(settled(world, "back-called-2").await, "DONE");

        assert_eq!(how_far(world, &id).await, ("RECEIVED".to_owned(), 2, 1));
        assert_eq!((world.on_hand(sku).await, came_back(world, sku).await), (4, (2, 2, 2)));
        let told = told(world, &order).await;
        assert_eq!(told.len(), 3, "{told:?}");
        assert_eq!(told[2].1["lines"], json!([came(sku, 1, true), came(sku, 1, false)]));
    });
}

#[test]
fn a_callback_that_does_not_fit_books_nothing_and_a_person_sees_it() {
    let world = &*WORLD;
    world::run(async {
        let sku = "BACK-MISFIT";
        let order = shipped(world, sku).await;
        let id = announced(world, &order, sku, 2).await;
        for (message, lines) in [
            ("back-misfit-many", vec![came(sku, 1, true), came(sku, 2, true)]),
            ("back-misfit-sku", vec![came(sku, 1, true), came("BACK-NONE", 1, true)]),
        ] {
            assert_eq!(world.send_callback(message, &callback(&id, &lines)).await, 200);
            assert_eq!(settled(world, message).await, "SKIPPED");
        }
        let words = shown(world, &order, "RETURN_NOT_RECEIVED").await;
        assert!(words.contains("only 1 pieces of line 2") && words.contains("the SKU of line 2"), "{words}");
        assert_eq!(how_far(world, &id).await, ("ANNOUNCED".to_owned(), 0, 0));
        assert_eq!((world.on_hand(sku).await, told(world, &order).await.len()), (2, 1));

        let nobodys = "ret_ffffffffffffffffffffffffffffffff";
        let body = callback(nobodys, &[came(sku, 1, true)]);
        assert_eq!(world.send_callback("back-misfit-id", &body).await, 200);
        assert_eq!(settled(world, "back-misfit-id").await, "SKIPPED");
        let mut unsaid = callback(&id, &[came(sku, 1, true)]);
        unsaid["lines"][0]["sellable"] = Value::Null;
        assert_eq!(world.send_callback("back-misfit-unsaid", &unsaid).await, 200);
        assert_eq!(settled(world, "back-misfit-unsaid").await, "UNREADABLE");
        let seen: Vec<String> = sqlx::query_scalar(
            "SELECT detail FROM orders.attention JOIN integration.inbox USING (inbox_id)
             WHERE message_id IN ('back-misfit-id', 'back-misfit-unsaid') ORDER BY message_id",
        )
        .fetch_all(&world.pool)
        .await
        .unwrap();
        assert!(
            seen.len() == 2 && seen[0].contains(nobodys) && seen[1].contains("lines[0].sellable"),
            "{seen:?}"
        );

        // What really came is received by the next one.
        assert_eq!(world.send_callback("back-misfit-fits", &callback(&id, &[came(sku, 2, true)])).await, 200);
        assert_eq!(settled(world, "back-misfit-fits").await, "DONE");
        assert_eq!(world.on_hand(sku).await, 4);
    });
}
