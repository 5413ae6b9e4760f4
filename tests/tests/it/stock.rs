//! Stock on a real PostgreSQL: what one order may do, what many may do at once.
#![allow(clippy::unwrap_used)]

mod activation;
pub(crate) mod allocations;
pub(crate) mod books;
mod counting;
pub(crate) mod crowd;
mod expiry;
mod figures;
mod following;

use domain::{LineId, OrderId, Quantity, Sku, WarehouseId};
use inventory::{
    AllocationStatus, DemandLine, FulfilRequest, Fulfilled, InventoryError, NewItem, Received, Released,
    Reservation, ReservationStatus, ReserveMode, ReserveOutcome, ReserveRequest, Shortage,
};
use serde_json::Value;
use sqlx::PgPool;

use books::{audit, figures};

use crate::world::database;

/// The correlation id of what these tests do.
pub(crate) const CAUSE: &str = "a test";

pub(crate) fn order(id: &str) -> OrderId {
    OrderId::parse(id).unwrap()
}

pub(crate) fn sku(name: &str) -> Sku {
    Sku::parse(name).unwrap()
}

pub(crate) fn pieces(pieces: i64) -> Quantity {
    Quantity::new(pieces).unwrap()
}

/// A request for `(sku, pieces)` per line; the lines are called 1, 2, 3…
pub(crate) fn request(id: &str, mode: ReserveMode, lines: &[(&str, i64)]) -> ReserveRequest {
    let lines = lines.iter().zip(1..).map(|((name, quantity), line)| DemandLine {
        line_id: LineId::parse(&format!("{line}")).unwrap(),
        sku: sku(name),
        quantity: pieces(*quantity),
    });
    ReserveRequest {
        order_id: order(id),
        epoch: 1.into(),
        lines: lines.collect(),
        placed: Vec::new(),
        pinned: Vec::new(),
        mode,
        preferred_warehouse: None,
        version: 1,
    }
}

pub(crate) async fn try_reserve(
    pool: &PgPool,
    request: &ReserveRequest,
) -> Result<ReserveOutcome, InventoryError> {
    let mut transaction = pool.begin().await?;
    let outcome = inventory::reserve(&mut transaction, request, CAUSE).await?;
    transaction.commit().await?;
    Ok(outcome)
}

pub(crate) async fn reserve(
    pool: &PgPool,
    id: &str,
    mode: ReserveMode,
    lines: &[(&str, i64)],
) -> Reservation {
    match try_reserve(pool, &request(id, mode, lines)).await.unwrap() {
        ReserveOutcome::Reserved(reservation) => reservation,
        other => panic!("not reserved: {other:?}"),
    }
}

pub(crate) async fn release(pool: &PgPool, id: &str) -> Released {
    let mut transaction = pool.begin().await.unwrap();
    let released = inventory::release(&mut transaction, &order(id), 1.into(), "test", CAUSE).await.unwrap();
    transaction.commit().await.unwrap();
    released
}

pub(crate) async fn receive(pool: &PgPool, name: &str, warehouse: &str, quantity: i64) -> Received {
    let mut transaction = pool.begin().await.unwrap();
    let warehouse = WarehouseId::parse(warehouse).unwrap();
    let quantity = pieces(quantity);
    let received =
        inventory::receive(&mut transaction, &sku(name), &warehouse, quantity, Some("delivery"), CAUSE)
            .await
            .unwrap();
    transaction.commit().await.unwrap();
    received
}

async fn fulfil(
    pool: &PgPool,
    id: &str,
    shipment: &str,
    lines: &[(&str, i64)],
) -> Result<Fulfilled, InventoryError> {
    let mut transaction = pool.begin().await?;
    let lines = lines.iter().map(|(name, quantity)| (sku(name), pieces(*quantity))).collect();
    let (warehouse, parcel_id) = (WarehouseId::main(), shipment.to_owned());
    let request = FulfilRequest { order_id: order(id), epoch: 1.into(), warehouse, parcel_id, lines };
    let fulfilled = inventory::fulfil(&mut transaction, &request, CAUSE).await?;
    transaction.commit().await?;
    Ok(fulfilled)
}

