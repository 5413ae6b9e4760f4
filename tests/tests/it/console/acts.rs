//! What a button does, what an open page does by itself, and what neither does.

use serde_json::json;

use super::{Browser, WORLD, at_the_warehouse, edits, fill_in_address, id_of, page_of, refused};
use crate::world::{self, Placed, SHOP};

#[test]
fn a_cancel_that_comes_too_late_says_why_it_was_refused() {
    let world = &*WORLD;
    world::run(async {
        let (order, reference) = at_the_warehouse(world, "CONSOLE-LATE").await;
        let browser = Browser::start().await;
        let page = browser.page(world).await;
        page.open(&page_of(world, &order).await).await;
        page.click("#act-cancel > summary").await;
        page.fill("#why-cancel", "the customer called").await;
        world.warehouse_does(&reference, "ship").await;
        world.until_shipped(&order).await;
        // The form that is being filled in is still there.
        page.click("#act-cancel form button").await;
        let said = page.until_told("Not done.").await;
        assert!(said.to_lowercase().contains("shipped"), "{said}");
        assert_eq!(page.count("#act-cancel").await, 0, "it is not offered any more");
        assert_eq!(world.pieces_shipped("CONSOLE-LATE").await, 1);
        assert_eq!(page.troubles(), [""; 0]);
    });
}

#[test]
fn what_was_typed_outlives_a_refusal_and_the_address_as_it_is_is_there_to_be_mended() {
    let world = &*WORLD;
    world::run(async {
        let browser = Browser::start().await;
        for has_script in [true, false] {
            // One each: what is changed is handed over anew, and leaves.
            let (order, _) = at_the_warehouse(world, &format!("CONSOLE-TYPED-{has_script}")).await;
            let page = browser.page(world).await;
            if !has_script {
                page.without_script().await;
            }
            let path = page_of(world, &order).await;
            // Without scripts it is as old as when it was loaded.
            page.until("it is at the warehouse", async || {
                page.open(&path).await;
                let said = page.text("#now").await?;
                said.contains("It is at the warehouse, which is to ship 1 piece from main.").then_some(())
            })
            .await;
            page.click("#act-address > summary").await;
            let before = page.evaluate("document.getElementById('edit-city').value").await;
            assert_ne!(before, "", "the address as it is");
            // Only what is wrong is mended; a blank is no street.
            page.fill("#edit-address1", "   ").await;
            page.fill("#why-address", "the customer called").await;
            page.click("#act-address form button").await;
            page.until_told("address.address1").await;
            // All of the page is there, not its first part alone.
            page.until_there("#facts", true).await;
            page.until_there("#why-address", true).await;
            let reason = page.evaluate("document.getElementById('why-address').value").await;
            assert_eq!(reason, "the customer called", "with scripts: {has_script}");
            assert_eq!(page.evaluate("document.getElementById('edit-city').value").await, before);
            assert_eq!(page.evaluate("document.getElementById('act-address').open").await, true);
            page.fill("#edit-address1", "1 Mended Street").await;
            page.picture(&format!("refused-{has_script}")).await;
            page.click("#act-address form button").await;
            page.until_told("It is changed").await;
            assert_eq!(edits(world, &order).await.len(), 1);
            assert_eq!(page.troubles(), [""; 0]);
        }
    });
}

#[test]
fn stock_is_explained_and_booked_in_on_the_page_of_its_item() {
    let world = &*WORLD;
    world::run(async {
        let sku = "CONSOLE-BOOKED";
        world.stock(sku, 0).await;
        let order = Placed::new(SHOP, &[sku], 1);
        world.place(&order).await;
        world.until_order(&order, "condition", &["BACKORDERED"]).await;
        let browser = Browser::start().await;
        let page = browser.page(world).await;
        page.open(&format!("/stock/{sku}?explain=3")).await;
        page.until_says("#explain", "3 pieces of 3 would be missing, and waited for in main").await;
        page.click("#act-receive > summary").await;
        page.fill("#receive-pieces", "4").await;
        page.fill("#why-receive", "delivery note 4711").await;
        page.picture("item").await;
        page.double_click("#act-receive form button").await;
        page.until_told("4 pieces are booked in at main.").await;
        world.until_shipped(&order).await;
        page.open(&format!("/stock/{sku}")).await;
        page.until_says("#moves", "delivery note 4711").await;
        let number = world.order(&order).await["orderNumber"].as_str().expect("a number").to_owned();
        page.until_says("#moves", &number).await;
        let came: i64 = sqlx::query_scalar("SELECT sum(on_hand_change)::bigint FROM inventory.movements WHERE sku = $1 AND reason = 'RECEIPT'")
            .bind(sku)
            .fetch_one(&world.pool)
            .await
            .unwrap();
        assert_eq!(came, 4, "a double click is one booking");
        assert_eq!(page.troubles(), [""; 0]);
    });
}

