//! Returns: pieces of an order that are to come back, and what of them came.
//!
//! A return is announced by the shop, by an event of another system or over the API, and received by hand or by a
//! warehouse system. Facts (the shop's, an event's) are never refused: what of them does not fit is shown to a person.
//!
//! **Invariant:** no more pieces of a line are announced than left, and none is received twice: the receipts of a
//! return's line add up to what the line says was received.

use chrono::{DateTime, Utc};
use domain::{LineId, OrderId, OrderNumber, ReturnId, Sku, WarehouseId, words};
use sqlx::{AssertSqlSafe, FromRow, PgConnection};
use uuid::Uuid;

use crate::{
    OrdersError, record,
    timeline::{self, TimelineEvent},
};

mod announcing;
mod receiving;

pub use announcing::{AnnouncedItem, Announcement, announce};
pub use receiving::{OnHand, Receipt, Received, ReceivedPieces, Receiver, receive};

/// Who announced a return.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Source {
    /// The shop that the order is of, when it approved it.
    Shopify,
    /// An event of another system.
    Event,
    /// Somebody who asked for it over our API.
    Api,
}

words!(Source, "source");

impl Source {
    /// Whether it tells what is so, and does not ask whether it may be.
    fn tells_a_fact(self) -> bool {
        self != Self::Api
    }
}

/// How far a return is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum ReturnState {
    /// Nothing of it came.
    Announced,
    /// Some of it came.
    PartlyReceived,
    /// All of it came.
    Received,
    /// The shop took it back: nothing of it is expected any more.
    Cancelled,
}

words!(ReturnState, "state");

/// Why nothing was done about a return. `line` counts the lines of whoever asked from 0.
#[derive(Debug, thiserror::Error)]
pub enum ReturnError {
    /// The records could not be read or written; [`OrdersError::NotFound`] where there is no such order.
    #[error(transparent)]
    Orders(#[from] OrdersError),
    /// No such return.
    #[error("no such return")]
    NotFound,
    /// It was taken back: nothing of it is expected.
    #[error("the return was cancelled")]
    Cancelled,
    /// The order, or the return, has no such line.
    #[error("line {line} is none of it")]
    UnknownLine {
        /// Which.
        line: usize,
    },
    /// There are fewer pieces of it that left and are not announced, or that are still to come.
    #[error("line {line}: only {open} pieces of it are open")]
    TooMany {
        /// Which.
        line: usize,
        /// Pieces there are.
        open: u32,
    },
}

impl From<sqlx::Error> for ReturnError {
    fn from(error: sqlx::Error) -> Self {
        Self::Orders(error.into())
    }
}

impl From<domain::ParseError> for ReturnError {
    fn from(error: domain::ParseError) -> Self {
        Self::Orders(error.into())
    }
}

/// A return as it is kept.
#[derive(Debug, Clone, FromRow)]
pub struct Return {
    /// Its id.
    #[sqlx(try_from = "String")]
    pub return_id: ReturnId,
    /// Whose pieces.
    #[sqlx(try_from = "String")]
    pub order_id: OrderId,
    /// The number people use for that order.
    #[sqlx(try_from = "String")]
    pub order_number: OrderNumber,
    /// How far it is.
    #[sqlx(try_from = "String")]
    pub state: ReturnState,
    /// Who announced it.
    #[sqlx(try_from = "String")]
    pub source: Source,
    /// The announcer's own id of it.
    pub external_id: Option<String>,
    /// In the announcer's words; may name a person.
    pub reason: Option<String>,
    /// When it was announced.
    pub created_at: DateTime<Utc>,
    /// When something of it came last.
    pub updated_at: DateTime<Utc>,
    /// What is to come back, in the order of the lines' ids.
    #[sqlx(skip)]
    pub lines: Vec<ReturnLine>,
}

/// Pieces of one line of an order that are to come back.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ReturnLine {
    /// The order's line.
    #[sqlx(try_from = "String")]
    pub line_id: LineId,
    /// As what it left.
    #[sqlx(try_from = "String")]
    pub sku: Sku,
    /// From where the first of it left.
    #[sqlx(try_from = "String")]
    pub warehouse: WarehouseId,
    /// Pieces that are to come.
    #[sqlx(try_from = "i32")]
    pub announced: u32,
    /// Pieces that came and can be sold.
    #[sqlx(try_from = "i32")]
    pub received_sellable: u32,
    /// Pieces that came and cannot.
    #[sqlx(try_from = "i32")]
    pub received_unsellable: u32,
}

