//! What a shop is to be told of a level: the pieces that are on hand at one of its locations.
//!
//! A shop is told what is **on hand**, never what is available: it has taken orders that we may not have seen, and
//! subtracts what they committed itself. What we hold for its own orders is committed there, so it is given back to the
//! figure; what anybody else holds is not.
//!
//! **Invariant:** what is set never lets the shop sell more than nobody held when it was read: [`decide`] raises a level
//! only by what is certain, and leaves everything in doubt subtracted.

use std::cmp::Ordering;

use strum::{Display, IntoStaticStr, VariantArray};

use crate::words;

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
    /// The same, if it has too many: it has fewer committed than we hold for its orders. Either it let some of them go, or
    /// it sold them after it was read, so it is read once more before it is set.
    Doubtful(i64),
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
    let all_of_ours = pieces(books.committed.saturating_add(books.unlooked));
    match (seen.on_hand.cmp(&certain), seen.on_hand.cmp(&at_most)) {
        (_, Ordering::Greater) if seen.committed < all_of_ours => Decision::Doubtful(at_most),
        (_, Ordering::Greater) => Decision::Set(at_most),
        (Ordering::Less, _) if books.outcome_open => Decision::Wait,
        (Ordering::Less, _) => Decision::Set(certain),
        _ => Decision::Right,
    }
}

/// What a level may have on hand, in pieces, without anybody's hand in it: as it was left, less what left since by orders,
/// with what came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explained {
    /// At least.
    pub least: i64,
    /// At most.
    pub most: i64,
}

impl Explained {
    /// Pieces of what is on hand that nothing explains: more than none if there are too many, fewer than none if some are
    /// missing.
    #[must_use]
    pub fn drift(self, on_hand: i64) -> i64 {
        if on_hand > self.most {
            return on_hand.saturating_sub(self.most);
        }
        on_hand.saturating_sub(self.least).min(0)
    }
}

/// Why a level is left alone for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Skipped {
    /// The shop has no such item any more.
    Gone,
    /// The shop does not count the item.
    Untracked,
    /// The item's stock is that of its components.
    Bundle,
    /// The location does not stock the item.
    NotStocked,
    /// The shop has no such location, or it is closed.
    NoLocation,
    /// Two items of the shop have the SKU: the pieces would be sold twice.
    SkuTwice,
    /// The shop refuses the figure.
    Refused,
}

words!(Skipped, "skipped");

fn pieces(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
