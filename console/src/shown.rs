//! What `/api` answers, as far as pages show it.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

mod lanes;

/// How old a message may grow that waits for what came before it: about a minute, in all its attempts.
const MOST_LAG: TimeDelta = TimeDelta::minutes(2);

macro_rules! shown {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $kind:ty),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub(crate) struct $name { $(pub(crate) $field: $kind),* }
    )*};
}

shown! {
    /// Whoever looks.
    Me { name: String, roles: Vec<String>, signed_in: bool }

    /// Something other than before when anything changed.
    Changes { version: String }

    /// How much waits for a person.
    Wanted { rows: u64 }

    Overview {
        orders: Vec<Stage>, attention: Vec<Cause>, hours: Vec<Hour>, oldest_open: Option<OldestOpen>,
        inbox: InboxLag, returns: Awaited, dead_letters: u64, promised: PromisesKept, orders_waiting: u64,
    }
    Stage { status: String, condition: Option<String>, orders: u64 }
    /// Rows that wait for a person for one reason.
    Cause {
        step: String, reason: String, rows: u64, oldest_since: DateTime<Utc>, answers: Vec<String>,
        shops: Vec<CauseOfShop>,
    }
    CauseOfShop { shop: String, rows: u64 }
    Hour { hour: DateTime<Utc>, received: u64, shipped: u64 }
    OldestOpen { order_id: String, order_number: String, received_at: DateTime<Utc> }
    /// How open orders stand to what was promised of them.
    PromisesKept { late: u64, due_today: u64 }
    /// Returns that are still to come.
    Awaited { announced: u64, partly_received: u64 }
    InboxLag { waiting: u64, unreadable: u64, oldest_received_at: Option<DateTime<Utc>> }

    Lane {
        lane: String, orders: u64, waiting: u64, pauses: Vec<Pause>, lately: Vec<PastPause>, last_done: Option<Call>,
        failures: Vec<Call>,
    }
    /// A pause that is over.
    PastPause {
        cause: String, since: DateTime<Utc>, until: DateTime<Utc>, resumed_by: String, waited: Option<u64>, left: u64,
    }
    /// A call for an order.
    Call { order_id: String, at: DateTime<Utc> }
    Pause { cause: String, since: DateTime<Utc>, by: String, reason: String }

    /// A row that waits for a person.
    Attention {
        attention_id: i64, order_id: Option<String>, order_number: Option<String>, status: Option<String>,
        inbox_id: Option<i64>, lane: Option<String>, step: String, reason: String, detail: Option<String>,
        vendor_text: Option<String>, since: DateTime<Utc>, answers: Vec<String>, name: Option<String>,
        promised_at: Option<DateTime<Utc>>,
    }

    /// An order in a list.
    Order {
        order_id: String, order_number: String, name: String, shop: Option<String>, channel: String,
        status: String, condition: Option<String>, condition_reason: Option<String>, held_by: Option<String>,
        currency: String, total_amount: String, financial_status: String, items: Vec<Item>, workflow_id: String,
        received_at: DateTime<Utc>, updated_at: DateTime<Utc>, promised_at: Option<DateTime<Utc>>,
    }
    Item {
        line_id: String, sku: Option<String>, product_name: String, quantity: u32, unit_price: String,
        allocation_status: Option<String>, allocations: Option<Vec<Pieces>>,
    }
    /// Pieces of a line that stand alike, in one warehouse.
    Pieces { status: String, warehouse_id: Option<String>, quantity: Option<u64> }
    /// An entry of an order's timeline.
    Noted { at: DateTime<Utc>, event: String }
    /// What an order waits for, and what happens by itself then.
    Awaits {
        what: String, since: Option<DateTime<Utc>>, until: Option<DateTime<Utc>>, then: Option<String>,
        queue: Vec<QueuePlace>,
    }
    QueuePlace { sku: String, warehouse_id: String, quantity: u64, place: u64 }
    Approval {
        rules: Vec<String>, total_amount: String, currency: String, asked_at: DateTime<Utc>,
        decision: Option<String>, by: Option<String>, decided_at: Option<DateTime<Utc>>, reason: Option<String>,
    }
    FulfilmentRequest { reference: String, warehouse_id: String, pieces: u64, outstanding: bool }
    IfCancelled { refunds: bool, notifies_customer: bool }
    WaitsFor { lane: String, cause: String, since: DateTime<Utc> }
    Edit {
        member: String, line_id: Option<String>, value: Option<String>, by: String, reason: String,
        at: DateTime<Utc>, superseded_at: Option<DateTime<Utc>>,
    }
    Parcel {
        reference: String, warehouse_id: String, status: String, carrier: Option<String>,
        tracking_number: Option<String>, tracking_url: Option<String>, lines: Vec<ParcelLine>,
    }
    ParcelLine { sku: String, quantity: u32 }

    /// Something that concerns an order, whoever did it.
    Happened {
        at: DateTime<Utc>, actor: String, kind: String, code: String, detail: Option<String>, by: Option<String>,
        reason: Option<String>, facts: Vec<Fact>,
    }
    Fact { name: String, value: String }

    /// An item and what is there of it.
    Stocked {
        sku: String, item_name: String, unit_price: Option<String>, currency: Option<String>, available_qty: u64,
        on_hand: u64, reserved: u64, queued: u64, warehouses: Vec<StockedAt>,
    }
    StockedAt { warehouse_id: String, available_qty: u64, on_hand: u64, reserved: u64, queued: u64 }
    Movement {
        at: DateTime<Utc>, warehouse_id: String, kind: String, on_hand_delta: i64, reserved_delta: i64, on_hand: i64,
        reserved: i64, order_id: Option<String>, order_number: Option<String>, reason: Option<String>, by: Option<String>,
    }
    /// Somebody who holds pieces.
    Held {
        order_id: String, order_number: Option<String>, warehouse_id: String, quantity: u64, since: DateTime<Utc>,
    }
    Warehouse { warehouse_id: String, name: Option<String>, active: bool }
    /// Which warehouse would serve what is asked for.
    Explanation { lines: Vec<Explained> }
    Explained { requested: u64, missing: u64, queue_at: Option<String>, warehouses: Vec<Verdict> }
    Verdict { warehouse_id: String, available: u64, serves: u64, why_not: Option<String> }
    /// What a count led to.
    Counted { counted: u64, on_hand: u64, missing: u64, backordered: u64, served: u64 }
    Waiting {
        place: u64, order_id: Option<String>, order_number: Option<String>, warehouse_id: String, quantity: u32,
        since: DateTime<Utc>,
    }

    Return {
        order_id: String, order_number: String, state: String, source: String,
        reason: Option<String>, lines: Vec<ReturnLine>, created_at: DateTime<Utc>,
    }
    ReturnLine {
        sku: String, warehouse_id: String, quantity: u32, received_sellable: u32, received_unsellable: u32,
    }

    /// A shop that is told what is on hand.
    ChannelShop {
        shop: String, learned_at: Option<DateTime<Utc>>, learning: bool, items: u64, known_items: u64, dirty: u64,
        skipped: Vec<ChannelSkipped>, drifts: u64,
    }
    ChannelSkipped { reason: String, levels: u64 }
    ChannelLevel {
        shop: String, location_id: i64, sku: String, warehouse_id: String, on_hand: Option<i64>,
        available: Option<i64>, settled_at: Option<DateTime<Utc>>, dirty: bool, attempts: u64,
        skipped: Option<String>, detail: Option<String>,
    }
    /// A level that somebody changed by hand in a shop.
    ChannelDrift {
        shop: String, location_id: i64, sku: String, warehouse_id: String, was: i64, found: i64, policy: String,
        found_at: DateTime<Utc>, ended_at: Option<DateTime<Utc>>,
    }

    /// A message, without its body.
    Message {
        inbox_id: i64, source: String, shop: String, topic: String, state: String, reason: Option<String>,
        order_id: Option<String>, received_at: DateTime<Utc>, attempts: i32,
    }

    DeadLetter {
        dead_letter_id: String, direction: String, sink: String, event_type: String, key: Option<String>,
        attempts: i32, error: Option<String>, dead_since: DateTime<Utc>, waiting: i64, redriven_by: Option<String>,
    }

    /// What a bulk answer is, or would be, for.
    BulkTaken {
        bulk_id: Option<String>, orders: u64, first: Vec<BulkMeant>, up_to: Option<i64>, later: u64, except: u64,
        exceptions: Vec<BulkException>,
    }
    BulkMeant { order_number: String, step: String, reason: String }
    /// What waits and may not be answered like this.
    BulkException { order_number: String, step: String, reason: String, answers: Vec<String> }
    Bulk {
        bulk_id: String, action: String, by: String, reason: String, orders: u64, asked: u64, at: DateTime<Utc>,
        finished_at: Option<DateTime<Utc>>, stopped_at: Option<DateTime<Utc>>, stopped_by: Option<String>,
        stop_reason: Option<String>,
    }
    BulkRow { order_id: String, order_number: Option<String>, outcome: String, refused: Option<String>, status: Option<String> }


    /// Something a person did.
    Act {
        at: DateTime<Utc>, actor: String, kind: String, target: String, order_id: Option<String>,
        order_number: Option<String>, detail: Option<String>, reason: Option<String>,
    }
}

