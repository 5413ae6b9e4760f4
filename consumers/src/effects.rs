//! What an event of another system does: stock is held for its order, confirmed, given back; goods are expected back.
//!
//! The allocations are those of the event's source: an order's id is one within whoever holds stock for it.

use domain::OrderId;
use inventory::{
    AllocateItem, AllocateRequest, AllocationRecord, AllocationStatus, Holder, InventoryError, Shortage,
};
use orders::{
    OrdersError, command, line_allocations,
    returns::{self, AnnouncedItem, Announcement, ReturnError},
};
use outbox::incoming::{self, Incoming};
use sqlx::PgConnection;

use crate::{
    duty::SWEEP_AFTER,
    message::{EventItem, Kind, OrderEvent},
    stock_event::StockEvent,
};

/// Why an event had no effect.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EffectError {
    /// It cannot have one as it is: a person decides.
    #[error("{0}")]
    Refused(String),
    /// There is not enough of an item. Nothing is held, and who is interested is told.
    #[error("there is not enough")]
    Short(Box<InventoryError>),
    /// Something of ours is away.
    #[error("{0}")]
    Trouble(String),
    /// The database's.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<InventoryError> for EffectError {
    fn from(error: InventoryError) -> Self {
        match error {
            InventoryError::Database(error) => Self::Database(error),
            error @ InventoryError::NotEnough { .. } => Self::Short(Box::new(error)),
            error => Self::Refused(format!("REFUSED: {error}")),
        }
    }
}

impl From<OrdersError> for EffectError {
    fn from(error: OrdersError) -> Self {
        match error {
            OrdersError::Database(error) => Self::Database(error),
            OrdersError::NotFound => Self::Refused("ORDER_NOT_FOUND: no such order is here".to_owned()),
            error => Self::Refused(format!("REFUSED: {error}")),
        }
    }
}

impl From<ReturnError> for EffectError {
    fn from(error: ReturnError) -> Self {
        match error {
            ReturnError::Orders(error) => error.into(),
            error => Self::Refused(format!("REFUSED: {error}")),
        }
    }
}

/// Whose allocations an event is about.
pub(crate) struct By<'a> {
    pub(crate) incoming: &'a Incoming,
    /// The subject under which its source holds stock.
    pub(crate) subject: &'a str,
}

/// Acts on the event in the caller's transaction, and says what came of it. `items` are those to hold stock for.
pub(crate) async fn act(
    conn: &mut PgConnection,
    by: &By<'_>,
    event: &OrderEvent,
    items: &[EventItem],
) -> Result<&'static str, EffectError> {
    match event.kind {
        Kind::Created => pre_allocate(conn, by, event, items).await,
        Kind::Confirmed => change_all(conn, by, &event.order_id, AllocationStatus::Confirmed).await,
        Kind::Cancelled => change_all(conn, by, &event.order_id, AllocationStatus::Cancelled).await,
        Kind::ReturnInitiated => expect_back(conn, by, event).await,
    }
}

async fn pre_allocate(
    conn: &mut PgConnection,
    by: &By<'_>,
    event: &OrderEvent,
    items: &[EventItem],
) -> Result<&'static str, EffectError> {
    if !event.pre_allocates || items.is_empty() {
        return Ok("NOTHING_TO_HOLD");
    }
    // It was cancelled before it was heard of.
    if incoming::had_effect(conn, by.incoming, &Kind::Cancelled.to_string()).await? {
        return Ok("CANCELLED_BEFORE");
    }
    let holder = inventory::become_holder(conn, by.subject).await?;
    let item = |item: &EventItem| AllocateItem {
        order_item: item.order_item.clone(),
        sku: item.sku.clone(),
        quantity: item.quantity,
        warehouse: item.warehouse.clone(),
    };
    let items = items.iter().map(item).collect();
    let request = AllocateRequest { holder, order_id: event.order_id.clone(), items, expires_at: None };
    let allocated = inventory::allocate(conn, &request, event.order_id.as_str()).await?;
    command::keep_served(conn, inventory::ours(&allocated.served), SWEEP_AFTER).await?;
    Ok(if allocated.any_new { "HELD" } else { "HELD_BEFORE" })
}

