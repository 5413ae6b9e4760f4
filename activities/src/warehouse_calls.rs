//! Calls to the warehouse. Each records what it heard before it reports.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use domain::{LaneName, OrderId, OrderStatus, RequestReference, Step, Verdict};
use orders::{
    attention,
    fulfilment_request::{self, FulfilmentRequest, FulfilmentRequestStatus, RequestedLine},
    inbox::{self, NewMessage, Source},
    progress, record,
    timeline::TimelineEvent,
};
use serde_json::json;
use sqlx::PgPool;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use warehouse::{
    callback::Callback,
    client::{CancelResult, NewRequest, ParcelState, WarehouseClient},
    parcel::{ParcelPieces, ShipTo},
};
use workflows::contract::{self, Call, HandOverOutcome, OrderRef, Recalled, RequestRef, Terms};

use crate::{
    attempt::{AttemptError, Work, tried},
    lane_calls::{LaneCall, LaneCalls},
};

/// Hand-overs asked about in one inquiry.
const INQUIRY_SIZE: i64 = 100;

/// The calls to one warehouse system.
pub struct WarehouseCalls {
    pool: PgPool,
    client: WarehouseClient,
    lane: LaneName,
    calls: LaneCalls,
    ask_again_after: Duration,
}

#[activities]
impl WarehouseCalls {
    #[activity(definition = contract::RequestFulfilment)]
    pub async fn request_fulfilment(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: Call<RequestRef>,
    ) -> Result<HandOverOutcome, ActivityError> {
        let Call { asked, terms } = input;
        let call = self.call(&ctx, Step::HandOver, &asked.order_id, terms.as_ref());
        self.calls.attempt(call, || self.hand_over(&asked)).await
    }

    #[activity(definition = contract::RecallRequest)]
    pub async fn recall_request(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: Call<RequestRef>,
    ) -> Result<Recalled, ActivityError> {
        let Call { asked, terms } = input;
        let call = self.call(&ctx, Step::Recall, &asked.order_id, terms.as_ref());
        self.calls.attempt(call, || self.recall(&asked)).await
    }

    #[activity(definition = contract::AskWarehouse)]
    pub async fn ask_warehouse(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: Call<OrderRef>,
    ) -> Result<(), ActivityError> {
        let Call { asked, terms } = input;
        let call = self.call(&ctx, Step::HandOver, &asked.order_id, terms.as_ref());
        self.calls.attempt(call, || self.ask_about_order(&asked)).await
    }

    #[activity(definition = contract::AskAboutOverdue)]
    pub async fn ask_about_overdue(self: Arc<Self>, ctx: ActivityContext) -> Result<u32, ActivityError> {
        let mut conn = self.pool.acquire().await?;
        let system = self.client.system();
        let overdue =
            fulfilment_request::take_overdue(&mut conn, system, INQUIRY_SIZE, self.ask_again_after).await?;
        drop(conn);
        let mut asked = 0;
        for fulfilment_request in &overdue {
            let order_id = &fulfilment_request.order_id;
            let asking = || self.ask(&fulfilment_request.reference);
            let result = tried(&self.pool, Work::Note("ask_about_overdue"), order_id, asking).await;
            asked += u32::from(result.is_ok());
            let is_away =
                result.as_ref().is_err_and(|failure| matches!(failure.verdict(), Verdict::Away { .. }));
            self.calls.heard(&self.lane, order_id, result).await;
            // The rest is asked about when its turn comes again.
            if is_away || self.calls.is_paused(&self.lane) || ctx.is_cancelled() {
                break;
            }
        }
        Ok(asked)
    }
}

impl WarehouseCalls {
    /// The calls, to this system; an overdue hand-over is asked about again after `ask_again_after`.
    #[must_use]
    pub fn new(pool: PgPool, client: WarehouseClient, calls: LaneCalls, ask_again_after: Duration) -> Self {
        let lane = LaneName::of_system(client.system());
        Self { pool, client, lane, calls, ask_again_after }
    }

