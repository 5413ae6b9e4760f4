//! Every pair of messages that carry a whole order, in both orders and at every distance: at rest each
//! order does what the newest acknowledged body says, whoever was faster.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use domain::Step;
use futures::{StreamExt, future::join, stream};
use serde_json::{Value, json};

use super::{
    PLACES, assert_clean,
    rest::{Rest, Standing, until_rest},
};
use crate::world::{self, PATIENT_SHOP, Placed, Plan, Program, Webhook, World, until};

/// Where nobody listens.
const DEAD_ADDRESS: &str = "127.0.0.1:9";
/// Orders that are prepared or sent at the same time.
const AT_ONCE: usize = 24;
/// Pieces of each SKU that there are.
const STOCK: u32 = 5;

/// What happens to an order, as it happens: a later one is the newer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Topic {
    Create,
    Updated,
    Paid,
    Cancelled,
}

impl Topic {
    const ALL: [Self; 4] = [Self::Create, Self::Updated, Self::Paid, Self::Cancelled];

    fn name(self) -> &'static str {
        match self {
            Self::Create => "orders/create",
            Self::Updated => "orders/updated",
            Self::Paid => "orders/paid",
            Self::Cancelled => "orders/cancelled",
        }
    }
}

/// When the second is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gap {
    /// So long after the first, which may not be acknowledged by then.
    Ms(u64),
    /// When the first was acknowledged.
    Acknowledged,
}

/// Two messages of one order.
#[derive(Debug, Clone)]
struct Pair {
    first: Topic,
    second: Topic,
    gap: Gap,
    one_second: bool,
    says_when: bool,
    order: Placed,
}

impl Pair {
    fn new(first: Topic, second: Topic, gap: Gap, one_second: bool, says_when: bool) -> Self {
        let when = if says_when { "told" } else { "unnotified" };
        let seconds = if one_second { "one" } else { "two" };
        let sku = format!("{first:?}-{second:?}-{gap:?}-{seconds}-{when}").replace(['(', ')'], "-");
        let order = Placed::new(PATIENT_SHOP, &[&sku], 2).with("financial_status", json!("pending"));
        Self { first, second, gap, one_second, says_when, order }
    }

    /// All pairs with these distances.
    fn all(gaps: &[Gap]) -> Vec<Self> {
        let mut pairs = Vec::new();
        for first in Topic::ALL {
            for second in Topic::ALL {
                for gap in gaps {
                    for (one_second, says_when) in
                        [(true, true), (true, false), (false, true), (false, false)]
                    {
                        pairs.push(Self::new(first, second, *gap, one_second, says_when));
                    }
                }
            }
        }
        pairs
    }

    fn newest(&self) -> Topic {
        self.first.max(self.second)
    }

    fn sku(&self) -> &str {
        self.order.body["line_items"][0]["sku"].as_str().expect("a SKU")
    }

    /// Pieces that the newest body wants: one less than ordered, once the shop's people edited it.
    fn pieces(&self) -> i64 {
        let edited = [self.first, self.second].contains(&Topic::Updated);
        if edited && self.newest() >= Topic::Updated { 1 } else { 2 }
    }

    /// The shop lives through everything in silence; the two messages are what it would have sent.
    async fn prepare(&self, world: &World) -> [Webhook; 2] {
        world.stock(self.sku(), STOCK).await;
        world.place_silently(&self.order).await;
        let mut bodies = Vec::new();
        for topic in Topic::ALL.into_iter().filter(|topic| [self.first, self.second].contains(topic)) {
            let line = self.order.body["line_items"][0]["id"].clone();
            let deed = match topic {
                Topic::Create => None,
                Topic::Updated => Some(("edit", json!({"lines": [{"lineItemId": line, "quantity": 1}]}))),
                Topic::Paid => Some(("pay", Value::Null)),
                Topic::Cancelled => Some(("cancel", Value::Null)),
            };
            if let Some((deed, words)) = deed {
                let path = format!("/_orders/{}/{deed}?announce=false", self.order.id);
                world.stage_with(world.shopify(&path), words).await;
            }
            bodies.push((topic, world.shown_in_shop(&self.order).await));
        }
        let sent = |topic: Topic| {
            let (_, body) = bodies.iter().find(|(known, _)| *known == topic).expect("it happened");
            self.webhook(topic, body.clone())
        };
        [sent(self.first), sent(self.second)]
    }

