use super::*;
use crate::planner::imagined::{
    FAR, MAIN, fulfilment_order, held, nothing_notified, parcel, reference, request, rules, situation, wanted,
};

/// What is recalled, and what is said to come too late.
fn mismatches(situation: &Situation, rules: &Rules) -> (Vec<RequestReference>, Vec<String>) {
    let demand = Demand::of(situation, rules, &nothing_notified()).unwrap();
    let mismatches = Mismatches::of(situation, &demand, rules, true);
    (mismatches.recalls, mismatches.too_late)
}

/// Two pieces of line 1 wanted, from wherever, by the body alone.
fn two_wanted(requests: Vec<FulfilmentRequest>) -> Situation {
    let mut known = situation(vec![wanted("1", 2, 0)], Vec::new());
    known.look_is_fresh = false;
    known.requests = requests;
    known
}

#[test]
fn what_cannot_be_stopped_takes_its_room_before_what_can() {
    let mut stays = request("main", 2, &[("1", 2)]);
    stays.recall_refused = true;
    let known = two_wanted(vec![request("main", 1, &[("1", 2)]), stays.clone()]);
    assert_eq!(mismatches(&known, &rules()), (vec![reference("main", 1)], Vec::new()));
    // As does what a person said to leave.
    stays.recall_refused = false;
    let left = Rules { left_as_they_are: vec![reference("main", 2)], ..rules() };
    let known = two_wanted(vec![request("main", 1, &[("1", 2)]), stays]);
    assert_eq!(mismatches(&known, &left), (vec![reference("main", 1)], Vec::new()));
}

#[test]
fn what_is_recalled_leaves_its_room_to_the_next() {
    let known = two_wanted(vec![request("main", 1, &[("1", 3)]), request("far", 1, &[("1", 2)])]);
    assert_eq!(mismatches(&known, &rules()).0, [reference("main", 1)]);
    // And no more room than it took.
    let known = two_wanted(vec![
        request("main", 1, &[("1", 3)]),
        request("far", 1, &[("1", 2)]),
        request("far", 2, &[("1", 1)]),
    ]);
    assert_eq!(mismatches(&known, &rules()).0, [reference("main", 1), reference("far", 2)]);
}

#[test]
fn what_was_refused_once_is_not_recalled_again_and_said_to_be_too_late() {
    let mut stays = request("main", 1, &[("1", 3)]);
    stays.recall_refused = true;
    let (recalls, too_late) = mismatches(&two_wanted(vec![stays]), &rules());
    assert_eq!(recalls, []);
    assert_eq!(too_late, [format!("1 × SKU-1 leave with {} and are not wanted", reference("main", 1))]);
}

#[test]
fn what_the_shop_holds_has_no_room_at_a_warehouse() {
    let orders = || vec![held(MAIN, None, &[("1", 1)]), fulfilment_order(MAIN, &[("1", 1)])];
    let mut known = situation(vec![wanted("1", 2, 0)], orders());
    known.requests = vec![request("main", 1, &[("1", 2)])];
    assert_eq!(mismatches(&known, &rules()).0, [reference("main", 1)]);
    known.requests = vec![request("main", 1, &[("1", 1)])];
    assert_eq!(mismatches(&known, &rules()).0, []);
}

#[test]
fn what_is_wanted_from_another_warehouse_is_recalled_from_this_one() {
    let mut known = situation(vec![wanted("1", 2, 0)], vec![fulfilment_order(FAR, &[("1", 2)])]);
    known.requests = vec![request("main", 1, &[("1", 2)])];
    assert_eq!(mismatches(&known, &rules()).0, [reference("main", 1)]);
    let freely = Rules { follow_locations: false, ..rules() };
    assert_eq!(mismatches(&known, &freely).0, []);
}

#[test]
fn what_left_under_one_hand_over_is_still_there_under_another() {
    let mut known = two_wanted(vec![request("main", 1, &[("1", 1)]), request("main", 2, &[("1", 2)])]);
    known.brief.wanted = vec![wanted("1", 2, 1)];
    known.parcels = vec![parcel("main", 1, &[("1", 1)])];
    // One is left to ship, and two are at the warehouse.
    assert_eq!(mismatches(&known, &rules()).0, [reference("main", 2)]);
    // A parcel that is only spoken of has not left.
    known.parcels[0].booked_at = None;
    known.brief.wanted = vec![wanted("1", 2, 0)];
    assert_eq!(mismatches(&known, &rules()).0, [reference("main", 2)]);
    known.brief.wanted = vec![wanted("1", 3, 0)];
    assert_eq!(mismatches(&known, &rules()).0, []);
}

#[test]
fn what_goes_to_another_address_is_recalled_unless_no_warehouse_knows_of_it() {
    let mut known = two_wanted(vec![request("main", 1, &[("1", 2)])]);
    known.brief.ship_to_digest = Some(vec![1]);
    assert_eq!(mismatches(&known, &rules()).0, [reference("main", 1)]);
    known.requests[0].was_called = false;
    assert_eq!(mismatches(&known, &rules()).0, []);
}

#[test]
fn pieces_held_at_two_warehouses_leave_the_rest_of_each_its_room() {
    let orders = vec![
        held(FAR, None, &[("1", 1)]),
        held(MAIN, None, &[("1", 1)]),
        fulfilment_order(MAIN, &[("1", 2)]),
    ];
    let mut known = situation(vec![wanted("1", 4, 0)], orders);
    known.requests = vec![request("main", 1, &[("1", 2)])];
    assert_eq!(mismatches(&known, &rules()).0, []);
}
