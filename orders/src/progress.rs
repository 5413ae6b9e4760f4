//! How an order moves on: its status, its condition, the end of its story.

use domain::{Actor, Condition, HeldBy, OrderId, OrderStatus, ParkReason};
use outbox::OrderEventKind;
use sqlx::{FromRow, PgConnection};
use tracing::warn;

use crate::{
    Order, OrdersError,
    events::{self, EVENT_COLUMNS, EventRow},
    timeline::{self, TimelineEvent},
};

/// What became of a move. A refused one is for the caller to answer.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusMove {
    /// The status is new.
    Now,
    /// It had that status already; nothing was written.
    Already,
    /// The status table does not allow it from the current status; nothing was written.
    Refused(OrderStatus),
}

/// Moves an order to `to` with its timeline entry and its event, if the status table allows it.
/// The condition is cleared, unless a person still has to decide, and so is the wait for an allocation; `event` is the
/// timeline's word for it.
///
/// # Errors
/// [`OrdersError::NotFound`] or [`OrdersError::Database`].
pub async fn move_to(
    conn: &mut PgConnection,
    order: &OrderId,
    to: OrderStatus,
    event: TimelineEvent,
    detail: Option<&str>,
) -> Result<StatusMove, OrdersError> {
    let from: Vec<&str> =
        OrderStatus::ALL.into_iter().filter(|from| from.may_become(to)).map(OrderStatus::as_str).collect();
    let moved: Option<MovedRow> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
        "WITH before AS (
             SELECT placed_event_at IS NULL AS is_unannounced FROM orders.orders WHERE order_id = $1 FOR NO KEY UPDATE
         ), moved AS (
             UPDATE orders.orders o
             SET status = $2, condition = CASE WHEN parked THEN condition END,
                 condition_reason = CASE WHEN parked THEN condition_reason END, held_by = NULL, updated_at = now(),
                 awaits_allocation_since = NULL,
                 placed_event_at = CASE WHEN $2 = 'CANCELLED' THEN placed_event_at ELSE COALESCE(placed_event_at, now()) END
             FROM before, (SELECT EXISTS (SELECT 1 FROM orders.attention
                                          WHERE order_id = $1 AND resolved_at IS NULL) AS parked) AS waits
             WHERE order_id = $1 AND status = ANY($3)
             RETURNING before.is_unannounced, {EVENT_COLUMNS}
         ), noted AS (
             INSERT INTO orders.timeline (order_id, event, detail) SELECT order_id, $4, $5 FROM moved
         )
         SELECT * FROM moved"
    )))
    .bind(order.as_str())
    .bind(to.as_str())
    .bind(&from)
    .bind(event.as_str())
    .bind(detail)
    .fetch_optional(&mut *conn)
    .await?;
    let Some(MovedRow { is_unannounced, row }) = moved else {
        let current: Option<String> =
            sqlx::query_scalar("SELECT status FROM orders.orders WHERE order_id = $1")
                .bind(order.as_str())
                .fetch_optional(conn)
                .await?;
        let current: OrderStatus = current.ok_or(OrdersError::NotFound)?.parse()?;
        return Ok(if current == to { StatusMove::Already } else { StatusMove::Refused(current) });
    };
    // Who hears of an order that goes on has heard that it was placed.
    let placed = (is_unannounced && to != OrderStatus::Cancelled)
        .then_some((OrderEventKind::Placed, OrderStatus::Pending));
    let events = placed.into_iter().chain(OrderEventKind::of(to).map(|kind| (kind, to)));
    row.announce(conn, &events.collect::<Vec<_>>()).await?;
    Ok(StatusMove::Now)
}

/// As [`move_to`], where nothing but being past it should keep an order from the move: any other refusal is said in the
/// log. A cancelled order is past everything.
///
/// # Errors
/// As [`move_to`].
pub async fn move_on(
    conn: &mut PgConnection,
    order: &OrderId,
    to: OrderStatus,
    event: TimelineEvent,
    detail: Option<&str>,
) -> Result<(), OrdersError> {
    if let StatusMove::Refused(status) = move_to(conn, order, to, event, detail).await?
        && status < to
    {
        warn!(order.id = %order, %status, %to, "an order could not be moved on");
    }
    Ok(())
}

/// An order that was moved.
#[derive(FromRow)]
struct MovedRow {
    is_unannounced: bool,
    #[sqlx(flatten)]
    row: EventRow,
}

/// What keeps an order where it stands.
#[derive(Debug, Clone, Copy)]
pub struct Waiting<'a> {
    /// The condition.
    pub condition: Condition,
    /// A code, for example the gate's reason.
    pub reason: Option<&'a str>,
    /// Who holds it, where the condition is `ON_HOLD`.
    pub held_by: Option<HeldBy>,
}

