//! An order of a shop arrives, or something newer of one that is known.
//!
//! **Invariant:** which of two bodies counts never depends on who is faster. The shop's `updated_at` decides;
//! in one second the moment of sending; where that is silent too, the shop's own order is read, and what
//! was committed stands until then. A cancellation is never taken back.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use domain::{
    AddressSaid, ApprovalRules, Channel, LaneName, OrderFacts, OrderId, ShopDomain, ShopifyOrderId,
    WorkflowId,
};
use serde_json::Value;
use sqlx::{PgConnection, types::Json};

use super::{Order, find, lock, new_order_number};
use crate::{
    OrdersError,
    brief::{self, Brief},
    edits,
    timeline::TimelineEvent,
};

mod keeping;

use keeping::{keep_customer, keep_lines};

/// What a channel said of an order that may be new.
#[derive(Debug, Clone)]
pub struct Arrival<'a> {
    /// The id it gets if it is new.
    pub order_id: OrderId,
    /// The shop it came from.
    pub shop: &'a ShopDomain,
    /// The lane of the shop's calls, if the order is new.
    pub lane: &'a LaneName,
    /// The shop's id of it.
    pub shopify_order_id: ShopifyOrderId,
    /// The content.
    pub facts: &'a OrderFacts,
    /// When the shop sent it, by its clock.
    pub triggered_at: Option<DateTime<Utc>>,
    /// Who says so.
    pub authority: Authority,
    /// The customer, kept apart; none if the shop named none.
    pub customer: Option<Value>,
    /// Where it goes, normalised, as a digest.
    pub ship_to_digest: Option<[u8; 32]>,
    /// Services whose lines we ship, beside our own.
    pub our_services: &'a [String],
    /// What a person has to approve.
    pub approval: &'a ApprovalRules,
    /// When it reached us.
    pub received_at: DateTime<Utc>,
    /// Until when it stays `PENDING`.
    pub hold_until: Option<DateTime<Utc>>,
    /// Ties together what one request caused.
    pub correlation_id: &'a str,
}

/// Who says what an order is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    /// A message: it may be overtaken.
    Message,
    /// The shop's own order, read there just now.
    Shop,
}

/// What an arrival did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArrivalOutcome {
    /// The order is new.
    New,
    /// The order was known; its content is now this one.
    Newer {
        /// Whether it changes what is to be done for the order.
        changes: bool,
    },
    /// The order was known with this very content.
    Same,
    /// The order was known with content that is newer; nothing was changed.
    Stale,
    /// The order was known with other content of the same moment. What was committed stands until the
    /// shop's own order is read.
    InDoubt,
}

/// Keeps an order, or the newer content of one that is known.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn arrive(
    conn: &mut PgConnection,
    arrival: &Arrival<'_>,
) -> Result<(Order, ArrivalOutcome), OrdersError> {
    if insert(conn, arrival).await? {
        note_received(conn, &arrival.order_id).await?;
        keep_lines(conn, &arrival.order_id, arrival.facts).await?;
        keep_customer(conn, &arrival.order_id, arrival).await?;
        let order = find(conn, &arrival.order_id).await?.ok_or(OrdersError::NotFound)?;
        return Ok((order, ArrivalOutcome::New));
    }
    let known = known(conn, arrival).await?;
    let digest = arrival.ship_to_digest.as_ref();
    let edited = edits::over(conn, &known.order, arrival.facts, digest).await?;
    let arrival = &Arrival { facts: &edited.facts, ..arrival.clone() };
    let arrived = weigh(conn, arrival, &known).await?;
    let before = brief::of(conn, &known.order, arrival.our_services).await?;
    let order_id = &known.order.order_id;
    match arrived {
        ArrivalOutcome::Newer { .. } => {
            edited.take_back(conn).await?;
            replace(conn, arrival, order_id).await?;
            keep_lines(conn, order_id, arrival.facts).await?;
            keep_customer(conn, order_id, arrival).await?;
        }
        // Raised also where there is doubt already: a read that goes on has begun before.
        ArrivalOutcome::InDoubt => super::doubt(conn, order_id).await?,
        ArrivalOutcome::Same => note_said_again(conn, order_id, arrival.triggered_at).await?,
        ArrivalOutcome::New | ArrivalOutcome::Stale => {}
    }
    if let Some(cancelled_at) = arrival.facts.cancelled_at {
        note_cancelled(conn, order_id, cancelled_at).await?;
    }
    let order = find(conn, order_id).await?.ok_or(OrdersError::NotFound)?;
    let after: Brief = brief::of(conn, &order, arrival.our_services).await?;
    let (methods_before, methods) = (&known.order.facts.shipping_methods, &order.facts.shipping_methods);
    // What ships otherwise may be promised for another day.
    let ships_otherwise = methods_before.is_some() && methods_before != methods;
    let is_approved_otherwise = arrival.approval.look_at_change(&known.order.facts, &order.facts);
    let changes = before != after || is_approved_otherwise || ships_otherwise;
    if !changes {
        return Ok((order, arrived));
    }
    // Whatever changes what is to be done for an order raises the version that plans are made for.
    let wish_version = super::raise_wish(conn, order_id).await?;
    let order = Order { wish_version, ..order };
    Ok((order, if arrived == ArrivalOutcome::InDoubt { arrived } else { ArrivalOutcome::Newer { changes } }))
}

