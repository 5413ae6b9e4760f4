use super::super::fulfilment_orders::{FulfilmentOrder, FulfilmentOrderLine, FulfilmentOrderStatus};
use super::*;
use FulfilmentOrderStatus::{Closed, InProgress, OnHold, Open};

fn order(id: &str, status: FulfilmentOrderStatus, lines: &[(i64, u32)]) -> FulfilmentOrder {
    let lines = lines
        .iter()
        .map(|(line_item_id, remaining_quantity)| FulfilmentOrderLine {
            id: format!("{id}/{line_item_id}"),
            line_item_id: *line_item_id,
            sku: None,
            total_quantity: *remaining_quantity,
            remaining_quantity: *remaining_quantity,
        })
        .collect();
    FulfilmentOrder {
        id: id.into(),
        number: 1,
        is_held: status.is_held(),
        status,
        request_status: "UNSUBMITTED".into(),
        location_id: None,
        location_name: "Berlin".into(),
        delivery_method: None,
        fulfil_at: None,
        lines,
    }
}

fn at(location_id: i64, mut order: FulfilmentOrder) -> FulfilmentOrder {
    order.location_id = Some(location_id);
    order
}

fn pieces(lines: &[(i64, u32)]) -> Vec<LinePieces> {
    lines
        .iter()
        .map(|(line_item_id, quantity)| LinePieces { line_item_id: *line_item_id, quantity: *quantity })
        .collect()
}

/// Calls by what they fulfil, for example `a/1 x2`.
fn calls(plan: &FulfilmentPlan) -> Vec<Vec<String>> {
    let lines = |group: &FulfilmentGroup| -> Vec<String> {
        group.lines.iter().map(|(line, quantity)| format!("{line} x{quantity}")).collect()
    };
    plan.calls.iter().map(|groups| groups.iter().flat_map(lines).collect()).collect()
}

fn why(orders: &[FulfilmentOrder], lines: &[(i64, u32)]) -> Vec<(i64, u32, WhyNot)> {
    let plan = plan_fulfilment(orders, &pieces(lines), None);
    plan.unmatched.iter().map(|line| (line.line_item_id, line.quantity, line.why)).collect()
}

#[test]
fn a_parcel_spreads_over_open_fulfilment_orders_and_takes_no_more_than_remains() {
    let orders = [order("a", Open, &[(1, 2)]), order("b", InProgress, &[(1, 5), (2, 1)])];
    let plan = plan_fulfilment(&orders, &pieces(&[(1, 3), (2, 1)]), None);
    assert_eq!(calls(&plan), [vec!["a/1 x2"], vec!["b/1 x1", "b/2 x1"]]);
    assert_eq!(plan.unmatched, []);
}

#[test]
fn fulfilment_orders_of_one_location_share_a_call() {
    let orders = [
        at(5, order("a", Open, &[(1, 1)])),
        at(6, order("b", Open, &[(2, 1)])),
        at(5, order("c", Open, &[(3, 1)])),
    ];
    let plan = plan_fulfilment(&orders, &pieces(&[(1, 1), (2, 1), (3, 1)]), None);
    assert_eq!(calls(&plan), [vec!["a/1 x1", "c/3 x1"], vec!["b/2 x1"]]);
}

#[test]
fn the_parcels_location_comes_first_and_another_one_before_none() {
    let orders = [at(6, order("b", Open, &[(1, 5), (2, 1)])), at(5, order("a", Open, &[(1, 2)]))];
    let plan = plan_fulfilment(&orders, &pieces(&[(1, 2)]), Some(5));
    assert_eq!(calls(&plan), [["a/1 x2"]]);
    let plan = plan_fulfilment(&orders, &pieces(&[(1, 3), (2, 1)]), Some(5));
    assert_eq!(calls(&plan), [vec!["a/1 x2"], vec!["b/1 x1", "b/2 x1"]]);
}

#[test]
fn the_same_line_twice_is_added_up() {
    let orders = [order("a", Open, &[(1, 2)])];
    assert_eq!(calls(&plan_fulfilment(&orders, &pieces(&[(1, 1), (1, 1)]), None)), [["a/1 x2"]]);
    assert_eq!(why(&orders, &[(1, 2), (1, 1)]), [(1, 1, WhyNot::Gone)]);
}

#[test]
fn only_an_order_without_fulfilment_orders_is_too_young() {
    assert_eq!(why(&[], &[(1, 1)]), [(1, 1, WhyNot::NotThereYet)]);
    assert_eq!(why(&[order("a", Open, &[(2, 1)])], &[(1, 1)]), [(1, 1, WhyNot::Gone)]);
}

#[test]
fn what_is_on_hold_is_not_gone_and_what_exceeds_it_is() {
    let orders = [order("a", Closed, &[(1, 0)]), order("b", OnHold, &[(1, 1)])];
    assert_eq!(why(&orders, &[(1, 3)]), [(1, 1, WhyNot::OnHold), (1, 2, WhyNot::Gone)]);
    let mut held = order("c", Open, &[(1, 1)]);
    held.is_held = true;
    assert_eq!(why(&[held], &[(1, 1)]), [(1, 1, WhyNot::OnHold)]);
}

#[test]
fn what_is_closed_or_used_up_is_gone_and_the_rest_has_its_place() {
    assert_eq!(why(&[order("a", Closed, &[(1, 1)])], &[(1, 1)]), [(1, 1, WhyNot::Gone)]);
    let orders = [order("a", Open, &[(1, 0), (2, 1)])];
    let plan = plan_fulfilment(&orders, &pieces(&[(1, 1), (2, 1)]), None);
    assert_eq!(calls(&plan), [["a/2 x1"]]);
    assert_eq!(plan.unmatched, [Unmatched { line_item_id: 1, quantity: 1, why: WhyNot::Gone }]);
}

#[test]
fn an_empty_parcel_needs_no_call() {
    let plan = plan_fulfilment(&[order("a", Open, &[(1, 1)])], &pieces(&[(1, 0)]), None);
    assert_eq!(plan, FulfilmentPlan::default());
    assert_eq!(plan_fulfilment(&[], &pieces(&[(1, 0)]), None), FulfilmentPlan::default());
}
