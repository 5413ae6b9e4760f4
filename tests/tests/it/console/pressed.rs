//! Each button that no other test presses, by what it comes to: in the database, at the warehouse, in a file.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Browser, browser::Page, edits, page_of, refused};
use crate::{
    paths::places::stock_at,
    world::{self, APPROVING_SHOP, Placed, Plan, Program, SHOP, UNSEEN_SHOP, Webhook, World, until},
};

async fn read(world: &World, path: &str) -> Value {
    world.http.get(world.api(path)).send().await.unwrap().json().await.unwrap()
}

/// Opens a form, says why, and sends it.
async fn act(page: &Page, form: &str, why: &str, reason: &str) {
    page.click(&format!("#{form} > summary")).await;
    send(page, form, why, reason).await;
}

async fn send(page: &Page, form: &str, why: &str, reason: &str) {
    page.fill(&format!("#{why}"), reason).await;
    page.click(&format!("#{form} form button")).await;
}

#[test]
fn what_is_pressed_is_done_and_kept_with_its_reason() {
    world::run(async {
        let world = World::start(Plan::default()).await;
        let browser = Browser::start().await;
        let page = browser.page(&world).await;
        a_lane_is_paused_and_resumed(&world, &page).await;
        stock_is_counted(&world, &page).await;
        a_sku_and_a_warehouse_are_changed(&world, &page).await;
        an_order_is_approved(&world, &page).await;
        a_message_is_looked_at_again(&world, &page).await;
        dead_letters_are_sent_again_and_given_up(&world, &page).await;
        an_answer_to_many_is_stopped(&world, &page).await;
        the_audit_trail_is_taken_as_a_file(&world, &page).await;
        assert_eq!(page.troubles(), [""; 0]);
    });
}

async fn a_lane_is_paused_and_resumed(world: &World, page: &Page) {
    let pauses = async || {
        let lanes = read(world, "/api/lanes").await;
        let lane = lanes.as_array().unwrap().iter().find(|lane| lane["lane"] == "warehouse").cloned();
        lane.expect("the lane")["pauses"].clone()
    };
    page.open("/lanes?open=warehouse").await;
    // The form of a lane that runs is open.
    send(page, "pause", "why-pause", "they move house").await;
    page.until_told("It is paused.").await;
    let paused = pauses().await;
    assert_eq!((&paused[0]["cause"], &paused[0]["reason"]), (&json!("PERSON"), &json!("they move house")));
    until("the worker has heard of it", Duration::from_secs(5), async || {
        let shown = "waybill_lane_paused{lane=\"warehouse\",cause=\"PERSON\"} 1";
        world.worker_metrics().await.contains(shown).then_some(())
    })
    .await;
    let sku = "PRESSED-LANE";
    world.stock(sku, 5).await;
    let order = Placed::new(SHOP, &[sku], 1);
    world.place(&order).await;
    page.open(&page_of(world, &order).await).await;
    page.until_says("#now", "It waits for the warehouse system").await;
    assert!(world.references(sku).await.is_empty());

    page.open("/lanes?open=warehouse").await;
    send(page, "resume", "why-resume", "they have moved").await;
    page.until_told("It goes on.").await;
    assert_eq!(pauses().await, json!([]));
    world.until_shipped(&order).await;
    let kept: (String, String) =
        sqlx::query_as("SELECT reason, resume_reason FROM orders.lane_pauses WHERE cause = 'PERSON'")
            .fetch_one(&world.pool)
            .await
            .unwrap();
    assert_eq!(kept, ("they move house".to_owned(), "they have moved".to_owned()));
}

async fn stock_is_counted(world: &World, page: &Page) {
    let sku = "PRESSED-COUNT";
    world.stock(sku, 9).await;
    page.open(&format!("/stock/{sku}")).await;
    page.click("#act-count > summary").await;
    page.fill("#count-found", "7").await;
    page.fill("#why-count", "yearly count").await;
    page.double_click("#act-count form button").await;
    page.until_told("Found: 7 pieces; on hand: 7.").await;
    assert_eq!((world.on_hand(sku).await, world.available(sku).await), (7, 7));
    let moved = read(world, &format!("/api/inventory/{sku}/movements")).await;
    let counted: Vec<&Value> =
        moved.as_array().unwrap().iter().filter(|moved| moved["kind"] == "COUNT").collect();
    assert_eq!(counted.len(), 1, "a double click is one count: {moved}");
    assert_eq!((&counted[0]["onHandDelta"], &counted[0]["reason"]), (&json!(-2), &json!("yearly count")));
}