#[test]
fn a_double_click_acts_once_with_scripts_and_without() {
    let world = &*WORLD;
    world::run(async {
        let browser = Browser::start().await;
        for has_script in [true, false] {
            let sku = if has_script { "CONSOLE-TWICE" } else { "CONSOLE-TWICE-PLAIN" };
            let (order, _) = at_the_warehouse(world, sku).await;
            let page = browser.page(world).await;
            if !has_script {
                page.without_script().await;
            }
            page.open(&page_of(world, &order).await).await;
            page.click("#act-address > summary").await;
            fill_in_address(&page, "1 Right Street").await;
            page.double_click("#act-address form button").await;
            page.until_told("It is changed").await;
            if has_script {
                assert_eq!(page.posts(), 1, "it is sent once");
            }
            assert_eq!(edits(world, &order).await.len(), 1, "with scripts: {has_script}");
            assert_eq!(page.troubles(), [""; 0]);
        }
    });
}

#[test]
fn an_open_page_shows_what_happens_and_leaves_alone_what_is_being_filled_in() {
    let world = &*WORLD;
    world::run(async {
        let (order, reference) = at_the_warehouse(world, "CONSOLE-LIVE").await;
        let browser = Browser::start().await;
        let page = browser.page(world).await;
        page.open(&page_of(world, &order).await).await;
        page.mark().await;
        page.click("#act-address > summary").await;
        page.fill("#edit-address1", "1 Half-written Street").await;
        let before = page.text("#timeline").await.expect("a timeline");
        assert!(!before.contains("All of it has left"), "{before}");

        world.warehouse_does(&reference, "ship").await;
        page.until_says("#timeline", "All of it has left").await;
        page.until_says("#stands", "Shipped").await;
        // The order can be changed no more, so the form would go.
        page.until_says("#news", "There is news").await;
        let written = page.evaluate("document.getElementById('edit-address1').value").await;
        assert_eq!(written, "1 Half-written Street");
        let focused = page.evaluate("document.activeElement.id").await;
        assert_eq!(focused, "edit-address1");
        page.picture("news").await;

        page.click("#news button").await;
        page.until_there("#acts", false).await;
        page.until_says("#parcels", "1 × CONSOLE-LIVE").await;
        page.until_there("#news button", false).await;
        assert!(page.is_marked().await, "it was never loaded again");
        assert_eq!(page.troubles(), [""; 0]);
    });
}

#[test]
fn a_form_that_another_sites_page_sends_is_refused_and_changes_nothing() {
    let world = &*WORLD;
    world::run(async {
        let order = refused(world, SHOP, "CONSOLE-FORGED", 1).await.remove(0);
        let target = world.api(&format!("/console{}/answer", page_of(world, &order).await));
        let form = format!(
            r#"<!doctype html><title>Win</title><form method="post" action="{target}">
            <input type="hidden" name="action" value="compensate"><input type="hidden" name="reason" value="ha">
            <button>You have won</button></form>"#
        );
        let site = axum::Router::new().fallback(move || async move { axum::response::Html(form) });
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        let serving = tokio::spawn(async { axum::serve(listener, site).await });

        let browser = Browser::start().await;
        let page = browser.page(world).await;
        // The visitor uses the console in the same browser.
        page.open("/").await;
        page.visit(&address).await;
        page.click("button").await;
        page.until_says("h1", "Nothing was done").await;
        assert_eq!(page.posts(), 1, "it was sent");
        serving.abort();

        // Nor is one taken that does not say where it comes from.
        for origin in [None, Some("null"), Some("https://console.example")] {
            let mut request = world
                .http
                .post(&target)
                .header("Content-Type", "application/x-www-form-urlencoded")
                .body("action=compensate&reason=ha");
            if let Some(origin) = origin {
                request = request.header("Origin", origin);
            }
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 403, "{origin:?}");
            let said = answer.text().await.unwrap();
            assert!(said.contains("did not come from a page of this console"), "{said}");
        }
        assert_eq!(world.open_attention(&order).await.len(), 1, "it still waits for a person");
        let shown = world.order(&order).await;
        assert_eq!(
            (&shown["orderId"], &shown["status"]),
            (&json!(id_of(world, &order).await), &json!("CONFIRMED"))
        );
    });
}
