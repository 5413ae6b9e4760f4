//! What a body says of lines and customer, as it is kept.

use domain::{AddressSaid, OrderFacts, OrderId};
use sqlx::PgConnection;

use super::{super::LineColumns, Arrival};
use crate::OrdersError;

/// The lines as the newest content has them. What is held for them follows by itself.
pub(super) async fn keep_lines(
    conn: &mut PgConnection,
    order: &OrderId,
    facts: &OrderFacts,
) -> Result<(), OrdersError> {
    let columns = LineColumns::of(&facts.lines)?;
    sqlx::query(
        "WITH gone AS (
             DELETE FROM orders.lines WHERE order_id = $1 AND NOT (line_id = ANY($2))
         )
         INSERT INTO orders.lines
             (order_id, position, line_id, sku, product_name, quantity, fulfillable_quantity, unit_price,
              requires_shipping, says_fulfillable, current_quantity, says_fulfilled, fulfilment_service,
              order_created_at)
         SELECT $1, new.position, new.line_id, new.sku, new.product_name, new.quantity,
                new.fulfillable_quantity, new.unit_price, new.requires_shipping, new.says_fulfillable,
                new.current_quantity, new.says_fulfilled, new.fulfilment_service,
                (SELECT created_at FROM orders.orders WHERE order_id = $1)
         FROM UNNEST($2::text[], $3::text[], $4::text[], $5::int[], $6::int[], $7::numeric[], $8::bool[],
                     $9::bool[], $10::int[], $11::bool[], $12::text[])
              WITH ORDINALITY AS new(line_id, sku, product_name, quantity, fulfillable_quantity, unit_price,
                                     requires_shipping, says_fulfillable, current_quantity, says_fulfilled,
                                     fulfilment_service, position)
         ON CONFLICT ON CONSTRAINT lines_pk DO UPDATE
             SET position = EXCLUDED.position, sku = EXCLUDED.sku, product_name = EXCLUDED.product_name,
                 quantity = EXCLUDED.quantity, fulfillable_quantity = EXCLUDED.fulfillable_quantity,
                 unit_price = EXCLUDED.unit_price, requires_shipping = EXCLUDED.requires_shipping,
                 says_fulfillable = EXCLUDED.says_fulfillable, current_quantity = EXCLUDED.current_quantity,
                 says_fulfilled = EXCLUDED.says_fulfilled, fulfilment_service = EXCLUDED.fulfilment_service",
    )
    .bind(order.as_str())
    .bind(&columns.line_ids)
    .bind(&columns.skus)
    .bind(&columns.product_names)
    .bind(&columns.quantities)
    .bind(&columns.fulfillable_quantities)
    .bind(&columns.unit_prices)
    .bind(&columns.requires_shipping)
    .bind(&columns.say_fulfillable)
    .bind(&columns.current_quantities)
    .bind(&columns.say_fulfilled)
    .bind(&columns.fulfilment_services)
    .execute(conn)
    .await?;
    Ok(())
}

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
