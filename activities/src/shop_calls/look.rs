//! The look at the shop's fulfilment orders before a hand-over: who is to fulfil what, from where, and
//! whether it may.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{AddressSaid, Condition, LineId, OrderStatus, ParkReason, ShopifyOrderId, Step, WantedLine};
use orders::{
    Order,
    approvals::{self, KeptRisk},
    attention, edits, fulfilment_orders,
    fulfilment_request::{self, FulfilmentRequest},
    record,
};
use shopify::admin::{AdminClient, FulfilmentOrder, ShopifyError};
use sqlx::{Connection as _, PgConnection};
use stock::StockTransaction;
use workflows::contract::{PlanInput, PlanOutcome, Rules};

use super::ShopCalls;
use crate::{
    attempt::AttemptError,
    planner::{Situation, wish_digest},
};

/// Fulfilment orders appear some time after the order. One attempt looks for them this often …
const READS: u32 = 3;
/// … with this pause.
const LOOK_PAUSE: Duration = Duration::from_millis(400);

impl ShopCalls {
    pub(super) async fn look(&self, input: &PlanInput) -> Result<PlanOutcome, AttemptError> {
        let order = self.order(&input.order_id).await?;
        let (client, shopify_order_id) = self.shop_of(&order)?;
        if order.facts.address == AddressSaid::Absent && order.looked_for.is_none() {
            self.ask_for_the_address(&order).await?;
        }
        let begun_at = fulfilment_orders::begin_look(&mut *self.pool.acquire().await?).await?;
        let seen = fulfilment_orders_of(client, shopify_order_id).await?;
        if input.rules.approval.risk.is_some() && order.status < OrderStatus::Shipped {
            self.ask_about_risk(client, &order, shopify_order_id).await?;
        }
        let keep_and_plan = async |mut tx: StockTransaction<'static>| {
            let is_there = !seen.is_empty()
                && self.keep(&mut tx, &order, &seen, begun_at, input.rules.takes_as_seen).await?;
            // Where lines are planned freely, the fulfilment orders are moved by us.
            if is_there && input.rules.follow_locations {
                edits::looked(&mut tx, &order).await?;
            }
            let (reserved, shortages) = self.planner.plan_within(tx.nested().await?, input).await?;
            tx.commit().await?;
            Ok::<_, AttemptError>((is_there, reserved, shortages))
        };
        let (is_there, mut reserved, shortages) = self.planner.stock.transaction(keep_and_plan).await?;
        self.planner.announce_shortage(&input.order_id, &shortages).await?;
        if !is_there {
            // What was said meanwhile counts all the same: it may be why they are not there.
            if let PlanOutcome::Planned { plan } = &mut reserved {
                plan.not_there_yet = true;
            }
            return Ok(reserved);
        }
        self.move_to_where_it_ships_from(client, &order, &input.rules, &seen).await?;
        Ok(reserved)
    }

    /// Keeps what the shop says of the order's risk; what speaks against it stands with what a person is asked.
    async fn ask_about_risk(
        &self,
        client: &AdminClient,
        order: &Order,
        shopify_order_id: ShopifyOrderId,
    ) -> Result<(), AttemptError> {
        let risk = client.order_risk(shopify_order_id).await?;
        let kept = KeptRisk { level: risk.level, is_pending: risk.is_pending };
        let mut tx = self.pool.begin().await?;
        record::lock(&mut tx, &order.order_id).await?;
        approvals::keep_risk(&mut tx, &order.order_id, kept).await?;
        if !risk.facts.is_empty() {
            let (step, words) = (Step::Gate, risk.facts.join("\n"));
            attention::keep_complaint(&mut tx, &order.order_id, step, ParkReason::APPROVAL, &words).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Keeps what was seen, and for what it was looked at. False, and nothing is kept, while a line that is
    /// wanted of us is in none of them: Shopify makes fulfilment orders some time after an edit too. `as_seen`
    /// says that this has been waited for: such a line is gone, and a person sees
    /// which.
    async fn keep(
        &self,
        conn: &mut PgConnection,
        order: &Order,
        seen: &[FulfilmentOrder],
        begun_at: DateTime<Utc>,
        as_seen: bool,
    ) -> Result<bool, AttemptError> {
        let kept = seen
            .iter()
            .map(|seen| {
                let content =
                    serde_json::to_value(seen).map_err(|_| AttemptError::permanent("ORDER_UNREADABLE"))?;
                Ok(fulfilment_orders::Kept { number: seen.number, content })
            })
            .collect::<Result<Vec<_>, AttemptError>>()?;
        let mut tx = conn.begin().await?;
        let order = record::lock(&mut tx, &order.order_id).await?;
        if fulfilment_orders::keep(&mut tx, &order.order_id, &kept, begun_at).await? {
            // Something was said of one of them before we knew that it is this order's.
            fulfilment_orders::want_look(&mut tx, &order.order_id).await?;
        }
        let situation =
            Situation::read(&mut tx, &order, self.planner.shops.rules_for(&order.channel)).await?;
        let is_missing = |line: &&WantedLine| line.to_ship() > 0 && !is_among(seen, &line.line_id);
        let missing: Vec<&WantedLine> = situation.brief.wanted.iter().filter(is_missing).collect();
        if !as_seen && !missing.is_empty() {
            return Ok(false);
        }
        show_what_is_missing(&mut tx, &order, &missing).await?;
        let looked_for = wish_digest(&situation.brief);
        let notified = situation.notified();
        fulfilment_orders::note_looked(&mut tx, &order.order_id, begun_at, &looked_for, &notified).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Where lines are planned freely, or a person chose the warehouse, a fulfilment order follows them to the location they
    /// ship from. A shop that refuses is asked once: the order goes on without, and a person sees it.
    async fn move_to_where_it_ships_from(
        &self,
        client: &AdminClient,
        order: &Order,
        rules: &Rules,
        seen: &[FulfilmentOrder],
    ) -> Result<(), AttemptError> {
        let shop = self.planner.shops.rules_for(&order.channel);
        let mut conn = self.pool.acquire().await?;
        let is_chosen = edits::warehouse(&mut conn, order).await?.is_some();
        if shop.locations.is_empty() || (rules.follow_locations && !is_chosen) {
            return Ok(());
        }
        let mut moves = Vec::new();
        for fulfilment_order in seen.iter().filter(|seen| seen.is_open()) {
            let Some(warehouse) = warehouse_of(&mut conn, order, fulfilment_order).await? else { continue };
            let assigned = fulfilment_order.location_id.and_then(|id| shop.locations.get(&id));
            if assigned.is_some_and(|assigned| assigned.as_str() == warehouse) {
                continue;
            }
            let Some(location) = shop.location_of(&warehouse) else { continue };
            if !fulfilment_orders::is_move_refused(&mut conn, fulfilment_order.number, location).await? {
                moves.push((fulfilment_order, location, warehouse));
            }
        }
        drop(conn);
        if moves.is_empty() {
            return Ok(());
        }
        // Noted before: whatever becomes of the call, nobody knows where they are until they are looked at again.
        let mut tx = self.pool.begin().await?;
        record::lock(&mut tx, &order.order_id).await?;
        fulfilment_orders::want_look(&mut tx, &order.order_id).await?;
        tx.commit().await?;
        for (fulfilment_order, location, warehouse) in moves {
            let moved = match client.move_fulfilment_order(&fulfilment_order.id, location).await {
                Ok(()) => true,
                Err(ShopifyError::UserErrors(_)) => false,
                Err(error) => return Err(error.into()),
            };
            let mut tx = self.pool.begin().await?;
            record::lock(&mut tx, &order.order_id).await?;
            if moved {
                edits::moved_by_us(&mut tx, order, fulfilment_order.number, location).await?;
            } else {
                show_refused_move(&mut tx, order, fulfilment_order, location, &warehouse).await?;
            }
            tx.commit().await?;
        }
        Ok(())
    }
}

async fn show_refused_move(
    conn: &mut PgConnection,
    order: &Order,
    fulfilment_order: &FulfilmentOrder,
    location: i64,
    warehouse: &str,
) -> Result<(), AttemptError> {
    fulfilment_orders::note_move_refused(conn, fulfilment_order.number, location).await?;
    let words = format!(
        "fulfilment order {} stays at {} ({}) and ships from {warehouse}: the shop refuses to move it to {location}",
        fulfilment_order.number,
        fulfilment_order.location_name,
        fulfilment_order.location_id.unwrap_or_default()
    );
    let park_reason = ParkReason::new(ParkReason::NOT_MOVED);
    Ok(attention::show_besides(conn, &order.order_id, &park_reason, &words).await?)
}

async fn show_what_is_missing(
    conn: &mut PgConnection,
    order: &Order,
    missing: &[&WantedLine],
) -> Result<(), AttemptError> {
    let park_reason = ParkReason::new(ParkReason::NO_FULFILMENT_ORDERS);
    if missing.is_empty() {
        if order.condition == Some(Condition::NeedsAttention) {
            attention::unshow(conn, &order.order_id, &park_reason).await?;
        }
        return Ok(());
    }
    let pieces = |line: &&WantedLine| {
        format!("{} × {}", line.to_ship(), line.sku.as_deref().unwrap_or(line.line_id.as_str()))
    };
    let words = missing.iter().map(pieces).collect::<Vec<_>>().join(", ");
    let words = format!("in no fulfilment order of the shop, and not shipped: {words}");
    attention::show(conn, &order.order_id, &park_reason, &words).await?;
    Ok(())
}

fn is_among(seen: &[FulfilmentOrder], line: &LineId) -> bool {
    let of_line = |number: i64| line.as_str() == number.to_string();
    seen.iter().any(|order| order.lines.iter().any(|line| of_line(line.line_item_id)))
}

/// Looks a few times for what is not there yet.
async fn fulfilment_orders_of(
    client: &AdminClient,
    order: ShopifyOrderId,
) -> Result<Vec<FulfilmentOrder>, AttemptError> {
    let mut looks = 1;
    loop {
        let seen = client.fulfilment_orders(order).await?;
        if !seen.is_empty() || looks == READS {
            return Ok(seen);
        }
        looks += 1;
        tokio::time::sleep(LOOK_PAUSE).await;
    }
}

/// The one warehouse that all lines of a fulfilment order are handed over to; none if there are several.
async fn warehouse_of(
    conn: &mut PgConnection,
    order: &Order,
    fulfilment_order: &FulfilmentOrder,
) -> Result<Option<String>, AttemptError> {
    let requests = fulfilment_request::of_order(conn, &order.order_id).await?;
    let holds_a_line = |known: &&FulfilmentRequest| {
        known.lines.iter().any(|held| {
            let of_line = |number: i64| held.line_id == number.to_string();
            fulfilment_order.lines.iter().any(|line| of_line(line.line_item_id))
        })
    };
    let mut warehouses: Vec<String> = requests
        .iter()
        .filter(|known| known.counts())
        .filter(holds_a_line)
        .map(|known| known.warehouse.as_str().to_owned())
        .collect();
    warehouses.sort_unstable();
    warehouses.dedup();
    Ok(if warehouses.len() == 1 { warehouses.pop() } else { None })
}
