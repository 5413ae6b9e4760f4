//! Transactions that met another one are tried again at once.
//!
//! **Invariant:** an attempt that met another transaction has been rolled back whole, so that it
//! can be made again; an attempt begins its transaction itself and commits it as its last step.

use std::future::Future;

use crate::problem::Problem;

/// How often a transaction is tried that meets another one.
const MOST_ATTEMPTS: u32 = 3;

/// Makes an attempt, and again if it met another transaction: a deadlock, or a conflict of two that
/// could not be put in a row (SQLSTATE class 40).
///
/// # Errors
/// What the last attempt was refused with.
pub(crate) async fn retried<T, F>(mut attempt: impl FnMut() -> F) -> Result<T, Problem>
where
    F: Future<Output = Result<T, Problem>>,
{
    let mut attempts = 1;
    loop {
        match attempt().await {
            Err(problem) if attempts < MOST_ATTEMPTS && met_another_transaction(&problem) => attempts += 1,
            ended => return ended,
        }
    }
}

fn met_another_transaction(problem: &Problem) -> bool {
    let Problem::Unavailable(cause) = problem else {
        return false;
    };
    cause.downcast_ref::<sqlx::Error>().is_some_and(inventory_service::met_another_transaction)
}
