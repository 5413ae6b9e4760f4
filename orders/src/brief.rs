//! What is to be done for an order, as the newest content and our own parcels come to: the gate's facts,
//! the pieces that are wanted, and where they go. Two contents with the same brief ask for the same work.

use domain::{
    AddressSaid, GateDecision, GateFacts, GateRules, OrderStatus, OurParcel, ParkReason, WantedLine,
    decide_gate, is_doubtful, is_ours_by_service, wanted,
};
use sqlx::PgConnection;

use crate::{
    Order, OrdersError, attention, fulfilment_request,
    parcel_lines::{self, Parcel},
    record, refunds,
};

/// What is to be done for an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brief {
    /// What the gate decides by.
    pub gate: GateFacts,
    /// What is wanted of us of each line that ships and that is ours by the service it names.
    pub wanted: Vec<WantedLine>,
    /// Lines that name another service.
    pub of_others: Vec<WantedLine>,
    /// Where it goes, as a digest.
    pub ship_to_digest: Option<Vec<u8>>,
    /// What the shop says of the address.
    pub address: AddressSaid,
    /// Whether the shop's own order has to be read first.
    pub in_doubt: bool,
    /// The refunds by which the content may be wrong, by the shop's ids of their lines: then its fulfilment
    /// orders decide. None where it is not doubtful.
    pub doubtful_by: Option<Vec<i64>>,
}

impl Brief {
    /// Pieces that are still to leave.
    #[must_use]
    pub fn to_ship(&self) -> u32 {
        self.wanted.iter().fold(0, |sum, line| sum.saturating_add(line.to_ship()))
    }
}

/// What is to be done for an order now.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn of(
    conn: &mut PgConnection,
    order: &Order,
    our_services: &[String],
) -> Result<Brief, OrdersError> {
    let parcels = parcel_lines::of_order(conn, &order.order_id).await?;
    with_parcels(conn, order, our_services, &parcels).await
}

/// As [`of`], for whoever knows the parcels already.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn with_parcels(
    conn: &mut PgConnection,
    order: &Order,
    our_services: &[String],
    parcels: &[Parcel],
) -> Result<Brief, OrdersError> {
    let left: Vec<OurParcel> =
        parcels.iter().filter(|parcel| parcel.booked_at.is_some()).map(Parcel::as_own).collect();
    let refunded = refunds::of_order(conn, order).await?;
    let ship_to_digest = record::ship_to_digest(conn, &order.order_id).await?;
    let all = wanted(&order.facts, &left, &refunded.not_counted_in);
    let is_ours = |wanted: &WantedLine| {
        let line = order.facts.lines.iter().find(|line| line.line_id == wanted.line_id);
        line.is_none_or(|line| is_ours_by_service(line, our_services))
    };
    let (wanted, of_others): (Vec<_>, Vec<_>) = all.into_iter().partition(is_ours);
    Ok(Brief {
        gate: GateFacts::of(&order.facts, &wanted, order.was),
        wanted,
        of_others,
        ship_to_digest,
        address: order.facts.address,
        in_doubt: order.content_in_doubt,
        doubtful_by: is_doubtful(&order.facts, &left, &refunded.lines).then_some(refunded.ids),
    })
}

/// Whether an order whose story has ended asks for more: pieces to ship, something to be settled, or a
/// difference that a person has to see.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn asks_for_work(
    conn: &mut PgConnection,
    order: &Order,
    our_services: &[String],
    rules: &GateRules,
) -> Result<bool, OrdersError> {
    if order.status == OrderStatus::Cancelled {
        return Ok(false);
    }
    let brief = of(conn, order, our_services).await?;
    if brief.in_doubt {
        return Ok(true);
    }
    let has_left = matches!(order.status, OrderStatus::Shipped | OrderStatus::Delivered);
    if has_left
        && (brief.wanted.iter().any(|line| line.too_many() > 0) || is_misaddressed(conn, order).await?)
    {
        return Ok(true);
    }
    // Also of one that has left: what is moved to us is ours to ship.
    if order.look_wanted {
        return Ok(true);
    }
    let decision = decide_gate(&brief.gate, rules);
    let is_to_be_shipped = !matches!(decision, GateDecision::Ignore(_) | GateDecision::Cancel);
    Ok(is_to_be_shipped && !order.rest_is_cancelled)
}

