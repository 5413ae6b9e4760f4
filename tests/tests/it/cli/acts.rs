//! What people do with lanes, with orders that are stuck and with what waits for them, at a terminal.

use std::time::Duration;

use serde_json::{Value, json};

use super::{api_answers, number, waybill, waybill_with_token};
use crate::{
    line::WORLD,
    paths::places::stock_at,
    world::{self, Placed, Plan, SHOP, TRUSTING_SHOP, Webhook, World, until},
};

/// An order that the warehouse refuses, with this code, and its number.
async fn refused(world: &World, shop: &str, sku: &str, code: &str) -> (Placed, String) {
    world.stock(sku, 5).await;
    world.wms_rule(json!({"operation": "createShipment", "sku": sku, "code": code})).await;
    let order = Placed::new(shop, &[sku], 1);
    world.place(&order).await;
    world.until_parked(&order).await;
    let number = number(&world.order(&order).await).to_owned();
    (order, number)
}

async fn edits(world: &World, number: &str) -> Vec<Value> {
    api_answers(world, &format!("/api/orders/{number}")).await["edits"].as_array().expect("a list").clone()
}

#[test]
fn a_lane_is_paused_and_resumed_by_name_and_an_order_that_waits_for_it_says_so() {
    world::run(async {
        let world = World::start(Plan::default()).await;
        let sku = "CLI-LANE";
        world.stock(sku, 5).await;
        let token = world.token_of("operator", "cli-ada");
        let pause = ["lanes", "pause", "warehouse", "--reason", "a move"];
        let paused = waybill_with_token(&world.api(""), &token, &pause).await.ended_well();
        assert_eq!(paused.out(), "It is paused.\n");
        until("the worker has heard of it", Duration::from_secs(5), async || {
            let shown = "waybill_lane_paused{lane=\"warehouse\",cause=\"PERSON\"} 1";
            world.worker_metrics().await.contains(shown).then_some(())
        })
        .await;

        let order = Placed::new(SHOP, &[sku], 1);
        world.place(&order).await;
        let number = number(&world.order(&order).await).to_owned();
        let shown = until("it says what it waits for", Duration::from_secs(30), async || {
            let shown = waybill(&world, &["orders", "show", &number]).await.ended_well();
            shown.out().contains("It waits for").then_some(shown)
        })
        .await;
        let waits = shown.line("It waits for the lane warehouse, which is paused (PERSON) since");
        assert!(waits.ends_with(". Nothing has to be done for it."), "{waits}");
        let listed = waybill(&world, &["lanes", "list"]).await.ended_well();
        let columns: Vec<&str> = listed.out().lines().next().unwrap().split_whitespace().collect();
        assert_eq!(columns[..5], ["LANE", "ORDERS", "WAITING", "STATE", "WHY"]);
        let row: Vec<&str> = listed.line("warehouse ").split_whitespace().collect();
        assert_eq!(row[1..5], ["1", "1", "paused", "(PERSON)"], "{listed:?}");
        assert!(listed.line("warehouse ").contains("cli-ada: a move"), "{listed:?}");
        let shop = listed.line(&format!("shopify-{SHOP}"));
        assert!(shop.contains(" runs"), "the lane of the shop goes on: {shop}");

        for (wrong, code) in [
            (["lanes", "pause", "nowhere", "--reason", "x"].as_slice(), 3),
            (&["lanes", "resume", "nowhere", "--reason", "x"], 3),
            (&["lanes", "resume", "warehouse", "--reason", " "], 1),
            (&["lanes", "resume", "warehouse"], 2),
        ] {
            let ended = waybill(&world, wrong).await;
            assert_eq!((ended.code(), ended.out()), (code, ""), "{wrong:?} {ended:?}");
        }
        let looks_on = world.token("viewer");
        let ended = waybill_with_token(&world.api(""), &looks_on, &pause).await;
        assert_eq!(ended.code(), 5, "{ended:?}");
        assert!(world.references(sku).await.is_empty(), "nobody called the warehouse");

        let resume = ["lanes", "resume", "warehouse", "--reason", "they have moved"];
        assert_eq!(waybill(&world, &resume).await.ended_well().out(), "It is resumed.\n");
        world.until_shipped(&order).await;
        let listed = waybill(&world, &["lanes", "list"]).await.ended_well();
        assert!(listed.line("warehouse ").contains(" runs"), "{listed:?}");
        let shown = waybill(&world, &["orders", "show", &number]).await.ended_well();
        assert!(!shown.out().contains("It waits for"), "{shown:?}");
    });
}

