//! One pair of hands: an act after the other, on orders of its own and on stock that everybody has.

use std::{collections::BTreeMap, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use crate::world::{PATIENT_SHOP, Placed, TRUSTING_SHOP, World, until};

/// Orders of one pair of hands that are open at once.
const ORDERS: usize = 5;
/// How long anybody's door may be closed.
const PATIENCE: Duration = Duration::from_secs(60);
/// Acts on an order before another one is placed in its stead.
const ACTS_ON_ONE: usize = 16;

/// What was done.
#[derive(Default)]
pub struct Done {
    /// How often, by kind.
    pub counts: BTreeMap<&'static str, usize>,
    /// Pieces that goods received and counts put on hand, by SKU.
    pub put_in: BTreeMap<String, i64>,
}

impl Done {
    /// Adds what somebody else did.
    pub fn add(&mut self, other: Self) {
        for (kind, count) in other.counts {
            *self.counts.entry(kind).or_default() += count;
        }
        for (sku, pieces) in other.put_in {
            *self.put_in.entry(sku).or_default() += pieces;
        }
    }
}

struct Open {
    placed: Placed,
    skus: Vec<&'static str>,
    acts: usize,
    /// Whether it is kept whatever is done with it.
    stays: bool,
}

/// One pair of hands.
pub struct Hands<'a> {
    world: &'a World,
    skus: [&'static str; 4],
    chance: StdRng,
    number: usize,
    orders: Vec<Open>,
    /// Returns that were announced and of which something is still to come: their id, the SKU and its pieces.
    announced: Vec<(String, &'static str, u64)>,
    done: Done,
}

impl<'a> Hands<'a> {
    /// A pair of hands that has done nothing.
    pub fn new(world: &'a World, skus: [&'static str; 4], seed: u64, number: usize) -> Self {
        let chance = StdRng::seed_from_u64(seed.wrapping_mul(1_000_003).wrapping_add(number as u64));
        let (orders, announced) = (Vec::new(), Vec::new());
        Self { world, skus, chance, number, orders, announced, done: Done::default() }
    }

    /// Does so many acts; one that cannot be done now is another one.
    pub async fn work(mut self, acts: usize) -> Done {
        self.place_one_that_leaves().await;
        let mut did = 0;
        while did < acts {
            self.keep_orders_open().await;
            let at = self.chance.random_range(0..self.orders.len());
            let kind = match self.chance.random_range(0..16) {
                0 | 1 => self.edit(at, true).await,
                2 | 3 => self.edit(at, false).await,
                4 => self.add_line(at).await,
                5 | 6 => self.refund(at, "cancel").await,
                7 => self.refund(at, "no_restock").await,
                8 => self.refund(at, "return").await,
                9..=11 => self.announce_return(at).await,
                12 => self.receive_return().await,
                13 | 14 => self.count().await,
                _ => self.receive().await,
            };
            if let Some(kind) = kind {
                *self.done.counts.entry(kind).or_default() += 1;
                did += 1;
            }
        }
        self.done
    }

    /// An order of which there is something to come back from the beginning.
    async fn place_one_that_leaves(&mut self) {
        let skus = vec![self.skus[0]];
        let placed = Placed::new(TRUSTING_SHOP, &skus, 6).with("total_price", json!("900.00"));
        self.world.place(&placed).await;
        self.world.until_shop_notified(&placed, 1).await;
        self.orders.push(Open { placed, skus, acts: 0, stays: true });
    }

    async fn keep_orders_open(&mut self) {
        self.orders.retain(|order| order.stays || order.acts < ACTS_ON_ONE);
        while self.orders.len() < ORDERS {
            let first = self.chance.random_range(0..self.skus.len());
            let second = (first + self.chance.random_range(1..self.skus.len())) % self.skus.len();
            let mut skus = vec![self.skus[first], self.skus[second]];
            skus.truncate(self.chance.random_range(1..=2));
            let shop = if self.chance.random() { PATIENT_SHOP } else { TRUSTING_SHOP };
            let quantity = self.chance.random_range(1..=3);
            let placed = Placed::new(shop, &skus, quantity).with("total_price", json!("900.00"));
            self.world.place(&placed).await;
            self.orders.push(Open { placed, skus, acts: 0, stays: false });
        }
    }

    /// The shop's people do something with an order, if that can be done; anything but done or impossible is a fault.
    async fn staff(&mut self, at: usize, deed: &str, words: Value) -> Option<()> {
        let order = &mut self.orders[at];
        order.acts += 1;
        let path = self.world.shopify(&format!("/_orders/{}/{deed}", order.placed.id));
        let answer = self.world.http.post(path).json(&words).send().await.expect("the shop answers");
        let status = answer.status().as_u16();
        assert!([200, 409].contains(&status), "{deed} of {}: {status}", order.placed.id);
        (status == 200).then_some(())
    }

    fn line(&mut self, at: usize) -> Value {
        let lines = self.orders[at].skus.len();
        let line = self.chance.random_range(0..lines);
        self.orders[at].placed.body["line_items"][line]["id"].clone()
    }

    async fn edit(&mut self, at: usize, up: bool) -> Option<&'static str> {
        let line = self.line(at);
        let shown = self.world.shown_in_shop(&self.orders[at].placed).await;
        let known = shown["line_items"].as_array()?.iter().find(|known| known["id"] == line)?;
        let current = known["current_quantity"].as_i64().or(known["quantity"].as_i64())?;
        let by = self.chance.random_range(1..=2);
        let quantity = if up { current + by } else { current - by };
        if !(0..=6).contains(&quantity) {
            return None;
        }
        self.staff(at, "edit", json!({"lines": [{"lineItemId": line, "quantity": quantity}]})).await?;
        Some(if up { "edit up" } else { "edit down" })
    }

    async fn add_line(&mut self, at: usize) -> Option<&'static str> {
        let sku = self.skus[self.chance.random_range(0..self.skus.len())];
        let line = json!({"sku": sku, "quantity": self.chance.random_range(1..=2), "price": "5.00"});
        self.staff(at, "edit", json!({"lines": [line]})).await?;
        Some("edit adds a line")
    }

    async fn refund(&mut self, at: usize, restock: &'static str) -> Option<&'static str> {
        let line = json!({"lineItemId": self.line(at), "quantity": 1, "restockType": restock});
        // A cent, so that the order stays one that is paid.
        self.staff(at, "refund", json!({"amount": "0.01", "lines": [line]})).await?;
        Some(match restock {
            "cancel" => "refund, restocked",
            "return" => "refund of a return",
            _ => "refund, not restocked",
        })
    }

    async fn announce_return(&mut self, at: usize) -> Option<&'static str> {
        let at = if self.chance.random() { 0 } else { at };
        let order = &mut self.orders[at];
        order.acts += 1;
        let sku = order.skus[self.chance.random_range(0..order.skus.len())];
        let path = format!("/api/orders?shop={}&shopifyOrderId={}", order.placed.shop, order.placed.id);
        let found = self.world.http.get(self.world.api(&path)).send().await.ok()?;
        let found: Vec<Value> = found.json().await.ok()?;
        let id = found.first()?["orderId"].as_str()?.to_owned();
        let quantity = self.chance.random_range(1..=2_u64);
        let form = json!({"items": [{"sku": sku, "quantity": quantity}], "reason": "too small"});
        let (status, body) = self.post(&format!("/api/orders/{id}/returns"), &form).await;
        assert!([201, 409].contains(&status), "{status}: {body}");
        if status == 409 {
            return None;
        }
        self.announced.push((body["returnId"].as_str()?.to_owned(), sku, quantity));
        Some("return announced")
    }

    async fn receive_return(&mut self) -> Option<&'static str> {
        let (id, sku, pieces) = self.announced.pop()?;
        let sellable = self.chance.random_range(0..4) > 0;
        let line = json!({"sku": sku, "quantity": 1, "sellable": sellable});
        let (status, body) =
            self.post(&format!("/api/returns/{id}/receive"), &json!({"lines": [line]})).await;
        assert_eq!(status, 200, "{body}");
        if pieces > 1 {
            self.announced.push((id, sku, pieces - 1));
        }
        Some(if sellable { "return received" } else { "return received, unsellable" })
    }

    async fn count(&mut self) -> Option<&'static str> {
        let sku = self.skus[self.chance.random_range(0..self.skus.len())];
        let warehouse = if self.chance.random_range(0..4) == 0 { "far" } else { "main" };
        let known: Option<i64> =
            sqlx::query_scalar("SELECT on_hand FROM inventory.stock WHERE sku = $1 AND warehouse = $2")
                .bind(sku)
                .bind(warehouse)
                .fetch_optional(&self.world.pool)
                .await
                .expect("the stock is read");
        let found = (known? + self.chance.random_range(-4..=4_i64)).max(0);
        let request = format!("{:032x}", self.chance.random::<u128>());
        let form = json!({"requestId": request, "onHand": found, "warehouseId": warehouse, "reason": "a random count"});
        let (status, body) = self.post(&format!("/api/inventory/{sku}/count"), &form).await;
        assert_eq!(status, 200, "{body}");
        let change = body["onHand"].as_i64()? - body["onHandBefore"].as_i64()?;
        *self.done.put_in.entry(sku.to_owned()).or_default() += change;
        Some("count")
    }

    async fn receive(&mut self) -> Option<&'static str> {
        let sku = self.skus[self.chance.random_range(0..self.skus.len())];
        let quantity = self.chance.random_range(1..=5_i64);
        let (status, body) =
            self.post(&format!("/api/inventory/{sku}/receive"), &json!({"quantity": quantity})).await;
        assert_eq!(status, 200, "{body}");
        *self.done.put_in.entry(sku.to_owned()).or_default() += quantity;
        Some("goods received")
    }

    /// Sends a form until the service takes it or refuses it; the same under one key, however often it is sent.
    async fn post(&mut self, path: &str, form: &Value) -> (u16, Value) {
        let (world, key) = (self.world, format!("{:032x}", self.chance.random::<u128>()));
        until(&format!("hand {}: {path}", self.number), PATIENCE, async || {
            let request = world.http.post(world.api(path)).header("Idempotency-Key", &key).json(form);
            let answer = request.send().await.ok()?;
            let status = answer.status().as_u16();
            // It is busy, and says to come again.
            (status != 503).then_some((status, answer.json().await.unwrap_or_default()))
        })
        .await
    }
}
