//! Allocations of other services under real concurrency: many tasks, each on a connection of its own,
//! that start at the same moment. Any error of the database, a deadlock above all, fails these tests.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use domain::WarehouseId;
use inventory::{
    AllocateRequest, AllocationId, AllocationRecord, AllocationStatus, EXPIRED, InventoryError, ReserveMode,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sqlx::PgPool;

use crate::stock::allocations::{allocate, asked, expire, let_expire_in, listed, put, try_allocate};
use crate::stock::books::{audit, figures};
use crate::stock::crowd::at_once;
use crate::stock::{CAUSE, pieces, receive, release, request, sku, stocked, try_reserve};

/// One allocation of an order of its own.
async fn held(pool: &PgPool, order: &str, quantity: i64) -> AllocationId {
    let mut made = allocate(pool, order, &[("1", "a", quantity, "")]).await;
    made.allocations.remove(0).allocation.allocation_id
}

async fn now(pool: &PgPool, order: &str) -> AllocationRecord {
    listed(pool, order).await.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_confirms_at_once_one_changes_something_and_all_succeed() {
    let pool = stocked(&[("a", 5)]).await;
    let id = held(&pool, "o", 2).await;
    let changes = at_once(16, |_| {
        let (pool, id) = (pool.clone(), id.clone());
        async move {
            let news = put(&pool, &id, AllocationStatus::Confirmed).await.unwrap();
            assert_eq!(news.record.allocation.status, AllocationStatus::Confirmed);
            news.changed.len()
        }
    })
    .await;
    assert_eq!(changes.iter().sum::<usize>(), 1);
    assert_eq!(figures(&pool, "a", "main").await, (5, 2, 0));
    audit(&pool).await;
}

/// What somebody who was there at the moment of expiry came to.
enum Came {
    Confirmed(usize),
    TooLate,
    Swept(usize),
}

#[tokio::test(flavor = "multi_thread")]
async fn confirm_against_expiry_has_one_winner_whoever_comes_first() {
    let pool = stocked(&[("a", 100)]).await;
    for round in 0..30 {
        let order = format!("o-{round}");
        let id = held(&pool, &order, 2).await;
        // From surely over to surely not yet, with the moment of expiry in between.
        let_expire_in(&pool, &id, round - 10).await;
        let came = at_once(12, |number| {
            let (pool, id) = (pool.clone(), id.clone());
            async move {
                if number % 2 == 0 {
                    return Came::Swept(expire(&pool).await.changed.len());
                }
                match put(&pool, &id, AllocationStatus::Confirmed).await {
                    Ok(news) => Came::Confirmed(news.changed.len()),
                    Err(InventoryError::AllocationExpired) => Came::TooLate,
                    Err(error) => panic!("{error}"),
                }
            }
        })
        .await;
        let confirmed: usize = came.iter().map(|c| if let Came::Confirmed(n) = c { *n } else { 0 }).sum();
        let mut swept: usize = came.iter().map(|c| if let Came::Swept(n) = c { *n } else { 0 }).sum();
        let late = came.iter().filter(|c| matches!(c, Came::TooLate)).count();
        if confirmed == 0 && swept == 0 {
            assert_eq!(late, 6, "nobody did anything, so everybody was too late");
            swept += expire(&pool).await.changed.len();
        }
        assert_eq!(confirmed + swept, 1, "one winner, and one event");
        let status = now(&pool, &order).await.allocation;
        match status.status {
            AllocationStatus::Confirmed => assert_eq!(confirmed, 1),
            AllocationStatus::Cancelled => assert_eq!((swept, status.cause.as_deref()), (1, Some(EXPIRED))),
            other => panic!("{other:?}"),
        }
        audit(&pool).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_against_fulfil_has_one_winner_and_the_other_hears_what_it_became() {
    let pool = stocked(&[("a", 100)]).await;
    let mut gone = 0;
    for round in 0..15 {
        let order = format!("o-{round}");
        let id = held(&pool, &order, 3).await;
        put(&pool, &id, AllocationStatus::Confirmed).await.unwrap();
        let came = at_once(12, |number| {
            let (pool, id) = (pool.clone(), id.clone());
            let ends = [AllocationStatus::Cancelled, AllocationStatus::Fulfilled];
            let to = ends[(number + round) % 2];
            async move {
                match put(&pool, &id, to).await {
                    Ok(news) => (to, news.changed.len()),
                    Err(InventoryError::InvalidTransition { from, to: refused }) => {
                        assert_eq!(refused, to);
                        (from, 0)
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        })
        .await;
        let end = now(&pool, &order).await.allocation.status;
        assert!(came.iter().all(|(heard, _)| *heard == end), "{end:?}: {came:?}");
        assert_eq!(came.iter().map(|(_, changes)| changes).sum::<usize>(), 1);
        gone += if end == AllocationStatus::Fulfilled { 3 } else { 0 };
        assert_eq!(figures(&pool, "a", "main").await, (100 - gone, 0, 0));
        audit(&pool).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_that_allocate_the_last_seven_pieces_have_seven_winners() {
    let pool = stocked(&[("a", 4)]).await;
    receive(&pool, "a", "north", 3).await;
    let won = at_once(50, |number| {
        let pool = pool.clone();
        async move {
            let request = asked(&format!("o-{number}"), &[("1", "a", 1, "")]);
            match try_allocate(&pool, &request).await {
                Ok(made) => made.changed.len(),
                Err(InventoryError::NotEnough { requested: 1, available: 0, .. }) => 0,
                Err(error) => panic!("{error}"),
            }
        }
    })
    .await;
    assert_eq!(won.iter().sum::<usize>(), 7);
    assert_eq!(figures(&pool, "a", "main").await, (4, 4, 0));
    assert_eq!(figures(&pool, "a", "north").await, (3, 3, 0));
    audit(&pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_made_many_times_at_once_is_granted_once() {
    let pool = stocked(&[("a", 50), ("b", 50)]).await;
    let made = at_once(24, |number| {
        let pool = pool.clone();
        async move {
            let mut items = [("1", "a", 2, ""), ("2", "b", 3, "")];
            if number % 2 == 0 {
                items.reverse();
            }
            try_allocate(&pool, &asked("o", &items)).await.unwrap()
        }
    })
    .await;
    assert_eq!(made.iter().filter(|made| made.any_new).count(), 1);
    assert_eq!(made.iter().map(|made| made.changed.len()).sum::<usize>(), 2);
    assert_eq!(listed(&pool, "o").await.len(), 2);
    assert_eq!(
        (figures(&pool, "a", "main").await, figures(&pool, "b", "main").await),
        ((50, 2, 0), (50, 3, 0))
    );
    audit(&pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_order_item_asked_for_with_different_content_at_once_holds_one_of_them() {
    let pool = stocked(&[("a", 50), ("b", 50)]).await;
    let won = at_once(24, |number| {
        let pool = pool.clone();
        async move {
            let request = asked("o", &[("1", ["a", "b"][number % 2], 1, "")]);
            match try_allocate(&pool, &request).await {
                Ok(made) => made.changed.len(),
                Err(InventoryError::AllocationExists { .. }) => 0,
                Err(error) => panic!("{error}"),
            }
        }
    })
    .await;
    assert_eq!(won.iter().sum::<usize>(), 1);
    assert_eq!(listed(&pool, "o").await.len(), 1);
    audit(&pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bulk_requests_with_crossed_skus_do_not_block_each_other_and_take_whole_sets() {
    let pool = stocked(&[("a", 30), ("b", 20), ("c", 10)]).await;
    let changes = at_once(40, |number| {
        let pool = pool.clone();
        async move {
            let mut items = vec![("1", "a", 1, ""), ("2", "b", 1, ""), ("3", "c", 1, "")];
            items.rotate_left(number % 3);
            if number % 2 == 0 {
                items.reverse();
            }
            match try_allocate(&pool, &asked(&format!("o-{number}"), &items)).await {
                Ok(made) => made.changed.len(),
                Err(InventoryError::NotEnough { .. }) => 0,
                Err(error) => panic!("{error}"),
            }
        }
    })
    .await;
    assert_eq!(changes.iter().filter(|changes| **changes == 3).count(), 10, "as many as the last SKU has");
    assert_eq!(changes.iter().sum::<usize>(), 30);
    for (name, on_hand) in [("a", 30), ("b", 20), ("c", 10)] {
        assert_eq!(figures(&pool, name, "main").await, (on_hand, 10, 0));
    }
    audit(&pool).await;
}

const SKUS: [&str; 3] = ["a", "b", "c"];

#[tokio::test(flavor = "multi_thread")]
async fn services_orders_receipts_and_sweepers_together_keep_the_books_right_at_every_moment() {
    let pool = stocked(&[("a", 12), ("b", 6), ("c", 0)]).await;
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let (ended, audits) = (AtomicBool::new(false), AtomicU64::new(0));
    let crowd = async {
        at_once(16, |number| {
            let pool = pool.clone();
            let mut random = StdRng::seed_from_u64(seed.wrapping_add(number as u64));
            async move {
                for step in 0..40 {
                    operate(&pool, &mut random, &format!("{number}-{step}")).await;
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
    assert!(audits.into_inner() > 5, "the auditor looked too rarely");
    audit(&pool).await;
}

async fn operate(pool: &PgPool, random: &mut StdRng, name: &str) {
    match random.random_range(0..12) {
        0..=3 => allocate_something(pool, random).await,
        4..=6 => change_something(pool, random).await,
        7 => drop(expire(pool).await),
        8..=9 => {
            let modes = [ReserveMode::AllOrNothing, ReserveMode::WaitForTheRest];
            let lines = [(SKUS[random.random_range(0..3)], 2), (SKUS[random.random_range(0..3)], 1)];
            let _ =
                try_reserve(pool, &request(name, modes[random.random_range(0..2)], &lines)).await.unwrap();
            if random.random_bool(0.5) {
                release(pool, name).await;
            }
        }
        10 => {
            let warehouse = ["main", "north"][random.random_range(0..2)];
            receive(pool, SKUS[random.random_range(0..3)], warehouse, random.random_range(1..6)).await;
        }
        _ => {
            let mut transaction = pool.begin().await.unwrap();
            let (name, main) = (sku(SKUS[random.random_range(0..3)]), WarehouseId::main());
            match inventory::reduce(&mut transaction, &name, &main, pieces(1), "lost", CAUSE).await {
                Ok(_) => transaction.commit().await.unwrap(),
                Err(InventoryError::NotThatMuchThere { .. }) => transaction.rollback().await.unwrap(),
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// For one of few orders, so that requests meet; half of them expire within milliseconds.
async fn allocate_something(pool: &PgPool, random: &mut StdRng) {
    let items: Vec<(&str, &str, i64, &str)> = ["1", "2", "3"][..random.random_range(1..4)]
        .iter()
        .map(|item| {
            let warehouse = ["", "main", "north"][random.random_range(0..3)];
            (*item, SKUS[random.random_range(0..3)], random.random_range(1..4), warehouse)
        })
        .collect();
    let order = format!("service-{}", random.random_range(0..8));
    let soon = chrono::Utc::now() + chrono::TimeDelta::milliseconds(random.random_range(1..20));
    let expires_at = random.random_bool(0.5).then_some(soon);
    let request = AllocateRequest { expires_at, ..asked(&order, &items) };
    match try_allocate(pool, &request).await {
        Ok(made) => assert_eq!(made.allocations.len(), items.len()),
        Err(
            InventoryError::NotEnough { .. }
            | InventoryError::AllocationExists { .. }
            | InventoryError::ExpiryPassed,
        ) => {}
        Err(error) => panic!("{error}"),
    }
}

async fn change_something(pool: &PgPool, random: &mut StdRng) {
    let records = listed(pool, &format!("service-{}", random.random_range(0..8))).await;
    if records.is_empty() {
        return;
    }
    let id = &records[random.random_range(0..records.len())].allocation.allocation_id;
    let ends = [AllocationStatus::Confirmed, AllocationStatus::Cancelled, AllocationStatus::Fulfilled];
    match put(pool, id, ends[random.random_range(0..3)]).await {
        Ok(_) | Err(InventoryError::InvalidTransition { .. } | InventoryError::AllocationExpired) => {}
        Err(error) => panic!("{error}"),
    }
}
