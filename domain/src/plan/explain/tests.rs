use proptest::prelude::*;

use super::super::plan;
use super::super::tests::{demands, line, preferences, reach, shelf, stocks, warehouse};
use super::*;

fn names_of(shelves: &[Shelf]) -> Vec<WarehouseId> {
    let names: BTreeSet<&WarehouseId> = shelves.iter().map(|shelf| &shelf.warehouse).collect();
    names.into_iter().cloned().collect()
}

/// What each warehouse does for the line: its pieces, or why none.
fn told(explanation: &Explanation, line: usize) -> Vec<(String, Result<u64, WhyNot>)> {
    let verdicts = explanation.lines[line].warehouses.iter();
    verdicts.map(|v| (v.warehouse.to_string(), v.why_not.map_or(Ok(v.serves), Err))).collect()
}

fn why_not(demand: &[DemandLine], shelves: &[Shelf], preferred: Option<&str>) -> Vec<(String, WhyNot)> {
    let preferred = preferred.map(warehouse);
    let explanation = explain(demand, shelves, &names_of(shelves), preferred.as_ref());
    told(&explanation, 0).into_iter().filter_map(|(name, said)| Some((name, said.err()?))).collect()
}

fn pair(name: &str, why_not: WhyNot) -> (String, WhyNot) {
    (name.to_owned(), why_not)
}

#[test]
fn a_warehouse_without_the_sku_one_without_pieces_and_one_with_too_few_are_told_apart() {
    let shelves = [shelf("a", "has", 9, 3), shelf("a", "few", 0, 2), shelf("a", "empty", 0, 0)];
    let all = ["has", "few", "empty", "other"].map(warehouse);
    let explanation = explain(&[line("1", "a", 3)], &shelves, &all, None);
    let expected = [
        ("has".to_owned(), Ok(3)),
        ("few".to_owned(), Err(WhyNot::NotEnough)),
        ("empty".to_owned(), Err(WhyNot::OutOfStock)),
        ("other".to_owned(), Err(WhyNot::NotStocked)),
    ];
    assert_eq!(told(&explanation, 0), expected);
    assert_eq!((explanation.complete, explanation.parcels), (true, 1));
}

#[test]
fn what_nobody_stocks_is_unknown_and_what_is_missing_waits_somewhere() {
    let shelves = [shelf("a", "x", 0, 2)];
    let explanation = explain(&[line("1", "a", 3), line("2", "b", 1)], &shelves, &names_of(&shelves), None);
    let [first, second] = &explanation.lines[..] else { panic!("two lines") };
    assert_eq!((first.missing, first.queue_at.clone()), (1, Some(warehouse("x"))));
    assert_eq!((first.unknown_sku, second.unknown_sku), (false, true));
    assert_eq!((second.missing, second.queue_at.clone()), (1, None));
    assert!(!explanation.complete);
}

#[test]
fn one_parcel_speaks_against_a_warehouse_that_has_only_a_part_of_the_order() {
    let demand = [line("1", "a", 1), line("2", "b", 1)];
    let shelves = [shelf("a", "near", 0, 1), shelf("a", "far", 9, 1), shelf("b", "far", 9, 1)];
    let expected = [pair("near", WhyNot::AnotherShipsFewerParcels)];
    assert_eq!(why_not(&demand, &shelves, None), expected);
}

