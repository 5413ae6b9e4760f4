//! Runs that are started again, and runs that are gone.

use std::time::Duration;

use serde_json::{Value, json};
use temporalio_client::{
    UntypedWorkflow, WorkflowExecutionStatus, WorkflowIdConflictPolicy, WorkflowIdReusePolicy,
    WorkflowStartOptions, WorkflowTerminateOptions,
};
use temporalio_common::{
    data_converters::RawValue,
    protos::temporal::api::history::v1::{HistoryEvent, history_event::Attributes},
};

use crate::{
    line::WORLD,
    world::{self, Placed, Plan, Program, SHOP, SPLITTING_SHOP, World, until},
};

/// The input of a run, as its history has it.
fn input_of(events: &[HistoryEvent]) -> RawValue {
    let Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) = &events[0].attributes else {
        panic!("a history begins with its start");
    };
    RawValue::new(started.input.clone().expect("an input").payloads)
}

fn result_of(events: &[HistoryEvent]) -> Value {
    let Some(Attributes::WorkflowExecutionCompletedEventAttributes(completed)) =
        events.last().and_then(|event| event.attributes.clone())
    else {
        panic!("the run completed");
    };
    serde_json::from_slice(&completed.result.expect("a result").payloads[0].data).expect("JSON")
}

/// Starts the order's workflow as our own processes do, and returns the run.
async fn start(world: &World, order: &Placed, input: RawValue) -> String {
    let options = WorkflowStartOptions::new("orders", order.workflow())
        .id_conflict_policy(WorkflowIdConflictPolicy::UseExisting)
        .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate)
        .build();
    let handle = world
        .temporal
        .start_workflow(UntypedWorkflow::new("order-fulfilment"), input, options)
        .await
        .expect("the workflow starts");
    handle.run_id().expect("a run").to_owned()
}

async fn terminate(world: &World, order: &Placed) {
    let options = WorkflowTerminateOptions::builder().reason("a mistake at night").build();
    world.workflow(&order.workflow()).terminate(options).await.expect("the run ends");
}

async fn until_run_gone(world: &World, order: &Placed) {
    assert_eq!(world.until_parked(order).await, "RUN_GONE");
    let rows = world.open_attention(order).await;
    assert_eq!(rows.len(), 1);
    assert!(!rows[0].has_run, "no run waits for an answer");
}

#[test]
fn a_start_after_the_server_forgot_the_order_ends_at_once_with_nothing_to_do() {
    let world = &*WORLD;
    world::run(async {
        world.stock("RUN-AGAIN", 5).await;
        let order = Placed::new(SHOP, &["RUN-AGAIN"], 1);
        world.place(&order).await;
        world.until_order(&order, "status", &["DELIVERED"]).await;
        world.until_closed(&order.workflow()).await;

        let input = input_of(&world.history(&order.workflow()).await);
        let run = start(world, &order, input).await;
        assert_eq!(world.until_closed(&order.workflow()).await, WorkflowExecutionStatus::Completed);
        let events = world.history(&order.workflow()).await;
        assert_eq!(result_of(&events), json!("nothing_to_do"), "run {run}");
        assert_eq!(world.pieces_shipped("RUN-AGAIN").await, 1);
        assert_eq!(world.shop_effects(&order, "fulfillmentCreated").await.len(), 1);
        assert_eq!(world.available("RUN-AGAIN").await, 4);
        assert_eq!(world.order(&order).await["status"], "DELIVERED");
    });
}

