//! Every page: it opens, everybody can use it, and it is small.

use std::{collections::BTreeSet, time::Duration};

use futures::future::join_all;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::{
    Browser, WORLD, at_the_warehouse,
    browser::{Page, Screen},
    page_of, refused,
};
use crate::world::{
    self, APPROVING_SHOP, DISPOSING_SHOP, Placed, RISK_SHOP, SHOP, UNSEEN_SHOP, Webhook, World, until,
};

/// Bytes of a page, and of the style sheet or the script.
pub(super) const MOST_PAGE_BYTES: usize = 60_000;
const MOST_ASSET_BYTES: usize = 30_000;

/// The pages of an order in each state that it can stand in.
async fn orders_in_each_state(world: &World) -> Vec<(&'static str, String)> {
    world.stock("PAGES", 100).await;
    let unpaid = Placed::new(SHOP, &["PAGES"], 1).with("financial_status", json!("pending"));
    let backordered = Placed::new(SHOP, &["PAGES-NONE"], 2);
    let cancelled = Placed::new(SHOP, &["PAGES"], 1).with("financial_status", json!("pending"));
    let delivered = Placed::new(SHOP, &["PAGES"], 1);
    world.stock("PAGES-NONE", 0).await;
    for order in [&unpaid, &backordered, &cancelled, &delivered] {
        world.place(order).await;
    }
    let held = world.place_at_api("PAGES", 1, Some("1h")).await;
    let (processing, _) = at_the_warehouse(world, "PAGES-SLOW").await;
    world.wms_rule(json!({"operation": "shipment", "sku": "PAGES-ROAD", "deliverAfterMs": 3_600_000})).await;
    world.stock("PAGES-ROAD", 5).await;
    let shipped = Placed::new(SHOP, &["PAGES-ROAD"], 1);
    world.place(&shipped).await;
    let parked = refused(world, SHOP, "PAGES-REFUSED", 2).await;
    world.until_order(&cancelled, "condition", &["AWAITING_PAYMENT"]).await;
    world.shop_does(&cancelled, "cancel").await;
    world.until_order(&unpaid, "condition", &["AWAITING_PAYMENT"]).await;
    world.until_order(&backordered, "condition", &["BACKORDERED"]).await;
    world.until_order(&cancelled, "status", &["CANCELLED"]).await;
    world.until_order(&delivered, "status", &["DELIVERED"]).await;
    world.until_order(&shipped, "status", &["SHIPPED"]).await;
    vec![
        ("order-awaiting-payment", page_of(world, &unpaid).await),
        ("order-backordered", page_of(world, &backordered).await),
        ("order-held", format!("/orders/{}", held["orderId"].as_str().expect("an id"))),
        ("order-at-the-warehouse", page_of(world, &processing).await),
        ("order-shipped", page_of(world, &shipped).await),
        ("order-delivered", page_of(world, &delivered).await),
        ("order-cancelled", page_of(world, &cancelled).await),
        ("order-parked", page_of(world, &parked[0]).await),
    ]
}

/// The pages of orders that a rule, a person, a lane or a warehouse keeps.
async fn orders_that_are_kept(world: &World) -> Vec<(&'static str, String)> {
    world.stock("PAGES-KEPT", 100).await;
    world.stock("PAGES-PARTS", 5).await;
    let parts = json!({"operation": "shipment", "sku": "PAGES-PARTS", "parts": [1], "shipAfterMs": 1000});
    world.wms_rule(parts).await;
    let lane = format!("shopify-{DISPOSING_SHOP}");
    world.pause_lane(&lane).await;
    let kept = |shop: &str| Placed::new(shop, &["PAGES-KEPT"], 1);
    let approval = kept(APPROVING_SHOP).with("tags", json!("check"));
    let (risk, ignored, waiting) =
        (kept(RISK_SHOP), kept(SHOP).with("test", json!(true)), kept(DISPOSING_SHOP));
    let partly = Placed::new(SHOP, &["PAGES-PARTS"], 2);
    join_all([&approval, &risk, &ignored, &waiting, &partly].map(|order| world.place(order))).await;
    let (missing, _) = at_the_warehouse(world, "PAGES-MISSING").await;
    let count = json!({"requestId": "pages", "onHand": 0, "reason": "yearly count"});
    let path = world.api("/api/inventory/PAGES-MISSING/count");
    assert_eq!(world.http.post(path).json(&count).send().await.unwrap().status(), 200);

    assert_eq!(world.until_parked(&approval).await, "APPROVAL");
    world.until_order(&risk, "heldBy", &["RISK"]).await;
    world.until_order(&ignored, "condition", &["IGNORED"]).await;
    world.until_order(&partly, "condition", &["PARTIALLY_SHIPPED"]).await;
    world.until_shown(&missing, "COUNT_BELOW_HANDED_OVER").await;
    let pages = [
        ("order-to-approve", &approval),
        ("order-held-by-risk", &risk),
        ("order-ignored", &ignored),
        ("order-waits-for-a-lane", &waiting),
        ("order-partly-shipped", &partly),
        ("order-missing", &missing),
    ];
    let mut found = Vec::new();
    for (name, order) in pages {
        found.push((name, page_of(world, order).await));
    }
    until("it waits for its lane", Duration::from_secs(30), async || {
        let id = found[3].1.rsplit('/').next()?;
        let path = world.api(&format!("/api/orders/{id}"));
        let order: Value = world.http.get(path).send().await.ok()?.json().await.ok()?;
        (order["waitsFor"]["lane"] == lane.as_str()).then_some(())
    })
    .await;
    found
}

