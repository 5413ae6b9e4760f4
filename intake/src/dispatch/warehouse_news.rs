//! What the warehouse says of a parcel: callbacks, and answers to our inquiries.

use std::time::Duration;

use domain::OrderStatus;
use orders::{
    Order, hand_over,
    inbox::Message,
    progress, record,
    shipment::{self, News, ParcelLine, Shipment},
};
use serde_json::json;
use warehouse::{
    callback::{Callback, parse_callback},
    shipment::ShipmentStatus,
};
use workflows::{
    messages::{NewsKind, WarehouseNews},
    names,
};

use super::{DispatchError, Dispatcher, Outcome, runs::Reached, shop::request_id};

impl Dispatcher {
    pub(super) async fn warehouse_callback(&self, message: &Message) -> Result<Outcome, DispatchError> {
        let callback = match parse_callback(&message.body) {
            Ok(callback) => callback,
            Err(unreadable) => return Ok(Outcome::Unreadable(unreadable.to_string())),
        };
        let mut conn = self.pool.acquire().await?;
        let Some(hand_over) = hand_over::find(&mut conn, &callback.reference).await? else {
            return Ok(Outcome::skipped("no hand-over has this reference", None));
        };
        let newest = record_news(&mut conn, &callback).await?;
        let Some(order) = record::find(&mut conn, &hand_over.order_id).await? else {
            return Ok(Outcome::skipped("no such order", None));
        };
        let Some(parcel) = shipment::find(&mut conn, &callback.reference, &callback.shipment_id).await?
        else {
            return Ok(Outcome::skipped("no such parcel", Some(order.order_id)));
        };
        drop(conn);

        match callback.kind {
            // A parcel that was delivered has left, whether or not we were told.
            ShipmentStatus::Shipped | ShipmentStatus::Delivered if parcel.booked_at.is_none() => {
                let done = self.tell_run(message, &callback, NewsKind::Shipped, &order).await?;
                Ok(match callback.kind {
                    ShipmentStatus::Delivered => wait_until_shipped(order),
                    _ => done,
                })
            }
            ShipmentStatus::Delivered => self.delivered(&callback, &parcel, order).await,
            _ if !newest => {
                Ok(Outcome::skipped("older than what is known of the parcel", Some(order.order_id)))
            }
            ShipmentStatus::OnHold => self.tell_run(message, &callback, NewsKind::OnHold, &order).await,
            ShipmentStatus::Exception => self.tell_run(message, &callback, NewsKind::Exception, &order).await,
            ShipmentStatus::Cancelled => self.tell_run(message, &callback, NewsKind::Cancelled, &order).await,
            ShipmentStatus::Accepted | ShipmentStatus::Picked | ShipmentStatus::Shipped => {
                Ok(Outcome::done(order.order_id))
            }
            ShipmentStatus::Unknown(_) => {
                Ok(Outcome::skipped("a state this version does not know", Some(order.order_id)))
            }
        }
    }

    async fn tell_run(
        &self,
        message: &Message,
        callback: &Callback,
        kind: NewsKind,
        order: &Order,
    ) -> Result<Outcome, DispatchError> {
        let order_id = order.order_id.clone();
        if order.story_ended_at.is_some() {
            return Ok(Outcome::skipped("the order is closed", Some(order_id)));
        }
        let news = WarehouseNews {
            message_id: format!("{}/{}/{}", callback.shipment_id, callback.sequence, callback.kind.as_str()),
            kind,
            reference: callback.reference.clone(),
            shipment_id: callback.shipment_id.clone(),
            occurred_at: callback.occurred_at,
        };
        match self
            .signal(&order.workflow_id, names::WAREHOUSE_UPDATE, &json!(news), request_id(message))
            .await?
        {
            Reached::Run => Ok(Outcome::done(order_id)),
            Reached::NoRun => Ok(Outcome::Postpone {
                reason: "no run of the order's workflow is there",
                order: Some(order_id),
                wait: Duration::from_secs(2 << message.attempts.clamp(0, 5)),
            }),
        }
    }

    /// `DELIVERED` is a guarded update of the record: the workflow closed when the last parcel left.
    async fn delivered(
        &self,
        callback: &Callback,
        parcel: &Shipment,
        order: Order,
    ) -> Result<Outcome, DispatchError> {
        if order.status < OrderStatus::Shipped {
            return Ok(wait_until_shipped(order));
        }
        let mut tx = self.pool.begin().await?;
        let order = record::lock(&mut tx, &order.order_id).await?;
        if shipment::delivered(&mut tx, &callback.reference, &callback.shipment_id).await? {
            let carrier = parcel.carrier.as_deref();
            progress::move_to(&mut tx, &order.order_id, OrderStatus::Delivered, "DELIVERED", carrier).await?;
        }
        tx.commit().await?;
        Ok(Outcome::done(order.order_id))
    }
}

fn wait_until_shipped(order: Order) -> Outcome {
    if order.status == OrderStatus::Cancelled {
        return Outcome::skipped("the order is cancelled", Some(order.order_id));
    }
    Outcome::Postpone {
        reason: "delivered before all of the order is booked as shipped",
        order: Some(order.order_id),
        wait: Duration::from_secs(1),
    }
}

/// True unless something newer is known of the parcel.
async fn record_news(conn: &mut sqlx::PgConnection, callback: &Callback) -> Result<bool, DispatchError> {
    let lines: Vec<ParcelLine> = callback
        .lines
        .iter()
        .map(|line| ParcelLine { sku: line.sku.as_str().to_owned(), quantity: line.quantity })
        .collect();
    let news = News {
        reference: &callback.reference,
        shipment_id: &callback.shipment_id,
        status: callback.kind.as_str(),
        sequence: callback.sequence,
        lines: &lines,
        carrier: callback.carrier.as_deref(),
        tracking_number: callback.tracking_number.as_deref(),
        tracking_url: callback.tracking_url.as_deref(),
    };
    Ok(shipment::record(conn, &news).await?)
}