/// An order by itself. It knows the customer, so it does not show in `Debug`.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderDetail {
    #[serde(flatten)]
    pub(crate) order: Order,
    pub(crate) timeline: Vec<Noted>,
    #[serde(rename = "shipments")]
    pub(crate) parcels: Vec<Parcel>,
    pub(crate) waits_for: Option<WaitsFor>,
    pub(crate) awaits: Option<Awaits>,
    pub(crate) edits: Vec<Edit>,
    pub(crate) approvals: Vec<Approval>,
    pub(crate) fulfilment_requests: Vec<FulfilmentRequest>,
    pub(crate) if_cancelled: Option<IfCancelled>,
    /// Shown to those who act alone.
    pub(crate) customer: Option<Customer>,
    pub(crate) correlation_id: Option<String>,
    pub(crate) workflow_url: Option<String>,
}

/// Who ordered.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Customer {
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) ship_to: Option<ShipTo>,
}

/// Where an order goes.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShipTo {
    pub(crate) name: Option<String>,
    pub(crate) company: Option<String>,
    pub(crate) address1: Option<String>,
    pub(crate) address2: Option<String>,
    pub(crate) city: Option<String>,
    pub(crate) province: Option<String>,
    pub(crate) zip: Option<String>,
    pub(crate) country_code: Option<String>,
    pub(crate) phone: Option<String>,
}

