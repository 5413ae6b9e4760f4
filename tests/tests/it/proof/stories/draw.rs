//! Stories drawn by chance from a seed: how an order begins, and what happens to it.

use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::world::Program;

/// Everything that can happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Line 0 or 1 is to have so many pieces.
    Edit { line: usize, quantity: i64 },
    /// A line more, of the first or the second SKU.
    Add { sku: usize, quantity: i64 },
    /// Another address.
    Move { address: u32 },
    /// Pieces of a line are refunded.
    Refund { line: usize, quantity: i64, restock: &'static str },
    /// The customer pays.
    Pay,
    /// The payment is given up.
    Void,
    /// The shop cancels.
    Cancel,
    /// All that is open is put on hold.
    Hold,
    /// Some pieces of a line are put on hold.
    HoldSome { line: usize, quantity: i64 },
    /// What is on hold is released.
    Release,
    /// Pieces of a line get a fulfilment order of their own.
    Split { line: usize, quantity: i64 },
    /// Fulfilment orders of one place become one again.
    Merge,
    /// Fulfilment orders are cancelled, and new ones take their pieces.
    Reopen,
    /// Nothing is to be fulfilled for a moment.
    Schedule,
    /// Everything is to be fulfilled at another location.
    Relocate,
    /// The shop's people send pieces of a line themselves.
    Fulfil { line: usize, quantity: i64 },
    /// Somebody cancels it through our API.
    CancelHere,
    /// More of the first or the second SKU comes in.
    Receive { sku: usize, quantity: u32 },
    /// The warehouse ships what it has.
    Ship,
    /// A message that was sent, or kept back, is sent again.
    Again { message: usize, same_id: bool },
    /// A program is killed and started again.
    Kill(Program),
}

/// How the shop's webhook about an event comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// At once.
    Announced,
    /// After the next event.
    Late,
    /// After the next event, without saying when it was sent.
    LateAndUndated,
    /// At once, and it is only said that something changed.
    Hinted,
}

/// How the warehouse works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warehouse {
    /// Ships at once.
    Quick,
    /// Takes its time.
    Slow,
    /// One piece a parcel, one parcel after the other.
    InParts,
    /// Ships when it is told to.
    WhenTold,
    /// The same, and cannot stop anything.
    CannotStop,
}

/// Something that happens, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beat {
    /// How long after the one before.
    pub pause_ms: u64,
    /// What.
    pub event: Event,
    /// How we hear of it.
    pub telling: Telling,
}

/// One order's story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// Which of the run it is.
    pub number: usize,
    /// Pieces of each line.
    pub quantities: Vec<i64>,
    /// Pieces of each SKU that are there.
    pub stock: [u32; 2],
    /// Its financial status at first.
    pub financial_status: &'static str,
    /// Topic of the first message, and when it comes.
    pub first: (&'static str, Telling),
    /// How the warehouse works.
    pub warehouse: Warehouse,
    /// What happens.
    pub beats: Vec<Beat>,
}

/// Chance of a kill, in thousandths of all events.
const KILLS: u32 = 15;

/// A story from a seed.
pub fn script(seed: u64, number: usize) -> Script {
    let mut chance = StdRng::seed_from_u64(seed.wrapping_mul(1_000_003).wrapping_add(number as u64));
    let lines = chance.random_range(1..=2);
    let quantities: Vec<i64> = (0..lines).map(|_| chance.random_range(1..=3)).collect();
    let plenty = chance.random_range(0..4) > 0;
    let stock = [(); 2].map(|()| if plenty { 20 } else { chance.random_range(0..=3) });
    let financial_status = one_of(&mut chance, &["paid", "paid", "paid", "pending", "authorized"]);
    let first = (
        one_of(&mut chance, &["orders/create", "orders/create", "orders/updated"]),
        first_telling(&mut chance),
    );
    let warehouse = one_of(
        &mut chance,
        &[
            Warehouse::Quick,
            Warehouse::Slow,
            Warehouse::InParts,
            Warehouse::WhenTold,
            Warehouse::WhenTold,
            Warehouse::CannotStop,
        ],
    );
    let count = chance.random_range(1..=6);
    let mut beats = Vec::new();
    let mut cancelled = false;
    for _ in 0..count {
        let event = event(&mut chance, cancelled);
        cancelled = cancelled || event == Event::Cancel;
        let pause_ms = one_of(&mut chance, &[0, 5, 50, 300, 800, 1500]);
        beats.push(Beat { pause_ms, event, telling: telling(&mut chance) });
    }
    Script { number, quantities, stock, financial_status, first, warehouse, beats }
}

fn event(chance: &mut StdRng, cancelled: bool) -> Event {
    if chance.random_range(0..1000) < KILLS {
        return Event::Kill(if chance.random() { Program::Worker } else { Program::Api });
    }
    let line = chance.random_range(0..2);
    let quantity = chance.random_range(1..=2);
    let kind = if cancelled { chance.random_range(15..18) } else { chance.random_range(0..18) };
    match kind {
        0 | 1 => Event::Edit { line, quantity: chance.random_range(0..=4) },
        2 => Event::Add { sku: line, quantity },
        3 => Event::Move { address: chance.random_range(1..1000) },
        4 => Event::Refund { line, quantity, restock: one_of(chance, &["cancel", "no_restock", "return"]) },
        5 | 6 => Event::Pay,
        7 => Event::Void,
        8 => Event::Cancel,
        9 => Event::Hold,
        10 => Event::HoldSome { line, quantity },
        11 => Event::Release,
        12 => {
            let split = Event::Split { line, quantity: 1 };
            one_of(chance, &[split, Event::Merge, Event::Reopen, Event::Relocate, Event::Schedule])
        }
        13 => Event::Fulfil { line, quantity },
        14 => Event::CancelHere,
        15 => Event::Receive { sku: line, quantity: chance.random_range(1..=4) },
        16 => Event::Ship,
        _ => Event::Again { message: chance.random_range(0..8), same_id: chance.random() },
    }
}

fn first_telling(chance: &mut StdRng) -> Telling {
    one_of(
        chance,
        &[Telling::Announced, Telling::Announced, Telling::Announced, Telling::Late, Telling::LateAndUndated],
    )
}

fn telling(chance: &mut StdRng) -> Telling {
    if chance.random_range(0..8) == 0 { Telling::Hinted } else { first_telling(chance) }
}

fn one_of<T: Clone>(chance: &mut StdRng, choices: &[T]) -> T {
    choices[chance.random_range(0..choices.len())].clone()
}