/// Sets the condition beside the status, with its timeline entry. Setting the same again writes nothing, and so does
/// anything else while nothing is reserved for the order, which is what it waits for first.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn set_condition(
    conn: &mut PgConnection,
    order: &OrderId,
    waiting: Waiting<'_>,
) -> Result<(), OrdersError> {
    sqlx::query(
        "WITH changed AS (
             UPDATE orders.orders SET condition = $2, condition_reason = $3, held_by = $4, updated_at = now()
             WHERE order_id = $1 AND (condition, condition_reason, held_by) IS DISTINCT FROM ($2, $3, $4)
               AND awaits_allocation_since IS NULL
             RETURNING order_id
         )
         INSERT INTO orders.timeline (order_id, event, detail) SELECT order_id, $2, $3 FROM changed",
    )
    .bind(order.as_str())
    .bind(waiting.condition.as_str())
    .bind(waiting.reason)
    .bind(waiting.held_by.map(HeldBy::as_str))
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that an order, which the caller has locked, lost pieces it held and waits for them: it is to be planned anew.
/// What else keeps it stays.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn lost_stock(conn: &mut PgConnection, order: &OrderId, detail: &str) -> Result<(), OrdersError> {
    sqlx::query(
        "WITH waits AS (
             UPDATE orders.orders
             SET wish_version = wish_version + 1, updated_at = now(), condition = COALESCE(condition, $2)
             WHERE order_id = $1 RETURNING order_id
         )
         INSERT INTO orders.timeline (order_id, event, detail) SELECT order_id, $2, $3 FROM waits",
    )
    .bind(order.as_str())
    .bind(Condition::Backordered.as_str())
    .bind(detail)
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that an order of our own API, which the caller has locked, has all its stock, in the warehouses of `detail`: it is
/// confirmed, unless it is held; then it stays `PENDING` with its stock. The order as it is then.
///
/// # Errors
/// [`OrdersError`].
pub async fn note_reserved(
    conn: &mut PgConnection,
    mut order: Order,
    is_held: bool,
    detail: &str,
) -> Result<Order, OrdersError> {
    if is_held {
        timeline::note(conn, &order.order_id, TimelineEvent::Reserved, Some(detail)).await?;
        let (condition, held_by) = (Condition::OnHold, HeldBy::Window);
        let waiting = Waiting { condition, reason: None, held_by: Some(held_by) };
        set_condition(conn, &order.order_id, waiting).await?;
        events::announce_placed(conn, &order.order_id).await?;
        order.condition = Some(condition);
        order.held_by = Some(held_by);
    } else {
        let (to, event) = (OrderStatus::Confirmed, TimelineEvent::Reserved);
        let moved = move_to(conn, &order.order_id, to, event, Some(detail)).await?;
        if let StatusMove::Refused(status) = moved {
            return Err(OrdersError::Unreadable(format!("an order to be confirmed is {status} already")));
        }
        order.status = to;
        order.condition = None;
    }
    Ok(order)
}

/// Shows of an order that has come no further, and waits for nothing else, that the inventory service is away.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn show_inventory_away(conn: &mut PgConnection, order: &OrderId) -> Result<(), OrdersError> {
    sqlx::query(
        "WITH changed AS (
             UPDATE orders.orders SET condition = $2, updated_at = now()
             WHERE order_id = $1 AND status = 'PENDING' AND condition IS NULL
             RETURNING order_id
         )
         INSERT INTO orders.timeline (order_id, event) SELECT order_id, $2 FROM changed",
    )
    .bind(order.as_str())
    .bind(Condition::AwaitingAllocation.as_str())
    .execute(conn)
    .await?;
    Ok(())
}

