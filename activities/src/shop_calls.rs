//! Calls to the shop. Each records what it heard before it reports.

use std::{collections::HashMap, sync::Arc};

use domain::{Channel, OrderId, ShopDomain, ShopifyOrderId, Step};
use orders::{Order, OrdersError, record};
use shopify::admin::AdminClient;
use sqlx::PgPool;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::contract::{
    self, Cancellation, OrderRef, ParcelForShop, PlanInput, PlanOutcome, RefundOfTheRest, ReturnRef,
};

use crate::{
    attempt::{AttemptError, attempt},
    planner::Planner,
};

mod cancel;
mod look;
mod notify;
mod read_order;
mod restock;

/// The Admin API of each configured shop.
pub type AdminClients = HashMap<ShopDomain, AdminClient>;

/// The calls to the shops.
pub struct ShopCalls {
    pool: PgPool,
    planner: Planner,
    clients: AdminClients,
}

#[activities]
impl ShopCalls {
    #[activity(definition = contract::LookInShop)]
    pub async fn look_in_shop(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: PlanInput,
    ) -> Result<PlanOutcome, ActivityError> {
        attempt(&self.pool, Step::LookInShop, &input.order_id, || self.look(&input)).await
    }

    #[activity(definition = contract::ReadOrder)]
    pub async fn read_order(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: OrderRef,
    ) -> Result<(), ActivityError> {
        attempt(&self.pool, Step::ReadOrder, &input.order_id, || self.read(&input.order_id)).await
    }

    #[activity(definition = contract::NotifyShop)]
    pub async fn notify_shop(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: ParcelForShop,
    ) -> Result<(), ActivityError> {
        attempt(&self.pool, Step::TellShop, &input.order_id, || self.notify(&input)).await
    }

    #[activity(definition = contract::CancelInShop)]
    pub async fn cancel_in_shop(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: Cancellation,
    ) -> Result<(), ActivityError> {
        attempt(&self.pool, Step::CancelInShop, &input.order_id, || self.cancel(&input)).await
    }

    #[activity(definition = contract::RefundInShop)]
    pub async fn refund_in_shop(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: RefundOfTheRest,
    ) -> Result<(), ActivityError> {
        attempt(&self.pool, Step::RefundInShop, &input.order_id, || self.refund(&input)).await
    }

    #[activity(definition = contract::RestockReturned)]
    pub async fn restock_returned(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: ReturnRef,
    ) -> Result<(), ActivityError> {
        self.restock(&input).await.map_err(AttemptError::into_activity_error)
    }
}

impl ShopCalls {
    /// The calls, to these shops.
    #[must_use]
    pub fn new(planner: Planner, clients: AdminClients) -> Self {
        Self { pool: planner.pool.clone(), planner, clients }
    }

    /// The order as it stands, not locked.
    async fn order(&self, order_id: &OrderId) -> Result<Order, AttemptError> {
        let mut conn = self.pool.acquire().await?;
        Ok(record::find(&mut conn, order_id).await?.ok_or(OrdersError::NotFound)?)
    }

    fn shop_of(&self, order: &Order) -> Result<(&AdminClient, ShopifyOrderId), AttemptError> {
        match &order.channel {
            Channel::Shopify { shop, shopify_order_id } => self
                .clients
                .get(shop)
                .map(|client| (client, *shopify_order_id))
                .ok_or(AttemptError::permanent("SHOP_NOT_CONFIGURED")),
            Channel::Api => Err(AttemptError::permanent("ORDER_HAS_NO_SHOP")),
        }
    }
}
