use super::*;
use crate::planner::imagined::{line_id, moment, parcel, reference, request, situation, wanted};

#[test]
fn a_look_stands_for_what_was_wanted_and_for_the_refunds_it_was_made_by() {
    let brief = || situation(vec![wanted("1", 2, 0), wanted("2", 1, 0)], Vec::new()).brief;
    let looked_for = wish_digest(&brief());
    let differs = |change: fn(&mut Brief)| {
        let mut brief = brief();
        change(&mut brief);
        wish_digest(&brief) != looked_for
    };
    assert!(differs(|brief| brief.wanted[0].pieces = 3), "more pieces");
    assert!(differs(|brief| brief.wanted[0].sku = Some("OTHER".to_owned())), "another SKU");
    assert!(differs(|brief| drop(brief.wanted.pop())), "a line less");
    assert!(differs(|brief| brief.of_others.push(wanted("3", 1, 0))), "a line of another service");
    assert!(differs(|brief| brief.doubtful_by = Some(vec![7])), "a refund");
    // What leaves changes nothing of what is wanted, nor does where it goes.
    assert!(!differs(|brief| brief.wanted[0].left = 1));
    assert!(!differs(|brief| brief.ship_to_digest = Some(vec![1])));
}

#[test]
fn what_the_gate_is_told_to_ship_is_what_is_left_to_us() {
    let situation = situation(vec![wanted("1", 2, 0)], Vec::new());
    assert_eq!(situation.brief.gate.to_ship, 2);
    assert_eq!(situation.gate(0), GateFacts { to_ship: 0, ..situation.brief.gate.clone() });
}

#[test]
fn pieces_are_counted_as_notified_over_all_parcels_that_the_shop_knows_of() {
    let mut known = situation(vec![wanted("1", 9, 6)], Vec::new());
    let notified = |pieces| Parcel {
        shop_notified_at: Some(moment(1)),
        fulfilment_ids: vec![4],
        ..parcel("main", 1, &[("1", pieces)])
    };
    known.parcels = vec![notified(1), notified(2), parcel("main", 2, &[("1", 3)])];
    assert_eq!(known.notified(), BTreeMap::from([(line_id("1"), 3)]));
}

#[test]
fn what_left_of_a_hand_over_is_not_at_its_warehouse() {
    let mut known = situation(vec![wanted("1", 5, 0)], Vec::new());
    known.requests = vec![request("main", 1, &[("1", 5)]), request("far", 1, &[("1", 2)])];
    known.parcels =
        vec![parcel("main", 1, &[("1", 1)]), parcel("main", 1, &[("1", 2)]), parcel("far", 1, &[("1", 2)])];
    let there = known.at_warehouses();
    let there: Vec<_> = there.iter().map(|(request, lines)| (&request.reference, lines.clone())).collect();
    assert_eq!(there, [(&reference("main", 1), vec![(line_id("1"), 2)])]);
    assert_eq!(known.left_from(&line_id("1")), BTreeSet::from(["far", "main"]));
    assert_eq!(known.left_from(&line_id("2")), BTreeSet::new());
}
