//! Where stock is kept by a service of its own, its doors here are closed: what they would book has
//! nothing to do with the stock that orders are served from.

use axum::{
    extract::{MatchedPath, Request, State},
    http::Method,
    middleware::Next,
    response::{IntoResponse, Response},
};
use stock::Stock;

use crate::problem::Problem;

/// Routes under these are about stock.
const ABOUT_STOCK: [&str; 7] = [
    "/api/inventory",
    "/api/warehouses",
    "/api/channel-shops",
    "/api/channel-levels",
    "/api/channel-drifts",
    "/api/allocations",
    "/allocations",
];
/// What the service can be asked for whoever asks here.
const ASKED_THERE: [&str; 2] = ["/api/inventory/{id}", "/api/inventory/{id}/check"];

/// Sends a request about stock to the service that keeps it.
pub(crate) async fn turn_away(State(stock): State<Stock>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    if !stock.is_here() && is_closed(request.method(), route) {
        return Problem::StockElsewhere.into_response();
    }
    next.run(request).await
}

fn is_closed(method: &Method, route: &str) -> bool {
    let about_stock = ABOUT_STOCK
        .iter()
        .any(|root| route.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    about_stock && !(matches!(*method, Method::GET | Method::HEAD) && ASKED_THERE.contains(&route))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_looking_at_an_item_is_open_where_stock_is_elsewhere() {
        for (method, route, closed) in [
            (Method::GET, "/api/inventory/{id}", false),
            (Method::GET, "/api/inventory/{id}/check", false),
            (Method::GET, "/api/inventory", true),
            (Method::GET, "/api/inventory/{id}/movements", true),
            (Method::GET, "/api/inventory/{id}/waiting", true),
            (Method::POST, "/api/inventory", true),
            (Method::POST, "/api/inventory/{id}/receive", true),
            (Method::POST, "/api/inventory/{id}/count", true),
            (Method::PATCH, "/api/warehouses/{id}", true),
            (Method::PUT, "/allocations/{id}/confirm", true),
            (Method::POST, "/allocations", true),
            (Method::POST, "/api/allocations/explain", true),
            (Method::POST, "/api/channel-shops/{shop}/sync", true),
            (Method::POST, "/api/orders", false),
            (Method::GET, "/orders/{orderId}", false),
        ] {
            assert_eq!(is_closed(&method, route), closed, "{method} {route}");
        }
    }
}
