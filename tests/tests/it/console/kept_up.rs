//! Pages that stay open: in the reader's own time, told of what is new, and never old without a word.

use chrono::{DateTime, Duration, FixedOffset, Utc};
use futures::future::join_all;

use super::{
    Browser, WORLD,
    browser::{Page, Screen},
    entrance, id_of, page_of, refused,
};
use crate::world::{self, Placed, SHOP, SPLITTING_SHOP, UNSEEN_SHOP};

/// What the script makes of a moment, for a reader so many hours ahead of UTC.
fn local(moment: &str, hours: i32, format: &str) -> String {
    let at: DateTime<Utc> = moment.parse().unwrap_or_else(|_| panic!("a moment: {moment:?}"));
    at.with_timezone(&FixedOffset::east_opt(hours * 3600).unwrap()).format(format).to_string()
}

async fn moments(page: &Page, selector: &str) -> Vec<String> {
    let all = format!("Array.from(document.querySelectorAll('{selector}'), (time) => time.dateTime).join()");
    let all = page.evaluate(&all).await;
    all.as_str().expect("a text").split(',').filter(|moment| !moment.is_empty()).map(str::to_owned).collect()
}

#[test]
fn a_page_says_every_time_in_the_readers_own_zone_and_begins_days_there() {
    let world = &*WORLD;
    world::run(async {
        let order = refused(world, SHOP, "CONSOLE-ZONE", 1).await.remove(0);
        // A day in UTC, and the next one where days begin first.
        let then = (Utc::now() - Duration::days(2)).date_naive().and_hms_opt(11, 0, 0).unwrap().and_utc();
        let sql = "UPDATE orders.timeline SET at = $2 WHERE order_id = $1 AND event = 'RESERVED'";
        let id = id_of(world, &order).await;
        let changed = sqlx::query(sql).bind(id).bind(then).execute(&world.pool).await.unwrap();
        assert_eq!(changed.rows_affected(), 1);
        let browser = Browser::start().await;
        let page = browser.page(world).await;
        page.time_zone("Pacific/Kiritimati").await;
        page.open(&page_of(world, &order).await).await;
        page.until_says("#zone", "Times are Pacific/Kiritimati").await;
        let clocks: Vec<String> =
            moments(&page, "time[data-clock]").await.iter().map(|at| local(at, 14, "%H:%M:%S")).collect();
        assert_eq!(page.texts("time[data-clock]").await, clocks);
        assert!(clocks.iter().any(|clock| clock == "01:00:00"), "eleven o'clock in UTC: {clocks:?}");
        // Each entry stands under its own day, and each day is there once.
        let days = page.texts("time[data-day]").await;
        let mut stands: Vec<String> = Vec::new();
        for moment in moments(&page, "time[data-clock]").await {
            let day = local(&moment, 14, "%A, %-d %B %Y");
            if stands.last() != Some(&day) {
                stands.push(day);
            }
        }
        assert_eq!(days, stands);
        assert!(days.len() >= 2, "{days:?}");

        page.open("/").await;
        page.until_there("#headline time[data-since]", true).await;
        let oldest = moments(&page, "#headline time[data-since]").await.remove(0);
        let said = page.text("#headline time[data-since]").await.unwrap_or_default();
        assert!(said.ends_with(&local(&oldest, 14, "%H:%M")), "{oldest} is said as {said}");
        for path in ["/", "/orders", "/attention", "/lanes", "/stock/CONSOLE-ZONE", "/inbox"] {
            page.open(path).await;
            let without = "time:not([data-ago]):not([data-since]):not([data-clock]):not([data-day])";
            assert_eq!(page.count(without).await, 0, "{path} says a time as it came");
        }
        assert_eq!(page.troubles(), [""; 0]);
    });
}

/// The page of a path as a browser asks for it that has something to say: whether it says it, and forgets it.
async fn says(path: &str, mode: Option<&str>) -> (bool, bool) {
    let mut request =
        WORLD.http.get(WORLD.api(path)).header("Cookie", "waybill-said=done=It+was+done+this+once.");
    if let Some(mode) = mode {
        request = request.header("Sec-Fetch-Mode", mode);
    }
    let answer = request.send().await.unwrap();
    let forgets = answer.headers().get_all("set-cookie").iter();
    let forgets = forgets.filter(|cookie| cookie.as_bytes().starts_with(b"waybill-said=;")).count() > 0;
    (answer.text().await.unwrap().contains("It was done this once."), forgets)
}

#[test]
fn what_an_act_came_to_is_said_by_the_next_page_and_not_lost_to_a_script_that_reads_the_one_before() {
    world::run(async {
        for mode in [None, Some("navigate")] {
            assert_eq!(says("/console/inbox", mode).await, (true, true), "{mode:?}");
        }
        assert_eq!(says("/console/inbox", Some("cors")).await, (false, false));
        for asset in ["/console/console.css", "/console/nowhere.js"] {
            assert_eq!(says(asset, Some("no-cors")).await, (false, false), "{asset}");
        }
        assert_eq!(says("/console/console.css", None).await, (false, false));
    });
}