async fn a_sku_and_a_warehouse_are_changed(world: &World, page: &Page) {
    world.stock("PRESSED-RIGHT", 5).await;
    let order = Placed::new(SHOP, &["PRESSED-WRONG"], 2);
    world.place(&order).await;
    assert_eq!(world.until_parked(&order).await, "UNKNOWN_SKU");
    page.open(&page_of(world, &order).await).await;
    page.click("#act-sku > summary").await;
    page.fill("#edit-sku", "PRESSED-RIGHT").await;
    send(page, "act-sku", "why-sku", "a slip in the shop").await;
    page.until_told("It is changed").await;
    world.until_shipped(&order).await;
    assert_eq!(world.pieces_shipped("PRESSED-RIGHT").await, 2);
    let made = edits(world, &order).await;
    assert_eq!((&made[0]["member"], &made[0]["value"]), (&json!("SKU"), &json!("PRESSED-RIGHT")));
    assert_eq!(made[0]["reason"], "a slip in the shop");

    let sku = "PRESSED-AT";
    let order = refused(world, SHOP, sku, 1).await.remove(0);
    stock_at(world, "pressed-far", "PRESSED-OTHER", 1).await;
    let path = world.api(&format!("/api/inventory/{sku}/receive"));
    let delivery = json!({"quantity": 5, "warehouseId": "pressed-far"});
    assert_eq!(world.http.post(path).json(&delivery).send().await.unwrap().status(), 200);
    page.open(&page_of(world, &order).await).await;
    page.click("#act-warehouse > summary").await;
    page.evaluate("document.getElementById('edit-warehouse').value = 'pressed-far'").await;
    send(page, "act-warehouse", "why-warehouse", "it is nearer").await;
    page.until_told("It is changed").await;
    world.until_shipped(&order).await;
    let from = world.references(sku).await;
    assert!(from.len() == 1 && from[0].contains("-pressed-far-"), "{from:?}");
    assert_eq!(world.available(sku).await, 104, "what was held in the other warehouse is given back");
}

async fn an_order_is_approved(world: &World, page: &Page) {
    let sku = "PRESSED-APPROVED";
    world.stock(sku, 5).await;
    let order = Placed::new(APPROVING_SHOP, &[sku], 1).with("tags", json!("check"));
    world.place(&order).await;
    assert_eq!(world.until_parked(&order).await, "APPROVAL");
    page.open(&page_of(world, &order).await).await;
    page.click("#now details[id$='-approve'] > summary").await;
    page.fill("#now input[id$='-approve']", "known to us").await;
    page.click("#now details[id$='-approve'] form button").await;
    page.until_told("It is approved and goes on.").await;
    world.until_shipped(&order).await;
    let rows = world.attention(&order).await;
    assert_eq!(
        (rows.len(), rows[0].resolution.as_deref(), rows[0].resolve_reason.as_deref()),
        (1, Some("approve"), Some("known to us"))
    );
}

async fn a_message_is_looked_at_again(world: &World, page: &Page) {
    let sku = "PRESSED-REPLAYED";
    world.stock(sku, 5).await;
    let order = Placed::new(SHOP, &[sku], 1);
    world.place_silently(&order).await;
    let webhook = Webhook::new(SHOP, "orders/create", json!({"id": "none"}));
    world.deliver_webhook(&webhook).await;
    let state = async || {
        let state: String = sqlx::query_scalar("SELECT state FROM integration.inbox WHERE message_id = $1")
            .bind(&webhook.id)
            .fetch_one(&world.pool)
            .await
            .unwrap();
        state
    };
    until("it cannot be read", Duration::from_secs(30), async || {
        (state().await == "UNREADABLE").then_some(())
    })
    .await;
    // As a version that can read it would find it.
    sqlx::query("UPDATE integration.inbox SET body = $2 WHERE message_id = $1")
        .bind(&webhook.id)
        .bind(order.body.to_string().into_bytes())
        .execute(&world.pool)
        .await
        .unwrap();
    page.open("/inbox?state=UNREADABLE").await;
    assert_eq!(page.count("#list form[action$='/replay']").await, 1);
    page.click("#list form[action$='/replay'] button").await;
    page.until_told("It is looked at again.").await;
    world.until_shipped(&order).await;
    assert_eq!(state().await, "DONE");
}

