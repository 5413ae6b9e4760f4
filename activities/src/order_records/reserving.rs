//! Taking hold of stock and giving it back: in the step's own transaction where stock is here; where
//! it is kept by a service of its own, before that transaction, so that none waits for a call.

use domain::{OrderId, Quantity, Sku, StockOutRule, WarehouseId};
use inventory::{
    DemandLine, Reservation as Holding, ReservationStatus, ReserveMode, ReserveOutcome, ReserveRequest,
};
use inventory_service::Ahead;
use orders::{Order, progress, record};
use sqlx::PgConnection;
use workflows::contract::Reservation;

use super::{OrderRecords, is_over};
use crate::attempt::Failure;

impl OrderRecords {
    /// What the order asks for; none if a line names nothing that could be a SKU.
    pub(super) fn reserve_request(&self, order: &Order, stock_out: StockOutRule) -> Option<ReserveRequest> {
        Some(ReserveRequest {
            order_id: order.order_id.clone(),
            epoch: order.epoch,
            lines: demand(order)?,
            mode: match stock_out {
                StockOutRule::WaitWhole => ReserveMode::WaitForTheRest,
                StockOutRule::ShipWhatIsThere => ReserveMode::ShipWhatIsThere,
                StockOutRule::Park => ReserveMode::AllOrNothing,
            },
            preferred_warehouse: self.preferred_warehouse(order),
        })
    }

    /// Reserves at the inventory service, if stock is there. A reservation that was given back makes
    /// way for the next.
    pub(super) async fn reserve_ahead(&self, input: &Reservation) -> Result<Ahead<ReserveOutcome>, Failure> {
        if self.stock.there().is_none() {
            return Ok(Ahead::nothing());
        }
        loop {
            let order = self.order(&input.order_id).await?;
            let request = self.reserve_request(&order, input.stock_out).filter(|_| !is_over(&order));
            let Some(request) = request else { return Ok(Ahead::nothing()) };
            let ahead = self.stock.reserve_ahead(&request, None, &order.correlation_id).await?;
            if !ahead.answer().is_some_and(was_given_back) || !self.make_way(&order).await? {
                return Ok(ahead);
            }
        }
    }

    /// Raises the epoch, unless somebody did or the order is over; then false.
    async fn make_way(&self, seen: &Order) -> Result<bool, Failure> {
        let mut tx = self.pool.begin().await?;
        let order = record::lock(&mut tx, &seen.order_id).await?;
        if is_over(&order) {
            return Ok(false);
        }
        if order.epoch == seen.epoch {
            progress::next_epoch(&mut tx, &order.order_id).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// The reservation of the order's epoch, made now or before. One that was given back makes way
    /// for the next.
    pub(super) async fn take_stock(
        &self,
        conn: &mut PgConnection,
        ahead: Ahead<ReserveOutcome>,
        order: &Order,
        mut request: ReserveRequest,
    ) -> Result<ReserveOutcome, Failure> {
        let correlation_id = &order.correlation_id;
        let outcome = self.stock.reserve_within(conn, ahead, &request, correlation_id).await?;
        if !was_given_back(&outcome) {
            return Ok(outcome);
        }
        request.epoch = progress::next_epoch(conn, &order.order_id).await?;
        Ok(self.stock.reserve_within(conn, Ahead::nothing(), &request, correlation_id).await?)
    }

    /// Gives back at the inventory service what the order holds, if stock is there.
    pub(super) async fn release_ahead(&self, order_id: &OrderId, cause: &str) -> Result<Ahead<()>, Failure> {
        if self.stock.there().is_none() {
            return Ok(Ahead::nothing());
        }
        let order = self.order(order_id).await?;
        Ok(self.stock.release_ahead(order_id, order.epoch, cause, &order.correlation_id).await?)
    }

    pub(super) async fn give_back(
        &self,
        conn: &mut PgConnection,
        ahead: Ahead<()>,
        order: &Order,
        cause: &str,
    ) -> Result<(), Failure> {
        let whose = (&order.order_id, order.epoch);
        Ok(self.stock.release_within(conn, ahead, whose, cause, &order.correlation_id).await?)
    }

    /// The order as it stands, not locked.
    pub(super) async fn order(&self, order_id: &OrderId) -> Result<Order, Failure> {
        let mut conn = self.pool.acquire().await?;
        record::find(&mut conn, order_id).await?.ok_or(Failure::permanent("ORDER_UNKNOWN"))
    }

    fn preferred_warehouse(&self, order: &Order) -> Option<WarehouseId> {
        let location = order.facts.location_id?;
        self.locations.get(order.channel.shop()?)?.get(&location).cloned()
    }
}

fn was_given_back(outcome: &ReserveOutcome) -> bool {
    matches!(outcome, ReserveOutcome::Reserved(Holding { status: ReservationStatus::Released, .. }))
}

fn demand(order: &Order) -> Option<Vec<DemandLine>> {
    order
        .facts
        .to_fulfil()
        .map(|line| {
            Some(DemandLine {
                line_id: line.line_id.clone(),
                sku: Sku::parse(line.sku.as_deref()?).ok()?,
                quantity: Quantity::new(i64::from(line.fulfillable_quantity)).ok()?,
            })
        })
        .collect()
}
