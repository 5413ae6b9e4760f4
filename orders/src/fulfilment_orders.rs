//! The shop's fulfilment orders as they were last looked at: who is to fulfil what, from where, and whether
//! it may. Kept as the room that reads them writes them.
//!
//! Messages about fulfilment orders name nothing but their ids. **Invariant:** a message and the look that
//! keeps an id meet: whichever commits second sees the other.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{LineId, OrderId};
use serde_json::Value;
use sqlx::{FromRow, PgConnection, types::Json};

use crate::OrdersError;

/// A fulfilment order as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Kept {
    /// The shop's id.
    pub number: i64,
    /// As it was read.
    pub content: Value,
}

/// What is known of an order's fulfilment orders, in the shop's own order.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn of_order(conn: &mut PgConnection, order: &OrderId) -> Result<Vec<Kept>, OrdersError> {
    Ok(sqlx::query_as(
        "SELECT number, content FROM orders.fulfilment_orders WHERE order_id = $1 ORDER BY position",
    )
    .bind(order.as_str())
    .fetch_all(conn)
    .await?)
}

/// Keeps what a look saw that began at `begun_at`; true if something was said of one of them since, when it
/// was not known yet whose it is, so that the look has to be made again.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn keep(
    conn: &mut PgConnection,
    order: &OrderId,
    seen: &[Kept],
    begun_at: DateTime<Utc>,
) -> Result<bool, OrdersError> {
    let numbers: Vec<i64> = seen.iter().map(|kept| kept.number).collect();
    meet(conn, &numbers).await?;
    sqlx::query("DELETE FROM orders.fulfilment_orders WHERE order_id = $1 AND NOT (number = ANY($2))")
        .bind(order.as_str())
        .bind(&numbers)
        .execute(&mut *conn)
        .await?;
    sqlx::query(
        "INSERT INTO orders.fulfilment_orders (number, order_id, position, content)
         SELECT new.number, $1, new.position, new.content
         FROM UNNEST($2::bigint[], $3::jsonb[]) WITH ORDINALITY AS new(number, content, position)
         ON CONFLICT ON CONSTRAINT fulfilment_orders_pk DO UPDATE
             SET order_id = EXCLUDED.order_id, position = EXCLUDED.position, content = EXCLUDED.content,
                 looked_at = now()",
    )
    .bind(order.as_str())
    .bind(&numbers)
    .bind(seen.iter().map(|kept| &kept.content).collect::<Vec<_>>())
    .execute(&mut *conn)
    .await?;
    let said: Vec<bool> = sqlx::query_scalar(
        "DELETE FROM orders.fulfilment_order_updates WHERE number = ANY($1) RETURNING at >= $2",
    )
    .bind(&numbers)
    .bind(begun_at)
    .fetch_all(conn)
    .await?;
    Ok(said.contains(&true))
}

/// The orders that these fulfilment orders belong to. What is said of one that is not known is kept until
/// its id is.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn orders_of(
    conn: &mut PgConnection,
    numbers: &[i64],
    inbox_id: i64,
) -> Result<Vec<OrderId>, OrdersError> {
    meet(conn, numbers).await?;
    let orders: Vec<String> =
        sqlx::query_scalar("SELECT DISTINCT order_id FROM orders.fulfilment_orders WHERE number = ANY($1)")
            .bind(numbers)
            .fetch_all(&mut *conn)
            .await?;
    if orders.is_empty() {
        sqlx::query(
            "INSERT INTO orders.fulfilment_order_updates (number, inbox_id)
             SELECT unnest($1::bigint[]), $2
             ON CONFLICT ON CONSTRAINT fulfilment_order_updates_pk DO NOTHING",
        )
        .bind(numbers)
        .bind(inbox_id)
        .execute(conn)
        .await?;
    }
    orders.iter().map(|order| Ok(OrderId::parse(order)?)).collect()
}

/// Whether the shop refused before to move a fulfilment order to this location.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn is_move_refused(
    conn: &mut PgConnection,
    number: i64,
    location: i64,
) -> Result<bool, OrdersError> {
    let refused = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM orders.fulfilment_orders WHERE number = $1 AND move_refused_to = $2)",
    );
    Ok(refused.bind(number).bind(location).fetch_one(conn).await?)
}

/// Notes that the shop refuses to move a fulfilment order to this location.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn note_move_refused(
    conn: &mut PgConnection,
    number: i64,
    location: i64,
) -> Result<(), OrdersError> {
    sqlx::query("UPDATE orders.fulfilment_orders SET move_refused_to = $2 WHERE number = $1")
        .bind(number)
        .bind(location)
        .execute(conn)
        .await?;
    Ok(())
}

/// Notes that an order's fulfilment orders are to be looked at again before anything is handed over.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn want_look(conn: &mut PgConnection, order: &OrderId) -> Result<(), OrdersError> {
    sqlx::query(
        "UPDATE orders.orders SET look_wanted = true, look_wanted_at = clock_timestamp(),
                wish_version = wish_version + 1
         WHERE order_id = $1",
    )
    .bind(order.as_str())
    .execute(conn)
    .await?;
    Ok(())
}

/// The moment, by the database's clock: what is said after it makes a look that begins now insufficient.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn begin_look(conn: &mut PgConnection) -> Result<DateTime<Utc>, OrdersError> {
    Ok(sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(conn).await?)
}

/// No look is wanted any more: nobody looks at this order's fulfilment orders.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn want_no_look(conn: &mut PgConnection, order: &OrderId) -> Result<(), OrdersError> {
    sqlx::query("UPDATE orders.orders SET look_wanted = false WHERE order_id = $1 AND look_wanted")
        .bind(order.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// Notes what was wanted when the look was kept, as a digest, and what the shop had been told of; whatever
/// was planned before is planned anew. What was said since the look began makes another one necessary.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn note_looked(
    conn: &mut PgConnection,
    order: &OrderId,
    begun_at: DateTime<Utc>,
    looked_for: &[u8],
    notified: &BTreeMap<LineId, u32>,
) -> Result<(), OrdersError> {
    sqlx::query(
        "UPDATE orders.orders
         SET looked_for = $2, notified_at_look = $3, wish_version = wish_version + 1,
             look_wanted = look_wanted AND COALESCE(look_wanted_at >= $4, true)
         WHERE order_id = $1",
    )
    .bind(order.as_str())
    .bind(looked_for)
    .bind(Json(notified))
    .bind(begun_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// One at a time for each id, in one order: a reader that came first would see neither.
async fn meet(conn: &mut PgConnection, numbers: &[i64]) -> Result<(), OrdersError> {
    let mut numbers = numbers.to_vec();
    numbers.sort_unstable();
    numbers.dedup();
    for number in numbers {
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('fulfilment order', $1))")
            .bind(number)
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}
