use super::*;
use crate::facts::{AddressSaid, FinancialStatus};

fn line(id: &str, quantity: u32, fulfillable: Option<u32>) -> OrderLine {
    OrderLine {
        line_id: LineId::parse(id).unwrap(),
        sku: Some("A".into()),
        product_name: "A".into(),
        quantity,
        fulfillable_quantity: fulfillable.unwrap_or(quantity),
        says_fulfillable: fulfillable.is_some(),
        current_quantity: None,
        says_fulfilled: false,
        fulfilment_service: None,
        unit_price: "1".parse().unwrap(),
        requires_shipping: true,
    }
}

fn pieces(lines: &[(&str, u32)]) -> Vec<LinePieces> {
    let line = |(id, quantity): &(&str, u32)| LinePieces {
        line_id: LineId::parse(id).unwrap(),
        quantity: *quantity,
    };
    lines.iter().map(line).collect()
}

fn fulfilment(id: i64, number: Option<&str>, lines: &[(&str, u32)]) -> ShopFulfilment {
    let tracking_numbers = number.into_iter().map(str::to_owned).collect();
    ShopFulfilment { id, stands: true, tracking_numbers, location_id: None, lines: pieces(lines) }
}

fn parcel(ids: &[i64], number: Option<&str>, notified: bool, lines: &[(&str, u32)]) -> OurParcel {
    let tracking_number = number.map(str::to_owned);
    OurParcel { fulfilment_ids: ids.to_vec(), tracking_number, notified, lines: pieces(lines) }
}

fn facts(lines: Vec<OrderLine>, fulfilments: Option<Vec<ShopFulfilment>>) -> OrderFacts {
    OrderFacts {
        name: "#1".into(),
        currency: "EUR".into(),
        total_amount: "1".parse().unwrap(),
        financial_status: FinancialStatus::Paid,
        test: false,
        cancelled_at: None,
        updated_at: None,
        location_id: None,
        address: AddressSaid::Given,
        lines,
        fulfilments,
        tags: None,
        refund_ids: Vec::new(),
        shipping_methods: None,
    }
}

/// Wanted and left of the only line.
fn one(facts: &OrderFacts, parcels: &[OurParcel], refunds: &[RefundedPieces]) -> (u32, u32) {
    let lines = wanted(facts, parcels, refunds);
    (lines[0].pieces, lines[0].left)
}

#[test]
fn our_own_fulfilment_cancels_out_whether_it_is_known_by_id_or_by_number() {
    let before = facts(vec![line("1", 3, Some(3))], Some(vec![]));
    assert_eq!(one(&before, &[], &[]), (3, 0));
    for known in [parcel(&[7], None, true, &[("1", 1)]), parcel(&[], Some("T1"), false, &[("1", 1)])] {
        let after = facts(vec![line("1", 3, Some(2))], Some(vec![fulfilment(7, Some(" T1 "), &[("1", 1)])]));
        assert_eq!(one(&after, &[known], &[]), (3, 1));
    }
}

#[test]
fn a_body_is_doubtful_where_a_line_that_left_in_part_was_refunded_or_edited() {
    let told = parcel(&[7], None, true, &[("1", 1)]);
    let body = |edited_to: Option<u32>| {
        let line = OrderLine { current_quantity: edited_to, ..line("1", 3, Some(2)) };
        facts(vec![line], Some(vec![fulfilment(7, None, &[("1", 1)])]))
    };
    let named = BTreeSet::from([LineId::parse("1").unwrap()]);
    let doubtful = |facts: &OrderFacts, refunded: &BTreeSet<LineId>| {
        is_doubtful(facts, std::slice::from_ref(&told), refunded)
    };
    let nobody = BTreeSet::new();
    assert!(doubtful(&body(Some(2)), &nobody), "an edit");
    assert!(doubtful(&body(Some(3)), &named), "a refund");
    assert!(!doubtful(&body(Some(3)), &nobody), "neither");
    let none_left = facts(vec![line("1", 3, Some(2))], Some(vec![]));
    assert!(!is_doubtful(&none_left, &[], &named), "nothing has left");
    let by_others = facts(vec![line("1", 3, Some(2))], Some(vec![fulfilment(8, None, &[("1", 1)])]));
    assert!(is_doubtful(&by_others, &[], &named), "what others sent counts too");
    let all_left = facts(vec![line("1", 1, Some(0))], Some(vec![fulfilment(7, None, &[("1", 1)])]));
    assert!(!doubtful(&all_left, &named), "all has left");
}

