//! The worker's sweeper, in a whole Waybill.

use chrono::{TimeDelta, Utc};
use inventory::AllocateRequest;

use super::allocations::{asked, listed, try_allocate};
use crate::{
    line::WORLD,
    world::{self, Placed, SHOP},
};

#[test]
fn an_order_that_waits_ships_with_what_another_service_did_not_confirm_in_time() {
    let world = &*WORLD;
    world::run(async {
        let (pool, sku) = (&world.pool, "EXPIRES-FOR-ORDER");
        world.stock(sku, 2).await;
        let expires_at = Some(Utc::now() + TimeDelta::seconds(3));
        let request = AllocateRequest { expires_at, ..asked("expires-for-order", &[("1", sku, 2, "")]) };
        try_allocate(pool, &request).await.unwrap();
        let waits = Placed::new(SHOP, &[sku], 2);
        world.place(&waits).await;
        world.until_shipped(&waits).await;
        let held = listed(pool, "expires-for-order").await.remove(0).allocation;
        assert_eq!(held.cause.as_deref(), Some(inventory::EXPIRED));
        let told: Vec<String> = sqlx::query_scalar(
            "SELECT event_type FROM integration.outbox
             WHERE aggregate_id = $1 AND payload ->> 'status' = 'CANCELLED' AND payload ? 'expiresAt'",
        )
        .bind(held.allocation_id.as_str())
        .fetch_all(pool)
        .await
        .unwrap();
        assert_eq!(told, ["AllocationCancelled"], "one event, of the sweeper's");
        assert_eq!(world.available(sku).await, 0);
    });
}
