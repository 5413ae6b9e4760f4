//! Failures planted for tests, read from the table `faults.planted`. Debug builds with the feature
//! `faults` only.

use std::{future::Future, time::Duration};

use domain::{OrderId, RequestReference, Step, planted::is_planted};
use orders::{
    fulfilment_request::{self, FulfilmentRequest},
    record,
};
use sqlx::PgPool;
use uuid::Uuid;
use warehouse::client::{Accepted, NewRequest, WarehouseClient, WarehouseError};

use crate::attempt::AttemptError;

/// Longer than any step's time-out.
const HANG: Duration = Duration::from_secs(60);

/// Does a step with what is planted before, around and after it.
pub(crate) async fn around<T, Attempt>(
    pool: &PgPool,
    step: Step,
    order: &OrderId,
    body: impl Fn() -> Attempt,
) -> Result<T, AttemptError>
where
    Attempt: Future<Output = Result<T, AttemptError>>,
{
    strike(pool, step, "before", order).await?;
    let mut result = body().await;
    if result.is_ok() && planted(pool, step, "twice", order).await.is_some() {
        result = body().await;
    }
    if result.is_ok() {
        strike(pool, step, "after", order).await?;
    }
    result
}

/// The fault `random_key`: each attempt hands over under another reference.
pub(crate) fn under_a_key_of_chance(mut new_request: NewRequest) -> NewRequest {
    if is_planted("random_key") {
        let key = format!("{}-{}", new_request.reference, Uuid::now_v7().simple());
        new_request.reference = RequestReference::parse(&key).unwrap_or(new_request.reference);
    }
    new_request
}

/// The fault `second_hand_over`: what did not answer is handed over once more, as something new.
pub(crate) async fn hand_over_anew(
    pool: &PgPool,
    client: &WarehouseClient,
    first: &FulfilmentRequest,
    mut new_request: NewRequest,
    sent: Result<Accepted, WarehouseError>,
) -> Result<Accepted, WarehouseError> {
    if sent.is_ok() || !is_planted("second_hand_over") {
        return sent;
    }
    match plan_another(pool, first).await {
        Ok(reference) => {
            new_request.reference = reference;
            client.ensure_request(&new_request).await
        }
        Err(_) => sent,
    }
}

async fn plan_another(pool: &PgPool, first: &FulfilmentRequest) -> Result<RequestReference, AttemptError> {
    let mut tx = pool.begin().await?;
    let order = record::lock(&mut tx, &first.order_id).await?;
    let lines = first.lines.clone();
    let another = fulfilment_request::plan(
        &mut tx,
        &order.order_id,
        &order.order_number,
        (&first.warehouse, &first.system),
        lines,
    )
    .await?;
    tx.commit().await?;
    Ok(another.reference)
}

async fn strike(pool: &PgPool, step: Step, moment: &str, order: &OrderId) -> Result<(), AttemptError> {
    match planted(pool, step, moment, order).await.as_deref() {
        Some("database") => Err(AttemptError::database()),
        Some("fail") => Err(AttemptError::transient("PLANTED")),
        Some("fail_for_good") => Err(AttemptError::permanent("PLANTED_FOR_GOOD")),
        Some("hang") => {
            tokio::time::sleep(HANG).await;
            Err(AttemptError::transient("PLANTED_HANG"))
        }
        // The process ends here as if it had been killed from outside.
        Some("die") => std::process::abort(),
        _ => Ok(()),
    }
}

/// Takes one planted failure, if there is one for this step, moment and order.
async fn planted(pool: &PgPool, step: Step, moment: &str, order: &OrderId) -> Option<String> {
    sqlx::query_scalar(
        "UPDATE faults.planted SET times = times - 1
         WHERE step = $1 AND moment = $2 AND times > 0
           AND (order_id = $3 OR shopify_order_id = (SELECT shopify_order_id FROM orders.orders WHERE order_id = $3))
         RETURNING action",
    )
    .bind(step.as_str())
    .bind(moment)
    .bind(order.as_str())
    .fetch_optional(pool)
    .await
    .ok()
    .flatten()
}
