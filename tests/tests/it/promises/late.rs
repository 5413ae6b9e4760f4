//! What is late, and what is due today: lists, the program, gauges, and who needs attention first.

use super::*;

/// As if everything about the order had been earlier by this.
async fn make_earlier(world: &World, order: &Placed, by: &str) {
    let moved = sqlx::query(
        "UPDATE orders.orders
         SET received_at = received_at - $2::text::interval, fulfillable_at = fulfillable_at - $2::text::interval,
             promised_at = promised_at - $2::text::interval, promise_day_at = promise_day_at - $2::text::interval
         WHERE shopify_order_id = $1 AND promised_at IS NOT NULL",
    )
    .bind(order.id)
    .bind(by)
    .execute(&world.pool)
    .await
    .unwrap();
    assert_eq!(moved.rows_affected(), 1);
}

async fn listed(world: &World, path: &str) -> Vec<Value> {
    let answer = world.http.get(world.api(path)).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    answer.json().await.unwrap()
}

async fn ids(world: &World, due: &str) -> Vec<i64> {
    let listed = listed(world, &format!("/api/orders?due={due}&shop={PROMISING_SHOP}")).await;
    listed.iter().map(|order| order["shopifyOrderId"].as_i64().unwrap()).collect()
}

#[test]
fn late_orders_are_listed_counted_and_told_by_shop_until_they_leave() {
    world::run(async {
        let world = promising().await;
        let [late, today, tomorrow] = ["DUE-LATE", "DUE-TODAY", "DUE-TOMORROW"];
        let of = |sku: &str, method: &str| by(Placed::new(PROMISING_SHOP, &[sku], 1), method);
        let orders = [of(late, "Express"), of(today, "Express"), of(tomorrow, "Standard")];
        for (sku, order) in [late, today, tomorrow].into_iter().zip(&orders) {
            world.stock(sku, 5).await;
            place_for_ever(&world, sku, order).await;
        }
        assert_eq!(ids(&world, "LATE").await, [0_i64; 0]);
        make_earlier(&world, &orders[0], "2 days").await;
        assert_eq!(ids(&world, "LATE").await, [orders[0].id]);
        assert_eq!(ids(&world, "TODAY").await, [orders[1].id]);
        let refused = world.http.get(world.api("/api/orders?due=SOON")).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
        assert_eq!(refused.json::<Value>().await.unwrap()["field"], "due");

        let standing = promises::standing(&mut world.pool.acquire().await.unwrap()).await.unwrap();
        assert_eq!(standing.len(), 1, "{standing:?}");
        assert_eq!((standing[0].late, standing[0].due_today, standing[0].open), (1, 1, 3));
        let first = moment(&world.order(&orders[0]).await["receivedAt"]);
        assert_eq!(standing[0].oldest_received_at, first);

        let number = world.order(&orders[0]).await["orderNumber"].as_str().unwrap().to_owned();
        let ended =
            waybill(&world, &["orders", "list", "--late", "--shop", PROMISING_SHOP]).await.ended_well();
        ended.line(&number);
        let shown = waybill(&world, &["orders", "show", &number]).await.ended_well();
        assert!(shown.line("Promised").contains("late by 1 d"), "{shown:?}");

        let gauge = format!("waybill_orders_late{{shop=\"{PROMISING_SHOP}\"}}");
        let until_told = async |count: u32| {
            until(&format!("{gauge} {count}"), Duration::from_secs(30), async || {
                let page = world.worker_metrics().await;
                page.lines().any(|line| line == format!("{gauge} {count}")).then_some(())
            })
            .await;
        };
        until_told(1).await;
        let [reference] = world.references(late).await.try_into().unwrap();
        world.warehouse_does(&reference, "ship").await;
        world.until_shipped(&orders[0]).await;
        assert_eq!(ids(&world, "LATE").await, [0_i64; 0]);
        assert!(
            world.order(&orders[0]).await["promisedAt"].is_string(),
            "it is still known what was promised"
        );
        until_told(0).await;
    });
}

#[test]
fn what_needs_attention_is_listed_by_promise_page_by_page_and_what_has_none_comes_last() {
    world::run(async {
        let world = promising().await;
        let (skus, mut orders) = (["ATT-LAST", "ATT-SECOND", "ATT-FIRST"], Vec::new());
        for sku in skus {
            world.stock(sku, 5).await;
            let refused = json!({"operation": "createShipment", "sku": sku, "code": "bad_address"});
            world.wms_rule(refused).await;
            let order = by(Placed::new(PROMISING_SHOP, &[sku], 1), "Express");
            world.place(&order).await;
            world.until_parked(&order).await;
            orders.push(order);
        }
        let without = Placed::new(PROMISING_SHOP, &["ATT-UNKNOWN"], 1);
        world.place(&without).await;
        world.until_parked(&without).await;
        make_earlier(&world, &orders[1], "1 day").await;
        make_earlier(&world, &orders[2], "2 days").await;
        let number = async |order: &Placed| world.order(order).await["orderNumber"].clone();
        let expected = [
            number(&orders[2]).await,
            number(&orders[1]).await,
            number(&orders[0]).await,
            number(&without).await,
        ];
        let elsewhere = "/api/attention?sort=PROMISE&shop=nobody.myshopify.com";
        let rows: Vec<Value> =
            world.http.get(world.api(elsewhere)).send().await.unwrap().json().await.unwrap();
        assert!(rows.is_empty(), "{rows:?}");
        let (mut path, mut found) = ("/api/attention?sort=PROMISE&limit=1".to_owned(), Vec::new());
        loop {
            let answer = world.http.get(world.api(&path)).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            let next = answer.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
            found.extend(
                answer.json::<Vec<Value>>().await.unwrap().into_iter().map(|row| row["orderNumber"].clone()),
            );
            let Some(next) = next else { break };
            path = next.trim_start_matches('<').split('>').next().unwrap().to_owned();
        }
        assert_eq!(found, expected);
        let since = listed(&world, "/api/attention").await;
        assert_eq!(since[0]["orderNumber"], expected[2], "who waits longest comes first unless one asks");
        let ended = waybill(&world, &["attention", "list", "--by-promise"]).await.ended_well();
        let place = |number: &Value| ended_at(&ended, number.as_str().unwrap());
        assert!(place(&expected[0]) < place(&expected[1]) && place(&expected[2]) < place(&expected[3]));
    });
}

fn ended_at(run: &crate::cli::Run, number: &str) -> usize {
    run.out().find(number).unwrap_or_else(|| panic!("no {number}: {run:?}"))
}
