//! A reservation follows what its order wants: what is wanted no more is given back at once, a line keeps
//! its place in the queue, and what is at a warehouse stays.

use domain::WarehouseId;
use inventory::{
    AllocationStatus, Pinned, PlacedLine, Reservation, ReservationStatus, ReserveMode, ReserveOutcome,
};
use sqlx::PgPool;

use super::{
    books::{audit, figures},
    crowd::at_once,
    receive, request, reserve, stocked, try_reserve,
};

/// The order wants this now, in this version of its wish.
async fn wants(pool: &PgPool, id: &str, version: u32, lines: &[(&str, i64)]) -> Reservation {
    let wish = inventory::ReserveRequest { version, ..request(id, ReserveMode::WaitForTheRest, lines) };
    match try_reserve(pool, &wish).await.unwrap() {
        ReserveOutcome::Reserved(reservation) => reservation,
        other => panic!("not reserved: {other:?}"),
    }
}

fn held(reservation: &Reservation) -> u64 {
    reservation.allocations.iter().map(inventory::Allocation::held).sum()
}

#[tokio::test]
async fn pieces_wanted_no_more_are_free_at_once_and_serve_whoever_waits() {
    let pool = stocked(&[("TEA", 5)]).await;
    reserve(&pool, "first", ReserveMode::WaitForTheRest, &[("TEA", 5)]).await;
    reserve(&pool, "second", ReserveMode::WaitForTheRest, &[("TEA", 2)]).await;
    let lessened = wants(&pool, "first", 2, &[("TEA", 2)]).await;
    assert_eq!((held(&lessened), lessened.status), (2, ReservationStatus::Complete));
    assert_eq!(lessened.served.len(), 1);
    assert_eq!(figures(&pool, "TEA", "main").await, (5, 4, 0));
    audit(&pool).await;
}

#[tokio::test]
async fn an_older_wish_and_the_same_once_more_change_nothing() {
    let pool = stocked(&[("TEA", 9)]).await;
    reserve(&pool, "one", ReserveMode::WaitForTheRest, &[("TEA", 5)]).await;
    assert_eq!(held(&wants(&pool, "one", 3, &[("TEA", 2)]).await), 2);
    assert_eq!(held(&wants(&pool, "one", 3, &[("TEA", 9)]).await), 2);
    assert_eq!(held(&wants(&pool, "one", 2, &[("TEA", 9)]).await), 2);
    assert_eq!(figures(&pool, "TEA", "main").await, (9, 2, 0));
    audit(&pool).await;
}

#[tokio::test]
async fn a_line_keeps_its_place_in_the_queue_and_what_is_wanted_besides_joins_at_the_end() {
    let pool = stocked(&[("TEA", 0)]).await;
    reserve(&pool, "first", ReserveMode::WaitForTheRest, &[("TEA", 3)]).await;
    reserve(&pool, "second", ReserveMode::WaitForTheRest, &[("TEA", 2)]).await;
    // One fewer at first: its place stays. Then two more: those come after the second order.
    wants(&pool, "first", 2, &[("TEA", 2)]).await;
    wants(&pool, "first", 3, &[("TEA", 4)]).await;
    receive(&pool, "TEA", "main", 2).await;
    assert_eq!(held(&wants(&pool, "first", 3, &[("TEA", 4)]).await), 2);
    receive(&pool, "TEA", "main", 2).await;
    assert_eq!(held(&wants(&pool, "second", 1, &[("TEA", 2)]).await), 2);
    receive(&pool, "TEA", "main", 2).await;
    let whole = wants(&pool, "first", 3, &[("TEA", 4)]).await;
    assert_eq!((held(&whole), whole.status), (4, ReservationStatus::Complete));
    audit(&pool).await;
}

#[tokio::test]
async fn what_is_wanted_no_more_leaves_the_end_of_the_queue_and_the_first_place_stays() {
    let pool = stocked(&[("TEA", 0)]).await;
    reserve(&pool, "first", ReserveMode::WaitForTheRest, &[("TEA", 2)]).await;
    reserve(&pool, "second", ReserveMode::WaitForTheRest, &[("TEA", 2)]).await;
    wants(&pool, "first", 2, &[("TEA", 4)]).await;
    wants(&pool, "first", 3, &[("TEA", 2)]).await;
    let received = receive(&pool, "TEA", "main", 2).await;
    let [served] = &received.served[..] else { panic!("one order: {received:?}") };
    assert_eq!((served.order_id.as_str(), served.complete), ("first", true));
    assert_eq!(figures(&pool, "TEA", "main").await, (2, 2, 2));
    audit(&pool).await;
}

