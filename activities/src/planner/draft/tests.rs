use domain::{LineId, Quantity, Sku};
use inventory::{Allocation, AllocationId, AllocationStatus, ReservationStatus};

use super::*;
use crate::planner::imagined::{
    MAIN, held, line_id, nothing_notified, request, rules, situation, wanted, warehouse,
};

/// Pieces of a line in a warehouse, of which some have left.
fn allocation(id: &str, at: &str, pieces: i64, left: u64) -> Allocation {
    let all_left = u64::try_from(pieces) == Ok(left);
    Allocation {
        allocation_id: AllocationId::parse("alloc_0123456789abcdef0123456789abcdef").unwrap(),
        line_id: line_id(id),
        sku: Sku::parse(&format!("SKU-{id}")).unwrap(),
        warehouse: warehouse(at),
        quantity: Quantity::new(pieces).unwrap(),
        fulfilled_quantity: left,
        status: if all_left { AllocationStatus::Fulfilled } else { AllocationStatus::Confirmed },
        cause: None,
    }
}

fn holding(allocations: Vec<Allocation>) -> Holding {
    Holding {
        order_id: domain::OrderId::parse("one").unwrap(),
        epoch: 1.into(),
        version: 1,
        status: ReservationStatus::Complete,
        allocations,
        waiting: Vec::new(),
        changed: Vec::new(),
        served: Vec::new(),
    }
}

/// What is to be handed over yet: `pieces×line@warehouse`.
fn missing(holding: &Holding, situation: &Situation) -> Vec<String> {
    let demand = Demand::of(situation, &rules(), &nothing_notified()).unwrap();
    let missing = not_handed_over(holding, situation, &demand).unwrap();
    let lines = missing.iter().flat_map(|(at, lines)| lines.iter().map(move |line| (at, line)));
    lines.map(|(at, line)| format!("{}×{}@{at}", line.quantity, line.line_id)).collect()
}

fn with_requests(wanted: Vec<domain::WantedLine>, requests: Vec<FulfilmentRequest>) -> Situation {
    let mut known = situation(wanted, Vec::new());
    known.look_is_fresh = false;
    known.requests = requests;
    known
}

#[test]
fn what_a_line_holds_twice_in_one_warehouse_is_covered_by_its_hand_overs_once() {
    let twice = holding(vec![allocation("1", "main", 2, 0), allocation("1", "main", 3, 0)]);
    let known = |pieces| with_requests(vec![wanted("1", 5, 0)], vec![request("main", 1, &[("1", pieces)])]);
    assert_eq!(missing(&twice, &known(2)), ["3×1@main"]);
    assert_eq!(missing(&twice, &known(4)), ["1×1@main"]);
    assert_eq!(missing(&twice, &known(5)), [] as [&str; 0]);
}

#[test]
fn what_has_left_was_handed_over_and_what_another_warehouse_has_was_not() {
    let known = with_requests(vec![wanted("1", 4, 2)], vec![request("main", 1, &[("1", 2)])]);
    let left = holding(vec![allocation("1", "main", 2, 2), allocation("1", "far", 2, 0)]);
    assert_eq!(missing(&left, &known), ["2×1@far"]);
    let rest = holding(vec![allocation("1", "main", 4, 2)]);
    assert_eq!(missing(&rest, &known), ["2×1@main"]);
}

#[test]
fn what_the_shop_holds_is_kept_back_once_however_many_allocations_it_is_in() {
    let known = situation(
        vec![wanted("1", 4, 0)],
        vec![held(MAIN, None, &[("1", 3)]), crate::planner::imagined::fulfilment_order(MAIN, &[("1", 1)])],
    );
    let twice = holding(vec![allocation("1", "main", 2, 0), allocation("1", "main", 2, 0)]);
    assert_eq!(missing(&twice, &known), ["1×1@main"]);
}

#[test]
fn what_is_at_a_warehouse_is_not_given_back_though_nothing_is_wanted() {
    let wants_nothing = |requests: Vec<FulfilmentRequest>| {
        let known = with_requests(vec![wanted("1", 0, 0)], requests);
        let demand = Demand::of(&known, &rules(), &nothing_notified()).unwrap();
        let mismatches = Mismatches::of(&known, &demand, &rules(), false);
        let (gate, decision) = (known.gate(0), GateDecision::Ignore(IgnoreReason::NothingToShip));
        Draft { situation: known, demand: Some(demand), mismatches, gate, decision, looks_first: false }
            .wants_nothing()
    };
    assert!(wants_nothing(Vec::new()));
    assert!(!wants_nothing(vec![request("main", 1, &[("1", 1)])]));
}

#[test]
fn a_line_without_a_name_leaves_what_is_held_as_it_is() {
    let mut known = situation(vec![wanted("1", 1, 0)], Vec::new());
    known.look_is_fresh = false;
    known.brief.wanted[0].sku = None;
    assert!(Demand::of(&known, &rules(), &std::collections::BTreeMap::<LineId, u32>::new()).is_none());
}
