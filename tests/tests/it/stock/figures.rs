//! What is counted down, listed and explained.

use domain::{LineId, Quantity, Sku, WarehouseId};
use inventory::{Availability, DemandLine, InventoryError, ReserveMode, Shortage, Surplus, WhyNot};
use serde_json::{Value, json};
use sqlx::PgPool;

use super::books::{audit, figures};
use super::{CAUSE, announced, order, pieces, receive, reserve, sku, stocked};

async fn reduce(
    pool: &PgPool,
    name: &str,
    warehouse: &str,
    quantity: i64,
) -> Result<Availability, InventoryError> {
    let mut transaction = pool.begin().await?;
    let warehouse = WarehouseId::parse(warehouse).unwrap();
    let left = inventory::reduce(&mut transaction, &sku(name), &warehouse, pieces(quantity), "broken", CAUSE)
        .await?;
    transaction.commit().await?;
    Ok(left)
}

#[tokio::test]
async fn stock_that_changes_without_an_allocation_says_so_and_an_allocation_for_itself() {
    let pool = stocked(&[("a", 5), ("b", 0)]).await;
    receive(&pool, "a", "main", 3).await;
    reserve(&pool, "o", ReserveMode::AllOrNothing, &[("a", 2)]).await;
    reduce(&pool, "a", "main", 1).await.unwrap();
    let mut tx = pool.begin().await.unwrap();
    let main = WarehouseId::main();
    inventory::take_back(&mut tx, &[(sku("a"), main.clone(), pieces(1))], "came back", CAUSE).await.unwrap();
    // Nobody held it: nothing but stock changes.
    let lines = [(sku("a"), pieces(1))];
    let surplus = Surplus {
        order_id: &order("o"),
        epoch: 1.into(),
        warehouse: &main,
        parcel_id: "beside",
        lines: &lines,
    };
    inventory::book_surplus(&mut tx, &surplus, CAUSE).await.unwrap();
    tx.commit().await.unwrap();
    let events = announced(&pool, &["InventoryItem", "Allocation"]).await;
    let told: Vec<(&str, Value)> = events
        .iter()
        .map(|(event, said)| {
            let members: &[&str] = match event.as_str() {
                "StockChanged" => {
                    &["cause", "previousOnHand", "newOnHand", "previousAvailable", "newAvailable"]
                }
                _ => &["status", "quantity"],
            };
            (event.as_str(), members.iter().map(|member| said[member].clone()).collect())
        })
        .collect();
    let expected = [
        ("StockChanged", json!(["OPENING_STOCK", 0, 5, 0, 5])),
        ("StockChanged", json!(["RECEIVED", 5, 8, 5, 8])),
        ("AllocationCreated", json!(["PENDING", 2])),
        ("AllocationConfirmed", json!(["CONFIRMED", 2])),
        ("StockChanged", json!(["REDUCED", 8, 7, 6, 5])),
        ("StockChanged", json!(["RETURNED", 7, 8, 5, 6])),
        ("StockChanged", json!(["SHIPPED", 8, 7, 6, 5])),
    ];
    assert_eq!(told, expected, "an item without opening stock has changed nothing");
    let figures = |at: usize| events[at].1["inventoryItemDetails"].clone();
    let moved = json!({"previousAvailableQuantity": 8, "newAvailableQuantity": 6,
                       "previousReservedQuantity": 0, "newReservedQuantity": 2});
    let unmoved = json!({"previousAvailableQuantity": 6, "newAvailableQuantity": 6,
                         "previousReservedQuantity": 2, "newReservedQuantity": 2});
    assert_eq!((figures(2), figures(3)), (moved, unmoved));
}

