//! Many orders of one SKU, and many levels at once. `WAYBILL_CHANNEL_ORDERS` and `WAYBILL_CHANNEL_LEVELS` say how many, for
//! a soak: 500 and 10,000.

use std::time::Instant;

use futures::{StreamExt, stream};

use super::*;

/// Requests on their way at once.
const AT_ONCE: usize = 32;

fn number(name: &str, otherwise: u32) -> u32 {
    std::env::var(name).map_or(otherwise, |number| number.parse().expect("a number"))
}

fn orders() -> u32 {
    number("WAYBILL_CHANNEL_ORDERS", 40)
}

#[test]
fn orders_that_are_born_in_the_shop_are_no_write() {
    let world = &*WORLD;
    world::run(async {
        let (sku, orders) = ("SYNC-BORN", orders());
        let stocked = i64::from(orders) + 100;
        world.stock(sku, orders + 100).await;
        item_in_shop(world, ONE, sku, MAIN, stocked).await;
        learn(world).await;
        until_level(world, ONE, sku, MAIN, (stocked, stocked)).await;
        until_settled(world, ONE, sku).await;
        let orders: Vec<Placed> = (0..orders).map(|_| Placed::new(ONE, &[sku], 1)).collect();
        stream::iter(&orders).for_each_concurrent(AT_ONCE, |order| world.place(order)).await;
        for order in &orders {
            world.until_shipped(order).await;
            world.until_shop_notified(order, 1).await;
        }
        until_level(world, ONE, sku, MAIN, (100, 100)).await;
        until_settled(world, ONE, sku).await;
        assert_eq!(sets(world, ONE, sku).await, []);
        let drifts = api_answers(world, &format!("/api/channel-drifts?sku={sku}")).await;
        assert_eq!(drifts, json!([]), "an order is nobody's hand");
    });
}

#[test]
fn orders_of_others_are_few_writes_however_many_they_are() {
    let world = &*WORLD;
    world::run(async {
        let (sku, orders) = ("SYNC-OTHERS", orders());
        let stocked = i64::from(orders) + 100;
        world.stock(sku, orders + 100).await;
        item_in_shop(world, ONE, sku, MAIN, stocked).await;
        learn(world).await;
        until_level(world, ONE, sku, MAIN, (stocked, stocked)).await;
        stream::iter(0..orders).for_each_concurrent(8, |_| order_by_api(world, sku, 1)).await;
        until_level(world, ONE, sku, MAIN, (100, 100)).await;
        let written = sets(world, ONE, sku).await.len();
        assert!((1..60).contains(&written), "{written} writes for {orders} orders");
        println!("{written} writes for {orders} orders");
    });
}

#[test]
fn many_dirty_levels_go_out_within_the_budget_of_a_standard_plan_and_leave_room_for_orders() {
    let levels = number("WAYBILL_CHANNEL_LEVELS", 300);
    world::run(async {
        let budget = ["--shopify-bucket-points", "2000", "--shopify-restore-per-s", "100"];
        let simulators = budget.map(str::to_owned).to_vec();
        let world = World::start(Plan { file: SHOPS, simulators, ..Plan::default() }).await;
        let world = &world;
        let skus: Vec<String> = (0..levels).map(|n| format!("SYNC-MANY-{n}")).collect();
        stream::iter(&skus)
            .for_each_concurrent(AT_ONCE, |sku| async move {
                world.stock(sku, 7).await;
                item_in_shop(world, TWO, sku, MAIN, 1).await;
            })
            .await;
        let began = Instant::now();
        learn(world).await;
        let within = Duration::from_secs(600);
        let all = |what: &'static str, on_hand: i64| async move {
            until(what, within, async || {
                let path = world.shopify(&format!("/_inventory?shop={TWO}"));
                let stock: Value = world.http.get(path).send().await.ok()?.json().await.ok()?;
                let levels = stock["levels"].as_array()?;
                levels.iter().all(|level| level["on_hand"] == on_hand).then_some(())
            })
            .await;
        };
        all("every level is out", 7).await;
        println!("{levels} levels went out in {:?}, their items learned", began.elapsed());

        // All of them again, with orders of the shop among them, which wait for nothing.
        let began = Instant::now();
        stream::iter(&skus).for_each_concurrent(AT_ONCE, |sku| world.receive(sku, 1)).await;
        let received = began.elapsed();
        let orders: Vec<Placed> = skus.iter().take(5).map(|sku| Placed::new(TWO, &[sku], 1)).collect();
        for order in &orders {
            world.place(order).await;
            world.until_shipped(order).await;
            world.until_shop_notified(order, 1).await;
        }
        until("every level is out again", within, async || {
            let dirty = api_answers(world, &format!("/api/channel-levels?shop={TWO}&dirty=true")).await;
            (dirty == json!([])).then_some(())
        })
        .await;
        println!("{levels} levels went out again in {:?}, received in {received:?}", began.elapsed());
        let throttled = world.ledger(world.shopify("/_ledger")).await;
        let throttled = throttled.iter().filter(|entry| entry["throttled"] == true).count();
        assert_eq!(throttled, 0, "nobody was turned away by the shop");
    });
}
