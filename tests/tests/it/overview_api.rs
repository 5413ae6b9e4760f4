//! What people who look on are shown beside orders: figures, stock's ledger and queues, and whether anything changed.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    line::WORLD,
    order_api::{encoded, get, read},
    world::{self, HASTY_SHOP, Placed, Plan, SHOP, World, until},
};

async fn shown(world: &World, path: &str) -> Value {
    let answer = get(world, path).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
    answer.json()
}

async fn version(world: &World, query: &str) -> String {
    shown(world, &format!("/api/changes{query}")).await["version"].as_str().expect("a version").to_owned()
}

fn moment(value: &Value) -> DateTime<Utc> {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("a moment: {value}"))
}

#[test]
fn the_overview_counts_open_orders_what_waits_and_what_came_and_left_by_the_hour() {
    // Of its own, so that every figure is known.
    let world = world::run(World::start(Plan::default()));
    world::run(async {
        let before = shown(&world, "/api/overview").await;
        assert_eq!((&before["orders"], &before["oldestOpen"]), (&json!([]), &Value::Null));
        assert_eq!((&before["attention"], &before["deadLetters"]), (&json!([]), &json!(0)));
        assert_eq!(shown(&world, "/api/attention/count").await, json!({"rows": 0}));

        world.stock("SEEN-WAITS", 0).await;
        world.stock("SEEN-PARKED", 5).await;
        world.stock("SEEN-SHIPS", 5).await;
        let refused =
            json!({"operation": "createShipment", "sku": "SEEN-PARKED", "code": "bad_address", "times": 9});
        world.wms_rule(refused).await;
        let waits = Placed::new(SHOP, &["SEEN-WAITS"], 1);
        world.place(&waits).await;
        let oldest = world.until_order(&waits, "condition", &["BACKORDERED"]).await;
        let parked = Placed::new(SHOP, &["SEEN-PARKED"], 1);
        world.place(&parked).await;
        world.until_parked(&parked).await;
        let ships = Placed::new(SHOP, &["SEEN-SHIPS"], 1);
        world.place(&ships).await;
        world.until_shipped(&ships).await;
        world.until_closed(&ships.workflow()).await;
        let id = world.order(&ships).await["orderId"].as_str().expect("an id").to_owned();
        let comes_back = json!({"items": [{"sku": "SEEN-SHIPS", "quantity": 1}], "reason": "too small"});
        let returns = world.api(&format!("/api/orders/{id}/returns"));
        let announced = world.http.post(returns).json(&comes_back).send().await.unwrap();
        assert_eq!(announced.status(), 201);
        let unreadable = world::Webhook::new(SHOP, "orders/create", json!({"id": "not a number"}));
        world.deliver_webhook(&unreadable).await;

        let seen = until("all of it is counted", Duration::from_secs(30), async || {
            let seen = shown(&world, "/api/overview").await;
            (seen["inbox"]["unreadable"] == 1 && seen["inbox"]["waiting"] == 0).then_some(seen)
        })
        .await;
        let standing = |condition: &str| {
            let orders = seen["orders"].as_array().expect("a list");
            let of: Vec<&Value> = orders.iter().filter(|group| group["condition"] == condition).collect();
            assert_eq!(of.len(), 1, "{condition}: {seen}");
            (of[0]["status"].clone(), of[0]["orders"].clone())
        };
        let parked = world.order(&parked).await;
        assert_eq!(seen["orders"].as_array().unwrap().len(), 2, "what has shipped is not open: {seen}");
        assert_eq!(standing("BACKORDERED"), (oldest["status"].clone(), json!(1)));
        assert_eq!(standing("NEEDS_ATTENTION"), (parked["status"].clone(), json!(1)));
        assert_eq!(seen["oldestOpen"]["orderNumber"], oldest["orderNumber"], "{seen}");
        assert_eq!(seen["oldestOpen"]["receivedAt"], oldest["receivedAt"], "{seen}");
        let waiting: Vec<&Value> = seen["attention"].as_array().unwrap().iter().collect();
        let of_order =
            waiting.iter().find(|row| row["reason"] == "WMS_BAD_ADDRESS").expect("the parked step");
        assert_eq!((&of_order["step"], &of_order["rows"]), (&json!("hand_over"), &json!(1)));
        assert!(moment(&of_order["oldestSince"]) <= moment(&seen["now"]));
        let rows: i64 = waiting.iter().map(|row| row["rows"].as_i64().expect("a number")).sum();
        assert_eq!(shown(&world, "/api/attention/count").await, json!({"rows": rows}));

        assert_eq!(seen["returns"], json!({"announced": 1, "partlyReceived": 0}), "{seen}");
        let hours = seen["hours"].as_array().unwrap();
        let began: Vec<DateTime<Utc>> = hours.iter().map(|hour| moment(&hour["hour"])).collect();
        assert_eq!(began.len(), 24);
        assert!(began.windows(2).all(|two| two[1] - two[0] == chrono::Duration::hours(1)), "{seen}");
        let now = moment(&seen["now"]);
        assert!(began[23] <= now && now < began[23] + chrono::Duration::hours(1), "{seen}");
        let sum = |member: &str| hours.iter().map(|hour| hour[member].as_i64().unwrap()).sum::<i64>();
        assert_eq!((sum("received"), sum("shipped")), (3, 1), "{seen}");
        // What came before is in no hour, and what came at its beginning in its own.
        sqlx::query("UPDATE orders.orders SET received_at = $2, created_at = $2 WHERE shopify_order_id = $1")
            .bind(ships.id)
            .bind(began[0])
            .execute(&world.pool)
            .await
            .unwrap();
        assert_eq!(shown(&world, "/api/overview").await["hours"][0]["received"], 1);
        sqlx::query("UPDATE orders.orders SET received_at = $2 WHERE shopify_order_id = $1")
            .bind(ships.id)
            .bind(began[0] - chrono::Duration::seconds(1))
            .execute(&world.pool)
            .await
            .unwrap();
        assert_eq!(shown(&world, "/api/overview").await["hours"][0]["received"], 0);
    });
}

