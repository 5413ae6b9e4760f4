//! Clients that others wrote, in another language: what they read of us is the contract to the letter, and what they send
//! by the contract has its effect.

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    EVERYTHING, SOON, brokers::Broker, environment, kafka_with_topics, until_published, until_sinks,
};
use crate::world::{self, Plan, World};

/// The topic by which other systems send the events of their orders.
const COMMANDS: &str = "order-commands";
const QUEUE: &str = "somebody-elses";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

/// What the contract shows.
fn contract() -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder().join("contract.json")).unwrap()).unwrap()
}

/// Runs the clients with this input, and returns the lines they show.
fn client(arguments: &[&str], input: &[Value]) -> Vec<Value> {
    let place = PathBuf::from(std::env::var_os("TEST_BROKER_CLIENTS").expect("`make test` installs them"));
    // A virtual environment, or a folder of packages.
    let packages = place.join("packages");
    let mut python = match packages.exists() {
        true => Command::new("python3"),
        false => Command::new(place.join("bin/python")),
    };
    if packages.exists() {
        python.env("PYTHONPATH", packages);
    }
    let mut running = python
        .arg(folder().join("client.py"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python runs");
    let lines: String = input.iter().map(|line| format!("{line}\n")).collect();
    running.stdin.take().expect("a pipe").write_all(lines.as_bytes()).expect("it reads");
    let ended = running.wait_with_output().expect("it ends");
    assert!(ended.status.success(), "{arguments:?} failed");
    let said = String::from_utf8(ended.stdout).expect("text");
    said.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// The members of an object and of the objects in it, without those that are there now and then.
fn members(value: &Value) -> BTreeMap<String, Value> {
    let kind = |value: &Value| match value {
        Value::Object(_) => json!(members(value)),
        Value::Array(items) => json!(items.iter().map(members).collect::<Vec<_>>()),
        Value::Number(_) => json!("a number"),
        Value::Null | Value::Bool(_) | Value::String(_) => json!("something"),
    };
    let object = value.as_object().unwrap_or_else(|| panic!("{value} is an object"));
    let always = object.iter().filter(|(name, _)| !matches!(name.as_str(), "reason" | "cause" | "expiresAt"));
    always.map(|(name, value)| (name.clone(), kind(value))).collect()
}

fn is_like(got: &Value, shown: &Value) {
    assert_eq!(members(got), members(shown), "{got}");
}

/// An event of another order system, with the contract's payload.
fn of_web_shop(kind: &str, order: &str, change: &Value) -> Value {
    let contract = contract();
    let (mut envelope, mut payload) = (contract["envelope"].clone(), contract["payloads"]["Order"].clone());
    let said = payload.as_object_mut().unwrap();
    said.insert("orderId".into(), json!(order));
    said.extend(change.as_object().unwrap().clone());
    envelope["eventId"] = json!(Uuid::now_v7().to_string());
    envelope["eventType"] = json!(kind);
    envelope["aggregateId"] = json!(order);
    envelope["aggregateType"] = json!("Order");
    envelope["metadata"]["source"] = json!("web-shop");
    envelope["payload"] = payload;
    envelope
}

async fn until_held(world: &World, order: &str, status: &str) {
    world::until(&format!("what {order} holds is {status}"), SOON, async || {
        let found: Option<String> =
            sqlx::query_scalar("SELECT status FROM inventory.allocations WHERE order_id = $1")
                .bind(order)
                .fetch_optional(&world.pool)
                .await
                .unwrap();
        (found? == status).then_some(())
    })
    .await;
}

#[test]
fn the_clients_of_others_send_and_read_what_the_contract_shows() {
    world::run(async {
        let (kafka, rabbitmq) = (kafka_with_topics(&[]), Broker::rabbitmq());
        kafka.topic(COMMANDS, &[]);
        let servers = format!("127.0.0.1:{}", kafka.port);
        let url = format!("amqp://127.0.0.1:{}/%2f", rabbitmq.port);
        let everything = EVERYTHING.map(|(exchange, key)| format!("{exchange}={key}"));
        let mut bind = vec!["amqp-bind", &url, QUEUE];
        bind.extend(everything.iter().map(String::as_str));
        client(&bind, &[]);
        let mut env = environment(Some(&kafka), Some(&rabbitmq));
        env.push(("KAFKA_ORDER_COMMANDS_TOPIC", COMMANDS.to_owned()));
        let world = World::start(Plan { env, ..Plan::default() }).await;
        until_sinks(&world.pool, 2).await;
        world.stock("WIDGET-2", 10).await;
        super::consumed::Sender::to_queue(&rabbitmq, "waybill.main.orders").await;

        // By pika: an order is held for. By confluent-kafka: it is confirmed, twice.
        let created = of_web_shop("OrderCreated", "web-17", &json!({"requiresPreAllocation": true}));
        let message =
            json!({"exchange": "order.events", "key": "order.ordercreated.order", "value": created});
        client(&["amqp-send", &url], &[message]);
        until_held(&world, "web-17", "PENDING").await;
        let confirmed = of_web_shop("ORDER_CONFIRMED", "web-17", &json!({}));
        let headers = json!({"ce_id": confirmed["eventId"], "ce_source": "web-shop"});
        let message = json!({"key": "web-17", "value": confirmed, "headers": headers});
        client(&["kafka-send", &servers, COMMANDS], &[message.clone(), message]);
        until_held(&world, "web-17", "CONFIRMED").await;
        let short = of_web_shop(
            "OrderCreated",
            "web-18",
            &json!({"requiresPreAllocation": true, "items": [{"orderItemId": "1", "sku": "WIDGET-2", "quantity": 50}]}),
        );
        let message = json!({"exchange": "order.events", "key": "order.ordercreated.order", "value": short});
        client(&["amqp-send", &url], &[message]);
        let placed = world.place_at_api("WIDGET-2", 2, None).await;
        world.until_api_order(&placed, &["DELIVERED"]).await;
        world::until("the shortage is told", SOON, async || {
            let told = "SELECT true FROM integration.outbox WHERE event_type = 'InsufficientStock' LIMIT 1";
            sqlx::query_scalar::<_, bool>(told).fetch_optional(&world.pool).await.unwrap()
        })
        .await;
        until_published(&world.pool, SOON).await;

        let contract = contract();
        let read = client(&["kafka-read", &servers, "order-placed", "order-events", "inventory-events"], &[]);
        by_kafka(&read, &contract, placed["orderId"].as_str().unwrap());
        let queued: Vec<Value> = client(&["amqp-read", &url, QUEUE], &[]);
        // What was sent to the same exchange came to this queue, too.
        let ours: Vec<Value> =
            queued.into_iter().filter(|got| got["value"]["metadata"]["source"] != "web-shop").collect();
        by_rabbitmq(&ours, &contract);
        let ids = |got: &[Value], kind: &str| -> Vec<Value> {
            let of_kind = got.iter().filter(|got| got["value"]["eventType"] == kind);
            of_kind.map(|got| got["value"]["eventId"].clone()).collect()
        };
        assert_eq!(ids(&read, "ORDER_PLACED"), ids(&ours, "OrderCreated"), "one event under one id");
        assert_eq!(ids(&read, "AllocationCreated"), ids(&ours, "AllocationCreated"));
    });
}

fn by_kafka(read: &[Value], contract: &Value, order: &str) {
    let of = |topic: &str| -> Vec<&Value> { read.iter().filter(|got| got["topic"] == topic).collect() };
    let [placed] = of("order-placed")[..] else { panic!("one order was placed: {read:?}") };
    is_like(&placed["value"], &contract["order_placed"]);
    assert_eq!((&placed["key"], &placed["value"]["total_amount"]), (&json!(order), &json!(59.8)));
    for got in read {
        let headers = got["headers"].as_object().unwrap();
        let names: Vec<&str> = headers.keys().map(String::as_str).collect();
        for name in ["specversion", "id", "type", "source", "time", "subject", "sequence"] {
            assert!(names.contains(&format!("ce_{name}").as_str()), "{name} in {names:?}");
        }
        assert_eq!(headers["content-type"], "application/json");
    }
    for got in of("order-events") {
        is_like(&without_payload(&got["value"]), &without_payload(&contract["envelope"]));
        is_like(&got["value"]["payload"], &contract["payloads"]["Order"]);
        assert_eq!(got["key"], order);
    }
    for got in of("inventory-events") {
        let payload = match got["value"]["eventType"].as_str().unwrap() {
            "StockChanged" => &contract["payloads"]["StockChanged"],
            "InsufficientStock" => &contract["payloads"]["InsufficientStock"],
            _ => &contract["envelope"]["payload"],
        };
        is_like(&got["value"]["payload"], payload);
        assert_eq!(got["key"], "WIDGET-2");
    }
}

fn by_rabbitmq(ours: &[Value], contract: &Value) {
    let mut keys: Vec<&str> = ours.iter().map(|got| got["key"].as_str().unwrap()).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(
        keys,
        [
            "inventory.allocationconfirmed.allocation",
            "inventory.allocationcreated.allocation",
            "inventory.allocationfulfilled.allocation",
            "inventory.insufficientstock.inventoryitem",
            "order.orderconfirmed.order",
            "order.ordercreated.order",
        ]
    );
    for got in ours {
        let (value, properties, headers) = (&got["value"], &got["properties"], &got["headers"]);
        is_like(&without_payload(value), &without_payload(&contract["envelope"]));
        assert_eq!(
            (&properties["message_id"], &properties["type"]),
            (&value["eventId"], &value["eventType"])
        );
        assert_eq!(
            (&properties["content_type"], &properties["delivery_mode"]),
            (&json!("application/json"), &json!(2))
        );
        assert_eq!(properties["correlation_id"], value["metadata"]["correlationId"]);
        assert!(properties["timestamp"].is_number(), "{properties}");
        for (name, said) in
            [("id", &value["eventId"]), ("type", &value["eventType"]), ("subject", &value["aggregateId"])]
        {
            assert_eq!(&headers[format!("cloudEvents_{name}")], said, "{headers}");
        }
    }
}

fn without_payload(envelope: &Value) -> Value {
    let mut members = envelope.as_object().unwrap().clone();
    members.remove("payload");
    Value::Object(members)
}
