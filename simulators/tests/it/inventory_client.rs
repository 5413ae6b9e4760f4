//! The client of the Admin API against the simulated shop's stock.

use std::sync::Arc;

use calls::CallFailure;
use domain::ShopDomain;
use reqwest::{Method, Url};
use serde_json::{Value, json};
use shopify::admin::{
    Activated, AdminClient, AdminSettings, Level, LevelState, SetOutcome, ShopifyError, StaticToken, Wanted,
    WhyNotSet,
};
use shopify::gid::{InventoryItemId, LocationId};

use crate::stage::Stage;

const HERE: i64 = 655_441_491;

fn client(stage: &Stage) -> AdminClient {
    let shop = ShopDomain::parse("anyx-demo.myshopify.com").unwrap();
    let url = Url::parse(&stage.shopify_url("/")).unwrap();
    AdminClient::new(AdminSettings::new(shop, url, Arc::new(StaticToken::new("shpat_demo_token")))).unwrap()
}

fn item(gid: &str) -> InventoryItemId {
    InventoryItemId(shopify::gid::number("InventoryItem", gid).unwrap())
}

async fn set_item(stage: &Stage, body: Value) -> InventoryItemId {
    item(stage.stock("items", body).await["adminGraphqlApiId"].as_str().unwrap())
}

