//! What a person changes of an order: where it goes, what a line is, which warehouse ships it.
//!
//! **Invariant:** an edit stands until the shop itself says something else of that member than when the edit was made.
//! Bodies that say the same as then, however many come, change nothing of it.

use domain::{AddressSaid, LineId, OrderFacts, OrderId, Sku, WarehouseId, words};
use serde_json::Value;
use sqlx::{FromRow, PgConnection};
use strum::{Display, IntoStaticStr, VariantArray};

use crate::{
    OrdersError,
    record::{self, Order},
    timeline::{self, TimelineEvent},
};

mod made;
mod moved;
mod wanted;

pub use made::{Made, of_order};
use moved::locations;
pub use moved::{looked, moved_by_us};
pub use wanted::WantedEdit;

/// What of an order was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Member {
    /// Where it goes.
    Address,
    /// What a line is.
    Sku,
    /// The warehouse that ships it.
    Warehouse,
}

words!(Member, "member");

/// A change.
#[derive(derive_more::Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It goes there.
    Address {
        /// As a customer's `shipping_address` is stored.
        #[debug(skip)]
        address: Value,
        /// The same, normalised, as a digest.
        digest: [u8; 32],
    },
    /// A line is this.
    Sku {
        /// Which.
        line_id: LineId,
        /// What it is.
        sku: Sku,
    },
    /// All that has not left ships from there.
    Warehouse(WarehouseId),
}

impl Change {
    fn member(&self) -> Member {
        match self {
            Self::Address { .. } => Member::Address,
            Self::Sku { .. } => Member::Sku,
            Self::Warehouse(_) => Member::Warehouse,
        }
    }

    fn line(&self) -> &str {
        match self {
            Self::Sku { line_id, .. } => line_id.as_str(),
            Self::Address { .. } | Self::Warehouse(_) => "",
        }
    }

    fn value(&self) -> Option<&str> {
        match self {
            Self::Address { .. } => None,
            Self::Sku { sku, .. } => Some(sku.as_str()),
            Self::Warehouse(warehouse) => Some(warehouse.as_str()),
        }
    }

    /// For people, without personal data.
    fn in_words(&self) -> String {
        match self {
            Self::Address { .. } => "address".to_owned(),
            Self::Sku { line_id, sku } => format!("line {line_id}: {sku}"),
            Self::Warehouse(warehouse) => format!("warehouse: {warehouse}"),
        }
    }
}

/// Who changes an order, under which request, and why.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The same request changes once.
    pub id: &'a str,
    /// A name.
    pub by: &'a str,
    /// Their words.
    pub reason: &'a str,
}

/// An edit that stands.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
struct Standing {
    edit_id: i64,
    #[sqlx(try_from = "String")]
    member: Member,
    line_id: String,
    value: Option<String>,
    shop_said: Option<String>,
}

/// The edits of an order that stand. One that nobody edited costs no look.
async fn standing(conn: &mut PgConnection, order: &Order) -> Result<Vec<Standing>, OrdersError> {
    if !order.is_edited {
        return Ok(Vec::new());
    }
    Ok(sqlx::query_as(
        "SELECT edit_id, member, line_id, value, shop_said FROM orders.edits
         WHERE order_id = $1 AND superseded_at IS NULL ORDER BY edit_id",
    )
    .bind(order.order_id.as_str())
    .fetch_all(conn)
    .await?)
}

/// What is known of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// Nothing.
    New,
    /// It changed the order already.
    Again,
    /// Another change was made under its id.
    Another,
}

