use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

pub(super) fn sku(name: &str) -> Sku {
    Sku::parse(name).unwrap()
}

pub(super) fn warehouse(name: &str) -> WarehouseId {
    WarehouseId::parse(name).unwrap()
}

pub(super) fn line(id: &str, name: &str, pieces: i64) -> DemandLine {
    let (line_id, quantity) = (LineId::parse(id).unwrap(), Quantity::new(pieces).unwrap());
    DemandLine { line_id, sku: sku(name), quantity }
}

pub(super) fn shelf(name: &str, place: &str, priority: i32, available: u64) -> Shelf {
    Shelf { sku: sku(name), warehouse: warehouse(place), available, priority }
}

/// A plan as text: `line:warehouse×pieces`, what is missing as `line:-×pieces@queue`.
fn told(plan: &Plan) -> String {
    let picks = plan.picks.iter().map(|p| format!("{}:{}×{}", p.line_id, p.warehouse, p.quantity));
    let missing = plan.missing.iter().map(|m| {
        let at = m.queue_at.as_ref().map_or("nowhere", WarehouseId::as_str);
        format!("{}:-×{}@{at}", m.line_id, m.quantity)
    });
    picks.chain(missing).collect::<Vec<_>>().join(" ")
}

#[test]
fn one_warehouse_that_has_everything_beats_two_of_higher_priority() {
    let demand = [line("1", "a", 1), line("2", "b", 1)];
    let shelves =
        [shelf("a", "x", 0, 1), shelf("b", "y", 1, 1), shelf("a", "z", 9, 1), shelf("b", "z", 9, 1)];
    assert_eq!(told(&plan(&demand, &shelves, None)), "1:z×1 2:z×1");
}

#[test]
fn ties_go_to_the_preferred_warehouse_then_to_priority_then_to_the_name() {
    let demand = [line("1", "a", 2)];
    let shelves =
        [shelf("a", "n", 1, 2), shelf("a", "m", 1, 2), shelf("a", "z", 0, 2), shelf("a", "q", 5, 2)];
    assert_eq!(told(&plan(&demand, &shelves, Some(&warehouse("q")))), "1:q×2");
    assert_eq!(told(&plan(&demand, &shelves, None)), "1:z×2");
    assert_eq!(told(&plan(&demand, &shelves[..2], None)), "1:m×2");
}

#[test]
fn a_pair_that_splits_no_line_beats_one_of_better_priority_that_does() {
    let demand = [line("1", "a", 2), line("2", "b", 1)];
    let shelves =
        [shelf("a", "x", 0, 1), shelf("a", "y", 0, 1), shelf("b", "y", 0, 1), shelf("a", "z", 9, 2)];
    assert_eq!(told(&plan(&demand, &shelves, None)), "1:z×2 2:y×1");
}

#[test]
fn what_is_not_there_is_missing_and_earlier_lines_get_theirs_first() {
    let demand = [line("1", "a", 3), line("2", "a", 3), line("3", "b", 1)];
    let shelves = [shelf("a", "x", 1, 2), shelf("a", "y", 0, 2)];
    assert_eq!(told(&plan(&demand, &shelves, None)), "1:y×1 1:x×2 2:y×1 2:-×2@y 3:-×1@nowhere");
    assert_eq!(
        told(&plan(&demand, &shelves, Some(&warehouse("x")))),
        "1:x×1 1:y×2 2:x×1 2:-×2@x 3:-×1@nowhere"
    );
}

#[test]
fn a_line_that_is_split_gets_no_more_than_it_asks_for() {
    let shelves = [shelf("a", "x", 0, 3), shelf("a", "y", 1, 4)];
    assert_eq!(told(&plan(&[line("1", "a", 5)], &shelves, None)), "1:x×1 1:y×4");
}

#[test]
fn two_lines_that_are_split_take_no_piece_twice() {
    let shelves = [shelf("a", "x", 0, 3), shelf("a", "y", 1, 3), shelf("a", "z", 2, 3)];
    let demand = [line("1", "a", 4), line("2", "a", 4)];
    assert_eq!(told(&plan(&demand, &shelves, None)), "1:x×3 1:y×1 2:y×1 2:z×3");
}

