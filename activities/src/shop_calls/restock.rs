//! What came back and is on the shelf again, as the shop's people say.

use domain::{LineId, ParkReason};
use orders::{
    attention, record,
    refunds::{self, ReturnSource},
};
use tracing::warn;
use workflows::contract::ReturnRef;

use super::ShopCalls;
use crate::attempt::AttemptError;

impl ShopCalls {
    /// Books it in. What no repetition mends is shown to a person, by the message that announced it.
    pub(super) async fn restock(&self, input: &ReturnRef) -> Result<(), AttemptError> {
        let Err(failure) = self.try_restock(input).await else { return Ok(()) };
        let ReturnRef { shop, reverse_fulfilment_order: id, inbox_id, .. } = input;
        warn!(%shop, reverse_fulfilment_order = id, code = failure.code(), "what came back is not booked in");
        if !failure.verdict().is_permanent() {
            return Err(failure);
        }
        let mut conn = self.pool.acquire().await?;
        let words = format!("reverse fulfilment order {id} of {shop}: {}", failure.words());
        attention::show_message(
            &mut conn,
            *inbox_id,
            &ParkReason::new(ParkReason::RETURN_NOT_BOOKED),
            &words,
        )
        .await?;
        Ok(())
    }

    async fn try_restock(&self, input: &ReturnRef) -> Result<(), AttemptError> {
        let client = self.clients.get(&input.shop).ok_or(AttemptError::permanent("SHOP_NOT_CONFIGURED"))?;
        let Some((shopify_order_id, restocked)) = client.restocked(input.reverse_fulfilment_order).await?
        else {
            return Err(AttemptError::permanent("SHOPIFY_NOT_FOUND"));
        };
        let mut tx = self.pool.begin().await?;
        let Some(order) = record::find_of_shop(&mut tx, input.shop.as_str(), shopify_order_id).await? else {
            // None of ours: nothing of it left from here.
            return Ok(());
        };
        let order = record::lock(&mut tx, &order.order_id).await?;
        for pieces in restocked {
            let line = LineId::parse(&pieces.line_item_id.to_string())?;
            let (source, id) = (ReturnSource::Disposition, pieces.disposition_id);
            refunds::announce_return(&mut tx, &order.order_id, source, id, &line, pieces.quantity).await?;
            let cause = format!("disposition {id}");
            self.planner.stock.take_back(&mut tx, &order, &line, &cause, pieces.quantity).await?;
        }
        Ok(tx.commit().await?)
    }
}