#[test]
fn the_version_is_the_same_while_nothing_happens_and_another_once_anything_did() {
    // Of its own, so that nobody else changes anything.
    let world = world::run(World::start(Plan::default()));
    world::run(async {
        for sku in ["CHANGES-ONE", "CHANGES-OTHER"] {
            world.stock(sku, 0).await;
        }
        let one = Placed::new(SHOP, &["CHANGES-ONE"], 1);
        let other = Placed::new(SHOP, &["CHANGES-OTHER"], 1);
        let mut ids = Vec::new();
        for order in [&one, &other] {
            world.place(order).await;
            let found = world.until_order(order, "condition", &["BACKORDERED"]).await;
            world.until_message(order, "orders/create", "DONE").await;
            ids.push(found["orderId"].as_str().unwrap().to_owned());
        }
        let of_one = format!("?orderId={}", ids[0]);
        let of_other = format!("?orderId={}", ids[1]);
        let now = async || {
            [version(&world, "").await, version(&world, &of_one).await, version(&world, &of_other).await]
        };
        let mut before = until("all is at rest", Duration::from_secs(30), async || {
            let first = now().await;
            (first == now().await && first == now().await).then_some(first)
        })
        .await;
        let mut changed = async |what: &str, expected: [bool; 3]| {
            let after = now().await;
            let differs = [0, 1, 2].map(|index| before[index] != after[index]);
            assert_eq!(differs, expected, "{what}");
            before = after;
        };
        changed("nothing", [false, false, false]).await;
        let note = async |statement: &str| {
            sqlx::query(sqlx::AssertSqlSafe(statement.to_owned()))
                .bind(&ids[0])
                .execute(&world.pool)
                .await
                .unwrap();
        };
        note("INSERT INTO orders.timeline (order_id, event) VALUES ($1, 'SHOWN')").await;
        changed("an entry of the timeline", [true, true, false]).await;
        note(
            "INSERT INTO orders.attention (order_id, step, reason, has_run, detail) VALUES ($1, 'follow', 'X', false, 'x')",
        )
        .await;
        changed("a row that waits for a person", [true, true, false]).await;
        note(
            "UPDATE orders.attention SET resolved_at = now(), resolution = 'done', resolved_by = 'anna' WHERE order_id = $1",
        )
        .await;
        changed("its answer", [true, true, false]).await;
        world.change_lane("warehouse", "pause").await;
        changed("a pause", [true, true, true]).await;
        world.change_lane("warehouse", "resume").await;
        changed("its end", [true, true, true]).await;
        world.stock("CHANGES-THIRD", 1).await;
        changed("a movement for nobody", [true, false, false]).await;
        // One that drew its number earlier and commits later than another.
        let mut late = world.pool.begin().await.unwrap();
        sqlx::query("INSERT INTO orders.timeline (order_id, event) VALUES ($1, 'SHOWN')")
            .bind(&ids[0])
            .execute(&mut *late)
            .await
            .unwrap();
        note("INSERT INTO orders.timeline (order_id, event) VALUES ($1, 'SHOWN')").await;
        changed("an entry that overtook another", [true, true, false]).await;
        late.commit().await.unwrap();
        changed("the entry that was overtaken", [true, true, false]).await;
        world.receive("CHANGES-ONE", 1).await;
        world.until_shipped(&one).await;
        world.until_closed(&one.workflow()).await;
        changed("an order that ships", [true, true, false]).await;
        assert_eq!(get(&world, "/api/changes?orderId=none-of-these").await.status, StatusCode::NOT_FOUND);
    });
}

