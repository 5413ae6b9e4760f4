//! The console with 100,000 orders, 10,000 of them open, in every state.

use serde_json::Value;
use sqlx::{AssertSqlSafe, PgPool};

use super::{
    Browser,
    pages::{MOST_PAGE_BYTES, look_at},
};
use crate::world::{self, Plan, Program, World};

const ORDERS: u32 = 100_000;
const OPEN: u32 = 10_000;
/// The orders of `make bench-pages`.
const MANY_ORDERS: &str = include_str!("../../../../bench/scripts/many_orders.sql");

/// Makes the orders. What psql alone reads is read here.
async fn make_orders(pool: &PgPool) {
    let made = MANY_ORDERS
        .lines()
        .filter(|line| !line.starts_with('\\') && !line.starts_with("VACUUM"))
        .collect::<Vec<_>>()
        .join("\n")
        .replace(":skus", "500")
        .replace(":orders", &ORDERS.to_string())
        .replace(":open", &OPEN.to_string());
    sqlx::raw_sql(AssertSqlSafe(made)).execute(pool).await.expect("the orders are made");
    sqlx::query("VACUUM ANALYZE").execute(pool).await.expect("PostgreSQL knows how many");
}

/// The page of the newest order in each state.
async fn orders_in_each_state(pool: &PgPool) -> Vec<(String, String)> {
    let newest: Vec<(String, String)> = sqlx::query_as(
        "SELECT DISTINCT ON (status, condition) lower(concat_ws('-', 'order', status, condition)), order_id
         FROM orders.orders ORDER BY status, condition, received_at DESC",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    newest.into_iter().map(|(name, id)| (format!("many-{name}"), format!("/orders/{id}"))).collect()
}

#[test]
fn with_100_000_orders_every_page_opens_is_small_and_can_be_used_by_everybody() {
    world::run(async {
        let world = World::start(Plan::default()).await;
        // No run is behind these orders, and nobody is to miss it.
        world.kill(Program::Worker);
        make_orders(&world.pool).await;
        let mut pages = orders_in_each_state(&world.pool).await;
        assert!(pages.len() >= 8, "{pages:?}");
        for (name, path) in [
            ("overview", "/"),
            ("attention", "/attention"),
            ("orders", "/orders"),
            ("backordered", "/orders?condition=BACKORDERED"),
            ("found", "/orders?search=customer-17@example.com"),
            ("stock", "/stock"),
            ("item", "/stock/PAGES-1"),
            ("inbox", "/inbox"),
            ("audit", "/audit"),
            ("lanes", "/lanes"),
            ("dry-run", "/bulk/new?action=retry&step=hand_over&reason=WMS_UNREACHABLE"),
        ] {
            pages.push((format!("many-{name}"), path.to_owned()));
        }
        let browser = Browser::start().await;
        let page = browser.page(&world).await;
        let mut found = Vec::new();
        for (name, path) in &pages {
            let answer = world.http.get(world.api(&format!("/console{path}"))).send().await.unwrap();
            let length = answer.text().await.unwrap().len();
            assert!(length < MOST_PAGE_BYTES, "{name} has {length} bytes");
            page.open(path).await;
            assert_eq!(page.count("h1").await, 1, "{name} has one headline");
            look_at(&page, name, &mut found).await;
        }
        assert!(found.is_empty(), "{} barriers:\n{}", found.len(), found.join("\n"));

        // What is counted is all there is, and the last page of a list is reached from the first.
        let path = world.api("/api/overview");
        let overview: Value = world.http.get(path).send().await.unwrap().json().await.unwrap();
        let open =
            overview["orders"].as_array().expect("stages").iter().map(|stage| stage["orders"].as_u64());
        assert_eq!(open.sum::<Option<u64>>(), Some(OPEN.into()), "{overview}");
        page.open("/orders?condition=NEEDS_ATTENTION").await;
        let mut rows = page.count("[data-row]").await;
        while page.count("a[rel=next]").await > 0 {
            let here = page.evaluate("location.href").await;
            page.click("a[rel=next]").await;
            world::until("the next page", std::time::Duration::from_secs(10), async || {
                (page.evaluate("location.href").await != here && page.count("h1").await == 1).then_some(())
            })
            .await;
            rows += page.count("[data-row]").await;
        }
        assert_eq!(rows, 500, "every order that needs somebody");
        assert_eq!(page.troubles(), [""; 0]);
    });
}
