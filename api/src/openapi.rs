//! What the interface says of itself: `/openapi.json` for programs, `/docs` for people.
//!
//! | module | what it is |
//! |---|---|
//! | `refusals` | what every operation may be refused with, and how a refusal looks |
//! | `pages` | the two pages |
//!
//! The description is made of the handlers' own. What is the same for all of them is added here: who
//! may come in, the refusals any of them may give, and the header that every answer has.
//!
//! **Invariant:** no handler states what holds for all of them, and whatever one states itself stays.

mod pages;
mod refusals;

use axum::{Router, http::Method};
use utoipa::openapi::{
    Components, Info, License, OpenApi, RefOr, SecurityRequirement,
    path::{Operation, PathItem},
    security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    tag::{Tag, TagBuilder},
};

use crate::access::table::{self, Door};

/// The name of the way in that needs a token.
const BEARER: &str = "bearer";

const WHAT_IT_IS: &str = "Waybill fulfils orders of Shopify shops, and orders placed through this interface: \
it reserves stock, has the warehouse ship, and notifies the shop. \n\n\
Under `/api` answers are bare and refusals are problems (RFC 9457, `application/problem+json`); under \
`/allocations` and `/orders` both are wrapped in `{success, data | error}`. Money is a decimal string, times \
are RFC 3339 in UTC. Every answer has an `X-Correlation-Id`, the caller's own if the request had one: quote it \
when you ask about an answer. What is answered with 429 or 503 may be sent again after `Retry-After` seconds.";

const TAGS: [(&str, &str); 10] = [
    ("orders", "Placing, following and cancelling orders."),
    ("returns", "Pieces that come back: announced, and received."),
    ("users", "Those who order through this interface."),
    ("privacy", "What is known of customers who ask for it."),
    ("inventory", "What is on hand, what of it is free, and booking stock in and out."),
    ("allocations", "Stock held for somebody else's orders, and which warehouse would serve an order."),
    ("integration", "Orders and dependencies as other services see them."),
    ("operations", "What waits for a person: messages, and orders that need attention."),
    ("webhooks", "What shops and the warehouse send. Signed, and without a token."),
    ("health", "Whether the process is there, and whether it can work."),
];

/// The routes and the pages that describe them.
pub(crate) fn with_pages<S: Clone + Send + Sync + 'static>(
    routes: Router<S>,
    description: OpenApi,
) -> Router<S> {
    pages::add(routes, &complete(description))
}

/// The description of the handlers, and what is the same for all of them.
fn complete(mut description: OpenApi) -> OpenApi {
    let mut info = Info::new("Waybill", env!("CARGO_PKG_VERSION"));
    info.description = Some(WHAT_IT_IS.to_owned());
    let mut license = License::new(env!("CARGO_PKG_LICENSE"));
    license.identifier = Some(env!("CARGO_PKG_LICENSE").to_owned());
    info.license = Some(license);
    description.info = info;
    description.tags = Some(TAGS.map(tag).into());
    for (path, item) in &mut description.paths.paths {
        for (method, operation) in operations(item) {
            // A test holds the description against the table, so there always is a row.
            complete_operation(path, table::door(&method, path).unwrap_or(Door::Open), operation);
        }
    }
    let components = description.components.get_or_insert_with(Components::new);
    components.security_schemes.insert(BEARER.to_owned(), RefOr::T(bearer()));
    refusals::add(components);
    description
}

fn tag((name, about): (&str, &str)) -> Tag {
    TagBuilder::new().name(name).description(Some(about)).build()
}

fn bearer() -> SecurityScheme {
    SecurityScheme::Http(
        HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some(
                "A token with the role that the operation asks for. `waybill token --role admin` makes one for \
                 the demo.",
            ))
            .build(),
    )
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    [
        (Method::GET, &mut item.get),
        (Method::PUT, &mut item.put),
        (Method::POST, &mut item.post),
        (Method::PATCH, &mut item.patch),
        (Method::DELETE, &mut item.delete),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn complete_operation(path: &str, door: Door, operation: &mut Operation) {
    operation.security = Some(security(door));
    if door != Door::Open {
        let names: Vec<&str> = door.roles().iter().map(|role| role.as_str()).collect();
        let description = operation.description.get_or_insert_default();
        let space = if description.is_empty() { "" } else { "\n\n" };
        *description = format!("{description}{space}Roles: {}.", names.join(", "));
        let extensions = operation.extensions.get_or_insert_default();
        extensions.insert("x-roles".to_owned(), names.into());
    }
    refusals::complete(path, door, operation);
}

/// The ways in: one of these is needed.
fn security(door: Door) -> Vec<SecurityRequirement> {
    let token = SecurityRequirement::new(BEARER, [""; 0]);
    match door {
        Door::Open => Vec::new(),
        // A token may be left away on loopback.
        Door::House(_) => vec![token, SecurityRequirement::default()],
        Door::Integration(_) => vec![token],
    }
}

#[cfg(test)]
mod tests;
