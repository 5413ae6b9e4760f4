//! Programs killed from outside: the API between commit and start, the worker at moments of chance,
//! and Temporal out of the API's reach.

use std::time::Duration;

use futures::future::join_all;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::json;

use super::{PLACES, assert_clean, board::Board};
use crate::world::{self, PATIENT_SHOP, Placed, Plan, Program, SHOP, World, until};

/// Where nobody listens.
const DEAD_ADDRESS: &str = "127.0.0.1:9";

/// Rows of the inbox that brought an order.
async fn deliveries(world: &World, order: &Placed) -> Vec<(String, String, bool)> {
    sqlx::query_as(
        "SELECT message_id, state, settled_at IS NOT NULL FROM integration.inbox
         WHERE source = 'shopify' AND topic = 'orders/create' AND convert_from(body, 'UTF8')::jsonb ->> 'id' = $1",
    )
    .bind(order.id.to_string())
    .fetch_all(&world.pool)
    .await
    .expect("the inbox is read")
}

#[test]
fn an_order_whose_api_dies_between_commit_and_start_is_started_by_the_sweeper_and_only_once() {
    world::run(async {
        let _place = PLACES.acquire().await;
        let world = World::start(Plan { with_faults: true, ..Plan::default() }).await;
        let board = Board::of(&world);
        world.stock("COMMITTED", 5).await;
        world.restart_with(Program::Api, "die_after_commit");
        world.until_ready().await;
        let order = Placed::new(SHOP, &["COMMITTED"], 1);
        world.place(&order).await;
        until("the API dies", Duration::from_secs(30), async || world.has_ended(Program::Api).then_some(()))
            .await;
        assert_eq!(deliveries(&world, &order).await.len(), 1, "the delivery was committed");

        // Nobody but the worker's sweeper is there to start it.
        board.until("the sweeper starts the order", &order, |seen| seen.status == "PROCESSING").await;
        world.restart_with(Program::Api, "");
        board.until("the order ships", &order, |seen| seen.ended && seen.status != "CANCELLED").await;

        // The shop sends it again until it is acknowledged; that is the same delivery.
        until("the shop's repetition is acknowledged", Duration::from_secs(60), async || {
            let sent = world.ledger(world.shopify(&format!("/_ledger?order={}", order.id))).await;
            sent.iter()
                .any(|entry| entry["operation"] == json!("webhook") && entry["status"] == json!(200))
                .then_some(())
        })
        .await;
        assert_eq!(deliveries(&world, &order).await.len(), 1);
        assert_clean(&world).await;
    });
}

#[test]
fn thirty_orders_ship_once_each_though_their_worker_is_killed_again_and_again() {
    const ORDERS: usize = 30;
    /// Entries in the timelines of that many orders until they are told: received, reserved, handed
    /// over, shipped, told.
    const ENTRIES: i64 = 5 * ORDERS as i64;
    world::run(async {
        let _place = PLACES.acquire().await;
        let world = World::start(Plan::default()).await;
        let board = Board::of(&world);
        world.stock("KILLED", 100).await;
        let mut chance = StdRng::seed_from_u64(20_261_121);
        let mut moments: Vec<i64> =
            (0..5).map(|_| chance.random_range(ORDERS as i64..ENTRIES - 10)).collect();
        moments.sort_unstable();
        let orders: Vec<Placed> = (0..ORDERS).map(|_| Placed::new(PATIENT_SHOP, &["KILLED"], 2)).collect();
        join_all(orders.iter().map(|order| world.place(order))).await;
        for moment in &moments {
            until(&format!("{moment} things have happened"), Duration::from_secs(120), async || {
                let happened: i64 = sqlx::query_scalar("SELECT count(*) FROM orders.timeline")
                    .fetch_one(&world.pool)
                    .await
                    .expect("the timelines are counted");
                (happened >= *moment).then_some(())
            })
            .await;
            world.kill(Program::Worker);
            world.start_program(Program::Worker);
        }
        for order in &orders {
            let end = board.until("it ships", order, |seen| seen.ended && seen.status != "PENDING").await;
            assert!(end.parked.is_empty(), "{} was parked: {:?}", end.order_number, end.parked);
        }
        assert_eq!(world.available("KILLED").await, 100 - 2 * ORDERS as i64);
        assert_clean(&world).await;
    });
}

#[test]
fn an_api_that_cannot_reach_temporal_acknowledges_and_the_worker_starts_the_order() {
    world::run(async {
        let _place = PLACES.acquire().await;
        let world = World::start(Plan::default()).await;
        let board = Board::of(&world);
        world.stock("AWAY", 5).await;
        world.kill(Program::Api);
        world.set_environment("TEMPORAL_ADDRESS", DEAD_ADDRESS);
        world.start_program(Program::Api);
        let order = Placed::new(SHOP, &["AWAY"], 1);
        world.place(&order).await;
        board.until("the order ships", &order, |seen| seen.ended && seen.status != "CANCELLED").await;
        assert_eq!(deliveries(&world, &order).await.len(), 1);
        assert_clean(&world).await;
    });
}