#[test]
fn the_movements_of_an_item_are_newest_first_with_the_figures_after_each() {
    let world = &*WORLD;
    world::run(async {
        let sku = "LEDGER-1";
        world.stock(sku, 10).await;
        sqlx::query("INSERT INTO inventory.warehouses VALUES ('far', 900) ON CONFLICT DO NOTHING")
            .execute(&world.pool)
            .await
            .unwrap();
        let receive = json!({"quantity": 7, "warehouseId": "far", "reason": "delivery note 4711"});
        let path = world.api(&format!("/api/inventory/{sku}/receive"));
        assert_eq!(read(world.http.post(path).json(&receive)).await.status, StatusCode::OK);
        let order = Placed::new(SHOP, &[sku], 2);
        world.place(&order).await;
        world.until_shipped(&order).await;
        let order_id = world.order(&order).await["orderId"].clone();
        let mut all = Vec::new();
        let mut path = Some(format!("/api/inventory/{sku}/movements?limit=1"));
        while let Some(page) = path {
            let answer = get(world, &page).await;
            all.extend(answer.json().as_array().unwrap().clone());
            path = answer.next();
        }
        let whole = shown(world, &format!("/api/inventory/{sku}/movements")).await;
        assert_eq!(json!(all), whole, "pages of one show what one page shows");
        let figures: Vec<Value> = all
            .iter()
            .map(|moved| {
                json!([
                    moved["kind"],
                    moved["warehouseId"],
                    moved["onHandDelta"],
                    moved["reservedDelta"],
                    moved["onHand"],
                    moved["reserved"]
                ])
            })
            .collect();
        assert_eq!(
            json!(figures),
            json!([
                ["FULFILMENT", "main", -2, -2, 8, 0],
                ["RESERVATION", "main", 0, 2, 10, 2],
                ["RECEIPT", "far", 7, 0, 7, 0],
                ["OPENING_STOCK", "main", 10, 0, 10, 0]
            ])
        );
        assert_eq!([&all[0]["orderId"], &all[1]["orderId"]], [&order_id, &order_id]);
        assert_eq!((&all[2]["orderId"], &all[2]["reason"]), (&Value::Null, &json!("delivery note 4711")));
        let nothing = get(world, "/api/inventory/LEDGER-NONE/movements").await;
        assert_eq!(nothing.status, StatusCode::NOT_FOUND);
    });
}

