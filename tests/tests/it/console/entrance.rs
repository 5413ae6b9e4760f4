//! Who gets in, as whom, and for how long.

use std::time::Duration;

use chrono::Utc;
use reqwest::header;
use serde_json::{Value, json};

use super::{Browser, browser::Page, page_of, refused};
use crate::world::{self, Plan, SHOP, TOKEN_SECRET, World, claims, signed};

/// For so long a token is taken after its end, as clocks differ.
const LEEWAY_S: i64 = 30;

/// A world where nobody gets in without a token; the test itself is an operator.
pub(super) async fn closed_world() -> World {
    let plan = Plan { env: vec![("API_REQUIRE_TOKEN", "true".to_owned())], ..Plan::default() };
    let mut world = World::start(plan).await;
    let bearer = format!("Bearer {}", world.token_of("operator", "test"));
    let bearer = header::HeaderValue::from_str(&bearer).expect("a header");
    let headers = header::HeaderMap::from_iter([(header::AUTHORIZATION, bearer)]);
    // The API ends a connection that is quiet for five seconds.
    let client =
        reqwest::Client::builder().default_headers(headers).pool_idle_timeout(Duration::from_secs(3));
    world.http = client.build().expect("a client");
    world
}

pub(super) async fn sign_in(page: &Page, token: &str) {
    page.until_there("#token", true).await;
    page.fill("#token", token).await;
    // Two refusals in a row say the same, so it is the next page that is waited for.
    page.evaluate("document.body.id = 'before'").await;
    page.click("form button").await;
    page.until_there("#before", false).await;
}

/// The cookie that signs somebody in.
pub(super) async fn token_cookie(page: &Page) -> Option<Value> {
    page.cookies().await.into_iter().find(|cookie| cookie["name"] == "waybill-token")
}

#[test]
fn a_person_signs_in_with_a_token_and_is_signed_out_when_it_ends() {
    world::run(async {
        let world = closed_world().await;
        let browser = Browser::start().await;
        let page = browser.page(&world).await;
        page.open("/orders?status=SHIPPED").await;
        assert!(page.path().await.starts_with("/console/sign-in?to="), "{}", page.path().await);

        for (token, sentence) in [
            ("not a token", "That is no token."),
            ("e30.e30.e30", "The token is not valid"),
            (signed(&claims("operator", "ada"), "another secret").as_str(), "The token is not valid"),
            (world.token_of("customer", "carl").as_str(), "nobody who may use the console"),
        ] {
            sign_in(&page, token).await;
            page.until_says("[role=alert]", sentence).await;
            assert_eq!(token_cookie(&page).await, None, "{sentence}");
            assert_eq!(page.barriers().await, [""; 0], "{sentence}");
        }

        sign_in(&page, &world.token_of("operator", "ada")).await;
        page.until_says(".who", "ada").await;
        assert_eq!(page.path().await, "/console/orders?status=SHIPPED", "what was wanted");
        let cookie = token_cookie(&page).await.expect("a cookie");
        assert_eq!(
            (&cookie["httpOnly"], &cookie["sameSite"], &cookie["path"], &cookie["session"]),
            (&json!(true), &json!("Lax"), &json!("/console"), &json!(true)),
            "{cookie}"
        );
        assert_eq!(page.evaluate("document.cookie").await, "", "no script reads it");

        page.click(".who form button").await;
        page.until_there("#token", true).await;
        assert_eq!(token_cookie(&page).await, None);
        page.open("/").await;
        page.until_there("#token", true).await;

        // One that ends in a moment.
        let mut soon = claims("operator", "ada");
        soon["exp"] = json!(Utc::now().timestamp() - LEEWAY_S + 4);
        sign_in(&page, &signed(&soon, TOKEN_SECRET)).await;
        page.until_says(".who", "ada").await;
        page.until("it ends", async || {
            page.open("/stock").await;
            (page.count("#token").await == 1).then_some(())
        })
        .await;
        assert_eq!(page.path().await, "/console/sign-in?to=%2Fstock");
        assert_eq!(page.troubles(), [""; 0]);
    });
}

#[test]
fn who_may_only_look_sees_no_button_that_acts_and_acts_by_no_other_way() {
    world::run(async {
        let world = closed_world().await;
        let order = refused(&world, SHOP, "CONSOLE-VIEWER", 1).await.remove(0);
        let browser = Browser::start().await;
        let page = browser.page(&world).await;
        let path = page_of(&world, &order).await;
        page.open(&path).await;
        sign_in(&page, &world.token_of("viewer", "vera")).await;
        page.until_says(".who", "may look, not act").await;
        let mut seen = vec![path.clone()];
        seen.extend(
            ["/", "/attention", "/stock/CONSOLE-VIEWER", "/lanes", "/inbox", "/dead-letters", "/bulk"]
                .map(str::to_owned),
        );
        for path in &seen {
            page.open(path).await;
            assert_eq!(page.count(".who").await, 1, "{path} is shown");
            let acting = page
                .texts("form[method=post]:not([action$=sign-out]) button, .act, a[href*='/bulk/new']")
                .await;
            assert_eq!(acting, [""; 0], "{path}");
        }

        // The same forms, sent by hand from a page of the console.
        page.open(&path).await;
        page.until_says("#now", "The warehouse refuses its address").await;
        for (to, fields) in [
            (format!("{path}/answer"), "action=compensate&reason=x"),
            (format!("{path}/cancel"), "reason=x"),
            ("/lanes/warehouse/pause".to_owned(), "reason=x"),
            ("/bulk".to_owned(), "request_id=vera-1&action=compensate&step=hand_over&reason=x"),
        ] {
            let send = format!(
                "fetch('/console{to}', {{method: 'POST', body: new URLSearchParams('{fields}')}}).then((answer) => answer.text())"
            );
            page.evaluate(&send).await;
            // It is said on the next page that a person opens.
            page.open(&path).await;
            let said = page.texts("#said").await.join(" ");
            assert!(said.contains("Not done.") && said.contains("role"), "{to}: {said:?}");
        }
        assert_eq!(world.open_attention(&order).await.len(), 1);
        let lanes: Value =
            world.http.get(world.api("/api/lanes")).send().await.unwrap().json().await.unwrap();
        assert!(lanes.as_array().unwrap().iter().all(|lane| lane["pauses"] == json!([])), "{lanes}");
        let troubles = page.troubles();
        assert!(troubles.iter().all(|trouble| trouble.contains("status of 403")), "{troubles:?}");
    });
}