pub(crate) async fn create(pool: &PgPool, name: &str, quantity: u32) -> Result<(), InventoryError> {
    let mut transaction = pool.begin().await?;
    let (warehouse, unit_price) = (WarehouseId::main(), Some("29.90".parse().unwrap()));
    let item = NewItem { sku: sku(name), name: format!("Item {name}"), warehouse, quantity, unit_price };
    inventory::create_item(&mut transaction, &item, CAUSE).await?;
    transaction.commit().await?;
    Ok(())
}

/// Events of these kinds of aggregates in the order in which they are published: type and payload.
pub(crate) async fn announced(pool: &PgPool, kinds: &[&str]) -> Vec<(String, Value)> {
    sqlx::query_as(
        "SELECT event_type, payload FROM integration.outbox WHERE aggregate_type = ANY ($1) ORDER BY outbox_id",
    )
    .bind(kinds)
    .fetch_all(pool)
    .await
    .unwrap()
}

/// A database with these items in `main`, and a second, empty warehouse `north`.
pub(crate) async fn stocked(items: &[(&str, u32)]) -> PgPool {
    let pool = database().await;
    sqlx::query("INSERT INTO inventory.warehouses (warehouse_id, priority) VALUES ('north', 1)")
        .execute(&pool)
        .await
        .unwrap();
    for (name, quantity) in items {
        create(&pool, name, *quantity).await.unwrap();
    }
    pool
}

#[tokio::test]
async fn an_item_is_made_once_with_its_price_and_its_opening_stock() {
    let pool = stocked(&[("a", 5), ("none-yet", 0)]).await;
    let again = create(&pool, "a", 7).await;
    assert!(matches!(again, Err(InventoryError::ItemExists { sku }) if sku.as_str() == "a"));
    let mut conn = pool.acquire().await.unwrap();
    let item = inventory::item(&mut conn, &sku("a")).await.unwrap().unwrap();
    assert_eq!(item.unit_price.unwrap().to_string(), "29.90 EUR");
    assert_eq!(inventory::item(&mut conn, &sku("b")).await.unwrap(), None);
    assert_eq!(figures(&pool, "a", "main").await, (5, 0, 0));
    let unknown = inventory::availability(&mut conn, &sku("b")).await;
    assert!(matches!(unknown, Err(InventoryError::UnknownItem { .. })));
    audit(&pool).await;
}

#[tokio::test]
async fn what_is_not_known_cannot_be_received() {
    let pool = stocked(&[("a", 0)]).await;
    for (name, warehouse, expected) in
        [("b", "main", "item b is not known"), ("a", "moon", "warehouse moon is not known")]
    {
        let mut transaction = pool.begin().await.unwrap();
        let warehouse = WarehouseId::parse(warehouse).unwrap();
        let refused =
            inventory::receive(&mut transaction, &sku(name), &warehouse, pieces(1), None, CAUSE).await;
        assert_eq!(refused.unwrap_err().to_string(), expected);
    }
}

#[tokio::test]
async fn demand_of_one_sku_is_added_up_and_a_shortage_changes_nothing() {
    let pool = stocked(&[("a", 5)]).await;
    let asked = request("o", ReserveMode::AllOrNothing, &[("a", 3), ("a", 3)]);
    let short = Shortage { sku: sku("a"), requested: 6, available: 5 };
    assert_eq!(try_reserve(&pool, &asked).await.unwrap(), ReserveOutcome::Short(vec![short]));
    let strange = request("o", ReserveMode::WaitForTheRest, &[("a", 1), ("b", 1)]);
    let unknown = ReserveOutcome::UnknownSku(vec![LineId::parse("2").unwrap()]);
    assert_eq!(try_reserve(&pool, &strange).await.unwrap(), unknown);
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(inventory::latest_reservation(&mut conn, &order("o")).await.unwrap(), None);
    assert_eq!(figures(&pool, "a", "main").await, (5, 0, 0));
    let made = reserve(&pool, "o", ReserveMode::AllOrNothing, &[("a", 3), ("a", 2)]).await;
    let moved: Vec<_> =
        made.changed.iter().map(|c| (c.previous_available, c.new_available, c.new_reserved)).collect();
    assert_eq!(moved, [(5, 2, 3), (2, 0, 5)]);
    audit(&pool).await;
}

