//! Lists of orders: all of them by filters, and those of one person. Newest first, in pages.

use axum::http::Uri;
use chrono::{DateTime, Utc};
use domain::{Condition, OrderId, OrderStatus, ShopDomain, UserId};
use orders::{
    Order,
    promises::Due,
    record::{self, Filter, Person, Position},
    users,
};
use serde::Deserialize;
use sqlx::PgConnection;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::view::OrderBody;
use crate::{
    caller::Caller,
    extract::{PathPart, QueryPart},
    field,
    page::{self, Moment, Page},
    problem::Problem,
    state::{Api, Asked},
};

/// Who sees the orders of others.
const MAY_SEE_OTHERS: &str = "admin, operator, viewer";

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(of_user))
}

/// A filter this version does not know is refused: ignoring it would show the wrong orders.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// `PENDING`, `CONFIRMED`, `PROCESSING`, `SHIPPED`, `DELIVERED` or `CANCELLED`.
    #[param(
        pattern = "^(PENDING|CONFIRMED|PROCESSING|SHIPPED|DELIVERED|CANCELLED)$",
        example = "PROCESSING"
    )]
    status: Option<String>,
    /// What keeps the order where it stands.
    #[param(
        pattern = "^(ON_HOLD|AWAITING_PAYMENT|BACKORDERED|PARTIALLY_SHIPPED|NEEDS_ATTENTION|AWAITING_ALLOCATION|IGNORED)$",
        example = "NEEDS_ATTENTION"
    )]
    condition: Option<String>,
    /// The shop's permanent domain.
    #[param(max_length = 253, example = "anyx-demo.myshopify.com")]
    shop: Option<String>,
    /// The shop's id of the order.
    #[param(value_type = Option<i64>, minimum = 1, example = 820982911946154508_i64)]
    shopify_order_id: Option<String>,
    /// What somebody has at hand of an order: its number, its name in the shop (with or without `#`), an id of it (ours,
    /// the client's own, the shop's, its workflow's), the customer's e-mail address, a SKU of its lines, or a tracking
    /// number. The whole text has to match; letters' case counts in ids alone.
    #[param(
        min_length = 1,
        max_length = 255,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$",
        example = "#1001"
    )]
    search: Option<String>,
    /// How it stands to its promise, of orders that have not left yet: `LATE`, or `TODAY` for those that are to leave on
    /// the day that it is now at their warehouse.
    #[param(pattern = "^(LATE|TODAY)$", example = "LATE")]
    due: Option<String>,
    /// Orders kept after this moment (RFC 3339; write `+` as `%2B`).
    #[param(value_type = Option<DateTime<Utc>>, example = "2026-11-21T10:00:00Z")]
    created_after: Option<String>,
    /// Orders of a page; 50 if left out.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// Where the page begins: the one of the `Link` header of the page before.
    #[param(max_length = 512)]
    cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PageQuery {
    /// Orders of a page; 50 if left out.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// Where the page begins: the one of the `Link` header of the page before.
    #[param(max_length = 512)]
    cursor: Option<String>,
}

/// List orders
///
/// Newest first. A `Link` header names the next page where there is one; it keeps the filters. Orders that
/// arrive meanwhile neither repeat nor hide another one.
#[utoipa::path(
    get, path = "/api/orders", operation_id = "listOrders", tag = "orders", params(ListQuery),
    responses((status = 200, description = "The orders", body = Vec<OrderBody>,
               headers(("Link" = String, description = "The next page, where there is one")))),
)]
async fn list(
    asked: Asked,
    uri: Uri,
    QueryPart(query): QueryPart<ListQuery>,
) -> Result<Page<OrderBody>, Problem> {
    let filter = query.check()?;
    let mut conn = asked.api.pool.acquire().await?;
    page(&mut conn, &asked.caller, filter, &uri).await
}

/// List the orders of a person
///
/// By the user's id, or by the e-mail address that was given with the order, in any letters, in a shop or
/// here. Newest first, in pages as `GET /api/orders`.
#[utoipa::path(
    get, path = "/api/orders/user/{user}", operation_id = "listOrdersOfUser", tag = "orders",
    params(
        ("user" = String, Path, description = "A user's id or an e-mail address", max_length = 255,
         example = "yash@example.com"),
        PageQuery,
    ),
    responses(
        (status = 200, description = "The orders; none for somebody who is not known", body = Vec<OrderBody>,
         headers(("Link" = String, description = "The next page, where there is one"))),
        (status = 403, description = "A customer asks for somebody else"),
    ),
)]
async fn of_user(
    asked: Asked,
    uri: Uri,
    PathPart(person): PathPart<String>,
    QueryPart(query): QueryPart<PageQuery>,
) -> Result<Page<OrderBody>, Problem> {
    let filter = Filter { person: Some(whose(&person)?), ..query.check()? };
    let mut conn = asked.api.pool.acquire().await?;
    if let Some(subject) = asked.caller.confined_to()
        && !is_oneself(&mut conn, subject, &person).await?
    {
        return Err(Problem::Forbidden(MAY_SEE_OTHERS.into()));
    }
    page(&mut conn, &asked.caller, filter, &uri).await
}

