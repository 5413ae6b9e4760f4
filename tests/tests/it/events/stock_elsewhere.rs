//! What another inventory system says of the stock of our orders, by real RabbitMQ.

use serde_json::{Value, json};

use super::{SOON, brokers::Broker, consumed::Sender, duty, environment};
use crate::world::{self, InventoryService, Plan, World, database_name};

const QUEUE: &str = "waybill.main.stock";

/// What is held for the first item of an order, once the integration API and ours say the same of it.
async fn item(world: &World, order: &str) -> Option<(Value, Value)> {
    let read = async |path: String| -> Value {
        let asked = world.http.get(world.api(&path)).bearer_auth(world.token("admin"));
        asked.send().await.unwrap().json().await.unwrap()
    };
    let item = read(format!("/orders/{order}/items")).await["data"][0].clone();
    let shown = (item["allocationId"].clone(), item["allocationStatus"].clone());
    let whole = read(format!("/orders/{order}")).await["data"]["items"][0].clone();
    let ours = read(format!("/api/orders/{order}")).await["items"][0].clone();
    let all_say_so = [whole, ours]
        .iter()
        .all(|other| (&other["allocationId"], &other["allocationStatus"]) == (&shown.0, &shown.1));
    all_say_so.then_some(shown)
}

async fn until_item(world: &World, order: &str, status: &str) -> Value {
    world::until(&format!("{order} shows {status}"), SOON, async || {
        let (id, shown) = item(world, order).await?;
        (shown == status).then_some(id)
    })
    .await
}

fn allocation(event: &str, order: &str, kind: &str, payload: &Value) -> Vec<u8> {
    let mut all = json!({"orderId": order, "sku": "FAR", "quantity": 1});
    all.as_object_mut().unwrap().extend(payload.as_object().unwrap().clone());
    let envelope = json!({
        "eventId": event, "eventType": kind, "eventVersion": "1.0.0", "aggregateId": "a", "aggregateType": "Allocation",
        "timestamp": "2026-11-27T09:00:00Z", "metadata": {"source": "other-inventory"}, "payload": all,
    });
    envelope.to_string().into_bytes()
}

#[test]
fn items_show_what_the_inventory_service_says_of_them() {
    world::run(async {
        let rabbitmq = Broker::rabbitmq();
        let service = InventoryService::start(&[]).await;
        let env = environment(None, Some(&rabbitmq));
        let _its_worker = duty(&database_name(&service.pool).await, &env);
        let mut of_orders = env.clone();
        of_orders.push(("INVENTORY_SERVICE_URL", service.url()));
        let world = World::start(Plan { env: of_orders, ..Plan::default() }).await;
        let sender = Sender::to_queue(&rabbitmq, QUEUE).await;
        service.stock("NEAR", 5).await;
        service.stock("FAR", 5).await;

        // Both are installations of one name; what the service says is heard nonetheless.
        let placed = world.place_at_api("NEAR", 2, None).await;
        let order = placed["orderId"].as_str().unwrap();
        world.until_api_order(&placed, &["SHIPPED", "DELIVERED"]).await;
        let id = until_item(&world, order, "FULFILLED").await;
        let held: String =
            sqlx::query_scalar("SELECT allocation_id FROM inventory.allocations WHERE order_id = $1")
                .bind(order)
                .fetch_one(&service.pool)
                .await
                .unwrap();
        assert_eq!(id, held);

        // Another vendor's, of an order that waits for nobody here.
        let placed = world.place_at_api("FAR", 3, Some("1h")).await;
        let order = placed["orderId"].as_str().unwrap();
        let real = until_item(&world, order, "CONFIRMED").await;
        let (events, short) = ("inventory.events", "inventory.notifications");
        let key = "inventory.allocationcancelled.allocation";
        let gone = json!({"allocationId": real, "orderItemId": 1, "status": "CANCELLED"});
        sender.send_to(events, key, &allocation("s-0", order, "AllocationCancelled", &gone)).await;
        until_item(&world, order, "CANCELLED").await;
        let key = "inventory.allocationcreated.allocation";
        let second = json!({"allocationId": "far-2", "orderItemId": 1, "status": "PENDING"});
        for _ in 0..2 {
            sender.send_to(events, key, &allocation("s-1", order, "ALLOCATION_CREATED", &second)).await;
        }
        assert_eq!(until_item(&world, order, "PENDING").await, "far-2");
        let nobody = json!({"requested": 3, "available": 0});
        let notice = "inventory.insufficientstock.inventoryitem";
        sender.send_to(short, notice, &allocation("s-2", order, "InsufficientStock", &nobody)).await;
        assert_eq!(until_item(&world, order, "BACKORDERED").await, "far-2");
        // One of three is held for good, and two are short; then they come.
        let confirmed = json!({"allocationId": "far-2", "orderItemId": "1"});
        let key = "inventory.allocationconfirmed.allocation";
        sender.send_to(events, key, &allocation("s-3", order, "AllocationConfirmed", &confirmed)).await;
        let rest = json!({"allocationId": "far-3", "orderItemId": "1", "quantity": 1});
        sender.send_to(events, key, &allocation("s-3a", order, "AllocationConfirmed", &rest)).await;
        world::until("two of three are held", SOON, async || {
            let rows = sqlx::query_scalar::<_, i64>(
                "SELECT count(*) FROM orders.line_allocations WHERE order_id = $1 AND status = 'CONFIRMED'",
            );
            (rows.bind(order).fetch_one(&world.pool).await.unwrap() == 2).then_some(())
        })
        .await;
        assert_eq!(until_item(&world, order, "BACKORDERED").await, "far-2");
        let last = json!({"allocationId": "far-4", "orderItemId": "1", "quantity": 1});
        sender.send_to(events, key, &allocation("s-3b", order, "AllocationConfirmed", &last)).await;
        until_item(&world, order, "CONFIRMED").await;

        // What was short of an order that was cancelled is short no more.
        let placed = world.place_at_api("NEAR", 2, Some("1h")).await;
        let cancelled = placed["orderId"].as_str().unwrap();
        until_item(&world, cancelled, "CONFIRMED").await;
        let mut body: Value =
            serde_json::from_slice(&allocation("s-6", cancelled, "InsufficientStock", &nobody)).unwrap();
        body["payload"]["sku"] = json!("NEAR");
        sender.send_to(short, notice, body.to_string().as_bytes()).await;
        let path = format!("/api/orders/{cancelled}/cancel");
        let answer =
            world.http.post(world.api(&path)).bearer_auth(world.token("admin")).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
        until_item(&world, cancelled, "CANCELLED").await;

        // One that names no line is a person's; what comes later of the order waits behind it until it is skipped.
        let key = "inventory.allocationcancelled.allocation";
        let of_no_line = json!({"allocationId": "far-2"});
        sender.send_to(events, key, &allocation("s-4", order, "AllocationCancelled", &of_no_line)).await;
        let cancelled = json!({"allocationId": "far-2", "orderItemId": "1", "status": "CANCELLED"});
        sender.send_to(events, key, &allocation("s-5", order, "AllocationCancelled", &cancelled)).await;
        let state = async |id: &str| -> Option<String> {
            sqlx::query_scalar("SELECT state FROM integration.incoming WHERE event_id = $1")
                .bind(id)
                .fetch_optional(&world.pool)
                .await
                .unwrap()
        };
        world::until("it waits", SOON, async || (state("s-5").await? == "WAITING").then_some(())).await;
        assert_eq!(state("s-4").await.unwrap(), "DEAD");
    });
}
