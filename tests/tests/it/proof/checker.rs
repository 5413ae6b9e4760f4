//! The independent checker: what is wrong with a world, in plain sentences; nothing if it is clean.
//!
//! **Invariant:** nothing here calls product code. It reads the database with queries of its own,
//! the stand-ins' ledgers, Temporal's histories and the programs' logs.

mod at_rest;
mod books;
mod histories;
mod ledgers;

use sqlx::{FromRow, PgPool};

use crate::world::World;

/// What must be in no history, log or event (see `world/orders.rs`).
const PERSONAL: [&str; 4] = ["Secretname", "grace.secret", "Secret Street", "Secretville"];

/// An order, as the database has it.
#[derive(Debug, Clone, FromRow)]
struct Order {
    order_id: String,
    order_number: String,
    workflow_id: String,
    shopify_order_id: Option<i64>,
    status: String,
    ended: bool,
    recalled: bool,
    too_late_is_shown: bool,
}

impl Order {
    fn has_left(&self) -> bool {
        matches!(self.status.as_str(), "SHIPPED" | "DELIVERED")
    }

    fn is_cancelled(&self) -> bool {
        self.status == "CANCELLED"
    }
}

/// Everything that is wrong.
pub async fn check(world: &World) -> Vec<String> {
    let mut findings = check_records(world).await;
    findings.extend(histories::check(world, &orders(&world.pool).await).await);
    findings
}

/// Everything that is wrong but for what Temporal keeps.
pub async fn check_records(world: &World) -> Vec<String> {
    // The ledgers come first: what they show as done must stand in the books that are read after them.
    let ledgers = ledgers::Ledgers::read(world).await;
    let orders = orders(&world.pool).await;
    let mut conn = world.pool.acquire().await.expect("a connection is free");
    // What is on its way gets its time first.
    let at_rest = at_rest::check(&mut conn).await;
    let mut findings = books::check(&mut conn).await;
    findings.extend(at_rest);
    findings.extend(ledgers.check(&world.pool, &orders).await);
    findings.extend(logs(world));
    findings
}

async fn orders(pool: &PgPool) -> Vec<Order> {
    sqlx::query_as(
        "SELECT order_id, order_number, workflow_id, shopify_order_id, status, story_ended_at IS NOT NULL AS ended,
                shop_cancelled_at IS NOT NULL OR rest_is_cancelled OR EXISTS (
                    SELECT FROM inventory.allocations a WHERE a.order_id = o.order_id AND a.status = 'CANCELLED'
                ) AS recalled,
                EXISTS (
                    SELECT FROM orders.attention a WHERE a.order_id = o.order_id
                    AND a.reason IN ('EDITED_TOO_LATE', 'NOT_REPORTED', 'CANCELLED_AFTER_SHIPPING')
                ) AS too_late_is_shown
         FROM orders.orders o",
    )
    .fetch_all(pool)
    .await
    .expect("the orders are read")
}

fn logs(world: &World) -> Vec<String> {
    let mut findings = Vec::new();
    for (file, text) in world.logged() {
        for personal in PERSONAL.into_iter().filter(|personal| text.contains(personal)) {
            findings.push(format!("the log {file} holds personal data: {personal}"));
        }
        if let Some(line) = text.lines().find(|line| line.contains("panicked at")) {
            findings.push(format!("the log {file} tells of a panic: {line}"));
        }
    }
    findings
}
