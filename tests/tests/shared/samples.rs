//! Webhooks as Shopify's own command line sends them.

use domain::{AddressSaid, Restock};
use serde_json::Value;
use shopify::webhook::Topic;
use shopify::wire::{
    parse_fulfilment_order_mention, parse_level, parse_order, parse_order_mention, parse_refund,
};

use crate::fixtures;

const FOLDER: &str = "webhook-samples-2024-10";

fn samples() -> Vec<(Topic, Value)> {
    fixtures::names(FOLDER, ".json")
        .iter()
        .map(|name| {
            let sample = fixtures::json(&format!("{FOLDER}/{name}"));
            let topic = sample["headers"]["x-shopify-topic"].as_str().unwrap_or_else(|| panic!("{name}"));
            (Topic::parse(topic), sample["body"].clone())
        })
        .collect()
}

#[test]
fn every_sample_is_a_whole_order_or_is_classified() {
    let mut whole = Vec::new();
    let mut stored = Vec::new();
    let mut of_no_order = Vec::new();
    let mut of_fulfilment_orders = 0;
    for (topic, body) in samples() {
        let bytes = body.to_string().into_bytes();
        match &topic {
            Topic::StoredForLater(text) => stored.push(text.clone()),
            Topic::Unknown(_) => {}
            Topic::FulfilmentOrders(_) | Topic::FulfilmentHolds(_) => {
                assert!(parse_fulfilment_order_mention(&bytes).contains(&1), "{topic}");
                of_fulfilment_orders += 1;
            }
            Topic::RefundsCreate => {
                let refund = parse_refund(&bytes).unwrap();
                let restock = refund.lines[0].restock;
                assert_eq!((refund.lines.len(), restock), (2, Restock::NoRestock));
            }
            // The sample names no order: such a hint is kept, and the next look reads the risk.
            Topic::OrdersRiskAssessmentChanged => {
                assert_eq!(parse_order_mention(&bytes), None);
                of_no_order.push(topic.to_string());
            }
            Topic::InventoryLevelsUpdate => {
                assert_eq!(parse_level(&bytes).map(|said| said.item), Some(271_878_346_596_884_015));
            }
            topic if topic.is_whole_order() => {
                let order = parse_order(&bytes).unwrap_or_else(|unreadable| panic!("{topic}: {unreadable}"));
                let facts = order.facts;
                assert_eq!((facts.name.as_str(), facts.currency.as_str()), ("#9999", "USD"));
                assert!(facts.test && facts.cancelled_at.is_some());
                assert_eq!((facts.address, facts.fulfilments), (AddressSaid::Given, Some(vec![])));
                assert_eq!(facts.lines.len(), 2);
                assert!(facts.lines[0].says_fulfillable);
                assert_eq!(facts.lines[0].sku.as_deref(), Some("IPOD2008PINK"));
                assert_eq!(facts.lines[0].fulfilment_service.as_deref(), Some("manual"));
                assert_eq!(facts.total_amount.to_string(), "388.00");
                assert_eq!(order.customer.email.as_deref(), Some("jon@example.com"));
                whole.push(topic.to_string());
            }
            _ => assert!(parse_order_mention(&bytes).is_some(), "{topic}"),
        }
    }
    assert_eq!(of_fulfilment_orders, 18);
    assert_eq!(
        whole,
        [
            "orders/cancelled",
            "orders/create",
            "orders/fulfilled",
            "orders/paid",
            "orders/partially_fulfilled",
            "orders/updated",
        ]
    );
    assert_eq!(of_no_order, ["orders/risk_assessment_changed"]);
    assert_eq!(stored, ["app/uninstalled", "orders/delete"]);
}

#[test]
fn a_body_of_another_kind_is_refused_by_name_and_never_panics() {
    for (topic, body) in samples() {
        if matches!(topic.as_str(), "refunds/create" | "app/uninstalled" | "orders/delete") {
            let unreadable = parse_order(body.to_string().as_bytes()).unwrap_err();
            assert!(!unreadable.member.is_empty(), "{topic}");
        } else {
            let _ = parse_order(body.to_string().as_bytes());
        }
    }
}
