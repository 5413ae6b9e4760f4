//! The shop's own order is read where two messages of one moment disagree, or where a message only says
//! that something changed.

use domain::{AddressSaid, LaneName, OrderFacts, OrderId};
use orders::{
    Order, edits,
    record::{self, Arrival, ArrivalOutcome, Authority},
};
use shopify::wire::ParsedOrder;
use warehouse::parcel::ShipTo;

use super::ShopCalls;
use crate::{attempt::AttemptError, shops::ShopRules};

impl ShopCalls {
    pub(super) async fn read(&self, order_id: &OrderId) -> Result<(), AttemptError> {
        let order = self.order(order_id).await?;
        let (client, shopify_order_id) = self.shop_of(&order)?;
        let read = client.read_order(shopify_order_id).await?;
        self.keep_read(&order, read).await
    }

    /// Asks for the address that no message named. Of an order that shows less than the shop has told us,
    /// the address alone is taken.
    pub(super) async fn ask_for_the_address(&self, order: &Order) -> Result<(), AttemptError> {
        let (client, shopify_order_id) = self.shop_of(order)?;
        let mut read = client.read_order(shopify_order_id).await?;
        if let Some(read) = &mut read
            && read.facts.updated_at < order.facts.updated_at
        {
            let mut conn = self.pool.acquire().await?;
            let said = edits::without(&mut conn, order).await?;
            read.facts = OrderFacts { address: read.facts.address, ..said };
        }
        self.keep_read(order, read).await
    }

    /// Keeps what the shop's own order says. One that the shop does not know says nothing: what was
    /// committed stands.
    async fn keep_read(&self, order: &Order, read: Option<ParsedOrder>) -> Result<(), AttemptError> {
        let mut tx = self.pool.begin().await?;
        let now = record::lock(&mut tx, &order.order_id).await?;
        // What was committed since the read began may be newer than what was read, in the same second too.
        let was_overtaken = now.wish_version != order.wish_version;
        let Some(mut read) = read else {
            if !was_overtaken {
                record::end_doubt(&mut tx, &order.order_id).await?;
            }
            return Ok(tx.commit().await?);
        };
        if read.facts.address == AddressSaid::Null && order.facts.address == AddressSaid::Absent {
            // Neither names one: the order goes on without.
            read.facts.address = AddressSaid::Absent;
        }
        keep_what_only_bodies_say(order, &mut read);
        let domain::Channel::Shopify { shop, shopify_order_id } = &order.channel else { return Ok(()) };
        let ShopRules { services, approval, .. } = self.planner.shops.rules_for(&order.channel);
        let lane = order.shop_lane.clone().unwrap_or_else(|| LaneName::of_shop(shop));
        let customer = serde_json::to_value(&read.customer).ok();
        let ship_to = customer.as_ref().and_then(ShipTo::from_stored_customer);
        let arrival = Arrival {
            order_id: order.order_id.clone(),
            shop,
            lane: &lane,
            shopify_order_id: *shopify_order_id,
            facts: &read.facts,
            triggered_at: None,
            authority: Authority::Shop,
            ship_to_digest: ship_to.map(|ship_to| ship_to.fingerprint()),
            customer,
            our_services: &services,
            approval: &approval,
            received_at: order.received_at,
            hold_until: order.hold_until,
            correlation_id: &order.correlation_id,
        };
        let (_, arrived) = record::arrive(&mut tx, &arrival).await?;
        if arrived == ArrivalOutcome::Stale {
            // What the shop shows is older than what it has told us: it is asked again.
            return Err(AttemptError::transient("SHOPIFY_ORDER_LAGS"));
        }
        if was_overtaken {
            record::doubt(&mut tx, &order.order_id).await?;
        }
        Ok(tx.commit().await?)
    }
}

/// The Admin API does not say everything that a message's body does.
fn keep_what_only_bodies_say(order: &Order, read: &mut ParsedOrder) {
    read.facts.location_id = read.facts.location_id.or(order.facts.location_id);
    for line in &mut read.facts.lines {
        let known = order.facts.lines.iter().find(|known| known.line_id == line.line_id);
        line.fulfilment_service = line
            .fulfilment_service
            .take()
            .or_else(|| known.and_then(|known| known.fulfilment_service.clone()));
    }
}
