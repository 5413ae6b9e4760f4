//! How likely it is that an order is fraudulent, by those who assess it in the shop.

use domain::{RiskLevel, ShopifyOrderId};
use serde::Deserialize;
use serde_json::json;

use super::error::ShopifyError;
use super::pages::NO_ORDER;
use super::{AdminClient, operations};
use crate::gid;

/// The most characters of the facts that are kept.
const MOST_CHARACTERS: usize = 1_000;

/// What is said of an order's risk (`OrderRiskSummary`, 2026-07). Shopify assesses an order some time after it was
/// placed, and apps may assess it as well.
#[derive(derive_more::Debug, Clone, PartialEq, Eq)]
pub struct OrderRisk {
    /// The highest level of the assessments that are made; none while there is none.
    pub level: Option<RiskLevel>,
    /// Whether an assessment is still to come, or says what this code does not know.
    pub is_pending: bool,
    /// What speaks against the order, in the assessors' own words, which may hold personal data.
    #[debug(skip)]
    pub facts: Vec<String>,
}

#[derive(Deserialize)]
struct RiskyOrder {
    risk: Summary,
}

#[derive(Deserialize)]
struct Summary {
    assessments: Vec<Assessment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Assessment {
    risk_level: String,
    facts: Vec<Fact>,
}

#[derive(Deserialize)]
struct Fact {
    description: String,
    sentiment: String,
}

impl AdminClient {
    /// What is said of an order's risk now.
    ///
    /// # Errors
    /// [`ShopifyError`]; `NotFound` if the shop has no such order.
    pub async fn order_risk(&self, order: ShopifyOrderId) -> Result<OrderRisk, ShopifyError> {
        let variables = json!({ "order": gid::of_order(order) });
        let found: Option<RiskyOrder> = self.transport.call(operations::ORDER_RISK, variables).await?;
        Ok(read(found.ok_or(NO_ORDER)?.risk))
    }
}

fn read(summary: Summary) -> OrderRisk {
    let level = |assessment: &Assessment| assessment.risk_level.to_lowercase().parse::<RiskLevel>().ok();
    let levels: Vec<Option<RiskLevel>> = summary.assessments.iter().map(level).collect();
    let against = summary.assessments.iter().flat_map(|assessment| &assessment.facts);
    let against = against.filter(|fact| fact.sentiment == "NEGATIVE");
    OrderRisk {
        level: levels.iter().flatten().max().copied(),
        is_pending: levels.iter().any(Option::is_none),
        facts: against
            .map(|fact| fact.description.replace('\0', "").chars().take(MOST_CHARACTERS).collect())
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn read_assessments(assessments: Value) -> OrderRisk {
        read(serde_json::from_value(json!({ "assessments": assessments })).unwrap())
    }

    #[test]
    fn the_highest_assessment_counts_and_one_to_come_is_said() {
        let of = |levels: &[&str]| {
            let assessments = levels.iter().map(|level| json!({"riskLevel": level, "facts": []})).collect();
            let OrderRisk { level, is_pending, .. } = read_assessments(assessments);
            (level, is_pending)
        };
        assert_eq!(of(&[]), (None, false));
        assert_eq!(of(&["PENDING"]), (None, true));
        assert_eq!(of(&["LOW", "HIGH", "NONE"]), (Some(RiskLevel::High), false));
        assert_eq!(of(&["NONE"]), (Some(RiskLevel::None), false));
        assert_eq!(of(&["MEDIUM", "PENDING"]), (Some(RiskLevel::Medium), true));
        assert_eq!(of(&["SEVERE"]), (None, true), "a word of a later version");
    }

    #[test]
    fn what_speaks_against_an_order_is_kept_and_not_shown_in_logs() {
        let fact =
            |sentiment: &str| json!({"description": format!("{sentiment} fact"), "sentiment": sentiment});
        let facts = [fact("NEGATIVE"), fact("POSITIVE"), fact("NEUTRAL")];
        let risk = read_assessments(json!([{"riskLevel": "HIGH", "facts": facts}]));
        assert_eq!(risk.facts, ["NEGATIVE fact"]);
        assert!(!format!("{risk:?}").contains("fact"), "{risk:?}");
    }
}
