//! An order that passed its gate, as the topic of orders has it: with its customer, as it is known when it is
//! published. Amounts are exact: what PostgreSQL keeps goes out digit by digit.

use chrono::{DateTime, Utc};
use outbox::Outgoing;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sqlx::{FromRow, PgPool};

/// The value of a record.
#[derive(Serialize)]
struct OrderPlaced {
    event_type: &'static str,
    timestamp: DateTime<Utc>,
    order_number: String,
    customer_name: String,
    customer_email: String,
    total_amount: Box<RawValue>,
    items: Vec<Item>,
}

#[derive(Serialize)]
struct Item {
    product_id: String,
    product_name: String,
    quantity: u32,
    price: Box<RawValue>,
}

/// What the event says of an item; the rest is the order's.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SaidItem {
    order_item_id: String,
    sku: String,
    quantity: u32,
}

#[derive(FromRow)]
struct OrderRow {
    order_number: String,
    total_amount: Decimal,
    customer_name: Option<String>,
    customer_email: Option<String>,
    line_ids: Vec<String>,
    product_names: Vec<String>,
    prices: Vec<Decimal>,
}

/// Why there is no such record.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OrderPlacedError {
    /// It passes.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// A payload of another version, say.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The database it was written to has no such order.
    #[error("there is no order of this id")]
    NoSuchOrder,
}

/// The record of an `ORDER_PLACED`.
pub(crate) async fn body(pool: &PgPool, event: &Outgoing) -> Result<Vec<u8>, OrderPlacedError> {
    let said: Vec<SaidItem> = Vec::deserialize(&event.payload["items"])?;
    let row: Option<OrderRow> = sqlx::query_as(
        "SELECT o.order_number, o.total_amount, c.customer ->> 'name' AS customer_name,
                c.customer ->> 'email' AS customer_email,
                ARRAY(SELECT line_id FROM orders.lines l WHERE l.order_id = o.order_id ORDER BY position) AS line_ids,
                ARRAY(SELECT product_name FROM orders.lines l WHERE l.order_id = o.order_id ORDER BY position)
                    AS product_names,
                ARRAY(SELECT unit_price FROM orders.lines l WHERE l.order_id = o.order_id ORDER BY position) AS prices
         FROM orders.orders o LEFT JOIN orders.customers c USING (order_id) WHERE o.order_id = $1",
    )
    .bind(&event.aggregate_id)
    .fetch_optional(pool)
    .await?;
    let row = row.ok_or(OrderPlacedError::NoSuchOrder)?;
    let items = said.into_iter().map(|said| item(said, &row)).collect::<Result<_, _>>()?;
    Ok(serde_json::to_vec(&OrderPlaced {
        event_type: "ORDER_PLACED",
        timestamp: event.occurred_at,
        total_amount: number(row.total_amount)?,
        order_number: row.order_number,
        customer_name: row.customer_name.unwrap_or_default(),
        customer_email: row.customer_email.unwrap_or_default(),
        items,
    })?)
}

/// A line that is gone from the order since has neither name nor price any more.
fn item(said: SaidItem, row: &OrderRow) -> Result<Item, serde_json::Error> {
    let place = row.line_ids.iter().position(|line_id| *line_id == said.order_item_id);
    let price = place.and_then(|place| row.prices.get(place)).copied().unwrap_or_default();
    let name = place.and_then(|place| row.product_names.get(place)).cloned();
    Ok(Item {
        product_name: name.unwrap_or_else(|| said.sku.clone()),
        product_id: said.sku,
        quantity: said.quantity,
        price: number(price)?,
    })
}

/// A decimal as a JSON number with exactly its digits.
fn number(amount: Decimal) -> Result<Box<RawValue>, serde_json::Error> {
    RawValue::from_string(amount.to_string())
}
