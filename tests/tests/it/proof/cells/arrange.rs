//! Leads an order to where its cell begins.

use domain::Step;
use serde_json::{Value, json};

use super::{
    table::Stand,
    walk::{CALL, PATIENCE, Walk},
};
use crate::world::{Webhook, World, until};

impl Walk<'_> {
    pub(super) async fn arrange(&self) {
        let Self { world, order, skus: [first, ..], .. } = self;
        let delayed =
            |operation: &str| json!({"operation": operation, "sku": first, "delayMs": CALL.as_millis()});
        match self.cell.stand {
            Stand::HeldByWindow => {
                world.place(order).await;
                self.until("it is held", |order| order.is("ON_HOLD")).await;
            }
            Stand::AwaitingPayment => self.until_unpaid().await,
            Stand::Reserving => self.hold_up(Step::Reserve).await,
            Stand::Looking => self.hold_up(Step::LookInShop).await,
            Stand::Backordered => {
                world.place(order).await;
                self.until("it waits for stock", |order| order.is("BACKORDERED")).await;
            }
            Stand::HeldByShop => {
                world.place_silently(order).await;
                let path = world.shopify(&format!("/_orders/{}/hold?announce=false", order.id));
                // The shop makes fulfilment orders a moment after the order.
                until("the shop holds it", PATIENCE, async || {
                    let answer =
                        world.http.post(&path).json(&json!({"reason": "OTHER"})).send().await.ok()?;
                    answer.status().is_success().then_some(())
                })
                .await;
                world.place(order).await;
                self.until("it is held", |order| order.is("ON_HOLD")).await;
            }
            Stand::HandingOver => {
                world.wms_rule(delayed("createShipment")).await;
                world.place(order).await;
                let number = self.until("it is known", |_| true).await.order_number;
                self.until_called(&world.wms(&format!("/_ledger?order={number}")), "createShipment").await;
            }
            Stand::Accepted => self.until_accepted().await,
            Stand::Picked => {
                self.until_accepted().await;
                let taken = world.wms_effects(first, "shipmentCreated").await.remove(0);
                let picked = json!({"type": "shipment.picked", "reference": taken["reference"],
                    "shipmentId": taken["shipmentId"], "sequence": 2, "lines": taken["lines"]});
                assert_eq!(world.send_callback(&format!("picked-{}", order.id), &picked).await, 200);
            }
            Stand::PartShipped => {
                world.place(order).await;
                self.until("one line has left", |order| {
                    order.references.len() == 2 && order.is("PARTIALLY_SHIPPED") && order.unnotified == 0
                })
                .await;
                world.until_handed_over(first, 1).await;
            }
            Stand::PartShippedRestWaits => self.until_part_has_left().await,
            Stand::ShippedUntold | Stand::DeliveredUntold => {
                world.break_down(order, Step::TellShop).await;
                world.place(order).await;
                let status = if self.cell.stand == Stand::DeliveredUntold { "DELIVERED" } else { "SHIPPED" };
                self.until("it has left", |order| order.status == status && order.is("NEEDS_ATTENTION"))
                    .await;
            }
            Stand::Told | Stand::Delivered => {
                world.place(order).await;
                let status = if self.cell.stand == Stand::Told { "SHIPPED" } else { "DELIVERED" };
                self.until("it has left", |order| order.status == status && order.ended).await;
            }
            Stand::Cancelled => {
                self.until_unpaid().await;
                world.signal(&order.workflow(), "cancel", &[World::cancel_request("operator")]).await;
                self.until("it is cancelled", |order| order.status == "CANCELLED" && order.ended).await;
            }
            Stand::Parked(step) => self.park(step).await,
        }
    }

    async fn hold_up(&self, step: Step) {
        self.world.hold_up(&self.order, step, "before").await;
        self.world.place(&self.order).await;
        until(&self.name(), PATIENCE, async || self.world.has_struck(&self.order, step).await.then_some(()))
            .await;
    }

    async fn park(&self, step: Step) {
        let Self { world, order, .. } = self;
        if step != Step::Gate {
            world.break_down(order, step).await;
        }
        match step {
            Step::ReadOrder => {
                self.until_unpaid().await;
                let hint = json!({"order_edit": {"id": order.id, "order_id": order.id}});
                world.deliver_webhook(&Webhook::new(&order.shop, "orders/edited", hint)).await;
            }
            Step::Recall | Step::Release | Step::CancelInShop | Step::RecordCancelled => {
                self.until_accepted().await;
                world.signal(&order.workflow(), "cancel", &[World::cancel_request("operator")]).await;
            }
            Step::RefundInShop => {
                self.until_part_has_left().await;
                world.signal(&order.workflow(), "cancel", &[World::cancel_request("operator")]).await;
            }
            Step::Gate
            | Step::Reserve
            | Step::LookInShop
            | Step::HandOver
            | Step::RecordParcel
            | Step::TellShop
            | Step::Follow => world.place(order).await,
        }
        self.until("it is parked", |order| order.is("NEEDS_ATTENTION")).await;
        until("the run waits for an answer", PATIENCE, async || {
            Some(world.status(&order.workflow()).await).filter(|status| !status["parked"].is_null())
        })
        .await;
    }

    async fn until_unpaid(&self) {
        self.world.place(&self.order).await;
        self.until("it waits for its payment", |order| order.is("AWAITING_PAYMENT")).await;
    }

    async fn until_accepted(&self) {
        self.world.place(&self.order).await;
        self.until("it is at the warehouse", |order| order.status == "PROCESSING").await;
    }

    async fn until_part_has_left(&self) {
        self.world.place(&self.order).await;
        self.until("part of it has left", |order| {
            order.is("PARTIALLY_SHIPPED") && order.unnotified == 0 && !order.booked.is_empty()
        })
        .await;
    }

    async fn until_called(&self, ledger: &str, operation: &str) {
        until(&format!("{}: {operation} is called", self.name()), PATIENCE, async || {
            let entries = self.world.ledger(ledger.to_owned()).await;
            let called = |entry: &Value| entry["kind"] == "call" && entry["operation"] == operation;
            entries.iter().any(called).then_some(())
        })
        .await;
    }
}
