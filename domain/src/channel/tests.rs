use super::*;

mod interleavings;

fn books(on_hand: u64, reserved: u64, committed: u64) -> Books {
    Books { on_hand, reserved, committed, ..Books::default() }
}

fn seen(on_hand: i64, committed: i64) -> Seen {
    Seen { on_hand, committed, ..Seen::default() }
}

#[test]
fn an_order_of_the_shop_is_never_told_back_to_it() {
    // Reserved, shipped and untold, told.
    assert_eq!(decide(&books(10, 2, 2), &seen(10, 2), 0), Decision::Right);
    assert_eq!(decide(&books(8, 0, 2), &seen(10, 2), 0), Decision::Right);
    assert_eq!(decide(&books(8, 0, 0), &seen(8, 0), 0), Decision::Right);
}

#[test]
fn what_the_shop_sold_and_we_have_not_seen_stays_sold() {
    assert_eq!(decide(&books(10, 0, 0), &seen(10, 3), 0), Decision::Right);
    assert_eq!(decide(&books(12, 0, 0), &seen(10, 3), 0), Decision::Set(12));
}

#[test]
fn shops_with_one_pool_see_what_is_left_for_all_of_them() {
    // A holds 2, B 3, an order of our API 1; each is left with 4 to sell.
    assert_eq!(decide(&books(10, 6, 2), &seen(10, 2), 0), Decision::Set(6));
    assert_eq!(decide(&books(10, 6, 3), &seen(10, 3), 0), Decision::Set(7));
}

#[test]
fn a_fulfilment_order_elsewhere_is_given_back_where_it_is_committed_once_it_left() {
    // Held in the other warehouse, and not moved yet: here nothing is held, there nothing is committed.
    assert_eq!(decide(&books(10, 0, 0), &seen(10, 2), 0), Decision::Right);
    assert_eq!(decide(&books(10, 2, 0), &seen(10, 0), 0), Decision::Set(8));
    // It left from there unmoved.
    assert_eq!(decide(&books(10, 0, 2), &seen(10, 2), 0), Decision::Set(12));
}

#[test]
fn what_the_shop_has_let_go_is_not_given_back() {
    // It was fulfilled, cancelled or moved there, and we do not know yet.
    assert_eq!(decide(&books(8, 0, 2), &seen(8, 0), 0), Decision::Right);
    // Another order hides that: nothing is raised while the answer is open.
    let open = Books { outcome_open: true, ..books(8, 0, 2) };
    assert_eq!(decide(&open, &seen(8, 2), 0), Decision::Wait);
    // Lowering is always safe.
    assert_eq!(decide(&open, &seen(11, 2), 0), Decision::Set(10));
}

#[test]
fn a_shop_that_has_less_committed_than_we_hold_for_it_is_read_once_more() {
    // It let two go, or sold them after it was read; somebody else holds one besides.
    assert_eq!(decide(&books(10, 3, 2), &seen(10, 0), 0), Decision::Doubtful(7));
    assert_eq!(decide(&books(10, 3, 2), &seen(10, 2), 0), Decision::Set(9));
    let unlooked = Books { unlooked: 2, ..books(10, 2, 0) };
    assert_eq!(decide(&unlooked, &seen(10, 1), 0), Decision::Doubtful(9));
}

#[test]
fn what_nobody_has_looked_at_neither_raises_nor_lowers() {
    let unlooked = Books { unlooked: 2, ..books(10, 2, 0) };
    for on_hand in 8..=10 {
        assert_eq!(decide(&unlooked, &seen(on_hand, 2), 0), Decision::Right, "{on_hand}");
    }
    assert_eq!(decide(&unlooked, &seen(11, 2), 0), Decision::Set(10));
    assert_eq!(decide(&unlooked, &seen(7, 2), 0), Decision::Set(8));
}

#[test]
fn whoever_waits_and_the_buffer_are_served_first_and_nothing_is_below_zero() {
    let queued = Books { queued: 4, ..books(10, 0, 0) };
    assert_eq!(decide(&queued, &seen(10, 0), 1), Decision::Set(5));
    assert_eq!(decide(&books(3, 3, 0), &seen(1, 0), 5), Decision::Set(0));
    assert_eq!(decide(&books(3, 3, 0), &seen(-2, 0), 0), Decision::Set(0));
}

#[test]
fn what_is_kept_apart_there_and_not_in_our_books_is_added() {
    let damaged = Seen { apart: 2, ..seen(10, 0) };
    assert_eq!(decide(&books(10, 0, 0), &damaged, 0), Decision::Set(12));
}

#[test]
fn what_orders_explain_is_no_drift() {
    let explained = Explained { least: 7, most: 10 };
    for (on_hand, drift) in [(7, 0), (9, 0), (10, 0), (6, -1), (12, 2), (-1, -8)] {
        assert_eq!(explained.drift(on_hand), drift, "{on_hand}");
    }
}

#[test]
fn figures_beyond_reason_do_not_wrap() {
    let most = books(u64::MAX, u64::MAX, u64::MAX);
    assert_eq!(decide(&most, &seen(i64::MIN, i64::MAX), u64::MAX), Decision::Set(i64::MAX));
}
