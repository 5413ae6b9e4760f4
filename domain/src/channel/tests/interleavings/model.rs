//! A small shop with two locations, our two warehouses, and the orders between them.

use proptest::prelude::*;

use super::super::super::*;

pub(super) const PLACES: usize = 2;
/// A hand changes a level by multiples of this, so that it never makes up exactly for what orders did meanwhile: the shop
/// compares figures, and could not tell either.
const BY_HAND: i64 = 500;

/// How far an order of the shop is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Sold, and we have not seen it.
    Sold,
    /// Held in this warehouse.
    Held(usize),
    /// It left; the shop is not known to have been notified.
    Left,
    /// The shop was notified.
    Over,
}

#[derive(Debug, Clone)]
struct Order {
    pieces: i64,
    stage: Stage,
    /// Where the shop has it committed.
    assigned: usize,
    /// Where a look found it assigned; none while nobody looked, or something is asked of it.
    looked: Option<usize>,
    /// The shop was asked to note the parcel, and no answer is recorded.
    is_open: bool,
    /// It noted it.
    is_noted: bool,
}

/// A location of the shop: its figures are what a read of it shows.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Level {
    pub(super) on_hand: i64,
    unavailable: i64,
}

/// A push on its way.
#[derive(Debug, Clone, Copy)]
struct Push {
    seen: Seen,
    books: Option<Books>,
    /// Pieces that came to be held, or went missing, after the books were read.
    late: i64,
    /// Whether the level was read once more, after the books.
    again: bool,
}

#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) levels: [Level; PLACES],
    pub(super) on_hand: [i64; PLACES],
    /// Held by others than the shop's orders.
    elsewhere: [i64; PLACES],
    orders: Vec<Order>,
    pushes: [Option<Push>; PLACES],
    buffer: u64,
    /// Levels that were set.
    pub(super) writes: u32,
}

/// One thing that happens. Places and orders are taken modulo how many there are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Event {
    Sale {
        place: usize,
        pieces: i64,
    },
    Reserve {
        order: usize,
        place: usize,
    },
    Look {
        order: usize,
    },
    Ship {
        order: usize,
    },
    Notify {
        order: usize,
    },
    /// The shop notes what it was asked to.
    Note {
        order: usize,
    },
    /// An answer came, or it was asked what became of it.
    Answer {
        order: usize,
    },
    /// The shop is asked to have the order where it is held, and does.
    Move {
        order: usize,
    },
    Hold {
        place: usize,
        pieces: i64,
    },
    Release {
        place: usize,
        pieces: i64,
    },
    Receive {
        place: usize,
        pieces: i64,
    },
    /// A person of the shop sets a level.
    Hand {
        place: usize,
        times: i64,
    },
    /// A draft order sets pieces aside.
    SetAside {
        place: usize,
        pieces: i64,
    },
    ReadLevel {
        place: usize,
    },
    ReadBooks {
        place: usize,
    },
    Write {
        place: usize,
    },
}

impl World {
    pub(super) fn new(on_hand: [i64; PLACES], buffer: u64) -> Self {
        let mut world = Self {
            levels: [Level::default(); PLACES],
            on_hand,
            elsewhere: [0; PLACES],
            orders: Vec::new(),
            pushes: [None; PLACES],
            buffer,
            writes: 0,
        };
        world.come_to_rest();
        world
    }

    /// Committed at a location, for orders that we have seen and others.
    fn committed(&self, place: usize) -> i64 {
        let there = self.orders.iter().filter(|order| order.assigned == place && !order.is_noted);
        there.map(|order| order.pieces).sum()
    }

    fn available(&self, place: usize) -> i64 {
        let Level { on_hand, unavailable } = self.levels[place];
        on_hand - self.committed(place) - unavailable
    }

    pub(super) fn reserved(&self, place: usize) -> i64 {
        let held = self.orders.iter().filter(|order| order.stage == Stage::Held(place));
        self.elsewhere[place] + held.map(|order| order.pieces).sum::<i64>()
    }

    /// What nobody holds, in the warehouse or by an order that we have not seen.
    fn held_by_nobody(&self, place: usize) -> i64 {
        let unseen = self.orders.iter().filter(|order| order.stage == Stage::Sold && order.assigned == place);
        self.on_hand[place] - self.reserved(place) - unseen.map(|order| order.pieces).sum::<i64>()
    }

    pub(super) fn seen(&self, place: usize) -> Seen {
        Seen { on_hand: self.levels[place].on_hand, committed: self.committed(place), apart: 0 }
    }

    /// As the query over our records adds them up.
    pub(super) fn books(&self, place: usize) -> Books {
        let mut books = Books {
            on_hand: self.on_hand[place].unsigned_abs(),
            reserved: self.reserved(place).unsigned_abs(),
            ..Books::default()
        };
        for order in &self.orders {
            if !(order.stage == Stage::Held(place) || order.stage == Stage::Left) {
                continue;
            }
            books.outcome_open |= order.is_open;
            match order.looked {
                Some(looked) if looked == place => books.committed += order.pieces.unsigned_abs(),
                Some(_) => {}
                None => books.unlooked += order.pieces.unsigned_abs(),
            }
        }
        books
    }

    /// More is held, or less is there.
    fn is_late(&mut self, place: usize, pieces: i64) {
        if let Some(push) = &mut self.pushes[place]
            && push.books.is_some()
        {
            push.late += pieces;
        }
    }

