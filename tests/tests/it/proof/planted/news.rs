//! The plays of faults in how news of an order and of its parcels is taken.

use std::time::Duration;

use chrono::Utc;
use serde_json::json;

use super::Play;
use crate::world::{PATIENT_SHOP, Placed, SHOP, Webhook, until};

impl Play<'_> {
    /// The customer pays while the order waits for it.
    pub(super) async fn paid_while_it_waits(&self) -> String {
        let Self { world, board, .. } = self;
        let order = self.stocked(5).await.with("financial_status", json!("pending"));
        world.place(&order).await;
        let seen = board
            .until("it waits for the payment", &order, |seen| {
                seen.condition.as_deref() == Some("AWAITING_PAYMENT")
            })
            .await;
        world.shop_does(&order, "pay").await;
        world.until_message(&order, "orders/paid", "DONE").await;
        if !self.planted {
            board.until("it ships", &order, |seen| seen.ended).await;
        }
        seen.order_number
    }

    /// The shop's people take off what is not there, while the order waits for it.
    pub(super) async fn edited_while_it_waits_for_stock(&self) -> String {
        let Self { world, board, .. } = self;
        let order = self.stocked(1).await;
        world.place(&order).await;
        let seen = board
            .until("it waits for stock", &order, |seen| seen.condition.as_deref() == Some("BACKORDERED"))
            .await;
        let fewer = json!({"lines": [{"lineItemId": order.body["line_items"][0]["id"], "quantity": 1}]});
        let quietly = world.shopify(&format!("/_orders/{}/edit?announce=false", order.id));
        world.stage_with(quietly, fewer).await;
        // The shop says what the order is like now: nothing that would have it asked.
        let body = world.shown_in_shop(&order).await;
        world.deliver_webhook(&Webhook::new(SHOP, "orders/updated", body)).await;
        world.until_message(&order, "orders/updated", "DONE").await;
        if !self.planted {
            board.until("it ships what is there", &order, |seen| seen.ended).await;
        }
        seen.order_number
    }

    /// A warehouse that numbers the parcels of each hand-over from one.
    pub(super) async fn same_shipment_id_under_two_hand_overs(&self) -> String {
        let Self { world, board, .. } = self;
        // Nobody asks this shop's warehouse about what is overdue.
        let order = Placed { shop: PATIENT_SHOP.to_owned(), ..self.stocked(5).await };
        self.warehouse(json!({"operation": "shipment", "never": true, "times": 2})).await;
        self.warehouse(
            json!({"operation": "callback", "type": "shipment.shipped", "lost": true, "times": 2}),
        )
        .await;
        self.warehouse(
            json!({"operation": "callback", "type": "shipment.delivered", "lost": true, "times": 2}),
        )
        .await;
        world.place(&order).await;
        let seen = board.until("it is handed over", &order, |seen| seen.status == "PROCESSING").await;
        let more = json!({"lines": [{"sku": self.sku(), "quantity": 1, "price": "29.90"}]});
        world.stage_with(world.shopify(&format!("/_orders/{}/edit", order.id)), more).await;
        let seen = board
            .until("the added line is handed over too", &order, |now| {
                now.references.len() == 2 && seen.order_number == now.order_number
            })
            .await;
        for (reference, quantity) in seen.references.iter().zip([2, 1]) {
            self.until_warehouse(&seen.order_number, "the warehouse has it", |entry| {
                entry["effect"] == json!("shipmentCreated") && entry["reference"] == json!(reference)
            })
            .await;
            world.stage(world.wms(&format!("/_shipments/{reference}/ship"))).await;
            self.say_shipped(reference, quantity).await;
        }
        if !self.planted {
            board.until("it ships", &order, |seen| seen.ended).await;
        }
        seen.order_number
    }

    /// The first parcel under this reference, in the warehouse's own words.
    async fn say_shipped(&self, reference: &str, quantity: u32) {
        let said = json!({
            "type": "shipment.shipped", "reference": reference, "shipmentId": format!("{}-P1", self.sku()),
            "sequence": 3, "lines": [{"sku": self.sku(), "quantity": quantity}],
            "carrier": "DHL", "trackingNumber": format!("T-{reference}"), "trackingUrl": null,
            "occurredAt": Utc::now(),
        });
        let id = format!("msg-{reference}");
        assert_eq!(self.world.send_callback(&id, &said).await / 100, 2, "the callback is taken");
        until("the parcel is recorded", Duration::from_secs(30), async || {
            let settled: Option<String> = sqlx::query_scalar(
                "SELECT state FROM integration.inbox WHERE message_id = $1 AND settled_at IS NOT NULL",
            )
            .bind(&id)
            .fetch_optional(&self.world.pool)
            .await
            .expect("the inbox is read");
            settled
        })
        .await;
    }

    /// The shop says of our parcel what we told it.
    pub(super) async fn told_of_our_own_parcel(&self) -> String {
        let Self { world, board, .. } = self;
        let order = self.stocked(5).await;
        world.place(&order).await;
        let seen = board.until("it ships", &order, |seen| seen.ended).await;
        world.until_message(&order, "orders/fulfilled", "DONE").await;
        if self.planted {
            until("a person is called", Duration::from_secs(60), async || {
                (!world.open_attention(&order).await.is_empty()).then_some(())
            })
            .await;
        }
        seen.order_number
    }
}