#[test]
fn a_parcel_without_a_number_is_known_by_its_pieces_until_its_id_is_known() {
    let said = facts(vec![line("1", 3, Some(1))], Some(vec![fulfilment(7, None, &[("1", 2)])]));
    assert_eq!(one(&said, &[parcel(&[], None, false, &[("1", 2)])], &[]), (3, 2));
    assert_eq!(one(&said, &[parcel(&[8], None, true, &[("1", 2)])], &[]), (1, 2));
}

#[test]
fn a_fulfilment_is_within_a_parcel_by_all_its_pieces_of_a_line_and_with_a_number_it_is_anothers() {
    let known = [parcel(&[], None, false, &[("1", 2)])];
    let listed = |number: Option<&str>, lines: &[(&str, u32)]| {
        is_our_fulfilment(&fulfilment(7, number, lines), &known)
    };
    assert!(listed(None, &[("1", 2)]));
    assert!(listed(None, &[("1", 1)]), "a parcel may be reported in several");
    assert!(!listed(None, &[("1", 1), ("1", 2)]), "three of a line");
    assert!(!listed(None, &[("1", 2), ("2", 1)]), "another line");
    assert!(!listed(Some("X"), &[("1", 2)]));
}

#[test]
fn refunds_one_after_another_take_back_no_more_than_has_not_left() {
    let refund =
        || RefundedPieces { line_id: LineId::parse("1").unwrap(), quantity: 2, restock: Restock::NoRestock };
    let part = facts(vec![line("1", 5, Some(3))], Some(vec![fulfilment(7, Some("T"), &[("1", 2)])]));
    let parcels = [parcel(&[7], Some("T"), true, &[("1", 2)])];
    assert_eq!(one(&part, &parcels, &[refund()]), (3, 2));
    assert_eq!(one(&part, &parcels, &[refund(), refund()]), (2, 2));
}

#[test]
fn what_the_shop_lists_as_ours_counts_as_fulfilled_before_it_is_booked() {
    let edited = OrderLine { current_quantity: Some(2), ..line("1", 3, Some(2)) };
    let body = facts(vec![edited], Some(vec![fulfilment(7, Some("T"), &[("1", 1)])]));
    let announced = OurParcel { lines: Vec::new(), ..parcel(&[7], Some("T"), true, &[]) };
    assert!(is_doubtful(&body, &[announced], &BTreeSet::new()));
}

#[test]
fn a_silent_body_of_a_line_that_came_back_after_it_left_wants_what_left() {
    let told = parcel(&[7], None, true, &[("1", 2)]);
    let returned = OrderLine { current_quantity: Some(1), ..line("1", 2, Some(0)) };
    assert_eq!(one(&facts(vec![returned], None), &[told], &[]), (2, 2));
}

#[test]
fn what_others_fulfilled_is_not_wanted_of_us() {
    let by_hand = facts(vec![line("1", 3, Some(1))], Some(vec![fulfilment(9, Some("X"), &[("1", 2)])]));
    assert_eq!(one(&by_hand, &[], &[]), (1, 0));
}

#[test]
fn a_fulfilment_that_does_not_stand_does_not_count() {
    let mut cancelled = fulfilment(7, Some("T1"), &[("1", 1)]);
    cancelled.stands = false;
    let said = facts(vec![line("1", 1, Some(1))], Some(vec![cancelled]));
    assert_eq!(one(&said, &[parcel(&[7], Some("T1"), true, &[("1", 1)])], &[]), (1, 1));
}

#[test]
fn a_return_after_shipping_changes_nothing() {
    let mut returned = line("1", 2, Some(0));
    returned.current_quantity = Some(1);
    let said = facts(vec![returned], Some(vec![fulfilment(7, Some("T1"), &[("1", 2)])]));
    assert_eq!(one(&said, &[parcel(&[7], Some("T1"), true, &[("1", 2)])], &[]), (2, 2));
}

#[test]
fn where_nothing_is_said_of_what_can_be_fulfilled_the_current_quantity_counts_less_what_others_fulfilled() {
    let mut silent = line("1", 5, None);
    assert_eq!(one(&facts(vec![silent.clone()], None), &[], &[]), (5, 0));
    silent.current_quantity = Some(4);
    let others = Some(vec![fulfilment(9, Some("X"), &[("1", 1)])]);
    assert_eq!(one(&facts(vec![silent.clone()], others), &[], &[]), (3, 0));
    silent.current_quantity = None;
    silent.says_fulfilled = true;
    assert_eq!(one(&facts(vec![silent.clone()], None), &[], &[]), (0, 0));
    let ours = Some(vec![fulfilment(7, Some("T"), &[("1", 5)])]);
    assert_eq!(one(&facts(vec![silent], ours), &[parcel(&[], Some("T"), false, &[("1", 5)])], &[]), (5, 5));
}

