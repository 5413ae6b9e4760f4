//! How all orders of a world stand, read once for every cell that waits.

use std::{collections::BTreeMap, time::Duration};

use tokio::{sync::watch, task::JoinHandle, time::timeout};

use crate::{
    proof::rest::{Standing, standings},
    world::{Placed, World},
};

/// How long an order may take to any place.
const PATIENCE: Duration = Duration::from_secs(240);
/// Between two looks.
const BETWEEN: Duration = Duration::from_millis(150);

/// The watch.
pub struct Watch {
    seen: watch::Receiver<BTreeMap<i64, Standing>>,
    reader: JoinHandle<()>,
}

impl Watch {
    /// Begins to look.
    pub fn of(world: &World) -> Self {
        let (sender, seen) = watch::channel(BTreeMap::new());
        let pool = world.pool.clone();
        let reader = tokio::spawn(async move {
            loop {
                let orders = standings(&pool).await.into_iter();
                sender.send_replace(
                    orders.filter_map(|order| Some((order.shopify_order_id?, order))).collect(),
                );
                tokio::time::sleep(BETWEEN).await;
            }
        });
        Self { seen, reader }
    }

    /// How an order stood a moment ago, once it is known.
    pub fn now(&self, order: &Placed) -> Option<Standing> {
        self.seen.borrow().get(&order.id).cloned()
    }

    /// Waits until an order stands as wanted.
    pub async fn until(&self, what: &str, order: &Placed, wanted: impl Fn(&Standing) -> bool) -> Standing {
        let mut seen = self.seen.clone();
        let waiting = seen.wait_for(|orders| orders.get(&order.id).is_some_and(&wanted));
        match timeout(PATIENCE, waiting).await {
            Ok(orders) => orders.expect("somebody looks")[&order.id].clone(),
            Err(_) => panic!("{what}: not within {PATIENCE:?}; it is {:?}", self.now(order)),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.reader.abort();
    }
}