    fn call<'a>(
        &'a self,
        ctx: &'a ActivityContext,
        step: Step,
        order: &'a OrderId,
        terms: Option<&'a Terms>,
    ) -> LaneCall<'a> {
        LaneCall { ctx, lane: &self.lane, step, order, terms }
    }

    /// What was committed before the call is acted on before it: the last look at the record and the
    /// note that the warehouse is being called are one transaction.
    async fn hand_over(&self, input: &RequestRef) -> Result<HandOverOutcome, AttemptError> {
        let mut tx = self.pool.begin().await?;
        let order = record::lock(&mut tx, &input.order_id).await?;
        let Some(fulfilment_request) = fulfilment_request::find(&mut tx, &input.reference).await? else {
            return Ok(HandOverOutcome::Overtaken); // planned anew
        };
        self.is_ours(&fulfilment_request)?;
        match fulfilment_request.status {
            FulfilmentRequestStatus::Accepted => {
                attention::run_goes_on(&mut tx, &order, None).await?;
                tx.commit().await?;
                return Ok(HandOverOutcome::Accepted);
            }
            FulfilmentRequestStatus::Requested if record::plan_stands(&mut tx, &order).await? => {}
            // Also what has left, or was called off: the plan is that of a run that was reset to before it.
            _ => return Ok(HandOverOutcome::Overtaken),
        }
        attention::run_goes_on(&mut tx, &order, None).await?;
        let customer = record::customer(&mut tx, &input.order_id).await?;
        let ship_to_digest = record::ship_to_digest(&mut tx, &input.order_id).await?;
        fulfilment_request::calling(&mut tx, &input.reference, ship_to_digest.as_deref()).await?;
        tx.commit().await?;

        let new_request = NewRequest {
            reference: input.reference.clone(),
            lines: by_sku(&fulfilment_request),
            warehouse: fulfilment_request.warehouse.clone(),
            ship_to: customer.as_ref().and_then(ShipTo::from_stored_customer),
        };
        #[cfg(feature = "faults")]
        let new_request = crate::faults::under_a_key_of_chance(new_request);
        let sent = self.client.ensure_request(&new_request).await;
        #[cfg(feature = "faults")]
        let sent =
            crate::faults::hand_over_anew(&self.pool, &self.client, &fulfilment_request, new_request, sent)
                .await;
        sent?;

        let mut tx = self.pool.begin().await?;
        record::lock(&mut tx, &input.order_id).await?;
        fulfilment_request::accepted(
            &mut tx,
            &input.reference,
            Duration::from_millis(input.overdue_after_ms),
        )
        .await?;
        let detail = Some(input.reference.as_str());
        // It may have left before its warehouse answered.
        let (to, event) = (OrderStatus::Processing, TimelineEvent::HandedOver);
        progress::move_on(&mut tx, &input.order_id, to, event, detail).await?;
        tx.commit().await?;
        Ok(HandOverOutcome::Accepted)
    }

    /// A hand-over belongs to the system that it was planned for: no other hears of it.
    fn is_ours(&self, fulfilment_request: &FulfilmentRequest) -> Result<(), AttemptError> {
        if fulfilment_request.system == *self.client.system() {
            Ok(())
        } else {
            Err(AttemptError::permanent("WRONG_WAREHOUSE_SYSTEM"))
        }
    }

    async fn recall(&self, input: &RequestRef) -> Result<Recalled, AttemptError> {
        let known = fulfilment_request::find(&mut *self.pool.acquire().await?, &input.reference).await?;
        if let Some(fulfilment_request) = &known {
            self.is_ours(fulfilment_request)?;
        }
        let results = self.client.cancel(&input.reference).await?;
        let mut parcels = Vec::new();
        if results.iter().any(|result| result.too_late) {
            let state = self.client.request(&input.reference).await?;
            parcels = state.map(|state| state.parcels).unwrap_or_default();
        }
        let mut tx = self.pool.begin().await?;
        record::lock(&mut tx, &input.order_id).await?;
        let fulfilment_request = fulfilment_request::find(&mut tx, &input.reference).await?;
        let lines = fulfilment_request.map(|fulfilment_request| fulfilment_request.lines).unwrap_or_default();
        let late = what_is_too_late(&lines, &results, &parcels);
        fulfilment_request::recalled(&mut tx, &input.reference, &late).await?;
        record::raise_wish(&mut tx, &input.order_id).await?;
        tx.commit().await?;
        Ok(Recalled { pieces_too_late: late.iter().map(|line| line.quantity).sum() })
    }

    async fn ask_about_order(&self, input: &OrderRef) -> Result<(), AttemptError> {
        let requests =
            fulfilment_request::of_order(&mut *self.pool.acquire().await?, &input.order_id).await?;
        for fulfilment_request in requests {
            let is_open = fulfilment_request.status == FulfilmentRequestStatus::Accepted;
            if is_open && fulfilment_request.system == *self.client.system() {
                self.ask(&fulfilment_request.reference).await?;
            }
        }
        Ok(())
    }

    /// Asks, and leaves the answer in the inbox as if it had been a callback.
    async fn ask(&self, reference: &RequestReference) -> Result<(), AttemptError> {
        let Some(state) = self.client.request(reference).await? else {
            return Err(AttemptError::permanent("WAREHOUSE_LOST_REFERENCE"));
        };
        let system = self.client.system();
        let mut tx = self.pool.begin().await?;
        for callback in state.parcels.iter().map(|parcel| Callback::of(&state.reference, parcel)) {
            let (message_id, body) = (inquiry_id(&callback), json!(callback).to_string());
            let message = NewMessage {
                source: Source::Warehouse,
                shop: inbox::shop_of_system(system),
                message_id: &message_id,
                topic: inbox::INQUIRY,
                subject: None,
                headers: json!({}),
                body: body.as_bytes(),
                sweep_after: Duration::ZERO,
            };
            inbox::insert(&mut tx, &message).await?;
        }
        Ok(tx.commit().await?)
    }
}