#[test]
fn a_start_of_a_cancelled_order_ends_at_once_with_nothing_to_do() {
    let world = &*WORLD;
    world::run(async {
        world.stock("RUN-CANCELLED", 0).await;
        let order = Placed::new(SHOP, &["RUN-CANCELLED"], 1);
        world.place(&order).await;
        world.until_order(&order, "condition", &["BACKORDERED"]).await;
        world.signal(&order.workflow(), "cancel", &[]).await;
        world.until_closed(&order.workflow()).await;
        world.receive("RUN-CANCELLED", 5).await;

        let input = input_of(&world.history(&order.workflow()).await);
        start(world, &order, input).await;
        world.until_closed(&order.workflow()).await;
        assert_eq!(result_of(&world.history(&order.workflow()).await), json!("nothing_to_do"));
        assert_eq!(world.available("RUN-CANCELLED").await, 5);
        assert_eq!(world.order(&order).await["status"], "CANCELLED");
    });
}

#[test]
fn a_start_while_the_order_runs_is_the_same_run() {
    let world = &*WORLD;
    world::run(async {
        world.stock("RUN-SAME", 0).await;
        let order = Placed::new(SHOP, &["RUN-SAME"], 1);
        world.place(&order).await;
        world.until_order(&order, "condition", &["BACKORDERED"]).await;
        let input = input_of(&world.history(&order.workflow()).await);
        let first = start(world, &order, input.clone()).await;
        let second = start(world, &order, input).await;
        assert_eq!(first, second);
        world.receive("RUN-SAME", 1).await;
        world.until_shipped(&order).await;
        assert_eq!(world.pieces_shipped("RUN-SAME").await, 1);
    });
}

#[test]
fn a_run_that_was_terminated_is_found_parked_and_started_again_on_retry() {
    let world = &*WORLD;
    world::run(async {
        world.stock("RUN-GONE", 0).await;
        let order = Placed::new(SHOP, &["RUN-GONE"], 1);
        world.place(&order).await;
        world.until_order(&order, "condition", &["BACKORDERED"]).await;
        terminate(world, &order).await;
        until_run_gone(world, &order).await;

        world.retry(&order).await;
        world.until_order(&order, "condition", &["BACKORDERED"]).await;
        assert_eq!(world.run_status(&order.workflow()).await, Some(WorkflowExecutionStatus::Running));
        world.receive("RUN-GONE", 1).await;
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.pieces_shipped("RUN-GONE").await, 1);
        let rows = world.attention(&order).await;
        assert_eq!((rows.len(), rows[0].resolution.as_deref()), (1, Some("retry")));
    });
}

#[test]
fn a_run_terminated_after_the_hand_over_asks_the_warehouse_and_ships_exactly_once() {
    let world = &*WORLD;
    world::run(async {
        let sku = "RUN-LATE";
        world.stock(sku, 5).await;
        world.wms_rule(json!({"operation": "callback", "sku": sku, "lost": true, "times": 0})).await;
        world.wms_rule(json!({"operation": "shipment", "sku": sku, "never": true})).await;
        // This shop's hand-overs are overdue after a day, so nobody but the resumed run asks.
        let order = Placed::new(SPLITTING_SHOP, &[sku], 2);
        world.place(&order).await;
        world.until_order(&order, "status", &["PROCESSING"]).await;
        let reference = world.until_handed_over(sku, 1).await;
        terminate(world, &order).await;
        world.warehouse_does(&reference, "ship").await;
        until_run_gone(world, &order).await;
        assert_eq!(world.order(&order).await["status"], "PROCESSING");

        world.retry(&order).await;
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.until_closed(&order.workflow()).await, WorkflowExecutionStatus::Completed);
        assert_eq!(world.references(sku).await, [reference]);
        assert_eq!(world.pieces_shipped(sku).await, 2);
        assert_eq!(world.available(sku).await, 3);
    });
}