async fn page(
    conn: &mut PgConnection,
    caller: &Caller,
    mut filter: Filter,
    uri: &Uri,
) -> Result<Page<OrderBody>, Problem> {
    let limit = filter.limit;
    // One more, which tells whether there is a next page.
    filter.limit += 1;
    // A customer sees its own alone, whatever it asks for: an e-mail address proves nothing.
    filter.confined_to = caller.confined_to().map(subject).transpose()?;
    let orders = record::list(conn, &filter).await?;
    let place = |order: &Order| (Moment::of(order.created_at), order.order_id.clone());
    Ok(Page::new(orders, limit, uri, place).map(|order| OrderBody::new(order, caller)))
}

impl ListQuery {
    fn check(self) -> Result<Filter, Problem> {
        let page = PageQuery { limit: self.limit, cursor: self.cursor };
        let status = self.status.map(|text| Problem::of_field("status", text.parse::<OrderStatus>()));
        let condition = self.condition.map(|text| Problem::of_field("condition", text.parse::<Condition>()));
        let shop = self.shop.map(|text| Problem::of_field("shop", ShopDomain::parse(&text)));
        let due = self.due.map(|text| Problem::of_field("due", text.parse::<Due>()));
        Ok(Filter {
            status: status.transpose()?,
            condition: condition.transpose()?,
            shop: shop.transpose()?,
            due: due.transpose()?,
            shopify_order_id: self.shopify_order_id.map(|text| whole_number(&text)).transpose()?,
            search: self.search.map(|text| field::text("search", &text)).transpose()?,
            created_after: self.created_after.map(|text| moment(&text)).transpose()?,
            ..page.check()?
        })
    }
}

impl PageQuery {
    fn check(self) -> Result<Filter, Problem> {
        // Whatever is no number is no length either.
        let limit = self.limit.map(|text| text.parse().unwrap_or_default());
        let after = page::after::<(Moment, OrderId)>(self.cursor.as_deref())?;
        let after = after.map(|(created_at, order_id)| Position { created_at: created_at.into(), order_id });
        Ok(Filter { limit: page::limit(limit)?, after, ..Filter::default() })
    }
}

fn whole_number(text: &str) -> Result<i64, Problem> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| {
        Problem::invalid("shopifyOrderId", "the shop's id of an order, a whole number from 1 up")
    })
}

/// PostgreSQL keeps no moments beyond its own range; four digits of a year are within it.
fn moment(text: &str) -> Result<DateTime<Utc>, Problem> {
    let refused = || {
        let allowed = "a time as in 2026-11-21T10:00:00Z (RFC 3339); write a + in it as %2B";
        Problem::invalid("createdAfter", allowed)
    };
    DateTime::parse_from_rfc3339(text).map(|moment| moment.to_utc()).map_err(|_| refused())
}

/// Whose orders are meant: what has an `@` may be an e-mail address and a user's id.
fn whose(person: &str) -> Result<Person, Problem> {
    let user = UserId::parse(person);
    if !person.contains('@') {
        return Problem::of_field("userId", user).map(Person::User);
    }
    let email = field::email("userId", person)?;
    Ok(user.map_or(Person::Email(email), Person::UserOrEmail))
}

/// Whether a customer asks for itself: by its subject, or by the address it is registered with.
async fn is_oneself(conn: &mut PgConnection, subject_: &str, person: &str) -> Result<bool, Problem> {
    if subject_ == person {
        return Ok(true);
    }
    let user = users::find(conn, &subject(subject_)?).await?;
    Ok(user.is_some_and(|user| user.email.to_lowercase() == person.to_lowercase()))
}

fn subject(subject: &str) -> Result<UserId, Problem> {
    UserId::parse(subject).map_err(|_| Problem::Forbidden(MAY_SEE_OTHERS.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_a_user_or_an_e_mail_address_or_may_be_both() {
        assert!(matches!(whose("auth0|5f7c"), Ok(Person::User(_))));
        assert!(matches!(whose("jane@example.com"), Ok(Person::UserOrEmail(_))));
        assert!(matches!(whose("j+a@example.com"), Ok(Person::Email(_))));
        for bad in ["", "a b", "@", "a@", "a\0@b"] {
            assert!(whose(bad).is_err(), "{bad:?}");
        }
    }
}
