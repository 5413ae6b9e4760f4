//! Where all orders of a world stand, read once for everybody who waits.

use std::{collections::BTreeMap, time::Duration};

use sqlx::{FromRow, PgPool};
use tokio::{sync::watch, task::JoinHandle, time::timeout};

use crate::world::{Placed, World};

/// How long anything may take; worker deaths cost up to ten seconds each.
const PATIENCE: Duration = Duration::from_secs(240);

/// How an order stands.
#[derive(Debug, Clone, FromRow)]
pub struct Seen {
    shopify_order_id: i64,
    /// Its number.
    pub order_number: String,
    /// Its status.
    pub status: String,
    /// What keeps it there.
    pub condition: Option<String>,
    /// Whether its story has ended.
    pub ended: bool,
    /// The references of its hand-overs.
    pub references: Vec<String>,
    /// Whether its reservation was given back.
    pub released: bool,
    /// Why it was parked, every time.
    pub parked: Vec<String>,
}

impl Seen {
    /// Whether the order waits for an operator.
    pub fn is_parked(&self) -> bool {
        self.condition.as_deref() == Some("NEEDS_ATTENTION")
    }
}

/// The board.
pub struct Board {
    seen: watch::Receiver<BTreeMap<i64, Seen>>,
    reader: JoinHandle<()>,
}

impl Board {
    /// Begins to read.
    pub fn of(world: &World) -> Self {
        let (sender, seen) = watch::channel(BTreeMap::new());
        let pool = world.pool.clone();
        let reader = tokio::spawn(async move {
            loop {
                sender.send_replace(read(&pool).await);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        Self { seen, reader }
    }

    /// Waits until the order stands as wanted, and returns how it stands.
    pub async fn until(&self, what: &str, order: &Placed, wanted: impl Fn(&Seen) -> bool) -> Seen {
        let mut seen = self.seen.clone();
        let waiting = seen.wait_for(|orders| orders.get(&order.id).is_some_and(&wanted));
        match timeout(PATIENCE, waiting).await {
            Ok(orders) => orders.expect("the board is read")[&order.id].clone(),
            Err(_) => {
                panic!("{what}: not within {PATIENCE:?}; it is {:?}", self.seen.borrow().get(&order.id))
            }
        }
    }

    /// Waits until something holds of all orders together.
    pub async fn until_all(&self, what: &str, wanted: impl Fn(&BTreeMap<i64, Seen>) -> bool) {
        let mut seen = self.seen.clone();
        let waiting = seen.wait_for(wanted);
        assert!(timeout(PATIENCE, waiting).await.is_ok(), "{what}: not within {PATIENCE:?}");
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn read(pool: &PgPool) -> BTreeMap<i64, Seen> {
    let rows: Vec<Seen> = sqlx::query_as(
        "SELECT shopify_order_id, order_number, status, condition, story_ended_at IS NOT NULL AS ended,
                ARRAY(SELECT reference FROM orders.fulfilment_requests h WHERE h.order_id = o.order_id ORDER BY round)
                    AS \"references\",
                EXISTS (SELECT FROM inventory.reservations r WHERE r.order_id = o.order_id AND r.status = 'RELEASED')
                    AS released,
                ARRAY(SELECT reason FROM orders.attention a WHERE a.order_id = o.order_id ORDER BY attention_id)
                    AS parked
         FROM orders.orders o WHERE shopify_order_id IS NOT NULL",
    )
    .fetch_all(pool)
    .await
    .expect("the orders are read");
    rows.into_iter().map(|row| (row.shopify_order_id, row)).collect()
}
