//! A whole Waybill whose stock is kept by a service of its own, in a database of its own.

use std::time::Duration;

use inventory_service::proto::{CheckStockRequest, inventory_client::InventoryClient};
use serde_json::{Value, json};
use temporalio_client::WorkflowExecutionStatus;
use tonic::{Code, transport::Endpoint};

use crate::{
    stock::books::audit,
    world::{self, Certificate, InventoryService, Placed, Plan, SHOP, World, until},
};

/// The service, and a Waybill that has its stock there.
async fn apart() -> (InventoryService, World) {
    apart_by("").await
}

/// The same, with this in the configuration file.
pub(super) async fn apart_by(file: &'static str) -> (InventoryService, World) {
    let service =
        InventoryService::start(&[("AUTH_HS256_SECRET", "another-secret-than-the-orders-one")]).await;
    let env = vec![("INVENTORY_SERVICE_URL", service.url())];
    (service, World::start(Plan { env, file, ..Plan::default() }).await)
}

pub(super) async fn place(world: &World, order: &Value) -> (u16, Value) {
    let answer = world.http.post(world.api("/api/orders")).json(order).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

pub(super) fn order(sku: &str, quantity: u32) -> Value {
    json!({
        "customer_name": "Grace Secretname", "customer_email": "grace.secret@example.com",
        "items": [{"product_id": sku, "quantity": quantity}],
    })
}

/// Nothing of stock happens in the orders' own database.
pub(super) async fn no_stock_here(world: &World) {
    let rows: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM inventory.reservations) + (SELECT count(*) FROM inventory.movements)",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert_eq!(rows, 0);
}

#[test]
fn stock_elsewhere_is_asked_over_tls_and_who_speaks_without_is_not_heard() {
    world::run(async {
        let tls = Certificate::new();
        let Certificate { certificate, key, .. } = &tls;
        let service = InventoryService::start(&[("GRPC_TLS_CERT", certificate), ("GRPC_TLS_KEY", key)]).await;
        let plain = service.url();
        let env = vec![
            ("INVENTORY_SERVICE_URL", plain.replace("http://127.0.0.1", "https://localhost")),
            ("INVENTORY_SERVICE_CA", certificate.clone()),
        ];
        let world = World::start(Plan { env, ..Plan::default() }).await;
        service.stock("APART-TLS", 5).await;
        let placed = world.place_at_api("APART-TLS", 2, None).await;
        assert_eq!(placed["status"], "CONFIRMED");
        service.until_figures("APART-TLS", (3, 0)).await;

        let without = Endpoint::from_shared(plain).unwrap().connect_lazy();
        let refused = InventoryClient::new(without).check_stock(CheckStockRequest::default()).await;
        // It hears nothing but that the wire does not speak as it does.
        assert_ne!(refused.unwrap_err().code(), Code::Unauthenticated);
    });
}

#[test]
fn orders_of_a_shop_and_of_the_api_ship_with_their_stock_elsewhere() {
    world::run(async {
        let (service, world) = apart().await;
        service.stock("APART-SHOP", 5).await;
        service.stock("APART-API", 5).await;

        let of_shop = Placed::new(SHOP, &["APART-SHOP"], 2);
        world.place(&of_shop).await;
        world.until_shipped(&of_shop).await;
        assert_eq!(world.until_closed(&of_shop.workflow()).await, WorkflowExecutionStatus::Completed);
        assert_eq!(service.figures("APART-SHOP").await, (3, 0));

        let placed = world.place_at_api("APART-API", 2, None).await;
        assert_eq!(
            (&placed["status"], &placed["items"][0]["unitPrice"]),
            (&json!("CONFIRMED"), &json!("29.90"))
        );
        world.until_api_order(&placed, &["SHIPPED", "DELIVERED"]).await;
        service.until_figures("APART-API", (3, 0)).await;
        let told = service.events(placed["orderId"].as_str().unwrap()).await;
        assert_eq!(told, ["AllocationCreated", "AllocationConfirmed", "AllocationFulfilled"]);

        let provisional: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM inventory.reservations WHERE provisional_until IS NOT NULL",
        )
        .fetch_one(&service.pool)
        .await
        .unwrap();
        assert_eq!(provisional, 0, "the order's message confirmed it");
        no_stock_here(&world).await;
        audit(&service.pool).await;
    });
}

#[test]
fn a_backorder_is_served_by_a_receipt_at_the_service_and_a_cancel_gives_back() {
    world::run(async {
        let (service, world) = apart().await;
        service.stock("APART-LATE", 1).await;
        let late = Placed::new(SHOP, &["APART-LATE"], 3);
        world.place(&late).await;
        world.until_order(&late, "condition", &["BACKORDERED"]).await;
        service.receive("APART-LATE", 4).await;
        world.until_shipped(&late).await;
        assert_eq!(service.figures("APART-LATE").await, (2, 0));

        let placed = world.place_at_api("APART-LATE", 2, Some("10m")).await;
        assert_eq!(service.figures("APART-LATE").await, (2, 2));
        let workflow = placed["workflowId"].as_str().unwrap();
        world.until_running(workflow).await;
        let answer = world.update(workflow, "cancel-order", World::cancel_request("customer")).await;
        assert_eq!(answer, Ok(json!({"status": "CANCELLED"})));
        service.until_figures("APART-LATE", (2, 0)).await;
        no_stock_here(&world).await;
        audit(&service.pool).await;
    });
}

