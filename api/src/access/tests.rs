use std::num::NonZeroU32;

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
    middleware::from_fn_with_state,
    routing::get,
};
use tower::ServiceExt;

use super::*;
use settings::AccessConfig;

fn access(tokenless: bool, requests_per_s: u32) -> Access {
    let requests_per_s = NonZeroU32::new(requests_per_s).unwrap();
    let cors_origins = vec![HeaderValue::from_static("https://shop.example.com")];
    Access::new(&AccessConfig {
        authentication: None,
        sign_in: None,
        tokenless,
        requests_per_s,
        entrance: settings::Entrance::default(),
        cors_origins,
    })
    .unwrap()
}

/// Routes that tell who is calling, behind their doors.
fn routes(access: Access) -> Router {
    let tell = || get(async |caller: Caller| format!("{:?}", caller.confined_to()));
    Router::new()
        .route("/api/orders", tell())
        .route("/api/orders/{id}", tell())
        .route("/orders/{orderId}", tell())
        .route("/health", tell())
        .route("/not-in-the-table", tell())
        .layer(from_fn_with_state(Arc::new(access), guard))
}

async fn status(routes: &Router, path: &str, headers: &[(&str, &str)]) -> StatusCode {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    routes.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
}

#[tokio::test]
async fn a_route_that_is_not_in_the_table_is_closed() {
    let routes = routes(access(true, 100));
    assert_eq!(status(&routes, "/not-in-the-table", &[]).await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn without_a_token_only_the_house_is_open_and_only_where_the_settings_say_so() {
    let at_home = routes(access(true, 100));
    assert_eq!(status(&at_home, "/api/orders", &[]).await, StatusCode::OK);
    assert_eq!(status(&at_home, "/orders/1", &[]).await, StatusCode::UNAUTHORIZED);
    let outside = routes(access(false, 100));
    assert_eq!(status(&outside, "/api/orders", &[]).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&outside, "/health", &[]).await, StatusCode::OK);
}

#[tokio::test]
async fn what_is_presented_is_checked_even_where_nothing_is_needed() {
    let routes = routes(access(true, 100));
    for given in ["Bearer x", "bearer x", "Basic dXNlcjpwYXNz", "Bearer", "x", ""] {
        let headers = [("authorization", given)];
        assert_eq!(status(&routes, "/api/orders", &headers).await, StatusCode::UNAUTHORIZED, "{given}");
        assert_eq!(status(&routes, "/health", &headers).await, StatusCode::OK, "{given}");
    }
    let proxied = [("x-forwarded-for", "192.0.2.1")];
    assert_eq!(status(&routes, "/api/orders", &proxied).await, StatusCode::UNAUTHORIZED);
}

#[test]
fn a_token_is_taken_from_one_header_of_one_scheme() {
    let presented_in = |values: &[&'static str]| {
        let headers = values.iter().map(|value| (header::AUTHORIZATION, HeaderValue::from_static(value)));
        presented(&headers.collect()).map(|token| token.map(str::to_owned))
    };
    assert_eq!(presented_in(&[]), Ok(None));
    for scheme in ["Bearer a.b.c", "bearer a.b.c", "BEARER  a.b.c "] {
        assert_eq!(presented_in(&[scheme]), Ok(Some("a.b.c".to_owned())), "{scheme}");
    }
    assert_eq!(presented_in(&["Bearer a.b.c", "Bearer a.b.c"]), Err("more than one Authorization header"));
    for other in ["a.b.c", "Basic a.b.c", "Bearer\ta.b.c", "Bearer"] {
        assert_eq!(presented_in(&[other]), Err("not a bearer token"), "{other}");
    }
}

#[tokio::test]
async fn a_caller_over_its_limit_is_told_when_to_go_on_and_open_doors_stay_open() {
    let routes = routes(access(true, 1));
    for _ in 0..2 {
        assert_eq!(status(&routes, "/api/orders", &[]).await, StatusCode::OK);
    }
    let request = Request::get("/api/orders").body(Body::empty()).unwrap();
    let answer = routes.clone().oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.headers()[header::RETRY_AFTER], "1");
    assert_eq!(status(&routes, "/health", &[]).await, StatusCode::OK);
}

#[tokio::test]
async fn guesses_count_against_the_address_they_come_from() {
    let routes = routes(access(false, 1));
    let guess = [("authorization", "Bearer guess")];
    for _ in 0..2 {
        assert_eq!(status(&routes, "/api/orders", &guess).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(status(&routes, "/api/orders", &guess).await, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_caller_is_behind_a_door_only_what_opens_it() {
    let access = access(true, 100);
    let by = |roles: &[Role]| Bearer { subject: "somebody".into(), roles: roles.to_vec() };
    let order = table::door(&Method::GET, "/api/orders/{id}").unwrap();
    let behind = |door, bearer| access.let_in(door, bearer);
    // An order service that is a customer too sees no more orders than a customer.
    let caller = behind(order, by(&[Role::Customer, Role::OrderService])).unwrap();
    assert_eq!(caller.confined_to(), Some("somebody"));
    let caller = behind(order, by(&[Role::Customer, Role::Operator])).unwrap();
    assert_eq!(caller.confined_to(), None);
    let integration = table::door(&Method::GET, "/orders/{orderId}").unwrap();
    let caller = behind(integration, by(&[Role::Customer, Role::InventoryService])).unwrap();
    assert_eq!(caller.confined_to(), None);
    let problem = behind(integration, by(&[Role::Customer, Role::OrderService])).unwrap_err();
    assert_eq!(problem.to_string(), "This needs one of the roles admin, inventory-service");
    assert!(behind(order, by(&[])).is_err());
}
