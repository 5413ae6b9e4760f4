//! What a person is shown: rows that no workflow waits for.

use domain::{OrderId, ParkReason, Step};
use sqlx::PgConnection;

use crate::{
    OrdersError, progress,
    timeline::{self, TimelineEvent},
};

/// Shows a person what differs and could not be followed: a row that no workflow waits for, one per
/// reason. Showing it again renews what it says.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn show(
    conn: &mut PgConnection,
    order: &OrderId,
    park_reason: &ParkReason,
    detail: &str,
) -> Result<(), OrdersError> {
    // What a person has answered is not said again, unless it says something else by now.
    let (answered, opened): (bool, bool) = sqlx::query_as(
        "WITH answered AS (
             SELECT 1 FROM orders.attention
             WHERE order_id = $1 AND step = $2 AND reason = $3 AND detail = left($4, 2000) AND resolved_at IS NOT NULL
         ), shown AS (
             INSERT INTO orders.attention AS known (order_id, step, reason, has_run, detail)
             SELECT $1, $2, $3, false, left($4, 2000) WHERE NOT EXISTS (SELECT 1 FROM answered)
             ON CONFLICT (order_id, step, reason) WHERE resolved_at IS NULL
             DO UPDATE SET detail = EXCLUDED.detail
             RETURNING known.xmax = 0 AS opened
         )
         SELECT EXISTS (SELECT 1 FROM answered), COALESCE((SELECT opened FROM shown), false)",
    )
    .bind(order.as_str())
    .bind(Step::Follow.as_str())
    .bind(park_reason.code())
    .bind(detail)
    .fetch_one(&mut *conn)
    .await?;
    if opened {
        let entry = format!("{park_reason}: {detail}");
        timeline::note(conn, order, TimelineEvent::Shown, Some(&entry)).await?;
    }
    if !answered {
        progress::need_attention(conn, order, park_reason).await?;
    }
    Ok(())
}

/// As [`show`], of what can happen several times: what is shown already stays beside it.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn show_besides(
    conn: &mut PgConnection,
    order: &OrderId,
    park_reason: &ParkReason,
    detail: &str,
) -> Result<(), OrdersError> {
    let known = shown(conn, order, park_reason).await?.unwrap_or_default();
    if known.contains(detail) {
        return Ok(());
    }
    if known.is_empty() {
        return show(conn, order, park_reason, detail).await;
    }
    timeline::note(conn, order, TimelineEvent::Shown, Some(&format!("{park_reason}: {detail}"))).await?;
    show(conn, order, park_reason, &format!("{known}; {detail}")).await
}

/// Takes back what was shown for a reason: it does not differ any more.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn unshow(
    conn: &mut PgConnection,
    order: &OrderId,
    park_reason: &ParkReason,
) -> Result<(), OrdersError> {
    let gone = sqlx::query(
        "UPDATE orders.attention
         SET resolved_at = now(), resolution = 'followed', resolved_by = 'waybill'
         WHERE order_id = $1 AND step = $2 AND reason = $3 AND resolved_at IS NULL",
    )
    .bind(order.as_str())
    .bind(Step::Follow.as_str())
    .bind(park_reason.code())
    .execute(&mut *conn)
    .await?;
    if gone.rows_affected() > 0 {
        progress::clear_condition(conn, order).await?;
    }
    Ok(())
}

/// What is shown for this reason, if something is.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn shown(
    conn: &mut PgConnection,
    order: &OrderId,
    park_reason: &ParkReason,
) -> Result<Option<String>, OrdersError> {
    let detail: Option<Option<String>> = sqlx::query_scalar(
        "SELECT detail FROM orders.attention
         WHERE order_id = $1 AND step = $2 AND reason = $3 AND resolved_at IS NULL",
    )
    .bind(order.as_str())
    .bind(Step::Follow.as_str())
    .bind(park_reason.code())
    .fetch_optional(conn)
    .await?;
    Ok(detail.map(Option::unwrap_or_default))
}

/// Takes back what was shown for a message: taken up again, it could be dealt with.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn unshow_message(conn: &mut PgConnection, inbox_id: i64) -> Result<(), OrdersError> {
    sqlx::query(
        "UPDATE orders.attention
         SET resolved_at = now(), resolution = 'followed', resolved_by = 'waybill'
         WHERE inbox_id = $1 AND order_id IS NULL AND resolved_at IS NULL",
    )
    .bind(inbox_id)
    .execute(conn)
    .await?;
    Ok(())
}

/// Shows a person a message that cannot be read and of which it is not known whose it is.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn show_message(
    conn: &mut PgConnection,
    inbox_id: i64,
    park_reason: &ParkReason,
    detail: &str,
) -> Result<(), OrdersError> {
    sqlx::query(
        "INSERT INTO orders.attention (inbox_id, step, reason, has_run, detail)
         VALUES ($1, $2, $3, false, left($4, 2000))
         ON CONFLICT (inbox_id) WHERE order_id IS NULL DO NOTHING",
    )
    .bind(inbox_id)
    .bind(Step::Follow.as_str())
    .bind(park_reason.code())
    .bind(detail)
    .execute(conn)
    .await?;
    Ok(())
}
