//! The transaction of a step that changes stock and records at once. Where stock is here, both are one
//! transaction. Where it is there, a step runs until it asks something; what it did is rolled back, the service is
//! asked, and the step runs again and finds the answer. So a step is written once, and nothing is open across a call.
//!
//! **Invariant:** an answer stands for the very question it was given to: a step that asks something else the
//! second time, as the order was changed meanwhile, is asked for anew.

use std::{
    any::Any,
    mem,
    ops::{Deref, DerefMut},
    sync::Arc,
};

use futures::future::BoxFuture;
use inventory_service::{InventoryClient, StockError};
use parking_lot::Mutex;
use sqlx::{Connection as _, PgConnection, Postgres, Transaction};

use crate::{
    Place, Stock, unkept,
    verbs::{Reserve, Verb},
};

/// How much one step may ask. More means that it never asks the same twice.
const MOST_QUESTIONS: usize = 250;

/// What a step fails with.
pub trait StepError: From<StockError> + From<sqlx::Error> {
    /// Whether its transaction met another one and may be made again at once.
    fn met_another_transaction(&self) -> bool;
}

impl StepError for StockError {
    fn met_another_transaction(&self) -> bool {
        self.met_another_transaction()
    }
}

/// A transaction in which stock can be asked for. Dropped, it is rolled back.
pub struct StockTransaction<'c> {
    tx: Transaction<'c, Postgres>,
    is_nested: bool,
    place: Place,
    asked: Asked,
}

impl Stock {
    /// Takes a step in a transaction, which the step commits. It may be run several times, up to its first question
    /// and once more from the start after each; so it draws nothing at random.
    ///
    /// # Errors
    /// What the step fails with; [`StockError`] where stock cannot be asked.
    pub async fn transaction<T, E, Step, Taking>(&self, step: Step) -> Result<T, E>
    where
        E: StepError,
        Step: Fn(StockTransaction<'static>) -> Taking,
        Taking: Future<Output = Result<T, E>>,
    {
        let asked = Asked::default();
        let ended = database::retried(E::met_another_transaction, || self.attempt(&asked, &step)).await;
        if let Place::There(service) = &self.place {
            unkept::give_back(&self.pool, service, asked.reserved_in_vain());
        }
        ended
    }

    async fn attempt<T, E, Step, Taking>(&self, asked: &Asked, step: &Step) -> Result<T, E>
    where
        E: StepError,
        Step: Fn(StockTransaction<'static>) -> Taking,
        Taking: Future<Output = Result<T, E>>,
    {
        loop {
            asked.begin();
            let tx = self.pool.begin().await?;
            let (place, is_nested) = (self.place.clone(), false);
            let ended = step(StockTransaction { tx, is_nested, place, asked: asked.clone() }).await;
            let (Place::There(service), Some(question)) = (&self.place, asked.take_question()) else {
                return ended;
            };
            asked.keep(question(service.clone()).await?)?;
        }
    }
}

impl StockTransaction<'_> {
    /// Whether stock is in this database.
    #[must_use]
    pub fn is_here(&self) -> bool {
        matches!(self.place, Place::Here)
    }

    /// Commits; what is nested counts when what is around it is committed.
    ///
    /// # Errors
    /// [`sqlx::Error`]: whether it is committed is not known if the connection broke.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        self.tx.commit().await?;
        self.asked.0.lock().committed = !self.is_nested;
        Ok(())
    }

    /// A part that can be rolled back alone.
    ///
    /// # Errors
    /// [`sqlx::Error`].
    pub async fn nested(&mut self) -> Result<StockTransaction<'_>, sqlx::Error> {
        let (place, asked) = (self.place.clone(), self.asked.clone());
        Ok(StockTransaction { tx: self.tx.begin().await?, is_nested: true, place, asked })
    }

    /// Does it here, or finds what the service said to it.
    pub(crate) async fn ask<V: Verb>(
        &mut self,
        verb: V,
        correlation_id: &str,
    ) -> Result<V::Answer, StockError> {
        if let Place::Here = self.place {
            return verb.here(&mut self.tx, correlation_id).await;
        }
        match self.asked.answer_to(&verb) {
            Some(answer) => Ok(answer),
            None => {
                self.asked.ask(verb, correlation_id.to_owned());
                Err(StockError::ToBeAsked)
            }
        }
    }
}

impl Deref for StockTransaction<'_> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.tx
    }
}

impl DerefMut for StockTransaction<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.tx
    }
}

/// What a step asked, and what the service said.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    answers: Vec<Answered>,
    question: Option<Question>,
    committed: bool,
}

/// A question that is to be asked.
type Question = Box<dyn FnOnce(InventoryClient) -> BoxFuture<'static, Result<Answered, StockError>> + Send>;

struct Answered {
    verb: Box<dyn Any + Send>,
    answer: Box<dyn Any + Send>,
    /// Whether the last run of the step used it.
    used: bool,
}

impl Asked {
    fn begin(&self) {
        let mut known = self.0.lock();
        known.question = None;
        known.answers.iter_mut().for_each(|answered| answered.used = false);
    }

    fn take_question(&self) -> Option<Question> {
        self.0.lock().question.take()
    }

    fn ask<V: Verb>(&self, verb: V, correlation_id: String) {
        self.0.lock().question = Some(Box::new(move |service| {
            Box::pin(async move {
                let answer = Box::new(verb.there(&service, &correlation_id).await?);
                Ok(Answered { verb: Box::new(verb), answer, used: false })
            })
        }));
    }

    fn keep(&self, answered: Answered) -> Result<(), StockError> {
        let mut known = self.0.lock();
        known.answers.push(answered);
        if known.answers.len() > MOST_QUESTIONS { Err(StockError::ToBeAsked) } else { Ok(()) }
    }

    fn answer_to<V: Verb>(&self, verb: &V) -> Option<V::Answer> {
        let mut known = self.0.lock();
        let answered =
            known.answers.iter_mut().find(|answered| answered.verb.downcast_ref::<V>() == Some(verb))?;
        answered.used = true;
        answered.answer.downcast_ref::<V::Answer>().cloned()
    }

    /// What was reserved provisionally, and is not in what was committed.
    fn reserved_in_vain(&self) -> Vec<Reserve> {
        let mut known = self.0.lock();
        let committed = known.committed;
        let in_vain = mem::take(&mut known.answers).into_iter().filter(|made| !(committed && made.used));
        let reserved = in_vain.filter_map(|made| made.verb.downcast::<Reserve>().ok());
        reserved.map(|reserve| *reserve).filter(|reserve| reserve.provisional_for.is_some()).collect()
    }
}