#[test]
fn what_is_short_or_not_kept_holds_nothing_and_the_doors_of_stock_are_closed() {
    world::run(async {
        let (service, world) = apart().await;
        service.stock("APART-FEW", 2).await;
        let (status, body) = place(&world, &order("APART-FEW", 3)).await;
        assert_eq!(status, 400, "{body}");
        assert!(body["error"].as_str().unwrap().contains("APART-FEW: requested 3, available 2"), "{body}");
        let (status, body) = place(&world, &order("APART-NOWHERE", 1)).await;
        assert_eq!((status, &body["field"]), (400, &json!("items")), "{body}");

        // Reserved before it was found that nobody has this user's id.
        let own_id = format!("apart-{}", chrono::Utc::now().timestamp_micros());
        let refused = json!({"order": {
            "orderId": own_id, "userId": "nobody-at-all",
            "items": [{"itemId": "APART-FEW", "quantity": 2}],
        }});
        let (status, body) = place(&world, &refused).await;
        assert!((400..500).contains(&status), "{body}");
        service.until_figures("APART-FEW", (2, 0)).await;

        // The same id again, with its content mended: the reservation given back is not taken up.
        let mut mended = order("APART-FEW", 1);
        mended["orderId"] = json!(own_id);
        let (status, body) = place(&world, &mended).await;
        assert_eq!((status, &body["orderId"]), (201, &json!(own_id)), "{body}");
        let (status, again) = place(&world, &mended).await;
        assert_eq!((status, &again["orderId"]), (200, &json!(own_id)), "{again}");
        world.until_api_order(&body, &["SHIPPED", "DELIVERED"]).await;
        service.until_figures("APART-FEW", (1, 0)).await;

        let check =
            world.http.get(world.api("/api/inventory/APART-FEW/check?quantity=1")).send().await.unwrap();
        assert_eq!(check.json::<Value>().await.unwrap()["available"], 1);
        let item = world.http.get(world.api("/api/inventory/APART-FEW")).send().await.unwrap();
        assert_eq!(item.json::<Value>().await.unwrap()["availableQty"], 1);
        let unknown = world.http.get(world.api("/api/inventory/APART-NOWHERE")).send().await.unwrap();
        assert_eq!(unknown.status(), 404);
        let path = world.api("/api/inventory/APART-FEW/receive");
        let receive = world.http.post(path).json(&json!({"quantity": 1})).send().await.unwrap();
        assert_eq!(receive.status(), 421);
        audit(&service.pool).await;
    });
}

/// What the health of the link says in all, and of the inventory service.
async fn link(world: &World) -> (String, String) {
    let answer = world.http.get(world.api("/health/integration/order-service")).send().await.unwrap();
    let said: Value = answer.json().await.unwrap();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    (text(&said["status"]), text(&said["dependencies"]["inventory"]["status"]))
}

#[test]
fn by_the_rule_that_refuses_no_order_is_taken_none_is_parked_and_all_go_on_when_the_service_is_back() {
    world::run(async {
        let (service, world) = apart_by("[policy]\nwhen_inventory_is_away = \"refuse\"\n").await;
        service.stock("APART-AWAY", 5).await;
        assert_eq!(link(&world).await, ("up".into(), "up".into()));
        service.kill();
        until("the link is known to be down", Duration::from_secs(5), async || {
            (link(&world).await == ("degraded".into(), "down".into())).then_some(())
        })
        .await;
        let (status, body) = place(&world, &order("APART-AWAY", 1)).await;
        assert_eq!(status, 503, "{body}");
        let of_shop = Placed::new(SHOP, &["APART-AWAY"], 2);
        world.place(&of_shop).await;
        world.until_order(&of_shop, "condition", &["AWAITING_ALLOCATION"]).await;

        service.start_again().await;
        assert_eq!(service.figures("APART-AWAY").await, (5, 0), "nothing is held for the order refused");
        world.until_shipped(&of_shop).await;
        assert!(world.attention(&of_shop).await.is_empty());
        let placed = until("an order is taken again", Duration::from_secs(60), async || {
            let (status, body) = place(&world, &order("APART-AWAY", 1)).await;
            (status == 201).then_some(body)
        })
        .await;
        world.until_api_order(&placed, &["SHIPPED", "DELIVERED"]).await;
        service.until_figures("APART-AWAY", (2, 0)).await;
        no_stock_here(&world).await;
        audit(&service.pool).await;
    });
}

#[test]
fn a_return_is_received_and_what_can_be_sold_is_for_a_person_to_book_in_at_the_service() {
    world::run(async {
        let (service, world) = apart().await;
        let sku = "APART-BACK";
        service.stock(sku, 5).await;
        let of_shop = Placed::new(SHOP, &[sku], 2);
        world.place(&of_shop).await;
        world.until_shipped(&of_shop).await;
        let id = world.order(&of_shop).await["orderId"].as_str().unwrap().to_owned();
        let post = async |path: String, body: Value| {
            let answer = world.http.post(world.api(&path)).json(&body).send().await.unwrap();
            (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
        };
        let items = json!({"items": [{"sku": sku, "quantity": 2}]});
        let (status, found) = post(format!("/api/orders/{id}/returns"), items).await;
        assert_eq!(status, 201, "{found}");
        let path = format!("/api/returns/{}/receive", found["returnId"].as_str().unwrap());
        let lines = json!({"lines": [{"sku": sku, "quantity": 1, "sellable": true},
                                     {"sku": sku, "quantity": 1, "sellable": false}]});
        let (status, found) = post(path, lines).await;
        assert_eq!((status, &found["state"]), (200, &json!("RECEIVED")), "{found}");
        let words = world.until_shown(&of_shop, "RETURN_NOT_BOOKED").await;
        assert!(words.starts_with(&format!("1 × {sku}")), "{words}");
        assert_eq!(service.figures(sku).await, (3, 0));
        no_stock_here(&world).await;
    });
}