/// Something on every list, and the page of an answer to many.
async fn fill_the_lists(world: &World) -> String {
    world.stock("PAGES-BACK", 5).await;
    let placed = world.place_at_api("PAGES-BACK", 3, None).await;
    world.until_api_order(&placed, &["SHIPPED", "DELIVERED"]).await;
    let returned = format!("/api/orders/{}/returns", placed["orderId"].as_str().expect("an id"));
    let pieces = json!({"items": [{"sku": "PAGES-BACK", "quantity": 1}], "reason": "too small"});
    let answer = world.http.post(world.api(&returned)).json(&pieces).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    // One that nobody can read, and an event that nobody could act on.
    world.deliver_webhook(&Webhook::new(SHOP, "orders/create", json!({"id": "none"}))).await;
    sqlx::query(
        "INSERT INTO integration.incoming (source, event_id, broker, event_type, order_id, state, last_error, dead_at, body)
         VALUES ('inventory', 'pages-1', 'kafka', 'STOCK_RESERVED', 'pages', 'DEAD', 'no order has this id', now(), '{}')",
    )
    .execute(&world.pool)
    .await
    .unwrap();
    // Two of which one answer is of.
    let many = refused(world, UNSEEN_SHOP, "PAGES-MANY", 2).await;
    let form = json!({"action": "retry", "reason": "mended", "dryRun": false, "requestId": "pages",
                      "where": {"step": "hand_over", "reason": "WMS_BAD_ADDRESS", "shop": UNSEEN_SHOP}});
    let answer = world.http.post(world.api("/api/bulk-answers")).json(&form).send().await.unwrap();
    assert_eq!(answer.status(), 202, "{}", answer.text().await.unwrap());
    for order in &many {
        world.until_shipped(order).await;
    }
    until("it is finished", Duration::from_secs(30), async || {
        let path = world.api("/api/bulk-answers/pages");
        let bulk: Value = world.http.get(path).send().await.ok()?.json().await.ok()?;
        bulk["finishedAt"].is_string().then_some(())
    })
    .await;
    "/bulk/pages".to_owned()
}

/// Looks at a page as it is and with all open that can be opened, on each screen, light and dark.
pub(super) async fn look_at(page: &Page, name: &str, found: &mut Vec<String>) {
    page.prefer(false, false).await;
    page.screen(Screen::Desktop).await;
    let mut note = async |how: &str| {
        let barriers = page.barriers().await;
        found.extend(barriers.into_iter().map(|line| format!("{name}, {how}: {line}")));
        let is_too_wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth";
        if page.evaluate(is_too_wide).await == true {
            found.push(format!("{name}, {how}: it has to be scrolled sideways"));
        }
    };
    note("as it opens").await;
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })").await;
    for (screen, dark) in
        [(Screen::Desktop, false), (Screen::Desktop, true), (Screen::Phone, true), (Screen::Phone, false)]
    {
        page.screen(screen).await;
        page.prefer(dark, dark).await;
        note(&format!("all open, {screen:?}, dark: {dark}")).await;
        page.picture(&format!("{name}-{screen:?}-{}", if dark { "dark" } else { "light" })).await;
    }
    page.screen(Screen::Desktop).await;
}

/// Nothing from elsewhere, no script or style in the page itself, no frame around it, no form to somewhere else.
fn assert_nothing_else_runs(page: &str, headers: &HeaderMap) {
    let policy = headers.get_all("content-security-policy").iter().collect::<Vec<_>>();
    assert_eq!(policy.len(), 1, "{page} has one policy");
    let policy = policy[0].to_str().expect("a text");
    let rules: BTreeSet<&str> = policy.split(';').map(str::trim).collect();
    for rule in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ] {
        assert!(rules.contains(rule), "{page}: no {rule} in {policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{page}: {policy}");
    assert_eq!(headers["x-content-type-options"], "nosniff", "{page}");
}

