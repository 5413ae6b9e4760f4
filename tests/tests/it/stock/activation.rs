//! Who waits in a warehouse that takes nothing new, and whoever makes it active, meet.

use std::time::{Duration, Instant};

use domain::WarehouseId;
use inventory::{ReserveMode, ReserveOutcome, WarehouseChange};
use sqlx::PgPool;

use super::{CAUSE, books::audit, request, stocked};

fn active(active: bool) -> WarehouseChange {
    WarehouseChange { active: Some(active), ..WarehouseChange::default() }
}

async fn is_inactive(pool: &PgPool) {
    let mut tx = pool.begin().await.unwrap();
    inventory::change_warehouse(&mut tx, &WarehouseId::main(), &active(false), CAUSE).await.unwrap();
    tx.commit().await.unwrap();
}

/// Waits until somebody waits for a lock in this database.
async fn until_somebody_waits(pool: &PgPool) {
    let waits = "SELECT EXISTS (SELECT FROM pg_stat_activity
                                WHERE datname = current_database() AND wait_event_type = 'Lock')";
    let deadline = Instant::now() + Duration::from_secs(10);
    while !sqlx::query_scalar::<_, bool>(waits).fetch_one(pool).await.unwrap() {
        assert!(Instant::now() < deadline, "nobody waits");
    }
}

#[tokio::test]
async fn whoever_reserves_while_it_is_made_active_gets_what_is_there() {
    let pool = stocked(&[("a", 5)]).await;
    is_inactive(&pool).await;
    let mut making = pool.begin().await.unwrap();
    inventory::change_warehouse(&mut making, &WarehouseId::main(), &active(true), CAUSE).await.unwrap();
    let reserving = tokio::spawn({
        let pool = pool.clone();
        async move {
            super::try_reserve(&pool, &request("o", ReserveMode::WaitForTheRest, &[("a", 2)])).await.unwrap()
        }
    });
    until_somebody_waits(&pool).await;
    making.commit().await.unwrap();
    let ReserveOutcome::Reserved(made) = reserving.await.unwrap() else { panic!("not reserved") };
    assert_eq!((made.allocations.len(), made.outstanding()), (1, 2));
    audit(&pool).await;
}

#[tokio::test]
async fn whoever_joined_its_queue_a_moment_before_is_served_by_it() {
    let pool = stocked(&[("a", 5)]).await;
    is_inactive(&pool).await;
    let mut joining = pool.begin().await.unwrap();
    let request = request("o", ReserveMode::WaitForTheRest, &[("a", 2)]);
    let _ = inventory::reserve(&mut joining, &request, CAUSE).await.unwrap();
    let making = tokio::spawn({
        let pool = pool.clone();
        async move {
            let mut tx = pool.begin().await.unwrap();
            let changed = inventory::change_warehouse(&mut tx, &WarehouseId::main(), &active(true), CAUSE)
                .await
                .unwrap();
            tx.commit().await.unwrap();
            changed
        }
    });
    until_somebody_waits(&pool).await;
    joining.commit().await.unwrap();
    let (_, served) = making.await.unwrap();
    assert_eq!(served.len(), 1, "it is served");
    audit(&pool).await;
}
