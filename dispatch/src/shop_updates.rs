//! Webhooks of a shop that say something of an order without being one: edits, refunds, fulfilments, and what happens to
//! fulfilment orders. Returns stand in `returns.rs`.

use std::time::Duration;

use domain::{
    LineId, OrderStatus, ParkReason, Restock, ReturnsRule, ShopifyOrderId, WantedLine, is_our_fulfilment,
};
use orders::{
    Order, attention, brief, fulfilment_orders,
    inbox::Message,
    parcel_lines::{self, Parcel},
    privacy::{self, ErasureRequest},
    record,
    refunds::{self, ReturnSource},
};
use shopify::wire::{self, LevelSaid, ParsedRefund, UnreadableOrder};
use sqlx::PgConnection;

use crate::{DispatchError, Dispatched, Dispatcher, Outcome};
use process::settings::Shop;

/// How often a message waits for the order it is about: its own webhook is usually a moment away.
const MOST_WAITS: i32 = 6;

impl Dispatcher {
    /// `orders/edited` lists changes and not the order: the shop's own order is read.
    pub(crate) async fn order_edited(&self, message: &Message, shop: &Shop) -> Dispatched {
        let Some(id) = wire::parse_order_mention(&message.body) else {
            return self.unreadable_update(message, "order_edit.order_id: is missing").await;
        };
        self.ask_the_shop(message, shop, id).await
    }

    /// An assessment of an order's risk was made. What it comes to with the others, the shop says when it is looked at.
    pub(crate) async fn risk_changed(&self, message: &Message, shop: &Shop) -> Dispatched {
        if shop.policy.approval.risk.is_none() {
            return Ok(Outcome::stored("no rule goes by the risk of an order"));
        }
        let Some(id) = wire::parse_order_mention(&message.body) else {
            // Some of Shopify's bodies name no order: then the next look sees it.
            return Ok(Outcome::stored("it does not say of which order"));
        };
        let Some(order) = self.order_of_shop(shop, id).await? else {
            return Ok(not_known_yet(message));
        };
        let mut tx = self.pool.begin().await?;
        let order = record::lock(&mut tx, &order.order_id).await?;
        // What is at a warehouse may have more to follow.
        if order.status >= OrderStatus::Shipped || order.story_ended_at.is_some() {
            return Ok(Outcome::skipped("it has left, or is not fulfilled", Some(order.order_id)));
        }
        fulfilment_orders::want_look(&mut tx, &order.order_id).await?;
        tx.commit().await?;
        self.have_run_look(message, order).await
    }

    /// The shop has another level than before: it is compared with our books, unless that is what it was set to.
    pub(crate) async fn level_changed(&self, message: &Message, shop: &Shop) -> Dispatched {
        if shop.channel_sync.is_none() {
            return Ok(Outcome::stored("the shop's stock levels are not kept right"));
        }
        let Some(level) = wire::parse_level(&message.body) else {
            return self.unreadable_update(message, "inventory_item_id, location_id: one is missing").await;
        };
        let mut conn = self.pool.acquire().await?;
        let LevelSaid { location, item, available } = level;
        Ok(match channel_sync::mark(&mut conn, &shop.domain, location, item, available).await? {
            true => Outcome::DONE,
            false => Outcome::stored("it is of no item of ours, or what it was set to"),
        })
    }

    /// A fulfilment was made or changed. Our own need nothing; another's changes what is left for us.
    pub(crate) async fn fulfilled(&self, message: &Message, shop: &Shop) -> Dispatched {
        let Some((id, fulfilment)) = wire::parse_fulfilment(&message.body) else {
            return self.unreadable_update(message, "order_id, id: one is missing").await;
        };
        let Some(order) = self.order_of_shop(shop, id).await? else {
            return Ok(not_known_yet(message));
        };
        let mut conn = self.pool.acquire().await?;
        // What has not left is told to nobody: a fulfilment with the same pieces is another's.
        let left = parcel_lines::of_order(&mut conn, &order.order_id).await?;
        let left = left.iter().filter(|parcel| parcel.booked_at.is_some());
        let own: Vec<_> = left.map(Parcel::as_own).collect();
        drop(conn);
        if fulfilment.stands && is_our_fulfilment(&fulfilment, &own) {
            return Ok(Outcome::done(order.order_id));
        }
        if order.facts.fulfilments.iter().flatten().any(|known| *known == fulfilment) {
            return Ok(Outcome::done(order.order_id));
        }
        self.ask_the_shop(message, shop, id).await
    }

