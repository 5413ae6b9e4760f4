//! Answers that a healthy API does not give when a test wants them, given by a stand-in.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Json, Router,
    body::Body,
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse},
    routing::{get, post},
};
use futures::stream::repeat;
use tokio::net::TcpListener;

use super::*;

/// Serves the routes on a free port as long as the test runs; returns the address.
pub(super) async fn serve(routes: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, routes).await });
    address
}

fn problem(status: StatusCode, name: &str) -> impl IntoResponse + use<> {
    let body = json!({
        "type": format!("https://waybill.dev/errors/{name}"), "title": name, "status": status.as_u16(),
        "detail": "Not now", "error": "Not now", "correlationId": "corr-17",
    });
    (status, [("Retry-After", "7")], Json(body))
}

#[test]
fn a_cancellation_that_takes_its_time_is_told_as_one() {
    world::run(async {
        let answer = json!({"message": "Cancellation requested", "orderId": "o-1", "status": "PROCESSING"});
        let cancel = post(async || (StatusCode::ACCEPTED, Json(answer)));
        let address = serve(Router::new().route("/api/orders/o-1/cancel", cancel)).await;
        let asked = waybill_at(&address, &["orders", "cancel", "o-1", "-y"]).await.ended_well();
        assert!(asked.out.starts_with("Order o-1 is being cancelled"), "{asked:?}");
    });
}

#[test]
fn an_api_that_cannot_do_it_right_now_says_when_to_try_again() {
    world::run(async {
        let unavailable = get(async || problem(StatusCode::SERVICE_UNAVAILABLE, "unavailable"));
        let broken = get(async || problem(StatusCode::INTERNAL_SERVER_ERROR, "internal"));
        let busy = get(async || problem(StatusCode::TOO_MANY_REQUESTS, "too-many-requests"));
        let forbidden = get(async || problem(StatusCode::FORBIDDEN, "forbidden"));
        let routes = Router::new()
            .route("/api/orders", unavailable)
            .route("/api/inventory", broken)
            .route("/api/inbox", busy)
            .route("/api/orders/o-1", forbidden);
        let address = serve(routes).await;
        for (arguments, code, hint) in [
            (["orders", "list"].as_slice(), 4, "try again in 7 s"),
            (&["stock", "list"], 4, "report it with the correlation id"),
            (&["inbox", "list"], 4, "try again in 7 s"),
            (&["orders", "show", "o-1"], 5, "docs/access.md"),
        ] {
            let refused = waybill_at(&address, arguments).await;
            assert_eq!((refused.code, refused.out.as_str()), (code, ""), "{refused:?}");
            assert!(refused.err.contains("corr-17") && refused.err.contains(hint), "{refused:?}");
        }
    });
}

#[test]
fn what_is_no_waybill_is_not_taken_for_one() {
    world::run(async {
        let page = get(async || Html("<html>Welcome</html>"));
        let elsewhere = get(async || (StatusCode::FOUND, [("Location", "http://127.0.0.1:1/")]));
        let routes = Router::new().route("/api/orders", page).route("/api/inbox", elsewhere);
        let address = serve(routes).await;
        for noun in ["orders", "inbox", "stock"] {
            let strange = waybill_at(&address, &[noun, "list"]).await;
            assert_eq!((strange.code, strange.out.as_str()), (4, ""), "{strange:?}");
            assert!(strange.err.contains("no Waybill API"), "{strange:?}");
        }
    });
}

#[test]
fn an_answer_without_end_or_bottom_is_not_read_through_and_nobody_is_asked_elsewhere() {
    world::run(async {
        let endless = get(async || Body::from_stream(repeat(Ok::<_, Infallible>(vec![b' '; 1024 * 1024]))));
        let deep = get(async || "[".repeat(9_000) + &"]".repeat(9_000));
        let asked_elsewhere = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&asked_elsewhere);
        let there = get(async move || asked.store(true, Ordering::SeqCst));
        let moved = get(async || (StatusCode::TEMPORARY_REDIRECT, [("Location", "/elsewhere")]));
        let routes = Router::new()
            .route("/api/orders", endless)
            .route("/api/inbox", deep)
            .route("/api/inventory", moved)
            .route("/elsewhere", there);
        let address = serve(routes).await;
        for noun in ["orders", "inbox", "stock"] {
            let strange = waybill_at(&address, &[noun, "list"]).await;
            assert_eq!((strange.code, strange.out.as_str()), (4, ""), "{noun}: {strange:?}");
        }
        assert!(!asked_elsewhere.load(Ordering::SeqCst));
    });
}

#[test]
fn a_token_goes_with_each_request_and_to_no_other_place() {
    world::run(async {
        let list = get(async |headers: HeaderMap| {
            let good = headers.get("authorization").is_some_and(|value| value == "Bearer good-token");
            let status = if good { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
            (status, Json(json!([])))
        });
        let address = serve(Router::new().route("/api/orders", list)).await;
        let listed = waybill_with_token(&address, "good-token", &["orders", "list"]).await.ended_well();
        assert_eq!(listed.out, "No orders.\n");
    });
}

#[test]
fn pages_are_put_together_entry_by_entry_as_they_came() {
    world::run(async {
        let list = get(async |uri: axum::http::Uri| {
            let query = uri.query().unwrap_or_default();
            if query.contains("cursor=two") {
                return (HeaderMap::new(), r#"[{"price": 3.10}]"#);
            }
            let mut headers = HeaderMap::new();
            let link = format!("<{}?{query}&cursor=two>; rel=\"next\"", uri.path());
            headers.insert("Link", link.parse().unwrap());
            (headers, r#"[{"price": 1.10}, {"price": 2.50}]"#)
        });
        let address = serve(Router::new().route("/api/inventory", list)).await;
        let all = waybill_at(&address, &["stock", "list", "--all", "--json"]).await.ended_well();
        assert_eq!(all.out, "[{\"price\": 1.10},{\"price\": 2.50},{\"price\": 3.10}]\n");
        let first = waybill_at(&address, &["stock", "list", "--json"]).await.ended_well();
        assert_eq!(first.out, "[{\"price\": 1.10}, {\"price\": 2.50}]\n");
    });
}
