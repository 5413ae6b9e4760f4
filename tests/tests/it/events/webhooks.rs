//! Signed webhooks for those without a broker: a subscriber that is a real HTTP server.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use outbox::OrderEventKind;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use super::{append, event, until_published};
use crate::world::{self, Plan, World};

/// What a subscriber got, and what it answers.
#[derive(Clone, Default)]
struct Subscriber(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    /// Subjects of the events that are answered with this status instead.
    answers: Vec<(String, u16)>,
    got: Vec<(HeaderMap, Bytes)>,
}

impl Subscriber {
    /// Listens on a free port of loopback.
    async fn listen(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new().route("/hooks", post(take)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        format!("http://{address}/hooks")
    }

    fn seen<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    fn answer(&self, subject: &str, status: u16) {
        self.seen(|seen| {
            seen.answers.retain(|(known, _)| known != subject);
            seen.answers.push((subject.to_owned(), status));
        });
    }

    /// Subject and sequence of what it took, in the order in which it came.
    fn taken(&self) -> Vec<(String, i64)> {
        let text = |headers: &HeaderMap, name: &str| headers[name].to_str().unwrap().to_owned();
        let of = |headers: &HeaderMap| {
            (text(headers, "ce-subject"), text(headers, "ce-sequence").parse().unwrap())
        };
        self.seen(|seen| seen.got.iter().map(|(headers, _)| of(headers)).collect())
    }
}

async fn take(
    State(subscriber): State<Subscriber>,
    headers: HeaderMap,
    body: Bytes,
) -> axum::http::StatusCode {
    let subject = headers["ce-subject"].to_str().unwrap().to_owned();
    subscriber.seen(|seen| {
        if let Some((_, status)) = seen.answers.iter().find(|(known, _)| *known == subject) {
            return axum::http::StatusCode::from_u16(*status).unwrap();
        }
        seen.got.push((headers, body));
        axum::http::StatusCode::OK
    })
}

async fn ask(world: &World, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
    let request = world.http.request(method, world.api(path)).bearer_auth(world.token("admin")).json(body);
    let answer = request.send().await.unwrap();
    let status = answer.status();
    (status, answer.json().await.unwrap_or_default())
}

async fn dead_letters(world: &World) -> Vec<Value> {
    let (status, letters) = ask(world, Method::GET, "/api/dead-letters", &Value::Null).await;
    assert_eq!(status, StatusCode::OK, "{letters}");
    letters.as_array().unwrap().clone()
}

async fn until_taken(subscriber: &Subscriber, count: usize) {
    world::until("they are taken", Duration::from_secs(30), async || {
        (subscriber.taken().len() >= count).then_some(())
    })
    .await;
}

#[test]
fn a_subscriber_gets_what_it_asked_for_signed_and_in_order_and_what_it_refuses_waits_for_a_person() {
    world::run(async {
        let env = [
            ("ALLOW_PRIVATE_WEBHOOKS", "true"),
            ("EVENTS_FIRST_PAUSE", "50ms"),
            ("EVENTS_MOST_ATTEMPTS", "2"),
        ]
        .map(|(name, value)| (name, value.to_owned()));
        let world = World::start(Plan { env: env.into(), ..Plan::default() }).await;
        let subscriber = Subscriber::default();
        let url = subscriber.listen().await;
        let wanted = json!({"url": url, "topics": ["ORDER_CONFIRMED", "ORDER_CANCELLED"]});
        let (status, subscription) = ask(&world, Method::POST, "/api/webhook-subscriptions", &wanted).await;
        assert_eq!(status, StatusCode::CREATED, "{subscription}");
        let secret = subscription["secret"].as_str().unwrap().to_owned();
        let id = subscription["subscriptionId"].as_str().unwrap().to_owned();
        let (_, listed) = ask(&world, Method::GET, "/api/webhook-subscriptions", &Value::Null).await;
        assert_eq!((listed.as_array().unwrap().len(), listed[0].get("secret")), (1, None));

        let (confirmed, cancelled) = (OrderEventKind::Confirmed, OrderEventKind::Cancelled);
        let events = [
            event("o-1", confirmed, 1),
            event("o-1", OrderEventKind::Shipped, 1),
            event("o-1", cancelled, 1),
        ];
        append(&world.pool, &events).await.unwrap();
        until_taken(&subscriber, 2).await;
        assert_eq!(subscriber.taken(), [("o-1".to_owned(), 1), ("o-1".to_owned(), 3)]);
        let (headers, body) = subscriber.seen(|seen| seen.got[0].clone());
        Webhook::new(&secret).unwrap().verify(&body, &headers).expect("it is signed");
        let envelope: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(envelope["eventId"].as_str(), headers["webhook-id"].to_str().ok());
        assert_eq!(envelope["eventType"], "ORDER_CONFIRMED");

        // A new secret: for a while either signs.
        let path = format!("/api/webhook-subscriptions/{id}/rotate-secret");
        let (status, rotated) = ask(&world, Method::POST, &path, &Value::Null).await;
        assert_eq!(status, StatusCode::OK, "{rotated}");
        let new = rotated["secret"].as_str().unwrap();
        assert_ne!(new, secret);
        // The worker hears of it within a moment.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        append(&world.pool, &[event("o-2", confirmed, 1)]).await.unwrap();
        until_taken(&subscriber, 3).await;
        let (headers, body) = subscriber.seen(|seen| seen.got[2].clone());
        for known in [new, &secret] {
            Webhook::new(known).unwrap().verify(&body, &headers).expect("either signs it");
        }

        // Who is away is waited for; what is refused is dead in the end, and holds back its own order alone.
        subscriber.answer("o-away", 503);
        subscriber.answer("o-bad", 400);
        let more = ["o-away", "o-bad", "o-bad", "o-3"].map(|order| event(order, confirmed, 1));
        append(&world.pool, &more).await.unwrap();
        until_taken(&subscriber, 4).await;
        let letters = world::until("it is given up", Duration::from_secs(30), async || {
            Some(dead_letters(&world).await).filter(|letters| !letters.is_empty())
        })
        .await;
        assert_eq!(letters.len(), 1, "{letters:?}");
        let letter = &letters[0];
        assert_eq!(
            (&letter["key"], &letter["error"], &letter["waiting"]),
            (&json!("o-bad"), &json!("HTTP 400"), &json!(1))
        );
        assert_eq!(letter["sink"], format!("webhook:{id}"));
        subscriber.seen(|seen| seen.answers.clear());
        let meant = json!({"sink": letter["sink"], "dryRun": true});
        let (_, dry) = ask(&world, Method::POST, "/api/dead-letters/redrive", &meant).await;
        assert_eq!((&dry["count"], dead_letters(&world).await.len()), (&json!(1), 1), "nothing was changed");
        let meant = json!({"ids": [letter["deadLetterId"]]});
        let (_, done) = ask(&world, Method::POST, "/api/dead-letters/redrive", &meant).await;
        assert_eq!(done["count"], 1, "{done}");
        until_taken(&subscriber, 7).await;
        let taken: BTreeSet<_> = subscriber.taken().into_iter().collect();
        assert!(
            taken.contains(&("o-bad".to_owned(), 2)) && taken.contains(&("o-away".to_owned(), 1)),
            "{taken:?}"
        );
        until_published(&world.pool, Duration::from_secs(30)).await;

        let path = format!("/api/webhook-subscriptions/{id}");
        assert_eq!(ask(&world, Method::DELETE, &path, &Value::Null).await.0, StatusCode::NO_CONTENT);
        assert_eq!(ask(&world, Method::DELETE, &path, &Value::Null).await.0, StatusCode::NOT_FOUND);
        append(&world.pool, &[event("o-4", confirmed, 1)]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(subscriber.taken().len(), 7, "it gets no more");
    });
}

#[test]
fn a_dead_letter_is_given_up_by_name_and_reason_and_what_waits_behind_it_goes_on() {
    world::run(async {
        let env = [
            ("ALLOW_PRIVATE_WEBHOOKS", "true"),
            ("EVENTS_FIRST_PAUSE", "50ms"),
            ("EVENTS_MOST_ATTEMPTS", "1"),
        ]
        .map(|(name, value)| (name, value.to_owned()));
        let world = World::start(Plan { env: env.into(), ..Plan::default() }).await;
        let subscriber = Subscriber::default();
        let wanted = json!({"url": subscriber.listen().await});
        assert_eq!(
            ask(&world, Method::POST, "/api/webhook-subscriptions", &wanted).await.0,
            StatusCode::CREATED
        );
        subscriber.answer("o-bad", 404);
        append(&world.pool, &[event("o-bad", OrderEventKind::Confirmed, 1)]).await.unwrap();
        let letters = world::until("it is given up", Duration::from_secs(30), async || {
            Some(dead_letters(&world).await).filter(|letters| !letters.is_empty())
        })
        .await;
        let id = letters[0]["deadLetterId"].as_str().unwrap();
        let (status, shown) =
            ask(&world, Method::GET, &format!("/api/dead-letters/{id}"), &Value::Null).await;
        assert_eq!((status, &shown["payload"]["orderId"]), (StatusCode::OK, &json!("o-bad")));
        subscriber.seen(|seen| seen.answers.clear());
        append(&world.pool, &[event("o-bad", OrderEventKind::Cancelled, 1)]).await.unwrap();

        for (body, named) in [
            (json!({"ids": [id]}), "reason"),
            (json!({"reason": "nobody reads it"}), "say which"),
            (json!({"ids": [], "reason": "x"}), "ids"),
            (json!({"deadFor": "soon", "reason": "x"}), "deadFor"),
        ] {
            let (status, refused) = ask(&world, Method::POST, "/api/dead-letters/skip", &body).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{refused}");
            assert!(refused["error"].as_str().unwrap().contains(named), "{refused}");
        }
        let body = json!({"ids": [id], "reason": "nobody reads it"});
        let (_, done) = ask(&world, Method::POST, "/api/dead-letters/skip", &body).await;
        assert_eq!(done["count"], 1, "{done}");
        until_taken(&subscriber, 1).await;
        assert_eq!(subscriber.taken(), [("o-bad".to_owned(), 2)]);
        let kept: (String, String) =
            sqlx::query_as("SELECT skipped_by, reason FROM integration.skipped_deliveries")
                .fetch_one(&world.pool)
                .await
                .unwrap();
        assert_eq!(kept.1, "nobody reads it");
        assert!(!kept.0.is_empty());
    });
}

#[test]
fn a_private_address_is_called_by_nobody_who_was_not_told_to() {
    let world = &*crate::line::WORLD;
    world::run(async {
        for (url, named) in [
            ("http://127.0.0.1:8000/", "url"),
            ("https://10.0.0.1/", "url"),
            ("http://shop.example.com/", "url"),
            ("https://", "url"),
        ] {
            let (status, refused) =
                ask(world, Method::POST, "/api/webhook-subscriptions", &json!({"url": url})).await;
            assert_eq!((status, &refused["field"]), (StatusCode::BAD_REQUEST, &json!(named)), "{refused}");
        }
        let unknown = json!({"url": "https://shop.example.com/", "topics": ["OrderCreated"]});
        let (status, refused) = ask(world, Method::POST, "/api/webhook-subscriptions", &unknown).await;
        assert_eq!((status, &refused["field"]), (StatusCode::BAD_REQUEST, &json!("topics")));
    });
}
