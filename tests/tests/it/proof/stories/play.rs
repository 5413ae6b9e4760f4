//! Plays a story: the shop's own people act in the simulated shop, so that what it says is true, and its
//! messages come at once, late, twice and out of order.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    draw::{Beat, Event, Script, Telling, Warehouse},
    truth::Subject,
};
use crate::world::{PATIENT_SHOP, Placed, Webhook, World, until};

/// How long anybody's door may be closed.
const DOOR: Duration = Duration::from_secs(60);

/// An order whose story is played.
pub struct Played<'a> {
    world: &'a World,
    /// Its script.
    pub script: Script,
    /// The order.
    pub order: Placed,
    skus: [String; 2],
    /// What the shop said, or would have said.
    sent: Vec<Webhook>,
    /// What it did not say yet.
    kept_back: Vec<Webhook>,
    /// What our API answered to a cancel.
    pub cancelled: Vec<u16>,
    /// What happened, as far as it could be done.
    pub trace: Vec<String>,
}

impl<'a> Played<'a> {
    /// An order that nobody knows of yet; `take` tells it from earlier takes of the same story.
    pub fn new(world: &'a World, script: Script, take: &str) -> Self {
        let skus = ["A", "B"].map(|sku| format!("STORY-{}-{take}-{sku}", script.number));
        let lines: Vec<&str> = skus.iter().map(String::as_str).take(script.quantities.len()).collect();
        let mut order = Placed::new(PATIENT_SHOP, &lines, 1)
            .with("financial_status", json!(script.financial_status))
            .with("total_price", json!(format!("{}.00", 30 * script.quantities.iter().sum::<i64>())));
        for (position, quantity) in script.quantities.iter().enumerate() {
            order.body["line_items"][position]["quantity"] = json!(quantity);
            order.body["line_items"][position]["fulfillable_quantity"] = json!(quantity);
            order.body["line_items"][position]["price"] = json!("30.00");
        }
        Self {
            world,
            script,
            order,
            skus,
            sent: Vec::new(),
            kept_back: Vec::new(),
            cancelled: Vec::new(),
            trace: Vec::new(),
        }
    }

    /// Its SKUs.
    pub fn skus(&self) -> &[String; 2] {
        &self.skus
    }

