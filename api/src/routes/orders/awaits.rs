//! What an order waits for, and what happens by itself then.
//!
//! Deadlines are reckoned by the settings of now: an order keeps the policy that it started with, which its workflow
//! alone knows.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Condition, FulfilmentPolicy, HeldBy, OrderStatus, WhenOverdue, words};
use inventory::WaitingPlace;
use orders::{Order, fulfilment_request::Seen, timeline::Entry};
use serde::Serialize;
use strum::{Display, IntoStaticStr, VariantArray};
use utoipa::ToSchema;

use crate::word::{Described, Word};

/// What an order waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Awaited {
    /// The end of its hold window.
    HoldWindow,
    /// The shop holds it.
    ShopHold,
    /// Its warehouse holds it.
    WarehouseHold,
    /// Its risk is to be assessed in the shop.
    Risk,
    /// Its payment.
    Payment,
    /// Stock.
    Stock,
    /// The inventory service, which was away.
    InventoryService,
    /// A person.
    Person,
    /// A step of ours.
    Step,
    /// A warehouse is to ship it.
    Warehouse,
    /// The shop is to be notified.
    Shop,
    /// It is on its way.
    Carrier,
}

words!(Awaited, "what");

/// What happens by itself at the end of a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Then {
    /// The order goes on.
    GoesOn,
    /// A person is asked.
    PersonIsAsked,
    /// The order is cancelled.
    IsCancelled,
    /// The warehouse is asked.
    WarehouseIsAsked,
}

words!(Then, "then");

impl Described for Awaited {
    const NAME: &'static str = "OrderAwaited";
    const ABOUT: &'static str = "What an order waits for.";
}

impl Described for Then {
    const NAME: &'static str = "OrderAwaitedThen";
    const ABOUT: &'static str = "What happens by itself at the end of a wait.";
}

type AwaitedName = Word<Awaited>;
type ThenName = Word<Then>;

/// What an order waits for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderAwaits)]
pub(super) struct AwaitsBody {
    #[schema(value_type = AwaitedName)]
    what: &'static str,
    /// Since when; null where it is not known.
    since: Option<DateTime<Utc>>,
    /// When something happens by itself, if nothing else does before; null where nothing does. By the settings of now.
    until: Option<DateTime<Utc>>,
    /// What happens then.
    #[schema(value_type = Option<ThenName>)]
    then: Option<&'static str>,
    /// Its places in the queues for stock; the first 20.
    queue: Vec<PlaceBody>,
}

/// A place in a queue for stock.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderQueuePlace)]
struct PlaceBody {
    #[schema(example = "TEA-EARL-GREY-100")]
    sku: String,
    #[schema(example = "main")]
    warehouse_id: String,
    /// Pieces it waits for.
    #[schema(minimum = 1, example = 2)]
    quantity: i64,
    /// Its turn there; 1 is served next.
    #[schema(minimum = 1, example = 3)]
    place: i64,
    since: DateTime<Utc>,
}

/// What is known of an order that waits.
pub(super) struct Known<'a> {
    pub(super) order: &'a Order,
    /// How it is fulfilled; none if its shop is not configured any more.
    pub(super) policy: Option<&'a FulfilmentPolicy>,
    pub(super) timeline: &'a [Entry],
    pub(super) places: Vec<WaitingPlace>,
    pub(super) requests: &'a [Seen],
}

impl AwaitsBody {
    /// None where nothing is awaited: it was delivered, cancelled, or is not to be fulfilled.
    pub(super) fn of(known: Known<'_>) -> Option<Self> {
        let what = what(&known)?;
        let since = known.since(what);
        let (until, then) = known.deadline(what, since).unzip();
        let queue = known.places.into_iter().map(PlaceBody::from).collect();
        Some(Self { what: what.as_str(), since, until, then: then.map(Then::as_str), queue })
    }
}

