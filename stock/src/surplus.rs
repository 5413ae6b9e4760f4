//! Pieces that left and were held for nobody.

use domain::{Quantity, Sku, WarehouseId};
use inventory::Surplus;
use orders::{
    Order,
    parcel::{KeptParcel, ParcelLine},
};
use sqlx::PgConnection;

use crate::{Place, Stock, StockError};

impl Stock {
    /// Books out, in the caller's transaction, what left with a parcel and was held for nobody. Returns what
    /// was and what was not booked, for a person. Where stock is at a service of its own, nothing is.
    ///
    /// # Errors
    /// [`StockError`].
    pub async fn book_surplus(
        &self,
        conn: &mut PgConnection,
        order: &Order,
        parcel: &KeptParcel,
        lines: &[ParcelLine],
    ) -> Result<String, StockError> {
        let mut left = Vec::with_capacity(lines.len());
        for line in lines {
            let quantity = Quantity::new(i64::from(line.quantity)).map_err(StockError::unexpected)?;
            left.push((Sku::parse(&line.sku).map_err(StockError::unexpected)?, quantity));
        }
        let booked = match &self.place {
            Place::There(_) => Vec::new(),
            Place::Here => {
                let surplus = Surplus {
                    order_id: &order.order_id,
                    epoch: order.epoch.into(),
                    warehouse: &WarehouseId::parse(&parcel.warehouse).map_err(StockError::unexpected)?,
                    parcel_id: &format!("{}/{}/surplus", parcel.reference, parcel.parcel_id),
                    lines: &left,
                };
                inventory::book_surplus(conn, &surplus, &order.correlation_id).await?
            }
        };
        let words = left.iter().map(|(sku, pieces)| {
            let out = booked.iter().find(|(of, _)| of == sku).map_or(0, |(_, out)| *out);
            format!("{} × {sku} left besides, {out} of them booked out of stock", pieces.get())
        });
        Ok(words.collect::<Vec<_>>().join("; "))
    }
}
