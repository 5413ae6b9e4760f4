//! What the warehouse says of a parcel: callbacks, and answers to our inquiries. What it says of a return stands in
//! `returns.rs`.

use std::{collections::BTreeMap, time::Duration};

use domain::{OrderStatus, ParkReason, RequestReference};
use orders::{
    Order, attention,
    fulfilment_request::{self, FulfilmentRequest},
    inbox::{self, Message},
    parcel::{self, KeptParcel, ParcelLine, ParcelUpdate},
    progress, record,
    timeline::TimelineEvent,
};
use process::settings::System;
use serde_json::json;
use warehouse::{
    callback::{Callback, Told},
    parcel::ParcelStatus,
};
use workflows::{
    messages::{WarehouseUpdate, WarehouseUpdateKind as Kind},
    names,
};

use crate::{DispatchError, Dispatched, Dispatcher, Outcome, runs::SignalOutcome, shop::request_id};

impl Dispatcher {
    pub(crate) async fn warehouse_callback(&self, message: &Message) -> Dispatched {
        let callback = match self.callback_of(message) {
            Ok(Told::Parcel(callback)) => *callback,
            Ok(Told::Return(came)) => return self.return_came(message, &came).await,
            Err(unreadable) => return self.unreadable_update(message, &unreadable).await,
        };
        let mut conn = self.pool.acquire().await?;
        let Some(fulfilment_request) = fulfilment_request::find(&mut conn, &callback.reference).await? else {
            if matches!(callback.kind, ParcelStatus::Shipped | ParcelStatus::Delivered) {
                let park_reason = ParkReason::new(ParkReason::UNEXPECTED_PARCEL);
                let words = format!("{} left under a reference that nobody here knows", callback.parcel_id);
                attention::show_message(&mut conn, message.inbox_id, &park_reason, &words).await?;
            }
            return Ok(Outcome::skipped("no hand-over has this reference", None));
        };
        if inbox::shop_of_system(&fulfilment_request.system) != message.shop {
            return Ok(Outcome::skipped(
                "the hand-over is another warehouse system's",
                Some(fulfilment_request.order_id),
            ));
        }
        let newest = record_update(&mut conn, &callback, &fulfilment_request).await?;
        let Some(order) = record::find(&mut conn, &fulfilment_request.order_id).await? else {
            return Ok(Outcome::skipped("no such order", None));
        };
        let Some(parcel) = parcel::find(&mut conn, &callback.reference, &callback.parcel_id).await? else {
            return Ok(Outcome::skipped("no such parcel", Some(order.order_id)));
        };
        drop(conn);

        match callback.kind {
            ParcelStatus::Shipped | ParcelStatus::Delivered
                if parcel.booked_at.is_none() && parcel.lines.iter().all(|line| line.quantity == 0) =>
            {
                self.left_with_nothing(&callback, order).await
            }
            // A parcel that was delivered has left, whether or not we were told.
            ParcelStatus::Shipped | ParcelStatus::Delivered
                if parcel.booked_at.is_none() && order.story_ended_at.is_some() =>
            {
                self.left_after_the_end(&parcel, order).await
            }
            ParcelStatus::Shipped | ParcelStatus::Delivered if parcel.booked_at.is_none() => {
                let done = self.signal_run(message, &callback, Kind::Shipped, &order).await?;
                Ok(match callback.kind {
                    ParcelStatus::Delivered => wait_until_shipped(order),
                    _ => done,
                })
            }
            ParcelStatus::Delivered => self.delivered(&callback, &parcel, order).await,
            _ if !newest => {
                Ok(Outcome::skipped("older than what is known of the parcel", Some(order.order_id)))
            }
            ParcelStatus::OnHold | ParcelStatus::Exception if order.story_ended_at.is_some() => {
                self.trouble_after_the_end(&callback, order).await
            }
            // A parcel that had left is taken back; one that never left was recalled, which is known.
            ParcelStatus::Cancelled if order.story_ended_at.is_some() => match parcel.booked_at {
                Some(_) => self.trouble_after_the_end(&callback, order).await,
                None => Ok(Outcome::done(order.order_id)),
            },
            ParcelStatus::Shipped if !says_what_is_booked(&callback, &parcel) => {
                self.corrected(&callback, &parcel, order).await
            }
            ParcelStatus::OnHold => self.signal_run(message, &callback, Kind::OnHold, &order).await,
            ParcelStatus::Exception => self.signal_run(message, &callback, Kind::Exception, &order).await,
            ParcelStatus::Cancelled => self.signal_run(message, &callback, Kind::Cancelled, &order).await,
            ParcelStatus::Accepted | ParcelStatus::Picked | ParcelStatus::Shipped => {
                Ok(Outcome::done(order.order_id))
            }
            ParcelStatus::WrittenOff | ParcelStatus::Unknown(_) => {
                Ok(Outcome::skipped("a state this version does not know", Some(order.order_id)))
            }
        }
    }

