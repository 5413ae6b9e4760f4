//! Counts among everything else that happens to stock, at random.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use domain::WarehouseId;
use inventory::{FulfilRequest, InventoryError, ReserveMode, TakenBack};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use sqlx::PgPool;
use tokio::sync::OwnedMutexGuard;

use super::{
    CAUSE,
    books::{audit, figures},
    crowd::at_once,
    order, pieces, receive, release, request, reserve, sku, stocked, try_reserve,
};

const SKUS: [&str; 3] = ["a", "b", "c"];
const WAREHOUSES: [&str; 2] = ["main", "north"];
/// Orders with ids of so many characters have handed theirs over: a count takes nothing from them.
const HANDED_OVER: usize = 4;

/// Orders, with the version of what each wants, and the lock that whoever changes one holds before any stock.
#[derive(Default)]
struct Orders {
    versions: Mutex<BTreeMap<String, u32>>,
    locks: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl Orders {
    async fn lock(&self, order: &str) -> OwnedMutexGuard<()> {
        let lock = self.locks.lock().unwrap().entry(order.to_owned()).or_default().clone();
        lock.lock_owned().await
    }
}

/// Counts a place, as whoever knows what was handed over does: what holds pieces there is locked before the place, and
/// what came between keeps its own.
async fn count(
    pool: &PgPool,
    name: &str,
    warehouse: &str,
    found: u64,
    (orders, handed): (&Orders, impl Fn(&str) -> bool),
) -> inventory::Counted {
    let (sku, warehouse) = (sku(name), WarehouseId::parse(warehouse).unwrap());
    let mut tx = pool.begin().await.unwrap();
    let seen = inventory::held_lines(&mut tx, &sku, &warehouse, None, None, 1_000).await.unwrap();
    let held: BTreeSet<String> = seen.iter().map(|line| line.order_id.to_string()).collect();
    let mut locked = Vec::new();
    for order in &held {
        locked.push(orders.lock(order).await);
    }
    let figures = inventory::lock_place(&mut tx, &sku, &warehouse).await.unwrap();
    let mut deficit = figures.reserved.saturating_sub(found);
    let mut taken_back = Vec::new();
    for line in inventory::held_lines(&mut tx, &sku, &warehouse, None, None, 1_000).await.unwrap() {
        let taken = line.held.min(deficit);
        if taken > 0 && held.contains(line.order_id.as_str()) && !handed(line.order_id.as_str()) {
            deficit -= taken;
            taken_back.push(TakenBack { from: line, pieces: taken });
        }
    }
    let counted =
        inventory::count(&mut tx, (&sku, &warehouse), found, &taken_back, "a count", CAUSE).await.unwrap();
    tx.commit().await.unwrap();
    counted
}

#[tokio::test]
async fn a_count_takes_from_the_youngest_and_the_oldest_is_served_first() {
    let pool = stocked(&[("a", 6)]).await;
    for id in ["first", "second", "third"] {
        reserve(&pool, id, ReserveMode::AllOrNothing, &[("a", 2)]).await;
    }
    let counted = count(&pool, "a", "main", 1, (&Orders::default(), |_: &str| false)).await;
    assert_eq!((counted.on_hand_before, counted.on_hand_after, counted.missing), (6, 1, 0));
    let lost: Vec<_> = counted.changed.iter().map(|c| (c.order_id.as_str(), c.changed_quantity)).collect();
    assert_eq!(lost, [("third", 2), ("second", 2), ("first", 1)]);
    reserve(&pool, "late", ReserveMode::WaitForTheRest, &[("a", 1)]).await;
    assert_eq!(figures(&pool, "a", "main").await, (1, 1, 6));
    audit(&pool).await;
    for (expected, complete) in [("first", true), ("second", false), ("second", true), ("third", false)] {
        let served = receive(&pool, "a", "main", 1).await.served;
        assert_eq!((served[0].order_id.as_str(), served[0].complete), (expected, complete));
    }
    // What is found besides serves as a receipt does, in the same order.
    let counted = count(&pool, "a", "main", 8, (&Orders::default(), |_: &str| false)).await;
    let served: Vec<_> = counted.served.iter().map(|order| order.order_id.as_str()).collect();
    assert_eq!(served, ["late", "third"]);
    assert_eq!(figures(&pool, "a", "main").await, (8, 7, 0));
    audit(&pool).await;
}

#[tokio::test]
async fn what_is_missing_is_booked_off_with_the_first_that_come_free_and_what_leaves_was_there() {
    let pool = stocked(&[("a", 4)]).await;
    for id in ["first", "second"] {
        reserve(&pool, id, ReserveMode::AllOrNothing, &[("a", 2)]).await;
    }
    let counted = count(&pool, "a", "main", 1, (&Orders::default(), |_: &str| true)).await;
    assert_eq!((counted.on_hand_after, counted.missing), (4, 3));
    reserve(&pool, "late", ReserveMode::WaitForTheRest, &[("a", 1)]).await;
    release(&pool, "second").await;
    assert_eq!(figures(&pool, "a", "main").await, (2, 2, 1), "nobody is served with what is not there");
    super::fulfil(&pool, "first", "parcel", &[("a", 2)]).await.unwrap();
    let missing: i64 =
        sqlx::query_scalar("SELECT missing FROM inventory.stock WHERE sku = 'a' AND warehouse = 'main'")
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!((figures(&pool, "a", "main").await, missing), ((0, 0, 1), 0));
    let served = receive(&pool, "a", "main", 1).await.served;
    assert_eq!(served[0].order_id.as_str(), "late");
    audit(&pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_random_edits_refunds_returns_and_counts_keep_the_books_right() {
    let pool = stocked(&[("a", 12), ("b", 6), ("c", 0)]).await;
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let (orders, ended) = (Arc::new(Orders::default()), AtomicBool::new(false));
    let crowd = async {
        at_once(8, |number| {
            let (pool, orders) = (pool.clone(), orders.clone());
            let mut random = StdRng::seed_from_u64(seed.wrapping_add(number as u64));
            async move {
                for step in 0..125 {
                    operate(&pool, &orders, &mut random, &format!("{number}-{step}")).await;
                }
            }
        })
        .await;
        ended.store(true, Ordering::Relaxed);
    };
    let auditor = async {
        while !ended.load(Ordering::Relaxed) {
            audit(&pool).await;
        }
    };
    tokio::join!(crowd, auditor);
    audit(&pool).await;
    let counts: i64 = sqlx::query_scalar("SELECT count(*) FROM inventory.movements WHERE reason = 'COUNT'")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert!(counts > 50, "{counts} movements of counts: the test tried too little");
}

async fn operate(pool: &PgPool, orders: &Orders, random: &mut StdRng, name: &str) {
    let (item, warehouse) = (SKUS[random.random_range(0..3)], WAREHOUSES[random.random_range(0..2)]);
    match random.random_range(0..10) {
        0..=2 => wish(pool, orders, random, name.to_owned()).await,
        // An edit: it wants something else; a refund: it wants less, or nothing.
        3..=4 => {
            if let Some(id) = any_order(orders, random) {
                wish(pool, orders, random, id).await;
            }
        }
        5 => {
            if let Some(id) = any_order(orders, random) {
                let _order = orders.lock(&id).await;
                release(pool, &id).await;
            }
        }
        6 => {
            if let Some(id) = any_order(orders, random) {
                let _order = orders.lock(&id).await;
                ship_something(pool, random, &id, name).await;
            }
        }
        7 => {
            let mut tx = pool.begin().await.unwrap();
            let back =
                [(sku(item), WarehouseId::parse(warehouse).unwrap(), pieces(random.random_range(1..4)))];
            inventory::take_back(&mut tx, &back, "a return", CAUSE).await.unwrap();
            tx.commit().await.unwrap();
        }
        8 => {
            receive(pool, item, warehouse, random.random_range(1..5)).await;
        }
        _ => {
            let found = random.random_range(0..20);
            count(pool, item, warehouse, found, (orders, |id: &str| id.len() == HANDED_OVER)).await;
        }
    }
}

fn any_order(orders: &Orders, random: &mut StdRng) -> Option<String> {
    let versions = orders.versions.lock().unwrap();
    let at = random.random_range(0..versions.len().max(1));
    versions.keys().nth(at).cloned()
}

/// An order wants something, at first or instead of what it wanted.
async fn wish(pool: &PgPool, orders: &Orders, random: &mut StdRng, id: String) {
    let lines: Vec<(&str, i64)> = (0..random.random_range(1..4))
        .map(|_| (SKUS[random.random_range(0..3)], random.random_range(1..4)))
        .collect();
    let mut request = request(&id, ReserveMode::WaitForTheRest, &lines);
    request.version = {
        let mut versions = orders.versions.lock().unwrap();
        let version = versions.entry(id.clone()).or_default();
        *version += 1;
        *version
    };
    let _order = orders.lock(&id).await;
    let _ = try_reserve(pool, &request).await.unwrap();
}

async fn ship_something(pool: &PgPool, random: &mut StdRng, id: &str, parcel: &str) {
    let mut conn = pool.acquire().await.unwrap();
    let seen = inventory::reservation(&mut conn, &order(id), 1.into()).await.unwrap();
    drop(conn);
    let Some(seen) = seen else { return };
    let held: Vec<_> = seen.allocations.iter().filter(|allocation| allocation.held() > 0).collect();
    if held.is_empty() {
        return;
    }
    let chosen = held[random.random_range(0..held.len())];
    let lines = vec![(chosen.sku.clone(), pieces(random.random_range(1..=chosen.held()) as i64))];
    let (warehouse, parcel_id) = (chosen.warehouse.clone(), parcel.to_owned());
    let request = FulfilRequest { order_id: order(id), epoch: 1.into(), warehouse, parcel_id, lines };
    let mut tx = pool.begin().await.unwrap();
    match inventory::fulfil(&mut tx, &request, CAUSE).await {
        Ok(_) => tx.commit().await.unwrap(),
        Err(InventoryError::MoreThanAllocated { .. }) => {}
        Err(error) => panic!("{error}"),
    }
}
