use super::*;

fn rules(text: &str) -> ApprovalRules {
    serde_json::from_str(text).unwrap()
}

fn facts(total: &str) -> ApprovalFacts<'static> {
    let total = total.parse().unwrap();
    ApprovalFacts { total, currency: "EUR", country: Some("DE"), tags: &[], risk: Risk::NotAssessed }
}

fn asks(rules: &ApprovalRules, facts: &ApprovalFacts<'_>) -> Vec<String> {
    match rules.decide(facts, &[]) {
        ApprovalDecision::Ask(holding) => holding,
        ApprovalDecision::GoOn => Vec::new(),
        ApprovalDecision::AwaitRisk => vec!["waits".to_owned()],
    }
}

#[test]
fn without_a_rule_nobody_is_asked_and_no_risk_is_waited_for() {
    let none = ApprovalRules::default();
    assert!(none.is_empty());
    let risky = ApprovalFacts { risk: Risk::Assessed(RiskLevel::High), ..facts("1000000") };
    assert_eq!(none.decide(&risky, &[]), ApprovalDecision::GoOn);
    assert_eq!(none.decide(&ApprovalFacts { risk: Risk::Awaited, ..risky }, &[]), ApprovalDecision::GoOn);
}

#[test]
fn a_total_is_above_the_amount_of_its_own_currency_alone() {
    let rules = rules(r#"{"total_above": {"EUR": "500", "JPY": "90000"}}"#);
    assert_eq!(asks(&rules, &facts("500.01")), ["total above 500 EUR"]);
    assert!(asks(&rules, &facts("500.00")).is_empty(), "not above");
    for (currency, total, holds) in [("USD", "9999", false), ("JPY", "501", false), ("JPY", "90001", true)] {
        let facts = ApprovalFacts { currency, ..facts(total) };
        assert_eq!(!asks(&rules, &facts).is_empty(), holds, "{total} {currency}");
    }
}

#[test]
fn a_country_and_a_tag_hold_whatever_their_case() {
    let rules = rules(r#"{"countries": ["CH", "DE"], "tags": ["Check me", "wholesale"]}"#);
    let tags = ["WHOLESALE".to_owned(), "gift".to_owned(), "check ME".to_owned()];
    let seen = ApprovalFacts { country: Some("de"), tags: &tags, ..facts("1") };
    assert_eq!(asks(&rules, &seen), ["country DE", "tag Check me", "tag wholesale"]);
    let other = ApprovalFacts { country: Some("AT"), tags: &tags[1..2], ..facts("1") };
    assert!(asks(&rules, &other).is_empty());
    assert!(asks(&rules, &ApprovalFacts { country: None, ..other }).is_empty());
}

#[test]
fn a_risk_holds_from_its_level_on_and_where_nobody_says_it_in_time() {
    let rules = rules(r#"{"risk": "medium", "total_above": {"EUR": "5"}}"#);
    for (risk, asked) in [
        (Risk::NotAssessed, &[][..]),
        (Risk::Awaited, &["waits"]),
        (Risk::Unknown, &["risk unknown"]),
        (Risk::Assessed(RiskLevel::None), &[]),
        (Risk::Assessed(RiskLevel::Low), &[]),
        (Risk::Assessed(RiskLevel::Medium), &["risk medium"]),
        (Risk::Assessed(RiskLevel::High), &["risk high"]),
    ] {
        assert_eq!(asks(&rules, &ApprovalFacts { risk, ..facts("1") }), asked, "{risk:?}");
    }
    // What else holds is asked with it, not before it.
    assert_eq!(asks(&rules, &ApprovalFacts { risk: Risk::Awaited, ..facts("6") }), ["waits"]);
    let both = ApprovalFacts { risk: Risk::Assessed(RiskLevel::High), ..facts("6") };
    assert_eq!(asks(&rules, &both), ["total above 5 EUR", "risk high"]);
}

#[test]
fn an_approval_stands_for_what_was_seen_and_for_no_more() {
    let rules = rules(r#"{"tags": ["a", "b"], "risk": "low"}"#);
    let approved = [Approval {
        rules: vec!["tag a".to_owned(), "risk medium".to_owned()],
        total: "100".parse().unwrap(),
        currency: "EUR".to_owned(),
    }];
    let (a, ab) = (["a".to_owned()], ["a".to_owned(), "b".to_owned()]);
    let seen = ApprovalFacts { tags: &a, risk: Risk::Assessed(RiskLevel::Medium), ..facts("100") };
    let is_asked = |facts: ApprovalFacts<'_>| rules.decide(&facts, &approved) != ApprovalDecision::GoOn;
    assert!(!is_asked(seen), "as it was seen");
    assert!(!is_asked(ApprovalFacts { total: "99".parse().unwrap(), ..seen }), "it costs less");
    assert!(!is_asked(ApprovalFacts { tags: &[], ..seen }), "a rule less");
    assert!(!is_asked(ApprovalFacts { country: Some("CH"), ..seen }), "no rule looks at it");
    assert!(is_asked(ApprovalFacts { total: "100.01".parse().unwrap(), ..seen }), "it costs more");
    assert!(is_asked(ApprovalFacts { currency: "USD", ..seen }), "another currency");
    assert!(is_asked(ApprovalFacts { tags: &ab, ..seen }), "another tag");
    assert!(is_asked(ApprovalFacts { risk: Risk::Assessed(RiskLevel::High), ..seen }), "a higher risk");
    let none = ApprovalFacts { tags: &[], risk: Risk::Assessed(RiskLevel::None), ..facts("900") };
    assert!(!is_asked(none), "no rule holds any more");
}

#[test]
fn only_a_change_that_a_rule_goes_by_is_looked_at() {
    let content = |total: &str, tags: &[&str]| OrderFacts {
        shipping_methods: None,
        name: String::new(),
        currency: "EUR".to_owned(),
        total_amount: total.parse().unwrap(),
        financial_status: crate::FinancialStatus::Paid,
        test: false,
        cancelled_at: None,
        updated_at: None,
        location_id: None,
        address: crate::AddressSaid::Given,
        tags: Some(tags.iter().map(|tag| (*tag).to_owned()).collect()),
        lines: Vec::new(),
        fulfilments: None,
        refund_ids: Vec::new(),
    };
    let rules = rules(r#"{"tags": ["check"]}"#);
    let before = content("5", &["gift"]);
    assert!(!rules.look_at_change(&before, &content("5", &["later"])));
    assert!(rules.look_at_change(&before, &content("5", &["gift", "Check"])));
    assert!(rules.look_at_change(&before, &content("6", &["gift"])));
    assert!(!ApprovalRules::default().look_at_change(&before, &content("6", &["check"])));
}

#[test]
fn rules_are_written_as_they_are_read_and_what_is_none_is_refused() {
    let text = r#"{"total_above":{"EUR":"500.50"},"countries":["CH"],"tags":["a b"],"risk":"high"}"#;
    assert_eq!(serde_json::to_string(&rules(text)).unwrap(), text);
    for wrong in [
        r#"{"total_above": {"euro": "1"}}"#,
        r#"{"countries": ["ch"]}"#,
        r#"{"countries": ["Switzerland"]}"#,
        r#"{"tags": ["a,b"]}"#,
        r#"{"tags": [" a"]}"#,
        r#"{"risk": "HIGH"}"#,
    ] {
        assert!(serde_json::from_str::<ApprovalRules>(wrong).is_err(), "{wrong}");
    }
}
