//! Many hands in the same stock at once: edits, refunds, returns, counts and goods received, drawn from a seed. At rest
//! the books add up, by the checker and by what was counted, received and shipped outside of them.
//!
//! `WAYBILL_STOCK_ACTS` says how many acts, `WAYBILL_STOCK_ACTS_SEED` from which seed.

mod hands;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use futures::future::join_all;
use serde_json::json;

use self::hands::{Done, Hands};
use super::{PLACES, assert_clean, rest::until_rest, stories::number};
use crate::world::{self, Plan, World};

/// Acts of `make test`; `make soak` has five times as many.
const ACTS: usize = 200;
/// Their seed.
const SEED: u64 = 20_261_127;
/// How long after the last act everything must have come to its end.
const PATIENCE: Duration = Duration::from_secs(90);
/// People at work at once.
const HANDS: usize = 8;
/// What they all take from: an item, and pieces of it in the first warehouse and in the second.
const STOCK: [(&str, u32, u32); 4] = [
    ("TURMOIL-PLENTY", 200, 50),
    ("TURMOIL-SLOW", 60, 20),
    ("TURMOIL-PARTS", 60, 0),
    ("TURMOIL-SCARCE", 8, 4),
];

/// Transactions after which more is reserved in a place than is there, or less than nothing of either.
const IMPOSSIBLE: &str = "
SELECT format('%s in %s: after movement %s (%s) %s are on hand and %s reserved', sku, warehouse, movement_id, reason,
              on_hand, reserved)
FROM (SELECT movement_id, sku, warehouse, reason, sum(on_hand_change) OVER so_far AS on_hand,
             sum(reserved_change) OVER so_far AS reserved, lead(at) OVER so_far IS DISTINCT FROM at AS is_last
      FROM inventory.movements WINDOW so_far AS (PARTITION BY sku, warehouse ORDER BY movement_id)) AS balance
WHERE is_last AND (on_hand < 0 OR reserved NOT BETWEEN 0 AND on_hand)";

/// Allocations whose pieces are not those that their movements reserved, gave back and took out.
const ALLOCATED: &str = "
SELECT format('order %s holds %s of %s in %s, and its movements say %s', order_id, held, sku, warehouse, moved)
FROM (SELECT order_id, sku, warehouse, COALESCE(a.held, 0) AS held, COALESCE(m.moved, 0) AS moved
      FROM (SELECT order_id, sku, warehouse, sum(quantity - fulfilled_quantity) AS held FROM inventory.allocations
            WHERE status IN ('PENDING', 'CONFIRMED') GROUP BY order_id, sku, warehouse) AS a
      FULL JOIN (SELECT order_id, sku, warehouse, sum(reserved_change) AS moved FROM inventory.movements
                 WHERE order_id IS NOT NULL GROUP BY order_id, sku, warehouse) AS m
          USING (order_id, sku, warehouse)) AS each
WHERE held <> moved";

/// Pieces that came back by the books of stock, and by those of orders.
const CAME_BACK: &str = "
SELECT (SELECT COALESCE(sum(on_hand_change), 0)::bigint FROM inventory.movements WHERE reason = 'RETURN' AND sku = $1),
       (SELECT COALESCE(sum(restocked.quantity), 0)::bigint
        FROM orders.restocked JOIN orders.lines USING (order_id, line_id) WHERE sku = $1)";

/// What is wrong with the books, by queries of this test's own.
async fn wrong(world: &World, sku: &str, done: &Done) -> Vec<String> {
    let mut wrong = Vec::new();
    let on_hand = world.on_hand(sku).await;
    let (moved, kept): (i64, i64) =
        sqlx::query_as(CAME_BACK).bind(sku).fetch_one(&world.pool).await.expect("what came back is read");
    if moved != kept {
        wrong.push(format!("{sku}: {moved} came back by its movements, {kept} by its orders"));
    }
    let shipped = i64::try_from(world.pieces_shipped(sku).await).expect("a number of pieces");
    let put_in = done.put_in.get(sku).copied().unwrap_or_default();
    if on_hand != put_in + moved - shipped {
        wrong.push(format!(
            "{sku}: {on_hand} on hand; {put_in} were put in by goods and counts, {moved} came back, {shipped} left"
        ));
    }
    if moved > shipped {
        wrong.push(format!("{sku}: {moved} came back and {shipped} left"));
    }
    wrong
}

