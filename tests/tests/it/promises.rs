//! By when orders are promised to leave, what is late, and what goes first.

use std::time::Duration;

use chrono::{DateTime, Days, FixedOffset, NaiveTime, SecondsFormat, TimeDelta, Utc};
use futures::future::join_all;
use orders::promises::{self, Standing};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    cli::waybill,
    world::{self, Placed, Plan, SHOP, Webhook, World, minutes_later, until},
};

mod late;

/// It promises nothing for the day on which an order comes, unless that ships by an express method.
const PROMISING_SHOP: &str = "promising.myshopify.com";

/// Two warehouses that never rest, as far apart as clocks are: the date in one is never that in the other.
const PROMISES: &str = r#"
[promise]
cut_off = "24:00"

[warehouses.main]
time_zone = "Pacific/Kiritimati"
working_days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]

[warehouses.far]
time_zone = "Pacific/Pago_Pago"
working_days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]

[[shops]]
domain = "promising.myshopify.com"
admin_url = "SHOPIFY_URL"
admin_token = "SHOPIFY_ADMIN_TOKEN"
webhook_secrets = ["SHOPIFY_WEBHOOK_SECRET"]
lane = "shopify-shared"
policy = { call_timeout = "8s", record_timeout = "1s", blame_after = "0s" }

[shops.promise]
cut_off = "00:00"
express_methods = ["Express"]
express_cut_off = "24:00"

"#;

const MAIN_HOURS: i32 = 14;
const FAR_HOURS: i32 = -11;

async fn promising() -> World {
    World::start(Plan { file: PROMISES, ..Plan::default() }).await
}

/// An order that the warehouse takes and never ships.
async fn place_for_ever(world: &World, sku: &str, order: &Placed) {
    world.wms_rule(json!({"operation": "shipment", "sku": sku, "never": true})).await;
    world.place(order).await;
    world.until_order(order, "status", &["PROCESSING"]).await;
}

fn by(order: Placed, method: &str) -> Placed {
    order.with("shipping_lines", json!([{"id": 1, "title": method, "code": "CODE-1", "price": "4.90"}]))
}

fn moment(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap_or_else(|| panic!("no moment: {value}")).parse().unwrap()
}

/// The end of the day that it is then on a clock so far ahead of UTC, and of so many days after it.
fn end_of_day(since: DateTime<Utc>, hours: i32, later: u64) -> DateTime<Utc> {
    let zone = FixedOffset::east_opt(hours * 3600).unwrap();
    let day = since.with_timezone(&zone).date_naive() + Days::new(1 + later);
    day.and_time(NaiveTime::MIN).and_local_timezone(zone).unwrap().to_utc()
}

async fn until_promised(world: &World, order: &Placed, promise: DateTime<Utc>) {
    until(&format!("it is promised for {promise}"), Duration::from_secs(30), async || {
        let promised = world.order(order).await["promisedAt"].clone();
        (promised.is_string() && moment(&promised) == promise).then_some(())
    })
    .await;
}

/// As operators find it in Temporal's own interface.
async fn until_due(world: &World, order: &Placed, due: DateTime<Utc>) {
    let [before, after] =
        [-1, 1].map(|seconds| (due + TimeDelta::seconds(seconds)).to_rfc3339_opts(SecondsFormat::Secs, true));
    world.until_found(order, &format!("SlaDue > '{before}' AND SlaDue <= '{after}'")).await;
}

#[test]
fn an_order_is_promised_by_its_method_and_its_warehouse_and_anew_when_they_change() {
    world::run(async {
        let world = promising().await;
        let sku = "PROMISE-MOVED";
        world.stock(sku, 5).await;
        let order = by(Placed::new(PROMISING_SHOP, &[sku], 1), " express");
        place_for_ever(&world, sku, &order).await;
        let received_at = moment(&world.order(&order).await["receivedAt"]);
        let the_same_day = end_of_day(received_at, MAIN_HOURS, 0);
        until_promised(&world, &order, the_same_day).await;
        until_due(&world, &order, the_same_day).await;

        // The customer is given another method.
        let mut body = by(order.clone(), "Standard").body;
        body["updated_at"] = minutes_later(1);
        world.deliver_webhook(&Webhook::new(PROMISING_SHOP, "orders/updated", body)).await;
        let the_next_day = end_of_day(received_at, MAIN_HOURS, 1);
        until_promised(&world, &order, the_next_day).await;
        until_due(&world, &order, the_next_day).await;

        // A person has another warehouse ship it.
        let number = world.order(&order).await["orderNumber"].as_str().unwrap().to_owned();
        sqlx::query("INSERT INTO inventory.warehouses VALUES ('far', 900) ON CONFLICT DO NOTHING")
            .execute(&world.pool)
            .await
            .unwrap();
        let receive = world.api(&format!("/api/inventory/{sku}/receive"));
        let delivery = json!({"quantity": 5, "warehouseId": "far"});
        assert_eq!(world.http.post(receive).json(&delivery).send().await.unwrap().status(), StatusCode::OK);
        let edit = json!({"requestId": "ticket-1", "reason": "nearer", "warehouseId": "far"});
        let path = world.api(&format!("/api/orders/{number}/edit"));
        let answer = world.http.post(path).json(&edit).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
        until_promised(&world, &order, end_of_day(received_at, FAR_HOURS, 1)).await;
        assert_eq!(
            promises::standing(&mut world.pool.acquire().await.unwrap()).await.unwrap(),
            [Standing {
                shop: Some(domain::ShopDomain::parse(PROMISING_SHOP).unwrap()),
                warehouse: domain::WarehouseId::parse("far").unwrap(),
                late: 0,
                due_today: 0,
                due_soon: 0,
                open: 1,
                oldest_received_at: received_at,
                first_promised_at: end_of_day(received_at, FAR_HOURS, 1),
            }]
        );
    });
}

