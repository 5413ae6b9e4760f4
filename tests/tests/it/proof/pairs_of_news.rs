//! Every pair of what a shop says of an order beside a whole new one: edits, refunds, what its people fulfil
//! and hold. In both orders and at several distances: at rest each order does what the shop's own order and
//! fulfilment orders say, whoever was faster.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::{StreamExt, future::join, stream};
use serde_json::{Value, json};

use super::{
    PLACES, assert_clean,
    rest::{Rest, Standing, until_rest},
};
use crate::world::{self, PATIENT_SHOP, Placed, Plan, Webhook, World};

/// Orders that are prepared or sent at the same time.
const AT_ONCE: usize = 24;
/// Pieces of each SKU that there are.
const STOCK: u32 = 5;
/// Pieces that are ordered.
const ORDERED: i64 = 3;

/// What the shop's people do, in the order in which they do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    /// One piece less, of which only a hint is sent.
    Edited,
    /// One piece is refunded that has not left.
    Refunded,
    /// One piece is fulfilled by hand; the fulfilment alone is sent.
    ByHand,
    /// The same; the order is sent.
    Partially,
    /// All that is left is fulfilled by hand; the order is sent.
    Wholly,
    /// All that is left is put on hold.
    Held,
}

impl Deed {
    const ALL: [Self; 6] =
        [Self::Edited, Self::Refunded, Self::ByHand, Self::Partially, Self::Wholly, Self::Held];

    fn topic(self) -> &'static str {
        match self {
            Self::Edited => "orders/edited",
            Self::Refunded => "refunds/create",
            Self::ByHand => "fulfillments/create",
            Self::Partially => "orders/partially_fulfilled",
            Self::Wholly => "orders/fulfilled",
            Self::Held => "fulfillment_orders/placed_on_hold",
        }
    }

    /// The way to do it, with words about it.
    fn route(self, line: &Value, current: i64) -> (&'static str, Value) {
        let one = json!([{"lineItemId": line, "quantity": 1}]);
        match self {
            Self::Edited => ("edit", json!({"lines": [{"lineItemId": line, "quantity": current - 1}]})),
            Self::Refunded => {
                let lines = json!([{"lineItemId": line, "quantity": 1, "restockType": "cancel"}]);
                ("refund", json!({"amount": "1.00", "lines": lines}))
            }
            Self::ByHand | Self::Partially => ("fulfil", json!({"lines": one})),
            Self::Wholly => ("fulfil", Value::Null),
            Self::Held => ("hold", json!({"reason": "OTHER"})),
        }
    }

    /// What the shop sends of it.
    fn body(self, order: i64, shown: &Value) -> Value {
        let last = |name: &str| shown["order"][name].as_array().and_then(|all| all.last()).cloned();
        match self {
            Self::Edited => json!({"order_edit": {"id": order, "order_id": order}}),
            Self::Refunded => last("refunds").expect("a refund"),
            Self::ByHand => last("fulfillments").expect("a fulfilment"),
            Self::Partially | Self::Wholly => shown["order"].clone(),
            Self::Held => {
                let all = shown["fulfilmentOrders"].as_array().expect("a list");
                let held = all.iter().find(|order| order["status"] == "ON_HOLD").expect("one is held");
                json!({"fulfillment_order": {"id": held["adminGraphqlApiId"], "status": "on_hold"}})
            }
        }
    }
}

/// When what is said is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// Both at once, in the moment after the order came in.
    AtOnce,
    /// One after the other was acknowledged.
    InTurn,
    /// In turn, when the warehouse has the order.
    AtTheWarehouse,
    /// In turn, and the order's own webhook comes last.
    BeforeTheOrder,
}

/// What is said of one order.
#[derive(Debug)]
struct Pair {
    said: Vec<Deed>,
    when: When,
    order: Placed,
}

impl Pair {
    fn new(said: &[Deed], when: When) -> Self {
        let names: Vec<String> = said.iter().map(|deed| format!("{deed:?}")).collect();
        let sku = format!("{}-{when:?}", names.join("-"));
        Self { said: said.to_vec(), when, order: Placed::new(PATIENT_SHOP, &[&sku], 3) }
    }

    fn all() -> Vec<Self> {
        let mut pairs = Vec::new();
        for deed in Deed::ALL {
            pairs.extend([When::BeforeTheOrder, When::AtTheWarehouse].map(|when| Self::new(&[deed], when)));
        }
        for first in Deed::ALL {
            for second in Deed::ALL {
                let nothing_to_hold =
                    [first, second].contains(&Deed::Wholly) && [first, second].contains(&Deed::Held);
                if first == second || nothing_to_hold {
                    continue;
                }
                for when in [When::AtOnce, When::InTurn, When::AtTheWarehouse] {
                    pairs.push(Self::new(&[first, second], when));
                }
            }
        }
        pairs
    }

    fn sku(&self) -> &str {
        self.order.body["line_items"][0]["sku"].as_str().expect("a SKU")
    }

    fn has(&self, deed: Deed) -> bool {
        self.said.contains(&deed)
    }

    /// Pieces that are left for us.
    fn wanted(&self) -> i64 {
        if self.has(Deed::Wholly) {
            return 0;
        }
        let fewer = [Deed::Edited, Deed::Refunded, Deed::ByHand, Deed::Partially];
        ORDERED - fewer.into_iter().map(|deed| i64::from(self.has(deed))).sum::<i64>()
    }

