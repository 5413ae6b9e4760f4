//! Faults planted for tests in the undo of a story; see `domain::planted`. Nothing happens here but in debug builds
//! with the feature `faults`.

use domain::{RequestReference, planted::is_planted};

use crate::{ledger::Undo, order_fulfilment::Story, saga::Interrupted};

impl Story {
    /// The fault `undo_registered_late`: what is to be undone is not known before it is done.
    pub(crate) fn forget_recall(&self, reference: &RequestReference) {
        if is_planted("undo_registered_late") {
            let recall = Undo::Recall { reference: reference.clone() };
            self.ctx.state_mut(|order| order.progress.undos.retain(|undo| *undo != recall));
        }
    }

    /// The second half of it: now it is known.
    pub(crate) fn remember_recall(&self, reference: &RequestReference) {
        if is_planted("undo_registered_late") {
            let recall = Undo::Recall { reference: reference.clone() };
            self.ctx.state_mut(|order| order.progress.push_undo(recall));
        }
    }

    /// The third: what did not report success is taken for not done.
    pub(crate) fn believe_what_succeeded(&self) {
        if is_planted("undo_registered_late") {
            self.ctx.state_mut(|order| {
                for request in order.progress.requests.iter_mut().filter(|request| !request.accepted) {
                    request.pieces = 0;
                }
            });
        }
    }

    /// The fault `undo_order_swapped`: the stock is given back before the warehouse is asked.
    pub(crate) async fn release_first(&self) -> Result<(), Interrupted> {
        if is_planted("undo_order_swapped") {
            let undos = self.ctx.state(|order| order.progress.undos.clone());
            self.release().await?;
            self.ctx.state_mut(|order| order.progress.undos = undos);
        }
        Ok(())
    }
}
