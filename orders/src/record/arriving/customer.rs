//! The customer of an order that arrives.

use domain::{AddressSaid, OrderId};
use sqlx::PgConnection;

use super::Arrival;
use crate::OrdersError;

/// The customer as the newest content names them. A body that is silent about the address takes none away.
pub(super) async fn keep_customer(
    conn: &mut PgConnection,
    order: &OrderId,
    arrival: &Arrival<'_>,
) -> Result<(), OrdersError> {
    let Some(customer) = &arrival.customer else { return Ok(()) };
    // Of somebody who was forgotten on request nothing is kept again; what went by age may come back.
    sqlx::query(
        "WITH back AS (
             UPDATE orders.orders SET personal_gone_at = NULL
             WHERE order_id = $1 AND personal_gone_at IS NOT NULL AND redact_wanted_at IS NULL
         )
         INSERT INTO orders.customers AS known (order_id, customer, ship_to_digest)
         SELECT $1, $2, $3 FROM orders.orders
         WHERE order_id = $1 AND NOT (personal_gone_at IS NOT NULL AND redact_wanted_at IS NOT NULL)
         ON CONFLICT ON CONSTRAINT customers_pk DO UPDATE
             SET customer = CASE WHEN $4 THEN EXCLUDED.customer || jsonb_build_object(
                                     'shipping_address', known.customer -> 'shipping_address')
                                 ELSE EXCLUDED.customer END,
                 ship_to_digest = CASE WHEN $4 THEN known.ship_to_digest ELSE EXCLUDED.ship_to_digest END",
    )
    .bind(order.as_str())
    .bind(customer)
    .bind(arrival.ship_to_digest.as_ref().map(<[u8; 32]>::as_slice))
    .bind(arrival.facts.address == AddressSaid::Absent)
    .execute(conn)
    .await?;
    Ok(())
}
