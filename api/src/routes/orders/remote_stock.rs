//! Placing an order whose stock is kept by a service of its own: order and reservation are two
//! databases, so the reservation comes first, provisionally, under the order's own key.
//!
//! | what happens then | what becomes of the reservation |
//! |---|---|
//! | the order is kept | confirmed when its message is dispatched, before its run starts |
//! | the order is refused | given back at once |
//! | we crash, or cannot say whether the order was kept | given back by the service, unless confirmed in time |
//!
//! **Invariant:** nothing is asked of the service while a transaction is open here.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use domain::{OrderId, Sku};
use inventory::{DemandLine, Item, Reservation, ReservationStatus};
use inventory_service::{Stock, StockError};
use orders::record;
use tracing::warn;

use super::{content, request::Request, stock};
use crate::{idempotency::Begun, problem::Problem, state::Asked};

/// How long a reservation waits for its order. A message waits at most half of it between two attempts.
const PROVISIONAL_FOR: Duration = Duration::from_secs(120);
/// Reservations under one order id that were given back or are of another content. Only an id of the
/// caller's own can have any.
const MOST_EPOCHS: u32 = 100;

/// What the service answered before the order's transaction.
pub(super) struct RemoteAnswer {
    pub(super) order_id: OrderId,
    pub(super) epoch: u32,
    pub(super) items: BTreeMap<Sku, Item>,
    pub(super) reservation: Reservation,
}

/// Reserves at the service, if stock is there and the request is not one that was answered before.
///
/// # Errors
/// [`Problem::UnknownItem`], [`Problem::InsufficientStock`], [`Problem::Unavailable`]: then nothing is
/// held, or not for long.
pub(super) async fn ask(request: &Request<'_>) -> Result<Option<RemoteAnswer>, Problem> {
    let Stock::There(service) = &request.asked.api.stock else { return Ok(None) };
    let is_known = match request.begin().await? {
        Begun::New(mut keyed) => request.find_known(&mut keyed.tx).await?.is_some(),
        Begun::Answered(_) => true,
    };
    if is_known {
        return Ok(None);
    }
    let correlation_id = request.asked.correlation_id.as_str();
    let skus: BTreeSet<&Sku> = request.form.items.iter().map(|line| &line.sku).collect();
    let skus: Vec<Sku> = skus.into_iter().cloned().collect();
    let items = service.check_stock(&skus, correlation_id).await?;
    let items = items.into_iter().map(|stocked| (stocked.item.sku.clone(), stocked.item));
    let items = stock::all_known(skus, items.collect())?;
    let order_id = request.new_id()?;
    let lines = request.demand(&content::facts(&order_id, request, &items)?);
    for epoch in stock::FIRST_EPOCH..=MOST_EPOCHS {
        let asked = stock::all_or_nothing(&order_id, epoch, lines.clone());
        let outcome = service.reserve(&asked, Some(PROVISIONAL_FOR), correlation_id).await?;
        let reservation = stock::held(outcome, asked.lines)?;
        if is_for(&reservation, &lines) {
            return Ok(Some(RemoteAnswer { order_id, epoch, items, reservation }));
        }
        if reservation.status != ReservationStatus::Released {
            service.release(&order_id, epoch, "order with other content not kept", correlation_id).await?;
        }
    }
    Err(Problem::Unavailable(StockError::Overtaken.into()))
}

/// Whether the reservation holds these lines and nothing else: an order of the same id, but other
/// content, may have been tried before.
fn is_for(reservation: &Reservation, lines: &[DemandLine]) -> bool {
    let mut held = BTreeMap::new();
    for allocation in &reservation.allocations {
        *held.entry((&allocation.line_id, &allocation.sku)).or_default() += allocation.held();
    }
    let wanted: BTreeMap<_, u64> =
        lines.iter().map(|line| ((&line.line_id, &line.sku), u64::from(line.quantity.get()))).collect();
    reservation.status == ReservationStatus::Complete && held == wanted
}

/// Gives back what was reserved for an order that is not kept. Nobody waits for it, and what cannot be
/// given back now is given back by the service.
pub(super) fn give_back_unless_kept(Asked { api, correlation_id, .. }: &Asked, remote: RemoteAnswer) {
    let Stock::There(service) = api.stock.clone() else { return };
    let (pool, correlation_id) = (api.pool.clone(), correlation_id.as_str().to_owned());
    tokio::spawn(async move {
        let RemoteAnswer { order_id, epoch, .. } = remote;
        let is_kept = match pool.acquire().await {
            Ok(mut conn) => record::find(&mut conn, &order_id).await.map(|order| order.is_some()),
            Err(error) => Err(error.into()),
        };
        // An order of which we cannot say whether it is kept may be.
        if is_kept.unwrap_or(true) {
            return;
        }
        if let Err(error) = service.release(&order_id, epoch, "order not kept", &correlation_id).await {
            warn!(order.id = %order_id, %error, "a reservation is left for the inventory service to give back");
        }
    });
}

#[cfg(test)]
mod tests {
    use domain::{LineId, Quantity};

    use super::*;

    fn line(id: &str, quantity: i64) -> DemandLine {
        DemandLine {
            line_id: LineId::parse(id).unwrap(),
            sku: Sku::parse("SHIRT").unwrap(),
            quantity: Quantity::new(quantity).unwrap(),
        }
    }

    fn reservation(status: &str, lines: &[(&str, u32)]) -> Reservation {
        let allocation = |(index, (line, quantity)): (usize, &(&str, u32))| {
            serde_json::json!({
                "allocationId": format!("alloc_{index:032x}"), "lineId": line, "sku": "SHIRT",
                "warehouse": "main", "quantity": quantity, "fulfilledQuantity": 0, "status": "CONFIRMED",
                "cause": null,
            })
        };
        serde_json::from_value(serde_json::json!({
            "orderId": "order-1", "epoch": 1, "status": status, "waiting": [], "changed": [],
            "allocations": lines.iter().enumerate().map(allocation).collect::<Vec<_>>(),
        }))
        .unwrap()
    }

    #[test]
    fn a_reservation_of_another_content_or_one_given_back_is_not_the_orders() {
        let lines = [line("1", 3), line("2", 1)];
        assert!(is_for(&reservation("COMPLETE", &[("1", 2), ("2", 1), ("1", 1)]), &lines));
        assert!(!is_for(&reservation("COMPLETE", &[("1", 3)]), &lines));
        assert!(!is_for(&reservation("COMPLETE", &[("1", 3), ("2", 2)]), &lines));
        assert!(!is_for(&reservation("RELEASED", &[("1", 3), ("2", 1)]), &lines));
    }
}
