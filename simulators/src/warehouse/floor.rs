//! The warehouse floor: shipments being picked, shipped and delivered, part after part.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::Warehouse;
use super::book::Status;
use crate::faults::ShipmentBehaviour;

/// Walks a new hand-over through the house. Trouble by rule strikes its first part.
pub(super) async fn walk(warehouse: Arc<Warehouse>, reference: String) {
    let Some(pace) = Pace::of(&warehouse, &reference).filter(|pace| !pace.behaviour.never) else { return };
    sleep(pace.half).await;
    if let Some(reason) = &pace.behaviour.exception {
        warehouse.advance(&reference, 0, Status::Exception, Some(reason));
        walk_parts(&warehouse, &reference, &pace, 1).await;
    } else if pace.behaviour.on_hold {
        warehouse.advance(&reference, 0, Status::OnHold, None);
    } else {
        pick_and_ship(&warehouse, &reference, &pace, 0).await;
        walk_parts(&warehouse, &reference, &pace, 1).await;
    }
}

/// Goes on with a hand-over that somebody released.
pub(super) async fn walk_on(warehouse: Arc<Warehouse>, reference: String) {
    if let Some(pace) = Pace::of(&warehouse, &reference) {
        walk_parts(&warehouse, &reference, &pace, 0).await;
    }
}

/// Ships a part now, and has it delivered later; `false` where it has left or was cancelled.
pub(super) fn ship(warehouse: &Arc<Warehouse>, reference: &str, part: usize) -> bool {
    let Some(pace) = Pace::of(warehouse, reference) else {
        return false;
    };
    if !warehouse.advance(reference, part, Status::Shipped, None) {
        return false;
    }
    let carrier = Arc::clone(warehouse);
    let reference = reference.to_owned();
    warehouse.control.spawn(async move {
        sleep(pace.deliver_after).await;
        carrier.advance(&reference, part, Status::Delivered, None);
    });
    true
}

async fn walk_parts(warehouse: &Arc<Warehouse>, reference: &str, pace: &Pace, first: usize) {
    for part in first..pace.parts {
        if is_in_house(warehouse, reference, part) {
            sleep(pace.half).await;
            pick_and_ship(warehouse, reference, pace, part).await;
        }
    }
}

async fn pick_and_ship(warehouse: &Arc<Warehouse>, reference: &str, pace: &Pace, part: usize) {
    warehouse.advance(reference, part, Status::Picked, None);
    sleep(pace.half).await;
    ship(warehouse, reference, part);
}

fn is_in_house(warehouse: &Warehouse, reference: &str, part: usize) -> bool {
    warehouse
        .book
        .lock()
        .find(reference)
        .and_then(|hand_over| hand_over.shipments.get(part))
        .is_some_and(|shipment| shipment.status.is_in_house())
}

/// How fast a hand-over goes, and how it behaves.
struct Pace {
    parts: usize,
    /// Half the time from accepted to shipped.
    half: Duration,
    deliver_after: Duration,
    behaviour: ShipmentBehaviour,
}

impl Pace {
    fn of(warehouse: &Warehouse, reference: &str) -> Option<Self> {
        let book = warehouse.book.lock();
        let hand_over = book.find(reference)?;
        let behaviour = hand_over.behaviour.clone();
        let ship_after = behaviour.ship_after_ms.map_or(warehouse.ship_after, Duration::from_millis);
        let deliver_after = behaviour.deliver_after_ms.map_or(warehouse.deliver_after, Duration::from_millis);
        Some(Self { parts: hand_over.shipments.len(), half: ship_after / 2, deliver_after, behaviour })
    }
}
