//! Somebody assesses how likely it is that an order is fraudulent: Shopify itself, or an app.

use serde_json::{Value, json};

use super::Clerk;
use crate::shopify::moments;

const LEVELS: [&str; 5] = ["HIGH", "MEDIUM", "LOW", "NONE", "PENDING"];

/// `assess`: an assessment of this `level` is made, with what speaks against the order (`facts`). One that was pending
/// makes way for it.
pub(super) fn assess(clerk: &mut Clerk<'_>) -> Result<(), String> {
    let level = clerk.text("level").unwrap_or("LOW").to_uppercase();
    if !LEVELS.contains(&level.as_str()) {
        return Err(format!("level is one of {}", LEVELS.join(", ")));
    }
    let facts = clerk.body["facts"].as_array().map_or(&[][..], Vec::as_slice);
    let facts: Value =
        facts.iter().map(|fact| json!({ "description": fact, "sentiment": "NEGATIVE" })).collect();
    let assessments = &mut clerk.order.assessments;
    assessments.retain(|assessment| assessment["riskLevel"] != "PENDING");
    assessments.push(json!({ "riskLevel": level, "facts": facts }));
    clerk.record("orderAssessed", json!({ "level": level }));
    // Shopify's reference calls the id a text that may be null.
    let webhook = json!({
        "provider_id": null,
        "provider_title": null,
        "risk_level": level.to_lowercase(),
        "created_at": moments::now(),
        "order_id": clerk.order.id.to_string(),
        "admin_graphql_api_order_id": clerk.order.gid(),
    });
    clerk.tell("orders/risk_assessment_changed", webhook);
    Ok(())
}
