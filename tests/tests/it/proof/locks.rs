//! Our own database keeps a step waiting: somebody holds the order's row for longer than any lock is
//! waited for. The step is tried again until it is done, and is never parked.

use std::{collections::BTreeSet, time::Duration};

use domain::Step;
use futures::future::join_all;
use serde_json::json;
use sqlx::{PgPool, Postgres, Transaction};

use super::{
    PLACES, assert_clean,
    board::{Board, Seen},
};
use crate::world::{self, HOLDING_SHOP, PATIENT_SHOP, Placed, Plan, World, until};

/// Attempts that have to come and go while the row is held.
const ATTEMPTS: usize = 3;

/// Every step whose beginning shows from outside. `Release` follows `Recall` in an instant, and
/// `CancelInShop` writes nothing here.
const STEPS: [Step; 7] = [
    Step::Gate,
    Step::Reserve,
    Step::HandOver,
    Step::RecordParcel,
    Step::TellShop,
    Step::Recall,
    Step::RecordCancelled,
];

/// An order whose row is held when it is about to do a step.
struct Held<'a> {
    world: &'a World,
    board: &'a Board,
    step: Step,
}

impl Held<'_> {
    async fn lead(self) {
        let Self { world, board, step } = self;
        let sku = format!("locked-{step}");
        world.stock(&sku, 5).await;
        let shop = if step == Step::Reserve { HOLDING_SHOP } else { PATIENT_SHOP };
        let mut order = Placed::new(shop, &[&sku], 2);
        match step {
            Step::Gate => order = order.with("financial_status", json!("pending")),
            Step::Reserve => {}
            Step::HandOver => self.slow(world.wms("/_faults"), "createShipment", &sku).await,
            Step::TellShop => self.slow(world.shopify("/_faults"), "fulfillmentCreate", &sku).await,
            Step::RecordCancelled => self.slow(world.shopify("/_faults"), "orderCancel", &sku).await,
            Step::LookInShop => self.slow(world.shopify("/_faults"), "fulfillmentOrders", &sku).await,
            Step::RecordParcel | Step::Recall | Step::Release | Step::CancelInShop => {}
            Step::ReadOrder | Step::RefundInShop | Step::Follow => unreachable!("{step} is not led here"),
        }
        if matches!(step, Step::RecordParcel | Step::Recall | Step::RecordCancelled) {
            world
                .rule(world.wms("/_faults"), json!({"operation": "shipment", "sku": sku, "never": true}))
                .await;
        }
        world.place(&order).await;
        if step == Step::RecordCancelled {
            board.until(&sku, &order, |seen| seen.status == "PROCESSING").await;
            self.cancel(&order).await;
        }
        let seen = board.until(&sku, &order, |seen| self.is_about_to(seen)).await;
        let (row, holder) = hold(&world.pool, &order).await;
        match step {
            Step::Gate => world.stage(world.shopify(&format!("/_orders/{}/pay", order.id))).await,
            Step::RecordParcel => {
                world.stage(world.wms(&format!("/_shipments/{}/ship", seen.references[0]))).await;
            }
            Step::Recall => self.cancel(&order).await,
            Step::Reserve
            | Step::LookInShop
            | Step::HandOver
            | Step::TellShop
            | Step::Release
            | Step::CancelInShop
            | Step::RecordCancelled => {}
            Step::ReadOrder | Step::RefundInShop | Step::Follow => unreachable!("{step} is not led here"),
        }
        until_attempts_gave_up(&world.pool, holder, &sku).await;
        row.rollback().await.expect("the row is let go");
        let end = board.until(&sku, &order, |seen| seen.ended).await;
        assert!(end.parked.is_empty(), "{sku} was parked: {:?}", end.parked);
    }

    async fn cancel(&self, order: &Placed) {
        self.world.signal(&order.workflow(), "cancel", &[World::cancel_request("operator")]).await;
    }

    async fn slow(&self, address: String, operation: &str, sku: &str) {
        self.world.rule(address, json!({"operation": operation, "sku": sku, "delayMs": 1500})).await;
    }

    fn is_about_to(&self, seen: &Seen) -> bool {
        match self.step {
            Step::Gate => seen.condition.as_deref() == Some("AWAITING_PAYMENT"),
            Step::Reserve => seen.condition.as_deref() == Some("ON_HOLD"),
            Step::LookInShop | Step::HandOver => seen.status == "CONFIRMED",
            Step::TellShop => matches!(seen.status.as_str(), "SHIPPED" | "DELIVERED"),
            Step::RecordParcel | Step::Recall | Step::Release => seen.status == "PROCESSING",
            Step::CancelInShop | Step::RecordCancelled => seen.released,
            Step::ReadOrder | Step::RefundInShop | Step::Follow => false,
        }
    }
}

