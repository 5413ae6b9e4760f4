//! The look at the shop's fulfilment orders before a hand-over: who is to fulfil what, from where, and
//! whether it may.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{AddressSaid, LineId, ShopifyOrderId};
use orders::{Order, fulfilment_orders, record};
use shopify::admin::{AdminClient, FulfilmentOrder};
use sqlx::PgConnection;
use workflows::contract::{Reservation, Reserved, Rules};

use super::ShopCalls;
use crate::{
    attempt::Failure,
    planner::{Situation, wish_digest},
};

/// Fulfilment orders appear some time after the order. One attempt looks for them this often …
const LOOKS: u32 = 3;
/// … with this pause.
const LOOK_PAUSE: Duration = Duration::from_millis(400);

impl ShopCalls {
    pub(super) async fn look(&self, input: &Reservation) -> Result<Reserved, Failure> {
        let order = self.order(&input.order_id).await?;
        let (client, shopify_order_id) = self.shop_of(&order)?;
        if order.facts.address == AddressSaid::Absent && order.looked_for.is_none() {
            self.ask_for_the_address(&order).await?;
        }
        let begun_at = {
            let mut conn = self.pool.acquire().await?;
            fulfilment_orders::begin_look(&mut conn, &order.order_id).await?
        };
        let seen = fulfilment_orders_of(client, shopify_order_id).await?;
        if seen.is_empty() {
            return Ok(Reserved::NotThereYet);
        }
        if !self.keep(&order, &seen, begun_at).await? {
            return Ok(Reserved::NotThereYet);
        }
        let reserved = self.planner.plan_now(input).await?;
        self.move_to_where_it_ships_from(client, &order, &input.rules, &seen).await?;
        Ok(reserved)
    }

    /// Keeps what was seen, and for what it was looked at. False, and nothing is kept, while a line that is
    /// wanted of us is in none of them: Shopify makes fulfilment orders some time after an edit too.
    async fn keep(
        &self,
        order: &Order,
        seen: &[FulfilmentOrder],
        begun_at: DateTime<Utc>,
    ) -> Result<bool, Failure> {
        let kept = seen
            .iter()
            .map(|seen| {
                let content =
                    serde_json::to_value(seen).map_err(|_| Failure::permanent("ORDER_UNREADABLE"))?;
                Ok(fulfilment_orders::Kept { number: seen.number, content })
            })
            .collect::<Result<Vec<_>, Failure>>()?;
        let mut tx = self.pool.begin().await?;
        let order = record::lock(&mut tx, &order.order_id).await?;
        if fulfilment_orders::keep(&mut tx, &order.order_id, &kept, begun_at).await? {
            // Something was said of one of them before we knew that it is this order's.
            fulfilment_orders::want_look(&mut tx, &order.order_id).await?;
        }
        let situation =
            Situation::read(&mut tx, &order, self.planner.shops.rules_for(&order.channel)).await?;
        if situation.brief.wanted.iter().any(|line| line.to_ship() > 0 && !is_among(seen, &line.line_id)) {
            return Ok(false);
        }
        let looked_for = wish_digest(&situation.brief);
        fulfilment_orders::note_looked(&mut tx, &order.order_id, &looked_for, &situation.told()).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Where lines are planned freely, a fulfilment order follows them to the location they ship from.
    async fn move_to_where_it_ships_from(
        &self,
        client: &AdminClient,
        order: &Order,
        rules: &Rules,
        seen: &[FulfilmentOrder],
    ) -> Result<(), Failure> {
        let shop = self.planner.shops.rules_for(&order.channel);
        if rules.follow_locations || shop.locations.is_empty() {
            return Ok(());
        }
        let mut moved = false;
        for fulfilment_order in seen.iter().filter(|seen| seen.is_open()) {
            let mut conn = self.pool.acquire().await?;
            let Some(warehouse) = warehouse_of(&mut conn, order, fulfilment_order).await? else { continue };
            drop(conn);
            let location = shop.location_of(&warehouse);
            if let Some(location) = location.filter(|id| Some(*id) != fulfilment_order.location_id) {
                client.move_fulfilment_order(&fulfilment_order.id, location).await?;
                moved = true;
            }
        }
        if moved {
            let mut tx = self.pool.begin().await?;
            record::lock(&mut tx, &order.order_id).await?;
            fulfilment_orders::want_look(&mut tx, &order.order_id).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

fn is_among(seen: &[FulfilmentOrder], line: &LineId) -> bool {
    let of_line = |number: i64| line.as_str() == number.to_string();
    seen.iter().any(|order| order.lines.iter().any(|line| of_line(line.line_item_id)))
}

/// Looks a few times for what is not there yet.
async fn fulfilment_orders_of(
    client: &AdminClient,
    order: ShopifyOrderId,
) -> Result<Vec<FulfilmentOrder>, Failure> {
    let mut looks = 1;
    loop {
        let seen = client.fulfilment_orders(order).await?;
        if !seen.is_empty() || looks == LOOKS {
            return Ok(seen);
        }
        looks += 1;
        tokio::time::sleep(LOOK_PAUSE).await;
    }
}

/// The one warehouse that all lines of a fulfilment order are held in; none if there are several.
async fn warehouse_of(
    conn: &mut PgConnection,
    order: &Order,
    fulfilment_order: &FulfilmentOrder,
) -> Result<Option<String>, Failure> {
    let holding = inventory::reservation(conn, &order.order_id, order.epoch).await?;
    let allocations = holding.map(|holding| holding.allocations).unwrap_or_default();
    let mut warehouses: Vec<String> = allocations
        .iter()
        .filter(|held| held.held() > 0)
        .filter(|held| {
            let of_line = |number: i64| held.line_id.as_str() == number.to_string();
            fulfilment_order.lines.iter().any(|line| of_line(line.line_item_id))
        })
        .map(|held| held.warehouse.as_str().to_owned())
        .collect();
    warehouses.sort_unstable();
    warehouses.dedup();
    Ok(if warehouses.len() == 1 { warehouses.pop() } else { None })
}