#[test]
fn up_to_twelve_warehouses_the_fewest_are_found_and_of_more_those_that_give_most() {
    let demand = [line("1", "a", 6), line("2", "b", 6)];
    let mut shelves = vec![
        shelf("a", "both", 0, 4),
        shelf("b", "both", 0, 4),
        shelf("a", "first", 0, 6),
        shelf("b", "second", 0, 6),
    ];
    shelves.extend((3..12).map(|at| shelf("a", &format!("w{at:02}"), 9, 1)));
    let chosen = |shelves: &[Shelf]| {
        let drafted = draft(&demand, shelves, None);
        let chosen = drafted.chosen.iter().map(|at| drafted.warehouses[*at].id.to_string());
        chosen.collect::<Vec<_>>()
    };
    assert_eq!(chosen(&shelves), ["first", "second"]);
    shelves.push(shelf("a", "w12", 9, 1));
    assert_eq!(chosen(&shelves), ["both", "first", "second"]);
}

#[test]
fn a_warehouse_that_can_give_nothing_is_not_looked_at() {
    let demand = [line("1", "a", 1)];
    let shelves = [shelf("a", "empty", 0, 0), shelf("b", "other", 0, 5), shelf("a", "full", 9, 1)];
    let grants = [Grant { line: &demand[0], pieces: 1 }];
    let ranked = Warehouse::all_in_rank(&grants, &shelves, None);
    assert_eq!(ranked.iter().map(|ranked| ranked.id.as_str()).collect::<Vec<_>>(), ["full"]);
}

/// Small numbers, so that scarcity, ties and one-warehouse cases all come up often.
pub(super) fn demands() -> impl Strategy<Value = Vec<DemandLine>> {
    let lines = prop::collection::vec((0..4_usize, 1..6_i64), 1..5);
    lines.prop_map(|lines| {
        let named = lines.into_iter().enumerate();
        named.map(|(i, (s, pieces))| line(&i.to_string(), ["a", "b", "c", "d"][s], pieces)).collect()
    })
}

pub(super) fn stocks(warehouses: usize) -> impl Strategy<Value = Vec<Shelf>> {
    let shelf_of = |((s, w), available): ((usize, usize), u64)| {
        shelf(["a", "b", "c", "d"][s], &format!("w{w:02}"), (w % 3) as i32, available)
    };
    prop::collection::btree_map((0..4_usize, 0..warehouses), 0..7_u64, 0..16)
        .prop_map(move |shelves| shelves.into_iter().map(shelf_of).collect())
}

pub(super) fn preferences() -> impl Strategy<Value = Option<WarehouseId>> {
    prop::option::of((0..6_usize).prop_map(|w| warehouse(&format!("w{w:02}"))))
}

fn used(plan: &Plan) -> BTreeSet<&WarehouseId> {
    plan.picks.iter().map(|pick| &pick.warehouse).collect()
}

/// The pieces a set of warehouses could give, found without any of the planner's own code.
pub(super) fn reach(demand: &[DemandLine], shelves: &[Shelf], among: impl Fn(&WarehouseId) -> bool) -> u64 {
    let skus: BTreeSet<&Sku> = demand.iter().map(|line| &line.sku).collect();
    let per_sku = skus.into_iter().map(|sku| {
        let asked: u64 =
            demand.iter().filter(|line| line.sku == *sku).map(|line| u64::from(line.quantity.get())).sum();
        let there: u64 =
            shelves.iter().filter(|s| s.sku == *sku && among(&s.warehouse)).map(|s| s.available).sum();
        asked.min(there)
    });
    per_sku.sum()
}