/// What is known of a request. Of an address nothing is kept to compare: the same member is the same change.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn known(
    conn: &mut PgConnection,
    order: &OrderId,
    request_id: &str,
    changes: &[Change],
) -> Result<Known, OrdersError> {
    let mut made: Vec<(String, String, Option<String>)> = sqlx::query_as(
        "SELECT member, line_id, value FROM orders.edits WHERE order_id = $1 AND request_id = $2",
    )
    .bind(order.as_str())
    .bind(request_id)
    .fetch_all(conn)
    .await?;
    if made.is_empty() {
        return Ok(Known::New);
    }
    let asked = changes.iter().map(|change| {
        let value = change.value().map(str::to_owned);
        (change.member().to_string(), change.line().to_owned(), value)
    });
    let mut asked: Vec<_> = asked.collect();
    made.sort();
    asked.sort();
    Ok(if made == asked { Known::Again } else { Known::Another })
}

/// Changes an order that the caller's transaction has locked. False if nothing may be kept of its customer any more.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn make(
    conn: &mut PgConnection,
    order: &Order,
    changes: &[Change],
    request: Request<'_>,
) -> Result<bool, OrdersError> {
    let order_id = &order.order_id;
    if changes.iter().any(|change| change.member() == Member::Address) && !keeps_again(conn, order_id).await?
    {
        return Ok(false);
    }
    let known = standing(&mut *conn, order).await?;
    for change in changes {
        let before =
            known.iter().find(|edit| edit.member == change.member() && edit.line_id == change.line());
        let shop_said = match before {
            // What the shop said stands under the edit that this one replaces.
            Some(before) => before.shop_said.clone(),
            None => said_by_the_shop(&mut *conn, order, change).await?,
        };
        if let Some(before) = before {
            supersede(&mut *conn, before.edit_id).await?;
        }
        sqlx::query(
            "INSERT INTO orders.edits (order_id, request_id, member, line_id, value, shop_said, made_by, reason)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(order_id.as_str())
        .bind(request.id)
        .bind(change.member().as_str())
        .bind(change.line())
        .bind(change.value())
        .bind(shop_said)
        .bind(request.by)
        .bind(request.reason)
        .execute(&mut *conn)
        .await?;
        apply(&mut *conn, order_id, change).await?;
        // Customers read it, too: who did what stands with the edit.
        timeline::note(&mut *conn, order_id, TimelineEvent::Edited, Some(&change.in_words())).await?;
    }
    sqlx::query("UPDATE orders.orders SET edited_at = now() WHERE order_id = $1")
        .bind(order_id.as_str())
        .execute(&mut *conn)
        .await?;
    record::raise_wish(conn, order_id).await?;
    Ok(true)
}

/// Of somebody who asked to be forgotten nothing is kept again; what went by age comes back, and goes again by age.
async fn keeps_again(conn: &mut PgConnection, order: &OrderId) -> Result<bool, OrdersError> {
    let kept = sqlx::query(
        "UPDATE orders.orders SET personal_gone_at = NULL
         WHERE order_id = $1 AND NOT (personal_gone_at IS NOT NULL AND redact_wanted_at IS NOT NULL)",
    )
    .bind(order.as_str())
    .execute(conn)
    .await?;
    Ok(kept.rows_affected() == 1)
}

/// What the shop says of the member now.
async fn said_by_the_shop(
    conn: &mut PgConnection,
    order: &Order,
    change: &Change,
) -> Result<Option<String>, OrdersError> {
    Ok(match change {
        Change::Address { .. } => {
            record::ship_to_digest(conn, &order.order_id).await?.as_deref().map(in_digits)
        }
        Change::Sku { line_id, .. } => {
            let line = order.facts.lines.iter().find(|line| line.line_id == *line_id);
            line.and_then(|line| line.sku.clone())
        }
        Change::Warehouse(_) => locations(conn, &order.order_id).await?,
    })
}

/// The order's content as the shop said it, without the edits that stand.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn without(conn: &mut PgConnection, order: &Order) -> Result<OrderFacts, OrdersError> {
    let mut facts = order.facts.clone();
    for edit in standing(conn, order).await?.into_iter().filter(|edit| edit.member == Member::Sku) {
        if let Some(line) = facts.lines.iter_mut().find(|line| line.line_id.as_str() == edit.line_id) {
            line.sku = edit.shop_said;
        }
    }
    Ok(facts)
}

