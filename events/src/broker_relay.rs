//! Publishing to a broker: the relay, from when the database knows that there is one.

use std::time::Duration;

use outbox::{Relay, RelaySettings, Sink};
use sqlx::PgPool;
use tokio::time::sleep;
use tracing::{info, warn};

/// The pause between two attempts to say in the database that there is a sink.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Publishes to a sink. What is written from the first time on that it is said to be there is published.
pub(crate) async fn relay(
    sink: impl Sink,
    pool: PgPool,
    settings: RelaySettings,
    stop: impl Future<Output = ()> + Send,
) {
    let mut stop = std::pin::pin!(stop);
    let name = sink.name().to_owned();
    while let Err(error) = add(&pool, &name).await {
        warn!(sink = name, %error, "waiting for the database");
        tokio::select! {
            () = &mut stop => return,
            () = sleep(TRY_AGAIN_AFTER) => {}
        }
    }
    info!(sink = name, "events are published");
    Relay::new(pool, sink, settings).run(stop).await;
}

async fn add(pool: &PgPool, sink: &str) -> Result<(), sqlx::Error> {
    outbox::add_sink(&mut *pool.acquire().await?, sink).await
}