#[test]
fn a_message_for_an_order_whose_run_is_gone_waits_until_there_is_one() {
    let world = &*WORLD;
    world::run(async {
        let sku = "RUN-NEWS";
        world.stock(sku, 5).await;
        world.wms_rule(json!({"operation": "shipment", "sku": sku, "never": true})).await;
        let order = Placed::new(SPLITTING_SHOP, &[sku], 1);
        world.place(&order).await;
        world.until_order(&order, "status", &["PROCESSING"]).await;
        let reference = world.until_handed_over(sku, 1).await;
        terminate(world, &order).await;
        world.warehouse_does(&reference, "ship").await;
        until_run_gone(world, &order).await;
        until("the callback waits", Duration::from_secs(30), async || {
            let kept = world.messages(&order).await;
            kept.into_iter().find(|kept| kept.topic == "callback" && kept.state == "WAITING")
        })
        .await;
        world.retry(&order).await;
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.pieces_shipped(sku).await, 1);
    });
}

#[test]
fn what_is_said_of_a_pending_order_whose_run_is_gone_starts_another() {
    let world = world::run(World::start(Plan::default()));
    world::run(async {
        let sku = "RUN-UNPAID";
        world.stock(sku, 5).await;
        let order = Placed::new(SHOP, &[sku], 1).with("financial_status", json!("pending"));
        world.place(&order).await;
        world.until_order(&order, "condition", &["AWAITING_PAYMENT"]).await;
        // With no worker nobody looks for lost runs, or sweeps: who takes the message sees that it reaches none.
        world.kill(Program::Worker);
        terminate(&world, &order).await;
        world.shop_does(&order, "pay").await;
        world.until_message(&order, "orders/paid", "DONE").await;
        assert_eq!(world.run_status(&order.workflow()).await, Some(WorkflowExecutionStatus::Running));
        world.start_program(Program::Worker);
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 1).await;
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn what_is_said_of_an_order_at_the_warehouse_waits_for_its_run_however_often_it_is_taken_up() {
    let world = &*WORLD;
    world::run(async {
        let sku = "RUN-WAITS";
        world.stock(sku, 5).await;
        world.wms_rule(json!({"operation": "shipment", "sku": sku, "never": true})).await;
        let order = Placed::new(SPLITTING_SHOP, &[sku], 2);
        world.place(&order).await;
        world.until_order(&order, "status", &["PROCESSING"]).await;
        world.until_handed_over(sku, 1).await;
        terminate(world, &order).await;
        until_run_gone(world, &order).await;
        let fewer = json!({"lines": [{"lineItemId": order.body["line_items"][0]["id"], "quantity": 1}]});
        world.stage_with(world.shopify(&format!("/_orders/{}/edit", order.id)), fewer).await;
        world.until_message(&order, "orders/updated", "WAITING").await;
        let tried = "UPDATE integration.inbox SET attempts = $2
                     WHERE order_id = (SELECT order_id FROM orders.orders WHERE shopify_order_id = $1)
                       AND settled_at IS NULL";
        let tried = sqlx::query(tried).bind(order.id).bind(1_000).execute(&world.pool).await.unwrap();
        assert!(tried.rows_affected() > 0);
        until("it is taken up again and again", Duration::from_secs(30), async || {
            let again: bool = sqlx::query_scalar(
                "SELECT EXISTS (SELECT FROM integration.inbox JOIN orders.orders USING (order_id)
                                WHERE shopify_order_id = $1 AND topic = 'orders/updated' AND attempts > 1001
                                  AND inbox.state = 'WAITING' AND settled_at IS NULL)",
            )
            .bind(order.id)
            .fetch_one(&world.pool)
            .await
            .unwrap();
            again.then_some(())
        })
        .await;

        world.retry(&order).await;
        world.until_shipped(&order).await;
        world.until_message(&order, "orders/updated", "DONE").await;
        assert_eq!(world.pieces_shipped(sku).await, 1);
    });
}

#[test]
fn a_parcel_and_a_cancel_that_reach_the_run_together_are_both_dealt_with() {
    let world = world::run(World::start(Plan::default()));
    world::run(async {
        let sku = "RUN-BOTH";
        world.stock(sku, 5).await;
        let behaviour =
            json!({"operation": "shipment", "sku": sku, "never": true, "deliverAfterMs": 600_000});
        world.wms_rule(behaviour).await;
        let order = Placed::new(SHOP, &[sku], 1);
        world.place(&order).await;
        world.until_order(&order, "status", &["PROCESSING"]).await;
        let reference = world.until_handed_over(sku, 1).await;
        // With no worker both wait at the server, and the run then sees them in one moment.
        world.kill(Program::Worker);
        world.warehouse_does(&reference, "ship").await;
        until("the callback is signalled", Duration::from_secs(30), async || {
            let kept = world.messages(&order).await;
            kept.iter().filter(|kept| kept.topic == "callback" && kept.state == "DONE").nth(1).map(drop)
        })
        .await;
        world.signal(&order.workflow(), "cancel", &[json!("too late")]).await;
        world.start_program(Program::Worker);
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.until_closed(&order.workflow()).await, WorkflowExecutionStatus::Completed);
        assert_eq!(world.available(sku).await, 4);
        assert_eq!(world.cancelled_in_shop_by_us(&order).await, 0);
    });
}

