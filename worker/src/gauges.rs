//! The gauges operators watch that are counted in our records.

use std::collections::BTreeMap;

use metrics::gauge;
use orders::{attention, awaiting, inbox, lanes, promises};
use parking_lot::Mutex;
use sqlx::PgPool;

/// What is shown by a label, and what was before: what is gone is shown as none.
#[derive(Default)]
pub struct Gauges {
    parked: Mutex<BTreeMap<String, i64>>,
    late: Mutex<BTreeMap<String, i64>>,
    due_soon: Mutex<BTreeMap<String, i64>>,
}

impl Gauges {
    /// Counts and shows.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn show(&self, pool: &PgPool) -> anyhow::Result<()> {
        let mut conn = pool.acquire().await?;
        let (waiting, oldest_seconds) = inbox::backlog(&mut conn).await?;
        gauge!("waybill_inbox_unsettled").set(waiting as f64);
        gauge!("waybill_inbox_oldest_seconds").set(oldest_seconds);
        let (awaiting, oldest_seconds) = awaiting::backlog(&mut conn).await?;
        gauge!("waybill_orders_awaiting_allocation").set(awaiting as f64);
        gauge!("waybill_orders_awaiting_allocation_oldest_seconds").set(oldest_seconds);
        for (lane, waiting) in lanes::waiting(&mut conn).await? {
            gauge!("waybill_lane_orders_waiting", "lane" => lane.to_string()).set(waiting as f64);
        }
        let open = attention::count_open(&mut conn).await?;
        gauge!("waybill_orders_needing_attention")
            .set(open.iter().map(|(_, _, count)| count).sum::<i64>() as f64);
        let (parked, oldest_seconds) = attention::parked_orders(&mut conn).await?;
        gauge!("waybill_orders_parked_oldest_seconds").set(oldest_seconds);
        show("waybill_orders_parked", "reason", &self.parked, parked.into_iter());
        let standing = promises::standing(&mut conn).await?;
        let by_shop = |count: fn(&promises::Standing) -> i64| {
            standing.iter().map(move |standing| {
                let shop = standing.shop.as_ref().map_or("api", |shop| shop.as_str());
                (shop.to_owned(), count(standing))
            })
        };
        show("waybill_orders_late", "shop", &self.late, by_shop(|standing| standing.late));
        show("waybill_orders_due_soon", "shop", &self.due_soon, by_shop(|standing| standing.due_soon));
        Ok(())
    }
}

/// Those of one label add up.
fn show(
    name: &'static str,
    label: &'static str,
    before: &Mutex<BTreeMap<String, i64>>,
    counted: impl Iterator<Item = (String, i64)>,
) {
    let mut shown = before.lock();
    shown.values_mut().for_each(|count| *count = 0);
    for (of, count) in counted {
        *shown.entry(of).or_default() += count;
    }
    for (of, count) in &*shown {
        gauge!(name, label => of.clone()).set(*count as f64);
    }
}