impl ReturnLine {
    /// Pieces that are still to come.
    #[must_use]
    pub fn open(&self) -> u32 {
        self.announced.saturating_sub(self.received_sellable).saturating_sub(self.received_unsellable)
    }
}

const COLUMNS: &str = "return_id, order_id, order_number, r.state, source, external_id, reason, r.created_at, \
    r.updated_at FROM orders.returns r JOIN orders.orders o USING (order_id)";

/// A return by its id.
///
/// # Errors
/// [`OrdersError`].
pub async fn find(conn: &mut PgConnection, return_id: &ReturnId) -> Result<Option<Return>, OrdersError> {
    let sql = format!("SELECT {COLUMNS} WHERE return_id = $1");
    let found =
        sqlx::query_as(AssertSqlSafe(sql)).bind(return_id.as_str()).fetch_optional(&mut *conn).await?;
    Ok(with_lines(conn, Vec::from_iter(found)).await?.pop())
}

/// Which returns are wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// In this state only.
    pub state: Option<ReturnState>,
    /// Of the order with this id or order number only.
    pub order: Option<String>,
    /// Older than this one only.
    pub before: Option<ReturnId>,
    /// At most so many.
    pub limit: i64,
}

/// The returns that match, the newest first.
///
/// # Errors
/// [`OrdersError`].
pub async fn list(conn: &mut PgConnection, filter: &Filter) -> Result<Vec<Return>, OrdersError> {
    let sql = format!(
        "SELECT {COLUMNS}
         WHERE ($1::text IS NULL OR r.state = $1)
           AND ($2::text IS NULL OR order_id = $2 OR order_number = $2)
           AND ($3::text IS NULL OR return_id < $3)
         ORDER BY return_id DESC LIMIT $4"
    );
    let found = sqlx::query_as(AssertSqlSafe(sql))
        .bind(filter.state.map(ReturnState::as_str))
        .bind(filter.order.as_deref())
        .bind(filter.before.as_ref().map(ReturnId::as_str))
        .bind(filter.limit)
        .fetch_all(&mut *conn)
        .await?;
    with_lines(conn, found).await
}

/// The shop took back a return that it had announced under this id: what has not come is expected no more. One that is
/// not known yet is not expected when its announcement comes either. True if that changed something.
///
/// # Errors
/// [`OrdersError`].
pub async fn cancel(
    conn: &mut PgConnection,
    order: &OrderId,
    external_id: &str,
) -> Result<bool, OrdersError> {
    let order = record::lock(conn, order).await?;
    let cancelled: Option<String> = sqlx::query_scalar(
        "INSERT INTO orders.returns AS known (return_id, order_id, source, external_id, state)
         VALUES ($1, $2, $3, $4, 'CANCELLED')
         ON CONFLICT ON CONSTRAINT returns_announced_once
         DO UPDATE SET state = 'CANCELLED', updated_at = now()
             WHERE known.order_id = EXCLUDED.order_id AND known.state IN ('ANNOUNCED', 'PARTLY_RECEIVED')
         RETURNING return_id",
    )
    .bind(new_id().as_str())
    .bind(order.order_id.as_str())
    .bind(Source::Shopify.as_str())
    .bind(external_id)
    .fetch_optional(&mut *conn)
    .await?;
    if let Some(return_id) = &cancelled {
        timeline::note(conn, &order.order_id, TimelineEvent::ReturnCancelled, Some(return_id)).await?;
    }
    Ok(cancelled.is_some())
}

fn new_id() -> ReturnId {
    ReturnId::of(Uuid::now_v7().as_u128())
}

/// A line with the return it is of.
#[derive(FromRow)]
struct LineRow {
    return_id: String,
    #[sqlx(flatten)]
    line: ReturnLine,
}

async fn with_lines(conn: &mut PgConnection, mut returns: Vec<Return>) -> Result<Vec<Return>, OrdersError> {
    let rows: Vec<LineRow> = sqlx::query_as(
        "SELECT return_id, line_id, sku, warehouse, announced, received_sellable, received_unsellable
         FROM orders.return_lines WHERE return_id = ANY ($1) ORDER BY return_id, line_id",
    )
    .bind(returns.iter().map(|found| found.return_id.as_str()).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    for LineRow { return_id, line } in rows {
        let of = returns.iter_mut().find(|found| found.return_id.as_str() == return_id);
        if let Some(of) = of {
            of.lines.push(line);
        }
    }
    Ok(returns)
}