    /// What a message says, in the dialect of the system it came from. An answer to our inquiry is in our own words.
    fn callback_of(&self, message: &Message) -> Result<Told, String> {
        if message.topic == inbox::INQUIRY {
            let callback = serde_json::from_slice(&message.body).map_err(|error| error.to_string())?;
            return Ok(Told::Parcel(Box::new(callback)));
        }
        let system = self.system_of(message).ok_or("the warehouse system is not configured any more")?;
        system.dialect.parse_callback(&message.body).map_err(|unreadable| unreadable.to_string())
    }

    /// The system that a message came from.
    pub(crate) fn system_of(&self, message: &Message) -> Option<&System> {
        let of_system = |system: &&System| inbox::shop_of_system(&system.name) == message.shop;
        self.settings.systems.iter().find(of_system)
    }

    async fn signal_run(
        &self,
        message: &Message,
        callback: &Callback,
        kind: Kind,
        order: &Order,
    ) -> Dispatched {
        let order_id = order.order_id.clone();
        if order.story_ended_at.is_some() {
            return Ok(Outcome::skipped("the order is closed", Some(order_id)));
        }
        let update = WarehouseUpdate {
            message_id: update_id_of(callback),
            kind,
            reference: callback.reference.clone(),
            parcel_id: callback.parcel_id.clone(),
            occurred_at: callback.occurred_at,
        };
        let (update, once) = (json!(update), request_id(message));
        match self.signal(&order.workflow_id, names::WAREHOUSE_UPDATE, &update, once).await? {
            SignalOutcome::Run => Ok(Outcome::done(order_id)),
            SignalOutcome::NoRun => Ok(Outcome::no_run_yet(message, order_id)),
        }
    }

    /// A parcel left for an order that nobody works on any more: its stock is booked as it really is, and a
    /// person sees it.
    async fn left_after_the_end(&self, parcel: &KeptParcel, order: Order) -> Dispatched {
        let mut tx = self.pool.begin().await?;
        let order = record::lock(&mut tx, &order.order_id).await?;
        if order.story_ended_at.is_none() {
            let (reason, wait) = ("the order was taken up again", Duration::from_millis(500));
            return Ok(Outcome::postponed(reason, order.order_id, wait));
        }
        let reference = RequestReference::parse(&parcel.reference)?;
        if parcel::booked(&mut tx, &reference, &parcel.parcel_id).await? {
            let stock = &self.settings.stock;
            let words = stock.book_surplus(&mut tx, &order, parcel, &parcel.lines).await?;
            let words = format!("{}/{}: {words}", parcel.reference, parcel.parcel_id);
            let park_reason = ParkReason::new(ParkReason::UNEXPECTED_PARCEL);
            attention::show_besides(&mut tx, &order.order_id, &park_reason, &words).await?;
        }
        tx.commit().await?;
        Ok(Outcome::done(order.order_id))
    }

    /// A parcel left of which nobody says what is in it, and all that was handed over is on its way already.
    /// A later message that says it counts.
    async fn left_with_nothing(&self, callback: &Callback, order: Order) -> Dispatched {
        let Callback { reference, parcel_id, .. } = callback;
        let words = format!("{reference}/{parcel_id} left, and it is not said with what");
        self.show(order, ParkReason::UNEXPECTED_PARCEL, &words).await
    }

    async fn trouble_after_the_end(&self, callback: &Callback, order: Order) -> Dispatched {
        let parcel = format!("{}/{}", callback.reference, callback.parcel_id);
        let words = format!("{parcel}: {}", callback.kind.as_str());
        self.show(order, ParkReason::TROUBLE_AFTER_SHIPPING, &words).await
    }