#[test]
fn a_line_that_would_be_split_speaks_against_a_pair() {
    let demand = [line("1", "b", 1), line("2", "a", 2)];
    let shelves = [
        shelf("a", "x", 0, 1),
        shelf("b", "x", 0, 1),
        shelf("a", "y", 0, 1),
        shelf("b", "y", 0, 1),
        shelf("a", "z", 9, 2),
    ];
    let explanation = explain(&demand, &shelves, &names_of(&shelves), None);
    assert_eq!(told(&explanation, 0)[0], ("x".to_owned(), Ok(1)));
    assert_eq!(told(&explanation, 0)[1], ("y".to_owned(), Err(WhyNot::LaterName)));
    let x_cannot_serve_the_pair_of_pieces = told(&explanation, 1)[0].1;
    assert_eq!(x_cannot_serve_the_pair_of_pieces, Err(WhyNot::NotEnough));

    let demand = [line("1", "c", 1), line("2", "a", 2), line("3", "d", 1)];
    let shelves = [
        shelf("c", "w", 0, 1),
        shelf("a", "w", 0, 1),
        shelf("a", "x", 0, 1),
        shelf("d", "x", 0, 1),
        shelf("c", "y", 9, 1),
        shelf("a", "z", 9, 2),
        shelf("d", "z", 9, 1),
    ];
    let explanation = explain(&demand, &shelves, &names_of(&shelves), None);
    assert_eq!(told(&explanation, 2)[1], ("x".to_owned(), Err(WhyNot::AnotherSplitsFewerLines)));
}

#[test]
fn among_equals_the_preferred_then_priority_then_the_name_is_told() {
    let demand = [line("1", "a", 2)];
    let shelves =
        [shelf("a", "m", 1, 2), shelf("a", "n", 1, 2), shelf("a", "q", 5, 2), shelf("a", "z", 0, 2)];
    let preferred = ["m", "n", "z"].map(|name| pair(name, WhyNot::AnotherIsPreferred));
    assert_eq!(why_not(&demand, &shelves, Some("q")), preferred);
    let priority = ["m", "n", "q"].map(|name| pair(name, WhyNot::LowerPriority));
    assert_eq!(why_not(&demand, &shelves, None), priority);
    assert_eq!(why_not(&demand, &shelves[..2], None), [pair("n", WhyNot::LaterName)]);
}

#[test]
fn one_that_is_taken_from_may_leave_a_line_to_one_that_ranks_before_it() {
    let demand = [line("1", "a", 1), line("2", "b", 1), line("3", "c", 1)];
    let shelves =
        [shelf("a", "x", 0, 1), shelf("b", "x", 0, 1), shelf("a", "y", 1, 1), shelf("c", "y", 1, 1)];
    assert_eq!(why_not(&demand, &shelves, None), [pair("y", WhyNot::LowerPriority)]);
    assert_eq!(why_not(&demand, &shelves, Some("y")), [pair("x", WhyNot::AnotherIsPreferred)]);
    let equals = shelves.map(|shelf| Shelf { priority: 0, ..shelf });
    assert_eq!(why_not(&demand, &equals, None), [pair("y", WhyNot::LaterName)]);
}

#[test]
fn pieces_that_earlier_lines_get_are_told_of_the_later_line() {
    let demand = [line("1", "a", 2), line("2", "a", 1)];
    let shelves = [shelf("a", "x", 0, 2)];
    let explanation = explain(&demand, &shelves, &names_of(&shelves), None);
    assert_eq!(told(&explanation, 1), [("x".to_owned(), Err(WhyNot::GivenToOtherLines))]);
    assert_eq!(explanation.lines[1].missing, 1);
}

#[test]
fn a_line_that_gets_all_waits_nowhere() {
    let shelves = [shelf("a", "x", 0, 2)];
    assert_eq!(explain(&[line("1", "a", 2)], &shelves, &names_of(&shelves), None).lines[0].queue_at, None);
}

#[test]
fn of_twelve_warehouses_every_combination_is_known() {
    let shelves: Vec<Shelf> = (0..12).map(|at| shelf("a", &format!("w{at:02}"), at, 1)).collect();
    let said = why_not(&[line("1", "a", 1)], &shelves, None);
    assert!(said.iter().all(|(_, why_not)| *why_not == WhyNot::LowerPriority), "{said:?}");
}

