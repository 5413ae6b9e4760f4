//! Orders whose risk a rule goes by.

use super::*;
use crate::world::{HASTY_RISK_SHOP, RISK_SHOP};

/// Somebody in the shop assesses an order, and the shop says so, or keeps silent.
pub(super) async fn assess(world: &World, order: &Placed, level: &str, announce: bool) {
    let path = world.shopify(&format!("/_orders/{}/assess?announce={announce}", order.id));
    let facts = json!(["the card was tried five times"]);
    world.stage_with(path, json!({"level": level, "facts": facts})).await;
}

/// Waits until the order waits for its risk.
async fn until_awaited(world: &World, order: &Placed) {
    let waiting = world.until_order(order, "heldBy", &["RISK"]).await;
    assert_eq!((&waiting["condition"], &waiting["status"]), (&json!("ON_HOLD"), &json!("CONFIRMED")));
}

#[test]
fn an_order_waits_until_its_risk_is_known_and_goes_on_where_it_is_low() {
    let world = &*WORLD;
    world::run(async {
        world.stock("RISK-LOW", 5).await;
        let order = Placed::new(RISK_SHOP, &["RISK-LOW"], 1);
        world.place(&order).await;
        until_awaited(world, &order).await;
        assert!(world.references("RISK-LOW").await.is_empty());
        assert_eq!(world.available("RISK-LOW").await, 4);
        assess(world, &order, "PENDING", true).await;
        world.until_message(&order, "orders/risk_assessment_changed", "DONE").await;
        until_awaited(world, &order).await;
        assess(world, &order, "LOW", true).await;
        world.until_shipped(&order).await;
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn a_risk_that_is_said_late_has_a_person_asked_with_what_speaks_against_the_order() {
    let world = &*WORLD;
    world::run(async {
        world.stock("RISK-HIGH", 5).await;
        let order = Placed::new(RISK_SHOP, &["RISK-HIGH"], 1);
        world.place(&order).await;
        until_awaited(world, &order).await;
        assess(world, &order, "MEDIUM", true).await;
        let row = until_asked(world, &order).await;
        assert_eq!(row["detail"], "risk medium; its total is 29.90 EUR");
        assert_eq!(row["vendorText"], "the card was tried five times");
        // It grows worse while it waits: what is approved is the newest.
        assess(world, &order, "HIGH", true).await;
        until("the newest is asked", Duration::from_secs(30), async || {
            let row = until_asked(world, &order).await;
            (row["detail"] == "risk high; its total is 29.90 EUR").then_some(())
        })
        .await;
        approve(world, &order).await;
        world.until_shipped(&order).await;
        assert_eq!(asked(world, &order).await.len(), 1);
        let said = history_says(world, &order, "card was tried").await;
        assert!(!said, "what speaks against a person is in no history");
    });
}

#[test]
fn where_nobody_says_the_risk_in_time_a_person_is_asked() {
    let world = &*WORLD;
    world::run(async {
        world.stock("RISK-NEVER", 5).await;
        let order = Placed::new(HASTY_RISK_SHOP, &["RISK-NEVER"], 1);
        world.place(&order).await;
        let row = until_asked(world, &order).await;
        assert_eq!(row["detail"], "risk unknown; its total is 29.90 EUR");
        // It is said after all, and nothing speaks against it.
        assess(world, &order, "LOW", true).await;
        world.until_shipped(&order).await;
        assert!(asked(world, &order).await.is_empty());
    });
}

#[test]
fn a_risk_that_is_known_when_it_is_looked_is_waited_for_by_nobody() {
    let world = &*WORLD;
    world::run(async {
        for (shop, sku, level) in [(RISK_SHOP, "RISK-KNOWN", "NONE"), (SHOP, "RISK-NO-RULE", "HIGH")] {
            world.stock(sku, 5).await;
            let order = Placed::new(shop, &[sku], 1);
            world.place_silently(&order).await;
            assess(world, &order, level, false).await;
            world.deliver_webhook(&Webhook::new(shop, "orders/create", order.body.clone())).await;
            world.until_shipped(&order).await;
            assert!(world.attention(&order).await.is_empty());
            // Without a rule nobody asks, and the hint is kept and no more.
            let asked = world.shop_answers(&order, "order").await;
            assert_eq!(asked, usize::from(shop == RISK_SHOP), "{shop}");
            if shop == SHOP {
                assess(world, &order, "HIGH", true).await;
                until("the hint is kept", Duration::from_secs(30), async || {
                    let stored: bool = sqlx::query_scalar(
                        "SELECT EXISTS (SELECT FROM integration.inbox WHERE subject = $1 AND state = 'STORED'
                                        AND topic = 'orders/risk_assessment_changed')",
                    )
                    .bind(order.id.to_string())
                    .fetch_one(&world.pool)
                    .await
                    .expect("the inbox is read");
                    stored.then_some(())
                })
                .await;
            }
        }
    });
}