#[test]
fn the_key_for_another_try_takes_the_row_it_is_at() {
    let world = &*WORLD;
    world::run(async {
        refused(world, UNSEEN_SHOP, "CONSOLE-KEYS", 2).await;
        let browser = Browser::start().await;
        let page = browser.page(world).await;
        page.open(&format!("/attention?step=hand_over&reason=WMS_BAD_ADDRESS&shop={UNSEEN_SHOP}")).await;
        page.until_there("#queue [data-row] ~ [data-row]", true).await;
        page.press("r").await;
        assert_eq!(page.count("#queue details.act[open]").await, 0, "no row was chosen");
        for key in ["j", "j", "r"] {
            page.press(key).await;
        }
        // The page with its answers, and then the form.
        page.until_there("#queue [data-row]:nth-child(2) details.act", true).await;
        page.until_there("#show-help:not([hidden])", true).await; // the script runs
        for key in ["j", "j", "r"] {
            page.press(key).await;
        }
        let row = "Array.from(document.querySelectorAll('#queue [data-row]')).indexOf(document.activeElement.closest('[data-row]'))";
        assert_eq!(page.evaluate(row).await, 1, "the second");
        assert_eq!(page.evaluate("document.activeElement.name").await, "reason");

        // They can be turned off, and stay so.
        page.press("Escape").await;
        page.click("#show-help").await;
        page.click("#keys").await;
        page.click("#help form button").await;
        page.open("/orders").await;
        page.press("?").await;
        assert_eq!(page.count("#help[open]").await, 0);
        assert_eq!(page.troubles(), [""; 0]);
    });
}

#[test]
fn a_page_says_how_much_is_new_and_keeps_what_is_half_written() {
    let world = &*WORLD;
    world::run(async {
        world.stock("CONSOLE-NEW", 0).await;
        let first = Placed::new(SHOP, &["CONSOLE-NEW"], 1);
        world.place(&first).await;
        world.until_order(&first, "condition", &["BACKORDERED"]).await;
        let browser = Browser::start().await;
        let page = browser.page(world).await;
        page.open("/orders?search=CONSOLE-NEW").await;
        page.until_there("tr[data-row]", true).await;
        page.press("j").await;
        let more: Vec<Placed> = (0..2).map(|_| Placed::new(SHOP, &["CONSOLE-NEW"], 1)).collect();
        join_all(more.iter().map(|order| world.place(order))).await;
        page.until_says("#news", "2 new. Show them").await;
        assert_eq!(page.count("tr[data-row]").await, 1, "what is read stays");
        page.click("#news button").await;
        page.until("they are there", async || (page.count("tr[data-row]").await == 3).then_some(())).await;
        let is_at = page.evaluate("document.activeElement.closest('tr.at') !== null").await;
        assert_eq!(is_at, true, "the keys are where they were");
        page.screen(Screen::Phone).await;
        page.picture("orders-phone-labels").await;
        page.screen(Screen::Desktop).await;

        // A form that is still offered when the rest is shown.
        refused(world, SPLITTING_SHOP, "CONSOLE-HALF", 1).await;
        page.open(&format!("/attention?step=hand_over&reason=WMS_BAD_ADDRESS&shop={SPLITTING_SHOP}")).await;
        page.press("j").await;
        page.press("r").await;
        page.type_text("half-writt").await;
        let rows = page.count("#queue [data-row]").await;
        refused(world, SPLITTING_SHOP, "CONSOLE-OTHER-HALF", 1).await;
        page.until_says("#news", " new. Show ").await;
        page.click("#news button").await;
        page.until("it is there", async || (page.count("#queue [data-row]").await > rows).then_some(()))
            .await;
        let written = "document.querySelector('#queue details[open] input[name=reason]').value";
        assert_eq!(page.evaluate(written).await, "half-writt");
        assert_eq!(page.evaluate("document.activeElement.name").await, "reason");

        page.click("#pause").await;
        page.until_says("#stale", "Updates are paused since").await;
        page.picture("paused").await;
        page.click("#pause").await;
        page.until("it is followed again", async || {
            (page.text("#stale").await.as_deref() == Some("")).then_some(())
        })
        .await;
        assert_eq!(page.troubles(), [""; 0]);
    });
}

#[test]
fn an_open_page_says_that_its_reader_is_signed_out() {
    world::run(async {
        let world = entrance::closed_world().await;
        let browser = Browser::start().await;
        let page = browser.page(&world).await;
        page.open("/stock").await;
        entrance::sign_in(&page, &world.token_of("operator", "ada")).await;
        page.until_says(".who", "ada").await;
        page.screen(Screen::Phone).await;
        page.until_says(".who", "Sign out").await;
        page.picture("signed-in-phone").await;
        page.forget().await;
        // As when it is looked at again.
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))").await;
        page.until_says("#stale", "Signed out. Sign in").await;
        assert_eq!(page.barriers().await, [""; 0]);
        page.picture("signed-out-phone").await;
        page.click("#stale a").await;
        page.until_there("#token", true).await;
        assert_eq!(page.path().await, "/console/sign-in?to=%2Fstock");
        assert_eq!(page.troubles(), [""; 0]);
    });
}
