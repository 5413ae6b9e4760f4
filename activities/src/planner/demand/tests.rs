use super::*;
use crate::planner::imagined::{
    FAR, MAIN, fulfilment_order, held, line_id, moment, nothing_notified, parcel, rules, situation, wanted,
};

/// What is to be held: `pieces×line@warehouse`, `*` where it does not matter.
fn seen(demand: &Demand) -> Vec<String> {
    let anywhere = demand.lines.iter().map(|line| format!("{}×{}@*", line.quantity.get(), line.line_id));
    let placed = demand
        .placed
        .iter()
        .map(|placed| format!("{}×{}@{}", placed.line.quantity.get(), placed.line.line_id, placed.warehouse));
    anywhere.chain(placed).collect()
}

fn demand(situation: &Situation) -> Demand {
    Demand::of(situation, &rules(), &nothing_notified()).unwrap()
}

#[test]
fn what_left_since_the_look_is_taken_off_where_it_left_and_off_what_may_go_before_what_is_held() {
    let orders = || {
        vec![
            held(MAIN, None, &[("1", 2)]),
            fulfilment_order(MAIN, &[("1", 2)]),
            fulfilment_order(FAR, &[("1", 2)]),
        ]
    };
    let mut known = situation(vec![wanted("1", 6, 2)], orders());
    known.parcels = vec![parcel("far", 1, &[("1", 2)])];
    let from_far = demand(&known);
    assert_eq!(seen(&from_far), ["4×1@main"]);
    assert_eq!(from_far.held_back_pieces(), 2);

    known.parcels = vec![parcel("main", 1, &[("1", 2)])];
    let from_main = demand(&known);
    assert_eq!(seen(&from_main), ["2×1@far", "2×1@main"]);
    assert_eq!(from_main.held_back_pieces(), 2, "what is held is still there");

    // More than may go from there: then what is held there, before what is elsewhere.
    let mut known = situation(vec![wanted("1", 6, 3)], orders());
    known.parcels = vec![parcel("main", 1, &[("1", 3)])];
    let more = demand(&known);
    assert_eq!(seen(&more), ["2×1@far", "1×1@main"]);
    assert_eq!(more.held_back_pieces(), 1);
}

#[test]
fn what_the_shop_had_been_notified_of_at_the_look_is_off_its_fulfilment_orders_already() {
    let mut known = situation(vec![wanted("1", 5, 3)], vec![fulfilment_order(MAIN, &[("1", 3)])]);
    known.parcels = vec![parcel("main", 1, &[("1", 3)])];
    let notified = BTreeMap::from([(line_id("1"), 2)]);
    assert_eq!(seen(&Demand::of(&known, &rules(), &notified).unwrap()), ["2×1@main"]);
}

#[test]
fn what_is_held_goes_when_the_first_of_it_may() {
    let orders = vec![
        held(MAIN, Some(300), &[("1", 1)]),
        held(MAIN, Some(100), &[("2", 1)]),
        held(MAIN, None, &[("1", 1)]),
        held(MAIN, Some(50), &[("3", 1)]),
    ];
    let known = situation(vec![wanted("1", 2, 0), wanted("2", 1, 0)], orders);
    let demand = demand(&known);
    assert_eq!(demand.held_until, Some(moment(100)), "line 3 is not wanted");
    assert_eq!(demand.held_back, BTreeMap::from([(line_id("1"), 2), (line_id("2"), 1)]));
}

#[test]
fn a_line_that_names_another_service_is_ours_only_at_a_location_that_is_a_warehouse() {
    let mut known =
        situation(Vec::new(), vec![fulfilment_order(9, &[("1", 2)]), fulfilment_order(FAR, &[("1", 1)])]);
    known.brief.of_others = vec![wanted("1", 3, 0)];
    let moved = demand(&known);
    assert_eq!((seen(&moved), moved.park_reason), (vec!["1×1@far".to_owned()], None));
    // One of ours there is for a person.
    let known = situation(vec![wanted("1", 3, 0)], known.fulfilment_orders);
    let (park_reason, words) = demand(&known).park_reason.unwrap();
    assert_eq!((park_reason.code(), words.as_str()), (ParkReason::LOCATION_NOT_MAPPED, "here (9)"));
}

#[test]
fn an_order_needs_an_address_unless_all_that_is_open_of_it_is_collected() {
    let pick_up = || FulfilmentOrder {
        delivery_method: Some("PICK_UP".to_owned()),
        ..fulfilment_order(MAIN, &[("1", 1)])
    };
    let closed = || FulfilmentOrder { status: "CLOSED".to_owned().into(), ..fulfilment_order(MAIN, &[]) };
    let lacks = |orders: Vec<FulfilmentOrder>| {
        let mut known = situation(vec![wanted("1", 1, 0), wanted("2", 1, 0)], orders);
        known.has_no_address = true;
        demand(&known).park_reason.is_some_and(|(reason, _)| reason.code() == ParkReason::NO_ADDRESS)
    };
    assert!(!lacks(vec![pick_up(), closed()]));
    assert!(lacks(vec![pick_up(), fulfilment_order(MAIN, &[("2", 1)])]));
}

#[test]
fn without_a_look_the_body_says_what_is_to_be_held_wherever_it_is() {
    let mut known = situation(vec![wanted("1", 3, 1)], vec![held(FAR, None, &[("1", 2)])]);
    known.look_is_fresh = false;
    let stale = demand(&known);
    assert_eq!((seen(&stale), stale.held_back_pieces()), (vec!["2×1@*".to_owned()], 0));
    known.look_is_fresh = true;
    let freely = workflows::contract::Rules { follow_locations: false, ..rules() };
    let freely = Demand::of(&known, &freely, &BTreeMap::from([(line_id("1"), 1)])).unwrap();
    assert_eq!((seen(&freely), freely.held_back_pieces()), (vec!["2×1@*".to_owned()], 2));
}

#[test]
fn an_address_is_looked_for_where_the_look_says_what_leaves_or_where_nobody_looks() {
    let lacks = |look: bool, left: u32| {
        let mut known = situation(vec![wanted("1", 1, left)], Vec::new());
        (known.has_no_address, known.look_is_fresh) = (true, false);
        let rules = Rules { look, ..rules() };
        Demand::of(&known, &rules, &nothing_notified()).unwrap().park_reason.is_some()
    };
    assert!(!lacks(true, 0), "the look may say that it is collected");
    assert!(lacks(false, 0));
    assert!(!lacks(false, 1), "nothing is to be shipped");
}

#[test]
fn pieces_from_anywhere_and_from_one_warehouse_are_to_be_shipped() {
    let orders = vec![fulfilment_order(MAIN, &[("1", 2)]), fulfilment_order(9, &[("2", 3)])];
    let demand = demand(&situation(vec![wanted("1", 2, 0), wanted("2", 3, 0)], orders));
    assert_eq!((seen(&demand), demand.to_ship()), (vec!["3×2@*".to_owned(), "2×1@main".to_owned()], 5));
}

#[test]
fn what_left_from_elsewhere_is_taken_off_what_is_wanted_here() {
    let mut known = situation(vec![wanted("1", 3, 1)], vec![fulfilment_order(MAIN, &[("1", 3)])]);
    known.parcels = vec![parcel("far", 1, &[("1", 1)])];
    assert_eq!(seen(&demand(&known)), ["2×1@main"]);
}
