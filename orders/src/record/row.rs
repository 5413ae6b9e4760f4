//! Rows as the database gives them, read into what is known of an order.

use std::error::Error;

use domain::{AddressSaid, Channel, OrderFacts, ParseError, ShopifyOrderId, Was};
use sqlx::{FromRow, Row, postgres::PgRow, types::Json};

use super::{Line, Order};
use crate::promises::Promised;

/// Named one by one: a statement that asks for all columns fails in every running process once a
/// later version adds one.
pub(super) const ORDER_COLUMNS: &str = "order_id, order_number, workflow_id, shop, shopify_order_id, user_id, \
    client_order_id, name, shop_lane, status, condition, condition_reason, held_by, some_has_left, currency, total_amount, \
    financial_status, test, location_id, shop_cancelled_at, content_updated_at, hold_until, epoch, \
    cancelled_by, story_ended_at, correlation_id, received_at, created_at, updated_at, was_open, was_payable, \
    content_in_doubt, wish_version, planned_version, looked_for, notified_at_look, look_wanted, rest_is_cancelled, \
    awaits_allocation_since IS NOT NULL AS awaits_allocation, unpriced_lines IS NOT NULL AS lacks_prices, edited_at IS NOT NULL AS is_edited, address_said, shop_fulfilments, refund_ids, tags, \
    shipping_methods, has_waited, fulfillable_at, promised_at";

impl FromRow<'_, PgRow> for Order {
    /// Without its lines, which are rows of their own.
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let channel = match (optional_text(row, "shop")?, row.try_get("shopify_order_id")?) {
            (Some(shop), Some(id)) => Channel::Shopify { shop, shopify_order_id: ShopifyOrderId(id) },
            _ => Channel::Api,
        };
        let notified_at_look: Option<Json<_>> = row.try_get("notified_at_look")?;
        Ok(Self {
            order_id: text(row, "order_id")?,
            order_number: text(row, "order_number")?,
            workflow_id: text(row, "workflow_id")?,
            channel,
            shop_lane: optional_text(row, "shop_lane")?,
            user_id: optional_text(row, "user_id")?,
            client_order_id: optional_text(row, "client_order_id")?,
            status: text(row, "status")?,
            condition: optional_text(row, "condition")?,
            condition_reason: row.try_get("condition_reason")?,
            held_by: optional_text(row, "held_by")?,
            some_has_left: row.try_get("some_has_left")?,
            facts: facts(row)?,
            was: Was { open: row.try_get("was_open")?, payable: row.try_get("was_payable")? },
            content_in_doubt: row.try_get("content_in_doubt")?,
            wish_version: count(row, "wish_version")?,
            was_planned: row.try_get::<i32, _>("planned_version")? > 0,
            looked_for: row.try_get("looked_for")?,
            notified_at_look: notified_at_look.map(|notified| notified.0).unwrap_or_default(),
            look_wanted: row.try_get("look_wanted")?,
            rest_is_cancelled: row.try_get("rest_is_cancelled")?,
            awaits_allocation: row.try_get("awaits_allocation")?,
            lacks_prices: row.try_get("lacks_prices")?,
            is_edited: row.try_get("is_edited")?,
            hold_until: row.try_get("hold_until")?,
            promised: Promised::from_row(row)?,
            epoch: count(row, "epoch")?,
            cancelled_by: row.try_get("cancelled_by")?,
            story_ended_at: row.try_get("story_ended_at")?,
            correlation_id: row.try_get("correlation_id")?,
            received_at: row.try_get("received_at")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}

fn facts(row: &PgRow) -> sqlx::Result<OrderFacts> {
    let fulfilments: Option<Json<_>> = row.try_get("shop_fulfilments")?;
    Ok(OrderFacts {
        name: row.try_get("name")?,
        currency: row.try_get("currency")?,
        total_amount: row.try_get("total_amount")?,
        financial_status: row.try_get::<String, _>("financial_status")?.into(),
        test: row.try_get("test")?,
        cancelled_at: row.try_get("shop_cancelled_at")?,
        updated_at: row.try_get("content_updated_at")?,
        location_id: row.try_get("location_id")?,
        address: AddressSaid::of(row.try_get("address_said")?),
        tags: Some(row.try_get("tags")?),
        fulfilments: fulfilments.map(|listed| listed.0),
        refund_ids: row.try_get("refund_ids")?,
        shipping_methods: row.try_get("shipping_methods")?,
        lines: Vec::new(),
    })
}

/// A row of `orders.lines`.
pub(super) fn line(row: &PgRow) -> sqlx::Result<Line> {
    let current_quantity: Option<i32> = row.try_get("current_quantity")?;
    let current_quantity = current_quantity.map(u32::try_from).transpose();
    Ok(Line {
        line_id: text(row, "line_id")?,
        sku: row.try_get("sku")?,
        product_name: row.try_get("product_name")?,
        quantity: count(row, "quantity")?,
        fulfillable_quantity: count(row, "fulfillable_quantity")?,
        says_fulfillable: row.try_get("says_fulfillable")?,
        current_quantity: current_quantity.map_err(|refused| undecodable("current_quantity", refused))?,
        says_fulfilled: row.try_get("says_fulfilled")?,
        fulfilment_service: row.try_get("fulfilment_service")?,
        unit_price: row.try_get("unit_price")?,
        requires_shipping: row.try_get("requires_shipping")?,
    })
}

fn text<T: TryFrom<String, Error = ParseError>>(row: &PgRow, column: &str) -> sqlx::Result<T> {
    T::try_from(row.try_get(column)?).map_err(|refused| undecodable(column, refused))
}

fn optional_text<T: TryFrom<String, Error = ParseError>>(
    row: &PgRow,
    column: &str,
) -> sqlx::Result<Option<T>> {
    let read: Option<String> = row.try_get(column)?;
    read.map(T::try_from).transpose().map_err(|refused| undecodable(column, refused))
}

fn count(row: &PgRow, column: &str) -> sqlx::Result<u32> {
    u32::try_from(row.try_get::<i32, _>(column)?).map_err(|refused| undecodable(column, refused))
}

fn undecodable(column: &str, refused: impl Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(refused) }
}
