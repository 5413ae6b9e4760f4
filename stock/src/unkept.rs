//! What was reserved provisionally for an order that is not kept is given back. Nobody waits for it: what cannot be
//! given back now is given back by the service in its own time.

use domain::OrderStatus;
use inventory_service::InventoryClient;
use orders::record;
use sqlx::PgPool;
use tracing::warn;
use uuid::Uuid;

use crate::{StockError, verbs::Reserve};

const NOT_KEPT: &str = "order not kept";

pub(crate) fn give_back(pool: &PgPool, service: &InventoryClient, reserved: Vec<Reserve>) {
    for Reserve { request, .. } in reserved {
        let (pool, service) = (pool.clone(), service.clone());
        tokio::spawn(async move {
            let (order_id, epoch) = (&request.order_id, request.epoch.number());
            // An order of which we cannot say whether it is kept may be. One may have been cancelled meanwhile.
            let given_back = async {
                let order = record::find(&mut *pool.acquire().await?, order_id).await?;
                if order.is_none_or(|order| order.status == OrderStatus::Cancelled) {
                    service.release(order_id, epoch, NOT_KEPT, &Uuid::now_v7().to_string()).await?;
                }
                Ok::<_, StockError>(())
            };
            if let Err(error) = given_back.await {
                warn!(order.id = %order_id, %error, "a reservation is left for the inventory service to give back");
            }
        });
    }
}