fn what(known: &Known<'_>) -> Option<Awaited> {
    let order = known.order;
    match order.condition {
        Some(Condition::Ignored) => return None,
        Some(Condition::OnHold) => {
            return Some(match order.held_by {
                Some(HeldBy::Shopify) => Awaited::ShopHold,
                Some(HeldBy::Warehouse) => Awaited::WarehouseHold,
                Some(HeldBy::Risk) => Awaited::Risk,
                Some(HeldBy::Window) | None => Awaited::HoldWindow,
            });
        }
        Some(Condition::AwaitingPayment) => return Some(Awaited::Payment),
        Some(Condition::NeedsAttention) => return Some(Awaited::Person),
        Some(Condition::AwaitingAllocation) => return Some(Awaited::InventoryService),
        Some(Condition::Backordered) => return Some(Awaited::Stock),
        Some(Condition::PartiallyShipped) | None => {}
    }
    let is_told_to_the_shop = order.channel.shop().is_none() || order.story_ended_at.is_some();
    match order.status {
        OrderStatus::Cancelled => None,
        OrderStatus::Shipped | OrderStatus::Delivered if !is_told_to_the_shop => Some(Awaited::Shop),
        OrderStatus::Shipped => Some(Awaited::Carrier),
        OrderStatus::Delivered => None,
        OrderStatus::Pending | OrderStatus::Confirmed | OrderStatus::Processing => {
            Some(if known.requests.iter().any(Seen::is_outstanding) {
                Awaited::Warehouse
            } else if known.places.is_empty() {
                Awaited::Step
            } else {
                Awaited::Stock
            })
        }
    }
}

impl Known<'_> {
    fn since(&self, what: Awaited) -> Option<DateTime<Utc>> {
        let noted = |code: &str| {
            let entries = self.timeline.iter().rev();
            entries.filter(|entry| entry.event.as_str() == code).map(|entry| entry.at).next()
        };
        match what {
            Awaited::Warehouse => {
                let outstanding = self.requests.iter().filter(|request| request.is_outstanding());
                outstanding.filter_map(|request| request.called_at).min()
            }
            Awaited::Stock => {
                let queued = self.places.iter().map(|place| place.since).min();
                queued.or_else(|| noted(Condition::Backordered.as_str()))
            }
            Awaited::Step => self.timeline.last().map(|entry| entry.at),
            Awaited::Shop | Awaited::Carrier => noted(OrderStatus::Shipped.as_str()),
            _ => self.order.condition.and_then(|condition| noted(condition.as_str())),
        }
    }

    /// When something happens by itself, and what.
    fn deadline(&self, what: Awaited, since: Option<DateTime<Utc>>) -> Option<(DateTime<Utc>, Then)> {
        let after = |from: DateTime<Utc>, wait| from.checked_add_signed(TimeDelta::from_std(wait).ok()?);
        let overdue = |rule| match rule {
            WhenOverdue::Park => Then::PersonIsAsked,
            WhenOverdue::Cancel => Then::IsCancelled,
        };
        let (order, policy) = (self.order, self.policy);
        match what {
            Awaited::HoldWindow => Some((order.hold_until?, Then::GoesOn)),
            Awaited::Risk => Some((after(order.received_at, policy?.risk_wait)?, Then::PersonIsAsked)),
            // Money that went later is waited for from a moment that its workflow alone knows.
            Awaited::Payment if order.facts.financial_status.is_gone() => None,
            Awaited::Payment => {
                let policy = policy?;
                Some((after(order.received_at, policy.payment_deadline)?, overdue(policy.when_unpaid)))
            }
            // An order whose rest waits is looked after by its warehouse's word on the other part.
            Awaited::Stock if order.condition == Some(Condition::Backordered) => {
                let policy = policy?;
                Some((after(since?, policy.backorder_deadline)?, overdue(policy.when_out_of_stock)))
            }
            Awaited::Warehouse => {
                let outstanding = self.requests.iter().filter(|request| request.is_outstanding());
                Some((outstanding.filter_map(|request| request.ask_after).min()?, Then::WarehouseIsAsked))
            }
            _ => None,
        }
    }
}

impl From<WaitingPlace> for PlaceBody {
    fn from(place: WaitingPlace) -> Self {
        let WaitingPlace { sku, warehouse, quantity, since, place } = place;
        Self { sku, warehouse_id: warehouse, quantity, place, since }
    }
}