/// Holds the row, and says which connection does.
async fn hold(pool: &PgPool, order: &Placed) -> (Transaction<'static, Postgres>, i32) {
    let mut row = pool.begin().await.expect("a transaction begins");
    sqlx::query("SELECT FROM orders.orders WHERE shopify_order_id = $1 FOR UPDATE")
        .bind(order.id)
        .execute(&mut *row)
        .await
        .expect("the row is held");
    let holder = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut *row).await.expect("a number");
    (row, holder)
}

/// Waits until several attempts have begun to wait for the row: all but the last gave up.
async fn until_attempts_gave_up(pool: &PgPool, holder: i32, what: &str) {
    let mut attempts = BTreeSet::new();
    until(&format!("{what}: {ATTEMPTS} attempts wait for the row"), Duration::from_secs(90), async || {
        let waiting: Vec<(i32, String)> = sqlx::query_as(
            "SELECT pid, xact_start::text FROM pg_stat_activity
             WHERE datname = current_database() AND xact_start IS NOT NULL AND $1 = ANY (pg_blocking_pids(pid))",
        )
        .bind(holder)
        .fetch_all(pool)
        .await
        .expect("the activity is read");
        attempts.extend(waiting);
        (attempts.len() >= ATTEMPTS).then_some(())
    })
    .await;
}

#[test]
fn a_step_that_our_own_database_keeps_waiting_is_done_in_the_end_and_never_parked() {
    world::run(async {
        let _place = PLACES.acquire().await;
        let world = World::start(Plan::default()).await;
        let board = Board::of(&world);
        join_all(STEPS.map(|step| Held { world: &world, board: &board, step }.lead())).await;
        assert_clean(&world).await;
    });
}

#[test]
fn who_cancels_an_order_that_turns_out_not_to_be_ours_is_answered_and_keeps_no_worker() {
    world::run(async {
        let _place = PLACES.acquire().await;
        let world = World::start(Plan::default()).await;
        world.stock("locked-ignored", 5).await;
        let order = Placed::new(HOLDING_SHOP, &["locked-ignored"], 2);
        world.place(&order).await;
        world.until_order(&order, "condition", &["ON_HOLD"]).await;
        world.announce(&order.clone().with("test", json!(true)), "topics=orders/updated").await;
        world.until_message(&order, "orders/updated", "DONE").await;
        // It is about to be read that it is a test, and somebody cancels it.
        let (row, holder) = hold(&world.pool, &order).await;
        until_attempts_gave_up(&world.pool, holder, "a test order").await;
        world.signal(&order.workflow(), "cancel", &[World::cancel_request("operator")]).await;
        until_attempts_gave_up(&world.pool, holder, "a test order").await;
        row.rollback().await.expect("the row is let go");

        world.until_closed(&order.workflow()).await;
        let cancelled = world.order(&order).await;
        assert_eq!((&cancelled["status"], &cancelled["condition"]), (&json!("CANCELLED"), &json!(null)));
        assert_eq!(world.cancelled_in_shop_by_us(&order).await, 1);
        assert_clean(&world).await;
    });
}
