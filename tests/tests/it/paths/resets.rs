//! Orders whose workflow an operator resets, to each of its tasks: what was done is not done again, whatever the
//! run that is begun anew has forgotten.

use std::{sync::LazyLock, time::Duration};

use reqwest::StatusCode;
use serde_json::{Value, json};
use temporalio_client::WorkflowExecutionStatus;
use temporalio_common::protos::temporal::api::{
    enums::v1::ResetReapplyExcludeType, history::v1::history_event::Attributes,
};
use tokio::sync::Mutex;

use crate::{
    proof::assert_records_clean,
    world::{self, Placed, Plan, Program, SHOP, SPLITTING_SHOP, World, until},
};

/// A world of its own, as the checker looks at all of it.
static WORLD: LazyLock<World> = LazyLock::new(|| world::run(World::start(Plan::default())));

/// One test at a time, for the checker to find everything at rest.
static TURN: Mutex<()> = Mutex::const_new(());

/// The ends of a run's tasks: what it can be reset to.
async fn tasks(world: &World, id: &str) -> Vec<i64> {
    let events = world.history(id).await;
    let ends = events.iter().filter(|event| {
        matches!(event.attributes, Some(Attributes::WorkflowTaskCompletedEventAttributes(_)))
    });
    ends.map(|event| event.event_id).collect()
}

/// Everything left once: one hand-over of one parcel, one fulfilment in the shop, the stock booked once; and nobody is
/// asked about it.
async fn assert_shipped_once(world: &World, order: &Placed, sku: &str, pieces: u32, when: &str) {
    let shown = world.until_shipped(order).await;
    assert_eq!(world.references(sku).await.len(), 1, "{when}: it was handed over once");
    assert_eq!(world.wms_effects(sku, "shipmentShipped").await.len(), 1, "{when}: one parcel left");
    assert_eq!(world.pieces_shipped(sku).await, u64::from(pieces), "{when}");
    world.until_shop_notified(order, 1).await;
    let left = 10 - i64::from(pieces);
    assert_eq!((world.on_hand(sku).await, world.available(sku).await), (left, left), "{when}");
    assert_eq!(shown["condition"], Value::Null, "{when}: {shown}");
    let open = world.open_attention(order).await;
    assert!(open.is_empty(), "{when}: {open:?}");
}

#[test]
fn a_shipped_order_that_is_reset_to_any_of_its_tasks_ends_again_and_nothing_ships_twice() {
    let world = &*WORLD;
    world::run(async {
        let _turn = TURN.lock().await;
        let sku = "RESET-SHIPPED";
        world.stock(sku, 10).await;
        let order = Placed::new(SHOP, &[sku], 2);
        world.place(&order).await;
        world.until_order(&order, "status", &["DELIVERED"]).await;
        let id = order.workflow();
        world.until_closed(&id).await;
        let (run, tasks) = (world.newest_run(&id).await, tasks(world, &id).await);
        assert!(tasks.len() >= 5, "{tasks:?}");
        for task in tasks {
            let when = format!("reset to event {task}");
            world.reset(&id, &run, task, &[]).await;
            assert_eq!(world.until_closed(&id).await, WorkflowExecutionStatus::Completed, "{when}");
            assert_shipped_once(world, &order, sku, 2, &when).await;
            assert_eq!(world.order(&order).await["status"], "DELIVERED", "{when}");
        }
        assert!(world.attention(&order).await.is_empty(), "nobody was ever asked");
        assert_records_clean(world).await;
    });
}

