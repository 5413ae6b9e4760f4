//! Nine o'clock: what happened in the night is seen, understood and answered, on the console alone.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};

use super::{Browser, at_the_warehouse, browser::Page, fill_in_address, page_of, refused};
use crate::{
    proof::assert_clean,
    world::{self, Placed, Plan, Program, World},
};

/// A shop whose orders are never at fault for an outage.
const CALM: &str = r#"
[[shops]]
domain = "calm.myshopify.com"
admin_url = "SHOPIFY_URL"
admin_token = "SHOPIFY_ADMIN_TOKEN"
webhook_secrets = ["SHOPIFY_WEBHOOK_SECRET"]
policy = { call_retry = { first_wait = "200ms", longest_wait = "1s", attempts = 3 }, look_before_hand_over = false }
"#;
const CALM_SHOP: &str = "calm.myshopify.com";

#[test]
fn a_morning_with_an_outage_a_wrong_address_and_many_of_one_cause_is_dealt_with() {
    world::run(async {
        let world = World::start(Plan { file: CALM, ..Plan::default() }).await;
        let browser = Browser::start().await;
        let page = browser.page(&world).await;
        page.open("/").await;
        page.until_says("#headline", "All lanes run. Nothing needs you.").await;
        page.mark().await;

        // The warehouse system is down.
        world.stock("NINE", 100).await;
        world.wms_rule(json!({"operation": "*", "status": 503, "times": 100_000})).await;
        let orders: Vec<Placed> = (0..6).map(|_| Placed::new(CALM_SHOP, &["NINE"], 1)).collect();
        join_all(orders.iter().map(|order| world.place(order))).await;
        let sentence = page.until_says("#headline", "6 orders wait for it.").await;
        assert!(sentence.contains("The warehouse system is down since"), "{sentence}");
        assert!(sentence.contains("Nothing needs you."), "an outage is nobody's work: {sentence}");
        page.picture("outage").await;
        let answer = world.http.put(world.wms("/_faults")).json(&json!({"rules": []})).send().await.unwrap();
        assert!(answer.status().is_success());
        let over = "6 orders waited for it and went on by themselves. Nothing needs you.";
        let sentence = page.until_says("#headline", over).await;
        assert!(sentence.contains("All lanes run. The warehouse system was down from"), "{sentence}");
        assert!(page.is_marked().await, "it was never loaded again");
        page.picture("over").await;
        join_all(orders.iter().map(|order| world.until_shipped(order))).await;
        let waited = browser.page(&world).await;
        waited.open(&page_of(&world, &orders[0]).await).await;
        waited.until_says("#timeline", "It waited for whom it is to call").await;

        correct_an_address(&world, &page).await;
        answer_many(&world, &page).await;
        page.open("/").await;
        page.until_says("#headline", over).await;
        assert_eq!(page.troubles(), [""; 0]);
        outlive_a_deployment(&world, &browser).await;
        assert_clean(&world).await;
    });
}