async fn all_wrong(world: &World, done: &Done) -> Vec<String> {
    let mut found = Vec::new();
    for (sku, _, _) in STOCK {
        found.extend(wrong(world, sku, done).await);
    }
    for rule in [IMPOSSIBLE, ALLOCATED] {
        let broken = sqlx::query_scalar::<_, String>(rule).fetch_all(&world.pool).await;
        found.extend(broken.expect("the books are read"));
    }
    found
}

#[test]
fn stock_adds_up_after_whatever_many_hands_edit_refund_return_and_count() {
    let (acts, seed) = (number("WAYBILL_STOCK_ACTS", ACTS), number("WAYBILL_STOCK_ACTS_SEED", SEED));
    world::run(async {
        let _place = PLACES.acquire().await;
        let world = World::start(Plan::default()).await;
        println!("{acts} acts, seed {seed}");
        let mut done = Done::default();
        set_up(&world, &mut done).await;
        let started = Instant::now();
        let hands = (0..HANDS).map(|number| {
            let share = acts / HANDS + usize::from(number < acts % HANDS);
            Hands::new(&world, STOCK.map(|(sku, _, _)| sku), seed, number).work(share)
        });
        for of_one in join_all(hands).await {
            done.add(of_one);
        }
        println!("{:?} in {:?}", done.counts, started.elapsed());
        for kind in ["edit", "refund", "return", "count"] {
            let did: usize =
                done.counts.iter().filter(|(name, _)| name.starts_with(kind)).map(|(_, count)| count).sum();
            assert!(did > acts / 40, "{did} of {acts} acts were a {kind}: {:?}", done.counts);
        }
        let deadline = Instant::now() + PATIENCE;
        let found = loop {
            until_rest(&world, |_| true).await;
            let found = all_wrong(&world, &done).await;
            // What left a moment ago is booked soon.
            if found.is_empty() || Instant::now() > deadline {
                break found;
            }
        };
        println!("at rest after {:?}", started.elapsed());
        assert!(found.is_empty(), "seed {seed}, {acts} acts:\n  {}", found.join("\n  "));
        assert_clean(&world).await;
    });
}

/// The items, each with its own pace at the warehouse.
async fn set_up(world: &World, done: &mut Done) {
    sqlx::query("INSERT INTO inventory.warehouses VALUES ('far', 900) ON CONFLICT DO NOTHING")
        .execute(&world.pool)
        .await
        .expect("there is a second warehouse");
    let paces = BTreeMap::from([
        ("TURMOIL-SLOW", json!({"shipAfterMs": 2500})),
        ("TURMOIL-PARTS", json!({"parts": [1, 1, 1], "shipAfterMs": 800})),
        ("TURMOIL-SCARCE", json!({"shipAfterMs": 800, "tooLate": true})),
    ]);
    for (sku, main, far) in STOCK {
        world.stock(sku, main).await;
        if far > 0 {
            let path = world.api(&format!("/api/inventory/{sku}/receive"));
            let delivery = json!({"quantity": far, "warehouseId": "far"});
            let answer = world.http.post(path).json(&delivery).send().await.expect("the API answers");
            assert_eq!(answer.status(), 200);
        }
        done.put_in.insert(sku.to_owned(), i64::from(main + far));
        if let Some(mut rule) = paces.get(sku).cloned() {
            (rule["operation"], rule["sku"], rule["times"]) = (json!("shipment"), json!(sku), json!(0));
            world.wms_rule(rule).await;
        }
    }
}
