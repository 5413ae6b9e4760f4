//! What another service may do with stock it holds for a while.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{LineId, WarehouseId};
use inventory::{
    AllocateItem, AllocateRequest, Allocated, AllocationId, AllocationRecord, AllocationStatus,
    AllocationTransition, EXPIRED, Expired, Holder, InventoryError, Owner, ReserveMode,
};
use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::books::{audit, figures};
use super::{CAUSE, announced, order, pieces, receive, request, reserve, sku, stocked, try_reserve};

/// Somebody who holds stock beside our own orders.
pub(crate) fn another_system() -> Holder {
    serde_json::from_value(json!(7)).unwrap()
}

/// A request for `(order item, sku, pieces, warehouse or "")` each.
pub(crate) fn asked(id: &str, items: &[(&str, &str, i64, &str)]) -> AllocateRequest {
    let items = items.iter().map(|(item, name, quantity, warehouse)| AllocateItem {
        order_item: LineId::parse(item).unwrap(),
        sku: sku(name),
        quantity: pieces(*quantity),
        warehouse: (!warehouse.is_empty()).then(|| WarehouseId::parse(warehouse).unwrap()),
    });
    AllocateRequest {
        holder: another_system(),
        order_id: order(id),
        items: items.collect(),
        expires_at: None,
    }
}

pub(crate) async fn try_allocate(
    pool: &PgPool,
    request: &AllocateRequest,
) -> Result<Allocated, InventoryError> {
    let mut transaction = pool.begin().await?;
    let allocated = inventory::allocate(&mut transaction, request, CAUSE).await?;
    transaction.commit().await?;
    Ok(allocated)
}

pub(crate) async fn allocate(pool: &PgPool, id: &str, items: &[(&str, &str, i64, &str)]) -> Allocated {
    try_allocate(pool, &asked(id, items)).await.unwrap()
}

/// One order item's allocation.
async fn one(pool: &PgPool, id: &str, item: &str, name: &str, quantity: i64) -> AllocationRecord {
    allocate(pool, id, &[(item, name, quantity, "")]).await.allocations.remove(0)
}

/// Moves an allocation to a status.
pub(crate) async fn put(
    pool: &PgPool,
    id: &AllocationId,
    to: AllocationStatus,
) -> Result<AllocationTransition, InventoryError> {
    let mut transaction = pool.begin().await?;
    let conn: &mut PgConnection = &mut transaction;
    let news = inventory::change_allocation(conn, id, Some(another_system()), to, CAUSE).await?;
    transaction.commit().await?;
    Ok(news)
}

pub(crate) async fn expire(pool: &PgPool) -> Expired {
    let mut transaction = pool.begin().await.unwrap();
    let expired = inventory::expire_due(&mut transaction, 100, CAUSE).await.unwrap();
    transaction.commit().await.unwrap();
    expired
}

/// Lets the time of an allocation be over in so many milliseconds, or since so many if negative.
pub(crate) async fn let_expire_in(pool: &PgPool, id: &AllocationId, milliseconds: i64) {
    sqlx::query(
        "UPDATE inventory.allocations SET expires_at = clock_timestamp() + $2 * interval '1 millisecond'
         WHERE allocation_id = $1",
    )
    .bind(id.as_str())
    .bind(milliseconds)
    .execute(pool)
    .await
    .unwrap();
}

pub(crate) async fn listed(pool: &PgPool, id: &str) -> Vec<AllocationRecord> {
    let mut conn = pool.acquire().await.unwrap();
    inventory::allocations_of_order(&mut conn, &order(id), None).await.unwrap()
}

async fn database_time(pool: &PgPool) -> DateTime<Utc> {
    sqlx::query_scalar("SELECT now()").fetch_one(pool).await.unwrap()
}