#[test]
fn a_silent_body_that_is_older_than_what_the_shop_was_told_counts_nothing_twice() {
    let told = parcel(&[7], None, true, &[("1", 1)]);
    for (fulfillable, quantity) in [(3, 3), (2, 3)] {
        let body = facts(vec![line("1", quantity, Some(fulfillable))], None);
        assert_eq!(one(&body, std::slice::from_ref(&told), &[]), (3, 1), "{fulfillable} open");
    }
    let returned = OrderLine { current_quantity: Some(0), ..line("1", 1, Some(0)) };
    assert_eq!(one(&facts(vec![returned], None), &[told], &[]), (1, 1));
}

#[test]
fn where_fulfilments_are_not_listed_ours_are_those_the_shop_was_told_of() {
    let silent = facts(vec![line("1", 3, Some(2))], None);
    assert_eq!(one(&silent, &[parcel(&[], Some("T"), true, &[("1", 1)])], &[]), (3, 1));
    assert_eq!(one(&silent, &[parcel(&[], Some("T"), false, &[("1", 1)])], &[]), (2, 1));
}

#[test]
fn a_refund_takes_back_only_what_has_not_left() {
    let refund =
        |restock, quantity| RefundedPieces { line_id: LineId::parse("1").unwrap(), quantity, restock };
    let whole = facts(vec![line("1", 3, Some(3))], Some(vec![]));
    for restock in [Restock::Cancel, Restock::NoRestock, Restock::LegacyRestock] {
        assert_eq!(one(&whole, &[], &[refund(restock, 2)]), (1, 0), "{restock:?}");
    }
    assert_eq!(one(&whole, &[], &[refund(Restock::Return, 2)]).0, 3);
    assert_eq!(one(&whole, &[], &[refund(Restock::Cancel, 9)]).0, 0);
    let gone = facts(vec![line("1", 3, Some(0))], Some(vec![fulfilment(7, Some("T"), &[("1", 3)])]));
    let parcels = [parcel(&[7], Some("T"), true, &[("1", 3)])];
    assert_eq!(one(&gone, &parcels, &[refund(Restock::LegacyRestock, 1)]), (3, 3));
}

#[test]
fn a_refund_of_a_line_that_left_in_part_takes_back_what_is_left() {
    let refund =
        RefundedPieces { line_id: LineId::parse("1").unwrap(), quantity: 1, restock: Restock::Cancel };
    let part = facts(vec![line("1", 3, Some(2))], Some(vec![fulfilment(7, Some("T"), &[("1", 1)])]));
    let parcels = [parcel(&[7], Some("T"), true, &[("1", 1)])];
    assert_eq!(one(&part, &parcels, &[refund]), (2, 1));
}

#[test]
fn lines_that_never_ship_are_not_wanted_and_services_are_told_apart() {
    let mut download = line("1", 1, Some(1));
    download.requires_shipping = false;
    assert!(wanted(&facts(vec![download], None), &[], &[]).is_empty());
    let mut named = line("1", 1, None);
    for (service, ours) in [
        (None, true),
        (Some("manual"), true),
        (Some(""), true),
        (Some("ACME"), true),
        (Some("printful"), false),
    ] {
        named.fulfilment_service = service.map(str::to_owned);
        assert_eq!(is_ours_by_service(&named, &["acme".to_owned()]), ours, "{service:?}");
    }
}

#[test]
fn every_word_of_a_refund_reads_back_and_a_new_one_moves_no_stock() {
    for restock in Restock::ALL {
        assert_eq!(Restock::of(restock.as_str()), restock);
    }
    assert_eq!(Restock::of("teleport"), Restock::NoRestock);
}

#[test]
fn what_left_beyond_what_is_wanted_is_too_many() {
    let line = |pieces, left| WantedLine { line_id: LineId::parse("1").unwrap(), sku: None, pieces, left };
    for (pieces, left, to_ship, too_many) in [(5, 2, 3, 0), (2, 2, 0, 0), (2, 5, 0, 3)] {
        let line = line(pieces, left);
        assert_eq!((line.to_ship(), line.too_many()), (to_ship, too_many));
    }
}