#[test]
fn every_page_opens_without_an_error_and_can_be_used_by_everybody() {
    let world = &*WORLD;
    world::run(async {
        let report = fill_the_lists(world).await;
        let mut pages = orders_in_each_state(world).await;
        pages.extend(orders_that_are_kept(world).await);
        let path = world.api("/api/dead-letters?key=pages");
        let dead: Value = world.http.get(path).send().await.unwrap().json().await.unwrap();
        let dead_letter = dead[0]["deadLetterId"].as_str().expect("the one that was planted");
        let dead_letter = format!("/dead-letters?open={dead_letter}");
        let dry_run = "/bulk/new?action=retry&step=hand_over&reason=WMS_BAD_ADDRESS";
        for (name, path) in [
            ("overview", "/"),
            ("attention", "/attention"),
            ("orders", "/orders"),
            ("orders-found", "/orders?search=PAGES-ROAD&status=SHIPPED"),
            ("stock", "/stock"),
            ("stock-item", "/stock/PAGES-NONE"),
            ("returns", "/returns"),
            ("shops", "/shops"),
            ("inbox", "/inbox"),
            ("dead-letters", "/dead-letters"),
            ("lanes", "/lanes"),
            ("lanes-open", "/lanes?open=warehouse"),
            ("dead-letter-open", dead_letter.as_str()),
            ("audit", "/audit"),
            ("bulk-list", "/bulk"),
            ("dry-run", dry_run),
            ("report", report.as_str()),
            ("sign-in", "/sign-in"),
            ("not-found", "/nothing/of/this/name"),
        ] {
            pages.push((name, path.to_owned()));
        }
        let browser = Browser::start().await;
        let page = browser.page(world).await;
        let mut found = Vec::new();
        for (name, path) in &pages {
            page.open(path).await;
            if *name == "dead-letter-open" {
                assert_eq!(page.count("#act-skip").await, 1, "it is open");
            }
            assert!(page.count("h1").await == 1, "{name} has one headline");
            let is_empty = page.count("p.empty").await > 0;
            let may_be_empty = matches!(*name, "overview" | "stock-item" | "shops");
            assert!(may_be_empty || !is_empty, "{name} shows something: {:?}", page.texts("p.empty").await);
            look_at(&page, name, &mut found).await;
            let answer = world.http.get(world.api(&format!("/console{path}"))).send().await.unwrap();
            let status = answer.status().as_u16();
            assert_eq!(status, if *name == "not-found" { 404 } else { 200 }, "{name}");
            assert_nothing_else_runs(name, answer.headers());
            let length = answer.text().await.unwrap().len();
            assert!(length < MOST_PAGE_BYTES, "{name} has {length} bytes");
        }
        // The help, by its key.
        page.open("/orders").await;
        page.press("?").await;
        page.until_there("#help[open]", true).await;
        look_at(&page, "help", &mut found).await;
        page.press("Escape").await;
        page.until_there("#help[open]", false).await;
        assert_eq!(page.troubles(), [""; 0]);
        assert!(found.is_empty(), "{} barriers:\n{}", found.len(), found.join("\n"));
        for asset in ["console.css", "console.js"] {
            let answer = world.http.get(world.api(&format!("/console/{asset}"))).send().await.unwrap();
            let length = answer.text().await.unwrap().len();
            assert!(length > 1000 && length < MOST_ASSET_BYTES, "{asset} has {length} bytes");
        }
    });
}

#[test]
fn without_scripts_everything_is_read_found_and_answered() {
    let world = &*WORLD;
    world::run(async {
        let order = refused(world, SHOP, "CONSOLE-PLAIN", 1).await.remove(0);
        let number = world.order(&order).await["orderNumber"].as_str().expect("a number").to_owned();
        let browser = Browser::start().await;
        let page = browser.page(world).await;
        page.without_script().await;
        page.open("/").await;
        page.until_says("#headline", "you").await;
        let pause = "getComputedStyle(document.getElementById('pause')).display";
        assert_eq!(page.evaluate(pause).await, "none", "what only a script does is not offered");
        page.click("#rail a[href='/console/orders']").await;
        page.until_says("h1", "Orders").await;
        page.fill("#search", &number).await;
        page.press("Enter").await;
        page.until_says(".chosen", &number).await;
        assert_eq!(page.count("tr[data-row]").await, 1, "the one that was looked for");
        page.click("tr[data-row] a").await;
        page.until_says("#now", "The warehouse refuses its address").await;
        page.click("#now details.act summary.main").await;
        page.fill("#now details.act[open] input[name=reason]", "the street is right").await;
        page.click("#now details.act[open] form button").await;
        page.until_told("It is tried again.").await;
        world.until_shipped(&order).await;
        let answered = world.attention(&order).await;
        assert_eq!(answered[0].resolve_reason.as_deref(), Some("the street is right"), "{answered:?}");
        assert_eq!(page.troubles(), [""; 0]);
    });
}
