//! The end of personal data: what is old goes, and what somebody asks to have forgotten.
//!
//! Rows stay, so that a delivery that comes again is still known; bodies, customers and vendors' words go.
//!
//! **Invariant:** nothing that comes later brings back what was redacted: of such an order no customer is kept,
//! and bodies go once they have had their effect.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::ShopDomain;
use serde_json::Value;
use sqlx::PgConnection;

use crate::OrdersError;

/// How long an open order may keep the data of somebody who asked to be forgotten: it needs them to ship.
const LONGEST_OPEN: &str = "30 days";

/// What somebody asks to have forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErasureRequest<'a> {
    /// These orders, by the shop's ids.
    Orders(&'a [i64]),
    /// Every order of the shop.
    Shop,
}

/// Notes the wish, and has the orders that it is about forgotten: those that are closed by the next
/// [`forget`], open ones when they close, 30 days later at most. The message's body goes with it.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn redact(
    conn: &mut PgConnection,
    shop: &ShopDomain,
    wish: ErasureRequest<'_>,
    inbox_id: i64,
) -> Result<(), OrdersError> {
    let orders = match wish {
        ErasureRequest::Orders(orders) => Some(orders),
        ErasureRequest::Shop => None,
    };
    sqlx::query(
        "INSERT INTO orders.redactions (inbox_id, shop, shopify_order_ids) VALUES ($1, $2, $3)
         ON CONFLICT ON CONSTRAINT redactions_pk DO NOTHING",
    )
    .bind(inbox_id)
    .bind(shop.as_str())
    .bind(orders)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "UPDATE orders.orders SET redact_wanted_at = COALESCE(redact_wanted_at, now())
         WHERE shop = $1 AND ($2::bigint[] IS NULL OR shopify_order_id = ANY ($2))",
    )
    .bind(shop.as_str())
    .bind(orders)
    .execute(&mut *conn)
    .await?;
    empty(conn, &[inbox_id]).await
}

/// Forgets the personal data of up to `most` orders: those that were redacted and are closed, or have been open
/// for 30 days since; and those of which nothing was heard for `keep` since they came to an end, were
/// ignored, or were left unpaid, on hold in the shop or parked by everybody. One that waits for stock is none of those: it ships as
/// soon as there is some, and a shop that gives it up says so. Returns how many.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn forget(conn: &mut PgConnection, keep: Duration, most: i64) -> Result<u64, OrdersError> {
    let orders: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
        "SELECT order_id FROM orders.orders o
         WHERE personal_gone_at IS NULL
           AND (redact_wanted_at IS NOT NULL
                    AND (story_ended_at IS NOT NULL OR redact_wanted_at < now() - interval '{LONGEST_OPEN}')
                OR (story_ended_at < now() - $1 * interval '1 second'
                    OR story_ended_at IS NULL AND created_at < now() - $1 * interval '1 second'
                       AND (condition IN ('AWAITING_PAYMENT', 'NEEDS_ATTENTION')
                            OR condition = 'ON_HOLD' AND held_by <> 'WINDOW'))
                   AND NOT EXISTS (SELECT FROM integration.inbox i WHERE i.order_id = o.order_id
                                   AND i.received_at >= now() - $1 * interval '1 second'))
         ORDER BY order_id LIMIT $2 FOR UPDATE SKIP LOCKED"
    )))
    .bind(keep.as_secs_f64())
    .bind(most)
    .fetch_all(&mut *conn)
    .await?;
    for sql in [
        "DELETE FROM orders.customers WHERE order_id = ANY ($1)",
        "UPDATE orders.fulfilment_requests SET ship_to_digest = NULL WHERE order_id = ANY ($1)",
        // An address that a person corrected is gone with the others.
        "UPDATE orders.edits SET shop_said = NULL, superseded_at = COALESCE(superseded_at, now())
         WHERE member = 'ADDRESS' AND order_id = ANY ($1)",
        // One that is open all the same is parked before it is handed over without an address.
        "UPDATE orders.orders
         SET personal_gone_at = now(),
             address_said = CASE WHEN story_ended_at IS NULL THEN 'NULL' ELSE address_said END
         WHERE order_id = ANY ($1)",
    ] {
        sqlx::query(sql).bind(&orders).execute(&mut *conn).await?;
    }
    forget_words(conn).await?;
    Ok(orders.len() as u64)
}