#[test]
fn of_too_many_warehouses_the_others_gave_more() {
    let mut shelves = vec![shelf("a", "w00", 0, 1)];
    shelves.extend((1..14).map(|at| shelf("a", &format!("w{at:02}"), at, 1)));
    let said = why_not(&[line("1", "a", 1)], &shelves, None);
    assert_eq!(said.len(), 13);
    assert!(said.iter().all(|(_, why_not)| *why_not == WhyNot::OthersGiveMore), "{said:?}");
}

/// Whether a set of this many warehouses, this one among them, gives all that can be given; found
/// without any of the planner's own code.
fn can_be_one_of(many: usize, with: &WarehouseId, demand: &[DemandLine], shelves: &[Shelf]) -> bool {
    let names = names_of(shelves);
    let all = reach(demand, shelves, |_| true);
    (0..1_u32 << names.len()).filter(|mask| mask.count_ones() as usize == many).any(|mask| {
        let among = |w: &WarehouseId| names.iter().position(|n| n == w).is_some_and(|i| mask >> i & 1 == 1);
        among(with) && reach(demand, shelves, among) == all
    })
}

proptest! {
    #[test]
    fn every_reason_is_true_of_the_plan(
        demand in demands(), shelves in stocks(5), preferred in preferences(),
    ) {
        let plan = plan(&demand, &shelves, preferred.as_ref());
        let told = explain(&demand, &shelves, &names_of(&shelves), preferred.as_ref());
        let used: BTreeSet<&WarehouseId> = plan.picks.iter().map(|pick| &pick.warehouse).collect();
        prop_assert_eq!((told.complete, told.parcels), (plan.is_complete(), used.len()));
        for (line, asked) in told.lines.iter().zip(&demand) {
            let served: u64 = line.warehouses.iter().map(|verdict| verdict.serves).sum();
            prop_assert_eq!(served + line.missing, u64::from(asked.quantity.get()));
            for verdict in &line.warehouses {
                let here = |w: &WarehouseId| *w == verdict.warehouse;
                let picked = plan.picks.iter().filter(|p| here(&p.warehouse));
                let of_line = picked.clone().filter(|p| p.line_id == line.line_id);
                let serves: u64 = of_line.map(|p| u64::from(p.quantity.get())).sum();
                prop_assert_eq!((verdict.serves, verdict.why_not.is_none()), (serves, serves > 0));
                let others = picked.filter(|p| p.line_id != line.line_id && p.sku == line.sku);
                let others: u64 = others.map(|p| u64::from(p.quantity.get())).sum();
                let shelf = shelves.iter().find(|s| s.sku == line.sku && here(&s.warehouse));
                let has = verdict.available;
                prop_assert_eq!(has, shelf.map_or(0, |s| s.available));
                let possible = can_be_one_of(used.len(), &verdict.warehouse, &demand, &shelves);
                let holds = match verdict.why_not {
                    None => true,
                    Some(WhyNot::NotStocked) => shelf.is_none(),
                    Some(WhyNot::OutOfStock) => shelf.is_some() && has == 0,
                    Some(WhyNot::GivenToOtherLines) => has > 0 && has - others < served.max(1),
                    Some(WhyNot::NotEnough) => has > 0 && has < served,
                    Some(WhyNot::AnotherShipsFewerParcels) => has >= served && !possible,
                    Some(WhyNot::AnotherIsPreferred) => {
                        possible && preferred.as_ref().is_some_and(|p| used.contains(p) && !here(p))
                    }
                    Some(WhyNot::AnotherSplitsFewerLines) => possible && !used.contains(&verdict.warehouse),
                    Some(WhyNot::LowerPriority | WhyNot::LaterName) => possible && has - others >= served,
                    Some(WhyNot::OthersGiveMore | WhyNot::Inactive) => false,
                };
                prop_assert!(holds, "{:?} of {} for {}: {plan:?}", verdict, verdict.warehouse, line.line_id);
            }
        }
    }
}
