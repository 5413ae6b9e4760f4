use calls::CallFailure;
use serde_json::{Value, json};

use super::stand::{page, peer, serve};
use crate::admin::{
    Activated, Item, LevelState, MOST_LEVELS, SetOutcome, ShopLocation, ShopifyError, Wanted, WhyNotSet,
};
use crate::gid::{InventoryItemId, LocationId};

const PLACE: LocationId = LocationId(106_318_430_514);
const TEA: InventoryItemId = InventoryItemId(53_469_430_055_218);

/// A level as it was captured (2026-04), with these figures.
fn level(available: i64, committed: i64, on_hand: i64) -> Value {
    let quantity = |name: &str, quantity: i64| json!({ "name": name, "quantity": quantity });
    json!({ "updatedAt": "2026-06-25T01:33:56Z", "quantities": [
        quantity("available", available), quantity("committed", committed), quantity("on_hand", on_hand),
        quantity("reserved", 0), quantity("safety_stock", 0), quantity("damaged", 0), quantity("quality_control", 0),
    ] })
}

fn node(item: InventoryItemId, tracked: bool, bundle: bool, level: Value) -> Value {
    json!({ "id": item.gid(), "tracked": tracked, "inventoryLevel": level,
        "variants": { "nodes": [{ "requiresComponents": bundle }] } })
}

fn found(nodes: Value) -> (u16, Value) {
    (200, json!({ "data": { "inventoryItems": page(nodes, None) } }))
}

fn set_refused(errors: Value) -> (u16, Value) {
    let payload = json!({ "inventoryAdjustmentGroup": null, "userErrors": errors });
    (200, json!({ "data": { "inventorySetQuantities": payload } }))
}

fn error(field: Value, code: &str) -> Value {
    json!({ "field": field, "message": "A sentence.", "code": code })
}

fn wanted(count: i64) -> Vec<Wanted> {
    (1..=count).map(|item| Wanted { item: InventoryItemId(item), wanted: 5, read: 4 }).collect()
}

#[tokio::test]
async fn what_a_search_does_not_find_is_asked_for_by_its_id_before_it_is_gone() {
    let (late, gone) = (InventoryItemId(2), InventoryItemId(3));
    // What was not asked for is left alone: a shop that does not understand a search answers everything.
    let stranger = node(InventoryItemId(9), true, false, level(1, 0, 1));
    let by_id = json!({ "data": { "nodes": [node(late, true, false, level(-1, 3, 2)), null] } });
    let (stand, client) =
        serve(&[found(json!([stranger, node(TEA, true, false, level(5, 4, 9))])), (200, by_id)]).await;
    let levels = client.read_levels(PLACE, &[late, TEA, gone]).await.unwrap();
    let figures: Vec<_> = levels
        .iter()
        .map(|level| match &level.state {
            LevelState::Stocked(found) => Some((found.available, found.committed, found.on_hand)),
            _ => None,
        })
        .collect();
    assert_eq!(figures, [Some((-1, 3, 2)), Some((5, 4, 9)), None]);
    assert_eq!(levels[2].state, LevelState::Gone);
    assert_eq!(stand.operations(), ["ReadLevels", "ReadLevelsById"]);
    let asked = stand.variables(0);
    assert_eq!(asked["search"], "id:2 OR id:53469430055218 OR id:3");
    assert_eq!(
        (&asked["first"], &asked["location"]),
        (&json!(3), &json!("gid://shopify/Location/106318430514"))
    );
    assert_eq!(stand.variables(1)["items"], json!([late.gid(), gone.gid()]));
}

#[tokio::test]
async fn items_that_have_no_level_to_speak_of_are_told_apart() {
    let nodes = json!([
        node(InventoryItemId(1), false, false, level(0, 0, 0)),
        node(InventoryItemId(2), true, true, level(1, 0, 1)),
        node(InventoryItemId(3), true, false, Value::Null),
    ]);
    let (_, client) = serve(&[found(nodes)]).await;
    let items = [1, 2, 3].map(InventoryItemId);
    let states: Vec<_> =
        client.read_levels(PLACE, &items).await.unwrap().into_iter().map(|level| level.state).collect();
    assert_eq!(states, [LevelState::Untracked, LevelState::Bundle, LevelState::NotStocked]);
}

#[tokio::test]
async fn a_level_without_one_of_its_figures_is_not_read_as_zero() {
    let mut short = level(5, 4, 9);
    short["quantities"].as_array_mut().unwrap().retain(|quantity| quantity["name"] != "committed");
    let (_, client) = serve(&[found(json!([node(TEA, true, false, short)]))]).await;
    assert!(client.read_levels(PLACE, &[TEA]).await.is_err());
}

