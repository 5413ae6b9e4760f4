//! Waiting in place: a message whose turn it is is tried until it is handled, with growing pauses, and after some failures
//! by one attempt now and then. Patience has an end: then it is given back, once, and nothing is taken until what
//! messages need is there again.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::warn;

use crate::handler::{Handler, Trouble};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// It was waited long enough.
#[derive(Debug)]
pub(crate) struct GiveBack;

/// Tries until it is done, for so long.
pub(crate) async fn until_done<Attempt>(
    handler: &Handler,
    patience: Duration,
    mut attempt: impl FnMut() -> Attempt,
) -> Result<(), GiveBack>
where
    Attempt: Future<Output = Result<(), Trouble>>,
{
    let started = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        if handler.may_try() {
            match attempt().await {
                Ok(()) => return Ok(()),
                Err(trouble) => warn!(%trouble, "an event of another system waits"),
            }
        }
        if started.elapsed() >= patience {
            return Err(GiveBack);
        }
        sleep(pause.min(patience.saturating_sub(started.elapsed()))).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Returns once what messages need is there.
pub(crate) async fn until_there(handler: &Handler) {
    let mut pause = FIRST_PAUSE;
    while let Err(trouble) = handler.check().await {
        warn!(%trouble, "no events of other systems are taken");
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
