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
    let known = situation(
        vec![wanted("1", 6, 0)],
        vec![held(MAIN, None, &[("1", 4)]), crate::planner::imagined::fulfilment_order(MAIN, &[("1", 2)])],
    );
    let uneven = holding(vec![allocation("1", "main", 1, 0), allocation("1", "main", 5, 0)]);
    assert_eq!(missing(&uneven, &known), ["2×1@main"]);
}

/// A draft of an order of which so many pieces are to be shipped, with hand-overs, under this decision.
fn draft(pieces: u32, requests: Vec<FulfilmentRequest>, decision: GateDecision) -> Draft {
    let known = with_requests(vec![wanted("1", pieces, 0)], requests);
    let demand = Demand::of(&known, &rules(), &nothing_notified()).unwrap();
    let mismatches = Mismatches::of(&known, &demand, &rules(), decision == GateDecision::Fulfil);
    let gate = known.gate(pieces);
    Draft { situation: known, demand: Some(demand), mismatches, gate, decision, looks_first: false }
}

const NOTHING_TO_SHIP: GateDecision = GateDecision::Ignore(IgnoreReason::NothingToShip);

#[test]
fn what_is_at_a_warehouse_is_not_given_back_though_nothing_is_wanted() {
    assert!(draft(0, Vec::new(), NOTHING_TO_SHIP).wants_nothing());
    assert!(!draft(0, vec![request("main", 1, &[("1", 1)])], NOTHING_TO_SHIP).wants_nothing());
    assert!(draft(0, Vec::new(), GateDecision::Fulfil).wants_nothing());
    assert!(draft(2, Vec::new(), NOTHING_TO_SHIP).wants_nothing());
    assert!(!draft(2, Vec::new(), GateDecision::Fulfil).wants_nothing());
}

#[test]
fn stock_is_taken_where_the_gate_lets_something_through() {
    assert!(draft(2, Vec::new(), GateDecision::Fulfil).takes_stock());
    assert!(!draft(0, Vec::new(), GateDecision::Fulfil).takes_stock());
    assert!(!draft(2, Vec::new(), NOTHING_TO_SHIP).takes_stock());
}

#[test]
fn what_is_to_be_shipped_is_what_is_held_or_else_what_the_gate_was_told() {
    let mut drafted = draft(2, Vec::new(), GateDecision::Fulfil);
    drafted.gate.to_ship = 7;
    assert_eq!(drafted.to_ship(), 2);
    drafted.demand = None;
    assert_eq!(drafted.to_ship(), 7);
}

#[test]
fn the_shop_is_asked_first_by_a_doubt_or_by_a_look_that_is_due() {
    let asks = |in_doubt: bool, looks_first: bool| {
        let mut drafted = draft(2, Vec::new(), GateDecision::Fulfil);
        (drafted.situation.brief.in_doubt, drafted.looks_first) = (in_doubt, looks_first);
        drafted.asks_the_shop_first()
    };
    assert!(asks(true, false) && asks(false, true));
    assert!(!asks(false, false));
}

#[test]
fn stock_is_asked_for_as_the_shop_wants_it_when_it_is_short() {
    let order_id = OrderId::parse("one").unwrap();
    let wish = Wish { order_id: &order_id, epoch: 2, version: 3 };
    let mut drafted = draft(2, Vec::new(), GateDecision::Fulfil);
    for (stock_out, mode) in [
        (StockOutRule::WaitWhole, ReserveMode::WaitForTheRest),
        (StockOutRule::ShipWhatIsThere, ReserveMode::ShipWhatIsThere),
        (StockOutRule::Park, ReserveMode::AllOrNothing),
    ] {
        let asked = drafted.request(wish, &Rules { stock_out, ..rules() }).unwrap();
        assert_eq!((asked.mode, asked.lines.len(), asked.lines[0].quantity.get()), (mode, 1, 2));
        assert_eq!((asked.order_id, asked.epoch, asked.version), (order_id.clone(), 2.into(), 3));
    }
    drafted.demand = None;
    assert!(drafted.request(wish, &rules()).is_none(), "what is held stays as it is");
}

#[test]
fn a_hand_over_is_accepted_once_its_warehouse_took_it() {
    let requested =
        FulfilmentRequest { status: FulfilmentRequestStatus::Requested, ..request("main", 1, &[("1", 2)]) };
    assert!(!planned(requested).accepted);
    assert!(planned(request("main", 1, &[("1", 2)])).accepted);
}

#[test]
fn a_doubtful_content_is_looked_at_first_while_something_of_the_order_may_still_leave() {
    let doubtful = |to_ship: u32, requests: Vec<FulfilmentRequest>| {
        let mut known = with_requests(vec![wanted("1", to_ship, 0)], requests);
        known.brief.doubtful_by = Some(vec![7]);
        known
    };
    let (pending, shipped) = (OrderStatus::Pending, OrderStatus::Shipped);
    assert!(looks_first(pending, true, &doubtful(0, Vec::new())));
    assert!(looks_first(shipped, true, &doubtful(1, Vec::new())));
    assert!(looks_first(shipped, true, &doubtful(0, vec![request("main", 1, &[("1", 1)])])));
    assert!(!looks_first(shipped, true, &doubtful(0, Vec::new())), "all of it is gone");
    assert!(!looks_first(pending, false, &doubtful(1, Vec::new())), "it was never looked at");
    let mut known = doubtful(1, Vec::new());
    known.look_is_fresh = true;
    assert!(!looks_first(pending, true, &known));
    (known.look_is_fresh, known.brief.doubtful_by) = (false, None);
    assert!(!looks_first(pending, true, &known));
}

#[test]
fn what_is_held_is_described_by_its_pieces_and_where_they_are() {
    let held = holding(vec![
        allocation("1", "main", 2, 0),
        allocation("1", "far", 1, 0),
        allocation("2", "main", 1, 0),
        allocation("3", "north", 2, 2),
    ]);
    assert_eq!(describe(&held), "4 pieces in far, main");
}

#[test]
fn the_second_allocation_of_a_line_is_covered_by_what_the_first_left_of_the_hand_overs() {
    let twice = holding(vec![allocation("1", "main", 1, 0), allocation("1", "main", 3, 0)]);
    let known = with_requests(vec![wanted("1", 4, 0)], vec![request("main", 1, &[("1", 3)])]);
    assert_eq!(missing(&twice, &known), ["1×1@main"]);
}

#[test]
fn a_line_without_a_name_leaves_what_is_held_as_it_is() {
    let mut known = situation(vec![wanted("1", 1, 0)], Vec::new());
    known.look_is_fresh = false;
    known.brief.wanted[0].sku = None;
    assert!(Demand::of(&known, &rules(), &std::collections::BTreeMap::<LineId, u32>::new()).is_none());
}