#[tokio::test]
async fn many_items_are_read_250_at_a_time_and_none_costs_no_call() {
    let items: Vec<InventoryItemId> = (1..=300).map(InventoryItemId).collect();
    let all = |items: &[InventoryItemId]| {
        found(items.iter().map(|item| node(*item, false, false, Value::Null)).collect())
    };
    let (stand, client) = serve(&[all(&items[..MOST_LEVELS]), all(&items[MOST_LEVELS..])]).await;
    assert_eq!(client.read_levels(PLACE, &items).await.unwrap().len(), 300);
    assert_eq!(stand.variables(1)["first"], 50);
    assert!(client.read_levels(PLACE, &[]).await.unwrap().is_empty());
    assert_eq!(client.set_on_hand(PLACE, &[], "k").await, Ok(SetOutcome::Set));
    assert_eq!(stand.operations().len(), 2);
}

#[tokio::test]
async fn each_error_of_a_row_names_it_and_the_rest_is_of_the_whole() {
    let at = |index: &str, member: &str| json!(["input", "quantities", index, member]);
    let errors = json!([
        error(at("0", "changeFromQuantity"), "CHANGE_FROM_QUANTITY_STALE"),
        error(at("1", "locationId"), "ITEM_NOT_STOCKED_AT_LOCATION"),
        error(at("2", "inventoryItemId"), "NON_MUTABLE_INVENTORY_ITEM"),
        error(at("3", "inventoryItemId"), "INVALID_INVENTORY_ITEM"),
        error(at("3", "locationId"), "INVALID_LOCATION"),
        error(at("4", "quantity"), "INVALID_QUANTITY_NEGATIVE"),
        error(at("5", "quantity"), "A_CODE_OF_NEXT_YEAR"),
        error(at("6", "quantity"), "INVALID_QUANTITY_NEGATIVE"),
        error(json!(["input", "reason"]), "INVALID_REASON"),
        error(Value::Null, "CHANGE_FROM_QUANTITY_STALE"),
        json!({ "field": null, "message": "A sentence." }),
    ]);
    let (_, client) = serve(&[set_refused(errors)]).await;
    let SetOutcome::Refused(refused) = client.set_on_hand(PLACE, &wanted(6), "k").await.unwrap() else {
        panic!("it was refused");
    };
    let code = |why: &WhyNotSet| match why {
        WhyNotSet::Other { code, .. } => code.clone().unwrap_or_else(|| "none".to_owned()),
        known => format!("{known:?}"),
    };
    let rows: Vec<_> = refused.rows.iter().map(|(index, why)| (*index, code(why))).collect();
    let expected = [
        (0, "Stale"),
        (1, "NotStocked"),
        (2, "NotMutable"),
        (3, "Gone"),
        (3, "NoLocation"),
        (4, "INVALID_QUANTITY_NEGATIVE"),
        (5, "A_CODE_OF_NEXT_YEAR"),
    ];
    assert_eq!(rows, expected.map(|(index, code)| (index, code.to_owned())));
    // There is no row 6: an index that fits nothing is not taken for one.
    let whole: Vec<_> = refused.whole.iter().map(code).collect();
    assert_eq!(whole, ["INVALID_QUANTITY_NEGATIVE", "INVALID_REASON", "Stale", "none"]);
    assert!(!format!("{refused:?}").contains("A sentence."));
}

#[tokio::test]
async fn a_key_that_is_used_up_or_under_way_is_no_fault_of_a_level() {
    let of_key = |code: &str| set_refused(json!([error(Value::Null, code)]));
    let (_, client) = serve(&[
        of_key("IDEMPOTENCY_KEY_PARAMETER_MISMATCH"),
        of_key("IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"),
        of_key("IDEMPOTENCY_CONCURRENT_REQUEST"),
    ])
    .await;
    for _ in 0..2 {
        let SetOutcome::Refused(refused) = client.set_on_hand(PLACE, &wanted(1), "k").await.unwrap() else {
            panic!("it was refused");
        };
        assert_eq!((refused.rows, refused.whole), (vec![], vec![WhyNotSet::KeySpent]));
    }
    let under_way = client.set_on_hand(PLACE, &wanted(1), "k").await.unwrap_err();
    assert_eq!(under_way.code(), "SHOPIFY_USER_ERROR");
    assert!(!under_way.is_permanent());
}

#[tokio::test]
async fn what_was_read_goes_along_and_an_answer_without_a_group_is_a_success() {
    let (stand, client) =
        serve(&[set_refused(json!([])), (200, json!({ "data": { "inventorySetQuantities": null } }))]).await;
    assert_eq!(client.set_on_hand(PLACE, &wanted(1), "k").await, Ok(SetOutcome::Set));
    let quantity = json!({ "inventoryItemId": "gid://shopify/InventoryItem/1", "locationId": PLACE.gid(),
        "quantity": 5, "changeFromQuantity": 4 });
    let input = json!({ "name": "on_hand", "reason": "correction", "quantities": [quantity] });
    assert_eq!(stand.variables(0), json!({ "input": input, "key": "k" }));
    let error = client.set_on_hand(PLACE, &wanted(1), "k").await.unwrap_err();
    assert_eq!(error.code(), "SHOPIFY_UNKNOWN_OUTCOME");
}

