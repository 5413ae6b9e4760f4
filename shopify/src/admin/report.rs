//! Reports a parcel, unless it is reported already.
//!
//! **Invariant:** repeat-safe. Every attempt but the very first reads what the shop has of the
//! parcel and reports only what is missing, so an attempt whose outcome is unknown may be repeated.

mod claim;
mod error;

use domain::ShopifyOrderId;

use super::AdminClient;
use super::error::ShopifyError;
use super::fulfilment_orders::FulfilmentOrder;
use super::fulfilments::{NewFulfilment, Tracking};
use super::plan::{FulfilmentPlan, LinePieces, Unmatched, WhyNot, plan_fulfilment};
use claim::claim;

pub use error::EnsureError;

/// A parcel that left, and what is known of its order.
#[derive(Debug, Clone, Copy)]
pub struct ParcelReport<'a> {
    /// The order.
    pub order: ShopifyOrderId,
    /// How the parcel can be followed.
    pub tracking: &'a Tracking,
    /// What is in it, by the order's lines.
    pub lines: &'a [LinePieces],
    /// The shop's location it left from, whose fulfilment orders are served first. None: the
    /// fulfilment orders are served as they come.
    pub location_id: Option<i64>,
    /// Ids of fulfilments that report other parcels of ours. They never count for this one, whatever
    /// number they carry: two parcels under one number are two.
    pub reported_by_others: &'a [i64],
    /// The order's fulfilment orders, read when nothing of this parcel can have been reported. Only
    /// for the very first attempt, which then plans on them without reading.
    pub known: Option<&'a [FulfilmentOrder]>,
    /// Whether Shopify writes to the customer.
    pub notify_customer: bool,
}

/// What the shop knows of the parcel now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported {
    /// The parcel's fulfilments, of this attempt and of earlier ones.
    pub fulfilment_ids: Vec<i64>,
    /// Nothing was left to report.
    pub already: bool,
    /// Pieces the shop has no place for: fulfilled by hand, edited away or cancelled.
    pub unmatched: Vec<Unmatched>,
    /// The fulfilment orders as they were before this attempt changed them, where it read them.
    pub fulfilment_orders_read: Option<Vec<FulfilmentOrder>>,
}

/// An attempt under way.
struct Attempt<'a> {
    parcel: &'a ParcelReport<'a>,
    /// What earlier attempts reported.
    found: Vec<i64>,
    /// What this one reported.
    created: Vec<i64>,
    read: Option<Vec<FulfilmentOrder>>,
}

impl AdminClient {
    /// Makes the shop know that a parcel left.
    ///
    /// Counted as this parcel's are standing fulfilments that report no other parcel of ours and
    /// carry its tracking number; for a parcel without a number, those without any number whose
    /// pieces are all among its own. What the shop has no place for is returned, not refused.
    ///
    /// # Errors
    /// [`EnsureError`]; after an unknown outcome the next attempt finds out. With `OnHold` all that
    /// is not held has been reported.
    pub async fn report_parcel(&self, parcel: &ParcelReport<'_>) -> Result<Reported, EnsureError> {
        let mut attempt = Attempt { parcel, found: Vec::new(), created: Vec::new(), read: None };
        let mut plan = match attempt.plan_on_known() {
            Some(plan) => plan,
            None => self.look(&mut attempt).await?,
        };
        match self.carry_out(&plan, &mut attempt).await {
            Err(error) if is_refusal(&error) => {
                // Split, moved, closed or fulfilled since it was read: one look decides anew.
                plan = self.look(&mut attempt).await?;
                self.carry_out(&plan, &mut attempt).await?;
            }
            done => done?,
        }
        attempt.end(plan.unmatched)
    }

    /// Reads what the shop has of the parcel, and plans what is missing.
    async fn look(&self, attempt: &mut Attempt<'_>) -> Result<FulfilmentPlan, ShopifyError> {
        let parcel = attempt.parcel;
        let claimed = claim(parcel, &attempt.created, &self.fulfilments(parcel.order).await?)?;
        attempt.found = claimed.fulfilment_ids;
        if claimed.missing.is_empty() {
            return Ok(FulfilmentPlan::default());
        }
        let orders = self.fulfilment_orders(parcel.order).await?;
        let plan = plan_fulfilment(&orders, &claimed.missing, parcel.location_id);
        attempt.read = Some(orders);
        Ok(plan)
    }

    async fn carry_out(&self, plan: &FulfilmentPlan, attempt: &mut Attempt<'_>) -> Result<(), ShopifyError> {
        for groups in &plan.calls {
            let new = NewFulfilment {
                groups: groups.clone(),
                tracking: attempt.parcel.tracking.clone(),
                notify_customer: attempt.parcel.notify_customer,
            };
            attempt.created.push(self.create_fulfilment(&new).await?);
        }
        Ok(())
    }
}

impl Attempt<'_> {
    /// A plan on what was read before; none where that leaves pieces without a place, as it may be
    /// old.
    fn plan_on_known(&self) -> Option<FulfilmentPlan> {
        let plan = plan_fulfilment(self.parcel.known?, self.parcel.lines, self.parcel.location_id);
        plan.unmatched.is_empty().then_some(plan)
    }

    fn end(self, unmatched: Vec<Unmatched>) -> Result<Reported, EnsureError> {
        match unmatched.iter().map(|line| line.why).min() {
            Some(WhyNot::NotThereYet) => return Err(EnsureError::NotThereYet),
            Some(WhyNot::OnHold) => return Err(EnsureError::OnHold),
            Some(WhyNot::Gone) | None => {}
        }
        let already = self.created.is_empty() && unmatched.is_empty();
        let mut fulfilment_ids = self.found;
        for created in self.created {
            if !fulfilment_ids.contains(&created) {
                fulfilment_ids.push(created);
            }
        }
        Ok(Reported { fulfilment_ids, already, unmatched, fulfilment_orders_read: self.read })
    }
}

/// Whether Shopify refused a change, which may be for what it rests on having changed.
fn is_refusal(error: &ShopifyError) -> bool {
    matches!(error, ShopifyError::UserErrors(_)) || error.is_unknown_id()
}
