//! The pages, one module each.

use axum::{
    Router,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use crate::{
    Console,
    client::{Refusal, Visitor},
    session::own,
    words,
};

mod attention;
mod audit;
mod bulk;
mod dead_letters;
mod inbox;
mod lanes;
mod order;
mod orders;
mod overview;
mod returns;
mod shops;
mod stock;

#[cfg(test)]
mod full_pages;

pub(crate) fn router() -> Router<Console> {
    Router::new()
        .merge(overview::router())
        .merge(attention::router())
        .merge(bulk::router())
        .merge(orders::router())
        .merge(order::router())
        .merge(stock::router())
        .merge(returns::router())
        .merge(shops::router())
        .merge(inbox::router())
        .merge(dead_letters::router())
        .merge(lanes::router())
        .merge(audit::router())
}

/// No page has this address.
pub(crate) async fn nothing_here() -> Response {
    let sentence = "No page of the console has this address.".to_owned();
    Refusal { status: StatusCode::NOT_FOUND, sentence }.into_response()
}

/// Names and values as a query; what is empty is left out.
pub(crate) fn query(pairs: &[(&str, &str)]) -> String {
    let given = pairs.iter().filter(|(_, value)| !value.is_empty());
    form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish()
}

/// A path or page with a query, if there is one.
fn with_query(path: &str, pairs: &[(&str, &str)]) -> String {
    let query = query(pairs);
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// The page of a shop's levels that are left alone for a reason.
pub(crate) fn shops_left(shop: &str, reason: &str) -> String {
    with_query("/console/shops", &[("shop", shop), ("skipped", reason)])
}

/// A text as one part of a path.
pub(crate) fn part(text: &str) -> String {
    // A form's `+` means a plus in a path.
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// What is asked for where a form has a field that nobody filled in.
fn given(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// Rows of a page: as many as a page of 60 kB holds with the longest that is usual in each.
const ROWS: &str = "40";

/// A page of a list of `/api`, and the address of the console's page that shows what comes after it.
async fn listed<T: DeserializeOwned>(
    visitor: &Visitor,
    (api, page): (&str, &str),
    filter: &[(&str, &str)],
    cursor: &str,
) -> Result<(Vec<T>, Option<String>), Refusal> {
    let mut asked = filter.to_vec();
    asked.extend([("cursor", cursor), ("limit", ROWS)]);
    let found = visitor.client.list::<T>(&with_query(api, &asked)).await?;
    Ok((found.rows, next_page(page, filter, found.next.as_deref())))
}

/// A page of a list that has only an address for its next page.
fn next_page(path: &str, pairs: &[(&str, &str)], cursor: Option<&str>) -> Option<String> {
    let cursor = cursor?;
    let mut pairs = pairs.to_vec();
    pairs.push(("cursor", cursor));
    Some(with_query(path, &pairs))
}

/// Where a form leads back to, if it says that as a page of ours.
fn back(given: &str, otherwise: &str) -> String {
    if given.starts_with('/') { own(given) } else { otherwise.to_owned() }
}

/// A refusal in words that an operator knows.
fn plainly(refusal: Refusal) -> Refusal {
    Refusal { sentence: words::refusal(&refusal.sentence), ..refusal }
}

/// Tells that a form cannot be read.
fn unreadable(error: impl std::fmt::Display) -> Refusal {
    Refusal { status: StatusCode::BAD_REQUEST, sentence: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_into_an_address_stays_what_it_is() {
        assert_eq!(part("a/b c+d?"), "a%2Fb%20c%2Bd%3F");
        assert_eq!(with_query("/orders", &[("status", ""), ("search", "a&b")]), "/orders?search=a%26b");
        assert_eq!(with_query("/orders", &[("status", "")]), "/orders");
    }

    #[test]
    fn a_form_leads_back_to_a_page_of_ours_alone() {
        assert_eq!(back("/inbox?state=STORED", "/inbox"), "/inbox?state=STORED");
        assert_eq!(back("order", "/orders/1"), "/orders/1");
        assert_eq!(back("//elsewhere.example", "/inbox"), "/");
        assert_eq!(back("https://elsewhere.example", "/inbox"), "/inbox");
    }
}
