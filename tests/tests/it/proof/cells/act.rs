//! What is done with the order of a cell, and what was answered.

use serde_json::{Value, json};
use temporalio_client::WorkflowCancelOptions;

use super::{
    table::{Act, Cancel, Stand},
    walk::{PATIENCE, Walk},
};
use crate::world::{World, until};

/// What whoever did it heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Nothing: it was not asked for an answer.
    None,
    /// A status of HTTP.
    Status(u16),
    /// An Update was carried out.
    Done,
    /// An Update was refused, with this sentence.
    Refused(String),
}

impl Walk<'_> {
    pub(super) async fn act(&self) -> Answer {
        match self.cell.act {
            Act::Cancel(how) => self.cancel(how).await,
            Act::Address => {
                self.staff("edit", json!({"shippingAddress": {"address1": super::outcome::NEW_STREET}})).await
            }
            Act::QuantityUp => self.change(0, 3).await,
            Act::QuantityDown => {
                self.unfulfil().await;
                self.change(0, 1).await
            }
            Act::LineAdded => {
                self.staff("edit", json!({"lines": [{"sku": self.skus[2], "quantity": 1, "price": "5.00"}]}))
                    .await
            }
            Act::LineRemoved => {
                self.unfulfil().await;
                // The one that has not left.
                self.change(usize::from(self.cell.stand != Stand::PartShipped), 0).await
            }
            Act::MoneyGone => self.staff("void", json!({})).await,
            Act::HoldPlaced => self.staff("hold", json!({"reason": "OTHER"})).await,
            Act::SkuMapped => {
                let line = self.order.body["line_items"][0]["id"].to_string();
                self.by_hand(json!({"lines": [{"lineId": line, "sku": self.skus[2]}]})).await
            }
            Act::WarehouseChosen => {
                for sku in &self.skus[..2] {
                    self.receive_far_away(sku).await;
                }
                self.by_hand(json!({"warehouseId": "far"})).await
            }
            Act::AddressByHand => {
                let address = json!({"name": "Ada Byron", "address1": super::outcome::NEW_STREET,
                    "city": "London", "zip": "SW1Y 4JH", "countryCode": "GB"});
                self.by_hand(json!({"address": address})).await
            }
        }
    }

    async fn cancel(&self, how: Cancel) -> Answer {
        let (world, workflow) = (self.world, self.order.workflow());
        match how {
            Cancel::Signal => world.signal(&workflow, "cancel", &[World::cancel_request("operator")]).await,
            Cancel::Policy => world.signal(&workflow, "cancel", &[World::cancel_request("policy")]).await,
            Cancel::Run => {
                let asked = world.workflow(&workflow).cancel(WorkflowCancelOptions::default()).await;
                asked.expect("the run is there");
            }
            Cancel::Shop => world.shop_does(&self.order, "cancel").await,
            Cancel::Customer => {
                let request = World::cancel_request("customer");
                return match world.update(&workflow, "cancel-order", request).await {
                    Ok(_) => Answer::Done,
                    Err(sentence) => Answer::Refused(sentence),
                };
            }
            Cancel::Api => {
                let id = self.until("it is known", |_| true).await.order_id;
                return self.post(&format!("/api/orders/{id}/cancel"), &json!({})).await;
            }
        }
        Answer::None
    }

    async fn change(&self, line: usize, quantity: u32) -> Answer {
        let id = &self.order.body["line_items"][line]["id"];
        self.staff("edit", json!({"lines": [{"lineItemId": id, "quantity": quantity}]})).await
    }

    /// The shop lets its people take nothing off what it calls fulfilled: they take that back first.
    async fn unfulfil(&self) {
        if matches!(self.cell.stand, Stand::Told | Stand::Delivered) {
            let path = format!("/_orders/{}/cancel_fulfilment?announce=false", self.order.id);
            self.world.stage_with(self.world.shopify(&path), json!({})).await;
        }
    }

    async fn staff(&self, deed: &str, words: Value) -> Answer {
        let path = self.world.shopify(&format!("/_orders/{}/{deed}", self.order.id));
        let answer = self.world.http.post(path).json(&words).send().await.expect("the shop answers");
        Answer::Status(answer.status().as_u16())
    }

    async fn by_hand(&self, mut form: Value) -> Answer {
        form["reason"] = json!("the customer called");
        let id = self.until("it is known", |_| true).await.order_id;
        form["requestId"] = json!(format!("cell-{}", self.order.id));
        self.post(&format!("/api/orders/{id}/edit"), &form).await
    }

    /// Sends a form to our API, again while it is busy.
    async fn post(&self, path: &str, form: &Value) -> Answer {
        let path = self.world.api(path);
        let status = until(&format!("{}: the API answers", self.name()), PATIENCE, async || {
            let answer = self.world.http.post(&path).json(form).send().await.ok()?;
            Some(answer.status().as_u16()).filter(|status| *status != 503)
        })
        .await;
        Answer::Status(status)
    }
}
