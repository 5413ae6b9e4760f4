//! Which orders a person has to approve before they are handed over, and for what an approval stands.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{ParseError, facts::OrderFacts, money::Currency, words};

text_id!(
    /// A country by its two letters of ISO 3166-1.
    Country,
    "country",
    "two letters in upper case, as in ISO 3166-1, for example DE",
    |code| code.len() == 2 && code.bytes().all(|letter| letter.is_ascii_uppercase())
);

text_id!(
    /// A tag of an order, as the shop's people write it.
    Tag,
    "tag",
    "1 to 255 characters, without a comma and without white space around them",
    |tag| crate::ids::is_printable(tag, 255) && !tag.contains(',')
);

/// How likely it is that an order is fraudulent, by an assessment that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
#[derive(strum::Display, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum RiskLevel {
    /// Whoever assessed it says nothing either way.
    None,
    /// Unlikely.
    Low,
    /// Possible.
    Medium,
    /// Likely.
    High,
}

words!(RiskLevel, "risk");

/// The orders that a person has to approve before they are handed over. Each rule holds alone; without any, none is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ApprovalRules {
    /// Those whose total is above the amount of their currency.
    pub total_above: BTreeMap<Currency, Decimal>,
    /// Those that go to one of these countries.
    pub countries: Vec<Country>,
    /// Those with one of these tags, whatever its case.
    pub tags: Vec<Tag>,
    /// Those of a shop whose risk is this or higher, or of which nobody says it in time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk: Option<RiskLevel>,
}

/// What is known of an order's risk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Risk {
    /// Nobody assesses such orders.
    NotAssessed,
    /// It is worth waiting for.
    Awaited,
    /// Nobody has said it in time.
    Unknown,
    /// The highest that anybody says.
    Assessed(RiskLevel),
}

/// What an approval goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApprovalFacts<'a> {
    /// The order's total.
    pub total: Decimal,
    /// The code of its currency, as it came.
    pub currency: &'a str,
    /// Where it goes, if that is known.
    pub country: Option<&'a str>,
    /// The shop's tags.
    pub tags: &'a [String],
    /// Its risk.
    pub risk: Risk,
}

/// What is to be done about an order's approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApprovalDecision {
    /// Nothing: no rule holds, or what a person approved covers it.
    GoOn,
    /// Its risk is waited for.
    AwaitRisk,
    /// A person is asked, as these rules hold.
    Ask(Vec<String>),
}

/// What a person approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The rules that held.
    pub rules: Vec<String>,
    /// The order's total then.
    pub total: Decimal,
    /// Its currency.
    pub currency: String,
}

impl Approval {
    /// Whether it stands for the order as it is: no other rule holds, and it costs no more.
    fn covers(&self, facts: &ApprovalFacts<'_>, holding: &[String]) -> bool {
        self.currency == facts.currency
            && facts.total <= self.total
            && holding.iter().all(|rule| self.rules.contains(rule))
    }
}

impl ApprovalRules {
    /// Whether there is no rule at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is to be done about an order. Its risk is waited for before a person is asked, so that one decision is made
    /// by all of it.
    #[must_use]
    pub fn decide(&self, facts: &ApprovalFacts<'_>, approvals: &[Approval]) -> ApprovalDecision {
        if self.risk.is_some() && facts.risk == Risk::Awaited {
            return ApprovalDecision::AwaitRisk;
        }
        let holding = self.holding(facts);
        if holding.is_empty() || approvals.iter().any(|approval| approval.covers(facts, &holding)) {
            return ApprovalDecision::GoOn;
        }
        ApprovalDecision::Ask(holding)
    }

    /// The rules that hold, by names that stand for what was seen: another country, tag or risk is another rule.
    fn holding(&self, facts: &ApprovalFacts<'_>) -> Vec<String> {
        let mut holding = Vec::new();
        let above = self.total_above.iter().find(|(currency, _)| currency.as_str() == facts.currency);
        if let Some((currency, amount)) = above.filter(|(_, amount)| facts.total > **amount) {
            holding.push(format!("total above {amount} {currency}"));
        }
        let is_country = |country: &&Country| {
            facts.country.is_some_and(|code| code.trim().eq_ignore_ascii_case(country.as_str()))
        };
        holding.extend(self.countries.iter().find(is_country).map(|country| format!("country {country}")));
        holding.extend(self.tags_of(facts.tags).map(|tag| format!("tag {tag}")));
        match (self.risk, facts.risk) {
            (Some(_), Risk::Unknown) => holding.push("risk unknown".to_owned()),
            (Some(from), Risk::Assessed(level)) if level >= from => holding.push(format!("risk {level}")),
            _ => {}
        }
        holding
    }

    /// Whether what differs between two contents may change what is to be approved. Where it goes is compared by
    /// whoever knows the address.
    #[must_use]
    pub fn look_at_change(&self, before: &OrderFacts, after: &OrderFacts) -> bool {
        let money = |facts: &OrderFacts| (facts.total_amount, facts.currency.clone());
        let [tags_before, tags_after] =
            [before, after].map(|facts| facts.tags.as_deref().unwrap_or_default());
        !self.is_empty()
            && (money(before) != money(after) || !self.tags_of(tags_before).eq(self.tags_of(tags_after)))
    }

    fn tags_of<'a>(&'a self, tags: &'a [String]) -> impl Iterator<Item = &'a Tag> {
        let is_there = |tag: &&Tag| {
            let wanted = tag.as_str().to_lowercase();
            tags.iter().any(|known| known.to_lowercase() == wanted)
        };
        self.tags.iter().filter(is_there)
    }
}

#[cfg(test)]
mod tests;