/// Sets that a person has to decide; the caller writes a timeline entry of its own.
pub(crate) async fn need_attention(
    conn: &mut PgConnection,
    order: &OrderId,
    park_reason: &ParkReason,
) -> Result<(), OrdersError> {
    sqlx::query(
        "UPDATE orders.orders SET condition = $2, condition_reason = $3, held_by = NULL, updated_at = now()
         WHERE order_id = $1",
    )
    .bind(order.as_str())
    .bind(Condition::NeedsAttention.as_str())
    .bind(park_reason.code())
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes the condition away, back to what still keeps the order or shows of it: a row that waits for a
/// person, or that some of it has left.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn clear_condition(conn: &mut PgConnection, order: &OrderId) -> Result<(), OrdersError> {
    sqlx::query(
        "UPDATE orders.orders
         SET condition = CASE WHEN waits.reason IS NOT NULL THEN 'NEEDS_ATTENTION'
                              WHEN awaits_allocation_since IS NOT NULL THEN 'AWAITING_ALLOCATION'
                              WHEN some_has_left AND status = 'PROCESSING' THEN 'PARTIALLY_SHIPPED' END,
             condition_reason = waits.reason, held_by = NULL, updated_at = now()
         FROM (SELECT (SELECT reason FROM orders.attention WHERE order_id = $1 AND resolved_at IS NULL
                       ORDER BY attention_id DESC LIMIT 1) AS reason) AS waits
         WHERE order_id = $1 AND condition IS NOT NULL",
    )
    .bind(order.as_str())
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes away what kept an order waiting and does not any more. What the warehouse holds stays held until
/// the warehouse says otherwise.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn clear_waiting(conn: &mut PgConnection, order: &OrderId) -> Result<(), OrdersError> {
    let waits: bool = sqlx::query_scalar(
        "SELECT COALESCE(condition IN ('AWAITING_PAYMENT', 'BACKORDERED', 'AWAITING_ALLOCATION', 'IGNORED')
                         OR (condition = 'ON_HOLD' AND held_by IS DISTINCT FROM 'WAREHOUSE'), false)
         FROM orders.orders WHERE order_id = $1",
    )
    .bind(order.as_str())
    .fetch_one(&mut *conn)
    .await?;
    if waits { clear_condition(conn, order).await } else { Ok(()) }
}

/// Notes that some of an order has left its warehouse.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn some_has_left(conn: &mut PgConnection, order: &OrderId) -> Result<(), OrdersError> {
    sqlx::query(
        "UPDATE orders.orders
         SET some_has_left = true, updated_at = now(), held_by = NULL,
             condition = CASE WHEN parked THEN condition ELSE 'PARTIALLY_SHIPPED' END,
             condition_reason = CASE WHEN parked THEN condition_reason END
         FROM (SELECT EXISTS (SELECT 1 FROM orders.attention
                              WHERE order_id = $1 AND resolved_at IS NULL) AS parked) AS waits
         WHERE order_id = $1 AND status = 'PROCESSING'",
    )
    .bind(order.as_str())
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes who cancelled an order and why. The reason is the caller's own words, so it stays here.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn note_cancelled_by(
    conn: &mut PgConnection,
    order: &OrderId,
    by: Actor,
    reason: Option<&str>,
) -> Result<(), OrdersError> {
    sqlx::query("UPDATE orders.orders SET cancelled_by = $2, cancel_reason = $3 WHERE order_id = $1")
        .bind(order.as_str())
        .bind(by.as_str())
        .bind(reason)
        .execute(conn)
        .await?;
    Ok(())
}

/// Notes that the order's run finished all there was to do, or (`ended = false`) that there is more.
/// Whoever finished was there: what a sweeper said of a run that is gone is answered by it.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn set_story_ended(
    conn: &mut PgConnection,
    order: &OrderId,
    ended: bool,
) -> Result<(), OrdersError> {
    sqlx::query(
        "WITH answered AS (
             UPDATE orders.attention
             SET resolved_at = now(), resolution = 'retry', resolved_by = 'waybill',
                 resolve_reason = 'its run came to the end'
             WHERE $2 AND order_id = $1 AND reason = $3 AND resolved_at IS NULL
         )
         UPDATE orders.orders
         SET story_ended_at = CASE WHEN $2 THEN COALESCE(story_ended_at, now()) END,
             condition = CASE WHEN $2 AND condition_reason = $3 THEN NULL ELSE condition END,
             condition_reason = CASE WHEN $2 AND condition_reason = $3 THEN NULL ELSE condition_reason END
         WHERE order_id = $1",
    )
    .bind(order.as_str())
    .bind(ended)
    .bind(ParkReason::RUN_GONE)
    .execute(conn)
    .await?;
    Ok(())
}

/// Raises the reservation epoch: the next reservation is a new one.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn next_epoch(conn: &mut PgConnection, order: &OrderId) -> Result<u32, OrdersError> {
    let epoch: i32 =
        sqlx::query_scalar("UPDATE orders.orders SET epoch = epoch + 1 WHERE order_id = $1 RETURNING epoch")
            .bind(order.as_str())
            .fetch_optional(conn)
            .await?
            .ok_or(OrdersError::NotFound)?;
    u32::try_from(epoch).map_err(|_| OrdersError::beyond_reason("epoch"))
}

/// Notes that some of an order has left and that the rest was cancelled: nothing more is shipped.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn cancel_the_rest(conn: &mut PgConnection, order: &OrderId) -> Result<(), OrdersError> {
    sqlx::query("UPDATE orders.orders SET rest_is_cancelled = true WHERE order_id = $1")
        .bind(order.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// Takes up an order again whose story had ended: there is more to do for it.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn take_up_again(conn: &mut PgConnection, order: &OrderId) -> Result<(), OrdersError> {
    clear_waiting(conn, order).await?;
    set_story_ended(conn, order, false).await
}
