//! One answer to many parked steps.

use std::time::Duration;

use futures::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::world::{self, Placed, Plan, Program, SHOP, UNSEEN_SHOP, World, until};

async fn ask(world: &World, form: &Value) -> (StatusCode, Value) {
    let answer = world.http.post(world.api("/api/bulk-answers")).json(form).send().await.unwrap();
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

        form["dryRun"] = json!(false);
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
        let rows = read(&world, "/api/bulk-answers/monday/rows?limit=200").await;
        let outcomes: Vec<&Value> = rows.as_array().unwrap().iter().map(|row| &row["outcome"]).collect();
        assert_eq!(outcomes, vec![&json!("ANSWERED"); 25], "{rows}");
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

        // Those of another shop were not meant.
        for order in &others {
            assert_eq!(world.open_attention(order).await.len(), 1);
        }
        for (form, field) in [
            (json!({"action": "retry", "reason": "x", "where": {}}), "where"),
            (json!({"action": "done", "reason": "x", "where": {"step": "hand_over"}}), "action"),
            (json!({"action": "retry", "reason": "x", "where": {"step": "nothing"}}), "where.step"),
            (json!({"action": "retry", "reason": "x", "where": {"reason": "no code"}}), "where.reason"),
        ] {
            let (status, body) = ask(&world, &form).await;
            assert_eq!((status, &body["field"]), (StatusCode::BAD_REQUEST, &json!(field)), "{body}");
        }
    });
}