    fn webhook(&self, topic: Topic, mut body: Value) -> Webhook {
        let happened = self.happened(topic);
        let second = if self.one_second { self.happened(Topic::Create) } else { happened };
        body["updated_at"] = json!(second.trunc_subsecs(0));
        let mut webhook = Webhook::new(&self.order.shop, topic.name(), body);
        webhook.triggered_at = self.says_when.then_some(happened);
        webhook
    }

    fn happened(&self, topic: Topic) -> DateTime<Utc> {
        let placed: DateTime<Utc> =
            self.order.body["created_at"].as_str().and_then(|at| at.parse().ok()).expect("a moment");
        placed + TimeDelta::seconds(topic as i64)
    }

    async fn send(&self, world: &World, [first, second]: &[Webhook; 2]) {
        let pause = match self.gap {
            Gap::Ms(pause) => Duration::from_millis(pause),
            Gap::Acknowledged => {
                world.deliver_webhook(first).await;
                return world.deliver_webhook(second).await;
            }
        };
        let later = async {
            tokio::time::sleep(pause).await;
            world.deliver_webhook(second).await;
        };
        join(world.deliver_webhook(first), later).await;
    }

    /// What is wrong with the order while the warehouse keeps everything.
    fn wrong_before_shipping(&self, rest: &Rest) -> Option<String> {
        let Some(order) = rest.of(self.order.id) else { return Some(format!("{} is not there", self.sku())) };
        let held = order.held.get(self.sku()).copied().unwrap_or_default();
        let is_right = match self.newest() {
            Topic::Cancelled => {
                (order.status == "CANCELLED" || order.is("IGNORED")) && order.ended && held == 0
            }
            Topic::Paid => {
                order.status == "PROCESSING" && held == self.pieces() && order.references.len() == 1
            }
            Topic::Create | Topic::Updated => order.is("AWAITING_PAYMENT") && held == 0,
        };
        (!is_right || !order.open.is_empty()).then(|| format!("{}: {order:?}", self.sku()))
    }

    /// What is wrong with the order when everything has left that was to leave.
    fn wrong_at_last(&self, order: &Standing) -> Option<String> {
        let booked = order.booked.get(self.sku()).copied().unwrap_or_default();
        let is_right = match self.newest() {
            Topic::Paid => {
                order.has_shipped() && order.ended && order.unnotified == 0 && booked == self.pieces()
            }
            Topic::Create | Topic::Updated | Topic::Cancelled => booked == 0,
        };
        (!is_right || !order.open.is_empty()).then(|| format!("{}: {order:?}", self.sku()))
    }
}

/// Plays the pairs in a world whose warehouse ships when it is told to; `send` has the messages sent.
async fn play(world: &World, pairs: &[Pair], send: impl AsyncFnOnce(Vec<(&Pair, [Webhook; 2])>)) {
    world.wms_rule(json!({"operation": "shipment", "never": true, "times": 0})).await;
    let prepared = stream::iter(pairs).map(async |pair| (pair, pair.prepare(world).await));
    send(prepared.buffer_unordered(AT_ONCE).collect().await).await;

    let wrong = |rest: &Rest| -> Vec<String> {
        pairs.iter().filter_map(|pair| pair.wrong_before_shipping(rest)).collect()
    };
    let rest = until_rest(world, |rest| wrong(rest).is_empty()).await;
    assert_none_wrong(&wrong(&rest), pairs.len());

    for pair in pairs.iter().filter(|pair| pair.newest() == Topic::Paid) {
        let order = rest.of(pair.order.id).expect("it is there");
        world.warehouse_does(&order.references[0], "ship").await;
    }
    let wrong = |rest: &Rest| -> Vec<String> {
        pairs.iter().filter_map(|pair| pair.wrong_at_last(rest.of(pair.order.id)?)).collect()
    };
    let rest = until_rest(world, |rest| wrong(rest).is_empty()).await;
    assert_none_wrong(&wrong(&rest), pairs.len());
    assert_clean(world).await;
}

