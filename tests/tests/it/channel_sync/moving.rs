//! Orders that ship from another warehouse than the shop has them at, and what the shop's people fulfil themselves.

use super::*;
use crate::paths::places::stock_at;

async fn ordered_where_nothing_is(world: &World, sku: &str) -> Placed {
    stock_at(world, "far", sku, 5).await;
    item_in_shop(world, FREE, sku, MAIN, 0).await;
    item_in_shop(world, FREE, sku, FAR, 5).await;
    learn(world).await;
    until_settled(world, FREE, sku).await;
    let order = Placed::new(FREE, &[sku], 2);
    world.place(&order).await;
    world.until_shipped(&order).await;
    world.until_shop_notified(&order, 1).await;
    order
}

#[test]
fn an_order_is_moved_to_where_it_ships_from_and_both_locations_come_to_be_right() {
    let world = &*WORLD;
    world::run(async {
        let sku = "MOVE-DONE";
        let order = ordered_where_nothing_is(world, sku).await;
        assert_eq!(world.shop_answers(&order, "fulfillmentOrderMove").await, 1);
        until_level(world, FREE, sku, MAIN, (0, 0)).await;
        until_level(world, FREE, sku, FAR, (3, 3)).await;
        until_settled(world, FREE, sku).await;
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn a_shop_that_refuses_the_move_is_asked_once_and_the_order_goes_on() {
    let world = &*WORLD;
    world::run(async {
        let sku = "MOVE-REFUSED";
        let errors = json!([{"field": null, "message": "Not there.", "code": null}]);
        let refused =
            json!({"operation": "fulfillmentOrderMove", "sku": sku, "times": 5, "userErrors": errors});
        world.shopify_rule(refused).await;
        let order = ordered_where_nothing_is(world, sku).await;
        let shown = world.until_shown(&order, "NOT_MOVED").await;
        assert!(shown.contains(&MAIN.to_string()) && shown.contains(&FAR.to_string()), "{shown}");
        assert_eq!(world.shop_answers(&order, "fulfillmentOrderMove").await, 1);
        until_level(world, FREE, sku, MAIN, (0, 0)).await;
        until_level(world, FREE, sku, FAR, (3, 3)).await;
    });
}

#[test]
fn what_the_shops_people_fulfil_is_booked_out_and_not_told_back() {
    let world = &*WORLD;
    world::run(async {
        // Enough for others besides, and not a piece more than was handed over.
        for (sku, stocked) in [("HAND-ENOUGH", 10), ("HAND-EXACT", 3)] {
            world.stock(sku, u32::try_from(stocked).unwrap()).await;
            item_in_shop(world, ONE, sku, MAIN, stocked).await;
            learn(world).await;
            until_level(world, ONE, sku, MAIN, (stocked, stocked)).await;
            until_settled(world, ONE, sku).await;
            world.wms_rule(json!({"operation": "shipment", "sku": sku, "times": 10, "never": true})).await;
            let order = Placed::new(ONE, &[sku], 3);
            world.place(&order).await;
            world.until_handed_over(sku, 1).await;
            let which = json!({"lines": [{"lineItemId": order.body["line_items"][0]["id"], "quantity": 1}]});
            world.stage_with(world.shopify(&format!("/_orders/{}/fulfil", order.id)), which).await;
            let second = world.until_handed_over(sku, 2).await;
            until("what left is booked out", Duration::from_secs(30), async || {
                (world.on_hand(sku).await == stocked - 1).then_some(())
            })
            .await;
            world.warehouse_does(&second, "ship").await;
            world.until_shop_notified(&order, 1).await;
            until_level(world, ONE, sku, MAIN, (stocked - 3, stocked - 3)).await;
            until_settled(world, ONE, sku).await;
            assert_eq!(world.on_hand(sku).await, stocked - 3);
            if sku == "HAND-ENOUGH" {
                let movements = api_answers(world, &format!("/api/inventory/{sku}/movements")).await;
                let by_hand = movements.as_array().unwrap().iter();
                let by_hand: Vec<&Value> =
                    by_hand.filter(|moved| moved["kind"] == "FULFILLED_ELSEWHERE").collect();
                assert!(by_hand.len() == 1 && by_hand[0]["onHandDelta"] == -1, "{movements}");
            }
            assert_eq!(api_answers(world, &format!("/api/channel-drifts?sku={sku}")).await, json!([]));
            assert!(world.attention(&order).await.is_empty());
        }
    });
}
