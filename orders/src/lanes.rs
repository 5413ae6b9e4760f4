//! Which lanes open orders wait for, and which are paused.

use domain::{LaneName, ParkReason, Step, WarehouseSystem};
use sqlx::PgConnection;

use crate::OrdersError;

pub mod attempts;
pub mod health;
mod past;
mod pauses;
mod waiting;

pub use health::resume_whatever_paused;
pub use past::{PastPause, lately};
pub use pauses::{By, LastPause, Pause, PauseCause, forget_old, on, pause, paused_for, paused_lately};
pub use waiting::{WaitsFor, waiting, waits_for};

/// A lane that open orders wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitedFor {
    /// The lane.
    pub name: LaneName,
    /// How many open orders may need it.
    pub orders: i64,
}

/// The lanes of the shops of open orders, and of the warehouse systems that have, or are to get, some of one.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn of_open_orders(conn: &mut PgConnection) -> Result<Vec<WaitedFor>, OrdersError> {
    let shops: Vec<(String, i64)> = sqlx::query_as(
        "SELECT shop_lane, count(*) FROM orders.orders
         WHERE story_ended_at IS NULL AND shop_lane IS NOT NULL GROUP BY shop_lane ORDER BY shop_lane",
    )
    .fetch_all(&mut *conn)
    .await?;
    let systems: Vec<(String, i64)> = sqlx::query_as(
        "SELECT system, count(DISTINCT order_id) FROM orders.fulfilment_requests JOIN orders.orders USING (order_id)
         WHERE story_ended_at IS NULL AND fulfilment_requests.status IN ('REQUESTED', 'ACCEPTED')
         GROUP BY system ORDER BY system",
    )
    .fetch_all(conn)
    .await?;
    let of_shop = |(lane, orders): (String, i64)| Ok(WaitedFor { name: LaneName::parse(&lane)?, orders });
    let of_system = |(system, orders): (String, i64)| {
        Ok(WaitedFor { name: LaneName::of_system(&WarehouseSystem::parse(&system)?), orders })
    };
    shops.into_iter().map(of_shop).chain(systems.into_iter().map(of_system)).collect()
}

/// Shows a person that nobody serves a lane. True if that is new.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn show_unserved(conn: &mut PgConnection, lane: &WaitedFor) -> Result<bool, OrdersError> {
    let shown = sqlx::query(
        "INSERT INTO orders.attention (lane, step, reason, has_run, detail) VALUES ($1, $2, $3, false, $4)
         ON CONFLICT (lane) WHERE lane IS NOT NULL AND resolved_at IS NULL DO NOTHING",
    )
    .bind(lane.name.as_str())
    .bind(Step::Follow.as_str())
    .bind(ParkReason::LANE_NOT_SERVED)
    .bind(format!("{}: {} open orders may wait for it", lane.name, lane.orders))
    .execute(conn)
    .await?;
    Ok(shown.rows_affected() > 0)
}

/// Takes back what was shown of lanes that are none of these.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn unshow_others(conn: &mut PgConnection, unserved: &[&str]) -> Result<(), OrdersError> {
    sqlx::query(
        "UPDATE orders.attention SET resolved_at = now(), resolution = 'followed', resolved_by = 'waybill'
         WHERE lane IS NOT NULL AND resolved_at IS NULL AND lane <> ALL($1)",
    )
    .bind(unserved)
    .execute(conn)
    .await?;
    Ok(())
}