#[test]
fn an_order_at_the_warehouse_that_is_reset_waits_there_again_and_ships_once() {
    let world = &*WORLD;
    world::run(async {
        let _turn = TURN.lock().await;
        let sku = "RESET-THERE";
        world.stock(sku, 10).await;
        world.wms_rule(json!({"operation": "shipment", "sku": sku, "never": true})).await;
        let order = Placed::new(SPLITTING_SHOP, &[sku], 2);
        world.place(&order).await;
        world.until_order(&order, "status", &["PROCESSING"]).await;
        let reference = world.until_handed_over(sku, 1).await;
        let id = order.workflow();
        let waits = async || {
            until(&format!("{id} waits for the warehouse"), Duration::from_secs(60), async || {
                let status = world.status(&id).await;
                // One that is begun anew from the start finds it handed over, and asks what became of it.
                let is_handed_over = status["ledger"]
                    .as_array()?
                    .iter()
                    .any(|entry| entry["step"] == "hand_over" && entry["state"] == "done");
                (is_handed_over && status["pendingCall"].is_null()).then_some(())
            })
            .await;
        };
        waits().await;
        let (run, tasks) = (world.newest_run(&id).await, tasks(world, &id).await);
        assert!(tasks.len() >= 3, "{tasks:?}");
        for task in tasks {
            world.reset(&id, &run, task, &[]).await;
            waits().await;
            assert_eq!(
                world.references(sku).await,
                std::slice::from_ref(&reference),
                "reset to event {task}"
            );
            assert_eq!((world.on_hand(sku).await, world.available(sku).await), (10, 8));
        }
        // What the warehouse says reaches whichever run goes by then.
        world.warehouse_does(&reference, "ship").await;
        assert_eq!(world.until_closed(&id).await, WorkflowExecutionStatus::Completed);
        assert_shipped_once(world, &order, sku, 2, "after all resets").await;
        assert_records_clean(world).await;
    });
}

#[test]
fn a_parked_order_that_is_reset_is_parked_again_until_a_person_answers() {
    let world = &*WORLD;
    world::run(async {
        let _turn = TURN.lock().await;
        let sku = "RESET-PARKED";
        world.stock(sku, 10).await;
        // As often as it is asked.
        world
            .wms_rule(json!({"operation": "createShipment", "sku": sku, "code": "bad_address", "times": 0}))
            .await;
        let order = Placed::new(SHOP, &[sku], 2);
        world.place(&order).await;
        assert_eq!(world.until_parked(&order).await, "WMS_BAD_ADDRESS");
        let id = order.workflow();
        let is_parked = async || {
            until(&format!("{id} is parked"), Duration::from_secs(60), async || {
                let is_so = world.status(&id).await["parked"]["reason"] == "WMS_BAD_ADDRESS"
                    && world.open_attention(&order).await.len() == 1;
                is_so.then_some(())
            })
            .await;
        };
        is_parked().await;
        let (run, tasks) = (world.newest_run(&id).await, tasks(world, &id).await);
        for task in tasks {
            world.reset(&id, &run, task, &[]).await;
            is_parked().await;
        }
        world.resolve(&order, json!({"action": "compensate", "reason": "no such street"})).await.unwrap();
        world.until_order(&order, "status", &["CANCELLED"]).await;
        assert_eq!(world.until_closed(&id).await, WorkflowExecutionStatus::Completed);
        assert_eq!((world.on_hand(sku).await, world.available(sku).await), (10, 10));
        assert!(world.open_attention(&order).await.is_empty());
        assert_records_clean(world).await;
    });
}

#[test]
fn a_parked_order_that_is_reset_after_the_cause_was_mended_is_asked_of_nobody_any_more() {
    let world = &*WORLD;
    world::run(async {
        let _turn = TURN.lock().await;
        let [at_warehouse, at_shop] = ["RESET-MENDED", "RESET-MENDED-SHOP"];
        let refused = json!({"operation": "createShipment", "sku": at_warehouse, "code": "bad_address"});
        world.wms_rule(refused).await;
        // A fulfilment is tried once more after the shop's fulfilment orders were read anew.
        let refused = json!({"operation": "fulfillmentCreate", "sku": at_shop, "times": 2,
                             "userErrors": [{"field": ["fulfillment"], "message": "Not today."}]});
        world.shopify_rule(refused).await;
        for sku in [at_warehouse, at_shop] {
            world.stock(sku, 10).await;
            let order = Placed::new(SHOP, &[sku], 1);
            world.place(&order).await;
            world.until_parked(&order).await;
            let id = order.workflow();
            until(&format!("{id} is parked"), Duration::from_secs(60), async || {
                world.status(&id).await["parked"].is_object().then_some(())
            })
            .await;
            // To before the step that is parked: it is done again.
            let tasks = tasks(world, &id).await;
            world.reset(&id, &world.newest_run(&id).await, tasks[tasks.len() - 2], &[]).await;
            assert_eq!(world.until_closed(&id).await, WorkflowExecutionStatus::Completed);
            assert_shipped_once(world, &order, sku, 1, sku).await;
            let row = world.attention(&order).await.remove(0);
            let answer = (row.resolution.as_deref(), row.resolved_by.as_deref());
            assert_eq!(answer, (Some("retry"), Some("waybill")));
            assert_eq!(row.resolve_reason.as_deref(), Some("its run was reset"));
        }
        assert_records_clean(world).await;
    });
}