/// A dead letter with what it says; of another system's only for whoever may read it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct DeadLetterDetail {
    pub(crate) payload: Option<Value>,
}

/// What became of something that was asked for, in words.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    pub(crate) message: String,
}

/// An answer of which nothing is shown.
pub(crate) type Anything = Value;

/// Why something is done.
#[derive(Serialize)]
pub(crate) struct Because<'a> {
    pub(crate) reason: &'a str,
}

impl Me {
    /// Whether what people did may be taken away as a file.
    pub(crate) fn may_export(&self) -> bool {
        self.roles.iter().any(|role| role == "admin")
    }

    /// Whether more may be done than looking.
    pub(crate) fn may_act(&self) -> bool {
        self.roles.iter().any(|role| role == "admin" || role == "operator")
    }
}

/// The statuses of open orders, in the order in which they follow.
const STAGES: [&str; 3] = ["PENDING", "CONFIRMED", "PROCESSING"];

impl Overview {
    /// How many open orders stand where.
    pub(crate) fn stages(&self) -> Vec<(&'static str, u64)> {
        let count = |status| {
            let of_it = self.orders.iter().filter(|stage| stage.status == status);
            (status, of_it.map(|stage| stage.orders).sum())
        };
        STAGES.map(count).into()
    }

    /// Rows that wait for a person.
    pub(crate) fn wanted(&self) -> u64 {
        self.attention.iter().map(|cause| cause.rows).sum()
    }

