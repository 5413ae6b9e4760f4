//! Finding orders by whatever somebody has at hand: each kind of text by an index of its own, of which no more is read
//! than the page takes.

use sqlx::{Postgres, QueryBuilder};

use super::page::{Filter, restrict, restrict_page};

/// Where one kind of text is looked for.
struct Way {
    /// The columns that a found order is known by, up to the condition.
    select: &'static str,
    /// Which of them the page's sequence goes by.
    moment: &'static str,
}

const ORDER: Way =
    Way { select: "SELECT o.created_at, o.order_id FROM orders.orders o WHERE ", moment: "o.created_at" };
const CUSTOMER: Way = Way {
    select: "SELECT o.created_at, o.order_id FROM orders.customers c JOIN orders.orders o USING (order_id) WHERE ",
    moment: "o.created_at",
};
const PARCEL: Way = Way {
    select: "SELECT DISTINCT o.created_at, o.order_id
             FROM orders.parcels p JOIN orders.orders o USING (order_id) WHERE ",
    moment: "o.created_at",
};
/// A line has its order's moment beside the SKU: the newest orders of a SKU are read off the index, however many it has.
const LINE: Way = Way {
    select: "SELECT DISTINCT l.order_created_at, o.order_id
             FROM orders.lines l JOIN orders.orders o USING (order_id) WHERE ",
    moment: "l.order_created_at",
};

/// The ids of the orders of this page that a text names in any way.
pub(super) fn push_found(sql: &mut QueryBuilder<Postgres>, text: &str, filter: &Filter) {
    let mut ways = vec![
        (ORDER, "o.order_id IN (lower(", text.to_owned()),
        (ORDER, "o.order_id IN ((", text.to_owned()),
        (ORDER, "o.client_order_id IN ((", text.to_owned()),
        (ORDER, "o.order_number IN (upper(", text.to_owned()),
        (ORDER, "o.workflow_id IN ((", text.to_owned()),
        (ORDER, "lower(o.name) IN (lower(", text.to_owned()),
        // A shop writes a number sign in front, which people leave away.
        (ORDER, "lower(o.name) IN (lower(", format!("#{text}")),
        (LINE, "lower(l.sku) IN (lower(", text.to_owned()),
        (PARCEL, "upper(p.tracking_number) IN (upper(", text.to_owned()),
    ];
    if text.contains('@') {
        ways.push((CUSTOMER, "lower(c.customer->>'email') IN (lower(", text.to_owned()));
    }
    sql.push("SELECT found.order_id FROM (");
    for (number, (way, condition, value)) in ways.into_iter().enumerate() {
        sql.push(if number == 0 { "(" } else { " UNION (" });
        sql.push(way.select).push(condition).push_bind(value).push("))");
        close(sql, filter, way.moment);
    }
    if let Some(id) = text.parse::<i64>().ok().filter(|id| *id > 0) {
        sql.push(" UNION (").push(ORDER.select).push("o.shopify_order_id = ").push_bind(id);
        close(sql, filter, ORDER.moment);
    }
    sql.push(") AS found");
}

fn close(sql: &mut QueryBuilder<Postgres>, filter: &Filter, moment: &str) {
    restrict(sql, filter);
    restrict_page(sql, filter, moment);
    sql.push(")");
}