#[tokio::test]
async fn missing_what_the_api_demands_is_an_error_of_ours_and_silence_may_have_worked() {
    // Captured (2026-04).
    let missing = json!([{ "message": "InventoryQuantityInput must include the following argument: changeFromQuantity.",
        "extensions": { "code": "INVALID_FIELD_ARGUMENTS" }, "path": ["inventorySetQuantities"] }]);
    let (_, client) =
        serve(&[(200, json!({ "errors": missing, "data": { "inventorySetQuantities": null } }))]).await;
    let error = client.set_on_hand(PLACE, &wanted(1), "k").await.unwrap_err();
    assert!(
        matches!(&error, ShopifyError::Graphql { code: Some(code), .. } if code == "INVALID_FIELD_ARGUMENTS")
    );
    let silent = peer(None).await;
    let error = silent.set_on_hand(PLACE, &wanted(1), "k").await.unwrap_err();
    assert_eq!(error, ShopifyError::unknown("timed out"));
    let error = silent.activate(TEA, PLACE, 5, "k").await.unwrap_err();
    assert_eq!(error, ShopifyError::unknown("timed out"));
}

#[tokio::test]
async fn a_location_that_stocks_the_item_already_is_an_answer() {
    let payload = |level: Value, errors: Value| {
        (200, json!({ "data": { "inventoryActivate": { "inventoryLevel": level, "userErrors": errors } } }))
    };
    let already = "Not allowed to set an on_hand quantity when the item is already active at the location.";
    let gone = "The product couldn't be stocked because the location wasn't found.";
    let refusal = |message: &str| json!([{ "field": ["onHand"], "message": message }]);
    let (stand, client) = serve(&[
        payload(level(6, 0, 6), json!([])),
        payload(level(3, 0, 3), refusal(already)),
        payload(Value::Null, refusal(gone)),
        payload(Value::Null, json!([])),
    ])
    .await;
    let Activated::Now(found) = client.activate(TEA, PLACE, 6, "k").await.unwrap() else {
        panic!("it was activated");
    };
    assert_eq!((found.available, found.on_hand), (6, 6));
    let asked = json!({ "item": TEA.gid(), "location": PLACE.gid(), "onHand": 6, "key": "k" });
    assert_eq!(stand.variables(0), asked);
    assert_eq!(client.activate(TEA, PLACE, 6, "k").await, Ok(Activated::Already));
    let refused = client.activate(TEA, PLACE, 6, "k").await.unwrap_err();
    assert!(refused.is_permanent());
    assert_eq!(refused.vendor_text().as_deref(), Some(gone));
    assert_eq!(client.activate(TEA, PLACE, 6, "k").await.unwrap_err().code(), "SHOPIFY_UNKNOWN_OUTCOME");
}

#[tokio::test]
async fn items_are_learned_a_page_at_a_time_and_locations_all_at_once() {
    let variant = |sku: Value, item: i64, tracked: bool, bundle: bool| {
        json!({ "sku": sku, "requiresComponents": bundle,
            "inventoryItem": { "id": InventoryItemId(item).gid(), "tracked": tracked } })
    };
    let variants = json!([variant(json!("TEA"), 1, true, false), variant(json!(""), 2, false, true)]);
    let location =
        |id: i64, active: bool| json!({ "id": LocationId(id).gid(), "name": "Shop", "isActive": active });
    let (stand, client) = serve(&[
        (200, json!({ "data": { "productVariants": page(variants, Some("c1")) } })),
        (200, json!({ "data": { "locations": page(json!([location(1, true)]), Some("c2")) } })),
        (200, json!({ "data": { "locations": page(json!([location(2, false)]), None) } })),
    ])
    .await;
    let items = client.items(Some("c0")).await.unwrap();
    assert_eq!((items.next.as_deref(), stand.variables(0)), (Some("c1"), json!({ "after": "c0" })));
    let item = |sku: Option<&str>, item, tracked, is_bundle| Item {
        sku: sku.map(str::to_owned),
        item: InventoryItemId(item),
        tracked,
        is_bundle,
    };
    assert_eq!(items.members, [item(Some("TEA"), 1, true, false), item(None, 2, false, true)]);
    let expected = |id, is_active| ShopLocation { id: LocationId(id), name: "Shop".to_owned(), is_active };
    assert_eq!(client.locations().await.unwrap(), [expected(1, true), expected(2, false)]);
    assert_eq!(stand.variables(2)["after"], "c2");
}