/// What of a hand-over could not be stopped. Where the warehouse does not say what is in a parcel that leaves, it
/// is whatever is in none of those it stopped: only what it confirmed as cancelled may be handed over anew.
fn what_is_too_late(
    handed: &[RequestedLine],
    results: &[CancelResult],
    parcels: &[ParcelState],
) -> Vec<RequestedLine> {
    let late: BTreeSet<&str> =
        results.iter().filter(|result| result.too_late).map(|result| result.parcel_id.as_str()).collect();
    let (leaving, stopped): (Vec<&ParcelState>, Vec<&ParcelState>) =
        parcels.iter().partition(|parcel| late.contains(parcel.parcel_id.as_str()));
    let says_what = |id: &&str| {
        let of_it = leaving.iter().filter(|parcel| parcel.parcel_id == **id);
        of_it.flat_map(|parcel| &parcel.lines).any(|line| line.quantity > 0)
    };
    let pieces = |parcels: &[&ParcelState]| -> Vec<ParcelPieces> {
        parcels.iter().flat_map(|parcel| parcel.lines.iter().cloned()).collect()
    };
    if late.iter().all(says_what) {
        return by_line(handed, &pieces(&leaving));
    }
    let stopped = by_line(handed, &pieces(&stopped));
    let without_stopped = |line: &RequestedLine| {
        let of_line = stopped.iter().filter(|other| other.line_id == line.line_id);
        let quantity = line.quantity.saturating_sub(of_line.map(|other| other.quantity).sum());
        (quantity > 0).then(|| RequestedLine { quantity, ..line.clone() })
    };
    handed.iter().filter_map(without_stopped).collect()
}

/// Which lines of a hand-over these pieces are, the first lines first.
fn by_line(handed: &[RequestedLine], pieces: &[ParcelPieces]) -> Vec<RequestedLine> {
    let mut left: BTreeMap<&str, u32> = BTreeMap::new();
    for line in pieces {
        *left.entry(&line.sku).or_default() += line.quantity;
    }
    let mut lines = Vec::new();
    for line in handed {
        let Some(pieces) = left.get_mut(line.sku.as_str()) else { continue };
        let quantity = line.quantity.min(*pieces);
        *pieces -= quantity;
        if quantity > 0 {
            lines.push(RequestedLine { quantity, ..line.clone() });
        }
    }
    lines
}