async fn send_all(world: &World, prepared: Vec<(&Pair, [Webhook; 2])>) {
    stream::iter(prepared)
        .for_each_concurrent(AT_ONCE, async |(pair, webhooks)| pair.send(world, &webhooks).await)
        .await;
}

pub(super) fn assert_none_wrong(wrong: &[String], of: usize) {
    assert!(wrong.is_empty(), "{} of {of} orders are wrong:\n  {}", wrong.len(), wrong.join("\n  "));
}

#[test]
fn of_two_messages_about_a_fresh_order_the_newer_counts_whoever_is_faster() {
    world::run(async {
        let _place = PLACES.acquire().await;
        // A sweeper that takes what the API is about to take.
        let env = vec![("WORKER_SWEEP_EVERY", "50ms".to_owned())];
        let world = World::start(Plan { env, ..Plan::default() }).await;
        let pairs = Pair::all(&[Gap::Ms(0), Gap::Ms(5), Gap::Ms(50)]);
        play(&world, &pairs, async |prepared| send_all(&world, prepared).await).await;
    });
}

#[test]
fn the_newer_of_two_messages_counts_for_ten_orders_at_once() {
    world::run(async {
        let _place = PLACES.acquire().await;
        let world = World::start(Plan::default()).await;
        for second in [Topic::Paid, Topic::Cancelled] {
            for gap in [Gap::Ms(0), Gap::Acknowledged] {
                let mut pairs = vec![Pair::new(Topic::Create, second, gap, false, true); 10];
                for (number, pair) in pairs.iter_mut().enumerate() {
                    let sku = format!("{}-{number}", pair.sku());
                    pair.order =
                        Placed::new(PATIENT_SHOP, &[&sku], 2).with("financial_status", json!("pending"));
                }
                play(&world, &pairs, async |prepared| {
                    join_all_of(&world, prepared).await;
                })
                .await;
            }
        }
    });
}

async fn join_all_of(world: &World, prepared: Vec<(&Pair, [Webhook; 2])>) {
    futures::future::join_all(prepared.iter().map(|(pair, webhooks)| pair.send(world, webhooks))).await;
}

#[test]
fn of_two_messages_that_came_while_temporal_was_away_the_newer_counts() {
    world::run(async {
        let _place = PLACES.acquire().await;
        let world = World::start(Plan::default()).await;
        let pairs = Pair::all(&[Gap::Ms(0), Gap::Ms(50)]);
        play(&world, &pairs, async |prepared| {
            world.take_temporal_away(DEAD_ADDRESS).await;
            send_all(&world, prepared).await;
            world.bring_temporal_back().await;
        })
        .await;
    });
}

#[test]
fn orders_of_our_own_api_that_are_cancelled_while_temporal_is_away_never_leave() {
    world::run(async {
        let _place = PLACES.acquire().await;
        let world = World::start(Plan::default()).await;
        world.stock("OFF-AWAY", 100).await;
        world.take_temporal_away(DEAD_ADDRESS).await;
        let placed = place_and_cancel(&world, "OFF-AWAY", 12).await;
        assert!(placed.iter().all(|(_, status)| *status == 202), "nobody was there to answer");
        world.bring_temporal_back().await;
        assert_all_cancelled(&world, &placed).await;
        assert!(world.wms_effects("OFF-AWAY", "shipmentCreated").await.is_empty(), "none was handed over");
        assert_eq!(world.available("OFF-AWAY").await, 100);
        assert_clean(&world).await;
    });
}

