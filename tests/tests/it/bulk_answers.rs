//! One answer to many parked steps.

use std::time::Duration;

use futures::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    cli::waybill,
    world::{self, APPROVING_SHOP, Placed, Plan, Program, SHOP, UNSEEN_SHOP, World, until},
};

async fn ask(world: &World, form: &Value) -> (StatusCode, Value) {
    let answer = world.http.post(world.api("/api/bulk-answers")).json(form).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

async fn stop(world: &World, id: &str, reason: &str) -> (StatusCode, Value) {
    let path = world.api(&format!("/api/bulk-answers/{id}/stop"));
    let answer = world.http.post(path).json(&json!({"reason": reason})).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

async fn read(world: &World, path: &str) -> Value {
    world.http.get(world.api(path)).send().await.unwrap().json().await.unwrap()
}

/// Orders of this shop that are parked on their hand-over.
async fn parked(world: &World, shop: &str, sku: &str, orders: usize) -> Vec<Placed> {
    world.stock(sku, 100).await;
    let refused = json!({"operation": "createShipment", "sku": sku, "code": "bad_address", "times": orders});
    world.wms_rule(refused).await;
    let orders: Vec<Placed> = (0..orders).map(|_| Placed::new(shop, &[sku], 1)).collect();
    join_all(orders.iter().map(|order| world.place(order))).await;
    join_all(orders.iter().map(|order| world.until_parked(order))).await;
    orders
}

#[test]
fn what_is_parked_for_one_reason_is_answered_at_once_and_each_order_is_reported() {
    world::run(async {
        let world = World::start(Plan::default()).await;
        let orders = parked(&world, SHOP, "BULK", 25).await;
        let others = parked(&world, UNSEEN_SHOP, "BULK-OTHERS", 2).await;
        let mut form = json!({"action": "retry", "reason": "the addresses are mended", "dryRun": true,
                              "where": {"step": "hand_over", "reason": "WMS_BAD_ADDRESS", "shop": SHOP}});
        let (status, meant) = ask(&world, &form).await;
        assert_eq!((status, &meant["orders"], &meant["bulkId"]), (StatusCode::OK, &json!(25), &Value::Null));
        assert_eq!(meant["first"].as_array().map(Vec::len), Some(25));
        assert_eq!(read(&world, "/api/bulk-answers").await, json!([]));

        // What parks after the dry run is not meant by it.
        let late = parked(&world, SHOP, "BULK-LATE", 1).await;
        form["dryRun"] = json!(false);
        form["expected"] = json!(25);
        let (status, body) = ask(&world, &form).await;
        assert_eq!(status, StatusCode::CONFLICT, "more than were named: {body}");
        form["upTo"] = meant["upTo"].clone();
        form["requestId"] = json!("monday");
        // Ten ask the same; the worker dies while it is done.
        let asked = join_all((0..10).map(|_| ask(&world, &form))).await;
        assert!(
            asked.iter().all(|(status, body)| *status == StatusCode::ACCEPTED && body["bulkId"] == "monday"),
            "{asked:?}"
        );
        world.kill(Program::Worker);
        world.start_program(Program::Worker);
        join_all(orders.iter().map(|order| world.until_shipped(order))).await;
        let bulk = until("it is finished", Duration::from_secs(30), async || {
            let bulk = read(&world, "/api/bulk-answers/monday").await;
            bulk["finishedAt"].is_string().then_some(bulk)
        })
        .await;
        assert_eq!((&bulk["orders"], &bulk["asked"]), (&json!(25), &json!(25)), "{bulk}");
        // An order may ship before it is noted that it was answered.
        let rows = until("each is said to be answered", Duration::from_secs(30), async || {
            let rows = read(&world, "/api/bulk-answers/monday/rows?limit=200").await;
            let is_answered = |row: &Value| row["outcome"] == "ANSWERED";
            rows.as_array().filter(|all| all.len() == 25 && all.iter().all(is_answered))?;
            Some(rows)
        })
        .await;
        assert_eq!(world.pieces_shipped("BULK").await, 25);
        let resolved = world.attention(&orders[0]).await;
        assert_eq!(
            (resolved.len(), resolved[0].resolve_reason.as_deref()),
            (1, Some("the addresses are mended"))
        );

        // Each is an act of whoever asked for them all.
        let number = read(&world, &format!("/api/orders/{}", rows[0]["orderNumber"].as_str().unwrap())).await;
        let acts =
            read(&world, &format!("/api/audit?orderId={}", number["orderNumber"].as_str().unwrap())).await;
        let told = ["kind", "reason", "detail"].map(|member| acts[0][member].clone());
        assert_eq!(
            json!(told),
            json!(["ORDER_RESOLVED", "the addresses are mended", "retry in bulk monday"]),
            "{acts}"
        );
        // Its id stands for no other one.
        form["action"] = json!("skip");
        let (status, body) = ask(&world, &form).await;
        assert_eq!((status, &body["field"]), (StatusCode::BAD_REQUEST, &json!("requestId")), "{body}");
        form["action"] = json!("retry");
        form["where"] = json!({"step": "hand_over"});
        assert_eq!(ask(&world, &form).await.0, StatusCode::BAD_REQUEST);

        // Those of another shop were not meant, nor who came later.
        for order in others.iter().chain(&late) {
            assert_eq!(world.open_attention(order).await.len(), 1);
        }
        let (status, body) = stop(&world, "monday", "too late").await;
        assert_eq!(status, StatusCode::CONFLICT, "nothing is left to stop: {body}");
        for (form, field) in [
            (json!({"action": "retry", "reason": "x", "where": {}}), "where"),
            (json!({"action": "done", "reason": "x", "where": {"step": "hand_over"}}), "action"),
            (json!({"action": "retry", "reason": "x", "where": {"step": "nothing"}}), "where.step"),
            (json!({"action": "retry", "reason": "x", "where": {"step": "gate"}, "upTo": 0}), "upTo"),
            (
                json!({"action": "retry", "reason": "x", "where": {"step": "gate"}, "expected": -1}),
                "expected",
            ),
            (json!({"action": "retry", "reason": "x", "where": {"reason": "no code"}}), "where.reason"),
        ] {
            let (status, body) = ask(&world, &form).await;
            assert_eq!((status, &body["field"]), (StatusCode::BAD_REQUEST, &json!(field)), "{body}");
        }
    });
}

#[test]
fn a_bulk_answer_that_is_stopped_asks_nobody_more() {
    world::run(async {
        let world = World::start(Plan::default()).await;
        let orders = parked(&world, SHOP, "BULK-STOP", 25).await;
        let form = json!({"action": "retry", "reason": "the addresses are mended", "requestId": "hasty",
                          "where": {"step": "hand_over", "reason": "WMS_BAD_ADDRESS"}});
        assert_eq!(ask(&world, &form).await.0, StatusCode::ACCEPTED);
        let (status, stopped) = stop(&world, "hasty", "the wrong list").await;
        assert_eq!(status, StatusCode::OK, "{stopped}");
        assert_eq!(stopped["stopReason"], "the wrong list");
        let (status, again) = stop(&world, "hasty", "once more").await;
        assert_eq!((status, &again["stoppedAt"]), (StatusCode::OK, &stopped["stoppedAt"]));
        let run =
            waybill(&world, &["attention", "stop", "hasty", "--reason", "to be sure"]).await.ended_well();
        assert_eq!(run.out(), "Who was not asked yet waits on as before.\n");
        // Its run ends by itself, and the sweeper begins no other.
        world.until_closed("bulk-answer/hasty").await;
        let bulk = read(&world, "/api/bulk-answers/hasty").await;
        let rows = read(&world, "/api/bulk-answers/hasty/rows?limit=200").await;
        let left = rows.as_array().unwrap().iter().filter(|row| row["outcome"] == "STOPPED").count();
        assert!(left >= 5, "ten a second are asked: {bulk}");
        assert_eq!(bulk["asked"].as_u64().map(|asked| asked as usize + left), Some(25), "{bulk}");
        let mut waiting = 0;
        for order in &orders {
            waiting += world.open_attention(order).await.len();
        }
        assert!(waiting >= left, "{waiting} wait, {left} were not asked");
        let acts = read(&world, "/api/audit?kind=BULK_ANSWER_STOPPED").await;
        assert_eq!(acts.as_array().map(Vec::len), Some(1), "{acts}");
        assert_eq!((&acts[0]["target"], &acts[0]["reason"]), (&json!("hasty"), &json!("the wrong list")));
        assert_eq!(stop(&world, "unknown", "x").await.0, StatusCode::NOT_FOUND);
        assert_eq!(stop(&world, "hasty", "").await.0, StatusCode::BAD_REQUEST);
    });
}

#[test]
fn what_waits_for_approval_is_approved_at_once_and_named_where_something_else_is_answered() {
    world::run(async {
        let world = &World::start(Plan::default()).await;
        world.stock("BULK-APPROVE", 10).await;
        let placed = |tags| Placed::new(APPROVING_SHOP, &["BULK-APPROVE"], 1).with("tags", json!(tags));
        let orders = [placed("gift, Check"), placed("Check")];
        for order in &orders {
            world.place(order).await;
        }
        for order in &orders {
            world.until_parked(order).await;
        }
        let mine: Vec<String> = {
            let mut numbers = Vec::new();
            for order in &orders {
                numbers.push(world.order(order).await["orderNumber"].as_str().expect("a number").to_owned());
            }
            numbers
        };
        let named = |taken: &Value, list: &str| {
            let rows = taken[list].as_array().expect("a list").clone();
            rows.into_iter()
                .filter(|row| mine.iter().any(|number| row["orderNumber"] == *number))
                .collect::<Vec<_>>()
        };
        let form = json!({"action": "retry", "reason": "x", "dryRun": true,
                              "where": {"reason": "APPROVAL", "shop": APPROVING_SHOP}});
        let (_, taken) = ask(world, &form).await;
        assert_eq!((&taken["orders"], named(&taken, "first").len()), (&json!(0), 0), "{taken}");
        let exceptions = named(&taken, "exceptions");
        assert_eq!(exceptions.len(), 2, "{taken}");
        assert_eq!(exceptions[0]["answers"], json!(["approve", "refuse"]));
        let overview = read(world, "/api/overview").await;
        let cause =
            overview["attention"].as_array().unwrap().iter().find(|cause| cause["reason"] == "APPROVAL");
        let cause = cause.expect("its cause");
        assert_eq!(cause["answers"], json!(["approve", "refuse"]), "{cause}");
        assert!(
            cause["shops"].as_array().unwrap().iter().any(|of_shop| of_shop["shop"] == APPROVING_SHOP),
            "{cause}"
        );

        // The same by the program: what a dry run named is bound by what it says, and nobody else is answered.
        let meant = format!("reason=approval,shop={APPROVING_SHOP}");
        let answer = async |action: &str, more: &[&str]| {
            let first = ["attention", "answer", action, "--where", &meant, "--reason", "known to us"];
            waybill(world, &[&first, more].concat()).await
        };
        let run = answer("retry", &["--dry-run"]).await.ended_well();
        assert!(
            run.out().contains("approve, refuse") && run.out().contains("None would be answered."),
            "{run:?}"
        );
        let run = answer("approve", &["--dry-run"]).await.ended_well();
        let bound = run.out().rsplit_once("For these and no others: ").expect("it says how").1;
        let bound: Vec<&str> = bound.split_whitespace().collect();
        let refused = answer("approve", &["--up-to", bound[1], "--expected", "0"]).await;
        assert_eq!(refused.code(), 1, "{refused:?}");
        answer("approve", &[&bound, ["--request-id", "approved"].as_slice()].concat()).await.ended_well();
        for order in &orders {
            world.until_shipped(order).await;
        }
    });
}