#[tokio::test]
async fn a_line_that_waits_twice_is_served_for_both_at_once() {
    let pool = stocked(&[("TEA", 0)]).await;
    reserve(&pool, "one", ReserveMode::WaitForTheRest, &[("TEA", 2)]).await;
    wants(&pool, "one", 2, &[("TEA", 4)]).await;
    let received = receive(&pool, "TEA", "main", 6).await;
    let [served] = &received.served[..] else { panic!("one order: {received:?}") };
    assert_eq!((served.complete, served.allocated.len()), (true, 1));
    let whole = wants(&pool, "one", 2, &[("TEA", 4)]).await;
    assert_eq!((held(&whole), whole.status), (4, ReservationStatus::Complete));
    assert_eq!(figures(&pool, "TEA", "main").await, (6, 4, 0));
    audit(&pool).await;
}

#[tokio::test]
async fn what_is_held_is_kept_before_what_is_waited_for() {
    let pool = stocked(&[("TEA", 2)]).await;
    reserve(&pool, "first", ReserveMode::WaitForTheRest, &[("TEA", 2)]).await;
    reserve(&pool, "second", ReserveMode::WaitForTheRest, &[("TEA", 2)]).await;
    // Two more, which come after the second order, and then none of them.
    wants(&pool, "first", 2, &[("TEA", 4)]).await;
    let first = wants(&pool, "first", 3, &[("TEA", 2)]).await;
    assert_eq!((held(&first), first.status), (2, ReservationStatus::Complete));
    assert!(first.changed.is_empty() && first.served.is_empty(), "{first:?}");
    assert_eq!(figures(&pool, "TEA", "main").await, (2, 2, 2));
    audit(&pool).await;
}

#[tokio::test]
async fn a_line_that_waits_in_two_warehouses_is_served_in_each_for_itself() {
    let pool = stocked(&[("TEA", 1)]).await;
    receive(&pool, "TEA", "north", 1).await;
    let in_both = |id: &str| {
        let mut wish = request(id, ReserveMode::WaitForTheRest, &[("TEA", 1)]);
        let line = wish.lines.remove(0);
        let place = |at: &str| PlacedLine { warehouse: WarehouseId::parse(at).unwrap(), line: line.clone() };
        wish.placed = vec![place("main"), place("north")];
        wish
    };
    let _reserved = try_reserve(&pool, &in_both("first")).await.unwrap();
    let _reserved = try_reserve(&pool, &in_both("second")).await.unwrap();
    assert_eq!(figures(&pool, "TEA", "north").await, (1, 1, 1));
    let released = super::release(&pool, "first").await;
    let [served] = &released.served[..] else { panic!("one order: {released:?}") };
    assert_eq!((served.complete, served.allocated.len()), (true, 2));
    for at in ["main", "north"] {
        assert_eq!(figures(&pool, "TEA", at).await, (1, 1, 0), "{at}");
    }
    audit(&pool).await;
}

#[tokio::test]
async fn what_an_order_gives_back_is_told_as_available_though_it_waited_for_more() {
    let pool = stocked(&[("TEA", 3), ("MILK", 3)]).await;
    reserve(&pool, "one", ReserveMode::WaitForTheRest, &[("TEA", 5)]).await;
    reserve(&pool, "two", ReserveMode::WaitForTheRest, &[("MILK", 5)]).await;
    wants(&pool, "one", 2, &[("TEA", 1)]).await;
    super::release(&pool, "two").await;
    let events = super::announced(&pool, &["Allocation"]).await;
    let last = |sku: &str| {
        let of_sku = events.iter().rfind(|(_, said)| said["sku"] == sku).unwrap();
        of_sku.1["inventoryItemDetails"]["newAvailableQuantity"].as_u64()
    };
    assert_eq!((last("TEA"), last("MILK")), (Some(2), Some(3)));
    audit(&pool).await;
}

#[tokio::test]
async fn a_wish_that_was_short_is_still_open_and_is_granted_when_it_is_asked_for_again() {
    let pool = stocked(&[("TEA", 2)]).await;
    let wish = |version: u32, pieces: i64| inventory::ReserveRequest {
        version,
        ..request("one", ReserveMode::AllOrNothing, &[("TEA", pieces)])
    };
    let _reserved = try_reserve(&pool, &wish(1, 2)).await.unwrap();
    let short = try_reserve(&pool, &wish(2, 5)).await.unwrap();
    assert!(matches!(short, ReserveOutcome::Short(_)), "{short:?}");
    assert_eq!(figures(&pool, "TEA", "main").await, (2, 2, 0), "what it has it keeps");
    receive(&pool, "TEA", "main", 3).await;
    let granted = try_reserve(&pool, &wish(2, 5)).await.unwrap();
    assert!(matches!(&granted, ReserveOutcome::Reserved(now) if held(now) == 5), "{granted:?}");
    audit(&pool).await;
}