    /// The shop's own order is read by its run, before anything else is done for it.
    async fn ask_the_shop(&self, message: &Message, shop: &Shop, id: ShopifyOrderId) -> Dispatched {
        let Some(order) = self.order_of_shop(shop, id).await? else {
            return Ok(not_known_yet(message));
        };
        let mut tx = self.pool.begin().await?;
        record::lock(&mut tx, &order.order_id).await?;
        record::doubt(&mut tx, &order.order_id).await?;
        tx.commit().await?;
        self.have_run_look(message, order).await
    }

    pub(crate) async fn refunded(&self, message: &Message, shop: &Shop) -> Dispatched {
        let refund = match wire::parse_refund(&message.body) {
            Ok(refund) => refund,
            Err(unreadable) => return self.unreadable_part(message, shop, unreadable).await,
        };
        let Some(order) = self.order_of_shop(shop, refund.shopify_order_id).await? else {
            return Ok(not_known_yet(message));
        };
        let services = &shop.fulfillment_services;
        let mut tx = self.pool.begin().await?;
        let order = record::lock(&mut tx, &order.order_id).await?;
        let before = brief::of(&mut tx, &order, services).await?;
        self.keep_refund(&mut tx, &order, shop, &refund, &mut before.wanted.clone()).await?;
        let changes = before != brief::of(&mut tx, &order, services).await?;
        if changes {
            record::raise_wish(&mut tx, &order.order_id).await?;
        }
        tx.commit().await?;
        // Whoever committed it before may have died before anybody heard of it.
        if changes || message.attempts > 0 {
            return self.have_run_look(message, order).await;
        }
        Ok(Outcome::done(order.order_id))
    }

    /// Keeps what a refund takes back, once per line of it. What left and comes back is announced; stock
    /// rises when it was received, or at once where the policy says so. `wanted` is what was wanted before
    /// anything was known of it.
    pub(crate) async fn keep_refund(
        &self,
        conn: &mut PgConnection,
        order: &Order,
        shop: &Shop,
        refund: &ParsedRefund,
        wanted: &mut [WantedLine],
    ) -> Result<(), DispatchError> {
        let new =
            refunds::keep(conn, &order.order_id, refund.refund_id, refund.created_at, &refund.lines).await?;
        if new == 0 {
            return Ok(());
        }
        for line in &refund.lines {
            let known = wanted.iter_mut().find(|wanted| wanted.line_id == line.line_id);
            let not_left = known.map_or(0, |known| {
                let not_left = known.to_ship();
                if line.restock != Restock::Return {
                    known.pieces -= line.quantity.min(not_left);
                }
                not_left
            });
            let left = parcel_lines::left_of(conn, &order.order_id, &line.line_id).await?;
            let comes_back = match line.restock {
                Restock::Return => line.quantity,
                // What has not left is taken off first.
                Restock::LegacyRestock => line.quantity.saturating_sub(not_left).min(left.pieces),
                Restock::Cancel | Restock::NoRestock => 0,
            };
            let (source, id) = (ReturnSource::Refund, line.refund_line_id);
            if refunds::announce_return(conn, &order.order_id, source, id, &line.line_id, comes_back).await? {
                let cause = format!("refund line {id}");
                self.restock(conn, order, shop, &line.line_id, &cause, comes_back).await?;
            }
        }
        Ok(())
    }

    /// Books returned pieces in again, where the policy does not wait for them.
    pub(crate) async fn restock(
        &self,
        conn: &mut PgConnection,
        order: &Order,
        shop: &Shop,
        line: &LineId,
        cause: &str,
        pieces: u32,
    ) -> Result<(), DispatchError> {
        if shop.policy.restock_returns != ReturnsRule::AtOnce {
            return Ok(());
        }
        Ok(self.settings.stock.take_back(conn, order, line, cause, pieces).await?)
    }

    /// What became of pieces that came back. The message does not say whose they are: the shop is asked, by
    /// a workflow of its own, and only where the policy books them in by it.
    pub(crate) async fn disposed(&self, message: &Message, shop: &Shop) -> Dispatched {
        let Some(number) = wire::parse_reverse_fulfilment_order_mention(&message.body) else {
            return self.unreadable_update(message, "reverse_fulfillment_order.id: is missing").await;
        };
        if shop.policy.restock_returns == ReturnsRule::WhenDisposed {
            self.ask_what_is_restocked(message, shop, number).await?;
            return Ok(Outcome::DONE);
        }
        Ok(Outcome::stored("pieces that come back are not booked in by this"))
    }

