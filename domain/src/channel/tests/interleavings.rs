//! Everything that happens to stock, in any order, against a small shop: two locations that are two warehouses of ours.
//!
//! A level is read, then our books are, then it is set; anything may happen between. What the model leaves out is what
//! nobody could know from a level: an order that the shop cancels or moves by itself, until we have heard of it.

use proptest::prelude::*;

use super::super::*;
use model::{Event, PLACES, World};

mod model;

fn event() -> impl Strategy<Value = Event> {
    let place = || 0..PLACES;
    let few = || 1..4_i64;
    let order = || 0..64_usize;
    prop_oneof![
        4 => (place(), few()).prop_map(|(place, pieces)| Event::Sale { place, pieces }),
        4 => (order(), place()).prop_map(|(order, place)| Event::Reserve { order, place }),
        4 => order().prop_map(|order| Event::Look { order }),
        4 => order().prop_map(|order| Event::Ship { order }),
        4 => order().prop_map(|order| Event::Notify { order }),
        4 => order().prop_map(|order| Event::Note { order }),
        3 => order().prop_map(|order| Event::Answer { order }),
        2 => order().prop_map(|order| Event::Move { order }),
        2 => (place(), few()).prop_map(|(place, pieces)| Event::Hold { place, pieces }),
        1 => (place(), few()).prop_map(|(place, pieces)| Event::Release { place, pieces }),
        2 => (place(), few()).prop_map(|(place, pieces)| Event::Receive { place, pieces }),
        2 => (place(), -1..=1_i64).prop_map(|(place, times)| Event::Hand { place, times }),
        1 => (place(), 0..3_i64).prop_map(|(place, pieces)| Event::SetAside { place, pieces }),
        4 => place().prop_map(|place| Event::ReadLevel { place }),
        4 => place().prop_map(|place| Event::ReadBooks { place }),
        4 => place().prop_map(|place| Event::Write { place }),
    ]
}

/// What happens where the shop alone sells, and everything is shipped from where it was sold.
fn own_event() -> impl Strategy<Value = Event> {
    let order = || 0..64_usize;
    prop_oneof![
        4 => (1..4_i64).prop_map(|pieces| Event::Sale { place: 0, pieces }),
        4 => order().prop_map(|order| Event::Reserve { order, place: 0 }),
        4 => order().prop_map(|order| Event::Look { order }),
        4 => order().prop_map(|order| Event::Ship { order }),
        4 => order().prop_map(|order| Event::Notify { order }),
        4 => order().prop_map(|order| Event::Note { order }),
        3 => order().prop_map(|order| Event::Answer { order }),
        3 => Just(Event::ReadLevel { place: 0 }),
        3 => Just(Event::ReadBooks { place: 0 }),
        5 => Just(Event::Write { place: 0 }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn no_write_oversells_and_at_rest_the_shop_has_what_is_ours_to_sell(
        on_hand in [5..30_i64, 5..30_i64],
        buffer in 0..4_u64,
        events in prop::collection::vec(event(), 0..120),
    ) {
        let mut world = World::new(on_hand, buffer);
        for event in events {
            world.happens(event)?;
        }
        world.come_to_rest();
        for place in 0..PLACES {
            // On hand is not set below none, whatever is committed.
            let is_short = world.levels[place].on_hand == 0;
            let ahead = world.is_ahead_by(place);
            prop_assert!(ahead == 0 || is_short && ahead <= pieces(buffer), "{ahead} at {place}: {world:?}");
            prop_assert_eq!(decide(&world.books(place), &world.seen(place), buffer), Decision::Right);
        }
    }

    #[test]
    fn between_a_hold_elsewhere_and_its_push_the_shop_is_ahead_by_exactly_those_pieces(
        before in prop::collection::vec(own_event(), 0..40),
        pieces in 1..4_i64,
        meanwhile in prop::collection::vec(own_event(), 0..40),
    ) {
        let mut world = World::new([60, 0], 0);
        for event in before {
            world.happens(event)?;
        }
        world.come_to_rest();
        prop_assert_eq!(world.is_ahead_by(0), 0);
        let free = world.on_hand[0] - world.reserved(0);
        prop_assume!(free >= pieces);
        world.happens(Event::Hold { place: 0, pieces })?;
        for event in meanwhile {
            if !matches!(event, Event::Write { .. }) {
                world.happens(event)?;
            }
            prop_assert_eq!(world.is_ahead_by(0), pieces, "after {:?}", event);
        }
        world.come_to_rest();
        prop_assert_eq!(world.is_ahead_by(0), 0);
    }

    #[test]
    fn orders_that_are_born_in_the_shop_are_no_write(
        events in prop::collection::vec(own_event(), 0..150),
    ) {
        let mut world = World::new([60, 0], 0);
        let written = world.writes;
        for event in events {
            world.happens(event)?;
        }
        world.come_to_rest();
        prop_assert_eq!(world.writes, written, "{:?}", world);
    }
}