/// Whether something left to another address than the newest.
async fn is_misaddressed(conn: &mut PgConnection, order: &Order) -> Result<bool, OrdersError> {
    if order.channel.shop().is_none() {
        return Ok(false);
    }
    let newest = record::ship_to_digest(conn, &order.order_id).await?;
    let requests = fulfilment_request::of_order(conn, &order.order_id).await?;
    Ok(requests.iter().any(|known| known.counts() && known.was_called && known.ship_to_digest != newest))
}

/// How it is told that pieces left which are not wanted.
pub const NOT_WANTED: &str = " left and are not wanted";
/// How what is wanted after all is told.
const WANTED_AGAIN: &str = "wanted after the rest was cancelled: ";

/// Of an order whose rest was cancelled nothing more is shipped: what the shop wants all the same is for a
/// person.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn show_what_is_wanted_again(
    conn: &mut PgConnection,
    order: &Order,
    services: &[String],
) -> Result<(), OrdersError> {
    let wanted = of(conn, order, services).await?.wanted;
    let words: Vec<String> = wanted
        .iter()
        .filter(|line| line.to_ship() > 0)
        .map(|line| format!("{} × {}", line.to_ship(), line.sku.as_deref().unwrap_or_default()))
        .collect();
    if words.is_empty() {
        return take_back_too_late(conn, order, |shown| shown.starts_with(WANTED_AGAIN)).await;
    }
    let words = format!("{WANTED_AGAIN}{}", words.join(", "));
    attention::show(conn, &order.order_id, &ParkReason::new(ParkReason::EDITED_TOO_LATE), &words).await
}

/// Takes back what was shown as coming too late, as the shop wants it so by now.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn take_back_what_came_too_late(conn: &mut PgConnection, order: &Order) -> Result<(), OrdersError> {
    take_back_too_late(conn, order, |shown| !shown.starts_with(WANTED_AGAIN)).await
}

/// Takes back that pieces left which were not wanted, where the shop wants them by now.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn take_back_pieces_too_many(
    conn: &mut PgConnection,
    order: &Order,
    services: &[String],
) -> Result<(), OrdersError> {
    let Brief { wanted, of_others, .. } = of(conn, order, services).await?;
    if wanted.iter().chain(&of_others).any(|line| line.too_many() > 0) {
        return Ok(());
    }
    take_back_too_late(conn, order, |shown| shown.ends_with(NOT_WANTED)).await
}

async fn take_back_too_late(
    conn: &mut PgConnection,
    order: &Order,
    which: impl Fn(&str) -> bool,
) -> Result<(), OrdersError> {
    let park_reason = ParkReason::new(ParkReason::EDITED_TOO_LATE);
    match attention::shown(conn, &order.order_id, &park_reason).await? {
        Some(shown) if which(&shown) => attention::unshow(conn, &order.order_id, &park_reason).await,
        _ => Ok(()),
    }
}

/// An order that is cancelled here and of which others fulfilled some cannot be cancelled in the shop: there
/// it can still be added to.
#[must_use]
pub fn can_be_added_to(order: &Order) -> bool {
    order.status == OrderStatus::Cancelled
        && order.facts.cancelled_at.is_none()
        && order.facts.fulfilments.iter().flatten().any(|fulfilment| fulfilment.stands)
}

/// What is added to an order that is cancelled here is for a person too.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn show_what_a_cancelled_order_is_asked_for(
    conn: &mut PgConnection,
    order: &Order,
    services: &[String],
) -> Result<(), OrdersError> {
    if can_be_added_to(order) { show_what_is_wanted_again(conn, order, services).await } else { Ok(()) }
}
