//! Answering a parked step with a change of the order, in one command.

use super::*;

async fn edits(world: &World, order: &Placed) -> Vec<Value> {
    let path = world.api(&format!("/api/orders/{}", number_of(world, order).await));
    let shown: Value = world.http.get(path).send().await.unwrap().json().await.unwrap();
    shown["edits"].as_array().expect("a list").clone()
}

async fn parked_by_its_address(world: &World, sku: &str) -> Placed {
    world.stock(sku, 5).await;
    world.wms_rule(json!({"operation": "createShipment", "sku": sku, "code": "bad_address"})).await;
    let order = Placed::new(SHOP, &[sku], 1);
    world.place(&order).await;
    world.until_parked(&order).await;
    order
}

#[test]
fn a_retry_with_another_address_is_one_command_and_leaves_no_address_in_the_history() {
    let world = &*WORLD;
    world::run(async {
        let sku = "RETRY-ADDRESS";
        let order = parked_by_its_address(world, sku).await;
        let address =
            json!({"name": "Ada", "address1": "1 Righted Street", "city": "London", "countryCode": "gb"});
        let answer = json!({
            "action": "retry", "reason": "the customer called",
            "edit": {"requestId": "ticket-9", "address": address},
        });
        let (status, body) = resolve(world, &order, answer.clone()).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        world.until_shipped(&order).await;
        let created = world.wms_effects(sku, "shipmentCreated").await;
        assert_eq!(created[0]["shipTo"]["address1"], "1 Righted Street", "{created:?}");
        let made = edits(world, &order).await;
        assert_eq!((made.len(), &made[0]["member"]), (1, &json!("ADDRESS")), "{made:?}");
        assert_eq!(made[0]["reason"], "the customer called");
        assert_eq!(made[0]["by"], "ada");
        assert!(history_says(world, &order, "the customer called").await, "the reason is");
        assert!(!history_says(world, &order, "Righted").await, "no address is in the history");
        // Whoever did not hear the answer hears it now; a new one has nothing to answer, and changes nothing more.
        assert_eq!(resolve(world, &order, answer.clone()).await.0, StatusCode::OK);
        let mut another = answer;
        another["edit"]["requestId"] = json!("ticket-10");
        assert_eq!(resolve(world, &order, another).await.0, StatusCode::CONFLICT);
        assert_eq!(edits(world, &order).await.len(), 1);
    });
}

#[test]
fn a_retry_with_an_edit_that_cannot_be_is_refused_whole() {
    let world = &*WORLD;
    world::run(async {
        let order = parked_by_its_address(world, "RETRY-REFUSED").await;
        let line = order.body["line_items"][0]["id"].to_string();
        let rome = json!({"address1": "1 Via", "city": "Rome", "countryCode": "Italy"});
        for (edit, status, field) in [
            (json!({}), StatusCode::BAD_REQUEST, "edit.address"),
            (json!({"address": rome}), StatusCode::BAD_REQUEST, "edit.address.countryCode"),
            (json!({"warehouseId": "nowhere"}), StatusCode::BAD_REQUEST, "edit.warehouseId"),
            (
                json!({"lines": [{"lineId": "999", "sku": "RETRY-REFUSED"}]}),
                StatusCode::BAD_REQUEST,
                "edit.lines",
            ),
        ] {
            let (answered, body) = resolve(world, &order, json!({"action": "retry", "edit": edit})).await;
            assert_eq!((answered, &body["field"]), (status, &json!(field)), "{edit}: {body}");
        }
        let nowhere = json!({"lines": [{"lineId": line, "sku": "RETRY-NOWHERE"}]});
        let (status, body) = resolve(world, &order, json!({"action": "retry", "edit": nowhere})).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{body}");
        let skip = json!({"action": "skip", "reason": "x", "edit": {"warehouseId": "main"}});
        let (status, body) = resolve(world, &order, skip).await;
        assert_eq!((status, &body["field"]), (StatusCode::BAD_REQUEST, &json!("edit")), "{body}");
        // The same by Update, where a value is looked at when it is made.
        for (edit, named) in [
            (json!({"lines": [{"lineId": line, "sku": "RETRY-NOWHERE"}]}), "lines"),
            (json!({"lines": [{"lineId": "999", "sku": "RETRY-REFUSED"}]}), "lines"),
            (json!({"warehouseId": "nowhere"}), "warehouseId"),
            (json!({"address": {"city": "Rome"}}), "edit.address"),
            (json!("in_message"), "message"),
        ] {
            let refused = world.resolve(&order, json!({"action": "retry", "edit": edit})).await.unwrap_err();
            assert!(refused.contains(named), "{edit}: {refused}");
        }
        assert!(edits(world, &order).await.is_empty(), "nothing half done");
        assert_eq!(world.open_attention(&order).await.len(), 1);
        let tried = world.attention(&order).await.len();
        assert_eq!(tried, 1, "and nothing was tried");
    });
}

#[test]
fn a_line_is_mapped_and_a_warehouse_chosen_by_the_answer_itself() {
    let world = &*WORLD;
    world::run(async {
        world.stock("RETRY-RIGHT", 5).await;
        for by_update in [true, false] {
            let order = Placed::new(SHOP, &["RETRY-WRONG"], 1);
            world.place(&order).await;
            assert_eq!(world.until_parked(&order).await, "UNKNOWN_SKU");
            let line = order.body["line_items"][0]["id"].to_string();
            let edit = json!({"lines": [{"lineId": line, "sku": "RETRY-RIGHT"}], "warehouseId": "main"});
            let answer = json!({"action": "retry", "edit": edit});
            if by_update {
                world.resolve(&order, answer).await.expect("it is taken");
            } else {
                assert_eq!(resolve(world, &order, answer).await.0, StatusCode::OK);
            }
            world.until_shipped(&order).await;
            assert_eq!(edits(world, &order).await.len(), 2);
        }
        assert_eq!(world.pieces_shipped("RETRY-RIGHT").await, 2);
    });
}

#[test]
fn an_order_whose_run_is_gone_begins_anew_with_the_change() {
    let world = &*WORLD;
    world::run(async {
        let sku = "RETRY-GONE";
        let order = parked_by_its_address(world, sku).await;
        world.workflow(&order.workflow()).terminate(Default::default()).await.expect("the run ends");
        world.until_order(&order, "conditionReason", &["RUN_GONE"]).await;
        let address = json!({"address1": "2 Other Street", "city": "London", "countryCode": "GB"});
        let answer = json!({"action": "retry", "edit": {"address": address}});
        let (status, body) = resolve(world, &order, answer).await;
        assert!(status.is_success(), "{body}");
        world.until_shipped(&order).await;
        let created = world.wms_effects(sku, "shipmentCreated").await;
        assert_eq!(created[0]["shipTo"]["address1"], "2 Other Street", "{created:?}");
    });
}