#[test]
fn an_order_that_was_answered_and_shipped_ends_again_whichever_task_it_is_reset_to() {
    let world = &*WORLD;
    world::run(async {
        let _turn = TURN.lock().await;
        let sku = "RESET-ANSWERED";
        world.stock(sku, 10).await;
        world.wms_rule(json!({"operation": "createShipment", "sku": sku, "code": "bad_address"})).await;
        let order = Placed::new(SHOP, &[sku], 1);
        world.place(&order).await;
        world.until_parked(&order).await;
        let id = order.workflow();
        // The server gives what it took of Updates to the new run as well, where nothing is parked any more.
        world.resolve(&order, json!("retry")).await.expect("it is parked");
        world.until_order(&order, "status", &["DELIVERED"]).await;
        world.until_closed(&id).await;
        let (run, tasks) = (world.newest_run(&id).await, tasks(world, &id).await);
        for task in tasks {
            let when = format!("reset to event {task}");
            world.reset(&id, &run, task, &[]).await;
            assert_eq!(world.until_closed(&id).await, WorkflowExecutionStatus::Completed, "{when}");
            assert_shipped_once(world, &order, sku, 1, &when).await;
        }
        assert_records_clean(world).await;
    });
}

#[test]
fn a_cancelled_order_that_is_reset_to_any_of_its_tasks_stays_cancelled() {
    let world = &*WORLD;
    world::run(async {
        let _turn = TURN.lock().await;
        // By a signal while it waits for stock, and by an Update when it is at the warehouse.
        let [waiting, there] = ["RESET-CANCELLED", "RESET-RECALLED"];
        world.stock(waiting, 1).await;
        world.stock(there, 10).await;
        world.wms_rule(json!({"operation": "shipment", "sku": there, "never": true})).await;
        let orders =
            [(waiting, Placed::new(SHOP, &[waiting], 2)), (there, Placed::new(SPLITTING_SHOP, &[there], 2))];
        for (_, order) in &orders {
            world.place(order).await;
        }
        world.until_order(&orders[0].1, "condition", &["BACKORDERED"]).await;
        world.signal(&orders[0].1.workflow(), "cancel", &[json!("changed my mind")]).await;
        world.until_order(&orders[1].1, "status", &["PROCESSING"]).await;
        world
            .update(&orders[1].1.workflow(), "cancel-order", World::cancel_request("operator"))
            .await
            .unwrap();
        for (sku, order) in &orders {
            let id = order.workflow();
            assert_eq!(world.until_closed(&id).await, WorkflowExecutionStatus::Completed);
            let stock = (world.on_hand(sku).await, world.available(sku).await);
            assert_eq!(stock.0, stock.1, "nothing of {sku} is held");
            let (run, tasks) = (world.newest_run(&id).await, tasks(world, &id).await);
            for task in tasks {
                let when = format!("{sku} reset to event {task}");
                world.reset(&id, &run, task, &[]).await;
                assert_eq!(world.until_closed(&id).await, WorkflowExecutionStatus::Completed, "{when}");
                assert_eq!(world.order(order).await["status"], "CANCELLED", "{when}");
                assert_eq!((world.on_hand(sku).await, world.available(sku).await), stock, "{when}");
                assert_eq!(world.cancelled_in_shop_by_us(order).await, 1, "{when}");
                assert_eq!(world.pieces_shipped(sku).await, 0, "{when}");
                assert!(world.open_attention(order).await.is_empty(), "{when}");
            }
        }
        assert_eq!(world.references(there).await.len(), 1, "it was handed over once");
        assert_records_clean(world).await;
    });
}