/// The warehouse refuses the first address, and the corrected one once more before it takes it.
async fn correct_an_address(world: &World, page: &Page) {
    let sku = "NINE-ADDRESS";
    world
        .wms_rule(
            json!({"operation": "shipment", "sku": sku, "shipAfterMs": 4000, "deliverAfterMs": 600_000}),
        )
        .await;
    world.wms_rule(json!({"operation": "createShipment", "sku": sku, "code": "bad_address"})).await;
    let order = refused(world, CALM_SHOP, sku, 1).await.remove(0);
    page.until_says("#headline", "1 order needs you").await;
    page.until_says("#rail", "Needs attention 1").await;
    assert!(page.is_marked().await, "it was never loaded again");

    page.click("#rail a[href='/console/attention']").await;
    page.until_says("#queue", "The warehouse refuses its address").await;
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })").await;
    page.until_says("#queue .difference", "NINE-ADDRESS in main").await;
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = false; })").await;
    // Keys are heard once the script has run, which comes after what it is for can be read.
    page.until("the page is whole", async || {
        (page.evaluate("document.readyState").await == "complete").then_some(())
    })
    .await;
    // By the keyboard: the next row, which is opened.
    page.press("j").await;
    page.press("Enter").await;
    page.until_says("#now", "The warehouse refuses its address").await;
    page.click("#act-address > summary").await;
    fill_in_address(page, "1 Right Street").await;
    page.click("#act-address form button").await;
    page.until_told("It is changed").await;
    page.until("it is refused again, and was tried", async || {
        (world.attention(&order).await.len() == 2).then_some(())
    })
    .await;
    page.until_says("#now", "The warehouse refuses its address").await;

    page.press("r").await;
    page.until("there is a place for the reason", async || {
        (page.evaluate("document.activeElement.name").await == "reason").then_some(())
    })
    .await;
    page.type_text("they know the street now").await;
    page.press("Enter").await;
    page.until_told("It is tried again.").await;
    page.mark().await;
    assert_ne!(world.order(&order).await["status"], "SHIPPED", "it is seen to ship");
    page.until_says("#stands", "Shipped").await;
    assert!(page.is_marked().await, "it was never loaded again");
    let created = world.wms_effects(sku, "shipmentCreated").await;
    assert_eq!(created[0]["shipTo"]["address1"], "1 Right Street", "{created:?}");
    let answered = world.attention(&order).await;
    assert_eq!(answered[1].resolve_reason.as_deref(), Some("they know the street now"), "{answered:?}");
    page.picture("shipped").await;
}

/// Several that stopped for one cause are tried again by one answer.
async fn answer_many(world: &World, page: &Page) {
    page.open("/attention").await;
    page.until_says("#queue", "Nothing waits for a person.").await;
    page.mark().await;
    let orders = refused(world, CALM_SHOP, "NINE-MANY", 4).await;
    page.until_says("#causes-part", "Retry all 4").await;
    assert!(page.is_marked().await, "it was never loaded again");
    page.click("#causes-part a.main").await;
    page.until_says("h1", "Retry: 4 orders").await;
    assert_eq!(page.count("tr[data-row]").await, 4, "a dry run names them");
    assert_eq!(world.pieces_shipped("NINE-MANY").await, 0);
    page.picture("dry-run").await;
    page.fill("#why", "the warehouse mended its list of streets").await;
    page.double_click("form.panel button").await;
    page.until_told("They are being answered").await;
    page.mark().await;
    page.until("each one is reported", async || {
        let rows = page.texts("tr[data-row] td:nth-child(2)").await;
        (rows == ["answered"; 4]).then_some(())
    })
    .await;
    page.until("each one has left", async || {
        let rows = page.texts("tr[data-row] td:nth-child(3)").await;
        (rows.len() == 4 && rows.iter().all(|row| row == "Shipped" || row == "Delivered")).then_some(())
    })
    .await;
    assert!(page.is_marked().await, "it was never loaded again");
    page.picture("report").await;
    join_all(orders.iter().map(|order| world.until_shipped(order))).await;
    let all: Vec<Value> =
        world.http.get(world.api("/api/bulk-answers")).send().await.unwrap().json().await.unwrap();
    assert_eq!(all.len(), 1, "a double click is one answer");
    world::until("none waits any more", Duration::from_secs(10), async || {
        join_all(orders.iter().map(|order| world.open_attention(order)))
            .await
            .concat()
            .is_empty()
            .then_some(())
    })
    .await;
}

/// The API is started anew while a page of it is open, which misses nothing.
async fn outlive_a_deployment(world: &World, browser: &Browser) {
    let (order, reference) = at_the_warehouse(world, "NINE-DEPLOYED").await;
    let page = browser.page(world).await;
    page.open(&page_of(world, &order).await).await;
    page.mark().await;
    world.kill(Program::Api);
    world.start_program(Program::Api);
    world.until_ready().await;
    // Before the page has found its way back.
    world.warehouse_does(&reference, "ship").await;
    page.until_says("#stands", "Shipped").await;
    assert!(page.is_marked().await, "it was never loaded again");
}
