//! The version of what an order wants, and whether what was planned stands for the newest.

use domain::{Channel, OrderId};
use sqlx::PgConnection;

use super::Order;
use crate::OrdersError;

/// Raises the version of what the order wants: whatever was planned before it is to be planned anew.
///
/// # Errors
/// [`OrdersError::NotFound`] or [`OrdersError::Database`].
pub async fn raise_wish(conn: &mut PgConnection, order: &OrderId) -> Result<u32, OrdersError> {
    let version: i32 = sqlx::query_scalar(
        "UPDATE orders.orders SET wish_version = wish_version + 1 WHERE order_id = $1 RETURNING wish_version",
    )
    .bind(order.as_str())
    .fetch_optional(conn)
    .await?
    .ok_or(OrdersError::NotFound)?;
    u32::try_from(version).map_err(|_| OrdersError::beyond_reason("version"))
}

/// Notes that the order's run was sent a cancel by signal. Whatever was planned before it is to be planned
/// anew, and what is planned in the next moment, perhaps by a workflow task that began before the signal
/// came, stands for nothing either.
///
/// # Errors
/// As [`raise_wish`].
pub async fn note_cancel_sent(conn: &mut PgConnection, order: &OrderId) -> Result<(), OrdersError> {
    raise_wish(conn, order).await?;
    sqlx::query("UPDATE orders.orders SET cancel_sent_at = clock_timestamp() WHERE order_id = $1")
        .bind(order.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// Notes that the reservation and the hand-overs stand for what the order wants in this version, unless the
/// run that planned may not have heard of a cancel yet: a workflow task hears of nothing that came after it
/// began, and lasts 10 s at most (Temporal's default workflow task timeout).
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn note_planned(conn: &mut PgConnection, order: &OrderId, version: u32) -> Result<(), OrdersError> {
    let version = i32::try_from(version).map_err(|_| OrdersError::beyond_reason("version"))?;
    sqlx::query(
        "UPDATE orders.orders SET planned_version = $2
         WHERE order_id = $1
           AND (cancel_sent_at IS NULL OR cancel_sent_at < clock_timestamp() - interval '10 seconds')",
    )
    .bind(order.as_str())
    .bind(version)
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether an order's hand-overs stand for the newest of what it wants.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn is_planned(conn: &mut PgConnection, order: &OrderId) -> Result<bool, OrdersError> {
    Ok(sqlx::query_scalar(
        "SELECT planned_version = wish_version AND NOT content_in_doubt AND NOT look_wanted
         FROM orders.orders WHERE order_id = $1",
    )
    .bind(order.as_str())
    .fetch_one(conn)
    .await?)
}

/// Settles a doubt that reading the shop's own order has not: what was committed stands.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn end_doubt(conn: &mut PgConnection, order: &OrderId) -> Result<(), OrdersError> {
    sqlx::query("UPDATE orders.orders SET content_in_doubt = false WHERE order_id = $1")
        .bind(order.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// Notes that the shop's own order has to be read before anything is done for this one.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn doubt(conn: &mut PgConnection, order: &OrderId) -> Result<(), OrdersError> {
    sqlx::query(
        "UPDATE orders.orders SET content_in_doubt = true, wish_version = wish_version + 1 WHERE order_id = $1",
    )
    .bind(order.as_str())
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether nothing was committed about an order since its hand-overs were planned: no newer content, no
/// message nobody has looked at yet, no cancellation that is on its way.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn plan_stands(conn: &mut PgConnection, order: &Order) -> Result<bool, OrdersError> {
    let (shop, subject) = match &order.channel {
        Channel::Shopify { shop, shopify_order_id } => (shop.as_str(), shopify_order_id.0.to_string()),
        Channel::Api => ("", order.order_id.as_str().to_owned()),
    };
    Ok(sqlx::query_scalar(
        "SELECT planned_version = wish_version AND NOT content_in_doubt AND NOT look_wanted
                AND NOT EXISTS (
                    SELECT 1 FROM integration.inbox
                    WHERE settled_at IS NULL
                      AND ((source = 'shopify' AND shop = $3
                            AND (subject = $2
                                 OR subject IN (SELECT 'FulfillmentOrder/' || number
                                                FROM orders.fulfilment_orders WHERE order_id = $1)))
                           OR (subject = $1 AND source = 'api'
                               AND (topic = 'cancel'
                                    OR (topic = 'set-status'
                                        AND convert_from(body, 'UTF8')::jsonb ->> 'status' = 'CANCELLED')))))
         FROM orders.orders WHERE order_id = $1",
    )
    .bind(order.order_id.as_str())
    .bind(subject)
    .bind(shop)
    .fetch_one(conn)
    .await?)
}
