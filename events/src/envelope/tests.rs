use serde_json::json;

use super::*;

fn event() -> Outgoing {
    Outgoing {
        outbox_id: 7,
        event_id: Uuid::from_u128(0x0190_a0b0_1111_7000_8000_0000_0000_0001),
        event_type: "ORDER_PLACED".to_owned(),
        aggregate_type: "Order".to_owned(),
        aggregate_id: "web-17".to_owned(),
        correlation_id: "c-1".to_owned(),
        payload: json!({"orderId": "web-17"}),
        occurred_at: "2026-02-21T03:02:36.792213Z".parse().unwrap(),
        stream: "order/web-17".to_owned(),
        sequence: 3,
        partition_key: "web-17".to_owned(),
        lane: 0,
    }
}

#[test]
fn the_body_is_the_envelope_of_the_contract() {
    let body: Value =
        serde_json::from_slice(&body(&event(), "OrderCreated", "/waybill/main").unwrap()).unwrap();
    let expected = json!({
        "eventId": "0190a0b0-1111-7000-8000-000000000001", "eventType": "OrderCreated", "eventVersion": "1.0.0",
        "aggregateId": "web-17", "aggregateType": "Order", "timestamp": "2026-02-21T03:02:36.792213Z",
        "metadata": {"correlationId": "c-1", "source": "/waybill/main"}, "payload": {"orderId": "web-17"},
    });
    assert_eq!(body, expected);
}

#[test]
fn a_later_event_of_a_stream_has_a_sequence_that_sorts_after_it_as_text() {
    let of = |sequence| {
        let event = Outgoing { sequence, ..event() };
        attributes(&event, "ORDER_PLACED", "/waybill/main")
            .into_iter()
            .find(|(name, _)| *name == "sequence")
            .unwrap()
            .1
    };
    assert_eq!(of(3), "00000000000000000003");
    assert!(of(9) < of(10) && of(99_999) < of(100_000));
}
