//! Rest: nothing that was said is still to be dealt with, and nothing changes any more.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use sqlx::{FromRow, PgPool, types::Json};

use crate::world::World;

/// Longer than any pause the product makes by itself in these worlds: a look for fulfilment orders, a
/// breath before a hand-over, an attempt again; and a worker that dies in the midst of a workflow task, which
/// Temporal gives to another one ten seconds later, and that one too.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(25);
/// How long everything may take.
const PATIENCE: Duration = Duration::from_secs(150);
/// Between two looks.
const BETWEEN: Duration = Duration::from_millis(250);

/// A parcel that was delivered waits with its order for the others, however long that takes.
const UNSETTLED: &str = "SELECT count(*) FROM integration.inbox WHERE settled_at IS NULL
    AND reason IS DISTINCT FROM 'delivered before all of the order is booked as shipped'";

/// Pieces by SKU.
pub type Pieces = BTreeMap<String, i64>;

/// How an order stands, with everything that may still move.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Standing {
    /// The shop's id of it; none for orders of our own API.
    pub shopify_order_id: Option<i64>,
    /// Its id.
    pub order_id: String,
    /// Its number.
    pub order_number: String,
    /// Its status.
    pub status: String,
    /// What keeps it there.
    pub condition: Option<String>,
    /// Why.
    pub condition_reason: Option<String>,
    /// Whether its story has ended.
    pub ended: bool,
    /// The references of its hand-overs that stand.
    pub references: Vec<String>,
    /// Why a person is to look, by open row.
    pub open: Vec<String>,
    /// Pieces it holds that have not left.
    pub held: Json<Pieces>,
    /// Pieces it waits for.
    pub waiting: Json<Pieces>,
    /// Pieces that are booked out for it.
    pub booked: Json<Pieces>,
    /// Parcels that are booked and of which the shop was not told.
    pub unnotified: i64,
    /// Messages of it, settled or not: a sign of life.
    pub messages: i64,
}

impl Standing {
    /// Whether all of it has left.
    pub fn has_shipped(&self) -> bool {
        matches!(self.status.as_str(), "SHIPPED" | "DELIVERED")
    }

    /// Whether it waits for something.
    pub fn is(&self, condition: &str) -> bool {
        self.condition.as_deref() == Some(condition)
    }
}

/// All orders of a world, and how many messages are not settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rest {
    orders: Vec<Standing>,
    unsettled: i64,
}

impl Rest {
    /// An order of a shop.
    pub fn of(&self, shopify_order_id: i64) -> Option<&Standing> {
        self.orders.iter().find(|order| order.shopify_order_id == Some(shopify_order_id))
    }

    /// An order by its id.
    pub fn order(&self, order_id: &str) -> Option<&Standing> {
        self.orders.iter().find(|order| order.order_id == order_id)
    }

    async fn look(pool: &PgPool) -> Self {
        let unsettled = sqlx::query_scalar(UNSETTLED).fetch_one(pool).await.expect("the inbox is counted");
        Self { orders: standings(pool).await, unsettled }
    }
}

/// Waits for rest. Where everything is as it should be that takes a moment; where it is not, everything
/// gets the time that the product itself may take.
pub async fn until_rest(world: &World, is_as_wanted: impl Fn(&Rest) -> bool) -> Rest {
    let deadline = Instant::now() + PATIENCE;
    let mut seen = Rest::look(&world.pool).await;
    let mut since = Instant::now();
    loop {
        tokio::time::sleep(BETWEEN).await;
        let now = Rest::look(&world.pool).await;
        if now != seen {
            (seen, since) = (now, Instant::now());
        }
        let still_for = since.elapsed();
        let is_done = seen.unsettled == 0 && is_as_wanted(&seen) && still_for > 4 * BETWEEN;
        if is_done || (seen.unsettled == 0 && still_for > LONGEST_PAUSE) || Instant::now() > deadline {
            return seen;
        }
    }
}

/// How one order of a shop stands, once it is known.
pub async fn standing(pool: &PgPool, shopify_order_id: i64) -> Option<Standing> {
    read(pool, Some(shopify_order_id)).await.pop()
}

/// How all orders stand.
pub async fn standings(pool: &PgPool) -> Vec<Standing> {
    read(pool, None).await
}

async fn read(pool: &PgPool, alone: Option<i64>) -> Vec<Standing> {
    sqlx::query_as(
        r#"SELECT o.shopify_order_id, o.order_id, o.order_number, o.status, o.condition, o.condition_reason,
                  o.story_ended_at IS NOT NULL AS ended,
                  ARRAY(SELECT reference FROM orders.fulfilment_requests h
                        WHERE h.order_id = o.order_id AND h.status IN ('REQUESTED', 'ACCEPTED', 'SHIPPED')
                        ORDER BY round) AS "references",
                  ARRAY(SELECT reason FROM orders.attention a
                        WHERE a.order_id = o.order_id AND a.resolved_at IS NULL ORDER BY attention_id) AS "open",
                  COALESCE((SELECT jsonb_object_agg(sku, pieces)
                            FROM (SELECT sku, sum(quantity - fulfilled_quantity) AS pieces FROM inventory.allocations a
                                  WHERE a.order_id = o.order_id AND a.status IN ('PENDING', 'CONFIRMED')
                                  GROUP BY sku) AS held), '{}') AS held,
                  COALESCE((SELECT jsonb_object_agg(sku, pieces)
                            FROM (SELECT sku, sum(quantity) AS pieces FROM inventory.waiting w
                                  WHERE w.order_id = o.order_id GROUP BY sku) AS waiting), '{}') AS waiting,
                  COALESCE((SELECT jsonb_object_agg(sku, pieces)
                            FROM (SELECT line ->> 'sku' AS sku, sum((line ->> 'quantity')::bigint) AS pieces
                                  FROM inventory.fulfilments f, jsonb_array_elements(f.lines) AS line
                                  WHERE f.order_id = o.order_id GROUP BY 1) AS booked), '{}') AS booked,
                  (SELECT count(*) FROM orders.parcels s
                   WHERE s.order_id = o.order_id AND booked_at IS NOT NULL AND shop_notified_at IS NULL) AS unnotified,
                  (SELECT count(*) FROM integration.inbox i WHERE i.order_id = o.order_id) AS messages
           FROM orders.orders o WHERE $1::bigint IS NULL OR o.shopify_order_id = $1 ORDER BY o.order_id"#,
    )
    .bind(alone)
    .fetch_all(pool)
    .await
    .expect("the orders are read")
}