#[test]
fn an_order_that_waits_for_its_payment_is_promised_from_when_it_is_paid_and_one_for_stock_from_when_that_came()
 {
    world::run(async {
        let world = promising().await;
        let [unpaid, short] = ["PROMISE-UNPAID", "PROMISE-SHORT"];
        world.stock(unpaid, 5).await;
        world.stock(short, 1).await;
        let orders = [
            by(Placed::new(PROMISING_SHOP, &[unpaid], 1), "Express")
                .with("financial_status", json!("pending")),
            by(Placed::new(PROMISING_SHOP, &[short], 2), "Express"),
        ];
        let ready = by(Placed::new(PROMISING_SHOP, &[unpaid], 1), "Express");
        for (order, condition) in orders.iter().zip(["AWAITING_PAYMENT", "BACKORDERED"]) {
            world.wms_rule(json!({"operation": "shipment", "sku": order.body["line_items"][0]["sku"], "never": true})).await;
            world.place(order).await;
            let waiting = world.until_order(order, "condition", &[condition]).await;
            assert_eq!(waiting["promisedAt"], Value::Null, "nothing is promised yet");
        }
        place_for_ever(&world, unpaid, &ready).await;
        // As if all of them had come days ago.
        sqlx::query("UPDATE orders.orders SET received_at = received_at - interval '4 days'")
            .execute(&world.pool)
            .await
            .unwrap();
        let today = end_of_day(Utc::now(), MAIN_HOURS, 0);
        world.shop_does(&orders[0], "pay").await;
        world.receive(short, 5).await;
        join_all(orders.iter().map(|order| until_promised(&world, order, today))).await;
        // Of one that never waited it counts from when it came, whatever is planned later.
        let kept = moment(&world.order(&ready).await["promisedAt"]);
        assert_eq!(
            kept,
            end_of_day(moment(&world.order(&ready).await["receivedAt"]) + Days::new(4), MAIN_HOURS, 0)
        );
    });
}

#[test]
fn where_nothing_is_promised_an_order_is_due_by_its_policy_and_nothing_is_shown_anew() {
    world::run(async {
        let world = promising().await;
        world.stock("PROMISE-NONE", 5).await;
        let order = by(Placed::new(SHOP, &["PROMISE-NONE"], 1), "Express");
        world.place(&order).await;
        let shipped = world.until_shipped(&order).await;
        assert_eq!(shipped["promisedAt"], Value::Null);
        until_due(&world, &order, moment(&shipped["receivedAt"]) + TimeDelta::days(2)).await;
        world.until_shop_notified(&order, 1).await;
        world.until_closed(&order.workflow()).await;
        let since_the_start = world.history(&order.workflow()).await.split_off(1);
        assert!(!format!("{since_the_start:?}").contains("SlaDue"), "nothing is shown anew");

        let placed = world.place_at_api("PROMISE-NONE", 1, None).await;
        let number = placed["orderNumber"].as_str().unwrap();
        until("our own orders are promised, too", Duration::from_secs(30), async || {
            let path = world.api(&format!("/api/orders/{number}"));
            let order: Value = world.http.get(path).send().await.ok()?.json().await.ok()?;
            let promised = order["promisedAt"].as_str()?.parse::<DateTime<Utc>>().ok()?;
            (promised == end_of_day(moment(&order["receivedAt"]), MAIN_HOURS, 0)).then_some(())
        })
        .await;
    });
}

#[test]
fn of_many_orders_that_wait_for_one_slot_the_express_order_is_handed_over_first() {
    world::run(async {
        let file =
            PROMISES.replacen("[promise]", "[lanes.warehouse]\nslots = 1\npollers = 1\n\n[promise]", 1);
        let world = World::start(Plan { file: file.leak(), ..Plan::default() }).await;
        let sku = "PROMISE-QUEUE";
        world.stock(sku, 50).await;
        world.pause_lane("warehouse").await;
        let normal: Vec<Placed> =
            (0..12).map(|_| by(Placed::new(PROMISING_SHOP, &[sku], 1), "Standard")).collect();
        join_all(normal.iter().map(|order| world.place(order))).await;
        join_all(normal.iter().map(|order| until_it_waits(&world, order))).await;
        let express = by(Placed::new(PROMISING_SHOP, &[sku], 1), "Express");
        world.place(&express).await;
        until_it_waits(&world, &express).await;
        let number = world.order(&express).await["orderNumber"].as_str().unwrap().to_owned();
        world.change_lane("warehouse", "resume").await;
        join_all(normal.iter().map(|order| world.until_shipped(order))).await;
        world.until_shipped(&express).await;
        let handed_over = world.references(sku).await;
        assert_eq!(handed_over.len(), 13);
        assert!(handed_over[0].starts_with(&number), "{number} is first of {handed_over:?}");
    });
}

/// Its hand-over stands in the queue.
async fn until_it_waits(world: &World, order: &Placed) {
    let id = order.workflow();
    world.until_running(&id).await;
    until("its hand-over waits", Duration::from_secs(60), async || {
        format!("{:?}", world.history(&id).await).contains("request-fulfilment").then_some(())
    })
    .await;
}