fn on_hand(level: &Level) -> i64 {
    match &level.state {
        LevelState::Stocked(found) => found.on_hand,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_kind_of_item_is_told_apart_in_the_order_that_was_asked() {
    let stage = Stage::set().await;
    let client = client(&stage);
    let tea = item(&stage.counted("TEA", HERE, 10).await);
    let late = item(&stage.counted("LATE", HERE, 3).await);
    stage.stock("items", json!({ "sku": "LATE", "indexed": false })).await;
    let unstocked = set_item(&stage, json!({ "sku": "POT", "tracked": true })).await;
    let bundle = set_item(&stage, json!({ "sku": "SET", "bundle": true })).await;
    let untracked = set_item(&stage, json!({ "sku": "CARD" })).await;
    stage.place("announce=false&sku=TEA&quantity=4").await;
    let states = json!({ "sku": "TEA", "location": HERE, "reserved": 1, "safety_stock": 2, "damaged": 3, "quality_control": 4, "on_hand": 20 });
    stage.stock("levels", states).await;
    let asked = [untracked, late, InventoryItemId(1), tea, bundle, unstocked];
    let levels = client.read_levels(LocationId(HERE), &asked).await.unwrap();
    assert_eq!(levels.iter().map(|level| level.item).collect::<Vec<_>>(), asked);
    assert_eq!(levels[0].state, LevelState::Untracked);
    assert_eq!(on_hand(&levels[1]), 3, "a search does not find it yet, and it is not gone for that");
    assert_eq!(levels[2].state, LevelState::Gone);
    let LevelState::Stocked(found) = &levels[3].state else { panic!("{:?}", levels[3]) };
    let figures = [
        found.available,
        found.committed,
        found.on_hand,
        found.reserved,
        found.safety_stock,
        found.damaged,
        found.quality_control,
    ];
    assert_eq!(figures, [6, 4, 20, 1, 2, 3, 4]);
    assert_eq!(levels[4].state, LevelState::Bundle);
    assert_eq!(levels[5].state, LevelState::NotStocked);
}

#[tokio::test]
async fn a_refusal_names_each_bad_row_and_the_rest_is_set_without_them() {
    let stage = Stage::set().await;
    let client = client(&stage);
    let at = LocationId(HERE);
    let tea = item(&stage.counted("TEA", HERE, 10).await);
    let cup = item(&stage.counted("CUP", HERE, 4).await);
    let row = |item, wanted, read| Wanted { item, wanted, read };
    let wanted = [row(tea, 9, 10), row(cup, 9, 3), row(InventoryItemId(1), 9, 0)];
    // The shop looks at what is there before it compares, so what is gone is said alone.
    let SetOutcome::Refused(refused) = client.set_on_hand(at, &wanted, "k1").await.unwrap() else { panic!() };
    assert_eq!((refused.rows, refused.whole), (vec![(2, WhyNotSet::Gone)], vec![]));
    let SetOutcome::Refused(refused) = client.set_on_hand(at, &wanted[..2], "k2").await.unwrap() else {
        panic!()
    };
    assert_eq!((refused.rows, refused.whole), (vec![(1, WhyNotSet::Stale)], vec![]));
    let SetOutcome::Refused(refused) = client.set_on_hand(at, &wanted[..1], "k2").await.unwrap() else {
        panic!()
    };
    assert_eq!((refused.rows, refused.whole), (vec![], vec![WhyNotSet::KeySpent]));
    assert_eq!(client.set_on_hand(at, &wanted[..1], "k3").await, Ok(SetOutcome::Set));
    let levels = client.read_levels(at, &[tea, cup]).await.unwrap();
    assert_eq!(levels.iter().map(on_hand).collect::<Vec<_>>(), [9, 4]);
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_under_its_key_and_nothing_is_set_twice() {
    let stage = Stage::set().await;
    let client = client(&stage);
    let tea = item(&stage.counted("TEA", HERE, 10).await);
    let wanted = [Wanted { item: tea, wanted: 8, read: 10 }];
    stage.shopify_rule(json!({ "operation": "inventorySetQuantities", "effectThenDrop": true })).await;
    let lost = client.set_on_hand(LocationId(HERE), &wanted, "k1").await.unwrap_err();
    assert!(matches!(lost, ShopifyError::UnknownOutcome { .. }), "{lost:?}");
    stage.stock("levels", json!({ "sku": "TEA", "location": HERE, "on_hand": 30 })).await;
    assert_eq!(client.set_on_hand(LocationId(HERE), &wanted, "k1").await, Ok(SetOutcome::Set));
    assert_eq!(stage.level("TEA", HERE).await["on_hand"], 30);
    stage
        .shopify_rule(json!({ "operation": "inventorySetQuantities", "rateLimit": { "retryAfterS": 3 } }))
        .await;
    let throttled = client.set_on_hand(LocationId(HERE), &wanted, "k2").await.unwrap_err();
    assert_eq!(throttled.code(), "SHOPIFY_THROTTLED");
    stage.shopify_rule(json!({ "operation": "inventoryItems", "status": 503 })).await;
    let away = client.read_levels(LocationId(HERE), &[tea]).await.unwrap_err();
    assert_eq!(away.code(), "SHOPIFY_UNKNOWN_OUTCOME");
}

#[tokio::test]
async fn a_location_is_made_to_stock_an_item_and_a_second_time_is_known() {
    let stage = Stage::set().await;
    let client = client(&stage);
    let pot = set_item(&stage, json!({ "sku": "POT", "tracked": true })).await;
    let Activated::Now(level) = client.activate(pot, LocationId(HERE), 6, "k1").await.unwrap() else {
        panic!()
    };
    assert_eq!((level.available, level.on_hand), (6, 6));
    assert_eq!(client.activate(pot, LocationId(HERE), 6, "k2").await, Ok(Activated::Already));
    let gone = client.activate(InventoryItemId(1), LocationId(HERE), 6, "k3").await.unwrap_err();
    assert!(gone.is_permanent());
    assert!(client.activate(pot, LocationId(1), 6, "k4").await.unwrap_err().is_permanent());
}

#[tokio::test]
async fn items_and_locations_are_learned_page_by_page() {
    let stage = Stage::set().await;
    let client = client(&stage);
    let many: Vec<Value> = (0..300)
        .map(|number| json!({ "sku": format!("SKU-{number}"), "tracked": number % 2 == 0 }))
        .collect();
    stage.stock("items", json!(many)).await;
    stage.stock("items", json!({ "sku": "SKU-0", "another": true, "bundle": true })).await;
    let first = client.items(None).await.unwrap();
    let second = client.items(first.next.as_deref()).await.unwrap();
    assert_eq!((first.members.len(), second.members.len(), second.next), (250, 51, None));
    let twice: Vec<_> = first
        .members
        .iter()
        .chain(&second.members)
        .filter(|item| item.sku.as_deref() == Some("SKU-0"))
        .collect();
    assert_eq!(
        twice.iter().map(|item| (item.tracked, item.is_bundle)).collect::<Vec<_>>(),
        [(true, false), (false, true)]
    );
    stage.stock("locations", json!({ "id": 5, "name": "Attic", "active": false })).await;
    let locations = client.locations().await.unwrap();
    let known: Vec<_> =
        locations.iter().map(|found| (found.id.0, found.name.as_str(), found.is_active)).collect();
    assert_eq!(known, [(5, "Attic", false), (HERE, "Location 655441491", true)]);
}

#[tokio::test]
async fn ten_thousand_levels_cost_a_tenth_of_what_ten_minutes_give() {
    let stage = Stage::set().await;
    let client = client(&stage);
    let many: Vec<Value> =
        (0..250).map(|number| json!({ "sku": format!("SKU-{number}"), "tracked": true })).collect();
    let items: Vec<InventoryItemId> = stage
        .stock("items", json!(many))
        .await
        .as_array()
        .unwrap()
        .iter()
        .map(|made| InventoryItemId(made["id"].as_i64().unwrap()))
        .collect();
    let levels: Vec<Value> =
        items.iter().map(|item| json!({ "item": item.0, "location": HERE, "on_hand": 1 })).collect();
    stage.stock("levels?announce=false", json!(levels)).await;
    let read = client.read_levels(LocationId(HERE), &items).await.unwrap();
    assert!(read.iter().all(|level| on_hand(level) == 1));
    let wanted: Vec<Wanted> = items.iter().map(|item| Wanted { item: *item, wanted: 2, read: 1 }).collect();
    assert_eq!(client.set_on_hand(LocationId(HERE), &wanted, "k1").await, Ok(SetOutcome::Set));
    let (_, ledger) = stage.shopify(Method::GET, "/_ledger", Value::Null).await;
    let answers: Vec<u64> =
        ledger.as_array().unwrap().iter().filter_map(|entry| entry["points"]["requested"].as_u64()).collect();
    assert_eq!(answers.len(), 2, "250 levels are one read and one write");
    let for_ten_thousand = answers.iter().sum::<u64>() * 40;
    assert!(for_ten_thousand <= 6_200, "{for_ten_thousand} points");
}
