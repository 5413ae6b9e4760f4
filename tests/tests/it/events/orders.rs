//! One order, from its webhook into both brokers.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    EVERYTHING,
    brokers::{self, Broker, Got, Queue},
    environment, in_order, kafka_with_topics, until_published, until_sinks,
};
use crate::world::{self, Placed, Plan, SHOP, World};

fn of<'a>(got: &'a [Got], subject: &str) -> Vec<&'a Got> {
    got.iter().filter(|got| got.attribute("subject") == subject).collect()
}

fn types(got: &[&Got]) -> Vec<String> {
    got.iter().map(|got| got.attribute("type").to_owned()).collect()
}

#[test]
fn what_becomes_of_an_order_is_in_both_brokers_under_the_same_ids() {
    world::run(async {
        let (kafka, rabbitmq) = (kafka_with_topics(&[]), Broker::rabbitmq());
        let queue = Queue::bound(&rabbitmq, "all", &EVERYTHING).await;
        let mut env = environment(Some(&kafka), Some(&rabbitmq));
        env.push(("WAYBILL_INSTANCE", "berlin".to_owned()));
        let world = World::start(Plan { env, ..Plan::default() }).await;
        until_sinks(&world.pool, 2).await;
        world.stock("EVENTS-A", 10).await;
        let order = Placed::new(SHOP, &["EVENTS-A"], 2).with("total_price", json!("1999.98"));
        world.place(&order).await;
        let shipped = world.until_order(&order, "status", &["DELIVERED"]).await;
        let id = shipped["orderId"].as_str().unwrap();
        until_published(&world.pool, Duration::from_secs(30)).await;

        let all = brokers::topic(&kafka, "order-events");
        in_order(&all);
        let events = of(&all, id);
        assert_eq!(
            types(&events),
            ["ORDER_PLACED", "ORDER_CONFIRMED", "ORDER_PROCESSING", "ORDER_SHIPPED", "ORDER_DELIVERED"]
        );
        let first = events[0];
        assert_eq!((first.key.as_str(), first.attribute("source")), (id, "/waybill/berlin"));
        assert_eq!(
            (first.attribute("specversion"), first.headers["content-type"].as_str()),
            ("1.0", "application/json")
        );
        assert_eq!(
            first.attribute("time").parse::<chrono::DateTime<chrono::Utc>>().unwrap().to_rfc3339(),
            first.body["timestamp"]
                .as_str()
                .unwrap()
                .parse::<chrono::DateTime<chrono::Utc>>()
                .unwrap()
                .to_rfc3339()
        );
        assert_eq!(first.body["metadata"]["source"], "/waybill/berlin");
        assert_eq!(
            (&first.body["eventVersion"], &first.body["eventId"]),
            (&json!("1.0.0"), &json!(first.id()))
        );
        assert!(!serde_json::to_string(&first.body).unwrap().contains('@'), "no personal data");

        let placed = brokers::topic(&kafka, "order-placed");
        let placed = of(&placed, id);
        assert_eq!((placed.len(), placed[0].id()), (1, first.id()));
        let value = &placed[0].body;
        assert_eq!(value["event_type"], "ORDER_PLACED");
        assert_eq!(value["order_number"], shipped["orderNumber"]);
        assert!(value["customer_email"].as_str().unwrap().contains('@'), "{value}");
        assert!(placed[0].text.contains(r#""total_amount":1999.98,"#), "{value}");
        let item = &value["items"][0];
        assert_eq!((&item["product_id"], &item["quantity"]), (&json!("EVENTS-A"), &json!(2)));
        assert!(item["price"].is_number() && item["product_name"].is_string(), "{value}");

        let stock = brokers::topic(&kafka, "inventory-events");
        assert!(stock.iter().all(|got| got.key == "EVENTS-A"));
        let said: Vec<&Value> = stock.iter().map(|got| &got.body["eventType"]).collect();
        assert_eq!(said, ["StockChanged", "AllocationCreated", "AllocationConfirmed", "AllocationFulfilled"]);

        let queued = queue.drain(Duration::from_secs(1)).await;
        let of_order = of(&queued, id);
        assert_eq!(types(&of_order), ["OrderCreated", "OrderConfirmed"]);
        assert_eq!((of_order[0].id(), of_order[0].from.as_str()), (first.id(), "order.events"));
        assert_eq!(of_order[0].key, "order.ordercreated.order");
        let allocations: Vec<_> =
            queued.iter().filter(|got| got.from == "inventory.events").map(|got| got.key.as_str()).collect();
        assert_eq!(
            allocations,
            [
                "inventory.allocationcreated.allocation",
                "inventory.allocationconfirmed.allocation",
                "inventory.allocationfulfilled.allocation"
            ]
        );
    });
}