/// Those that are so already, or are over, stay as they are. One that cannot be confirmed any more is for a person.
async fn change_all(
    conn: &mut PgConnection,
    by: &By<'_>,
    order_id: &OrderId,
    to: AllocationStatus,
) -> Result<&'static str, EffectError> {
    let holder = inventory::holder_of(conn, by.subject).await?;
    let mut changed = false;
    for record in held(conn, order_id, holder, to).await? {
        let id = &record.allocation.allocation_id;
        let change = inventory::change_allocation(conn, id, Some(holder), to, order_id.as_str()).await?;
        command::keep_served(conn, inventory::ours(&change.served), SWEEP_AFTER).await?;
        changed |= !change.changed.is_empty();
    }
    Ok(match (changed, to) {
        (false, _) => "NOTHING_TO_CHANGE",
        (true, AllocationStatus::Cancelled) => "GIVEN_BACK",
        (true, _) => "CONFIRMED",
    })
}

/// What of the order's is to change, in the order in which everybody locks stock.
async fn held(
    conn: &mut PgConnection,
    order_id: &OrderId,
    holder: Holder,
    to: AllocationStatus,
) -> Result<Vec<AllocationRecord>, EffectError> {
    let all = inventory::allocations_of_order(conn, order_id, Some(holder)).await?;
    // The newest of an item's says how it stands: an older one may have been given back before.
    let newest = |record: &AllocationRecord| {
        let of_item = all.iter().filter(|other| other.allocation.line_id == record.allocation.line_id);
        of_item.max_by_key(|other| other.created_at).is_some_and(|last| last.created_at == record.created_at)
    };
    let wanted = |record: &AllocationRecord| {
        let (status, cause) = (record.allocation.status, record.allocation.cause.as_deref());
        record.epoch.holder() == holder
            && match to {
                AllocationStatus::Cancelled => {
                    matches!(status, AllocationStatus::Pending | AllocationStatus::Confirmed)
                }
                _ => {
                    status == AllocationStatus::Pending
                        || (cause == Some(inventory::EXPIRED) && newest(record))
                }
            }
    };
    let mut held: Vec<AllocationRecord> = all.iter().filter(|record| wanted(record)).cloned().collect();
    held.sort_by_cached_key(|record| (record.allocation.sku.clone(), record.allocation.warehouse.clone()));
    Ok(held)
}

async fn expect_back(
    conn: &mut PgConnection,
    by: &By<'_>,
    event: &OrderEvent,
) -> Result<&'static str, EffectError> {
    let items: Vec<AnnouncedItem> = event.items.iter().map(announced).collect();
    let announcement = Announcement {
        source: returns::Source::Event,
        external_id: Some(&by.incoming.event_id),
        reason: event.reason.as_deref(),
        items: (!items.is_empty()).then_some(&items[..]),
    };
    let announced = returns::announce(conn, &event.order_id, &announcement).await?;
    Ok(if announced.is_some() { "EXPECTED_BACK" } else { "SHOWN_TO_A_PERSON" })
}

fn announced(item: &EventItem) -> AnnouncedItem {
    AnnouncedItem {
        order_item_id: Some(item.order_item.clone()),
        sku: Some(item.sku.clone()),
        quantity: item.quantity,
    }
}

/// Shows with an order of ours what another system says of its stock.
pub(crate) async fn show(conn: &mut PgConnection, said: &StockEvent) -> Result<&'static str, EffectError> {
    let StockEvent { order_id, sku, allocation } = said;
    match allocation {
        Some(held) => {
            let line = (&held.line, sku);
            let stands = (held.status.as_str(), held.quantity);
            line_allocations::note(conn, order_id, line, &held.id, stands).await?;
        }
        None => line_allocations::note_short(conn, order_id, sku).await?,
    }
    Ok("SHOWN")
}

/// What is told of a shortage.
pub(crate) fn shortage_of(refusal: &InventoryError) -> Option<(Shortage, &domain::WarehouseId)> {
    let InventoryError::NotEnough { sku, warehouse, requested, available } = refusal else { return None };
    Some((Shortage { sku: sku.clone(), requested: *requested, available: *available }, warehouse))
}