#[tokio::test]
async fn what_is_given_back_of_a_line_that_left_in_part_is_cancelled_and_what_left_stays_left() {
    let pool = stocked(&[("TEA", 3), ("MILK", 2)]).await;
    let mut wish = request("one", ReserveMode::WaitForTheRest, &[("TEA", 3), ("MILK", 2)]);
    let _reserved = try_reserve(&pool, &wish).await.unwrap();
    super::fulfil(&pool, "one", "a parcel", &[("TEA", 1)]).await.unwrap();
    wish.lines.remove(0);
    wish.version = 2;
    let ReserveOutcome::Reserved(now) = try_reserve(&pool, &wish).await.unwrap() else { panic!("reserved") };
    let tea = now.allocations.iter().find(|held| held.sku.as_str() == "TEA").unwrap();
    assert_eq!((tea.status, tea.fulfilled_quantity, tea.held()), (AllocationStatus::Cancelled, 1, 0));
    assert_eq!(tea.cause.as_deref(), Some("not wanted any more"));
    assert_eq!((held(&now), now.status), (2, ReservationStatus::Complete));
    assert_eq!(figures(&pool, "TEA", "main").await, (2, 0, 0));
    audit(&pool).await;
}

#[tokio::test]
async fn another_item_is_held_as_the_first_is_given_back() {
    let pool = stocked(&[("TEA", 3), ("MILK", 3)]).await;
    reserve(&pool, "one", ReserveMode::WaitForTheRest, &[("TEA", 2)]).await;
    assert_eq!(held(&wants(&pool, "one", 2, &[("MILK", 1)]).await), 1);
    assert_eq!(figures(&pool, "TEA", "main").await, (3, 0, 0));
    assert_eq!(figures(&pool, "MILK", "main").await, (3, 1, 0));
    let nothing_known = inventory::ReserveRequest {
        version: 3,
        ..request("one", ReserveMode::WaitForTheRest, &[("SALT", 1)])
    };
    let unknown = try_reserve(&pool, &nothing_known).await.unwrap();
    assert!(matches!(unknown, ReserveOutcome::UnknownSku(_)), "{unknown:?}");
    assert_eq!(figures(&pool, "MILK", "main").await, (3, 1, 0));
    audit(&pool).await;
}

#[tokio::test]
async fn a_line_moves_to_the_warehouse_that_is_named_and_what_is_pinned_stays() {
    let pool = stocked(&[("TEA", 5)]).await;
    receive(&pool, "TEA", "north", 5).await;
    reserve(&pool, "one", ReserveMode::WaitForTheRest, &[("TEA", 3)]).await;
    let north = WarehouseId::parse("north").unwrap();
    let mut moved = request("one", ReserveMode::WaitForTheRest, &[("TEA", 3)]);
    let line = moved.lines.remove(0);
    let line_id = line.line_id.clone();
    moved.placed = vec![PlacedLine { warehouse: north, line }];
    moved.version = 2;
    // Two are with the first warehouse already.
    moved.pinned = vec![Pinned { line_id, warehouse: WarehouseId::main(), pieces: 2 }];
    assert!(matches!(try_reserve(&pool, &moved).await.unwrap(), ReserveOutcome::Reserved(_)));
    assert_eq!(figures(&pool, "TEA", "main").await, (5, 2, 0));
    assert_eq!(figures(&pool, "TEA", "north").await, (5, 1, 0));
    moved.pinned.clear();
    moved.version = 3;
    assert!(matches!(try_reserve(&pool, &moved).await.unwrap(), ReserveOutcome::Reserved(_)));
    assert_eq!(figures(&pool, "TEA", "main").await, (5, 0, 0));
    assert_eq!(figures(&pool, "TEA", "north").await, (5, 3, 0));
    audit(&pool).await;
}

#[tokio::test]
async fn of_many_wishes_at_once_the_newest_counts_and_the_books_stay_right() {
    let pool = stocked(&[("TEA", 20), ("MILK", 20)]).await;
    reserve(&pool, "one", ReserveMode::WaitForTheRest, &[("TEA", 1)]).await;
    at_once(16, |number| {
        let pool = pool.clone();
        async move {
            let version = u32::try_from(number).unwrap() + 2;
            let pieces = i64::from(version % 5) + 1;
            wants(&pool, "one", version, &[("TEA", pieces), ("MILK", 6 - pieces)]).await
        }
    })
    .await;
    let rests = wants(&pool, "one", 17, &[("TEA", 1)]).await;
    // 17 % 5 + 1
    assert_eq!(held(&rests), 6);
    assert_eq!(figures(&pool, "TEA", "main").await, (20, 3, 0));
    assert_eq!(figures(&pool, "MILK", "main").await, (20, 3, 0));
    audit(&pool).await;
}