async fn apply(conn: &mut PgConnection, order: &OrderId, change: &Change) -> Result<(), OrdersError> {
    match change {
        Change::Address { address, digest } => {
            sqlx::query(
                "INSERT INTO orders.customers AS known (order_id, customer, ship_to_digest)
                 VALUES ($1, jsonb_build_object('shipping_address', $2::jsonb), $3)
                 ON CONFLICT ON CONSTRAINT customers_pk DO UPDATE
                 SET customer = known.customer || EXCLUDED.customer, ship_to_digest = EXCLUDED.ship_to_digest",
            )
            .bind(order.as_str())
            .bind(address)
            .bind(digest.as_slice())
            .execute(&mut *conn)
            .await?;
            sqlx::query("UPDATE orders.orders SET address_said = $2 WHERE order_id = $1")
                .bind(order.as_str())
                .bind(AddressSaid::Given.as_str())
                .execute(conn)
                .await?;
        }
        Change::Sku { line_id, sku } => {
            sqlx::query("UPDATE orders.lines SET sku = $3 WHERE order_id = $1 AND line_id = $2")
                .bind(order.as_str())
                .bind(line_id.as_str())
                .bind(sku.as_str())
                .execute(conn)
                .await?;
        }
        // Whoever plans the order reads it.
        Change::Warehouse(_) => {}
    }
    Ok(())
}

async fn supersede(conn: &mut PgConnection, edit: i64) -> Result<(), OrdersError> {
    sqlx::query("UPDATE orders.edits SET superseded_at = now() WHERE edit_id = $1")
        .bind(edit)
        .execute(conn)
        .await?;
    Ok(())
}

/// The warehouse that a person said all of it ships from.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn warehouse(conn: &mut PgConnection, order: &Order) -> Result<Option<WarehouseId>, OrdersError> {
    let assigned = standing(conn, order).await?.into_iter().find(|edit| edit.member == Member::Warehouse);
    Ok(assigned.and_then(|edit| edit.value).map(|value| WarehouseId::parse(&value)).transpose()?)
}

/// What a body says once the edits that stand are laid over it.
pub(crate) struct Edited {
    /// The body's content; of an address that a person changed it says nothing.
    pub(crate) facts: OrderFacts,
    /// Edits of whose member the shop says something else by now.
    overtaken: Vec<i64>,
}

/// Lays the edits that stand over what a body says.
///
/// # Errors
/// [`OrdersError::Database`].
pub(crate) async fn over(
    conn: &mut PgConnection,
    order: &Order,
    facts: &OrderFacts,
    ship_to_digest: Option<&[u8; 32]>,
) -> Result<Edited, OrdersError> {
    let mut edited = Edited { facts: facts.clone(), overtaken: Vec::new() };
    for edit in standing(conn, order).await? {
        let stands = match edit.member {
            Member::Warehouse => true,
            Member::Address => {
                let said = ship_to_digest.map(|digest| in_digits(digest));
                let stands = facts.address == AddressSaid::Absent || said == edit.shop_said;
                if stands {
                    edited.facts.address = AddressSaid::Absent;
                }
                stands
            }
            Member::Sku => {
                let mut lines = edited.facts.lines.iter_mut();
                match lines.find(|line| line.line_id.as_str() == edit.line_id) {
                    Some(line) if line.sku == edit.shop_said => {
                        line.sku.clone_from(&edit.value);
                        true
                    }
                    Some(_) => false,
                    // It may come back.
                    None => true,
                }
            }
        };
        if !stands {
            edited.overtaken.push(edit.edit_id);
        }
    }
    Ok(edited)
}

impl Edited {
    /// The body counts: what it says of a member goes before an edit.
    pub(crate) async fn take_back(&self, conn: &mut PgConnection) -> Result<(), OrdersError> {
        for edit in &self.overtaken {
            supersede(&mut *conn, *edit).await?;
        }
        Ok(())
    }
}

fn in_digits(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