/// The movements' reasons, oldest first.
async fn reasons(pool: &PgPool, name: &str) -> Vec<String> {
    sqlx::query_scalar("SELECT reason FROM inventory.movements WHERE sku = $1 ORDER BY movement_id")
        .bind(name)
        .fetch_all(pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn an_allocation_is_pending_for_fifteen_minutes_or_until_the_time_asked_for() {
    let pool = stocked(&[("a", 5)]).await;
    let before = database_time(&pool).await;
    let made = allocate(&pool, "o", &[("1", "a", 2, "")]).await;
    let after = database_time(&pool).await;
    let [record] = &made.allocations[..] else { panic!("{made:?}") };
    assert_eq!((record.owner, record.allocation.status), (Owner::Service, AllocationStatus::Pending));
    let fifteen = TimeDelta::minutes(15);
    assert!((before + fifteen..=after + fifteen).contains(&record.expires_at.unwrap()));
    let [change] = &made.changed[..] else { panic!("{made:?}") };
    assert_eq!((change.previous_available, change.new_available, change.new_reserved), (5, 3, 2));
    let [(event, payload)] = &announced(&pool, &["Allocation"]).await[..] else { panic!("one event") };
    assert_eq!(event, "AllocationCreated");
    let told: DateTime<Utc> = serde_json::from_value(payload["expiresAt"].clone()).unwrap();
    assert_eq!(Some(told), record.expires_at);

    let expires_at = Some(after + TimeDelta::days(2));
    let request = AllocateRequest { expires_at, ..asked("o", &[("2", "a", 1, "")]) };
    let until = try_allocate(&pool, &request).await.unwrap().allocations[0].expires_at;
    assert_eq!(until, expires_at);
    let request = AllocateRequest { expires_at: Some(before), ..asked("o", &[("3", "a", 1, "")]) };
    assert!(matches!(try_allocate(&pool, &request).await, Err(InventoryError::ExpiryPassed)));
    assert_eq!(figures(&pool, "a", "main").await, (5, 3, 0));
    audit(&pool).await;
}

#[tokio::test]
async fn asking_again_for_an_order_item_is_answered_with_the_allocation_it_has() {
    use AllocationStatus::{Confirmed, Fulfilled};
    let pool = stocked(&[("a", 9), ("b", 9)]).await;
    receive(&pool, "a", "north", 9).await;
    let first = one(&pool, "o", "1", "a", 2).await;
    let id = &first.allocation.allocation_id;
    for status in [None, Some(Confirmed), Some(Fulfilled)] {
        if let Some(status) = status {
            put(&pool, id, status).await.unwrap();
        }
        for warehouse in ["", "main"] {
            let again = allocate(&pool, "o", &[("1", "a", 2, warehouse)]).await;
            assert_eq!(again.allocations[0].allocation.allocation_id, *id);
            assert_eq!((again.any_new, again.changed), (false, vec![]), "{status:?}");
        }
        for other in [("1", "a", 3, ""), ("1", "b", 2, ""), ("1", "a", 2, "north")] {
            let refused = try_allocate(&pool, &asked("o", &[other])).await;
            let line = LineId::parse("1").unwrap();
            assert!(matches!(refused, Err(InventoryError::AllocationExists { line_id }) if line_id == line));
        }
        let mixed = allocate(&pool, "o", &[("2", "b", 1, ""), ("1", "a", 2, "")]).await;
        assert_eq!(mixed.any_new, status.is_none(), "the other item is made once");
        let items: Vec<_> = mixed.allocations.iter().map(|r| r.allocation.line_id.to_string()).collect();
        assert_eq!(items, ["2", "1"], "the answer is in the request's order");
    }
    let late = AllocateRequest { expires_at: Some(first.created_at), ..asked("o", &[("1", "a", 2, "")]) };
    assert!(!try_allocate(&pool, &late).await.unwrap().any_new, "an expiry is for what is made");
    audit(&pool).await;
}

#[tokio::test]
async fn after_a_cancelled_allocation_a_new_one_is_made_and_an_overdue_one_is_expired_first() {
    let pool = stocked(&[("a", 2), ("b", 2)]).await;
    let first = one(&pool, "o", "1", "a", 2).await.allocation.allocation_id;
    put(&pool, &first, AllocationStatus::Cancelled).await.unwrap();
    let second = one(&pool, "o", "1", "a", 2).await.allocation.allocation_id;
    assert_ne!(first, second);
    let_expire_in(&pool, &second, -1).await;
    let third = allocate(&pool, "o", &[("1", "a", 1, "")]).await;
    let events = announced(&pool, &["Allocation"]).await.split_off(3);
    let events: Vec<_> = events
        .iter()
        .map(|(event, said)| {
            let available = said["inventoryItemDetails"]["newAvailableQuantity"].as_u64().unwrap();
            (event.as_str(), said["cause"].as_str(), available)
        })
        .collect();
    assert_eq!(events, [("AllocationCancelled", Some("EXPIRED"), 2), ("AllocationCreated", None, 1)]);
    let_expire_in(&pool, &third.allocations[0].allocation.allocation_id, -1).await;
    one(&pool, "o", "1", "b", 2).await;
    let listed = listed(&pool, "o").await;
    let causes: Vec<_> = listed.iter().map(|r| r.allocation.cause.as_deref()).collect();
    assert_eq!(causes, [Some("RELEASED"), Some(EXPIRED), Some(EXPIRED), None]);
    assert_eq!(
        (figures(&pool, "a", "main").await, figures(&pool, "b", "main").await),
        ((2, 0, 0), (2, 2, 0))
    );
    audit(&pool).await;
}

fn shortage(refused: Result<Allocated, InventoryError>) -> (String, u64, u64) {
    match refused {
        Err(InventoryError::NotEnough { sku, warehouse, requested, available }) => {
            (format!("{sku} in {warehouse}"), requested, available)
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_request_is_granted_whole_or_not_at_all_and_names_what_is_short() {
    let pool = stocked(&[("a", 5), ("b", 1)]).await;
    receive(&pool, "a", "north", 4).await;
    for (items, (place, requested, available)) in [
        (vec![("1", "b", 1, ""), ("2", "a", 6, "")], ("a in main", 6, 5)),
        (vec![("1", "b", 1, ""), ("2", "b", 1, "")], ("b in main", 2, 1)),
        (vec![("1", "a", 2, "north"), ("2", "a", 3, "north")], ("a in north", 5, 4)),
        (vec![("1", "a", 5, ""), ("2", "a", 5, "")], ("a in north", 5, 4)),
        (vec![("1", "b", 1, "north")], ("b in north", 1, 0)),
    ] {
        let refused = shortage(try_allocate(&pool, &asked("o", &items)).await);
        assert_eq!(refused, (place.to_owned(), requested, available), "{items:?}");
    }
    assert_eq!(listed(&pool, "o").await, []);
    assert_eq!(
        (figures(&pool, "a", "main").await, figures(&pool, "b", "main").await),
        ((5, 0, 0), (1, 0, 0))
    );
    audit(&pool).await;
}

#[tokio::test]
async fn an_allocation_lies_in_one_warehouse_the_first_that_has_enough() {
    let pool = stocked(&[("a", 3)]).await;
    receive(&pool, "a", "north", 4).await;
    let items = [("1", "a", 1, ""), ("2", "a", 3, ""), ("3", "a", 2, "north")];
    let made = allocate(&pool, "o", &items).await;
    let places: Vec<_> = made.allocations.iter().map(|r| r.allocation.warehouse.to_string()).collect();
    assert_eq!(places, ["north", "main", "north"]);
    audit(&pool).await;
}

#[tokio::test]
async fn what_is_queued_for_is_not_to_be_had_and_what_is_not_known_is_refused() {
    let pool = stocked(&[("a", 0), ("b", 3)]).await;
    reserve(&pool, "waits", ReserveMode::WaitForTheRest, &[("a", 4)]).await;
    receive(&pool, "a", "main", 3).await;
    let newcomer = shortage(try_allocate(&pool, &asked("o", &[("1", "a", 1, "")])).await);
    assert_eq!(newcomer, ("a in main".to_owned(), 1, 0));
    let unknown = try_allocate(&pool, &asked("o", &[("1", "b", 1, ""), ("2", "none", 1, "")])).await;
    assert!(matches!(unknown, Err(InventoryError::UnknownItem { sku }) if sku.as_str() == "none"));
    let moon = try_allocate(&pool, &asked("o", &[("1", "b", 1, "moon")])).await;
    assert!(matches!(moon, Err(InventoryError::UnknownWarehouse { .. })));
    let twice = try_allocate(&pool, &asked("o", &[("1", "b", 1, ""), ("1", "b", 1, "")])).await;
    assert!(matches!(twice, Err(InventoryError::RepeatedLine { .. })));
    let nobody = AllocationId::parse(&format!("alloc_{}", "0".repeat(32))).unwrap();
    let unknown = put(&pool, &nobody, AllocationStatus::Confirmed).await;
    assert!(
        matches!(unknown, Err(InventoryError::UnknownAllocation { allocation_id }) if allocation_id == nobody)
    );
}

#[tokio::test]
async fn stock_of_an_order_of_ours_is_not_open_to_others() {
    let pool = stocked(&[("a", 9)]).await;
    let service = one(&pool, "o", "1", "a", 1).await;
    reserve(&pool, "o", ReserveMode::AllOrNothing, &[("a", 2)]).await;
    let owned = |refused: Option<InventoryError>| {
        assert!(matches!(refused, Some(InventoryError::OwnedByOrder { order_id }) if order_id == order("o")));
    };
    owned(try_allocate(&pool, &asked("o", &[("9", "a", 1, "")])).await.err());
    let listed = listed(&pool, "o").await;
    let owners: Vec<_> = listed.iter().map(|r| (r.owner, r.expires_at.is_some())).collect();
    assert_eq!(owners, [(Owner::Service, true), (Owner::Order, false)]);
    for to in [AllocationStatus::Confirmed, AllocationStatus::Cancelled, AllocationStatus::Fulfilled] {
        owned(put(&pool, &listed[1].allocation.allocation_id, to).await.err());
    }
    let news = put(&pool, &service.allocation.allocation_id, AllocationStatus::Cancelled).await.unwrap();
    assert_eq!(news.changed.len(), 1, "what the service holds it may still give back");
    assert_eq!(figures(&pool, "a", "main").await, (9, 2, 0));
    audit(&pool).await;
}

#[tokio::test]
async fn only_what_the_table_of_transitions_allows_is_done_and_the_same_again_changes_nothing() {
    use AllocationStatus::{Cancelled, Confirmed, Fulfilled, Pending};
    let ways: [&[AllocationStatus]; 5] =
        [&[], &[Confirmed], &[Cancelled], &[Confirmed, Fulfilled], &[Confirmed, Cancelled]];
    let allowed =
        [(Pending, Confirmed), (Pending, Cancelled), (Confirmed, Fulfilled), (Confirmed, Cancelled)];
    let pool = stocked(&[("a", 1_000)]).await;
    for (way, number) in ways.iter().zip(0..) {
        for to in [Confirmed, Cancelled, Fulfilled] {
            let record = one(&pool, &format!("o-{number}-{}", to.as_str()), "1", "a", 3).await;
            let id = record.allocation.allocation_id;
            for step in *way {
                put(&pool, &id, *step).await.unwrap();
            }
            let from = way.last().copied().unwrap_or(Pending);
            let before = figures(&pool, "a", "main").await;
            let (on_hand, reserved, queued) = before;
            match put(&pool, &id, to).await {
                Ok(news) if from == to => {
                    assert_eq!((news.changed.len(), news.record.allocation.status), (0, to));
                    assert_eq!(figures(&pool, "a", "main").await, before);
                }
                Ok(news) => {
                    assert!(allowed.contains(&(from, to)), "{from:?} became {to:?}");
                    assert_eq!((news.changed.len(), news.changed[0].changed_quantity), (1, 3));
                    let moved = match to {
                        Cancelled => (on_hand, reserved - 3, queued),
                        Fulfilled => (on_hand - 3, reserved - 3, queued),
                        _ => before,
                    };
                    assert_eq!(figures(&pool, "a", "main").await, moved);
                }
                Err(InventoryError::InvalidTransition { from: f, to: t }) => {
                    assert_eq!((f, t), (from, to));
                    assert!(!allowed.contains(&(from, to)) && from != to);
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
    audit(&pool).await;
}

#[tokio::test]
async fn what_is_not_confirmed_in_time_is_given_back_and_can_no_longer_be_confirmed() {
    let pool = stocked(&[("a", 3), ("b", 3)]).await;
    let made = allocate(&pool, "o", &[("1", "a", 3, ""), ("2", "b", 3, "")]).await;
    let ids: Vec<_> = made.allocations.iter().map(|r| r.allocation.allocation_id.clone()).collect();
    put(&pool, &ids[1], AllocationStatus::Confirmed).await.unwrap();
    reserve(&pool, "waits", ReserveMode::WaitForTheRest, &[("a", 2)]).await;
    assert_eq!(expire(&pool).await, Expired::default(), "nothing is due yet");
    for id in &ids {
        let_expire_in(&pool, id, -1).await;
    }
    let late = || put(&pool, &ids[0], AllocationStatus::Confirmed);
    assert!(matches!(late().await, Err(InventoryError::AllocationExpired)), "even before it is swept");
    let expired = expire(&pool).await;
    let [change] = &expired.changed[..] else { panic!("what is confirmed does not expire: {expired:?}") };
    assert_eq!((&change.allocation_id, change.status), (&ids[0], AllocationStatus::Cancelled));
    let events = announced(&pool, &["Allocation"]).await;
    let last: Vec<&str> = events.iter().rev().take(3).map(|(event, _)| event.as_str()).collect();
    assert_eq!(last, ["AllocationConfirmed", "AllocationCreated", "AllocationCancelled"], "newest first");
    assert_eq!((expired.served[0].order_id.as_str(), expired.served[0].complete), ("waits", true));
    assert!(matches!(late().await, Err(InventoryError::AllocationExpired)));
    let again = put(&pool, &ids[0], AllocationStatus::Cancelled).await.unwrap();
    assert_eq!((again.changed.len(), again.record.allocation.cause.as_deref()), (0, Some(EXPIRED)));
    assert_eq!(figures(&pool, "a", "main").await, (3, 2, 0));
    let expected = ["OPENING_STOCK", "ALLOCATION", "EXPIRY", "BACKORDER_ALLOCATION"];
    assert_eq!(reasons(&pool, "a").await, expected);
    put(&pool, &ids[1], AllocationStatus::Fulfilled).await.unwrap();
    assert_eq!(reasons(&pool, "b").await, ["OPENING_STOCK", "ALLOCATION", "FULFILMENT"]);
    audit(&pool).await;
}

#[tokio::test]
async fn what_is_cancelled_goes_to_whoever_waits() {
    let pool = stocked(&[("a", 3)]).await;
    let id = one(&pool, "o", "1", "a", 3).await.allocation.allocation_id;
    put(&pool, &id, AllocationStatus::Confirmed).await.unwrap();
    reserve(&pool, "waits", ReserveMode::WaitForTheRest, &[("a", 5)]).await;
    let news = put(&pool, &id, AllocationStatus::Cancelled).await.unwrap();
    assert_eq!((news.served[0].order_id.as_str(), news.served[0].complete), ("waits", false));
    assert_eq!(figures(&pool, "a", "main").await, (3, 3, 2));
    let newcomer = request("newcomer", ReserveMode::AllOrNothing, &[("a", 1)]);
    assert!(matches!(try_reserve(&pool, &newcomer).await, Ok(inventory::ReserveOutcome::Short(_))));
    audit(&pool).await;
}
