use serde_json::json;

use super::*;

fn message(body: &Value) -> Message {
    Message { broker: "amqp", headers: BTreeMap::new(), body: body.to_string().into_bytes() }
}

fn created() -> Value {
    json!({
        "eventId": "e-1", "eventType": "OrderCreated", "eventVersion": "1.0.0", "aggregateId": "web-17",
        "aggregateType": "Order", "timestamp": "2026-05-23T11:30:00Z",
        "metadata": {"correlationId": "c-1", "source": "web-shop"},
        "payload": {"orderId": "web-17", "requiresPreAllocation": true,
            "items": [{"orderItemId": "1", "inventoryItemId": "MUG", "sku": "MUG", "quantity": 2}]},
    })
}

fn of_order(read: Read) -> OrderEvent {
    match read.event.unwrap() {
        Said::OfOrder(event) => event,
        Said::OfStock(event) => panic!("{event:?}"),
    }
}

fn why(body: &Value) -> String {
    message(body).read().event.unwrap_err()
}

#[test]
fn an_event_is_read_with_its_items() {
    let read = message(&created()).read();
    let kept = &read.incoming;
    assert_eq!((kept.source.as_str(), kept.event_id.as_str()), ("web-shop", "e-1"));
    assert_eq!((kept.event_type.as_str(), kept.order_id.as_deref()), ("OrderCreated", Some("web-17")));
    let event = of_order(read);
    assert_eq!((event.kind, event.order_id.as_str(), event.pre_allocates), (Kind::Created, "web-17", true));
    let item = &event.items[0];
    let seen = (item.order_item.as_str(), item.sku.as_str(), item.quantity.get(), &item.warehouse);
    assert_eq!(seen, ("1", "MUG", 2, &None));
}

#[test]
fn names_of_both_brokers_and_odd_but_plain_writings_are_read() {
    for (name, kind) in [
        ("ORDER_CREATED", Kind::Created),
        ("ORDER_PLACED", Kind::Created),
        ("OrderConfirmed", Kind::Confirmed),
        ("ORDER_CANCELLED", Kind::Cancelled),
        ("ORDER_RETURN_INITIATED", Kind::ReturnInitiated),
    ] {
        let mut body = created();
        body["eventType"] = json!(name);
        assert_eq!(of_order(message(&body).read()).kind, kind, "{name}");
    }
    let mut body = created();
    body["payload"]["items"] = json!([{"orderItemId": 7, "inventoryItemId": "MUG", "quantity": "3.0"}]);
    body["payload"]["requiresPreAllocation"] = json!("true");
    body["eventVersion"] = json!("1.7.3");
    body["somethingNew"] = json!({"a": [1]});
    let event = of_order(message(&body).read());
    assert_eq!((event.items[0].order_item.as_str(), event.items[0].quantity.get()), ("7", 3));
    assert!(event.pre_allocates);
    for members in ["items", "requiresPreAllocation", "orderId"] {
        let mut body = created();
        body["payload"].as_object_mut().unwrap().remove(members);
        assert!(message(&body).read().event.is_ok(), "without {members}");
    }
}

#[test]
fn what_nobody_can_act_on_says_why() {
    let with = |path: &str, value: Value| {
        let mut body = created();
        *body.pointer_mut(path).unwrap() = value;
        why(&body)
    };
    for version in ["2.0.0", "0.9", "1.x", "one", "10.0.0", "1."] {
        assert!(with("/eventVersion", json!(version)).starts_with("UNKNOWN_VERSION"), "{version}");
    }
    assert!(with("/eventType", json!("OrderArchived")).starts_with("UNKNOWN_TYPE: eventType OrderArchived"));
    assert!(with("/eventType", json!(null)).contains("is missing"));
    assert!(with("/payload/items", json!("MUG")).contains("no list"));
    assert!(with("/payload/items/0/quantity", json!(0)).contains("items[0].quantity"));
    assert!(with("/payload/items/0/quantity", json!(1.5)).contains("items[0].quantity"));
    assert!(with("/payload/items/0/orderItemId", json!(null)).contains("items[0].orderItemId is missing"));
    assert!(with("/payload/items", json!(vec![json!({}); 501])).contains("500 at most"));
    let mut nobodys = created();
    nobodys["payload"]["orderId"] = json!("");
    nobodys["aggregateId"] = json!(null);
    assert!(why(&nobodys).contains("orderId is missing"));
    for body in [json!([1]), json!("text"), json!(null)] {
        assert!(why(&body).starts_with("UNREADABLE"), "{body}");
    }
}

#[test]
fn what_has_no_id_is_known_by_its_bytes() {
    let read = |body: &'static [u8]| {
        let message = Message { broker: "kafka", headers: BTreeMap::new(), body: body.to_vec() };
        message.read().incoming
    };
    assert_eq!(read(b"\xff{").event_id, read(b"\xff{").event_id);
    assert_ne!(read(b"\xff{").event_id, read(b"\xff}").event_id);
    assert_eq!(read(b"{").source, "kafka");
}

#[test]
fn ours_are_known_by_either_spelling_and_by_the_envelope() {
    for name in ["ce_source", "cloudEvents_source", "cloudEvents:source", "ce-source"] {
        let headers = BTreeMap::from([(name.to_owned(), "/waybill/main".to_owned())]);
        let read = Message { headers, ..message(&created()) }.read();
        assert!(read.is_from("/waybill/main") && !read.is_from("/waybill/other"), "{name}");
    }
    let mut body = created();
    body["metadata"]["source"] = json!("/waybill/main");
    assert!(message(&body).read().is_from("/waybill/main"));
    assert!(!message(&created()).read().is_from("/waybill/main"));
}

#[test]
fn a_type_that_stood_in_a_header_is_known_again() {
    let mut body = created();
    body["eventType"] = json!(null);
    let headers = BTreeMap::from([("cloudEvents_type".to_owned(), "OrderCancelled".to_owned())]);
    let read = Message { headers, ..message(&body) }.read();
    assert_eq!(of_order(read.clone()).kind, Kind::Cancelled);
    assert_eq!(Read::again(read.incoming).event, read.event);
}