#[test]
fn a_run_that_was_kept_from_what_the_warehouse_said_ends_when_it_is_made_to_look() {
    let world = &*WORLD;
    world::run(async {
        let _turn = TURN.lock().await;
        let sku = "RESET-DEAF";
        world.stock(sku, 10).await;
        let order = Placed::new(SHOP, &[sku], 1);
        world.place(&order).await;
        world.until_order(&order, "status", &["DELIVERED"]).await;
        let id = order.workflow();
        world.until_closed(&id).await;
        // The first task after the hand-over; nothing that was signalled since is given to the new run.
        let events = world.history(&id).await;
        let signal = events
            .iter()
            .position(|event| {
                matches!(event.attributes, Some(Attributes::WorkflowExecutionSignaledEventAttributes(_)))
            })
            .expect("the parcel left");
        let before = tasks(world, &id).await.into_iter().filter(|task| *task < events[signal].event_id);
        let task = before.max().expect("a task before the signal");
        let run = world.newest_run(&id).await;
        world.reset(&id, &run, task, &[ResetReapplyExcludeType::Signal]).await;
        let waits = async || {
            until("it waits for the warehouse", Duration::from_secs(60), async || {
                let status = world.status(&id).await;
                (status["pendingCall"].is_null() && status["ledger"].as_array()?.len() >= 2).then_some(())
            })
            .await;
        };
        waits().await;
        assert_eq!(world.run_status(&id).await, Some(WorkflowExecutionStatus::Running));
        world.signal(&id, "retry", &[]).await;
        assert_eq!(world.until_closed(&id).await, WorkflowExecutionStatus::Completed);
        assert_shipped_once(world, &order, sku, 1, "after it looked").await;
        assert_records_clean(world).await;
    });
}

#[test]
fn a_command_that_nobody_had_answered_when_its_run_was_reset_reaches_the_new_one() {
    let world = world::run(World::start(Plan::default()));
    world::run(async {
        let sku = "RESET-UNANSWERED";
        world.stock(sku, 1).await;
        let order = Placed::new(SHOP, &[sku], 2);
        world.place(&order).await;
        let known = world.until_order(&order, "condition", &["BACKORDERED"]).await;
        let id = order.workflow();
        let first_task = until("its first task has ended", Duration::from_secs(30), async || {
            tasks(&world, &id).await.first().copied()
        })
        .await;
        // With no worker the server keeps the Update for the run, and lets go of it with the run.
        world.kill(Program::Worker);
        let path = format!("/api/orders/{}/cancel", known["orderId"].as_str().expect("an id"));
        let (answer, _) = tokio::join!(world.http.post(world.api(&path)).send(), async {
            until("the command is kept", Duration::from_secs(30), async || {
                let kept: i64 =
                    sqlx::query_scalar("SELECT count(*) FROM integration.inbox WHERE topic = 'cancel'")
                        .fetch_one(&world.pool)
                        .await
                        .ok()?;
                (kept == 1).then_some(())
            })
            .await;
            world.reset(&id, &world.newest_run(&id).await, first_task, &[]).await;
        });
        assert_eq!(answer.expect("the API answers").status(), StatusCode::ACCEPTED);
        world.start_program(Program::Worker);
        world.until_order(&order, "status", &["CANCELLED"]).await;
        assert_eq!(world.until_closed(&id).await, WorkflowExecutionStatus::Completed);
        assert_eq!(world.available(sku).await, 1);
        assert_records_clean(&world).await;
    });
}
