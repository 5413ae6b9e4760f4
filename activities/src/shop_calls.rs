//! Calls to the shop. Each records what it heard before it reports.

use std::{collections::HashMap, sync::Arc};

use domain::{Channel, LaneName, OrderId, ShopDomain, ShopifyOrderId, Step};
use orders::{Order, OrdersError, record};
use shopify::admin::AdminClient;
use sqlx::PgPool;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::contract::{
    self, Call, Cancellation, OrderRef, ParcelForShop, PlanInput, PlanOutcome, RefundOfTheRest, ReturnRef,
    Terms,
};

use crate::{
    attempt::AttemptError,
    lane_calls::{LaneCall, LaneCalls},
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
    calls: LaneCalls,
}

#[activities]
impl ShopCalls {
    #[activity(definition = contract::LookInShop)]
    pub async fn look_in_shop(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: Call<PlanInput>,
    ) -> Result<PlanOutcome, ActivityError> {
        let Call { asked, terms } = input;
        self.call(&ctx, Step::LookInShop, &asked.order_id, terms.as_ref(), || self.look(&asked)).await
    }

    #[activity(definition = contract::ReadOrder)]
    pub async fn read_order(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: Call<OrderRef>,
    ) -> Result<(), ActivityError> {
        let Call { asked, terms } = input;
        self.call(&ctx, Step::ReadOrder, &asked.order_id, terms.as_ref(), || self.read(&asked.order_id)).await
    }

    #[activity(definition = contract::NotifyShop)]
    pub async fn notify_shop(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: Call<ParcelForShop>,
    ) -> Result<(), ActivityError> {
        let Call { asked, terms } = input;
        self.call(&ctx, Step::TellShop, &asked.order_id, terms.as_ref(), || self.notify(&asked)).await
    }

    #[activity(definition = contract::CancelInShop)]
    pub async fn cancel_in_shop(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: Call<Cancellation>,
    ) -> Result<(), ActivityError> {
        let Call { asked, terms } = input;
        self.call(&ctx, Step::CancelInShop, &asked.order_id, terms.as_ref(), || self.cancel(&asked)).await
    }

    #[activity(definition = contract::RefundInShop)]
    pub async fn refund_in_shop(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: Call<RefundOfTheRest>,
    ) -> Result<(), ActivityError> {
        let Call { asked, terms } = input;
        self.call(&ctx, Step::RefundInShop, &asked.order_id, terms.as_ref(), || self.refund(&asked)).await
    }

    #[activity(definition = contract::RestockReturned)]
    pub async fn restock_returned(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: ReturnRef,
    ) -> Result<(), ActivityError> {
        let lane = LaneName::of_shop(&input.shop);
        self.calls.turn_back_if_paused(&lane, ctx.info().attempt)?;
        self.restock(&input).await.map_err(AttemptError::into_activity_error)
    }
}

impl ShopCalls {
    /// The calls, to these shops.
    #[must_use]
    pub fn new(planner: Planner, clients: AdminClients, calls: LaneCalls) -> Self {
        Self { pool: planner.pool.clone(), planner, clients, calls }
    }

    /// One attempt, under the name that the shop's own lane would have.
    async fn call<T, Attempt>(
        &self,
        ctx: &ActivityContext,
        step: Step,
        order: &OrderId,
        terms: Option<&Terms>,
        body: impl Fn() -> Attempt,
    ) -> Result<T, ActivityError>
    where
        Attempt: Future<Output = Result<T, AttemptError>>,
    {
        let lane = match terms {
            Some(terms) => Ok(terms.lane.clone()),
            None => LaneName::parse(&ctx.info().task_queue),
        };
        let lane = lane.map_err(|error| AttemptError::from(error).into_activity_error())?;
        self.calls.attempt(LaneCall { ctx, lane: &lane, step, order, terms }, body).await
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
