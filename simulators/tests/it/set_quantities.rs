//! `inventorySetQuantities` and `inventoryActivate`, with the words that were captured of the real ones.

use serde_json::{Value, json};

use crate::stage::Stage;

const HERE: i64 = 655_441_491;
const PLACE: &str = "gid://shopify/Location/655441491";
const SET: &str = "mutation($input: InventorySetQuantitiesInput!, $key: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $key) {
    inventoryAdjustmentGroup { reason changes { name delta item { id } location { id name } } }
    userErrors { field message code }
  }
}";
const ACTIVATE: &str = "mutation($item: ID!, $at: ID!, $onHand: Int, $key: String!) {
  inventoryActivate(inventoryItemId: $item, locationId: $at, onHand: $onHand) @idempotent(key: $key) {
    inventoryLevel { isActive quantities(names: [\"on_hand\"]) { quantity } item { sku } }
    userErrors { field message }
  }
}";

fn row(item: &str, quantity: i64, from: Value) -> Value {
    json!({ "inventoryItemId": item, "locationId": PLACE, "quantity": quantity, "changeFromQuantity": from })
}

fn input(name: &str, rows: Value) -> Value {
    json!({ "name": name, "reason": "correction", "quantities": rows })
}

async fn set(stage: &Stage, input: Value, key: &str) -> Value {
    let answer = stage.graphql(SET, json!({ "input": input, "key": key })).await;
    answer["data"]["inventorySetQuantities"].clone()
}

async fn on_hand(stage: &Stage, sku: &str) -> Value {
    stage.level(sku, HERE).await["on_hand"].clone()
}

#[tokio::test]
async fn on_hand_is_set_around_what_is_committed_and_each_write_is_on_record() {
    let stage = Stage::set().await;
    let tea = stage.counted("TEA", HERE, 10).await;
    stage.place("announce=false&sku=TEA&quantity=3").await;
    let answer = set(&stage, input("on_hand", json!([row(&tea, 8, json!(10))])), "k1").await;
    assert_eq!(answer["userErrors"], json!([]));
    let change = |name: &str| json!({ "name": name, "delta": -2, "item": { "id": tea }, "location": { "id": PLACE, "name": "Location 655441491" } });
    assert_eq!(
        answer["inventoryAdjustmentGroup"]["changes"],
        json!([change("available"), change("on_hand")])
    );
    let level = stage.level("TEA", HERE).await;
    assert_eq!(json!([level["available"], level["committed"], level["on_hand"]]), json!([5, 3, 8]));
    let written = stage.shopify_effects("inventorySet").await;
    assert_eq!(written.len(), 1);
    assert_eq!((&written[0]["by"], &written[0]["key"]), (&json!("app"), &json!("k1")));
    let change = &written[0]["changes"][0];
    assert_eq!(
        json!([change["sku"], change["before"]["available"], change["after"]["available"]]),
        json!(["TEA", 7, 5])
    );
    let told = stage.webhooks(1).await;
    assert_eq!((told[0].0.as_str(), &told[0].1["available"]), ("inventory_levels/update", &json!(5)));
    // The same again under another key changes nothing, and then there is no group.
    let again = set(&stage, input("on_hand", json!([row(&tea, 8, json!(8))])), "k2").await;
    assert_eq!(again, json!({ "inventoryAdjustmentGroup": null, "userErrors": [] }));
    let available = set(&stage, input("available", json!([row(&tea, 0, Value::Null)])), "k3").await;
    assert_eq!(available["userErrors"], json!([]));
    assert_eq!(on_hand(&stage, "TEA").await, 3);
}

#[tokio::test]
async fn one_bad_row_keeps_all_from_being_set_and_is_named_by_its_index() {
    let stage = Stage::set().await;
    let tea = stage.counted("TEA", HERE, 10).await;
    let cup = stage.counted("CUP", HERE, 4).await;
    let id = |item: Value| item["adminGraphqlApiId"].as_str().unwrap().to_owned();
    let unstocked = id(stage.stock("items", json!({ "sku": "POT", "tracked": true })).await);
    let bundle = id(stage.stock("items", json!({ "sku": "SET", "tracked": true, "bundle": true })).await);
    let gone = id(stage.stock("items", json!({ "sku": "OLD", "missing": true })).await);
    for (bad, member, code, message) in [
        (
            row(&cup, 5, json!(3)),
            "changeFromQuantity",
            "CHANGE_FROM_QUANTITY_STALE",
            "The changeFromQuantity argument no longer matches the persisted quantity.",
        ),
        (
            row(&unstocked, 5, json!(0)),
            "locationId",
            "ITEM_NOT_STOCKED_AT_LOCATION",
            "The specified inventory item is not stocked at the location.",
        ),
        (
            row(&bundle, 5, json!(0)),
            "inventoryItemId",
            "NON_MUTABLE_INVENTORY_ITEM",
            "The specified inventory item is not allowed to be adjusted via API. Example: if the inventory item is a parent bundle.",
        ),
        (
            row(&gone, 5, json!(0)),
            "inventoryItemId",
            "INVALID_INVENTORY_ITEM",
            "The specified inventory item could not be found.",
        ),
        (row(&cup, -1, json!(4)), "quantity", "INVALID_QUANTITY_NEGATIVE", "The quantity can't be negative."),
        (
            row(&cup, -2_000_000_000, json!(4)),
            "quantity",
            "INVALID_QUANTITY_TOO_LOW",
            "The quantity can't be lower than -1,000,000,000.",
        ),
        (
            row(&cup, 1_000_000_001, json!(4)),
            "quantity",
            "INVALID_QUANTITY_TOO_HIGH",
            "The quantity can't be higher than 1,000,000,000.",
        ),
    ] {
        let answer = set(&stage, input("on_hand", json!([row(&tea, 1, json!(10)), bad])), code).await;
        let error =
            json!({ "field": ["input", "quantities", "1", member], "message": message, "code": code });
        assert_eq!(answer, json!({ "inventoryAdjustmentGroup": null, "userErrors": [error] }));
        assert_eq!(
            (on_hand(&stage, "TEA").await, on_hand(&stage, "CUP").await),
            (json!(10), json!(4)),
            "{code}"
        );
    }
    let mut elsewhere = row(&cup, 5, json!(4));
    elsewhere["locationId"] = json!("gid://shopify/Location/1");
    let answer = set(&stage, input("on_hand", json!([elsewhere])), "elsewhere").await;
    let error = json!({ "field": ["input", "quantities", "0", "locationId"],
        "message": "The specified location could not be found.", "code": "INVALID_LOCATION" });
    assert_eq!(answer["userErrors"], json!([error]));
    let twice = json!([row(&cup, 5, json!(4)), row(&tea, 1, json!(10)), row(&cup, 6, json!(4))]);
    let answer = set(&stage, input("on_hand", twice), "twice").await;
    let indexes: Vec<_> =
        answer["userErrors"].as_array().unwrap().iter().map(|error| &error["field"][2]).collect();
    assert_eq!(indexes, ["0", "2"]);
    assert_eq!(answer["userErrors"][0]["code"], "NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR");
    // Below nothing may be available, as where more was sold than is there.
    let below = set(&stage, input("available", json!([row(&cup, -3, json!(4))])), "below").await;
    assert_eq!(below["userErrors"], json!([]));
    assert_eq!(stage.shopify_effects("inventorySet").await.len(), 1);
}

#[tokio::test]
async fn what_is_wrong_with_the_whole_is_said_before_anything_else() {
    let stage = Stage::set().await;
    let tea = stage.counted("TEA", HERE, 10).await;
    let rows = json!([row(&tea, 1, json!(10))]);
    let code = |answer: &Value| answer["userErrors"][0]["code"].clone();
    assert_eq!(code(&set(&stage, input("committed", rows.clone()), "k1").await), "INVALID_NAME");
    let because = json!({ "name": "on_hand", "reason": "because", "quantities": rows });
    let answer = set(&stage, because, "k2").await;
    assert_eq!(code(&answer), "INVALID_REASON");
    assert_eq!(answer["userErrors"][0]["field"], json!(["input", "reason"]));
    let refused = |answer: Value| {
        (
            answer["errors"][0]["message"].clone(),
            answer["errors"][0]["extensions"]["code"].clone(),
            answer["errors"][0]["path"].clone(),
        )
    };
    let without_key = SET.replace("@idempotent(key: $key)", "").replace(", $key: String!", "");
    let answer = stage.graphql(&without_key, json!({ "input": input("on_hand", rows) })).await;
    let required = "The @idempotent directive is required for this mutation but was not provided.";
    assert_eq!(refused(answer), (json!(required), json!("BAD_REQUEST"), json!(["inventorySetQuantities"])));
    let blind = json!([{ "inventoryItemId": tea, "locationId": PLACE, "quantity": 1 }]);
    let answer = stage.graphql(SET, json!({ "input": input("on_hand", blind), "key": "k3" })).await;
    let required = "InventoryQuantityInput must include the following argument: changeFromQuantity.";
    assert_eq!(
        refused(answer),
        (json!(required), json!("INVALID_FIELD_ARGUMENTS"), json!(["inventorySetQuantities"]))
    );
    let many: Vec<Value> = (0..251).map(|_| row(&tea, 1, json!(10))).collect();
    let answer = stage.graphql(SET, json!({ "input": input("on_hand", json!(many)), "key": "k4" })).await;
    let most = "The input array size of 251 is greater than the maximum allowed of 250.";
    assert_eq!(
        refused(answer),
        (
            json!(most),
            json!("MAX_INPUT_SIZE_EXCEEDED"),
            json!(["inventorySetQuantities", "input", "quantities"])
        )
    );
    assert_eq!(on_hand(&stage, "TEA").await, 10);
}

#[tokio::test]
async fn a_key_answers_what_it_answered_and_nothing_else() {
    let stage = Stage::set().await;
    let tea = stage.counted("TEA", HERE, 10).await;
    let wanted = input("on_hand", json!([row(&tea, 8, json!(10))]));
    stage
        .shopify_rule(json!({ "operation": "inventorySetQuantities", "sku": "TEA", "effectThenDrop": true }))
        .await;
    let lost = stage.graphql_request(SET, json!({ "input": wanted, "key": "k1" })).send().await;
    assert!(lost.is_err());
    assert_eq!(on_hand(&stage, "TEA").await, 8);
    stage.stock("levels", json!({ "sku": "TEA", "location": HERE, "on_hand": 20 })).await;
    let answered = set(&stage, wanted.clone(), "k1").await;
    assert_eq!(answered["inventoryAdjustmentGroup"]["changes"][0]["delta"], -2);
    assert_eq!(on_hand(&stage, "TEA").await, 20, "and nothing is set again");
    let other = set(&stage, input("on_hand", json!([row(&tea, 7, json!(20))])), "k1").await;
    let message = "The same idempotency key cannot be used with different operation parameters.";
    let error = json!({ "field": null, "message": message, "code": "IDEMPOTENCY_KEY_PARAMETER_MISMATCH" });
    assert_eq!(other["userErrors"], json!([error]));
    let stale = set(&stage, wanted.clone(), "k2").await;
    assert_eq!(stale["userErrors"][0]["code"], "CHANGE_FROM_QUANTITY_STALE");
    stage.stock("levels", json!({ "sku": "TEA", "location": HERE, "on_hand": 10 })).await;
    assert_eq!(set(&stage, wanted, "k2").await, stale, "a refusal is remembered too");
    assert_eq!(on_hand(&stage, "TEA").await, 10);
    assert_eq!(stage.shopify_effects("inventorySet").await.len(), 1);
}

#[tokio::test]
async fn a_location_stocks_an_item_once_it_is_activated() {
    let stage = Stage::set().await;
    let item = stage.stock("items", json!({ "sku": "POT", "tracked": true })).await;
    let pot = item["adminGraphqlApiId"].clone();
    let activate = async |at: &str, on_hand: Value, key: &str| {
        let variables = json!({ "item": pot, "at": at, "onHand": on_hand, "key": key });
        stage.graphql(ACTIVATE, variables).await["data"]["inventoryActivate"].clone()
    };
    let level = json!({ "isActive": true, "quantities": [{ "quantity": 6 }], "item": { "sku": "POT" } });
    for _ in 0..2 {
        let answer = activate(PLACE, json!(6), "k1").await;
        assert_eq!(answer, json!({ "inventoryLevel": level, "userErrors": [] }));
    }
    assert_eq!(stage.shopify_effects("inventoryActivated").await.len(), 1);
    let again = activate(PLACE, json!(7), "k2").await;
    let already = "Not allowed to set an on_hand quantity when the item is already active at the location.";
    assert_eq!(again["userErrors"], json!([{ "field": ["onHand"], "message": already }]));
    assert_eq!(on_hand(&stage, "POT").await, 6);
    stage.stock("locations", json!({ "id": 5, "name": "Attic", "active": false })).await;
    for (at, why) in [
        ("gid://shopify/Location/5", "the location is not active"),
        ("gid://shopify/Location/6", "the location wasn't found"),
    ] {
        let answer = activate(at, Value::Null, at).await;
        assert_eq!(
            answer["userErrors"][0]["message"],
            format!("The product couldn't be stocked because {why}.")
        );
        assert_eq!(answer["inventoryLevel"], Value::Null);
    }
}

#[tokio::test]
async fn one_shop_knows_nothing_of_the_stock_of_another() {
    let stage = Stage::set().await;
    stage.counted("TEA", HERE, 10).await;
    let other = "other.myshopify.com";
    stage.stock(&format!("items?shop={other}"), json!({ "sku": "TEA", "tracked": true })).await;
    stage.place(&format!("announce=false&sku=TEA&quantity=4&shop={other}")).await;
    assert_eq!(stage.level("TEA", HERE).await["committed"], 0);
    let query = json!({ "query": "{ inventoryItems(first: 5) { nodes { inventoryLevels(first: 5) { nodes { quantities(names: [\"committed\"]) { quantity } } } } } }" });
    for (path, committed) in [
        ("/admin/api/2026-07/graphql.json".to_owned(), 0),
        (format!("/shops/{other}/admin/api/2026-07/graphql.json"), 4),
    ] {
        let request =
            stage.http.post(stage.shopify_url(&path)).header("X-Shopify-Access-Token", "shpat_demo_token");
        let answer: Value = request.json(&query).send().await.unwrap().json().await.unwrap();
        let nodes = &answer["data"]["inventoryItems"]["nodes"];
        assert_eq!(nodes.as_array().unwrap().len(), 1);
        assert_eq!(nodes[0]["inventoryLevels"]["nodes"][0]["quantities"], json!([{ "quantity": committed }]));
    }
}

#[tokio::test]
async fn items_are_found_by_search_and_by_id_and_what_costs_too_much_is_refused() {
    let stage = Stage::set().await;
    let tea = stage.counted("TEA", HERE, 10).await;
    let cup = stage.counted("CUP", HERE, 4).await;
    let number = |id: &str| id.rsplit('/').next().unwrap().to_owned();
    let search = "query($q: String) { inventoryItems(first: 5, query: $q) { nodes { sku } } }";
    let found = async |q: String| {
        stage.graphql(search, json!({ "q": q })).await["data"]["inventoryItems"]["nodes"].clone()
    };
    assert_eq!(
        found(format!("id:{} OR id:{}", number(&tea), number(&cup))).await,
        json!([{ "sku": "TEA" }, { "sku": "CUP" }])
    );
    assert_eq!(found("sku:cup".to_owned()).await, json!([{ "sku": "CUP" }]));
    let unknown = stage.graphql(search, json!({ "q": "vendor:me" })).await;
    assert!(unknown["errors"][0]["message"].as_str().unwrap().contains("vendor:me"));
    let nodes = "query($ids: [ID!]!, $at: ID!) { nodes(ids: $ids) { __typename id ... on InventoryItem { here: inventoryLevel(locationId: $at) { isActive } variants(first: 1) { nodes { requiresComponents inventoryItem { sku } } } } ... on Location { name } } }";
    let ids = json!([tea, "gid://shopify/InventoryItem/1", PLACE]);
    let answer = stage.graphql(nodes, json!({ "ids": ids, "at": PLACE })).await;
    let item = json!({ "__typename": "InventoryItem", "id": tea, "here": { "isActive": true }, "variants": { "nodes": [{ "requiresComponents": false, "inventoryItem": { "sku": "TEA" } }] } });
    assert_eq!(
        answer["data"]["nodes"],
        json!([item, null, { "__typename": "Location", "id": PLACE, "name": "Location 655441491" }])
    );
    let dear = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on InventoryItem { inventoryLevels(first: 50) { nodes { id } } } } }";
    let many: Vec<&String> = std::iter::repeat_n(&tea, 250).collect();
    let refused = stage.graphql(dear, json!({ "ids": many })).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "MAX_COST_EXCEEDED");
}