#[tokio::test]
async fn what_is_short_is_told_once_for_an_order_and_sku() {
    let pool = stocked(&[("a", 2), ("b", 1)]).await;
    receive(&pool, "a", "north", 3).await;
    let short = |name: &str, requested, available| Shortage { sku: sku(name), requested, available };
    let tell = async |id: &str, asked: Option<&WarehouseId>, shortages: &[Shortage]| {
        let mut tx = pool.begin().await.unwrap();
        inventory::announce_shortage(&mut tx, &order(id), asked, shortages, CAUSE).await.unwrap();
        tx.commit().await.unwrap();
    };
    let main = WarehouseId::main();
    tell("o", None, &[short("b", 4, 1), short("a", 9, 5)]).await;
    tell("o", None, &[short("a", 9, 5), short("none", 1, 0)]).await;
    tell("p", Some(&main), &[short("a", 3, 2)]).await;
    let mut told = announced(&pool, &["InventoryItem"]).await;
    told.retain(|(event, _)| event == "InsufficientStock");
    let told: Vec<Value> = told.into_iter().map(|(_, said)| said).collect();
    let said = |id: &str, name: &str, at: &str, requested: u64, available: u64| {
        json!({"orderId": id, "inventoryItemId": name, "sku": name, "warehouseId": at,
               "requested": requested, "available": available})
    };
    let expected =
        [said("o", "b", "main", 4, 1), said("o", "a", "north", 9, 5), said("p", "a", "main", 3, 2)];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn stock_is_reduced_by_what_nobody_holds_and_no_further() {
    let pool = stocked(&[("a", 5), ("b", 0)]).await;
    reserve(&pool, "holds", ReserveMode::AllOrNothing, &[("a", 2)]).await;
    let refused = reduce(&pool, "a", "main", 4).await;
    assert!(matches!(refused, Err(InventoryError::NotThatMuchThere { available: 3, .. })));
    let left = reduce(&pool, "a", "main", 3).await.unwrap();
    assert_eq!((left.on_hand, left.reserved, left.available), (2, 2, 0));
    reserve(&pool, "waits", ReserveMode::WaitForTheRest, &[("b", 4)]).await;
    receive(&pool, "b", "main", 1).await;
    let waited_for = reduce(&pool, "b", "main", 1).await;
    assert!(matches!(waited_for, Err(InventoryError::NotThatMuchThere { available: 0, .. })));
    let elsewhere = reduce(&pool, "a", "north", 1).await;
    assert!(matches!(elsewhere, Err(InventoryError::NotThatMuchThere { available: 0, .. })));
    assert!(matches!(reduce(&pool, "a", "moon", 1).await, Err(InventoryError::UnknownWarehouse { .. })));
    assert!(matches!(reduce(&pool, "none", "main", 1).await, Err(InventoryError::UnknownItem { .. })));
    let noted: (i64, String) = sqlx::query_as(
        "SELECT on_hand_change, reference FROM inventory.movements WHERE reason = 'ADJUSTMENT'",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(noted, (-3, "broken".to_owned()));
    assert_eq!(figures(&pool, "a", "main").await, (2, 2, 0));
    audit(&pool).await;
}

#[tokio::test]
async fn items_are_listed_by_sku_page_after_page_with_their_figures() {
    let pool = stocked(&[("c", 3), ("a", 1), ("e", 5), ("b", 2), ("d", 4)]).await;
    receive(&pool, "b", "north", 7).await;
    reserve(&pool, "holds", ReserveMode::AllOrNothing, &[("b", 1)]).await;
    let mut conn = pool.acquire().await.unwrap();
    let (mut seen, mut after): (Vec<(String, u64)>, Option<Sku>) = (Vec::new(), None);
    loop {
        let page = inventory::items(&mut conn, after.as_ref(), 2).await.unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 2);
        after = Some(last.item.sku.clone());
        for listed in page {
            let alone = inventory::stocked_item(&mut conn, &listed.item.sku).await.unwrap();
            assert_eq!(alone, listed);
            let known = inventory::availability(&mut conn, &listed.item.sku).await.unwrap();
            assert_eq!(known, listed.availability);
            seen.push((listed.item.name, known.available));
        }
    }
    let expected = [("Item a", 1), ("Item b", 8), ("Item c", 3), ("Item d", 4), ("Item e", 5)];
    assert_eq!(seen, expected.map(|(name, available)| (name.to_owned(), available)));
    let unknown = inventory::stocked_item(&mut conn, &sku("none")).await;
    assert!(matches!(unknown, Err(InventoryError::UnknownItem { .. })));
    let asked = ["d", "none", "a"].map(sku);
    let found = inventory::items_by_sku(&mut conn, &asked).await.unwrap();
    assert_eq!(found.keys().map(Sku::as_str).collect::<Vec<_>>(), ["a", "d"]);
    let stocked = inventory::stocked_items(&mut conn, &asked).await.unwrap();
    assert_eq!(stocked.iter().map(|s| s.availability.on_hand).collect::<Vec<_>>(), [1, 4]);
}

fn demand(line: &str, name: &str, quantity: i64) -> DemandLine {
    let quantity = Quantity::new(quantity).unwrap();
    DemandLine { line_id: LineId::parse(line).unwrap(), sku: sku(name), quantity }
}

#[tokio::test]
async fn an_explanation_tells_what_a_reservation_then_does_and_changes_nothing() {
    let pool = stocked(&[("a", 2), ("b", 1)]).await;
    receive(&pool, "a", "north", 4).await;
    reserve(&pool, "holds", ReserveMode::AllOrNothing, &[("b", 1)]).await;
    let lines = [demand("1", "a", 3), demand("2", "b", 1), demand("3", "none", 1)];
    let mut conn = pool.acquire().await.unwrap();
    let told = inventory::explain(&mut conn, &lines, None).await.unwrap();
    let verdicts: Vec<Vec<_>> = told
        .lines
        .iter()
        .map(|line| line.warehouses.iter().map(|v| (v.warehouse.as_str(), v.serves, v.why_not)).collect())
        .collect();
    let expected = [
        vec![("main", 0, Some(WhyNot::NotEnough)), ("north", 3, None)],
        vec![("main", 0, Some(WhyNot::OutOfStock)), ("north", 0, Some(WhyNot::NotStocked))],
        vec![("main", 0, Some(WhyNot::NotStocked)), ("north", 0, Some(WhyNot::NotStocked))],
    ];
    assert_eq!(verdicts, expected);
    assert_eq!(told.lines.iter().map(|line| line.unknown_sku).collect::<Vec<_>>(), [false, false, true]);
    let wait_at = told.lines[1].queue_at.as_ref().map(WarehouseId::as_str);
    assert_eq!((told.complete, told.lines[1].missing, wait_at), (false, 1, Some("main")));
    let north = WarehouseId::parse("north").unwrap();
    let told = inventory::explain(&mut conn, &[demand("1", "a", 1)], Some(&north)).await.unwrap();
    assert_eq!(told.lines[0].warehouses[0].why_not, Some(WhyNot::AnotherIsPreferred));
    let twice = inventory::explain(&mut conn, &[demand("1", "a", 1), demand("1", "b", 1)], None).await;
    assert!(matches!(twice, Err(InventoryError::RepeatedLine { .. })));

    assert_eq!(
        (figures(&pool, "a", "main").await, figures(&pool, "a", "north").await),
        ((2, 0, 0), (4, 0, 0))
    );
    let made = reserve(&pool, "o", ReserveMode::AllOrNothing, &[("a", 3)]).await;
    assert_eq!(made.allocations[0].warehouse, north);
}
