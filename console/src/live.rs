//! Tells open pages that something changed, by server-sent events. What changed the page reads anew by itself.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{Query, State},
    http::{HeaderValue, StatusCode, header},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::{Stream, stream};
use serde::Deserialize;
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::{Instant, MissedTickBehavior, interval},
};

use crate::{
    Console,
    client::{Client, TurnedAway, Visitor},
    pages::query,
    shown::Changes,
};

/// How often it is looked whether something changed.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Proxies end what is quiet for longer.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);
/// After so long a page has to come again, with a token that is still good.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// Says that the process ends: its receivers see it when the sender is gone or sends. Whoever serves connections gives
/// it to each request.
#[derive(Clone)]
pub struct Closing(pub watch::Receiver<()>);

#[derive(Deserialize)]
pub(crate) struct What {
    /// Only what concerns this order.
    #[serde(default)]
    order: String,
}

pub(crate) async fn follow(
    State(console): State<Console>,
    Query(what): Query<What>,
    closing: Option<Extension<Closing>>,
    visitor: Result<Visitor, TurnedAway>,
) -> Response {
    // A page whose visitor may look no more is not told so here: it ceases to ask.
    let Ok(visitor) = visitor else { return StatusCode::NO_CONTENT.into_response() };
    let Ok(place) = Arc::clone(&console.live_pages).try_acquire_owned() else {
        // The page stays as it is until it is loaded again.
        let later = [(header::RETRY_AFTER, HeaderValue::from_static("60"))];
        return (StatusCode::SERVICE_UNAVAILABLE, later).into_response();
    };
    let path = if what.order.is_empty() {
        "/api/changes".to_owned()
    } else {
        format!("/api/changes?{}", query(&[("orderId", &what.order)]))
    };
    let followed = Followed {
        _place: place,
        client: visitor.client,
        path,
        version: None,
        until: Instant::now() + LONGEST,
        closing: closing.map(|Extension(Closing(closing))| closing),
    };
    Sse::new(changes(followed)).keep_alive(KeepAlive::new().interval(HEARTBEAT_EVERY)).into_response()
}

struct Followed {
    _place: OwnedSemaphorePermit,
    client: Client,
    path: String,
    version: Option<String>,
    until: Instant,
    closing: Option<watch::Receiver<()>>,
}

impl Followed {
    /// Ends when something changed; none when the page is not followed any more.
    async fn next(&mut self) -> Option<()> {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = ended(self.closing.as_mut()) => return None,
            }
            if Instant::now() > self.until {
                return None;
            }
            match self.client.get::<Changes>(&self.path).await {
                Ok(Changes { version }) => {
                    // The first time too: something may have changed while the page was on its way, or lost us.
                    let known = self.version.replace(version);
                    if known != self.version {
                        return Some(());
                    }
                }
                Err(refusal) if refusal.status.is_client_error() => return None,
                // It is away for a moment.
                Err(_) => {}
            }
        }
    }
}

async fn ended(closing: Option<&mut watch::Receiver<()>>) {
    match closing {
        // A failure means that the server is gone.
        Some(closing) => drop(closing.changed().await),
        None => std::future::pending().await,
    }
}

fn changes(followed: Followed) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(followed, |mut followed| async move {
        followed.next().await?;
        // An event without data is none for a browser.
        Some((Ok(Event::default().event("changed").data("now")), followed))
    })
}