/// The words of vendors and people about orders whose data are gone, also those that were kept afterwards.
async fn forget_words(conn: &mut PgConnection) -> Result<(), OrdersError> {
    for sql in [
        "DELETE FROM orders.complaints c USING orders.orders o
         WHERE o.order_id = c.order_id AND o.personal_gone_at IS NOT NULL",
        "UPDATE orders.attention a SET vendor_text = NULL, resolve_reason = NULL FROM orders.orders o
         WHERE o.order_id = a.order_id AND o.personal_gone_at IS NOT NULL
           AND (a.vendor_text IS NOT NULL OR a.resolve_reason IS NOT NULL)",
        "UPDATE orders.returns r SET reason = NULL FROM orders.orders o
         WHERE o.order_id = r.order_id AND o.personal_gone_at IS NOT NULL AND r.reason IS NOT NULL",
        "UPDATE orders.edits e SET reason = '' FROM orders.orders o
         WHERE o.order_id = e.order_id AND o.personal_gone_at IS NOT NULL AND e.reason <> ''",
        "UPDATE orders.approvals a SET reason = NULL FROM orders.orders o
         WHERE o.order_id = a.order_id AND o.personal_gone_at IS NOT NULL AND a.reason IS NOT NULL",
        "UPDATE orders.acts a SET reason = NULL FROM orders.orders o
         WHERE o.order_id = a.order_id AND o.personal_gone_at IS NOT NULL AND a.reason IS NOT NULL",
        "UPDATE orders.orders SET cancel_reason = NULL
         WHERE personal_gone_at IS NOT NULL AND cancel_reason IS NOT NULL",
    ] {
        sqlx::query(sql).execute(&mut *conn).await?;
    }
    Ok(())
}

/// Empties the bodies of up to `most` messages that are settled: those of orders whose data are gone, and those
/// that are of no order and older than `keep`, or about an order that somebody asked to have forgotten after
/// they came. Returns how many.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn forget_bodies(conn: &mut PgConnection, keep: Duration, most: i64) -> Result<u64, OrdersError> {
    let bodies: Vec<i64> = sqlx::query_scalar(
        "SELECT inbox_id FROM integration.inbox i LEFT JOIN orders.orders o USING (order_id)
         WHERE i.settled_at IS NOT NULL AND i.body <> ''
           AND (o.personal_gone_at IS NOT NULL
                OR o.order_id IS NULL
                   AND (i.received_at < now() - $1 * interval '1 second'
                        OR EXISTS (SELECT FROM orders.redactions r
                                   WHERE i.source = 'shopify' AND r.shop = i.shop
                                     AND (r.shopify_order_ids IS NULL AND i.received_at <= r.asked_at
                                          OR i.subject = ANY (r.shopify_order_ids::text[])))))
         LIMIT $2",
    )
    .bind(keep.as_secs_f64())
    .bind(most)
    .fetch_all(&mut *conn)
    .await?;
    empty(conn, &bodies).await?;
    Ok(bodies.len() as u64)
}

/// Forgets up to `most` users of whom nothing was heard for `keep`: none of their orders has data left, and the
/// newest of them came longer ago. Returns how many.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn forget_users(conn: &mut PgConnection, keep: Duration, most: i64) -> Result<u64, OrdersError> {
    let forgotten = sqlx::query(
        "DELETE FROM orders.users WHERE user_id IN (
             SELECT user_id FROM orders.users u
             WHERE created_at < now() - $1 * interval '1 second'
               AND NOT EXISTS (SELECT FROM orders.orders o WHERE o.user_id = u.user_id
                               AND (o.personal_gone_at IS NULL
                                    OR o.created_at >= now() - $1 * interval '1 second'))
             LIMIT $2)",
    )
    .bind(keep.as_secs_f64())
    .bind(most)
    .execute(conn)
    .await?;
    Ok(forgotten.rows_affected())
}