    /// Messages about fulfilment orders name nothing but their ids. Of one that is not known yet it is kept
    /// that something was said: whoever keeps its id looks again.
    pub(crate) async fn fulfilment_orders_changed(&self, message: &Message) -> Dispatched {
        let numbers = wire::parse_fulfilment_order_mention(&message.body);
        if numbers.is_empty() {
            return self.unreadable_update(message, "fulfillment_order.id: is missing").await;
        }
        let mut tx = self.pool.begin().await?;
        let orders = fulfilment_orders::orders_of(&mut tx, &numbers, message.inbox_id).await?;
        for order in &orders {
            record::lock(&mut tx, order).await?;
            fulfilment_orders::want_look(&mut tx, order).await?;
        }
        tx.commit().await?;
        let mut outcome = Outcome::stored("kept until it is known whose fulfilment order it is");
        for order in orders {
            let Some(order) = self.order(&order).await? else { continue };
            outcome = self.have_run_look(message, order).await?;
        }
        Ok(outcome)
    }

    /// Somebody asks the shop to be forgotten.
    pub(crate) async fn customer_redacted(&self, message: &Message, shop: &Shop) -> Dispatched {
        let Some(orders) = wire::parse_orders_to_redact(&message.body) else {
            return self.unreadable_update(message, "orders_to_redact: is no list of order ids").await;
        };
        self.redact(message, shop, ErasureRequest::Orders(&orders)).await
    }

    /// Somebody asks the shop what is known. An administrator fetches it.
    pub(crate) async fn data_requested(&self, message: &Message, shop: &Shop) -> Dispatched {
        let Some(orders) = wire::parse_orders_requested(&message.body) else {
            return self.unreadable_update(message, "orders_requested: is no list of order ids").await;
        };
        let mut tx = self.pool.begin().await?;
        privacy::ask_for_data(&mut tx, &shop.domain, &orders, message.inbox_id).await?;
        tx.commit().await?;
        Ok(Outcome::DONE)
    }

    /// The worker's sweeper forgets; a body says who it is about, so it goes at once.
    pub(crate) async fn redact(
        &self,
        message: &Message,
        shop: &Shop,
        wish: ErasureRequest<'_>,
    ) -> Dispatched {
        let mut tx = self.pool.begin().await?;
        privacy::redact(&mut tx, &shop.domain, wish, message.inbox_id).await?;
        tx.commit().await?;
        Ok(Outcome::DONE)
    }

    /// Something about an order that cannot be read: a person sees it at the order, if that is known.
    pub(crate) async fn unreadable_part(
        &self,
        message: &Message,
        shop: &Shop,
        unreadable: UnreadableOrder,
    ) -> Dispatched {
        let order = match unreadable.order_id {
            Some(id) => self.order_of_shop(shop, id).await?,
            None => None,
        };
        let Some(order) = order else {
            return self.unreadable_update(message, &unreadable.to_string()).await;
        };
        let mut conn = self.pool.acquire().await?;
        let words = format!("{unreadable} ({})", message.topic);
        let park_reason = ParkReason::new(ParkReason::UNREADABLE_ORDER);
        attention::show(&mut conn, &order.order_id, &park_reason, &words).await?;
        Ok(Outcome::Unreadable(unreadable.to_string()))
    }

    pub(crate) async fn order_of_shop(
        &self,
        shop: &Shop,
        id: ShopifyOrderId,
    ) -> Result<Option<Order>, DispatchError> {
        let mut conn = self.pool.acquire().await?;
        Ok(record::find_of_shop(&mut conn, shop.domain.as_str(), id).await?)
    }
}

/// The order's own webhook may be a moment away. If it does not come, the message stays as it is: what it
/// says is in the order's body too.
pub(crate) fn not_known_yet(message: &Message) -> Outcome {
    if message.attempts >= MOST_WAITS {
        return Outcome::stored("of an order that is not known here");
    }
    Outcome::Postpone {
        reason: "the order is not known yet",
        order: None,
        wait: Duration::from_secs(1 << message.attempts.clamp(0, 5)),
    }
}
