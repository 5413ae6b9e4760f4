//! Whether anything changed that people are shown, told by the newest entries of a few indexes.
//!
//! The newest entry alone would not do: a number is drawn before its transaction commits, and a time is read as it
//! begins, so a late commit may be older than what was there. Among the newest few it is seen.

use domain::OrderId;
use sqlx::PgConnection;

use crate::OrdersError;

/// A text that is another one once anything changed that is shown of any order, message or lane.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn of_all(conn: &mut PgConnection) -> Result<String, OrdersError> {
    Ok(sqlx::query_scalar(
        "SELECT md5(concat_ws('/',
            ARRAY(SELECT entry_id FROM orders.timeline ORDER BY entry_id DESC LIMIT 32),
            ARRAY(SELECT updated_at FROM orders.orders WHERE story_ended_at IS NULL ORDER BY updated_at DESC LIMIT 32),
            ARRAY(SELECT attention_id FROM orders.attention ORDER BY attention_id DESC LIMIT 32),
            ARRAY(SELECT resolved_at FROM orders.attention WHERE resolved_at IS NOT NULL
                  ORDER BY resolved_at DESC LIMIT 32),
            ARRAY(SELECT pause_id FROM orders.lane_pauses ORDER BY pause_id DESC LIMIT 32),
            ARRAY(SELECT pause_id FROM orders.lane_pauses WHERE until IS NULL ORDER BY lane, cause LIMIT 32),
            ARRAY(SELECT inbox_id FROM integration.inbox ORDER BY inbox_id DESC LIMIT 32),
            ARRAY(SELECT settled_at FROM integration.inbox WHERE settled_at IS NOT NULL
                  ORDER BY settled_at DESC LIMIT 32),
            ARRAY(SELECT last_failed_at FROM orders.call_attempts ORDER BY last_failed_at DESC LIMIT 32)))",
    )
    .fetch_one(conn)
    .await?)
}

/// The same of what is shown of one order.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn of_order(conn: &mut PgConnection, order: &OrderId) -> Result<String, OrdersError> {
    Ok(sqlx::query_scalar(
        "SELECT md5(concat_ws('/',
            (SELECT concat_ws(' ', updated_at, edited_at, story_ended_at) FROM orders.orders WHERE order_id = $1),
            ARRAY(SELECT entry_id FROM orders.timeline WHERE order_id = $1 ORDER BY entry_id DESC LIMIT 32),
            ARRAY(SELECT concat_ws(' ', attention_id, resolved_at, detail) FROM orders.attention WHERE order_id = $1
                  ORDER BY attention_id DESC LIMIT 32),
            ARRAY(SELECT concat_ws(' ', inbox_id, state, attempts) FROM integration.inbox WHERE order_id = $1
                  ORDER BY inbox_id DESC LIMIT 32),
            ARRAY(SELECT concat_ws(' ', reference, updated_at) FROM orders.fulfilment_requests WHERE order_id = $1
                  ORDER BY 1 LIMIT 32),
            ARRAY(SELECT concat_ws(' ', parcel_id, updated_at, shop_notified_at) FROM orders.parcels
                  WHERE order_id = $1 ORDER BY 1 LIMIT 32),
            ARRAY(SELECT concat_ws(' ', return_id, updated_at) FROM orders.returns WHERE order_id = $1
                  ORDER BY 1 LIMIT 32),
            ARRAY(SELECT concat_ws(' ', call, last_failed_at) FROM orders.call_attempts WHERE order_id = $1
                  ORDER BY 1 LIMIT 32),
            ARRAY(SELECT pause_id FROM orders.lane_pauses WHERE until IS NULL ORDER BY lane, cause LIMIT 32)))",
    )
    .bind(order.as_str())
    .fetch_one(conn)
    .await?)
}