/// An order that is known, locked, and when its content was sent.
struct Known {
    order: Order,
    triggered_at: Option<DateTime<Utc>>,
}

async fn known(conn: &mut PgConnection, arrival: &Arrival<'_>) -> Result<Known, OrdersError> {
    let (order_id, triggered_at): (String, Option<DateTime<Utc>>) = sqlx::query_as(
        "SELECT order_id, content_triggered_at FROM orders.orders
         WHERE shop = $1 AND shopify_order_id = $2 FOR UPDATE",
    )
    .bind(arrival.shop.as_str())
    .bind(arrival.shopify_order_id.0)
    .fetch_one(&mut *conn)
    .await?;
    let order = lock(conn, &OrderId::parse(&order_id)?).await?;
    Ok(Known { order, triggered_at })
}

/// Which of two contents counts.
async fn weigh(
    conn: &mut PgConnection,
    arrival: &Arrival<'_>,
    known: &Known,
) -> Result<ArrivalOutcome, OrdersError> {
    let newer = ArrivalOutcome::Newer { changes: false };
    let (theirs, ours) = (arrival.facts.updated_at, known.order.facts.updated_at);
    let by_content = match (theirs, ours) {
        (Some(theirs), Some(ours)) => theirs.cmp(&ours),
        (Some(_), None) => Ordering::Greater,
        (None, _) => Ordering::Equal,
    };
    if arrival.authority == Authority::Shop {
        return Ok(if by_content == Ordering::Less { ArrivalOutcome::Stale } else { newer });
    }
    match by_content {
        Ordering::Greater => return Ok(newer),
        Ordering::Less => return Ok(ArrivalOutcome::Stale),
        Ordering::Equal => {}
    }
    if says_the_same(conn, arrival, &known.order).await? {
        return Ok(ArrivalOutcome::Same);
    }
    Ok(match (arrival.triggered_at, known.triggered_at) {
        (Some(theirs), Some(ours)) if theirs > ours => newer,
        (Some(theirs), Some(ours)) if theirs < ours => ArrivalOutcome::Stale,
        _ => ArrivalOutcome::InDoubt,
    })
}

async fn says_the_same(
    conn: &mut PgConnection,
    arrival: &Arrival<'_>,
    order: &Order,
) -> Result<bool, OrdersError> {
    let mut said = arrival.facts.clone();
    said.cancelled_at = said.cancelled_at.or(order.facts.cancelled_at);
    if said.tags.is_none() || arrival.approval.tags.is_empty() {
        said.tags.clone_from(&order.facts.tags);
    }
    if said.address == AddressSaid::Absent && order.is_edited {
        // A person corrected it: what the shop said of it then is said again.
        said.address = order.facts.address;
    }
    if said.shipping_methods.is_none() || order.facts.shipping_methods.is_none() {
        said.shipping_methods.clone_from(&order.facts.shipping_methods);
    }
    if said != order.facts {
        return Ok(false);
    }
    let digest = super::ship_to_digest(conn, &order.order_id).await?;
    Ok(digest.as_deref() == arrival.ship_to_digest.as_ref().map(<[u8; 32]>::as_slice)
        || arrival.facts.address == AddressSaid::Absent)
}

