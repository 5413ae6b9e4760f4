//! The contract of events, of which the tests of brokers have a copy.

use serde_json::Value;

use super::fixtures::shared;

#[test]
fn what_the_tests_of_brokers_take_for_the_contract_is_it() {
    let events: Value =
        serde_json::from_str(&std::fs::read_to_string(shared().join("contracts/events.json")).unwrap())
            .unwrap();
    let copy: Value = serde_json::from_str(include_str!("../../clients/contract.json")).unwrap();
    assert_eq!(copy["order_placed"], events["kafka"][0]["value"]);
    assert_eq!(copy["envelope"], events["envelope_example"]);
    let payloads = events["payloads"].as_object().unwrap();
    for (name, payload) in copy["payloads"].as_object().unwrap() {
        let (_, shown) = payloads.iter().find(|(shown, _)| shown.starts_with(name.as_str())).unwrap();
        assert_eq!(payload, shown, "{name}");
    }
}