#[test]
fn a_sku_a_warehouse_and_an_address_are_mended_and_the_order_goes_on() {
    let world = &*WORLD;
    world::run(async {
        world.stock("CLI-EDIT-RIGHT", 5).await;
        let order = Placed::new(SHOP, &["CLI-EDIT-WRONG"], 2);
        world.place(&order).await;
        assert_eq!(world.until_parked(&order).await, "UNKNOWN_SKU");
        let number = number(&world.order(&order).await).to_owned();
        let line = order.body["line_items"][0]["id"].to_string();
        let edit = async |changed: &[&str]| {
            let reason = ["orders", "edit", &number, "--reason", "the customer called"];
            waybill(world, &[&reason[..], changed].concat()).await
        };
        for (wrong, code, named) in [
            (["--sku", "CLI-EDIT-RIGHT"].as_slice(), 2, "LINE=SKU"),
            (&["--address1", "1 Right Street"], 2, "--city"),
            (&["--sku", "999=CLI-EDIT-RIGHT"], 1, "lines"),
            (&["--warehouse", "nowhere"], 1, "warehouseId"),
        ] {
            let ended = edit(wrong).await;
            assert_eq!((ended.code(), ended.out()), (code, ""), "{wrong:?} {ended:?}");
            assert!(ended.err().contains(named), "{wrong:?} {ended:?}");
        }
        assert_eq!(edits(world, &number).await, [Value::Null; 0]);
        let ended = edit(&["--sku", &format!("{line}=CLI-EDIT-RIGHT"), "--request-id", "cli-1"]).await;
        ended.ended_well().line("It is changed");
        world.until_shipped(&order).await;
        assert_eq!(world.pieces_shipped("CLI-EDIT-RIGHT").await, 2);
        let made = edits(world, &number).await;
        assert_eq!((&made[0]["member"], &made[0]["value"]), (&json!("SKU"), &json!("CLI-EDIT-RIGHT")));
        assert_eq!(made[0]["reason"], "the customer called");

        let sku = "CLI-EDIT-AT";
        let (order, number) = refused(world, SHOP, sku, "unknown_sku").await;
        stock_at(world, "far", "CLI-EDIT-OTHER", 1).await;
        let path = world.api(&format!("/api/inventory/{sku}/receive"));
        let delivery = json!({"quantity": 5, "warehouseId": "far"});
        assert_eq!(world.http.post(path).json(&delivery).send().await.unwrap().status(), 200);
        let reason = "it is nearer";
        waybill(world, &["orders", "edit", &number, "--warehouse", "far", "--reason", reason])
            .await
            .ended_well();
        world.until_shipped(&order).await;
        let from = world.references(sku).await;
        assert!(from.len() == 1 && from[0].contains("-far-"), "{from:?}");

        let sku = "CLI-EDIT-ADDRESS";
        let (order, number) = refused(world, SHOP, sku, "bad_address").await;
        let elsewhere = [
            &["orders", "edit", &number, "--reason", "a wrong street", "--address1", "1 Right Street"][..],
            &["--city", "London", "--zip", "SW1Y 4JH", "--country", "gb", "--name", "Ada Byron"],
        ]
        .concat();
        waybill(world, &elsewhere).await.ended_well();
        world.until_shipped(&order).await;
        let ship_to = world.wms_effects(sku, "shipmentCreated").await[0]["shipTo"].clone();
        for (member, value) in
            [("address1", "1 Right Street"), ("city", "London"), ("countryCode", "GB"), ("name", "Ada Byron")]
        {
            assert_eq!(ship_to[member], value, "{ship_to}");
        }
    });
}

