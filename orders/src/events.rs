//! What becomes of an order, told to other systems in the transaction that made it so.

use domain::{LineId, OrderId, OrderNumber, OrderStatus, ReturnId, ShopDomain, ShopifyOrderId};
use outbox::{Event, OrderEvent, OrderEventKind, OrderItem};
use sqlx::{FromRow, PgConnection};

use crate::{Order, OrdersError};

/// What [`EventRow`] wants of a row `o` of `orders.orders`. Lines that were taken off, and those without a SKU, are no
/// items.
pub(crate) const EVENT_COLUMNS: &str = "
o.order_id, o.order_number, o.correlation_id, o.shop, o.shopify_order_id, o.cancelled_by,
ARRAY(SELECT line_id FROM orders.lines l WHERE l.order_id = o.order_id AND l.sku <> ''
      AND COALESCE(l.current_quantity, l.quantity) > 0 ORDER BY position) AS line_ids,
ARRAY(SELECT sku FROM orders.lines l WHERE l.order_id = o.order_id AND l.sku <> ''
      AND COALESCE(l.current_quantity, l.quantity) > 0 ORDER BY position) AS skus,
ARRAY(SELECT COALESCE(l.current_quantity, l.quantity) FROM orders.lines l WHERE l.order_id = o.order_id AND l.sku <> ''
      AND COALESCE(l.current_quantity, l.quantity) > 0 ORDER BY position) AS quantities";

/// What an event tells of an order.
#[derive(FromRow)]
pub(crate) struct EventRow {
    order_id: String,
    order_number: String,
    correlation_id: String,
    shop: Option<String>,
    shopify_order_id: Option<i64>,
    cancelled_by: Option<String>,
    line_ids: Vec<String>,
    skus: Vec<String>,
    quantities: Vec<i32>,
}

impl EventRow {
    /// Writes an event for each of these, in their sequence.
    pub(crate) async fn announce(
        &self,
        conn: &mut PgConnection,
        kinds: &[(OrderEventKind, OrderStatus)],
    ) -> Result<(), OrdersError> {
        let events = kinds.iter().map(|(kind, status)| Ok(Event::Order(*kind, self.event(*status)?)));
        let events: Vec<Event> = events.collect::<Result<_, OrdersError>>()?;
        Ok(outbox::append(conn, &self.correlation_id, &events).await?)
    }

    fn event(&self, status: OrderStatus) -> Result<OrderEvent, OrdersError> {
        let lines = self.line_ids.iter().zip(&self.skus).zip(&self.quantities);
        let items = lines.map(|((line_id, sku), quantity)| {
            Ok(OrderItem {
                order_item_id: LineId::parse(line_id)?,
                inventory_item_id: sku.clone(),
                sku: sku.clone(),
                quantity: u32::try_from(*quantity)
                    .map_err(|_| OrdersError::Unreadable("quantity is negative".into()))?,
            })
        });
        Ok(OrderEvent {
            order_id: OrderId::parse(&self.order_id)?,
            order_number: OrderNumber::parse(&self.order_number)?,
            status,
            shop: self.shop.as_deref().map(ShopDomain::parse).transpose()?,
            shopify_order_id: self.shopify_order_id.map(ShopifyOrderId),
            requires_pre_allocation: false,
            items: items.collect::<Result<_, OrdersError>>()?,
            return_id: None,
            reason: self.cancelled_by.clone().filter(|_| status == OrderStatus::Cancelled),
        })
    }
}

/// Announces an order that has passed its gate, once.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn announce_placed(conn: &mut PgConnection, order: &OrderId) -> Result<(), OrdersError> {
    let row: Option<EventRow> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
        "UPDATE orders.orders o SET placed_event_at = now() WHERE order_id = $1 AND placed_event_at IS NULL
         RETURNING {EVENT_COLUMNS}"
    )))
    .bind(order.as_str())
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(()) };
    row.announce(conn, &[(OrderEventKind::Placed, OrderStatus::Pending)]).await
}

/// Announces that these pieces of an order, which the caller has locked, are to come back. Of a cancelled order, of which
/// a parcel left nonetheless, nothing is told any more.
///
/// # Errors
/// [`OrdersError`].
pub(crate) async fn announce_return(
    conn: &mut PgConnection,
    order: &Order,
    return_id: &ReturnId,
    items: Vec<OrderItem>,
) -> Result<(), OrdersError> {
    if order.status == OrderStatus::Cancelled {
        return Ok(());
    }
    let row: EventRow = sqlx::query_as(sqlx::AssertSqlSafe(format!(
        "SELECT {EVENT_COLUMNS} FROM orders.orders o WHERE order_id = $1"
    )))
    .bind(order.order_id.as_str())
    .fetch_one(&mut *conn)
    .await?;
    let event =
        OrderEvent { return_id: Some(return_id.clone()), items, reason: None, ..row.event(order.status)? };
    let event = Event::Order(OrderEventKind::ReturnInitiated, event);
    Ok(outbox::append(conn, &order.correlation_id, &[event]).await?)
}