    /// The shop's people do it all in silence; what the shop would have sent, as it is to be sent.
    async fn prepare(&self, world: &World) -> Vec<Webhook> {
        let line = &self.order.body["line_items"][0]["id"];
        let mut deeds = self.said.clone();
        deeds.sort_unstable();
        let mut sent: Vec<(Deed, Webhook)> = Vec::new();
        let mut current = ORDERED;
        for deed in deeds {
            let (route, words) = deed.route(line, current);
            current -= i64::from(matches!(deed, Deed::Edited | Deed::Refunded));
            let path = format!("/_orders/{}/{route}?announce=false", self.order.id);
            world.stage_with(world.shopify(&path), words).await;
            let path = world.shopify(&format!("/_orders/{}", self.order.id));
            let shown: Value = world.http.get(path).send().await.unwrap().json().await.unwrap();
            let body = deed.body(self.order.id, &shown);
            let now: DateTime<Utc> = Utc::now();
            let webhook = Webhook::new(&self.order.shop, deed.topic(), body);
            sent.push((deed, Webhook { triggered_at: Some(now), ..webhook }));
        }
        let of =
            |deed: &Deed| sent.iter().find(|(known, _)| known == deed).map(|(_, webhook)| webhook.clone());
        self.said.iter().filter_map(of).collect()
    }

    async fn play(&self, world: &World) {
        world.stock(self.sku(), STOCK).await;
        world.place_silently(&self.order).await;
        let placed = Webhook::new(&self.order.shop, "orders/create", self.order.body.clone());
        if self.when == When::AtTheWarehouse {
            world.deliver_webhook(&placed).await;
            world.until_order(&self.order, "status", &["PROCESSING"]).await;
        }
        let said = self.prepare(world).await;
        match self.when {
            When::AtOnce => {
                world.deliver_webhook(&placed).await;
                join(world.deliver_webhook(&said[0]), world.deliver_webhook(&said[1])).await;
            }
            When::InTurn | When::AtTheWarehouse => {
                if self.when == When::InTurn {
                    world.deliver_webhook(&placed).await;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                for webhook in &said {
                    world.deliver_webhook(webhook).await;
                }
            }
            When::BeforeTheOrder => {
                world.deliver_webhook(&said[0]).await;
                tokio::time::sleep(Duration::from_millis(200)).await;
                world.deliver_webhook(&placed).await;
            }
        }
    }

    /// What is wrong with the order while the warehouse keeps everything.
    fn wrong_before_shipping(&self, rest: &Rest) -> Option<String> {
        let Some(order) = rest.of(self.order.id) else { return Some(format!("{} is not there", self.sku())) };
        let held = order.held.get(self.sku()).copied().unwrap_or_default();
        let is_right = held == self.wanted()
            && if self.has(Deed::Held) {
                order.is("ON_HOLD") && order.references.is_empty()
            } else if self.wanted() == 0 {
                order.is("IGNORED") && order.ended && order.references.is_empty()
            } else {
                order.status == "PROCESSING" && order.references.len() == 1
            };
        (!is_right || !order.open.is_empty()).then(|| format!("{}: {order:?}", self.sku()))
    }

    fn leaves(&self) -> bool {
        self.wanted() > 0 && !self.has(Deed::Held)
    }

    /// What is wrong with the order when everything has left that was to leave.
    fn wrong_at_last(&self, order: &Standing) -> Option<String> {
        let booked = order.booked.get(self.sku()).copied().unwrap_or_default();
        let is_right = if self.leaves() {
            order.has_shipped() && order.ended && order.unnotified == 0 && booked == self.wanted()
        } else {
            booked == 0
        };
        (!is_right || !order.open.is_empty()).then(|| format!("{}: {order:?}", self.sku()))
    }
}

#[test]
fn whatever_two_things_a_shop_says_of_an_order_it_does_what_the_shop_has() {
    world::run(async {
        let _place = PLACES.acquire().await;
        let world = World::start(Plan::default()).await;
        world.wms_rule(json!({"operation": "shipment", "never": true, "times": 0})).await;
        let pairs = Pair::all();
        stream::iter(&pairs).for_each_concurrent(AT_ONCE, |pair| pair.play(&world)).await;

        let wrong = |rest: &Rest| -> Vec<String> {
            pairs.iter().filter_map(|pair| pair.wrong_before_shipping(rest)).collect()
        };
        let rest = until_rest(&world, |rest| wrong(rest).is_empty()).await;
        super::pairs::assert_none_wrong(&wrong(&rest), pairs.len());

        for pair in pairs.iter().filter(|pair| pair.leaves()) {
            let order = rest.of(pair.order.id).expect("it is there");
            world.warehouse_does(&order.references[0], "ship").await;
        }
        let wrong = |rest: &Rest| -> Vec<String> {
            pairs.iter().filter_map(|pair| pair.wrong_at_last(rest.of(pair.order.id)?)).collect()
        };
        let rest = until_rest(&world, |rest| wrong(rest).is_empty()).await;
        super::pairs::assert_none_wrong(&wrong(&rest), pairs.len());
        // What the shop has now, said once more: it is what everything was done by.
        for pair in &pairs {
            let body = world.shown_in_shop(&pair.order).await;
            world.deliver_webhook(&Webhook::new(&pair.order.shop, "orders/updated", body)).await;
        }
        until_rest(&world, |_| true).await;
        assert_clean(&world).await;
    });
}
