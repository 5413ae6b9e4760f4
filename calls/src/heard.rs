//! Whether anybody was heard while something was done. An attempt may come to its end without a call.

use std::{cell::Cell, future::Future};

tokio::task_local! {
    static ANSWERED: Cell<bool>;
}

/// Does it, and says whether a call in it was answered: by any answer but one that means down.
pub async fn listening<Doing: Future>(doing: Doing) -> (Doing::Output, bool) {
    let both = async {
        let output = doing.await;
        (output, ANSWERED.with(Cell::get))
    };
    ANSWERED.scope(Cell::new(false), both).await
}

/// Whoever was called answered. Nothing, where nobody listens.
pub(crate) fn answered() {
    // An error says that nobody listens.
    ANSWERED.try_with(|answered| answered.set(true)).ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_what_was_answered_meanwhile_is_heard() {
        answered();
        assert!(!listening(async {}).await.1);
        assert!(listening(async { answered() }).await.1);
        assert!(!listening(async {}).await.1, "each begins anew");
    }
}