#[test]
fn who_waits_for_an_item_is_listed_in_the_order_of_serving() {
    let world = &*WORLD;
    world::run(async {
        let sku = "QUEUE-1";
        world.stock(sku, 0).await;
        let mut numbers = Vec::new();
        for quantity in [3, 1, 2] {
            let order = Placed::new(SHOP, &[sku], quantity);
            world.place(&order).await;
            numbers
                .push(world.until_order(&order, "condition", &["BACKORDERED"]).await["orderNumber"].clone());
        }
        let path = format!("/api/inventory/{sku}/waiting");
        let first = get(world, &format!("{path}?limit=2")).await;
        let mut waiting = first.json().as_array().unwrap().clone();
        assert_eq!(waiting.len(), 2);
        waiting.extend(shown(world, &first.next().unwrap()).await.as_array().unwrap().clone());
        let turns: Vec<Value> = waiting
            .iter()
            .map(|turn| json!([turn["place"], turn["orderNumber"], turn["warehouseId"], turn["quantity"]]))
            .collect();
        assert_eq!(
            json!(turns),
            json!([[1, numbers[0], "main", 3], [2, numbers[1], "main", 1], [3, numbers[2], "main", 2]])
        );
        assert!(waiting.windows(2).all(|two| moment(&two[0]["since"]) <= moment(&two[1]["since"])));
        world.receive(sku, 3).await;
        let left = shown(world, &path).await;
        assert_eq!((&left[0]["place"], &left[0]["orderNumber"]), (&json!(1), &numbers[1]), "{left}");
        world.receive(sku, 3).await;
        assert_eq!(shown(world, &path).await, json!([]));
        assert_eq!(get(world, "/api/inventory/QUEUE-NONE/waiting").await.status, StatusCode::NOT_FOUND);
    });
}

