//! How an order stands that another run may have brought far.

use orders::{
    OrdersError,
    fulfilment_request::{self, FulfilmentRequestStatus},
    parcel, record,
};
use workflows::contract::{OrderRef, PlannedRequest, Standing};

use super::OrderRecords;
use crate::{attempt::AttemptError, planner::planned, shop_notifications};

impl OrderRecords {
    pub(super) async fn standing(&self, input: &OrderRef) -> Result<Standing, AttemptError> {
        let mut conn = self.pool.acquire().await?;
        let order = record::find(&mut conn, &input.order_id).await?.ok_or(OrdersError::NotFound)?;
        let (_, pieces_left) = parcel::pieces(&mut conn, &order.order_id).await?;
        let mut requests = fulfilment_request::of_order(&mut conn, &order.order_id).await?;
        requests.retain(|request| request.was_called);
        let there = requests.iter().filter(|request| is_there(request.status));
        let to_recall = there.map(|request| request.reference.clone()).collect();
        let requests =
            requests.into_iter().map(|request| PlannedRequest { accepted: true, ..planned(request) });
        Ok(Standing {
            status: order.status,
            requests: requests.collect(),
            to_recall,
            pieces_left,
            unnotified: shop_notifications::unnotified(&mut conn, &order).await?,
        })
    }
}

/// Whether the warehouse may have it and was not asked to stop.
fn is_there(status: FulfilmentRequestStatus) -> bool {
    matches!(status, FulfilmentRequestStatus::Requested | FulfilmentRequestStatus::Accepted)
}