#[tokio::test]
async fn reserving_again_returns_what_is_there_whatever_is_asked() {
    let pool = stocked(&[("a", 5)]).await;
    let first = reserve(&pool, "o", ReserveMode::AllOrNothing, &[("a", 2)]).await;
    let again = reserve(&pool, "o", ReserveMode::AllOrNothing, &[("a", 99), ("nothing", 1)]).await;
    assert_eq!(again.allocations, first.allocations);
    assert_eq!((first.changed.len(), again.changed.len()), (1, 0));
    assert_eq!(figures(&pool, "a", "main").await, (5, 2, 0));
}

#[tokio::test]
async fn a_plan_may_take_from_several_warehouses() {
    let pool = stocked(&[("a", 2)]).await;
    receive(&pool, "a", "north", 2).await;
    let made = reserve(&pool, "o", ReserveMode::AllOrNothing, &[("a", 3)]).await;
    let places: Vec<_> = made.allocations.iter().map(|a| (a.warehouse.as_str(), a.quantity.get())).collect();
    assert_eq!(places, [("main", 2), ("north", 1)]);
    audit(&pool).await;
}

#[tokio::test]
async fn who_waits_is_served_before_a_newcomer_and_in_the_order_of_arrival() {
    let pool = stocked(&[("a", 1)]).await;
    let first = reserve(&pool, "first", ReserveMode::WaitForTheRest, &[("a", 3)]).await;
    assert_eq!((first.status, first.outstanding()), (ReservationStatus::Waiting, 3));
    assert_eq!(first.waiting[0].quantity, pieces(2));
    reserve(&pool, "second", ReserveMode::WaitForTheRest, &[("a", 2)]).await;

    let received = receive(&pool, "a", "main", 3).await;
    assert_eq!((received.availability.queued, received.availability.available), (1, 0));
    let served: Vec<_> = received.served.iter().map(|s| (s.order_id.as_str(), s.complete)).collect();
    assert_eq!(served, [("first", true), ("second", false)]);
    let change = &received.served[0].allocated[0];
    assert_eq!(change.allocation_id, first.allocations[0].allocation_id, "the line holds one allocation");
    assert_eq!((change.quantity.get(), change.changed_quantity), (3, 2));
    assert_eq!((change.previous_available, change.new_available), (0, 0), "what came is for those who wait");
    assert_eq!((change.previous_reserved, change.new_reserved), (1, 3));

    let newcomer = request("newcomer", ReserveMode::AllOrNothing, &[("a", 1)]);
    assert!(matches!(try_reserve(&pool, &newcomer).await.unwrap(), ReserveOutcome::Short(_)));
    audit(&pool).await;
}

#[tokio::test]
async fn what_is_released_goes_to_whoever_waits() {
    let pool = stocked(&[("a", 2), ("b", 1)]).await;
    reserve(&pool, "holder", ReserveMode::AllOrNothing, &[("a", 2), ("b", 1)]).await;
    reserve(&pool, "waiter", ReserveMode::ShipWhatIsThere, &[("a", 1), ("b", 1)]).await;
    let released = release(&pool, "holder").await;
    assert!(released.changed.iter().all(|change| change.status == AllocationStatus::Cancelled));
    let served: Vec<_> = released.served.iter().map(|s| (s.order_id.as_str(), s.complete)).collect();
    assert_eq!(served, [("waiter", true)]);
    assert_eq!(figures(&pool, "a", "main").await, (2, 1, 0));
    assert_eq!(release(&pool, "holder").await, Released::default(), "a second release changes nothing");
    audit(&pool).await;
}