/// A customer's wish to know what is known.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct DataRequest {
    /// The message that brought it.
    pub inbox_id: i64,
    /// The shop.
    pub shop: String,
    /// The orders it is about, by the shop's ids.
    pub shopify_order_ids: Vec<i64>,
    /// When it came.
    pub asked_at: DateTime<Utc>,
    /// When somebody fetched the answer first.
    pub fetched_at: Option<DateTime<Utc>>,
}

/// What is known of the customer of one order. Does not show in `Debug`.
pub struct KnownOfOrder {
    /// The number people use.
    pub order_number: String,
    /// The shop's id of it.
    pub shopify_order_id: i64,
    /// The customer, as far as one is kept.
    pub customer: Option<Value>,
    /// The shop's messages about it that have a body, oldest first.
    pub messages: Vec<KnownMessage>,
}

/// A message of a shop. Does not show in `Debug`.
#[derive(sqlx::FromRow)]
pub struct KnownMessage {
    /// What it is about.
    pub topic: String,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// The raw bytes.
    pub body: Vec<u8>,
}

/// Notes that a customer wants to know what is known; the message's body, which says who, goes.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn ask_for_data(
    conn: &mut PgConnection,
    shop: &ShopDomain,
    shopify_order_ids: &[i64],
    inbox_id: i64,
) -> Result<(), OrdersError> {
    sqlx::query(
        "INSERT INTO orders.data_requests (inbox_id, shop, shopify_order_ids) VALUES ($1, $2, $3)
         ON CONFLICT ON CONSTRAINT data_requests_pk DO NOTHING",
    )
    .bind(inbox_id)
    .bind(shop.as_str())
    .bind(shopify_order_ids)
    .execute(&mut *conn)
    .await?;
    empty(conn, &[inbox_id]).await
}

/// The newest 500 of those wishes.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn data_requests(conn: &mut PgConnection) -> Result<Vec<DataRequest>, OrdersError> {
    Ok(sqlx::query_as(
        "SELECT inbox_id, shop, shopify_order_ids, asked_at, fetched_at FROM orders.data_requests
         ORDER BY inbox_id DESC LIMIT 500",
    )
    .fetch_all(conn)
    .await?)
}

/// What is known, for one of those wishes, and that it was fetched; none if there is no such wish.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn known_for(
    conn: &mut PgConnection,
    inbox_id: i64,
) -> Result<Option<(DataRequest, Vec<KnownOfOrder>)>, OrdersError> {
    let request: Option<DataRequest> = sqlx::query_as(
        "UPDATE orders.data_requests SET fetched_at = COALESCE(fetched_at, now()) WHERE inbox_id = $1
         RETURNING inbox_id, shop, shopify_order_ids, asked_at, fetched_at",
    )
    .bind(inbox_id)
    .fetch_optional(&mut *conn)
    .await?;
    let Some(request) = request else { return Ok(None) };
    let orders: Vec<(String, String, i64, Option<Value>)> = sqlx::query_as(
        "SELECT o.order_id, o.order_number, o.shopify_order_id, c.customer
         FROM orders.orders o LEFT JOIN orders.customers c USING (order_id)
         WHERE o.shop = $1 AND o.shopify_order_id = ANY ($2) ORDER BY o.created_at",
    )
    .bind(&request.shop)
    .bind(&request.shopify_order_ids)
    .fetch_all(&mut *conn)
    .await?;
    let mut known = Vec::with_capacity(orders.len());
    for (order_id, order_number, shopify_order_id, customer) in orders {
        let messages = sqlx::query_as(
            "SELECT topic, received_at, body FROM integration.inbox
             WHERE order_id = $1 AND source = 'shopify' AND body <> '' ORDER BY inbox_id",
        )
        .bind(order_id)
        .fetch_all(&mut *conn)
        .await?;
        known.push(KnownOfOrder { order_number, shopify_order_id, customer, messages });
    }
    Ok(Some((request, known)))
}

async fn empty(conn: &mut PgConnection, bodies: &[i64]) -> Result<(), OrdersError> {
    sqlx::query("UPDATE integration.inbox SET body = '' WHERE inbox_id = ANY ($1)")
        .bind(bodies)
        .execute(conn)
        .await?;
    Ok(())
}