#[test]
fn a_retry_of_an_order_nobody_knows_is_refused() {
    let world = &*WORLD;
    world::run(async {
        for (id, status) in [("0190a0b0-1111-7000-8000-000000000001", 404), ("a%20b", 400)] {
            let path = world.api(&format!("/api/orders/{id}/retry"));
            let answer = world.http.post(path).send().await.unwrap();
            assert_eq!(answer.status(), status, "{id}");
            assert_eq!(answer.headers()["content-type"], "application/problem+json");
        }
    });
}

#[test]
fn an_order_that_was_parked_while_a_new_run_was_started_is_nobodys_any_more() {
    let world = &*WORLD;
    world::run(async {
        let sku = "RUN-FOUND";
        world.stock(sku, 0).await;
        let order = Placed::new(SHOP, &[sku], 1);
        world.place(&order).await;
        let known = world.until_order(&order, "condition", &["BACKORDERED"]).await;
        // What a sweeper writes that saw the old run's end, and came second.
        let parked = "WITH row AS (
                 INSERT INTO orders.attention (order_id, step, reason, has_run)
                 VALUES ($1, 'gate', 'RUN_GONE', false))
             UPDATE orders.orders SET condition = 'NEEDS_ATTENTION', condition_reason = 'RUN_GONE'
             WHERE order_id = $1";
        let id = known["orderId"].as_str().expect("an id");
        sqlx::query(parked).bind(id).execute(&world.pool).await.expect("the row is written");
        until("the sweeper finds the run", Duration::from_secs(60), async || {
            world.open_attention(&order).await.is_empty().then_some(())
        })
        .await;
        world.receive(sku, 1).await;
        world.until_shipped(&order).await;
    });
}

#[test]
fn a_story_that_goes_in_circles_fails_its_task_and_keeps_no_other_order_waiting() {
    world::run(async {
        let world = World::start(Plan { with_faults: true, ..Plan::default() }).await;
        world.restart_with(Program::Worker, "goes_in_circles");
        world.until_ready().await;
        world.stock("RUN-CIRCLES", 5).await;
        let orders = [(); 2].map(|()| Placed::new(SHOP, &["RUN-CIRCLES"], 1));
        for order in &orders {
            world.place(order).await;
            world.until_shipped(order).await;
            world.until_shop_notified(order, 1).await;
            until("its task fails", Duration::from_secs(30), async || {
                let failed =
                    world.history(&order.workflow()).await.into_iter().find_map(|event| {
                        match event.attributes {
                            Some(Attributes::WorkflowTaskFailedEventAttributes(failed)) => failed.failure,
                            _ => None,
                        }
                    })?;
                assert!(failed.message.contains("the story goes in circles"), "{}", failed.message);
                Some(())
            })
            .await;
        }
        // The next worker has no such fault.
        world.restart_with(Program::Worker, "");
        for order in &orders {
            assert_eq!(world.until_closed(&order.workflow()).await, WorkflowExecutionStatus::Completed);
        }
    });
}