    /// Those of them that are of no order.
    pub(crate) fn wanted_of_no_order(&self) -> u64 {
        let of_orders = self.attention.iter().flat_map(|cause| &cause.shops).map(|of_shop| of_shop.rows);
        self.wanted().saturating_sub(of_orders.sum())
    }

    /// Since when nobody takes up what arrives, if that is longer than it takes when all is well.
    pub(crate) fn lags_since(&self, now: &DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.inbox.oldest_received_at.filter(|oldest| *now - *oldest > MOST_LAG)
    }
}

impl Order {
    /// Whether it should have left and has not.
    pub(crate) fn is_late(&self, now: &DateTime<Utc>) -> bool {
        self.is_open() && self.promised_at.is_some_and(|promised| promised <= *now)
    }

    /// Whether it can still be cancelled, as far as its status says.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.status.as_str(), "PENDING" | "CONFIRMED" | "PROCESSING")
            && self.condition.as_deref() != Some("IGNORED")
    }

    /// Its pieces in one line, for a list.
    pub(crate) fn pieces(&self) -> String {
        let of = |item: &Item| {
            format!("{} × {}", item.quantity, item.sku.as_deref().unwrap_or(&item.product_name))
        };
        let mut named: Vec<String> = self.items.iter().take(2).map(of).collect();
        if self.items.len() > 2 {
            named.push(format!("{} more", self.items.len() - 2));
        }
        named.join(", ")
    }
}

impl Happened {
    /// What its detail says beyond that it went well.
    pub(crate) fn remark(&self) -> Option<&str> {
        let detail = self.detail.as_deref().filter(|detail| !detail.trim().is_empty())?;
        crate::words::is_remarkable(&self.kind, detail).then_some(detail)
    }
}

impl ShipTo {
    /// As it stands on a parcel.
    pub(crate) fn lines(&self) -> Vec<String> {
        let town =
            [self.zip.as_deref(), self.city.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let lines = [&self.name, &self.company, &self.address1, &self.address2].map(Clone::clone);
        let rest = [Some(town), self.province.clone(), self.country_code.clone(), self.phone.clone()];
        lines.into_iter().chain(rest).flatten().filter(|line| !line.trim().is_empty()).collect()
    }
}

impl Warehouse {
    pub(crate) fn called(&self) -> String {
        match &self.name {
            Some(name) if *name != self.warehouse_id => format!("{name} ({})", self.warehouse_id),
            _ => self.warehouse_id.clone(),
        }
    }
}

impl FulfilmentRequest {
    /// `2 pieces from main`.
    pub(crate) fn said(&self) -> String {
        format!("{} from {}", crate::words::count(&self.pieces, "piece", "pieces"), self.warehouse_id)
    }
}

impl Parcel {
    /// Where it can be looked up; a carrier's page, and nothing that a browser would run.
    pub(crate) fn page(&self) -> Option<&str> {
        let address = self.tracking_url.as_deref()?;
        ["https://", "http://"].iter().any(|scheme| address.starts_with(scheme)).then_some(address)
    }
}

impl Bulk {
    /// Whether some are still to be asked.
    pub(crate) fn goes_on(&self) -> bool {
        self.finished_at.is_none()
    }
}

impl Return {
    pub(crate) fn awaits(&self) -> bool {
        self.lines.iter().any(|line| line.received_sellable + line.received_unsellable < line.quantity)
            && self.state != "CANCELLED"
    }
}