#[test]
fn orders_of_our_own_api_that_are_cancelled_in_a_burst_never_leave() {
    world::run(async {
        let _place = PLACES.acquire().await;
        let world = World::start(Plan::default()).await;
        world.stock("OFF-BURST", 100).await;
        // Whatever is handed over before its cancel was said can be recalled.
        world.wms_rule(json!({"operation": "shipment", "never": true, "times": 0})).await;
        let placed = place_and_cancel(&world, "OFF-BURST", 12).await;
        assert_all_cancelled(&world, &placed).await;
        assert_eq!(world.available("OFF-BURST").await, 100);
        assert_clean(&world).await;
    });
}

/// The plan is a local activity: the workflow task it belongs to began before the cancel came, and hands over
/// in its own answer.
#[test]
fn an_order_that_is_cancelled_while_its_run_plans_never_leaves() {
    world::run(async {
        let _place = PLACES.acquire().await;
        let env = vec![("WORKER_SWEEP_EVERY", "100ms".to_owned())];
        let world = World::start(Plan { with_faults: true, env, ..Plan::default() }).await;
        world.stock("OFF-PLAN", 10).await;
        // The API cannot ask the run itself: whoever sweeps sends it a signal.
        world.kill(Program::Api);
        world.set_environment("TEMPORAL_ADDRESS", DEAD_ADDRESS);
        world.start_program(Program::Api);
        world.until_listening().await;
        let placed = world.place_at_api("OFF-PLAN", 2, Some("2s")).await;
        let id = placed["orderId"].as_str().expect("an id");
        world.hang(id, Step::Reserve).await;
        until("its plan hangs", Duration::from_secs(30), async || world.has_hung(id).await.then_some(()))
            .await;
        let answer = world.http.post(world.api(&format!("/api/orders/{id}/cancel"))).send().await;
        assert_eq!(answer.expect("the API answers").status().as_u16(), 202);
        sqlx::query("UPDATE integration.inbox SET next_attempt_at = now() WHERE topic = 'cancel'")
            .execute(&world.pool)
            .await
            .expect("it is due at once");
        until("the cancel is sent", Duration::from_secs(30), async || {
            let sql = "SELECT state = 'DONE' FROM integration.inbox WHERE topic = 'cancel'";
            sqlx::query_scalar(sql).fetch_one(&world.pool).await.unwrap_or(false).then_some(())
        })
        .await;
        world.let_go(id).await;

        assert_all_cancelled(&world, &[(id.to_owned(), 202)]).await;
        assert!(world.wms_effects("OFF-PLAN", "shipmentCreated").await.is_empty(), "it was handed over");
        assert_eq!(world.available("OFF-PLAN").await, 10);
        assert_clean(&world).await;
    });
}

/// Places orders and cancels each at once; returns their ids and what was answered.
pub(super) async fn place_and_cancel(world: &World, sku: &str, number: usize) -> Vec<(String, u16)> {
    let one = async |_| {
        let placed = world.place_at_api(sku, 1, None).await;
        let id = placed["orderId"].as_str().expect("an id").to_owned();
        let path = world.api(&format!("/api/orders/{id}/cancel"));
        let answer = world.http.post(path).send().await.expect("the API answers");
        (id, answer.status().as_u16())
    };
    stream::iter(0..number).map(one).buffer_unordered(number).collect().await
}

pub(super) async fn assert_all_cancelled(world: &World, placed: &[(String, u16)]) {
    let is_off = |order: &Standing| order.status == "CANCELLED" && order.ended && order.held.is_empty();
    let all_off = |rest: &Rest| placed.iter().all(|(id, _)| rest.order(id).is_some_and(&is_off));
    let rest = until_rest(world, all_off).await;
    for (id, answered) in placed {
        let order = rest.order(id).expect("it is there");
        assert!(is_off(order), "answered {answered}, and it is {order:?}");
    }
}