    /// The warehouse says of a parcel that was booked that it held something else.
    async fn corrected(&self, callback: &Callback, parcel: &KeptParcel, order: Order) -> Dispatched {
        let piece = |(sku, pieces): (&str, u32)| format!("{pieces} × {sku}");
        let booked = parcel.lines.iter().map(|line| piece((&line.sku, line.quantity)));
        let now = callback.lines.iter().map(|line| piece((&line.sku, line.quantity)));
        let (booked, now) = (Vec::from_iter(booked).join(", "), Vec::from_iter(now).join(", "));
        let words = format!(
            "{}/{}: {booked} was booked, and the warehouse now says {now}",
            callback.reference, callback.parcel_id
        );
        self.show(order, ParkReason::UNEXPECTED_PARCEL, &words).await
    }

    /// What nobody works on any more is for a person to see.
    async fn show(&self, order: Order, reason: &str, words: &str) -> Dispatched {
        let mut conn = self.pool.acquire().await?;
        attention::show_besides(&mut conn, &order.order_id, &ParkReason::new(reason), words).await?;
        Ok(Outcome::done(order.order_id))
    }

    /// `DELIVERED` is a guarded update of the record: the workflow closed when the last parcel left.
    async fn delivered(&self, callback: &Callback, parcel: &KeptParcel, order: Order) -> Dispatched {
        if order.status < OrderStatus::Shipped {
            return Ok(wait_until_shipped(order));
        }
        let mut tx = self.pool.begin().await?;
        let order = record::lock(&mut tx, &order.order_id).await?;
        if parcel::delivered(&mut tx, &callback.reference, &callback.parcel_id).await? {
            let carrier = parcel.carrier.as_deref();
            // A parcel of a cancelled order that left nonetheless is delivered, too.
            let (to, event) = (OrderStatus::Delivered, TimelineEvent::Delivered);
            progress::move_on(&mut tx, &order.order_id, to, event, carrier).await?;
        }
        tx.commit().await?;
        Ok(Outcome::done(order.order_id))
    }
}

fn wait_until_shipped(order: Order) -> Outcome {
    if order.status == OrderStatus::Cancelled {
        return Outcome::done(order.order_id);
    }
    let reason = "delivered before all of the order is booked as shipped";
    Outcome::postponed(reason, order.order_id, Duration::from_secs(1))
}

/// One parcel's update. The same parcel id under another hand-over is another parcel.
fn update_id_of(callback: &Callback) -> String {
    if domain::planted::is_planted("parcel_without_reference") {
        return format!("{}/{}/{}", callback.parcel_id, callback.sequence, callback.kind.as_str());
    }
    let Callback { reference, parcel_id, sequence, kind, .. } = callback;
    format!("{reference}/{parcel_id}/{sequence}/{}", kind.as_str())
}

fn says_what_is_booked(callback: &Callback, parcel: &KeptParcel) -> bool {
    let of_callback = pieces(callback.lines.iter().map(|line| (line.sku.as_str(), line.quantity)));
    let of_parcel = pieces(parcel.lines.iter().map(|line| (line.sku.as_str(), line.quantity)));
    of_callback.is_empty() || of_callback == of_parcel
}

fn pieces<'a>(lines: impl Iterator<Item = (&'a str, u32)>) -> BTreeMap<&'a str, u32> {
    let mut pieces = BTreeMap::new();
    for (sku, quantity) in lines.filter(|(_, quantity)| *quantity > 0) {
        *pieces.entry(sku).or_default() += quantity;
    }
    pieces
}

/// True unless something newer is known of the parcel.
async fn record_update(
    conn: &mut sqlx::PgConnection,
    callback: &Callback,
    fulfilment_request: &FulfilmentRequest,
) -> Result<bool, DispatchError> {
    let mut lines: Vec<ParcelLine> = callback
        .lines
        .iter()
        .filter(|line| line.quantity > 0)
        .map(|line| ParcelLine { sku: line.sku.as_str().to_owned(), quantity: line.quantity })
        .collect();
    if lines.is_empty() {
        lines = parcel::supposed_lines(conn, fulfilment_request, &callback.parcel_id).await?;
    }
    let update = ParcelUpdate {
        reference: &callback.reference,
        parcel_id: &callback.parcel_id,
        status: &callback.kind,
        sequence: callback.sequence,
        lines: &lines,
        carrier: callback.carrier.as_deref(),
        tracking_number: callback.tracking_number.as_deref(),
        tracking_url: callback.tracking_url.as_deref(),
    };
    Ok(parcel::record(conn, &update).await?)
}