/// A new order's row; false if the order is known.
async fn insert(conn: &mut PgConnection, arrival: &Arrival<'_>) -> Result<bool, OrdersError> {
    let facts = arrival.facts;
    let (shop, shopify_order_id) = (arrival.shop.clone(), arrival.shopify_order_id);
    let channel = Channel::Shopify { shop, shopify_order_id };
    let inserted = sqlx::query(
        "INSERT INTO orders.orders
             (order_id, order_number, workflow_id, channel, shop, shopify_order_id, name, currency, total_amount,
              financial_status, test, location_id, shop_cancelled_at, content_updated_at, hold_until,
              correlation_id, received_at, content_triggered_at, was_open, was_payable, address_said,
              shop_fulfilments, refund_ids, shop_lane, tags, shipping_methods, redact_wanted_at)
         VALUES ($1, $2, $3, 'SHOPIFY', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                 $12 IS NULL, $18, $19, $20, $21, $22, $23, $24,
                 -- Somebody may have asked to be forgotten before.
                 (SELECT max(asked_at) FROM orders.redactions
                  WHERE redactions.shop = $4
                    AND (shopify_order_ids @> ARRAY[$5::bigint]
                         -- A shop that comes back has new orders; what it said before is forgotten.
                         OR shopify_order_ids IS NULL AND COALESCE($13::timestamptz, $16) <= asked_at)))
         ON CONFLICT ON CONSTRAINT orders_shop_order_unique DO NOTHING",
    )
    .bind(arrival.order_id.as_str())
    .bind(new_order_number(arrival.received_at)?.as_str())
    .bind(WorkflowId::of(&channel, &arrival.order_id).as_str())
    .bind(arrival.shop.as_str())
    .bind(shopify_order_id.0)
    .bind(&facts.name)
    .bind(&facts.currency)
    .bind(facts.total_amount)
    .bind(facts.financial_status.as_str())
    .bind(facts.test)
    .bind(facts.location_id)
    .bind(facts.cancelled_at)
    .bind(facts.updated_at)
    .bind(arrival.hold_until)
    .bind(arrival.correlation_id)
    .bind(arrival.received_at)
    .bind(arrival.triggered_at)
    .bind(!facts.financial_status.is_gone())
    .bind(facts.address.as_str())
    .bind(facts.fulfilments.as_ref().map(Json))
    .bind(&facts.refund_ids)
    .bind(arrival.lane.as_str())
    .bind(facts.tags.as_deref().unwrap_or_default())
    .bind(&facts.shipping_methods)
    .execute(conn)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

async fn replace(conn: &mut PgConnection, arrival: &Arrival<'_>, order: &OrderId) -> Result<(), OrdersError> {
    let facts = arrival.facts;
    sqlx::query(
        "UPDATE orders.orders
         SET name = $2, currency = $3, total_amount = $4, financial_status = $5, test = $6, location_id = $7,
             content_updated_at = COALESCE($8, content_updated_at),
             content_triggered_at = $9, content_in_doubt = content_in_doubt AND NOT $15,
             was_open = was_open OR ($10::timestamptz IS NULL AND shop_cancelled_at IS NULL),
             was_payable = was_payable OR $11,
             address_said = CASE WHEN $12 = 'ABSENT' THEN address_said ELSE $12 END,
             shop_fulfilments = $13, refund_ids = $14, tags = COALESCE($16, tags),
             shipping_methods = COALESCE($17, shipping_methods), updated_at = now()
         WHERE order_id = $1",
    )
    .bind(order.as_str())
    .bind(&facts.name)
    .bind(&facts.currency)
    .bind(facts.total_amount)
    .bind(facts.financial_status.as_str())
    .bind(facts.test)
    .bind(facts.location_id)
    .bind(facts.updated_at)
    .bind(arrival.triggered_at)
    .bind(facts.cancelled_at)
    .bind(!facts.financial_status.is_gone())
    .bind(facts.address.as_str())
    .bind(facts.fulfilments.as_ref().map(Json))
    .bind(&facts.refund_ids)
    // What raised a doubt may be newer than a message that comes after it.
    .bind(arrival.authority == Authority::Shop)
    .bind(&facts.tags)
    .bind(&facts.shipping_methods)
    .execute(conn)
    .await?;
    Ok(())
}

/// Content that is said again counts from the later moment. Where that one is not said, what differs next may
/// be older or newer, and the shop is asked.
async fn note_said_again(
    conn: &mut PgConnection,
    order: &OrderId,
    triggered_at: Option<DateTime<Utc>>,
) -> Result<(), OrdersError> {
    sqlx::query(
        "UPDATE orders.orders SET content_triggered_at = $2
         WHERE order_id = $1 AND ($2::timestamptz IS NULL OR $2 > content_triggered_at)",
    )
    .bind(order.as_str())
    .bind(triggered_at)
    .execute(conn)
    .await?;
    Ok(())
}

async fn note_cancelled(
    conn: &mut PgConnection,
    order: &OrderId,
    cancelled_at: DateTime<Utc>,
) -> Result<(), OrdersError> {
    sqlx::query(
        "UPDATE orders.orders SET shop_cancelled_at = $2 WHERE order_id = $1 AND shop_cancelled_at IS NULL",
    )
    .bind(order.as_str())
    .bind(cancelled_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// A new order's first timeline entry. Its event comes when it has passed its gate.
async fn note_received(conn: &mut PgConnection, order: &OrderId) -> Result<(), OrdersError> {
    sqlx::query(
        "INSERT INTO orders.timeline (order_id, event, detail)
         SELECT order_id, $2, order_number FROM orders.orders WHERE order_id = $1",
    )
    .bind(order.as_str())
    .bind(TimelineEvent::Received.as_str())
    .execute(conn)
    .await?;
    Ok(())
}
