//! Where the shop wants an order shipped from, beside what a person said.

use std::collections::BTreeMap;

use domain::OrderId;
use serde_json::Value;
use sqlx::PgConnection;

use super::{Member, standing, supersede};
use crate::{OrdersError, record::Order};

/// The shop's location that each fulfilment order is assigned to, as they were last looked at.
pub(super) async fn locations(
    conn: &mut PgConnection,
    order: &OrderId,
) -> Result<Option<String>, OrdersError> {
    Ok(sqlx::query_scalar(
        "SELECT jsonb_object_agg(number::text, content -> 'locationId')::text
         FROM orders.fulfilment_orders WHERE order_id = $1",
    )
    .bind(order.as_str())
    .fetch_one(conn)
    .await?)
}

/// We moved a fulfilment order to the location of the warehouse that a person chose: that is no word of the shop's.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn moved_by_us(
    conn: &mut PgConnection,
    order: &Order,
    number: i64,
    location: i64,
) -> Result<(), OrdersError> {
    let chosen = standing(&mut *conn, order).await?.into_iter().find(|edit| edit.member == Member::Warehouse);
    let Some(edit) = chosen else { return Ok(()) };
    sqlx::query(
        "UPDATE orders.edits
         SET shop_said = (COALESCE(shop_said, '{}')::jsonb || jsonb_build_object($2::text, $3::bigint))::text
         WHERE edit_id = $1",
    )
    .bind(edit.edit_id)
    .bind(number.to_string())
    .bind(location)
    .execute(conn)
    .await?;
    Ok(())
}

/// The shop's fulfilment orders were looked at: where it moved one since a person chose a warehouse, the shop's word
/// counts. Those that are new since have their location now.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn looked(conn: &mut PgConnection, order: &Order) -> Result<(), OrdersError> {
    let Some(edit) =
        standing(&mut *conn, order).await?.into_iter().find(|edit| edit.member == Member::Warehouse)
    else {
        return Ok(());
    };
    let read = |text: Option<&String>| -> Result<BTreeMap<String, Value>, OrdersError> {
        Ok(text.map(|text| serde_json::from_str(text)).transpose()?.unwrap_or_default())
    };
    let before = read(edit.shop_said.as_ref())?;
    let mut now = read(locations(&mut *conn, &order.order_id).await?.as_ref())?;
    if before.iter().any(|(number, location)| now.get(number).is_some_and(|now| now != location)) {
        return supersede(conn, edit.edit_id).await;
    }
    now.extend(before.clone());
    if now != before {
        sqlx::query("UPDATE orders.edits SET shop_said = $2 WHERE edit_id = $1")
            .bind(edit.edit_id)
            .bind(serde_json::to_string(&now)?)
            .execute(conn)
            .await?;
    }
    Ok(())
}