/// What a hand-over asks for, added up by SKU.
fn by_sku(fulfilment_request: &FulfilmentRequest) -> Vec<ParcelPieces> {
    let mut pieces: BTreeMap<&str, u32> = BTreeMap::new();
    for line in &fulfilment_request.lines {
        *pieces.entry(&line.sku).or_default() += line.quantity;
    }
    pieces.into_iter().map(|(sku, quantity)| ParcelPieces { sku: sku.to_owned(), quantity }).collect()
}

/// The same parcel id under another reference is another parcel.
fn inquiry_id(Callback { reference, parcel_id, sequence, .. }: &Callback) -> String {
    format!("inquiry/{reference}/{parcel_id}/{sequence}")
}

#[cfg(test)]
mod tests {
    use warehouse::client::RequestState;

    use super::*;

    fn handed() -> Vec<RequestedLine> {
        let line = |line_id: &str, sku: &str, quantity| RequestedLine {
            line_id: line_id.to_owned(),
            sku: sku.to_owned(),
            quantity,
        };
        vec![line("1", "A", 2), line("2", "B", 3)]
    }

    fn parcel(id: &str, lines: &[(&str, u32)]) -> ParcelState {
        let lines: Vec<_> =
            lines.iter().map(|(sku, quantity)| json!({"sku": sku, "quantity": quantity})).collect();
        serde_json::from_value(json!({"shipmentId": id, "status": "shipped", "sequence": 1, "lines": lines}))
            .expect("a parcel")
    }

    fn result(id: &str, too_late: bool) -> CancelResult {
        CancelResult { parcel_id: id.to_owned(), too_late }
    }

    fn late(results: &[CancelResult], parcels: &[ParcelState]) -> Vec<(String, u32)> {
        let late = what_is_too_late(&handed(), results, parcels);
        late.into_iter().map(|line| (line.line_id, line.quantity)).collect()
    }

    #[test]
    fn only_parcels_that_could_not_be_stopped_are_too_late() {
        let parcels = [parcel("S1", &[("A", 2)]), parcel("S2", &[("B", 3)])];
        assert_eq!(late(&[result("S1", false), result("S2", false)], &parcels), []);
        assert_eq!(late(&[result("S1", false), result("S2", true)], &parcels), [("2".to_owned(), 3)]);
        let all = [("1".to_owned(), 2), ("2".to_owned(), 3)];
        assert_eq!(late(&[result("S1", true), result("S2", true)], &parcels), all);
    }

    #[test]
    fn what_a_parcel_that_leaves_does_not_say_is_all_that_was_not_stopped() {
        let all = [("1".to_owned(), 2), ("2".to_owned(), 3)];
        assert_eq!(late(&[result("S1", true)], &[parcel("S1", &[])]), all);
        assert_eq!(late(&[result("S1", true)], &[]), all, "it is not listed");
        let parcels = [parcel("S1", &[("A", 2), ("B", 1)]), parcel("S2", &[])];
        assert_eq!(late(&[result("S1", false), result("S2", true)], &parcels), [("2".to_owned(), 2)]);
    }

    #[test]
    fn one_shipment_id_under_two_references_is_two_answers() {
        let state = |reference: &str| -> RequestState {
            serde_json::from_value(json!({
                "reference": reference,
                "lineItems": [{"sku": "A", "quantity": 1}],
                "shipments": [{"shipmentId": "S1", "status": "shipped", "sequence": 3}],
            }))
            .expect("a state")
        };
        let id = |reference: &str| {
            let state = state(reference);
            inquiry_id(&Callback::of(&state.reference, &state.parcels[0]))
        };
        assert_ne!(id("ORD-20261126-0A0B0C0D-main-1"), id("ORD-20261126-0A0B0C0D-main-2"));
    }
}