#[test]
fn items_are_found_by_the_beginning_of_their_id_and_by_a_part_of_their_name() {
    let world = &*WORLD;
    world::run(async {
        for (id, name) in
            [("FINDITEM-A", "Earl Finditgrey"), ("FINDITEM-B_1", "Plain"), ("OTHER-FINDITEM", "50%")]
        {
            let item = json!({"itemId": id, "itemName": name, "availableQty": 1});
            let answer = read(world.http.post(world.api("/api/inventory")).json(&item)).await;
            assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        }
        let found = async |text: &str| {
            let answer = get(world, &format!("/api/inventory?search={}", encoded(text))).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
            let items = answer.json();
            items
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["itemId"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(found("finditem").await, ["FINDITEM-A", "FINDITEM-B_1"]);
        assert_eq!(found("L FINDITG").await, ["FINDITEM-A"]);
        assert_eq!(found("finditem-b_").await, ["FINDITEM-B_1"]);
        assert_eq!(found("50%").await, ["OTHER-FINDITEM"]);
        assert_eq!(found("finditem%").await, [""; 0]);
        let first = get(world, "/api/inventory?search=finditem&limit=1").await;
        let next = first.next().unwrap();
        assert!(next.contains("search=finditem"), "{next}");
        assert_eq!(shown(world, &next).await[0]["itemId"], "FINDITEM-B_1");
        let refused = get(world, "/api/inventory?search=%20").await;
        assert_eq!((refused.status, &refused.json()["field"]), (StatusCode::BAD_REQUEST, &json!("search")));
    });
}

#[test]
fn rows_that_wait_for_a_person_are_listed_by_shop_and_by_lane_with_the_shops_name_of_the_order() {
    let world = &*WORLD;
    world::run(async {
        let order = Placed::new(HASTY_SHOP, &["ROWS-UNKNOWN"], 1);
        world.place(&order).await;
        world.until_parked(&order).await;
        let number = world.order(&order).await["orderNumber"].clone();
        let rows = shown(world, &format!("/api/attention?limit=200&shop={HASTY_SHOP}")).await;
        let rows = rows.as_array().unwrap();
        assert!(rows.iter().all(|row| row["shop"] == HASTY_SHOP), "{rows:?}");
        let row = rows.iter().find(|row| row["orderNumber"] == number).expect("the order's row");
        assert_eq!(row["name"], format!("#{}", order.id));
        let of_another = shown(
            world,
            &format!("/api/attention?shop=another.myshopify.com&orderId={}", number.as_str().unwrap()),
        )
        .await;
        assert_eq!(of_another, json!([]));
        sqlx::query("INSERT INTO orders.attention (lane, step, reason, has_run) VALUES ('rows-lane', 'follow', 'LANE_UNSERVED', false)")
            .execute(&world.pool)
            .await
            .unwrap();
        let of_lane = shown(world, "/api/attention?lane=rows-lane").await;
        assert_eq!((of_lane.as_array().unwrap().len(), &of_lane[0]["shop"]), (1, &Value::Null), "{of_lane}");
        assert_eq!(get(world, "/api/attention?lane=no%20lane").await.json()["field"], "lane");
        assert_eq!(get(world, "/api/attention?shop=NO").await.json()["field"], "shop");
        let id = of_lane[0]["attentionId"].as_i64().unwrap();
        let answered = world.http.post(world.api(&format!("/api/attention/{id}/resolve")));
        assert_eq!(read(answered.json(&json!({"reason": "a test"}))).await.status, StatusCode::OK);
    });
}

#[test]
fn a_viewer_sees_what_an_operator_sees_and_changes_nothing() {
    let world = &*WORLD;
    world::run(async {
        world.stock("VIEWER-1", 5).await;
        let placed = world.place_at_api("VIEWER-1", 1, Some("1h")).await;
        let id = placed["orderId"].as_str().unwrap();
        let as_role = async |role: &str, method: Method, path: &str| {
            let request = world.http.request(method.clone(), world.api(path)).bearer_auth(world.token(role));
            read(if method == Method::GET { request } else { request.json(&json!({"reason": "x"})) }).await
        };
        for path in [
            format!("/api/orders/{id}"),
            "/api/orders/user/grace.secret@example.com?limit=1".to_owned(),
            "/api/inventory/VIEWER-1/movements".to_owned(),
        ] {
            let [seen, by_operator] =
                [as_role("viewer", Method::GET, &path).await, as_role("operator", Method::GET, &path).await];
            assert_eq!(seen.status, StatusCode::OK, "{path}: {}", seen.text);
            let (mut seen, mut by_operator) = (seen.json(), by_operator.json());
            if path == format!("/api/orders/{id}") {
                // Who the customer is, is for those who act.
                assert!(seen.get("customer").is_none_or(Value::is_null), "{seen}");
                assert_eq!(by_operator["customer"]["email"], "grace.secret@example.com");
                for order in [&mut seen, &mut by_operator] {
                    order.as_object_mut().expect("an order").remove("customer");
                }
            }
            assert_eq!(seen, by_operator, "{path}");
        }
        for path in [format!("/api/orders/{id}/cancel"), "/api/lanes/warehouse/pause".to_owned()] {
            assert_eq!(as_role("viewer", Method::POST, &path).await.status, StatusCode::FORBIDDEN, "{path}");
        }
        for path in ["/api/users/somebody", "/api/data-requests", "/api/webhook-subscriptions"] {
            assert_eq!(as_role("viewer", Method::GET, path).await.status, StatusCode::FORBIDDEN, "{path}");
        }
        assert_eq!(shown(world, &format!("/api/orders/{id}")).await["status"], "PENDING");
    });
}