async fn dead_letters_are_sent_again_and_given_up(world: &World, page: &Page) {
    sqlx::query(
        "INSERT INTO integration.incoming (source, event_id, broker, event_type, order_id, state, last_error, dead_at, body)
         SELECT 'inventory', id, 'kafka', 'STOCK_RESERVED', id, 'DEAD', 'no order has this id', now(), '{}'
         FROM unnest(ARRAY['pressed-1', 'pressed-2']) AS planted(id)",
    )
    .execute(&world.pool)
    .await
    .unwrap();
    let stands = async |event: &str| {
        let stands: (String, Option<String>, bool) = sqlx::query_as(
            "SELECT state, reason, decided_by IS NOT NULL FROM integration.incoming WHERE event_id = $1",
        )
        .bind(event)
        .fetch_one(&world.pool)
        .await
        .unwrap();
        stands
    };
    page.open("/dead-letters?key=pressed-1").await;
    page.click("#list a.button").await;
    page.click("#list form[action$='/answer'] button.main").await;
    page.until_told("It is sent again.").await;
    assert_eq!(stands("pressed-1").await, ("AGAIN".to_owned(), None, true));
    assert_eq!(stands("pressed-2").await, ("DEAD".to_owned(), None, false), "it was not meant");
    page.open("/dead-letters?key=pressed-2").await;
    page.click("#list a.button").await;
    act(page, "act-skip", "why-skip", "that order is no more").await;
    page.until_told("It is given up").await;
    let given_up = ("SKIPPED".to_owned(), Some("that order is no more".to_owned()), true);
    assert_eq!(stands("pressed-2").await, given_up);
    assert_eq!(read(world, "/api/dead-letters").await, json!([]));
}

async fn an_answer_to_many_is_stopped(world: &World, page: &Page) {
    let orders = refused(world, UNSEEN_SHOP, "PRESSED-MANY", 2).await;
    // Nobody begins with it.
    world.kill(Program::Worker);
    let form = json!({"action": "retry", "reason": "mended", "dryRun": false, "requestId": "pressed",
                      "where": {"step": "hand_over", "reason": "WMS_BAD_ADDRESS", "shop": UNSEEN_SHOP}});
    let answer = world.http.post(world.api("/api/bulk-answers")).json(&form).send().await.unwrap();
    assert_eq!(answer.status(), 202, "{}", answer.text().await.unwrap());
    page.open("/bulk/pressed").await;
    act(page, "act-stop", "why-stop", "the wrong list").await;
    page.until_told("It is stopped. 2 orders were not asked.").await;
    page.until_says("#progress", "the wrong list").await;
    world.start_program(Program::Worker);
    world.until_ready().await;
    world.until_closed("bulk-answer/pressed").await;
    let bulk = read(world, "/api/bulk-answers/pressed").await;
    assert_eq!((&bulk["asked"], &bulk["stopReason"]), (&json!(0), &json!("the wrong list")), "{bulk}");
    for order in &orders {
        assert_eq!(world.open_attention(order).await.len(), 1, "it waits as before");
    }
    assert_eq!(world.pieces_shipped("PRESSED-MANY").await, 0);
}

async fn the_audit_trail_is_taken_as_a_file(world: &World, page: &Page) {
    let folder = tempfile::tempdir().expect("a folder is made");
    page.downloads_to(folder.path()).await;
    page.open("/audit?kind=LANE_PAUSED").await;
    page.click("#export").await;
    let table = page
        .until("it is there", async || {
            let mut files = std::fs::read_dir(folder.path()).expect("the folder").flatten();
            let file = files.find(|file| file.path().extension().is_some_and(|end| end == "csv"))?;
            std::fs::read_to_string(file.path()).ok().filter(|table| table.ends_with('\n'))
        })
        .await;
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 2, "its head and what was asked for: {table}");
    assert!(lines[1].contains("LANE_PAUSED") && lines[1].contains("they move house"), "{table}");
    let taken = read(world, "/api/audit?kind=AUDIT_EXPORTED").await;
    assert_eq!(taken.as_array().map(Vec::len), Some(1), "that it was taken is kept too: {taken}");
}
