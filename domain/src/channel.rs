//! What a shop is to be told of a level: the pieces that are on hand at one of its locations.
//!
//! A shop is told what is **on hand**, never what is available: it has taken orders that we may not have seen, and
//! subtracts what they committed itself. What we hold for its own orders is committed there, so it is given back to the
//! figure; what anybody else holds is not.
//!
//! **Invariant:** what is set never lets the shop sell more than nobody held when it was read: [`decide`] raises a level
//! only by what is certain, and leaves everything in doubt subtracted.

use std::cmp::Ordering;

/// A level by our books, in pieces. Read after the shop's, so that what happened between the two stands here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Books {
    /// On hand in the warehouse.
    pub on_hand: u64,
    /// Of these, held by anybody.
    pub reserved: u64,
    /// Waited for by anybody; whoever waits is served before the shop's next order.
    pub queued: u64,
    /// Pieces of this shop's orders that we hold here, or that left and that it was not told of, for fulfilment orders
    /// that it assigned to this location.
    pub committed: u64,
    /// Pieces of its orders that we hold here, and of which nobody has looked yet where it assigned them.
    pub unlooked: u64,
    /// Whether it was told something of them, or asked to cancel, and no answer is recorded.
    pub outcome_open: bool,
}

/// A level as the shop shows it, in pieces. Its figures may be negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// All that is there, in whatever state.
    pub on_hand: i64,
    /// Sold, and not fulfilled yet.
    pub committed: i64,
    /// Not to be sold, and by policy not part of what is on hand in our books.
    pub apart: i64,
}

/// What is to be done about a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Nothing: the shop is right, as far as can be known.
    Right,
    /// The shop is to have this many pieces on hand.
    Set(i64),
    /// Nothing before what is open is known: it would be raised by pieces that may be gone.
    Wait,
}

/// What a shop is to be told of a level.
///
/// ```
/// use domain::channel::{Books, Decision, Seen, decide};
///
/// // Ten on hand; the shop's own order of two is held, and committed there: nothing is to be told.
/// let books = Books { on_hand: 10, reserved: 2, committed: 2, ..Books::default() };
/// let seen = Seen { on_hand: 10, committed: 2, ..Seen::default() };
/// assert_eq!(decide(&books, &seen, 0), Decision::Right);
/// // Somebody else's order of two is not committed there.
/// let books = Books { on_hand: 10, reserved: 2, ..Books::default() };
/// assert_eq!(decide(&books, &Seen { on_hand: 10, ..Seen::default() }, 0), Decision::Set(8));
/// ```
#[must_use]
pub fn decide(books: &Books, seen: &Seen, buffer: u64) -> Decision {
    let taken = books.reserved.saturating_add(books.queued).saturating_add(buffer);
    let free = pieces(books.on_hand).saturating_sub(pieces(taken));
    // No more is given back than the shop itself says is committed: what it fulfilled, cancelled or moved is not.
    let given_back = |ours: u64| pieces(ours).min(seen.committed.max(0));
    let wish = |ours: u64| free.saturating_add(given_back(ours)).max(0).saturating_add(seen.apart.max(0));
    let certain = wish(books.committed);
    let at_most = wish(books.committed.saturating_add(books.unlooked));
    match (seen.on_hand.cmp(&certain), seen.on_hand.cmp(&at_most)) {
        (_, Ordering::Greater) => Decision::Set(at_most),
        (Ordering::Less, _) if books.outcome_open => Decision::Wait,
        (Ordering::Less, _) => Decision::Set(certain),
        _ => Decision::Right,
    }
}

fn pieces(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn figures_beyond_reason_do_not_wrap() {
        let most = books(u64::MAX, u64::MAX, u64::MAX);
        assert_eq!(decide(&most, &seen(i64::MIN, i64::MAX), u64::MAX), Decision::Set(i64::MAX));
    }
}