    pub(super) fn happens(&mut self, event: Event) -> Result<(), TestCaseError> {
        match event {
            Event::Sale { place, pieces } => {
                if self.available(place) >= pieces {
                    self.orders.push(Order {
                        pieces,
                        stage: Stage::Sold,
                        assigned: place,
                        looked: None,
                        is_open: false,
                        is_noted: false,
                    });
                }
            }
            Event::Hold { place, pieces } => {
                if self.on_hand[place] - self.reserved(place) >= pieces {
                    self.elsewhere[place] += pieces;
                    self.is_late(place, pieces);
                }
            }
            Event::Release { place, pieces } => {
                self.elsewhere[place] -= pieces.min(self.elsewhere[place]);
            }
            Event::Receive { place, pieces } => self.on_hand[place] += pieces,
            Event::Hand { place, times } => self.levels[place].on_hand += times * BY_HAND,
            Event::SetAside { place, pieces } => self.levels[place].unavailable = pieces,
            Event::ReadLevel { place } => {
                let push = Push { seen: self.seen(place), books: None, late: 0, again: false };
                self.pushes[place] = Some(push);
            }
            Event::ReadBooks { place } => {
                let books = self.books(place);
                if let Some(push) = &mut self.pushes[place] {
                    push.books.get_or_insert(books);
                }
            }
            Event::Write { place } => self.write(place)?,
            Event::Reserve { order, .. }
            | Event::Look { order }
            | Event::Ship { order }
            | Event::Notify { order }
            | Event::Note { order }
            | Event::Answer { order }
            | Event::Move { order } => {
                if !self.orders.is_empty() {
                    self.goes_on(order % self.orders.len(), event);
                }
            }
        }
        Ok(())
    }

    /// Something happens to an order of the shop, if it may.
    fn goes_on(&mut self, index: usize, event: Event) {
        let order = self.orders[index].clone();
        let mut next = order.clone();
        match (event, order.stage) {
            (Event::Reserve { place, .. }, Stage::Sold)
                if self.on_hand[place] - self.reserved(place) >= order.pieces =>
            {
                next.stage = Stage::Held(place);
                if order.assigned != place {
                    self.is_late(place, order.pieces);
                }
            }
            (Event::Look { .. }, Stage::Held(_) | Stage::Left) if !order.is_open => {
                next.looked = Some(order.assigned);
            }
            (Event::Ship { .. }, Stage::Held(place)) => {
                self.on_hand[place] -= order.pieces;
                next.stage = Stage::Left;
            }
            (Event::Notify { .. }, Stage::Left) => next.is_open = true,
            (Event::Note { .. }, Stage::Left) if order.is_open && !order.is_noted => {
                self.levels[order.assigned].on_hand -= order.pieces;
                next.is_noted = true;
            }
            (Event::Answer { .. }, Stage::Left) if order.is_open => {
                next.is_open = false;
                if order.is_noted {
                    next.stage = Stage::Over;
                }
            }
            (Event::Move { .. }, Stage::Held(place)) if order.assigned != place => {
                // That it is asked is recorded before, and that it was done by the next look.
                next.looked = None;
                next.assigned = place;
            }
            _ => {}
        }
        self.orders[index] = next;
    }

    /// The level is set if it is as it was read. **No write raises what is available above what nobody held.**
    fn write(&mut self, place: usize) -> Result<(), TestCaseError> {
        let Some(push @ Push { seen, books: Some(books), late, again }) = self.pushes[place] else {
            return Ok(());
        };
        self.pushes[place] = None;
        let wanted = match decide(&books, &seen, self.buffer) {
            Decision::Right | Decision::Wait => return Ok(()),
            Decision::Doubtful(_) if !again => {
                self.pushes[place] = Some(Push { seen: self.seen(place), again: true, ..push });
                return Ok(());
            }
            // What was read after the books is good for lowering alone.
            Decision::Set(wanted) if again && wanted > seen.on_hand => return Ok(()),
            Decision::Doubtful(wanted) | Decision::Set(wanted) => wanted,
        };
        if self.levels[place].on_hand != seen.on_hand {
            return Ok(());
        }
        let before = self.available(place);
        self.levels[place].on_hand = wanted;
        self.writes += 1;
        let after = self.available(place);
        if after > before {
            let most = self.held_by_nobody(place) + late;
            prop_assert!(after <= most, "{after} can be sold of {most} that nobody held: {self:?}");
        }
        Ok(())
    }

    fn push(&mut self, place: usize) -> Result<(), TestCaseError> {
        // The second write is of what was doubtful.
        for event in [
            Event::ReadLevel { place },
            Event::ReadBooks { place },
            Event::Write { place },
            Event::Write { place },
        ] {
            self.happens(event)?;
        }
        Ok(())
    }

    /// Every order is seen and looked at, every answer is known, and every level was pushed.
    pub(super) fn come_to_rest(&mut self) {
        for order in 0..self.orders.len() {
            let place = self.orders[order].assigned;
            let short = self.orders[order].pieces - (self.on_hand[place] - self.reserved(place));
            if self.orders[order].stage == Stage::Sold && short > 0 {
                self.on_hand[place] += short;
            }
            for event in [
                Event::Reserve { order, place },
                Event::Answer { order },
                Event::Move { order },
                Event::Look { order },
            ] {
                self.goes_on(order, event);
            }
            // What left and was not noted is notified now: unmoved, it stays where it was committed.
            for event in [Event::Notify { order }, Event::Note { order }, Event::Answer { order }] {
                self.goes_on(order, event);
            }
        }
        for place in 0..PLACES {
            self.push(place).unwrap();
        }
    }

    /// By how many pieces the shop is ahead of what is to be sold there.
    pub(super) fn is_ahead_by(&self, place: usize) -> i64 {
        let free = self.held_by_nobody(place) - pieces(self.buffer);
        self.available(place) - (free - self.levels[place].unavailable)
    }
}
