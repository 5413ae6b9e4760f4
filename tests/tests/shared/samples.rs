//! Webhooks as Shopify's own command line sends them.

use serde_json::Value;
use shopify::webhook::Topic;
use shopify::wire::parse_order;

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
    for (topic, body) in samples() {
        match &topic {
            Topic::StoredForLater(text) => stored.push(text.clone()),
            Topic::Unknown(_) => {}
            _ => {
                assert!(topic.is_whole_order());
                let order = parse_order(body.to_string().as_bytes())
                    .unwrap_or_else(|unreadable| panic!("{topic}: {unreadable}"));
                let facts = order.facts;
                assert_eq!((facts.name.as_str(), facts.currency.as_str()), ("#9999", "USD"));
                assert!(facts.test && facts.cancelled_at.is_some());
                assert_eq!(facts.lines.len(), 2);
                assert_eq!(facts.lines[0].sku.as_deref(), Some("IPOD2008PINK"));
                assert_eq!(facts.total_amount.to_string(), "388.00");
                assert_eq!(order.customer.email.as_deref(), Some("jon@example.com"));
                whole.push(topic.to_string());
            }
        }
    }
    assert_eq!(whole, ["orders/cancelled", "orders/create", "orders/paid", "orders/updated"]);
    assert_eq!(
        stored,
        [
            "app/uninstalled",
            "fulfillments/create",
            "fulfillments/update",
            "inventory_levels/update",
            "orders/delete",
            "orders/edited",
            "orders/fulfilled",
            "orders/partially_fulfilled",
            "refunds/create",
        ]
    );
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
