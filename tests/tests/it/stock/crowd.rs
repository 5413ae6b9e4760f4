//! Many at once. Any error of the database, a deadlock above all, fails these tests.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use domain::WarehouseId;
use inventory::{FulfilRequest, InventoryError, ReserveMode, ReserveOutcome};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sqlx::{PgConnection, PgPool};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::books::{audit, figures, granted_and_waiting};
use super::{CAUSE, order, pieces, receive, release, request, sku, stocked, try_reserve};

/// Runs the same work with numbers from 0 at the same moment, each on a connection of its own.
pub(crate) async fn at_once<F, T>(many: usize, work: impl Fn(usize) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let start = Arc::new(Barrier::new(many));
    let mut tasks = JoinSet::new();
    for number in 0..many {
        let (start, work) = (start.clone(), work(number));
        tasks.spawn(async move {
            start.wait().await;
            work.await
        });
    }
    tasks.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_buyers_of_one_piece_have_one_winner() {
    let pool = stocked(&[("a", 1)]).await;
    let outcomes = at_once(64, |buyer| {
        let pool = pool.clone();
        async move {
            let request = request(&format!("buyer-{buyer}"), ReserveMode::AllOrNothing, &[("a", 1)]);
            try_reserve(&pool, &request).await.unwrap()
        }
    })
    .await;
    let winners = outcomes.iter().filter(|o| matches!(o, ReserveOutcome::Reserved(_))).count();
    let losers = outcomes.iter().filter(|o| matches!(o, ReserveOutcome::Short(_))).count();
    assert_eq!((winners, losers), (1, 63));
    assert_eq!(figures(&pool, "a", "main").await, (1, 1, 0));
    audit(&pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_order_reserved_by_many_at_once_is_reserved_once() {
    let pool = stocked(&[("a", 50)]).await;
    let changes = at_once(16, |_| {
        let pool = pool.clone();
        async move {
            let request = request("o", ReserveMode::AllOrNothing, &[("a", 2)]);
            match try_reserve(&pool, &request).await.unwrap() {
                ReserveOutcome::Reserved(made) => (made.allocations.len(), made.changed.len()),
                other => panic!("{other:?}"),
            }
        }
    })
    .await;
    assert!(changes.iter().all(|(allocations, _)| *allocations == 1), "{changes:?}");
    assert_eq!(changes.iter().map(|(_, changed)| changed).sum::<usize>(), 1);
    assert_eq!(figures(&pool, "a", "main").await, (50, 2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_released_while_it_is_reserved_holds_nothing_in_the_end() {
    let pool = stocked(&[("a", 1_000)]).await;
    at_once(40, |number| {
        let pool = pool.clone();
        async move {
            let id = format!("o-{}", number / 2);
            if number % 2 == 0 {
                let request = request(&id, ReserveMode::AllOrNothing, &[("a", 1)]);
                let _ = try_reserve(&pool, &request).await.unwrap();
            } else {
                release(&pool, &id).await;
            }
        }
    })
    .await;
    assert_eq!(figures(&pool, "a", "main").await, (1_000, 0, 0));
    audit(&pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_ask_in_opposite_order_do_not_block_each_other() {
    let pool = stocked(&[("a", 1_000), ("b", 1_000), ("c", 3)]).await;
    at_once(40, |number| {
        let pool = pool.clone();
        async move {
            let mut lines = vec![("a", 1), ("b", 1), ("c", 1)];
            if number % 2 == 0 {
                lines.reverse();
            }
            let id = format!("o-{number}");
            let _ = try_reserve(&pool, &request(&id, ReserveMode::WaitForTheRest, &lines)).await.unwrap();
            release(&pool, &id).await;
        }
    })
    .await;
    assert_eq!(figures(&pool, "c", "main").await, (3, 0, 0));
    audit(&pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_served_in_two_places_at_once_is_complete_after_both() {
    let pool = stocked(&[("a", 0), ("b", 0)]).await;
    let _ =
        try_reserve(&pool, &request("o", ReserveMode::WaitForTheRest, &[("a", 1), ("b", 1)])).await.unwrap();
    let mut first = pool.begin().await.unwrap();
    let main = WarehouseId::main();
    inventory::receive(&mut first, &sku("a"), &main, pieces(1), None, CAUSE).await.unwrap();
    let mut second = pool.begin().await.unwrap();
    let second = tokio::spawn(async move {
        let main = WarehouseId::main();
        let received =
            inventory::receive(&mut second, &sku("b"), &main, pieces(1), None, CAUSE).await.unwrap();
        (second, received)
    });
    // The second has to wait for the first; one that does not is done instead, and wrong.
    let waits = "SELECT EXISTS (SELECT FROM pg_stat_activity
                                WHERE datname = current_database() AND wait_event_type = 'Lock')";
    let deadline = Instant::now() + Duration::from_secs(10);
    while !second.is_finished() && !sqlx::query_scalar::<_, bool>(waits).fetch_one(&pool).await.unwrap() {
        assert!(Instant::now() < deadline, "the second receipt neither waits nor ends");
    }
    first.commit().await.unwrap();
    let (second, received) = second.await.unwrap();
    second.commit().await.unwrap();
    assert!(received.served[0].complete);
    audit(&pool).await;
}

const SKUS: [&str; 3] = ["a", "b", "c"];
const WAREHOUSES: [&str; 2] = ["main", "north"];

/// The orders that asked, with the pieces they asked for.
type Asked = Mutex<BTreeMap<String, i64>>;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_random_operations_keep_the_books_right_at_every_moment() {
    let pool = stocked(&[("a", 12), ("b", 6), ("c", 0)]).await;
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let (asked, ended, audits) = (Arc::new(Asked::default()), AtomicBool::new(false), AtomicU64::new(0));
    let crowd = async {
        at_once(16, |number| {
            let (pool, asked) = (pool.clone(), asked.clone());
            let mut random = StdRng::seed_from_u64(seed.wrapping_add(number as u64));
            async move {
                for step in 0..63 {
                    operate(&pool, &asked, &mut random, &format!("{number}-{step}")).await;
                }
            }
        })
        .await;
        ended.store(true, Ordering::Relaxed);
    };
    let auditor = async {
        while !ended.load(Ordering::Relaxed) {
            audit(&pool).await;
            audits.fetch_add(1, Ordering::Relaxed);
        }
    };
    tokio::join!(crowd, auditor);
    assert!(audits.into_inner() > 10, "the auditor looked too rarely");
    audit(&pool).await;
    every_order_has_what_it_asked_for_or_nothing(&pool, &asked).await;
}

async fn operate(pool: &PgPool, asked: &Asked, random: &mut StdRng, name: &str) {
    match random.random_range(0..10) {
        0..=4 => reserve_something(pool, asked, random, name).await,
        5..=6 => {
            if let Some(id) = any_order(asked, random) {
                release(pool, &id).await;
            }
        }
        7..=8 => {
            if let Some(id) = any_order(asked, random) {
                fulfil_something(pool, random, &id, name).await;
            }
        }
        _ => {
            let warehouse = WAREHOUSES[random.random_range(0..2)];
            receive(pool, SKUS[random.random_range(0..3)], warehouse, random.random_range(1..8)).await;
        }
    }
}

fn any_order(asked: &Asked, random: &mut StdRng) -> Option<String> {
    let asked = asked.lock().unwrap();
    let at = random.random_range(0..asked.len().max(1));
    asked.keys().nth(at).cloned()
}

/// Reserves a new order; one in eight is rolled back, and one in eight asked for twice.
async fn reserve_something(pool: &PgPool, asked: &Asked, random: &mut StdRng, id: &str) {
    let modes = [ReserveMode::AllOrNothing, ReserveMode::WaitForTheRest, ReserveMode::ShipWhatIsThere];
    let lines: Vec<(&str, i64)> = (0..random.random_range(1..5))
        .map(|_| (SKUS[random.random_range(0..3)], random.random_range(1..4)))
        .collect();
    let mut request = request(id, modes[random.random_range(0..3)], &lines);
    if random.random_bool(0.5) {
        let warehouse = WAREHOUSES[random.random_range(0..2)];
        request.preferred_warehouse = Some(warehouse.to_owned().try_into().unwrap());
    }
    let fate = random.random_range(0..8);
    if fate == 0 {
        let mut transaction = pool.begin().await.unwrap();
        let _ = inventory::reserve(&mut transaction, &request, CAUSE).await.unwrap();
        return transaction.rollback().await.unwrap();
    }
    if let ReserveOutcome::Reserved(made) = try_reserve(pool, &request).await.unwrap() {
        let total = lines.iter().map(|(_, quantity)| quantity).sum();
        assert_eq!(made.outstanding(), u64::try_from(total).unwrap());
        asked.lock().unwrap().insert(id.to_owned(), total);
    }
    if fate == 1 {
        let _ = try_reserve(pool, &request).await.unwrap();
    }
}

/// Ships a part of something the order holds, twice; the release that comes between is allowed.
async fn fulfil_something(pool: &PgPool, random: &mut StdRng, id: &str, shipment: &str) {
    let mut conn = pool.acquire().await.unwrap();
    let seen = inventory::reservation(&mut conn, &order(id), 1.into()).await.unwrap();
    let Some(seen) = seen.filter(|seen| seen.allocations.iter().any(|a| a.held() > 0)) else { return };
    let held: Vec<_> = seen.allocations.iter().filter(|a| a.held() > 0).collect();
    let chosen = held[random.random_range(0..held.len())];
    let lines = vec![(chosen.sku.clone(), pieces(random.random_range(1..=chosen.held()) as i64))];
    let (warehouse, parcel_id) = (chosen.warehouse.clone(), shipment.to_owned());
    let request = FulfilRequest { order_id: order(id), epoch: 1.into(), warehouse, parcel_id, lines };
    for repeated in [false, true] {
        match fulfil_once(&mut conn, &request).await {
            Ok(already) => assert_eq!(already, repeated),
            Err(InventoryError::MoreThanAllocated { .. }) => return,
            Err(error) => panic!("{error}"),
        }
    }
}

async fn fulfil_once(conn: &mut PgConnection, request: &FulfilRequest) -> Result<bool, InventoryError> {
    let mut transaction = sqlx::Connection::begin(conn).await?;
    let fulfilled = inventory::fulfil(&mut transaction, request, CAUSE).await?;
    transaction.commit().await?;
    Ok(fulfilled.already)
}

async fn every_order_has_what_it_asked_for_or_nothing(pool: &PgPool, asked: &Asked) {
    let asked = asked.lock().unwrap().clone();
    let mut conn = pool.acquire().await.unwrap();
    for (id, total) in asked {
        let made = inventory::latest_reservation(&mut conn, &order(&id)).await.unwrap().unwrap();
        if made.status != inventory::ReservationStatus::Released {
            let (granted, waiting) = granted_and_waiting(&mut conn, &id).await;
            assert_eq!(granted + waiting, total, "{id}");
        }
    }
}
