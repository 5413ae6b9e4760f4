//! Faults planted for tests around the commit of a webhook; see `domain::planted`. Debug builds with
//! the feature `faults` only.

use std::time::Duration;

use domain::planted::is_planted;
use orders::inbox::{self, NewMessage, Source};
use serde_json::Value;

use crate::state::Api;

/// Longer than any test needs to end the process.
const LATE_START: Duration = Duration::from_secs(30);

/// The fault `acknowledge_before_commit`: true means that the message is answered for now and kept
/// some time later.
pub(crate) fn acknowledged_unkept(api: &Api, message: &NewMessage<'_>) -> bool {
    if !is_planted("acknowledge_before_commit") || message.source != Source::Shopify {
        return false;
    }
    let (api, source) = (api.clone(), message.source);
    let [shop, message_id, topic] = [message.shop, message.message_id, message.topic].map(str::to_owned);
    let (headers, body): (Value, Vec<u8>) = (message.headers.clone(), message.body.to_vec());
    tokio::spawn(async move {
        tokio::time::sleep(LATE_START).await;
        let message = NewMessage {
            source,
            shop: &shop,
            message_id: &message_id,
            topic: &topic,
            subject: None,
            headers,
            body: &body,
            sweep_after: Duration::ZERO,
        };
        if let Ok(mut conn) = api.pool.acquire().await {
            // Nobody is left to hear of it.
            let _ = inbox::insert(&mut conn, &message).await;
        }
    });
    true
}

/// The fault `die_after_commit`: the process ends here as if it had been killed from outside.
pub(crate) fn die_after_commit(source: Source) {
    if is_planted("die_after_commit") && source == Source::Shopify {
        std::process::abort();
    }
}