#[tokio::test]
async fn who_waits_in_vain_leaves_the_queue_by_release() {
    let pool = stocked(&[("a", 0)]).await;
    reserve(&pool, "o", ReserveMode::WaitForTheRest, &[("a", 4)]).await;
    assert_eq!(figures(&pool, "a", "main").await, (0, 0, 4));
    assert_eq!(release(&pool, "o").await, Released::default());
    assert_eq!(figures(&pool, "a", "main").await, (0, 0, 0));
    assert_eq!(receive(&pool, "a", "main", 4).await.served, []);
}

#[tokio::test]
async fn what_is_released_before_it_is_reserved_holds_nothing_later() {
    let pool = stocked(&[("a", 1)]).await;
    assert_eq!(release(&pool, "o").await, Released::default());
    let late = reserve(&pool, "o", ReserveMode::AllOrNothing, &[("a", 1)]).await;
    assert_eq!((late.status, late.outstanding()), (ReservationStatus::Released, 0));
    assert_eq!(figures(&pool, "a", "main").await, (1, 0, 0));
}

#[tokio::test]
async fn a_shipment_is_booked_once_and_never_beyond_what_is_allocated() {
    let pool = stocked(&[("a", 5)]).await;
    reserve(&pool, "o", ReserveMode::AllOrNothing, &[("a", 1), ("a", 2)]).await;
    let part = fulfil(&pool, "o", "s-1", &[("a", 2)]).await.unwrap();
    assert_eq!((part.already, part.remaining, part.changed.len()), (false, 1, 2));
    let repeated = fulfil(&pool, "o", "s-1", &[("a", 2)]).await.unwrap();
    assert_eq!((repeated.already, repeated.remaining, repeated.changed.len()), (true, 1, 0));
    let beyond = fulfil(&pool, "o", "s-2", &[("a", 2)]).await;
    assert!(matches!(beyond, Err(InventoryError::MoreThanAllocated { requested: 2, allocated: 1, .. })));
    assert_eq!(figures(&pool, "a", "main").await, (3, 1, 0));
    assert_eq!(fulfil(&pool, "o", "s-3", &[("a", 1)]).await.unwrap().remaining, 0);
    let mut conn = pool.acquire().await.unwrap();
    let ended = inventory::latest_reservation(&mut conn, &order("o")).await.unwrap().unwrap();
    assert_eq!(ended.status, ReservationStatus::Fulfilled);
    assert_eq!(release(&pool, "o").await, Released::default());
    let unknown = fulfil(&pool, "nobody", "s-4", &[("a", 1)]).await;
    assert!(matches!(unknown, Err(InventoryError::UnknownReservation { epoch, .. }) if epoch.number() == 1));
    audit(&pool).await;
}

#[tokio::test]
async fn what_left_in_part_gives_back_only_the_rest() {
    let pool = stocked(&[("a", 5)]).await;
    reserve(&pool, "o", ReserveMode::AllOrNothing, &[("a", 3)]).await;
    fulfil(&pool, "o", "s-1", &[("a", 1)]).await.unwrap();
    assert_eq!(release(&pool, "o").await.changed[0].changed_quantity, 2);
    assert_eq!(figures(&pool, "a", "main").await, (4, 0, 0));
    audit(&pool).await;
}

#[tokio::test]
async fn movements_are_never_changed() {
    let pool = stocked(&[("a", 5)]).await;
    for change in ["UPDATE inventory.movements SET on_hand_change = 0", "DELETE FROM inventory.movements"] {
        let refused = sqlx::query(change).execute(&pool).await.unwrap_err().to_string();
        assert!(refused.contains("append only"), "{refused}");
    }
}
