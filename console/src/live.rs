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
    time::{Instant, Interval, MissedTickBehavior, interval},
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
    let visitor = match visitor {
        Ok(visitor) => visitor,
        // It is away, or asked too often: the page comes again.
        Err(TurnedAway::Refused(refusal)) => return later(refusal.status),
        // Whoever may look no more is not told so here: the page finds out when it reads itself anew.
        Err(_) => return StatusCode::NO_CONTENT.into_response(),
    };
    let Ok(place) = Arc::clone(&console.live_pages).try_acquire_owned() else {
        return later(StatusCode::SERVICE_UNAVAILABLE);
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
        ticks: ticks(),
        until: Instant::now() + LONGEST,
        closing: closing.map(|Extension(Closing(closing))| closing),
    };
    Sse::new(changes(followed)).keep_alive(KeepAlive::new().interval(HEARTBEAT_EVERY)).into_response()
}

/// Not now. A page that was told so comes again after a minute.
fn later(status: StatusCode) -> Response {
    (status, [(header::RETRY_AFTER, HeaderValue::from_static("60"))]).into_response()
}

/// When it is looked: at once, and then no more often than is said, however much changes.
fn ticks() -> Interval {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

struct Followed {
    _place: OwnedSemaphorePermit,
    client: Client,
    path: String,
    version: Option<String>,
    ticks: Interval,
    until: Instant,
    closing: Option<watch::Receiver<()>>,
}

impl Followed {
    /// Ends when something changed; none when the page is not followed any more.
    async fn next(&mut self) -> Option<()> {
        loop {
            tokio::select! {
                _ = self.ticks.tick() => {}
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use axum::{Json, Router, body::Body, http::Request, routing::get};
    use futures::StreamExt;
    use serde_json::json;
    use tower::ServiceExt;

    use super::*;

    /// A console before an API that answers so to whoever asks who they are, and where something changed at each look.
    fn console(me: StatusCode, looks: &Arc<AtomicU64>) -> Router {
        let looks = Arc::clone(looks);
        let who = json!({"name": "ada", "roles": ["operator"], "signedIn": true});
        let changes =
            async move || Json(json!({"version": looks.fetch_add(1, Ordering::SeqCst).to_string()}));
        let api = Router::new()
            .route("/api/me", get(async move || (me, Json(who))))
            .route("/api/changes", get(changes));
        crate::router(api, |_, _| {}, None)
    }

    async fn follow(console: &Router) -> Response {
        let request = Request::get("/live").body(Body::empty()).unwrap();
        console.clone().oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn while_something_changes_all_the_time_it_is_looked_every_two_seconds() {
        let looks = Arc::default();
        let began = Instant::now();
        let mut events = follow(&console(StatusCode::OK, &looks)).await.into_body().into_data_stream();
        for look in 1..=3 {
            let event = events.next().await.unwrap().unwrap();
            assert!(event.starts_with(b"event: changed"), "{event:?}");
            assert_eq!(looks.load(Ordering::SeqCst), look);
        }
        // The first is at once.
        assert!(began.elapsed() > LOOK_EVERY, "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn only_who_may_look_no_more_is_sent_away_for_good() {
        for (me, answered) in [
            (StatusCode::UNAUTHORIZED, StatusCode::NO_CONTENT),
            (StatusCode::TOO_MANY_REQUESTS, StatusCode::TOO_MANY_REQUESTS),
            (StatusCode::SERVICE_UNAVAILABLE, StatusCode::SERVICE_UNAVAILABLE),
        ] {
            let answer = follow(&console(me, &Arc::default())).await;
            assert_eq!(answer.status(), answered);
            let comes_again = answer.headers().contains_key(header::RETRY_AFTER);
            assert_eq!(comes_again, answered != StatusCode::NO_CONTENT);
        }
    }

    #[tokio::test]
    async fn the_page_after_the_last_that_is_followed_is_told_to_come_later() {
        let console = console(StatusCode::OK, &Arc::default());
        let mut followed = Vec::new();
        for _ in 0..crate::MOST_LIVE_PAGES {
            followed.push(follow(&console).await);
        }
        assert!(followed.iter().all(|page| page.status() == StatusCode::OK));
        assert_eq!(follow(&console).await.status(), StatusCode::SERVICE_UNAVAILABLE);
        followed.pop();
        assert_eq!(follow(&console).await.status(), StatusCode::OK);
    }
}