/// The size of the smallest set of warehouses that gives all that can be given.
fn fewest(demand: &[DemandLine], shelves: &[Shelf]) -> usize {
    let names: BTreeSet<&WarehouseId> = shelves.iter().map(|shelf| &shelf.warehouse).collect();
    let names: Vec<&WarehouseId> = names.into_iter().collect();
    let all = reach(demand, shelves, |_| true);
    (0..1_u32 << names.len())
        .filter(|mask| {
            let among =
                |w: &WarehouseId| names.iter().position(|n| *n == w).is_some_and(|i| mask >> i & 1 == 1);
            reach(demand, shelves, among) == all
        })
        .map(|mask| mask.count_ones() as usize)
        .min()
        .unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn nothing_is_taken_that_is_not_there_and_no_line_gets_more_than_it_asked_for(
        demand in demands(), shelves in stocks(15), preferred in preferences(),
    ) {
        let plan = plan(&demand, &shelves, preferred.as_ref());
        let mut taken = BTreeMap::<(&Sku, &WarehouseId), u64>::new();
        let mut given = BTreeMap::<&LineId, u64>::new();
        for pick in &plan.picks {
            *taken.entry((&pick.sku, &pick.warehouse)).or_default() += u64::from(pick.quantity.get());
            *given.entry(&pick.line_id).or_default() += u64::from(pick.quantity.get());
        }
        for (place, pieces) in taken {
            let there = shelves.iter().find(|s| (&s.sku, &s.warehouse) == place).map_or(0, |s| s.available);
            prop_assert!(pieces <= there, "{pieces} of {there} taken at {place:?}");
        }
        for missing in &plan.missing {
            *given.entry(&missing.line_id).or_default() += u64::from(missing.quantity.get());
        }
        for line in &demand {
            prop_assert_eq!(given.get(&line.line_id).copied(), Some(u64::from(line.quantity.get())));
        }
        let own = |pick: &Pick| demand.iter().any(|l| l.line_id == pick.line_id && l.sku == pick.sku);
        prop_assert!(plan.picks.iter().all(own));
    }

    #[test]
    fn as_many_pieces_as_possible_are_planned_and_all_when_all_are_there(
        demand in demands(), shelves in stocks(15), preferred in preferences(),
    ) {
        let plan = plan(&demand, &shelves, preferred.as_ref());
        let planned: u64 = plan.picks.iter().map(|pick| u64::from(pick.quantity.get())).sum();
        let asked: u64 = demand.iter().map(|line| u64::from(line.quantity.get())).sum();
        let possible = reach(&demand, &shelves, |_| true);
        prop_assert_eq!(planned, possible);
        prop_assert_eq!(plan.is_complete(), possible == asked);
    }

    #[test]
    fn the_order_of_the_shelves_changes_nothing(
        demand in demands(),
        (shelves, shuffled) in stocks(15).prop_flat_map(|s| (Just(s.clone()), Just(s).prop_shuffle())),
        preferred in preferences(),
    ) {
        prop_assert_eq!(
            plan(&demand, &shelves, preferred.as_ref()),
            plan(&demand, &shuffled, preferred.as_ref())
        );
    }

    #[test]
    fn no_fewer_warehouses_would_do(demand in demands(), shelves in stocks(6), preferred in preferences()) {
        let plan = plan(&demand, &shelves, preferred.as_ref());
        prop_assert_eq!(used(&plan).len(), fewest(&demand, &shelves));
    }

    #[test]
    fn one_warehouse_is_used_when_one_suffices_however_many_there_are(
        demand in demands(), shelves in stocks(15), preferred in preferences(),
    ) {
        let all = reach(&demand, &shelves, |_| true);
        let suffices = |one: &WarehouseId| reach(&demand, &shelves, |w| w == one) == all;
        if shelves.iter().any(|shelf| suffices(&shelf.warehouse)) {
            prop_assert!(used(&plan(&demand, &shelves, preferred.as_ref())).len() <= 1);
        }
    }

    #[test]
    fn a_line_is_split_only_if_every_set_of_so_few_warehouses_splits_one(
        pieces in prop::collection::vec(1..6_i64, 1..4), shelves in stocks(5), preferred in preferences(),
    ) {
        let lines = pieces.iter().zip(["a", "b", "c"]);
        let demand: Vec<_> = lines.map(|(pieces, sku)| line(sku, sku, *pieces)).collect();
        let plan = plan(&demand, &shelves, preferred.as_ref());
        let lines: BTreeSet<&LineId> = plan.picks.iter().map(|pick| &pick.line_id).collect();
        let split = plan.picks.len() > lines.len();
        if split && plan.is_complete() {
            let names: BTreeSet<&WarehouseId> = shelves.iter().map(|shelf| &shelf.warehouse).collect();
            let names: Vec<&WarehouseId> = names.into_iter().collect();
            let sets = (0..1_u32 << names.len()).filter(|m| m.count_ones() as usize == used(&plan).len());
            for mask in sets {
                let whole = |line: &DemandLine| shelves.iter().any(|s| {
                    let member = names.iter().position(|n| **n == s.warehouse).is_some_and(|i| mask >> i & 1 == 1);
                    member && s.sku == line.sku && s.available >= u64::from(line.quantity.get())
                });
                prop_assert!(!demand.iter().all(whole), "{plan:?} splits a line, but {mask:b} of {names:?} does not");
            }
        }
    }
}
