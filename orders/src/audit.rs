//! What people did: who, when, what, to what, and why, as one list.
//!
//! **Invariant:** an act is noted in its own transaction, and no customer's data is in it. What is kept elsewhere with
//! who did it and why (edits, pauses of lanes, counts) is not written twice: the view `orders.audit` has both.

use chrono::{DateTime, Utc};
use domain::{OrderId, words};
use sqlx::{FromRow, PgConnection};
use strum::{Display, IntoStaticStr, VariantArray};

use crate::OrdersError;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum ActKind {
    /// An order was to be cancelled.
    OrderCancelled,
    /// A stuck step was to be done again.
    OrderRetried,
    /// What waited for a person was answered.
    OrderResolved,
    /// An order was to have another status.
    OrderStatusSet,
    /// An order was changed by hand.
    OrderEdited,
    /// A row that is of no order was dealt with.
    AttentionResolved,
    /// A lane was paused.
    LanePaused,
    /// A lane was resumed.
    LaneResumed,
    /// An item was stocked.
    ItemAdded,
    /// Pieces were booked in.
    StockReceived,
    /// Pieces were booked out.
    StockReduced,
    /// Stock was counted.
    StockCounted,
    /// A warehouse was added.
    WarehouseAdded,
    /// A warehouse was changed.
    WarehouseChanged,
    /// A return was announced.
    ReturnAnnounced,
    /// Pieces of a return were received.
    ReturnReceived,
    /// A message was taken up again.
    MessageReplayed,
    /// Dead letters were tried again.
    DeadLettersRedriven,
    /// Dead letters were given up.
    DeadLettersSkipped,
    /// Somebody subscribed to events.
    SubscriptionAdded,
    /// A subscription was ended.
    SubscriptionRemoved,
    /// A subscription got a new secret.
    SubscriptionSecretRotated,
    /// What is known of a customer who asked was fetched.
    CustomerDataFetched,
    /// This list was exported.
    AuditExported,
    /// One answer to many was stopped.
    BulkAnswerStopped,
}

words!(ActKind, "kind");

/// Something a person did.
#[derive(Debug, Clone, Copy)]
pub struct Act<'a> {
    /// Who: a name, and of customers none.
    pub by: &'a str,
    /// What.
    pub kind: ActKind,
    /// To what: an order's id, a SKU, the id of a row.
    pub target: &'a str,
    /// The order it is about, if it is about one.
    pub order: Option<&'a OrderId>,
    /// Their words.
    pub reason: Option<&'a str>,
    /// More about it, without personal data.
    pub detail: Option<&'a str>,
}

/// Notes an act in its transaction.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn note(conn: &mut PgConnection, act: &Act<'_>) -> Result<(), OrdersError> {
    sqlx::query(
        "INSERT INTO orders.acts (acted_by, kind, target, order_id, reason, detail)
         VALUES ($1, $2, left($3, 255), $4, left($5, 255), left($6, 1000))",
    )
    .bind(act.by)
    .bind(act.kind.as_str())
    .bind(act.target)
    .bind(act.order.map(OrderId::as_str))
    .bind(act.reason)
    .bind(act.detail)
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes an act that came to the order's run from elsewhere than our interface, which notes its own before they are done:
/// so one of these kinds that is noted since is this one.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn note_if_new(
    conn: &mut PgConnection,
    act: &Act<'_>,
    kinds: &[ActKind],
    since: DateTime<Utc>,
) -> Result<(), OrdersError> {
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    let is_noted: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM orders.acts WHERE order_id = $1 AND kind = ANY ($2) AND at >= $3)",
    )
    .bind(act.order.map(OrderId::as_str))
    .bind(&kinds)
    .bind(since)
    .fetch_one(&mut *conn)
    .await?;
    if is_noted { Ok(()) } else { note(conn, act).await }
}

/// An entry of the list.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Entry {
    /// Its id.
    pub entry_id: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: String,
    /// What.
    pub kind: String,
    /// To what.
    pub target: String,
    /// The order it is about.
    pub order_id: Option<String>,
    /// The number people use for that order.
    pub order_number: Option<String>,
    /// Why, in their words.
    pub reason: Option<String>,
    /// More about it.
    pub detail: Option<String>,
}

impl Entry {
    /// Where the list goes on after it.
    #[must_use]
    pub fn position(&self) -> (DateTime<Utc>, String) {
        (self.at, self.entry_id.clone())
    }
}

/// Which entries are wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this person only.
    pub actor: Option<String>,
    /// Done to this only.
    pub target: Option<String>,
    /// About the order with this id or order number only.
    pub order: Option<String>,
    /// Of this kind only.
    pub kind: Option<ActKind>,
    /// From then on only.
    pub from: Option<DateTime<Utc>>,
    /// Before then only.
    pub to: Option<DateTime<Utc>>,
}

/// Up to `most` entries that match, newest first; those after a [position](Entry::position), if it is given.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn list(
    conn: &mut PgConnection,
    filter: &Filter,
    after: Option<&(DateTime<Utc>, String)>,
    most: i64,
) -> Result<Vec<Entry>, OrdersError> {
    Ok(sqlx::query_as(
        "SELECT entry_id, at, actor, kind, target, a.order_id, o.order_number, reason, detail
         FROM (SELECT * FROM orders.audit
               WHERE ($1::text IS NULL OR actor = $1) AND ($2::text IS NULL OR target = $2)
                 AND ($3::text IS NULL OR order_id IN (SELECT order_id FROM orders.orders
                                                       WHERE order_id = $3 OR order_number = $3))
                 AND ($4::text IS NULL OR kind = $4)
                 AND ($5::timestamptz IS NULL OR at >= $5) AND ($6::timestamptz IS NULL OR at < $6)
                 AND ($7::timestamptz IS NULL OR (at, entry_id) < ($7, $8))
               ORDER BY at DESC, entry_id DESC LIMIT $9) AS a
         LEFT JOIN orders.orders o USING (order_id)
         ORDER BY at DESC, entry_id DESC",
    )
    .bind(filter.actor.as_deref())
    .bind(filter.target.as_deref())
    .bind(filter.order.as_deref())
    .bind(filter.kind.map(ActKind::as_str))
    .bind(filter.from)
    .bind(filter.to)
    .bind(after.map(|(at, _)| *at))
    .bind(after.map(|(_, entry)| entry.as_str()))
    .bind(most)
    .fetch_all(conn)
    .await?)
}