    /// What its truth is asked by.
    pub fn subject(&self) -> Subject<'_> {
        Subject { order: &self.order, skus: &self.skus, cancelled: &self.cancelled }
    }

    /// Plays it to its last event; everything that the shop kept back is said by then.
    pub async fn play(mut self) -> Self {
        self.set_up().await;
        let (topic, telling) = self.script.first;
        self.tell(topic, telling).await;
        for beat in self.script.beats.clone() {
            tokio::time::sleep(Duration::from_millis(beat.pause_ms)).await;
            let late = std::mem::take(&mut self.kept_back);
            self.happen(beat).await;
            self.say(late).await;
        }
        let late = std::mem::take(&mut self.kept_back);
        self.say(late).await;
        self
    }

    async fn set_up(&self) {
        for (sku, pieces) in self.skus.iter().zip(self.script.stock) {
            // The items' stock may be nothing, and is then received later.
            let item = json!({"itemId": sku, "itemName": sku, "availableQty": pieces, "unitPrice": "30.00"});
            self.at_our_door("/api/inventory", item, &[201, 409]).await;
            let mut rule = match self.script.warehouse {
                Warehouse::Quick => continue,
                Warehouse::Slow => json!({"shipAfterMs": 1500}),
                Warehouse::InParts => json!({"parts": [1, 1, 1, 1, 1], "shipAfterMs": 300}),
                Warehouse::WhenTold => json!({"never": true}),
                Warehouse::CannotStop => json!({"never": true, "tooLate": true}),
            };
            rule["operation"] = json!("shipment");
            rule["sku"] = json!(sku);
            rule["times"] = json!(0);
            self.world.wms_rule(rule).await;
        }
        self.world.place_silently(&self.order).await;
    }

    async fn happen(&mut self, beat: Beat) {
        let Beat { event, telling, .. } = beat;
        let line = |line: usize| self.order.body["line_items"][line]["id"].clone();
        let pieces =
            |at: usize, quantity: i64| json!({"lines": [{"lineItemId": line(at), "quantity": quantity}]});
        // Of what happens to fulfilment orders the shop says nothing but by its own webhook.
        let (deed, words, telling) = match &event {
            Event::Edit { line, quantity } => ("edit", pieces(*line, *quantity), telling),
            Event::Add { sku, quantity } => {
                let added =
                    json!({"lines": [{"sku": self.skus[*sku], "quantity": quantity, "price": "30.00"}]});
                ("edit", added, telling)
            }
            Event::Move { address } => {
                let address = json!({"shippingAddress": {"address1": format!("{address} Secret Street")}});
                ("edit", address, telling)
            }
            Event::Refund { line: at, quantity, restock } => {
                let refunded = json!({"lineItemId": line(*at), "quantity": quantity, "restockType": restock});
                ("refund", json!({"lines": [refunded]}), telling)
            }
            Event::Pay => ("pay", Value::Null, telling),
            Event::Void => ("void", Value::Null, telling),
            Event::Cancel => ("cancel", Value::Null, telling),
            Event::Hold => ("hold", json!({"reason": "OTHER"}), Telling::Announced),
            Event::HoldSome { line, quantity } => ("hold", pieces(*line, *quantity), Telling::Announced),
            Event::Release => ("release", Value::Null, Telling::Announced),
            Event::Split { line, quantity } => ("split", pieces(*line, *quantity), Telling::Announced),
            Event::Merge => ("merge", Value::Null, Telling::Announced),
            Event::Reopen => ("reopen", Value::Null, Telling::Announced),
            Event::Schedule => {
                let soon = Utc::now() + chrono::Duration::seconds(2);
                ("schedule", json!({"fulfillAt": soon.to_rfc3339()}), Telling::Announced)
            }
            Event::Relocate => ("move", json!({"location": 655_441_492}), Telling::Announced),
            Event::Fulfil { line, quantity } => {
                let mut by_hand = pieces(*line, *quantity);
                by_hand["trackingNumber"] = json!(format!("BY-HAND-{}", self.trace.len()));
                ("fulfil", by_hand, telling)
            }
            Event::CancelHere => return self.carry_out_cancel().await,
            Event::Receive { sku, quantity } => {
                let path = format!("/api/inventory/{}/receive", self.skus[*sku]);
                return self.at_our_door(&path, json!({"quantity": quantity}), &[200]).await;
            }
            Event::Ship => return self.ship().await,
            Event::Again { message, same_id } => return self.say_again(*message, *same_id).await,
            Event::Kill(program) => {
                self.trace.push(format!("{program:?} is killed"));
                self.world.kill(*program);
                return self.world.start_program(*program);
            }
        };
        let announce = telling == Telling::Announced;
        let path = format!("/_orders/{}/{deed}?announce={announce}", self.order.id);
        let request = self.world.http.post(self.world.shopify(&path));
        let request = if words.is_null() { request } else { request.json(&words) };
        let answer = request.send().await.expect("the shop answers").status();
        self.trace.push(format!("{event:?}, {telling:?}: {answer}"));
        if answer.is_success() && !announce {
            self.tell(topic_of(&event), telling).await;
        }
    }

    /// The shop says what its order is like now, at once or when something else has happened.
    async fn tell(&mut self, topic: &str, telling: Telling) {
        if telling == Telling::Hinted {
            let hint = json!({"order_edit": {"id": self.order.id, "order_id": self.order.id}});
            return self.say(vec![Webhook::new(PATIENT_SHOP, "orders/edited", hint)]).await;
        }
        let body = self.world.shown_in_shop(&self.order).await;
        let mut webhook = Webhook::new(PATIENT_SHOP, topic, body);
        if telling != Telling::LateAndUndated {
            webhook.triggered_at = Some(Utc::now());
        }
        match telling {
            Telling::Announced | Telling::Hinted => self.say(vec![webhook]).await,
            Telling::Late | Telling::LateAndUndated => self.kept_back.push(webhook),
        }
    }

    async fn say(&mut self, webhooks: Vec<Webhook>) {
        for webhook in webhooks {
            self.world.deliver_webhook(&webhook).await;
            self.trace.push(format!("said {} {}", webhook.topic, shown(webhook.triggered_at)));
            self.sent.push(webhook);
        }
    }

    async fn say_again(&mut self, message: usize, same_id: bool) {
        let Some(known) = self.sent.get(message % self.sent.len().max(1)) else { return };
        let mut webhook = known.clone();
        if !same_id {
            webhook.id = Webhook::new(PATIENT_SHOP, "", Value::Null).id;
        }
        self.world.deliver_webhook(&webhook).await;
        self.trace.push(format!(
            "said {} again, as {}",
            webhook.topic,
            if same_id { "the same" } else { "another" }
        ));
    }

    async fn carry_out_cancel(&mut self) {
        let path = format!("/api/orders?shop={PATIENT_SHOP}&shopifyOrderId={}", self.order.id);
        let found = until("our door is open", DOOR, async || {
            let answer = self.world.http.get(self.world.api(&path)).send().await.ok()?;
            answer.json::<Vec<Value>>().await.ok()
        })
        .await;
        let Some(id) = found.first().and_then(|order| order["orderId"].as_str()) else { return };
        let path = self.world.api(&format!("/api/orders/{id}/cancel"));
        let answer = until("our door is open", DOOR, async || {
            Some(self.world.http.post(&path).send().await.ok()?.status().as_u16())
                .filter(|status| *status < 500)
        })
        .await;
        self.trace.push(format!("cancelled at our API: {answer}"));
        self.cancelled.push(answer);
    }

    async fn at_our_door(&self, path: &str, body: Value, answers: &[u16]) {
        let path = self.world.api(path);
        until("our door is open", DOOR, async || {
            let answer = self.world.http.post(&path).json(&body).send().await.ok()?;
            answers.contains(&answer.status().as_u16()).then_some(())
        })
        .await;
    }

    async fn ship(&mut self) {
        let in_house = super::truth::in_house(self.world, &self.skus).await;
        self.trace.push(format!("the warehouse is told to ship {in_house:?}"));
        for reference in in_house {
            super::truth::ship(self.world, &reference).await;
        }
    }
}

fn topic_of(event: &Event) -> &'static str {
    match event {
        Event::Pay => "orders/paid",
        Event::Cancel => "orders/cancelled",
        _ => "orders/updated",
    }
}

fn shown(moment: Option<DateTime<Utc>>) -> String {
    moment.map_or_else(|| "undated".to_owned(), |moment| moment.format("%T%.3f").to_string())
}