#[test]
fn an_answer_brings_its_edit_with_it_and_said_again_changes_nothing_more() {
    let world = &*WORLD;
    world::run(async {
        let sku = "CLI-RESOLVE";
        let (order, number) = refused(world, SHOP, sku, "bad_address").await;
        let answer = [
            &["orders", "resolve", &number, "retry", "--reason", "the customer called"][..],
            &["--address1", "2 Mended Street", "--city", "London", "--country", "GB"],
            &["--request-id", "cli-resolve"],
        ]
        .concat();
        waybill(world, &answer).await.ended_well().line("Answered");
        world.until_shipped(&order).await;
        let created = world.wms_effects(sku, "shipmentCreated").await;
        assert_eq!(created[0]["shipTo"]["address1"], "2 Mended Street", "{created:?}");
        let rows = world.attention(&order).await;
        assert_eq!(
            (rows.len(), rows[0].resolution.as_deref(), rows[0].resolve_reason.as_deref()),
            (1, Some("retry"), Some("the customer called"))
        );
        waybill(world, &answer).await.ended_well();
        assert_eq!(edits(world, &number).await.len(), 1);
        // Whoever skips says why.
        let (order, number) = refused(world, SHOP, "CLI-RESOLVE-SKIP", "bad_address").await;
        let skip = waybill(world, &["orders", "resolve", &number, "skip"]).await;
        assert_eq!((skip.code(), skip.out()), (1, ""), "{skip:?}");
        assert!(skip.err().contains("reason"), "{skip:?}");
        assert_eq!(world.open_attention(&order).await.len(), 1);
    });
}

#[test]
fn what_is_of_no_order_is_listed_and_said_to_be_dealt_with() {
    let world = &*WORLD;
    world::run(async {
        let webhook = Webhook::new(SHOP, "orders/create", json!({"id": "of-no-order"}));
        world.deliver_webhook(&webhook).await;
        let message: i64 = until("it is found to be unreadable", Duration::from_secs(30), async || {
            sqlx::query_scalar(
                "SELECT inbox_id FROM integration.inbox WHERE message_id = $1 AND state = 'UNREADABLE'",
            )
            .bind(&webhook.id)
            .fetch_optional(&world.pool)
            .await
            .unwrap()
        })
        .await;
        let of = format!("message {message} ");
        let listed = waybill(world, &["attention", "list", "--all"]).await.ended_well();
        let row = listed.line(&of).split_whitespace().next().expect("its id").to_owned();
        assert!(listed.line(&of).contains("done"), "what may be answered: {listed:?}");
        assert_eq!(waybill(world, &["attention", "done", &row]).await.code(), 2, "why is asked");
        let done = ["attention", "done", &row, "--reason", "the shop was told"];
        assert_eq!(waybill(world, &done).await.ended_well().out(), "It waits no more.\n");
        let listed = waybill(world, &["attention", "list", "--all"]).await.ended_well();
        assert!(!listed.out().contains(&of), "{listed:?}");
        let kept: (Option<String>, Option<String>) = sqlx::query_as(
            "SELECT resolution, resolve_reason FROM orders.attention WHERE attention_id = $1::bigint",
        )
        .bind(row.parse::<i64>().unwrap())
        .fetch_one(&world.pool)
        .await
        .unwrap();
        assert_eq!(kept, (Some("done".to_owned()), Some("the shop was told".to_owned())));
    });
}

#[test]
fn what_became_of_an_answer_to_many_is_listed_and_reported_by_order() {
    let world = &*WORLD;
    world::run(async {
        // No other test of this world has orders of that shop refused.
        let (order, number) = refused(world, TRUSTING_SHOP, "CLI-MANY", "bad_address").await;
        let meant = format!("step=hand_over,reason=wms_bad_address,shop={TRUSTING_SHOP}");
        let answer =
            ["attention", "answer", "retry", "--where", &meant, "--reason", "the streets are mended"];
        let tried = waybill(world, &[&answer[..], &["--dry-run"]].concat()).await.ended_well();
        tried.line(&number);
        tried.line("1 would be answered.");
        assert_eq!(world.open_attention(&order).await.len(), 1, "a dry run answers nobody");
        let sent = waybill(world, &[&answer[..], &["--request-id", "cli-many"]].concat()).await.ended_well();
        sent.line("1 will be answered; `waybill attention answers cli-many`");
        world.until_shipped(&order).await;
        let report = until("it is reported", Duration::from_secs(30), async || {
            let report = waybill(world, &["attention", "answers", "cli-many"]).await.ended_well();
            report.out().contains("ANSWERED").then_some(report)
        })
        .await;
        let row: Vec<&str> = report.line(&number).split_whitespace().collect();
        assert_eq!(row[..2], [&number, "ANSWERED"], "{report:?}");
        let listed = waybill(world, &["attention", "answers"]).await.ended_well();
        let row: Vec<&str> = listed.line("cli-many").split_whitespace().collect();
        assert_eq!(row[..4], ["cli-many", "retry", "1", "1"], "{listed:?}");
        assert!(listed.line("cli-many").contains("the streets are mended"), "{listed:?}");
        assert_eq!(waybill(world, &["attention", "answers", "nobodys"]).await.code(), 3);
    });
}
